package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
)

func TestWorkInsideTheTransaction(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var commits atomic.Int64
		d, says := openT(t, db.Config{Hook: func(b db.Boundary) error { commits.Store(int64(b.Commit)); return nil }}), newDiary()
		run(t, d, Work{Kind: "rung", InTx: func(tx *db.Tx, j Job) error {
			tx.AfterCommit(func() { says.write("%s %d", j.Key, j.Attempt) })
			if j.Attempt >= 3 {
				return nil
			}
			return Enqueue(tx, Job{Kind: "rung", Key: j.Key + "'", Lead: j.Lead, Due: tx.Now().Add(time.Minute), Expires: tx.Now().Add(3 * time.Minute)})
		}})
		enqueue(t, d, Job{Kind: "rung", Key: "a", Due: time.Now().Add(time.Second), Lead: 7})
		synctest.Wait()
		before := commits.Load()
		time.Sleep(5 * time.Second)
		synctest.Wait()
		if n := commits.Load() - before; n != 1 {
			t.Errorf("a rung cost %d commits, want 1", n)
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		says.want(t, "1s a 1", "1m1s a' 1", "2m1s a'' 1")
	})
}

func TestFaultsOfOurOwnAreTriedAgainAndThenTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		broken := errors.New("broken")
		gaveUp := func(tx *db.Tx, j Job, err error) error {
			tx.AfterCommit(func() { says.write("gave up %s", j.Key) })
			return noted("gave up", j)(tx)
		}
		fail := func(tx *db.Tx, j Job) error {
			tx.AfterCommit(func() { t.Error("what failed was announced") })
			if err := noted("half", j)(tx); err != nil {
				return err
			}
			if j.Key == "panics" {
				panic("oops")
			}
			return broken
		}
		notes := 0
		run(t, d,
			Work{Kind: "inside", InTx: fail, GaveUp: gaveUp},
			Work{Kind: "expires", Do: func(context.Context, Job) Result { return Result{} }, Expired: fail, GaveUp: gaveUp},
			Work{Kind: "panics", GaveUp: gaveUp, Do: func(_ context.Context, j Job) Result {
				switch {
				case j.Key == "sometimes" && j.Attempt%5 == 0:
					return Result{Again: time.Millisecond} // and the count of faults begins anew
				case j.Key == "sometimes" && j.Attempt < 18, j.Attempt < 3, j.Key == "always":
					panic("oops")
				}
				return Result{}
			}},
			Work{Kind: "doubtful", Crash: InDoubt, InDoubt: noted2("in doubt"), Do: func(context.Context, Job) Result { panic("oops") }},
			Work{Kind: "badly doubtful", Crash: InDoubt, InDoubt: fail, GaveUp: gaveUp, Do: func(context.Context, Job) Result { says.write("doubtful"); panic("oops") }},
			Work{Kind: "note", GaveUp: gaveUp, Do: func(_ context.Context, j Job) Result {
				says.write("do %s", j.Key)
				return Result{Note: func(tx *db.Tx) error {
					if notes++; notes > 2 && j.Key == "note" {
						return nil
					}
					return fail(tx, j)
				}}
			}})
		enqueue(t, d, Job{Kind: "inside", Key: "inside"}, Job{Kind: "inside", Key: "panics"},
			Job{Kind: "expires", Key: "expires", Expires: time.Now()},
			Job{Kind: "panics", Key: "twice"}, Job{Kind: "panics", Key: "always"}, Job{Kind: "panics", Key: "sometimes"},
			Job{Kind: "doubtful", Key: "doubtful"}, Job{Kind: "badly doubtful", Key: "badly"},
			Job{Kind: "note", Key: "note"}, Job{Kind: "note", Key: "lost note", Due: time.Now().Add(time.Hour)})
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		wantState(t, d, "inside", Failed, 8)
		wantState(t, d, "panics", Failed, 8)
		wantState(t, d, "expires", Failed, 0)
		wantState(t, d, "twice", Done, 3)
		wantState(t, d, "always", Failed, 8)
		wantState(t, d, "sometimes", Done, 18)
		wantState(t, d, "doubtful", Doubtful, 1)
		wantState(t, d, "badly", Failed, 1)
		wantState(t, d, "note", Done, 1)
		wantState(t, d, "lost note", Failed, 1)
		if r := look(t, d, "inside"); !strings.Contains(r.error, "broken") {
			t.Errorf("the error kept is %q", r.error)
		}
		if r := look(t, d, "lost note"); !strings.Contains(r.error, "note could not be written") {
			t.Errorf("the error kept is %q", r.error)
		}
		halves, told, done := 0, 0, 0
		err := errors.Join(
			d.Reader().QueryRow("SELECT COUNT(*) FROM timeline WHERE kind = 'half'").Scan(&halves),
			d.Reader().QueryRow("SELECT COUNT(*) FROM timeline WHERE kind = 'gave up'").Scan(&told))
		for _, line := range says.lines {
			if strings.Contains(line, "do ") || strings.Contains(line, "doubtful") {
				done++
			}
		}
		if err != nil || halves != 0 || told != 6 || done != 3 {
			t.Errorf("%d halves were kept (want 0), %d given up were told (want 6), done %d times (want 3): %v", halves, told, done, err)
		}
	})
}

