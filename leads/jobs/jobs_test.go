package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ringback/leads/db"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func openT(t *testing.T, c db.Config) *db.DB {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "t.db")
	}
	d, err := db.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// run starts a Runner and stops it when the test ends, or when stop is called.
func run(t *testing.T, d *db.DB, works ...Work) (r *Runner, stop func()) {
	t.Helper()
	r, err := NewRunner(d, works, Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var over sync.WaitGroup
	over.Go(func() {
		if err := r.Run(ctx); err != nil {
			t.Errorf("the runner ended with %v", err)
		}
	})
	stop = sync.OnceFunc(func() { cancel(); over.Wait() })
	t.Cleanup(stop)
	return r, stop
}

func enqueue(t *testing.T, d *db.DB, jobs ...Job) {
	t.Helper()
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		for _, j := range jobs {
			if err := Enqueue(tx, j); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// row is what the database says of a job.
type row struct {
	state           State
	attempt, faults int
	due             int64
	error           string
}

func look(t *testing.T, d *db.DB, key string) row {
	t.Helper()
	var r row
	err := d.Reader().QueryRow("SELECT state, attempt, faults, due, error FROM jobs WHERE key = $1", key).
		Scan(&r.state, &r.attempt, &r.faults, &r.due, &r.error)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		t.Fatal(err)
	}
	return r
}

func wantState(t *testing.T, d *db.DB, key string, want State, attempts int) {
	t.Helper()
	if r := look(t, d, key); r.state != want || r.attempt != attempts {
		t.Errorf("job %s is %s after %d attempts (%s), want %s after %d", key, r.state, r.attempt, r.error, want, attempts)
	}
}

// diary is where works write what they did, and when.
type diary struct {
	mu    sync.Mutex
	start time.Time
	lines []string
}

func newDiary() *diary { return &diary{start: time.Now()} }

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf("%v ", time.Since(d.start))+fmt.Sprintf(format, args...))
}

// has tells whether the line is there, at whatever time.
func (d *diary) has(line string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.ContainsFunc(d.lines, func(l string) bool {
		_, l, _ = strings.Cut(l, " ")
		return l == line
	})
}

func (d *diary) len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.lines)
}

func (d *diary) want(t *testing.T, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if got, w := strings.Join(d.lines, "\n"), strings.Join(want, "\n"); got != w {
		t.Errorf("the diary says\n%s\nwant\n%s", got, w)
	}
}

// simple is a work that writes the key into the diary.
func simple(d *diary, kind string) Work {
	return Work{Kind: kind, Do: func(_ context.Context, j Job) Result {
		d.write("%s %d", j.Key, j.Attempt)
		return Result{}
	}}
}

func TestDoneWhenDueAndOnlyOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, simple(says, "w"))
		now := time.Now()
		enqueue(t, d,
			Job{Kind: "w", Key: "late", Due: now.Add(3 * time.Hour)},
			Job{Kind: "w", Key: "now"},
			Job{Kind: "w", Key: "soon", Due: now.Add(time.Minute)},
			Job{Kind: "w", Key: "past", Due: now.Add(-time.Minute)})
		enqueue(t, d, Job{Kind: "w", Key: "soon", Due: now}, Job{Kind: "other", Key: "now"})
		time.Sleep(4 * time.Hour)
		synctest.Wait()
		enqueue(t, d, Job{Kind: "w", Key: "now"})
		time.Sleep(time.Minute)
		synctest.Wait()
		says.want(t, "0s past 1", "0s now 1", "1m0s soon 1", "3h0m0s late 1")
		wantState(t, d, "late", Done, 1)
	})
}

// What closes first goes first, also before what has been due for longer.
func TestByExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		now := time.Now()
		enqueue(t, d,
			Job{Kind: "w", Key: "never", Due: now.Add(-time.Hour)},
			Job{Kind: "w", Key: "last", Due: now.Add(-time.Hour), Expires: now.Add(9 * time.Hour)},
			Job{Kind: "w", Key: "first", Expires: now.Add(time.Hour)},
			Job{Kind: "w", Key: "second", Expires: now.Add(2 * time.Hour)},
			Job{Kind: "w", Key: "not yet", Due: now.Add(3 * time.Minute), Expires: now.Add(30 * time.Minute)})
		run(t, d, Work{Kind: "w", ByExpiry: true, Do: func(_ context.Context, j Job) Result {
			says.write("%s", j.Key)
			time.Sleep(time.Minute)
			return Result{}
		}})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t, "0s first", "1m0s second", "2m0s last", "3m0s not yet", "4m0s never")
	})
}

func TestEarlierWorkWakesTheSleeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, simple(says, "w"))
		enqueue(t, d, Job{Kind: "w", Key: "far", Due: time.Now().Add(72 * time.Hour)})
		time.Sleep(time.Second)
		enqueue(t, d, Job{Kind: "w", Key: "near", Due: time.Now().Add(1500 * time.Millisecond)})
		time.Sleep(10 * 24 * time.Hour)
		synctest.Wait()
		says.want(t, "2.5s near 1", "72h0m0s far 1")
	})
}

