package jobs

import (
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Job is one promise.
type Job struct {
	// ID is given by the database.
	ID int64
	// Kind names the Work that does it.
	Kind string
	// Lane separates jobs of a kind that must not wait for each other: each
	// lane of a kind has Work.Workers workers of its own. A channel's name, for
	// instance, so that a dead webhook never delays a SIP message. There are as
	// many lanes as names in use: keep them few.
	Lane string
	// Key says what the promise is: enqueueing the same key again changes
	// nothing, also when the job has been done or cancelled meanwhile (until
	// it is pruned, see Keep).
	Key string
	// Lead is the lead the job is about, 0 for none; CancelLead goes by it.
	Lead int64
	// Payload is what the work needs to know, in JSON.
	Payload []byte
	// Due is when it is to be done; the zero time: at once.
	Due time.Time
	// Expires is when it is of no use any more and is not done; the zero time:
	// never.
	Expires time.Time
	// Attempt counts the attempts begun, this one included: 1 in the first.
	// It is on the disk before the attempt is made.
	Attempt int
}

// Keep is how long ended jobs stay in the database, for their keys and for
// whoever wants to see what became of them.
const Keep = 30 * 24 * time.Hour

// State is where a job is in its life. Values are what the database holds.
//
//	waiting → held → done | failed | in_doubt | waiting (again)
//	waiting → done | expired | in_doubt | failed     (work inside the transaction)
//	waiting, held → cancelled
//	held, and the process died → waiting
type State string

const (
	Waiting   State = "waiting"   // for its due time, or for a free worker
	Held      State = "held"      // a worker has it in hand; the next attempt is booked
	Done      State = "done"      // it was carried out, or needed no carrying out
	Failed    State = "failed"    // it was given up; its error says why
	Expired   State = "expired"   // its time ran out before it was done
	Doubtful  State = "in_doubt"  // it may or may not have been done: a process died with it in hand, or nobody answered
	Cancelled State = "cancelled" // it was withdrawn
)

// topic is under which commits tell the Runner of new work.
const topic = "jobs"

// queued is the note of a job that waits: where, and until when.
type queued struct {
	at  place
	due int64
}

// Enqueue makes the promise a part of tx: it holds exactly if tx commits. A job
// whose Key is known already changes nothing. Attempt and ID are not read. What
// is due already is in hand by tx, or done by its end, where the Runner is free
// to.
func Enqueue(tx *db.Tx, j Job) error {
	if j.Kind == "" || j.Key == "" {
		return fmt.Errorf("jobs: a job needs a kind and a key, got kind %q and key %q", j.Kind, j.Key)
	}
	j.Attempt = 0
	if j.Due.IsZero() {
		j.Due = tx.Now()
	}
	if r, ok := tx.Provided(topic).(*Runner); ok && r.takes(tx, &j) {
		return r.atOnce(tx, j)
	}
	added, err := insert(tx, &j, Waiting)
	if added {
		tx.Notify(topic, queued{at: j.place(), due: db.Millis(j.Due)})
	}
	return err
}

// insert writes the row of a new job in its first state, and gives it its id. It
// tells whether there is one: a key may be known already.
func insert(tx *db.Tx, j *Job, state State) (added bool, err error) {
	now, ended := db.Millis(tx.Now()), int64(0)
	if state == Done {
		ended = now
	}
	j.ID, err = tx.Insert(`INSERT INTO jobs (kind, lane, key, lead, payload, made, due, expires, state, attempt, ended)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) ON CONFLICT (key) DO NOTHING`,
		j.Kind, j.Lane, j.Key, j.Lead, string(j.Payload), now, db.Millis(j.Due), db.Millis(j.Expires), string(state), j.Attempt, ended)
	if err != nil {
		return false, fmt.Errorf("jobs: enqueue %s: %w", j.Key, err)
	}
	return j.ID > 0, nil
}

// CancelKeys withdraws the jobs whose keys begin with prefix, and tells how
// many. What a worker has in hand at that moment is finished and noted, but not
// tried again. The keys stay taken.
func CancelKeys(tx *db.Tx, prefix string) (int, error) {
	if prefix == "" {
		return 0, errors.New("jobs: cancelling without a prefix would cancel everything")
	}
	return cancel(tx, "key >= $2 AND key < $3", prefix, after(prefix))
}

// CancelLead withdraws the jobs of a lead: of one kind, or of all when kind is
// "". Else it is as CancelKeys.
func CancelLead(tx *db.Tx, lead int64, kind string) (int, error) {
	if lead == 0 {
		return 0, errors.New("jobs: cancelling the jobs of no lead")
	}
	if kind == "" {
		return cancel(tx, "lead = $2", lead)
	}
	return cancel(tx, "lead = $2 AND kind = $3", lead, kind)
}

func cancel(tx *db.Tx, which string, args ...any) (int, error) {
	args = append([]any{db.Millis(tx.Now())}, args...)
	if r, ok := tx.Provided(topic).(*Runner); ok {
		r.lanes.withdrawing(tx.Number())
	}
	total := 0
	for _, change := range []string{
		"UPDATE jobs SET state = 'cancelled', ended = $1 WHERE state = 'waiting' AND doubt = 0 AND ended = 0 AND ",
		"UPDATE jobs SET cancelled = $1 WHERE state = 'held' AND cancelled = 0 AND ended = 0 AND ",
	} {
		res, err := tx.Exec(change+which, args...)
		if err != nil {
			return 0, fmt.Errorf("jobs: cancel: %w", err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return 0, fmt.Errorf("jobs: cancel: %w", err)
		}
		total += int(n)
	}
	return total, nil
}

// Standing is what has become of a promise so far.
type Standing struct {
	ID        int64
	Key, Lane string
	State     State
}

// Look reads what has become of the jobs whose keys begin with prefix, ended
// ones too for as long as they are kept. What a Note ends is still Held in its
// transaction, what an InTx ends still Waiting.
func Look(tx *db.Tx, prefix string) ([]Standing, error) {
	rows, err := tx.Query("SELECT id, key, lane, state FROM jobs WHERE key >= $1 AND key < $2 ORDER BY key", prefix, after(prefix))
	if err != nil {
		return nil, fmt.Errorf("jobs: look at %s…: %w", prefix, err)
	}
	defer rows.Close()
	var list []Standing
	for rows.Next() {
		var s Standing
		if err := rows.Scan(&s.ID, &s.Key, &s.Lane, &s.State); err != nil {
			return nil, fmt.Errorf("jobs: look at %s…: %w", prefix, err)
		}
		list = append(list, s)
	}
	return list, rows.Err()
}

// Pending counts the jobs of a lane that wait, and those in hand. The job whose
// end is being written is still among them, as with Look.
func Pending(tx *db.Tx, kind, lane string) (waiting, held int, err error) {
	err = tx.QueryRow(`SELECT (SELECT COUNT(*) FROM jobs WHERE state = 'waiting' AND kind = $1 AND lane = $2),
		(SELECT COUNT(*) FROM jobs WHERE state = 'held' AND kind = $1 AND lane = $2)`, kind, lane).Scan(&waiting, &held)
	if err != nil {
		return 0, 0, fmt.Errorf("jobs: pending of %s %s: %w", kind, lane, err)
	}
	return waiting, held, nil
}

// after is the first string, bytewise, that no longer begins with prefix; keys
// are text, so it never comes to a prefix of 0xff bytes only.
func after(prefix string) string {
	b := []byte(prefix)
	for i := len(b) - 1; i >= 0; i-- {
		if b[i] < 0xff {
			b[i]++
			return string(b[:i+1])
		}
	}
	return prefix
}

// Waiter is a job that is still to be done.
type Waiter struct {
	Job
	Held  bool   // a worker has it in hand
	Error string // why the last attempt did not do it
}

// Waiters lists the jobs of a kind that are in hand, and those that wait and are
// due before until, what is due first before the others.
func Waiters(tx *db.Tx, kind string, until time.Time) ([]Waiter, error) {
	rows, err := tx.Query(`SELECT id, lane, key, lead, payload, due, expires, attempt, state = 'held', error FROM jobs
		WHERE kind = $1 AND (state = 'held' OR state = 'waiting' AND due < $2) ORDER BY due, id`, kind, db.Millis(until))
	if err != nil {
		return nil, fmt.Errorf("jobs: what waits of %s: %w", kind, err)
	}
	defer rows.Close()
	var list []Waiter
	for rows.Next() {
		j := Waiter{Job: Job{Kind: kind}}
		var due, expires int64
		if err := rows.Scan(&j.ID, &j.Lane, &j.Key, &j.Lead, &j.Payload, &due, &expires, &j.Attempt, &j.Held, &j.Error); err != nil {
			return nil, fmt.Errorf("jobs: what waits of %s: %w", kind, err)
		}
		j.Due, j.Expires = db.Time(due), db.Time(expires)
		list = append(list, j)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("jobs: what waits of %s: %w", kind, err)
	}
	return list, nil
}
