package jobs

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
)

// Jobs of kinds that nobody does any more go to whoever cares for such kinds;
// others wait for a program that knows them.
func TestStrays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		enqueue(t, d, Job{Kind: "notify:old", Lane: "old", Key: "waits"}, Job{Kind: "notify:old", Lane: "old", Key: "later", Due: time.Now().Add(time.Hour)},
			Job{Kind: "notify:old", Lane: "old", Key: "gone", Expires: time.Now()}, Job{Kind: "notify:old", Lane: "old", Key: "held"},
			Job{Kind: "notify:new", Lane: "new", Key: "done"}, Job{Kind: "notify", Key: "stays"}, Job{Kind: "other:old", Key: "stays too"})
		err := d.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE jobs SET state = 'held', attempt = 1 WHERE key = 'held'")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		tell := func(what string) func(*db.Tx, Job) error {
			return func(tx *db.Tx, j Job) error {
				tx.AfterCommit(func() { says.write("%s %s of %s", what, j.Key, j.Lane) })
				return nil
			}
		}
		works := []Work{
			{Kind: "notify:*", InTx: tell("strayed"), InDoubt: tell("in doubt"), Expired: tell("expired")},
			{Kind: "notify:new", Do: func(_ context.Context, j Job) Result { says.write("did %s", j.Key); return Result{} }},
		}
		_, stop := run(t, d, works...)
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		slices.Sort(says.lines)
		says.want(t, "0s did done", "0s expired gone of old", "0s in doubt held of old", "0s strayed later of old", "0s strayed waits of old")
		wantState(t, d, "waits", Failed, 1)
		wantState(t, d, "later", Failed, 1)
		wantState(t, d, "gone", Expired, 0)
		wantState(t, d, "held", Doubtful, 1)
		wantState(t, d, "stays", Waiting, 0)
		wantState(t, d, "stays too", Waiting, 0)
		if r := look(t, d, "waits"); r.error == "" {
			t.Error("the row does not say why the job failed")
		}
		stop()
		run(t, d, works...)
		time.Sleep(time.Hour)
		synctest.Wait()
		if says.len() != 5 {
			t.Errorf("after a restart there is more: %q", says.lines)
		}
	})
}

func TestAWorkForStraysMustBeWhole(t *testing.T) {
	d := openT(t, db.Config{})
	end := func(*db.Tx, Job) error { return nil }
	for _, w := range []Work{
		{Kind: "*", InTx: end, InDoubt: end},
		{Kind: "notify:*", InTx: end},
		{Kind: "notify:*", InDoubt: end, Do: func(context.Context, Job) Result { return Result{} }},
	} {
		if _, err := NewRunner(d, []Work{w}, Options{}); err == nil {
			t.Errorf("%+v was taken", w)
		}
	}
}

// What an answer left open is in doubt, and its Note says what follows.
func TestAnAttemptInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		silence := errors.New("no answer")
		run(t, d, Work{Kind: "w", Crash: InDoubt, InDoubt: noted2("not this"), Do: func(_ context.Context, j Job) Result {
			says.write("did %s", j.Key)
			return Result{Err: silence, Doubt: true, Note: func(tx *db.Tx) error {
				return Enqueue(tx, Job{Kind: "follows", Key: j.Key + ":again"})
			}}
		}})
		enqueue(t, d, Job{Kind: "w", Lane: "sip", Key: "a"}, Job{Kind: "w", Key: "b", Due: time.Now().Add(time.Hour)})
		synctest.Wait()
		says.want(t, "0s did a")
		wantState(t, d, "a", Doubtful, 1)
		if r := look(t, d, "a"); r.error != "no answer" {
			t.Errorf("the error kept is %q", r.error)
		}
		var list []Standing
		err := d.Do(t.Context(), func(tx *db.Tx) (err error) {
			list, err = Look(tx, "a")
			return err
		})
		want := []Standing{{ID: 1, Key: "a", Lane: "sip", State: Doubtful}, {ID: 3, Key: "a:again", State: Waiting}}
		if err != nil || !slices.Equal(list, want) {
			t.Errorf("looking at them shows %v (%v), want %v", list, err, want)
		}
	})
}

// The pause counts from the transaction that books it.
func TestThePauseBeginsWhenTheAttemptIsRecorded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, says := openT(t, db.Config{}), newDiary()
		refused := false
		run(t, d, Work{Kind: "w", Do: func(_ context.Context, j Job) Result {
			says.write("did %d", j.Attempt)
			if j.Attempt > 1 {
				return Result{}
			}
			return Result{Again: time.Minute, Note: func(*db.Tx) error {
				if refused {
					return nil
				}
				refused = true
				return errors.New("the disk is full")
			}}
		}})
		enqueue(t, d, Job{Kind: "w", Key: "a"})
		time.Sleep(time.Hour)
		synctest.Wait()
		says.want(t, "0s did 1", "1m1s did 2")
	})
}
