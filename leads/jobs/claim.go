package jobs

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ringback/leads/db"
)

const (
	// inTxStep is how many jobs of a lane are done inside one transaction: it
	// bounds how long a fact waits behind them.
	inTxStep = 16
	// mostDue is how many jobs of a lane one claim takes at most. It stands in
	// the statement's text: SQLite plans a statement anew each time when its
	// limit is a parameter.
	mostDue = "16"
	// maxFaults is how often in a row our own side may fail before a job is
	// given up: with the pauses of backoff, after about four minutes.
	maxFaults = 8
)

// claimed is a job with what the Runner keeps of it.
type claimed struct {
	Job
	work   *Work
	faults int
	doubt  bool
	unsure bool // it may have been cancelled by the transaction that took it in hand
}

// adopt settles what a dead process left in hand, and learns what waits. It
// comes before any claim, so whatever is held now is held by nobody. It is due
// since it was due before, and so comes before what has waited behind it.
func (r *Runner) adopt(tx *db.Tx) error {
	now := db.Millis(tx.Now())
	for _, w := range r.works {
		doubt := 0
		if w.Crash == InDoubt {
			doubt = 1
		}
		for _, change := range []string{
			"UPDATE jobs SET state = 'cancelled', ended = $1 WHERE state = 'held' AND kind = $2 AND cancelled > 0 AND $3 = 0",
			"UPDATE jobs SET state = 'waiting', doubt = $3 WHERE state = 'held' AND kind = $2",
		} {
			if _, err := tx.Exec(change, now, w.Kind, doubt); err != nil {
				return fmt.Errorf("jobs: settle %s: %w", w.Kind, err)
			}
		}
		if w.strays() == "" {
			continue
		}
		if err := r.gather(tx, w); err != nil {
			return err
		}
	}
	return r.learn(tx)
}

// lookAgain puts the Runner's memory right after a commit of unknown outcome.
// A claim that is on the disk although it was reported as failed has left jobs
// held by nobody; they were never begun, and simply wait again.
func (r *Runner) lookAgain(tx *db.Tx) error {
	rows, err := tx.Query("SELECT id FROM jobs WHERE state = 'held'")
	if err != nil {
		return fmt.Errorf("jobs: what is in hand: %w", err)
	}
	defer rows.Close()
	var orphans []int64
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			return fmt.Errorf("jobs: what is in hand: %w", err)
		}
		if !r.lanes.inHand(id) {
			orphans = append(orphans, id)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("jobs: what is in hand: %w", err)
	}
	for _, id := range orphans {
		if _, err := tx.Exec("UPDATE jobs SET state = 'waiting' WHERE id = $1", id); err != nil {
			return fmt.Errorf("jobs: take up %d again: %w", id, err)
		}
	}
	return r.learn(tx)
}

