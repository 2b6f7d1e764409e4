package jobs

import (
	"errors"
	"fmt"

	"ringback/leads/db"
)

// atOnceStep is how many jobs of a lane are done inside the transaction that
// promises them: it ends a chain of jobs that each promise the next.
const atOnceStep = 256

// takes says whether a new job goes into hand in the transaction that promises
// it, where it is due: the transaction that would claim it is spared. It is not
// taken before others that wait, nor when no worker is free.
func (r *Runner) takes(tx *db.Tx, j *Job) bool {
	now := tx.Now()
	if j.Due.After(now) || !j.Expires.IsZero() && !now.Before(j.Expires) {
		return false
	}
	return r.lanes.promise(j.place(), db.Millis(now), tx.Number())
}

// atOnce promises a job and takes it in hand: what is done outside a
// transaction is begun after the commit, what consists of nothing but writing is
// done by the end of the function that promises it.
func (r *Runner) atOnce(tx *db.Tx, j Job) error {
	j.Attempt = 1
	c := claimed{work: r.lanes.works[j.Kind]}
	if c.work.Do == nil {
		tx.Last(func(tx *db.Tx) error {
			c.Job = j
			return r.doAtOnce(tx, c)
		})
		return nil
	}
	added, err := insert(tx, &j, Held)
	if !added {
		return err
	}
	c.Job = j
	tx.AfterCommit(func() { r.metrics.began(j.Kind, 0) })
	r.beginAfter(tx, c)
	return nil
}

// doAtOnce does a job inside the transaction that promises it. Should it fail,
// it waits for another try like any other.
func (r *Runner) doAtOnce(tx *db.Tx, j claimed) error {
	added, err := insert(tx, &j.Job, Done)
	if !added {
		return err
	}
	tx.AfterCommit(func() { r.metrics.began(j.Kind, 0) })
	err = tx.Sub(func(tx *db.Tx) error { return j.work.InTx(tx, j.Job) })
	switch {
	case errors.Is(err, db.ErrUnavailable):
		return err
	case err != nil:
		return r.fault(tx, j, fmt.Errorf("%s: %w", Done, err))
	}
	tx.AfterCommit(func() { r.metrics.ended(j.Kind, string(Done)) })
	return nil
}

// beginAfter has a worker begin the job once that it is held is on the disk.
func (r *Runner) beginAfter(tx *db.Tx, j claimed) {
	number := tx.Number()
	tx.AfterCommit(func() {
		j.unsure = r.lanes.withdrawn(number)
		if r.lanes.engage(&j) {
			r.busy.Go(func() { r.perform(r.life, j) })
		}
	})
}
