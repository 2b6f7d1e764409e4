package jobs

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"

	"ringback/leads/db"
)

// noteTries is how often a Note that fails is tried, with the pauses of
// backoff, before the job is given up; its worker waits meanwhile (15 s).
const noteTries = 5

// crashed is the error of a Do that panicked.
type crashed struct{ value any }

func (c *crashed) Error() string { return fmt.Sprintf("panic: %v", c.value) }

// perform makes one attempt and records what became of it. ctx ends when the
// Runner has no more time.
func (r *Runner) perform(ctx context.Context, j claimed) {
	recorded := false
	defer func() {
		r.lanes.release(&j, recorded)
		r.Kick()
	}()
	if j.unsure {
		if stands, over := r.confirm(ctx, j); !stands {
			recorded = over
			return
		}
	}
	recorded = r.report(ctx, j, r.attempt(ctx, j))
}

// confirm looks whether a job was cancelled in the same commit that took it in
// hand: then it is not begun, and over when that is written.
func (r *Runner) confirm(ctx context.Context, j claimed) (stands, over bool) {
	err := r.persist(context.WithoutCancel(ctx), "confirm", func(tx *db.Tx) error {
		var cancelled int64
		stands = true
		if err := tx.QueryRow("SELECT cancelled FROM jobs WHERE id = $1", j.ID).Scan(&cancelled); err != nil {
			return fmt.Errorf("jobs: confirm %s: %w", j.Key, err)
		}
		if cancelled == 0 {
			return nil
		}
		stands = false
		return r.end(tx, j, Cancelled, nil)
	})
	return stands && err == nil, err == nil
}

// report records the result, whatever it takes: a database that fails now may
// come back. A Note that keeps failing is given up, and the job with it.
func (r *Runner) report(ctx context.Context, j claimed, res Result) (recorded bool) {
	for try, faults := 1, 0; ; try++ {
		// What was done must be recorded even when there is no more time.
		company := j.work.Patience
		if res.Err != nil || res.Again > 0 || try > 1 || !r.lanes.idle(j.place()) {
			company = 0
		}
		err := r.db.DoInCompany(context.WithoutCancel(ctx), company, func(tx *db.Tx) error { return r.record(tx, j, res) })
		switch {
		case err == nil, errors.Is(err, errRecorded):
			return true
		case errors.Is(err, db.ErrClosed):
			return false
		case !errors.Is(err, db.ErrUnavailable):
			faults++
		}
		if try == 1 || faults > 0 {
			r.log.Error("what became of a job could not be recorded", "job", j.ID, "kind", j.Kind, "try", try, "err", err)
		}
		pause := backoff(try)
		if errors.Is(err, db.ErrUnavailable) {
			pause = patience(try)
		}
		if faults > noteTries {
			return false
		}
		if faults == noteTries {
			res = Result{Err: &lostNote{err}}
		} else if !r.pause(ctx, pause) {
			return false
		}
	}
}

// lostNote is the error of a job that was done and whose Note cannot be
// written.
type lostNote struct{ err error }

func (l *lostNote) Error() string { return "its note could not be written: " + l.err.Error() }
func (l *lostNote) Unwrap() error { return l.err }

// attempt calls Do within its time and turns a panic into an error.
func (r *Runner) attempt(ctx context.Context, j claimed) (res Result) {
	ctx, cancel := context.WithTimeout(ctx, j.work.Timeout)
	defer cancel()
	defer func() {
		if p := recover(); p != nil {
			r.log.Error("a job panicked", "job", j.ID, "kind", j.Kind, "panic", p, "stack", string(debug.Stack()))
			res = Result{Err: &crashed{value: p}}
		}
	}()
	return j.work.Do(ctx, j.Job)
}

// errRecorded is of a result that is on the disk already, by a commit that was
// reported as failed, or that came too late: the job is not in this hand any more.
var errRecorded = errors.New("it was recorded before")

// recordDone is record for what went well. It looks at the job only by writing
// its end, and undoes the note where that is not to be written.
func (r *Runner) recordDone(tx *db.Tx, j claimed, res Result) error {
	if err := writeNote(tx, j, res); err != nil {
		return err
	}
	done, err := tx.Exec("UPDATE jobs SET state = 'done', ended = $1, error = '' WHERE id = $2 AND state = 'held' AND attempt = $3",
		db.Millis(tx.Now()), j.ID, j.Attempt)
	if err != nil {
		return fmt.Errorf("jobs: end %s: %w", j.Key, err)
	}
	switch n, err := done.RowsAffected(); {
	case err != nil:
		return fmt.Errorf("jobs: end %s: %w", j.Key, err)
	case n == 0:
		return errRecorded
	}
	tx.AfterCommit(func() { r.metrics.ended(j.Kind, string(Done)) })
	return nil
}

// record ends the attempt: the note and the job's new state in one transaction.
func (r *Runner) record(tx *db.Tx, j claimed, res Result) error {
	if res.Err == nil && res.Again <= 0 && !res.Doubt {
		return r.recordDone(tx, j, res)
	}
	var cancelled bool
	err := tx.QueryRow("SELECT cancelled > 0, faults FROM jobs WHERE id = $1 AND state = 'held' AND attempt = $2",
		j.ID, j.Attempt).Scan(&cancelled, &j.faults)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil // recorded already, by a commit that was reported as failed
	case err != nil:
		return fmt.Errorf("jobs: job in hand %s: %w", j.Key, err)
	}
	if c := new(crashed); errors.As(res.Err, &c) {
		return r.recordCrash(tx, j, cancelled, res.Err)
	}
	if l := new(lostNote); errors.As(res.Err, &l) {
		j.faults = maxFaults
		return r.fault(tx, j, res.Err)
	}
	if err := writeNote(tx, j, res); err != nil {
		return err
	}
	switch {
	case res.Again > 0 && cancelled:
		return r.end(tx, j, Cancelled, res.Err)
	case res.Again > 0:
		return r.again(tx, j, res)
	case res.Doubt:
		return r.end(tx, j, Doubtful, res.Err)
	}
	return r.end(tx, j, Failed, res.Err)
}

func writeNote(tx *db.Tx, j claimed, res Result) error {
	if res.Note == nil {
		return nil
	}
	if err := res.Note(tx); err != nil {
		return fmt.Errorf("jobs: note of %s: %w", j.Key, err)
	}
	return nil
}

// recordCrash treats a panic as the death of a process in the middle of the
// job: the kind of work says what that means.
func (r *Runner) recordCrash(tx *db.Tx, j claimed, cancelled bool, why error) error {
	switch {
	case j.work.Crash == InDoubt:
		j.doubt = true
		return r.inside(tx, j, Doubtful, j.work.InDoubt)
	case cancelled:
		return r.end(tx, j, Cancelled, why)
	}
	return r.fault(tx, j, why)
}

// again books the next attempt; an expiry that comes before it is kept, so that
// it is noted when it happens.
func (r *Runner) again(tx *db.Tx, j claimed, res Result) error {
	due := db.Millis(tx.Now().Add(res.Again))
	if expires := db.Millis(j.Expires); expires != 0 {
		due = min(due, expires)
	}
	_, err := tx.Exec("UPDATE jobs SET state = 'waiting', due = $1, faults = 0, error = $2 WHERE id = $3", due, text(res.Err), j.ID)
	if err != nil {
		return fmt.Errorf("jobs: put off %s: %w", j.Key, err)
	}
	tx.Notify(topic, queued{at: j.place(), due: due})
	tx.AfterCommit(func() { r.metrics.ended(j.Kind, outcomeAgain) })
	return nil
}