func TestARolledBackPromiseIsNone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, simple(says, "w"))
		_ = d.Do(t.Context(), func(tx *db.Tx) error {
			if err := Enqueue(tx, Job{Kind: "w", Key: "never"}); err != nil {
				t.Error(err)
			}
			return errors.New("changed my mind")
		})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t)
	})
}

func TestASlowLaneDelaysNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, Work{Kind: "notify", Workers: 2, Timeout: time.Hour, Do: func(ctx context.Context, j Job) Result {
			if j.Lane == "dead" {
				<-ctx.Done()
			}
			says.write("%s", j.Key)
			return Result{}
		}}, simple(says, "other"))
		for i := range 50 {
			enqueue(t, d, Job{Kind: "notify", Lane: "dead", Key: fmt.Sprintf("dead-%02d", i)})
		}
		enqueue(t, d, Job{Kind: "notify", Lane: "sip", Key: "sip"}, Job{Kind: "other", Key: "other"})
		time.Sleep(time.Second)
		synctest.Wait()
		if !says.has("sip") || !says.has("other 1") || says.len() != 2 {
			t.Errorf("behind a dead lane %d jobs were done, want those of the other lane and kind", says.len())
		}
		held := 0
		for i := range 50 {
			if look(t, d, fmt.Sprintf("dead-%02d", i)).state == Held {
				held++
			}
		}
		if held != 2 {
			t.Errorf("%d jobs are held by 2 workers", held)
		}
		time.Sleep(26 * time.Hour)
		synctest.Wait()
		if says.len() != 52 {
			t.Errorf("%d of 52 jobs were done", says.len())
		}
	})
}

func TestTryingAgainAndExpiry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		busy := errors.New("busy")
		run(t, d, Work{
			Kind: "w",
			Do: func(_ context.Context, j Job) Result {
				says.write("%s %d", j.Key, j.Attempt)
				note := func(tx *db.Tx) error {
					tx.AfterCommit(func() { says.write("note %s %d", j.Key, j.Attempt) })
					return nil
				}
				switch {
				case j.Key == "hopeless":
					return Result{Err: busy, Note: note}
				case j.Attempt < 3:
					return Result{Err: busy, Again: time.Minute, Note: note}
				}
				return Result{Note: note}
			},
			Expired: func(tx *db.Tx, j Job) error { says.write("expired %s %d", j.Key, j.Attempt); return nil },
		})
		now := time.Now()
		enqueue(t, d, Job{Kind: "w", Key: "third"})
		time.Sleep(10 * time.Minute)
		enqueue(t, d, Job{Kind: "w", Key: "short", Expires: now.Add(10*time.Minute + 90*time.Second)},
			Job{Kind: "w", Key: "gone", Expires: now.Add(9 * time.Minute)},
			Job{Kind: "w", Key: "hopeless"})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t, "0s third 1", "0s note third 1", "1m0s third 2", "1m0s note third 2", "2m0s third 3", "2m0s note third 3",
			"10m0s short 1", "10m0s note short 1", "10m0s expired gone 0", "10m0s hopeless 1", "10m0s note hopeless 1",
			"11m0s short 2", "11m0s note short 2", "11m30s expired short 2")
		wantState(t, d, "third", Done, 3)
		wantState(t, d, "short", Expired, 2)
		wantState(t, d, "gone", Expired, 0)
		wantState(t, d, "hopeless", Failed, 1)
		if r := look(t, d, "hopeless"); r.error != "busy" {
			t.Errorf("the error kept is %q", r.error)
		}
	})
}

func TestPending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		pending := func(lane string) (waiting, held int) {
			t.Helper()
			err := d.Do(t.Context(), func(tx *db.Tx) (err error) {
				waiting, held, err = Pending(tx, "w", lane)
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			return waiting, held
		}
		gate := make(chan struct{})
		run(t, d, Work{Kind: "w", Do: func(context.Context, Job) Result { <-gate; return Result{} }})
		enqueue(t, d, Job{Kind: "w", Key: "1", Lane: "a"}, Job{Kind: "w", Key: "2", Lane: "a"},
			Job{Kind: "w", Key: "3", Lane: "b", Due: time.Now().Add(time.Hour)}, Job{Kind: "other", Key: "4", Lane: "a"})
		synctest.Wait()
		if waiting, held := pending("a"); waiting != 1 || held != 1 {
			t.Errorf("in lane a %d wait and %d are in hand, want 1 and 1", waiting, held)
		}
		if waiting, held := pending("b"); waiting != 1 || held != 0 {
			t.Errorf("in lane b %d wait and %d are in hand, want 1 and 0", waiting, held)
		}
		close(gate)
		synctest.Wait()
		if waiting, held := pending("a"); waiting+held != 0 {
			t.Errorf("in lane a %d wait and %d are in hand when all is done", waiting, held)
		}
	})
}