func noted2(kind string) func(*db.Tx, Job) error {
	return func(tx *db.Tx, j Job) error { return noted(kind, j)(tx) }
}

func TestCancelling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, Work{Kind: "w", Workers: 10, Do: func(_ context.Context, j Job) Result {
			time.Sleep(time.Minute)
			return Result{Again: time.Minute, Note: func(*db.Tx) error { says.write("%s %d", j.Key, j.Attempt); return nil }}
		}}, simple(says, "other"))
		later := time.Now().Add(time.Hour)
		enqueue(t, d,
			Job{Kind: "w", Key: "lead/1/now", Lead: 1},
			Job{Kind: "w", Key: "lead/1/later", Lead: 1, Due: later}, Job{Kind: "other", Key: "lead/1/other", Lead: 1, Due: later},
			Job{Kind: "other", Key: "lead/10", Lead: 10, Due: later}, Job{Kind: "other", Key: "lead/2", Lead: 2, Due: later},
			Job{Kind: "w", Key: "lead/3/w", Lead: 3, Due: later}, Job{Kind: "other", Key: "lead/3/other", Lead: 3, Due: later})
		synctest.Wait()
		cancelKeys(t, d, "lead/1/", 3)
		cancelKeys(t, d, "lead/1/", 0)
		err := d.Do(t.Context(), func(tx *db.Tx) error {
			n, err := CancelLead(tx, 2, "")
			m, err2 := CancelLead(tx, 3, "w")
			if n != 1 || m != 1 {
				t.Errorf("cancelled %d and %d, want 1 and 1", n, m)
			}
			_, none := CancelLead(tx, 0, "")
			_, all := CancelKeys(tx, "")
			if none == nil || all == nil {
				t.Error("cancelling everything was accepted")
			}
			return errors.Join(err, err2)
		})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Hour)
		synctest.Wait()
		enqueue(t, d, Job{Kind: "other", Key: "lead/2"})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t, "1m0s lead/1/now 1", "1h0m0s lead/10 1", "1h0m0s lead/3/other 1")
		wantState(t, d, "lead/1/now", Cancelled, 1)
		wantState(t, d, "lead/1/later", Cancelled, 0)
	})
}

func TestGracefulStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		_, stop := run(t, d, Work{Kind: "w", Workers: 2, Timeout: time.Hour, Do: func(ctx context.Context, j Job) Result {
			wait := 3 * time.Second
			if j.Key == "long" {
				wait = time.Minute
			}
			select {
			case <-time.After(wait):
				says.write("%s done", j.Key)
				return Result{}
			case <-ctx.Done():
				says.write("%s: %v", j.Key, ctx.Err())
				return Result{Again: time.Millisecond, Err: ctx.Err()}
			}
		}})
		enqueue(t, d, Job{Kind: "w", Key: "short"}, Job{Kind: "w", Key: "long"}, Job{Kind: "w", Key: "next"})
		synctest.Wait()
		stop()
		says.want(t, "3s short done", "5s long: context canceled")
		wantState(t, d, "short", Done, 1)
		wantState(t, d, "long", Waiting, 1)
		wantState(t, d, "next", Waiting, 0)
	})
}

func TestAWorkThatDoesNotReturn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		gate := make(chan struct{})
		r, err := NewRunner(d, []Work{{Kind: "w", Do: func(context.Context, Job) Result { <-gate; return Result{} }}}, Options{})
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, d, Job{Kind: "w", Key: "deaf"})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- r.Run(ctx) }()
		synctest.Wait()
		cancel()
		if err := <-ended; err == nil || !strings.Contains(err.Error(), "1 works did not return") {
			t.Errorf("the runner ended with %v", err)
		}
		wantState(t, d, "deaf", Held, 1)
		close(gate)
		synctest.Wait()
	})
}

