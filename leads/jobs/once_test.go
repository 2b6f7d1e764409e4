package jobs

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
)

// lasting is work that takes a second outside any transaction.
func lasting(d *diary, kind string) Work {
	return Work{Kind: kind, AtOnce: true, Do: func(_ context.Context, j Job) Result {
		d.write("%s begun", j.Key)
		time.Sleep(time.Second)
		d.write("%s over", j.Key)
		return Result{}
	}}
}

// What is due when it is promised is done without a transaction that claims it.
func TestAtOnceSparesTheClaim(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		commits := 0
		d := openT(t, db.Config{Hook: func(b db.Boundary) error { commits = b.Commit; return nil }})
		says := newDiary()
		run(t, d, lasting(says, "send"), Work{Kind: "rung", AtOnce: true, InTx: func(tx *db.Tx, j Job) error {
			says.write("%s in its transaction, %d", j.Key, j.Attempt)
			return Enqueue(tx, Job{Kind: "send", Key: j.Key + "/send"})
		}})
		synctest.Wait()
		before := commits
		enqueue(t, d, Job{Kind: "rung", Key: "a"}, Job{Kind: "rung", Key: "a"}, Job{Kind: "rung", Key: "later", Due: time.Now().Add(time.Hour)})
		if commits != before+1 {
			t.Errorf("%d commits, want one", commits-before)
		}
		wantState(t, d, "a", Done, 1)
		wantState(t, d, "a/send", Held, 1)
		wantState(t, d, "later", Waiting, 0)
		time.Sleep(2 * time.Second)
		wantState(t, d, "a/send", Done, 1)
		enqueue(t, d, Job{Kind: "rung", Key: "a"}, Job{Kind: "send", Key: "a/send"})
		synctest.Wait()
		says.want(t, "0s a in its transaction, 1", "0s a/send begun", "1s a/send over")
		if commits != before+3 {
			t.Errorf("%d commits, want three: two of promises and a result", commits-before)
		}
	})
}

// There are never more in hand than there are workers, however many promise at
// once, and whoever waits is not passed over.
func TestAtOnceTakesNoMoreThanThereAreWorkers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		var now, most atomic.Int32
		says := newDiary()
		run(t, d, Work{Kind: "send", AtOnce: true, Workers: 2, Do: func(_ context.Context, j Job) Result {
			most.Store(max(most.Load(), now.Add(1)))
			says.write("%s", j.Key)
			time.Sleep(time.Second)
			now.Add(-1)
			return Result{}
		}})
		synctest.Wait()
		var parts []func(*db.Tx) error
		for i := range 5 {
			parts = append(parts, func(tx *db.Tx) error { return Enqueue(tx, Job{Kind: "send", Key: fmt.Sprint(i)}) })
		}
		d.DoAll(t.Context(), parts)
		time.Sleep(500 * time.Millisecond)
		enqueue(t, d, Job{Kind: "send", Key: "5"})
		time.Sleep(time.Minute)
		if most.Load() != 2 || says.len() != 6 {
			t.Errorf("%d at a time, %d done, want 2 and 6", most.Load(), says.len())
		}
		for i := range 6 {
			wantState(t, d, fmt.Sprint(i), Done, 1)
		}
	})
}

// Who shares the commit of a promise may withdraw it: then it is not begun. A
// withdrawal that came to nothing changes nothing.
func TestAtOnceAndCancelledInTheSameCommit(t *testing.T) {
	for _, fails := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := openT(t, db.Config{})
			says := newDiary()
			run(t, d, lasting(says, "send"))
			synctest.Wait()
			errs := d.DoAll(t.Context(), []func(*db.Tx) error{
				func(tx *db.Tx) error { return Enqueue(tx, Job{Kind: "send", Key: "a"}) },
				func(tx *db.Tx) error {
					n, err := CancelKeys(tx, "a")
					if n != 1 || fails {
						return fmt.Errorf("withdrew %d, %w", n, errors.Join(errors.New("refused"), err))
					}
					return err
				},
			})
			if errs[0] != nil || (errs[1] != nil) != fails {
				t.Errorf("errors are %v", errs)
			}
			time.Sleep(time.Minute)
			if fails {
				says.want(t, "0s a begun", "1s a over")
				wantState(t, d, "a", Done, 1)
			} else {
				says.want(t)
				wantState(t, d, "a", Cancelled, 1)
			}
		})
	}
}

