package jobs

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
)

// world is what has left the house: it outlives every crash.
type world struct {
	mu    sync.Mutex
	sent  map[string]int // by key
	after []string       // keys in the order of their first sending
}

func (w *world) send(key string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.sent[key]++; w.sent[key] == 1 {
		w.after = append(w.after, key)
	}
}

// noted remembers a key in a table, as the timeline does.
func noted(kind string, j Job) func(tx *db.Tx) error {
	return func(tx *db.Tx) error {
		_, err := tx.Exec("INSERT INTO timeline (at, kind, detail) VALUES ($1, $2, $3)", db.Millis(tx.Now()), kind, j.Key)
		return err
	}
}

// story is a small house: an escalation in the transaction, which enqueues one
// message that may be repeated and one that may not. With atOnce, what is due
// when it is promised is not claimed, and results wait for company.
func (w *world) story(atOnce bool) []Work {
	sip, patience := time.Minute, time.Duration(0)
	if atOnce {
		sip, patience = 0, 3*time.Second
	}
	send := func(_ context.Context, j Job) Result {
		time.Sleep(time.Second) // the network
		w.send(j.Key)
		time.Sleep(time.Second)
		return Result{Note: noted("sent", j)}
	}
	return []Work{
		{Kind: "escalate", InTx: func(tx *db.Tx, j Job) error {
			return errors.Join(noted("rung", j)(tx),
				Enqueue(tx, Job{Kind: "webhook", Key: j.Key + "/webhook"}),
				Enqueue(tx, Job{Kind: "sip", Key: j.Key + "/sip", Due: tx.Now().Add(sip)}))
		}, AtOnce: atOnce},
		{Kind: "webhook", Crash: Repeat, Workers: 2, Do: send, AtOnce: atOnce, Patience: patience},
		{Kind: "sip", Crash: InDoubt, AtOnce: atOnce, Do: send, InDoubt: func(tx *db.Tx, j Job) error { return noted("in doubt", j)(tx) }},
	}
}