func TestOldJobsArePruned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		run(t, d, simple(says, "w"))
		const many = 3*pruneStep/2 + 1
		jobs := []Job{{Kind: "w", Key: "waits", Due: time.Now().Add(100 * 24 * time.Hour)}}
		for i := range many {
			jobs = append(jobs, Job{Kind: "w", Lane: fmt.Sprint(i % 10), Key: fmt.Sprint("old", i)})
		}
		enqueue(t, d, jobs...)
		time.Sleep(29 * 24 * time.Hour)
		synctest.Wait()
		if n := count(t, d); n != many+1 {
			t.Errorf("after 29 days %d jobs are left, want all %d", n, many+1)
		}
		time.Sleep(24*time.Hour + 3*pruneEvery/2)
		synctest.Wait()
		if n := count(t, d); n != 2 {
			t.Errorf("after 30 days and a pruning %d jobs are left, want the one that waits and the newest", n)
		}
		enqueue(t, d, Job{Kind: "w", Key: "new"})
		var id int
		if err := d.Reader().QueryRow("SELECT MAX(id) FROM jobs").Scan(&id); err != nil || id != many+2 {
			t.Errorf("the next job is number %d (%v), want %d: one that nobody had", id, err, many+2)
		}
	})
}

func count(t *testing.T, d *db.DB) (n int) {
	t.Helper()
	if err := d.Reader().QueryRow("SELECT COUNT(*) FROM jobs").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestCommitsOfUnknownOutcome: a commit was reported as failed and is on the
// disk all the same. Of an Enqueue, then nobody was woken; of a claim, the job
// is held by nobody; of a record, it is not the worker's any more.
func TestCommitsOfUnknownOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		gate := make(chan struct{})
		r, _ := run(t, d,
			Work{Kind: "w", Workers: 3, Do: func(_ context.Context, j Job) Result {
				says.write("%s %d", j.Key, j.Attempt)
				if strings.HasPrefix(j.Key, "in hand") {
					<-gate
				}
				return Result{Note: noted("note", j)}
			}},
			Work{Kind: "fails once", InTx: func(tx *db.Tx, j Job) error {
				if says.has("failing") {
					return nil
				}
				says.write("failing")
				// A foreign key that is checked by the commit: the commit fails.
				_, err := tx.Exec("PRAGMA defer_foreign_keys = 1")
				_, err2 := tx.Exec("INSERT INTO numbers (number, contact) VALUES ('+1', 4711)")
				return errors.Join(err, err2)
			}})
		enqueue(t, d, Job{Kind: "w", Key: "in hand"}, Job{Kind: "w", Key: "in hand, done"}, Job{Kind: "w", Key: "in hand, taken up"})
		synctest.Wait()
		behindItsBack(t, d,
			`INSERT INTO jobs (kind, lane, key, lead, payload, made, due, expires, state) VALUES ('w', 'a', 'unannounced', 0, '', 0, 1, 0, 'waiting')`,
			`INSERT INTO jobs (kind, lane, key, lead, payload, made, due, expires, state, attempt) VALUES ('w', 'b', 'orphan', 0, '', 0, 1, 0, 'held', 1)`)
		time.Sleep(time.Minute)
		enqueue(t, d, Job{Kind: "fails once", Key: "fails once"})
		time.Sleep(time.Minute)
		synctest.Wait()
		wantState(t, d, "fails once", Done, 1)
		wantState(t, d, "unannounced", Done, 1)
		wantState(t, d, "orphan", Done, 2)
		behindItsBack(t, d,
			"UPDATE jobs SET state = 'done' WHERE key = 'in hand, done'",
			"UPDATE jobs SET attempt = 2 WHERE key = 'in hand, taken up'")
		close(gate)
		synctest.Wait()
		wantState(t, d, "in hand", Done, 1)
		wantState(t, d, "in hand, taken up", Held, 2)
		var notes string
		if err := d.Reader().QueryRow("SELECT GROUP_CONCAT(detail, '; ') FROM timeline WHERE detail LIKE 'in hand%'").Scan(&notes); err != nil || notes != "in hand" {
			t.Errorf("noted: %q, %v", notes, err)
		}
		if len(r.lanes.hands) != 0 {
			t.Errorf("in hand are still %v", r.lanes.hands)
		}
	})
}