// A promise that is rolled back was none, and the worker it would have had is
// free.
func TestAtOnceRolledBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		says := newDiary()
		run(t, d, lasting(says, "send"))
		synctest.Wait()
		for i := range 3 {
			_ = d.Do(t.Context(), func(tx *db.Tx) error {
				return errors.Join(Enqueue(tx, Job{Kind: "send", Key: fmt.Sprint("refused", i)}), errors.New("refused"))
			})
		}
		d.DoAll(t.Context(), []func(*db.Tx) error{
			func(tx *db.Tx) error {
				return errors.Join(Enqueue(tx, Job{Kind: "send", Key: "b"}), errors.New("refused"))
			},
			func(tx *db.Tx) error { return Enqueue(tx, Job{Kind: "send", Key: "a"}) },
		})
		time.Sleep(time.Minute)
		says.want(t, "0s a begun", "1s a over")
	})
}

// What fails inside the transaction of its promise leaves the promise standing,
// and is tried again.
func TestAtOnceThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		tries := 0
		run(t, d, Work{Kind: "rung", AtOnce: true, InTx: func(tx *db.Tx, j Job) error {
			if err := noted("half", j)(tx); err != nil {
				return err
			}
			if j.Attempt == 1 {
				return errors.New("not yet")
			}
			tries = j.Attempt
			return nil
		}})
		synctest.Wait()
		if err := d.Do(t.Context(), func(tx *db.Tx) error {
			return errors.Join(noted("promised", Job{Key: "a"})(tx), Enqueue(tx, Job{Kind: "rung", Key: "a"}))
		}); err != nil {
			t.Fatal(err)
		}
		if r := look(t, d, "a"); r.state != Waiting || r.faults != 1 {
			t.Errorf("after the failure it is %+v", r)
		}
		var ended int64
		if err := d.Reader().QueryRow("SELECT ended FROM jobs WHERE key = 'a'").Scan(&ended); err != nil || ended != 0 {
			t.Errorf("what waits has ended at %d, %v", ended, err)
		}
		time.Sleep(time.Minute)
		wantState(t, d, "a", Done, 2)
		var promised, half int
		if err := d.Reader().QueryRow("SELECT SUM(kind = 'promised'), SUM(kind = 'half') FROM timeline").Scan(&promised, &half); err != nil {
			t.Fatal(err)
		}
		if promised != 1 || half != 1 || tries != 2 {
			t.Errorf("promised %d times, written %d times, done at attempt %d", promised, half, tries)
		}
	})
}

// A result waits for company, at most as long as the work is patient; a failure
// does not, nor does anything where others wait for the worker.
func TestResultsWaitForCompany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, db.Config{})
		says := newDiary()
		patient := lasting(says, "send")
		patient.Patience, patient.Workers = 10*time.Second, 2
		do := patient.Do
		patient.Do = func(ctx context.Context, j Job) Result {
			res := do(ctx, j)
			if j.Key == "fails" {
				res.Err = errors.New("refused")
			}
			return res
		}
		run(t, d, patient)
		synctest.Wait()
		at := func(after time.Duration, key string, want State) {
			time.Sleep(after)
			synctest.Wait()
			wantState(t, d, key, want, 1)
		}
		enqueue(t, d, Job{Kind: "send", Key: "alone"})
		at(2*time.Second, "alone", Held)
		at(10*time.Second, "alone", Done)
		enqueue(t, d, Job{Kind: "send", Key: "meets"})
		at(2*time.Second, "meets", Held)
		enqueue(t, d, Job{Kind: "other", Key: "company"})
		at(0, "meets", Done)
		enqueue(t, d, Job{Kind: "send", Key: "fails"})
		at(2*time.Second, "fails", Failed)
		enqueue(t, d, Job{Kind: "send", Key: "1"}, Job{Kind: "send", Key: "2"})
		at(2*time.Second, "2", Done)
	})
}