// life runs the house until it dies, or for an hour. It tells whether it died.
func (w *world) life(t *testing.T, path string, dies db.Boundary, atOnce bool) (died bool) {
	d, err := db.Open(t.Context(), db.Config{Path: path, Hook: func(b db.Boundary) error {
		if b == dies {
			died = true
			return errors.New("killed")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := NewRunner(d, w.story(atOnce), Options{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	// The first lead is promised before the Runner runs, the second while it does.
	promise := func(lead string) error {
		return d.Do(ctx, func(tx *db.Tx) error { return Enqueue(tx, Job{Kind: "escalate", Key: lead}) })
	}
	var second sync.WaitGroup
	if err = promise("lead0"); err == nil {
		second.Go(func() {
			time.Sleep(500 * time.Millisecond)
			if err := promise("lead1"); err != nil && !errors.Is(err, db.ErrClosed) {
				t.Errorf("dying %v: %v", dies, err)
			}
		})
		err = r.Run(ctx)
	}
	second.Wait()
	if err != nil && !errors.Is(err, db.ErrClosed) {
		t.Errorf("dying %v: %v", dies, err)
	}
	return died
}

// TestDeathAtEveryCommit stops the house at each side of each commit, starts it
// again, and asks that everything was done, and nothing doubtful twice.
func TestDeathAtEveryCommit(t *testing.T) {
	// Two escalations, two webhooks and two messages cost a claim each, and the
	// works a record each. What is taken in hand at once is claimed by who
	// promises it, and webhooks are recorded with the next message.
	for atOnce, most := range map[bool]int{false: 2 * 20, true: 2 * 11} {
		deaths, doubtful := 0, 0
		for n := 1; ; n++ {
			before, d1 := liveAndDie(t, db.Boundary{Commit: n}, atOnce)
			after, d2 := liveAndDie(t, db.Boundary{Commit: n, After: true}, atOnce)
			doubtful += d1 + d2
			if !before && !after {
				break
			}
			deaths += 2
		}
		least := 2 * 10
		if atOnce {
			least = 2 * 8
		}
		t.Logf("at once %v: died %d times, %d messages in doubt", atOnce, deaths, doubtful)
		if deaths < least || deaths > most || doubtful == 0 {
			t.Errorf("at once %v: died %d times, with %d messages in doubt: the test does not reach what it should", atOnce, deaths, doubtful)
		}
	}
}

func liveAndDie(t *testing.T, at db.Boundary, atOnce bool) (died bool, doubtful int) {
	path := filepath.Join(t.TempDir(), "t.db")
	w := &world{sent: make(map[string]int)}
	synctest.Test(t, func(t *testing.T) {
		died = w.life(t, path, at, atOnce)
		if died && w.life(t, path, db.Boundary{}, atOnce) {
			t.Error("died again")
		}
		d, err := db.Open(t.Context(), db.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for i := range 2 {
			lead := fmt.Sprint("lead", i)
			doubtful += checkLead(t, d, w, at, lead)
		}
	})
	return died, doubtful
}

func checkLead(t *testing.T, d *db.DB, w *world, at db.Boundary, lead string) (doubtful int) {
	count := func(kind, key string) (n int) {
		if err := d.Reader().QueryRow("SELECT COUNT(*) FROM timeline WHERE kind = $1 AND detail = $2", kind, key).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	wantState(t, d, lead, Done, look(t, d, lead).attempt)
	if n := count("rung", lead); n != 1 {
		t.Errorf("dying %v: rung %s was climbed %d times", at, lead, n)
	}
	if key := lead + "/webhook"; w.sent[key] < 1 || w.sent[key] > 2 || count("sent", key) != 1 || look(t, d, key).state != Done {
		t.Errorf("dying %v: %s left the house %d times and was noted %d times", at, key, w.sent[key], count("sent", key))
	}
	key := lead + "/sip"
	sure, doubt := count("sent", key), count("in doubt", key)
	if w.sent[key] > 1 || sure+doubt != 1 || sure == 1 && w.sent[key] != 1 {
		t.Errorf("dying %v: %s left the house %d times, was noted %d times and doubted %d times", at, key, w.sent[key], sure, doubt)
	}
	if state := look(t, d, key).state; state != Done && state != Doubtful {
		t.Errorf("dying %v: %s is %s", at, key, state)
	}
	return doubt
}

// TestCancelledInMidWorkAndKilled: after the crash it is not begun again, but
// what is doubtful is still written down.
func TestCancelledInMidWorkAndKilled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "t.db")
		w := &world{sent: make(map[string]int)}
		dead := false
		d := openT(t, db.Config{Path: path, Hook: func(db.Boundary) error {
			if dead {
				return errors.New("killed")
			}
			return nil
		}})
		r, err := NewRunner(d, w.story(false), Options{})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error)
		go func() { ended <- r.Run(t.Context()) }()
		enqueue(t, d, Job{Kind: "webhook", Key: "a/webhook"}, Job{Kind: "sip", Key: "a/sip"})
		synctest.Wait()
		cancelKeys(t, d, "a/", 2)
		wantState(t, d, "a/sip", Held, 1)
		dead = true
		if err := d.Health(t.Context()); err != nil {
			t.Error("health needed no commit, and said", err)
		}
		enqueueDead(t, d)
		if err := <-ended; !errors.Is(err, db.ErrClosed) {
			t.Errorf("the runner of a dead database ended with %v", err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		sent := w.sent["a/webhook"] + w.sent["a/sip"]
		w.life(t, path, db.Boundary{}, false)
		again := openT(t, db.Config{Path: path})
		wantState(t, again, "a/webhook", Cancelled, 1)
		wantState(t, again, "a/sip", Doubtful, 1)
		if w.sent["a/webhook"]+w.sent["a/sip"] != sent {
			t.Errorf("after the cancellation and the crash there were sent %v", w.sent)
		}
	})
}

// TestWhatWasInHandComesFirst: whoever was listening when the process died does
// not wait for those who were not called yet.
func TestWhatWasInHandComesFirst(t *testing.T) {
	for _, byExpiry := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.db")
			dead := false
			d := openT(t, db.Config{Path: path, Hook: func(db.Boundary) error {
				if dead {
					return errors.New("killed")
				}
				return nil
			}})
			r, err := NewRunner(d, []Work{{Kind: "webhook", ByExpiry: byExpiry, Timeout: time.Hour, Do: func(ctx context.Context, _ Job) Result {
				<-ctx.Done()
				return Result{}
			}}}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			ended := make(chan error)
			go func() { ended <- r.Run(t.Context()) }()
			for i := range 3 {
				enqueue(t, d, Job{Kind: "webhook", Key: fmt.Sprint(i), Expires: newYear.Add(48 * time.Hour)})
				time.Sleep(time.Second)
			}
			dead = true
			enqueueDead(t, d)
			if err := <-ended; !errors.Is(err, db.ErrClosed) {
				t.Errorf("the runner of a dead database ended with %v", err)
			}
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			says := newDiary()
			_, stop := run(t, openT(t, db.Config{Path: path}), Work{Kind: "webhook", ByExpiry: byExpiry, Do: simple(says, "webhook").Do})
			synctest.Wait()
			stop()
			says.want(t, "0s 0 2", "0s 1 1", "0s 2 1")
		})
	}
}

// newYear is when the clock of a bubble begins.
var newYear = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// enqueueDead writes something, which a database that is to die does not
// survive.
func enqueueDead(t *testing.T, d *db.DB) {
	t.Helper()
	err := d.Do(t.Context(), func(tx *db.Tx) error { return Enqueue(tx, Job{Kind: "webhook", Key: "late"}) })
	if !errors.Is(err, db.ErrClosed) {
		t.Errorf("writing at the death gave %v", err)
	}
}

func cancelKeys(t *testing.T, d *db.DB, prefix string, want int) {
	t.Helper()
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		n, err := CancelKeys(tx, prefix)
		if n != want {
			t.Errorf("%d jobs of %s were cancelled, want %d", n, prefix, want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