func behindItsBack(t *testing.T, d *db.DB, changes ...string) {
	t.Helper()
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		for _, change := range changes {
			if _, err := tx.Exec(change); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestWhatCouldNotBeRecordedStaysInHand: it may have been done, and must not be
// taken for a job that was never begun.
func TestWhatCouldNotBeRecordedStaysInHand(t *testing.T) {
	s := newLanes([]*Work{{Kind: "w", Workers: 1}})
	a, b := &claimed{Job: Job{ID: 1, Kind: "w"}}, &claimed{Job: Job{ID: 2, Kind: "w"}}
	for _, j := range []*claimed{a, b} {
		s.engage(j)
	}
	s.release(a, true)
	s.release(b, false)
	if s.inHand(a.ID) || !s.inHand(b.ID) || len(s.of) != 0 {
		t.Errorf("in hand: %v, lanes %v", s.hands, s.of)
	}
}

// TestTheClockIsLookedAt asks that the Runner looks at it often enough, however
// far away the next due time is.
func TestTheClockIsLookedAt(t *testing.T) {
	s := newLanes([]*Work{{Kind: "w", Workers: 1}})
	now := time.Now()
	s.sooner(place{"w", ""}, db.Millis(now.Add(24*time.Hour)))
	if d := s.sleep(now, recheck); d > recheck || d < recheck-time.Millisecond {
		t.Errorf("it sleeps %v", d)
	}
	if len(s.ready(now)) != 0 || len(s.ready(now.Add(24*time.Hour))) != 1 {
		t.Error("a lane is ready too early, or too late")
	}
	s.sooner(place{"w", ""}, db.Millis(now.Add(20*time.Millisecond)))
	if d := s.sleep(now, recheck); d > 20*time.Millisecond || d < 18*time.Millisecond {
		t.Errorf("20 ms before something is due it sleeps %v", d)
	}
}

func TestUnknownKindsAreLeftAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		enqueue(t, d, Job{Kind: "of another version", Key: "before"})
		run(t, d, simple(says, "w"))
		enqueue(t, d, Job{Kind: "of another version", Key: "after"}, Job{Kind: "w", Key: "known"})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t, "0s known 1")
		wantState(t, d, "before", Waiting, 0)
		wantState(t, d, "after", Waiting, 0)
	})
}

func TestWorksAreChecked(t *testing.T) {
	do, in := func(context.Context, Job) Result { return Result{} }, func(*db.Tx, Job) error { return nil }
	for name, works := range map[string][]Work{
		"no kind":            {{Do: do}},
		"neither":            {{Kind: "w"}},
		"both":               {{Kind: "w", Do: do, InTx: in}},
		"no answer to doubt": {{Kind: "w", Do: do, Crash: InDoubt}},
		"doubt inside":       {{Kind: "w", InTx: in, Crash: InDoubt, InDoubt: in}},
		"twice":              {{Kind: "w", Do: do}, {Kind: "w", InTx: in}},
	} {
		if _, err := NewRunner(nil, works, Options{}); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestMetrics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		reg := prometheus.NewRegistry()
		r, err := NewRunner(d, []Work{simple(says, "w"), simple(says, "idle")}, Options{Metrics: reg})
		if err != nil {
			t.Fatal(err)
		}
		enqueue(t, d, Job{Kind: "w", Key: "a"}, Job{Kind: "w", Key: "b"}, Job{Kind: "w", Key: "later", Due: time.Now().Add(time.Hour)})
		wantMetric(t, reg, map[string]float64{"ringback_jobs_due/w": 2, "ringback_jobs_due/idle": 0, "ringback_jobs_done_total/w/done": 0, "ringback_jobs_done_total/idle/in_doubt": 0})
		time.Sleep(5 * time.Second)
		ctx, cancel := context.WithCancel(t.Context())
		var over sync.WaitGroup
		over.Go(func() { _ = r.Run(ctx) })
		synctest.Wait()
		wantMetric(t, reg, map[string]float64{"ringback_jobs_due/w": 0, "ringback_jobs_done_total/w/done": 2, "ringback_jobs_late_seconds/w": 10})
		cancel()
		over.Wait()
	})
}

func wantMetric(t *testing.T, reg *prometheus.Registry, want map[string]float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetGauge().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	for name, w := range want {
		if v, ok := got[name]; !ok || v != w {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, w)
		}
	}
}

// TestTenThousandJobs: each is done exactly once, over several lanes and kinds.
func TestTenThousandJobs(t *testing.T) {
	d := openT(t, db.Config{})
	const many = 10_000
	var mu sync.Mutex
	done, all := make(map[string]int), make(chan struct{})
	finish := func(key string) {
		mu.Lock()
		defer mu.Unlock()
		if done[key]++; len(done) == many {
			close(all)
		}
	}
	r, stop := run(t, d,
		Work{Kind: "out", Workers: 8, Do: func(_ context.Context, j Job) Result {
			return Result{Note: func(tx *db.Tx) error { tx.AfterCommit(func() { finish(j.Key) }); return nil }}
		}},
		Work{Kind: "in", InTx: func(tx *db.Tx, j Job) error { tx.AfterCommit(func() { finish(j.Key) }); return nil }})
	jobs := make([]Job, many)
	for i := range jobs {
		kind := "in"
		if i%10 < 2 {
			kind = "out"
		}
		jobs[i] = Job{Kind: kind, Lane: fmt.Sprint(i % 4), Key: fmt.Sprint(i)}
	}
	start := time.Now()
	enqueue(t, d, jobs...)
	<-all
	t.Logf("%d jobs in %v", many, time.Since(start))
	stop()
	if len(r.lanes.of) != 0 || len(r.lanes.hands) != 0 {
		t.Errorf("when nothing is left it remembers %v and %v", r.lanes.of, r.lanes.hands)
	}
	for key, n := range done {
		if n != 1 {
			t.Errorf("%s was done %d times", key, n)
		}
	}
}