// learn reads when something is due in each lane.
func (r *Runner) learn(tx *db.Tx) error {
	rows, err := tx.Query("SELECT kind, lane, MIN(due), COUNT(*) FROM jobs WHERE state = 'waiting' GROUP BY kind, lane")
	if err != nil {
		return fmt.Errorf("jobs: what waits: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var at place
		var due int64
		var n int
		if err := rows.Scan(&at.kind, &at.lane, &due, &n); err != nil {
			return fmt.Errorf("jobs: what waits: %w", err)
		}
		if r.lanes.works[at.kind] == nil {
			r.log.Warn("jobs of a kind that this program does not know stay where they are", "kind", at.kind, "jobs", n)
			continue
		}
		tx.AfterCommit(func() { r.lanes.settle(at, due) })
	}
	return rows.Err()
}

// claim takes what is due in these lanes, in one transaction: work inside the
// transaction is done there, other jobs are marked as held with their next
// attempt booked, and begun when that is on the disk.
func (r *Runner) claim(ctx context.Context, ready []lane) error {
	return r.persist(ctx, "claim", func(tx *db.Tx) error {
		for _, l := range ready {
			if err := r.claimLane(tx, l); err != nil {
				return err
			}
		}
		// Works inside the transaction may have enqueued into any of these
		// lanes: what is due next is read when all of them are done.
		for _, l := range ready {
			next, err := nextDue(tx, l.at)
			if err != nil {
				return err
			}
			tx.AfterCommit(func() { r.lanes.settle(l.at, next) })
		}
		return nil
	})
}

func (j *Job) place() place { return place{j.Kind, j.Lane} }

// claimLane goes through what is due in a lane, and holds what workers are to
// have in hand.
func (r *Runner) claimLane(tx *db.Tx, l lane) error {
	limit := inTxStep
	if l.work.Do != nil { // whose workers may have been taken since it was found ready
		limit = r.lanes.room(l.at, tx.Number())
	}
	due, err := dueJobs(tx, l, limit)
	if err != nil {
		return err
	}
	for _, j := range due {
		late := tx.Now().Sub(j.Due)
		tx.AfterCommit(func() { r.metrics.began(j.Kind, late) })
		expired := !j.Expires.IsZero() && !tx.Now().Before(j.Expires)
		switch {
		case j.doubt:
			err = r.inside(tx, j, Doubtful, l.work.InDoubt)
		case expired:
			err = r.inside(tx, j, Expired, l.work.Expired)
		case l.work.InTx != nil:
			j.Attempt++
			to := Done
			if l.work.strays() != "" {
				to = Failed
			}
			err = r.inside(tx, j, to, l.work.InTx)
		default:
			j.Attempt++
			err = r.hold(tx, j)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const (
	dueQuery = `SELECT id, key, lead, payload, due, expires, attempt, faults, doubt FROM jobs
		WHERE state = 'waiting' AND kind = $1 AND lane = $2 AND due <= $3 `
	byDue    = dueQuery + "ORDER BY due, id LIMIT " + mostDue
	byExpiry = dueQuery + "ORDER BY expires = 0, expires, due, id LIMIT " + mostDue
)

// dueJobs reads what is due in the lane, in the order in which it is taken.
func dueJobs(tx *db.Tx, l lane, limit int) ([]claimed, error) {
	query := byDue
	if l.work.ByExpiry {
		query = byExpiry
	}
	rows, err := tx.Query(query, l.at.kind, l.at.lane, db.Millis(tx.Now()))
	if err != nil {
		return nil, fmt.Errorf("jobs: what is due: %w", err)
	}
	defer rows.Close()
	var list []claimed
	for len(list) < limit && rows.Next() {
		j := claimed{Job: Job{Kind: l.at.kind, Lane: l.at.lane}, work: l.work}
		var due, expires int64
		if err := rows.Scan(&j.ID, &j.Key, &j.Lead, &j.Payload, &due, &expires, &j.Attempt, &j.faults, &j.doubt); err != nil {
			return nil, fmt.Errorf("jobs: what is due: %w", err)
		}
		j.Due, j.Expires = db.Time(due), db.Time(expires)
		list = append(list, j)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("jobs: what is due: %w", err)
	}
	return list, nil
}

func nextDue(tx *db.Tx, at place) (int64, error) {
	var due *int64
	err := tx.QueryRow("SELECT MIN(due) FROM jobs WHERE state = 'waiting' AND kind = $1 AND lane = $2", at.kind, at.lane).Scan(&due)
	switch {
	case err != nil:
		return 0, fmt.Errorf("jobs: what is due next: %w", err)
	case due == nil:
		return never, nil
	}
	return *due, nil
}

// hold marks the job as in hand, and has a worker begin it. A process that dies
// with it leaves it due as it is: the next attempt is booked.
func (r *Runner) hold(tx *db.Tx, j claimed) error {
	_, err := tx.Exec("UPDATE jobs SET state = 'held', attempt = $1 WHERE id = $2", j.Attempt, j.ID)
	if err != nil {
		return fmt.Errorf("jobs: claim %s: %w", j.Key, err)
	}
	r.lanes.take(j.place(), tx.Number())
	r.beginAfter(tx, j)
	return nil
}

// inside ends the job in this transaction with what fn writes, or, when fn
// fails, books another try.
func (r *Runner) inside(tx *db.Tx, j claimed, to State, fn func(*db.Tx, Job) error) error {
	if fn != nil {
		err := tx.Sub(func(tx *db.Tx) error { return fn(tx, j.Job) })
		switch {
		case errors.Is(err, db.ErrUnavailable):
			return err
		case err != nil:
			return r.fault(tx, j, fmt.Errorf("%s: %w", to, err))
		}
	}
	var why error
	if j.work.strays() != "" {
		why = errStray
	}
	return r.end(tx, j, to, why)
}

// end writes the last state of the job.
func (r *Runner) end(tx *db.Tx, j claimed, to State, why error) error {
	_, err := tx.Exec("UPDATE jobs SET state = $1, ended = $2, attempt = $3, error = $4 WHERE id = $5",
		string(to), db.Millis(tx.Now()), j.Attempt, text(why), j.ID)
	if err != nil {
		return fmt.Errorf("jobs: end %s: %w", j.Key, err)
	}
	tx.AfterCommit(func() { r.metrics.ended(j.Kind, string(to)) })
	return nil
}

// fault notes that our own side failed at the job: it is tried again after a
// pause, and given up after maxFaults in a row, which is never done in silence.
func (r *Runner) fault(tx *db.Tx, j claimed, why error) error {
	j.faults++
	if j.faults < maxFaults {
		due := db.Millis(tx.Now().Add(backoff(j.faults)))
		_, err := tx.Exec(`UPDATE jobs SET state = 'waiting', ended = 0, due = $1, attempt = $2, faults = $3, doubt = $4, error = $5 WHERE id = $6`,
			due, j.Attempt, j.faults, j.doubt, text(why), j.ID)
		if err != nil {
			return fmt.Errorf("jobs: put off %s: %w", j.Key, err)
		}
		tx.Notify(topic, queued{at: j.place(), due: due})
		tx.AfterCommit(func() {
			r.metrics.ended(j.Kind, outcomeFault)
			r.log.Error("a job failed on our side and is tried again", "job", j.ID, "kind", j.Kind, "faults", j.faults, "err", why)
		})
		return nil
	}
	if j.work.GaveUp != nil {
		err := tx.Sub(func(tx *db.Tx) error { return j.work.GaveUp(tx, j.Job, why) })
		if errors.Is(err, db.ErrUnavailable) {
			return err
		}
		why = errors.Join(why, err)
	}
	tx.AfterCommit(func() {
		r.log.Error("a job failed on our side too often and was given up", "job", j.ID, "kind", j.Kind, "faults", j.faults, "err", why)
	})
	return r.end(tx, j, Failed, why)
}

// maxError bounds what is kept of an error: it may quote what a stranger sent.
const maxError = 1000

func text(err error) string {
	if err == nil {
		return ""
	}
	s := err.Error()
	return strings.ToValidUTF8(s[:min(len(s), maxError)], "")
}
