package jobs

import (
	"fmt"
	"time"

	"ringback/leads/db"
)

const (
	// soon parts two kinds of promises: what is due within so much of its making
	// counts time ("in ten minutes"), what is due later is a date ("at nine").
	soon = time.Hour
	// unsteady is what a clock may be off between two looks at it without having
	// been set: one that is only adjusted gains or loses 15 ms in 30 s.
	unsteady = 2 * time.Second
)

// dial compares the clock on the wall, which may be set, with the time that
// passes, which may not.
type dial struct {
	wall   time.Time // what it showed
	looked time.Time // and when that was, by the time that passes
}

// step says by how much the clock has been set since the last look, 0 for not at
// all, and how long ago that look was.
func (d *dial) step(now time.Time) (by, since time.Duration) {
	first := d.looked.IsZero()
	since = time.Since(d.looked)
	by = now.Sub(d.wall) - since
	d.wall, d.looked = now, time.Now()
	if first || by.Abs() < unsteady {
		return 0, since
	}
	return by, since
}

// setClock moves, by as much as the clock was set, what was promised for soon
// before it was: otherwise it would be done too early, or wait by so much too
// long. What is a date of the world outside stays. since is how long ago the
// clock was still right: what was promised from then on may be of the new time.
func (r *Runner) setClock(tx *db.Tx, by, since time.Duration) error {
	now, moved := tx.Now(), int64(0)
	for _, w := range r.works {
		if w.Dated || w.strays() != "" {
			continue
		}
		res, err := tx.Exec(`UPDATE jobs SET made = made + $1, due = due + $1, expires = CASE WHEN expires > 0 THEN expires + $1 ELSE 0 END
			WHERE state = 'waiting' AND kind = $2 AND due - made <= $3 AND (made < $4 OR made > $5)`,
			by.Milliseconds(), w.Kind, soon.Milliseconds(), db.Millis(now.Add(-since)), db.Millis(now))
		if err != nil {
			return fmt.Errorf("jobs: the clock was set: %s: %w", w.Kind, err)
		}
		n, err := res.RowsAffected()
		if err != nil {
			return fmt.Errorf("jobs: the clock was set: %s: %w", w.Kind, err)
		}
		moved += n
	}
	tx.AfterCommit(func() {
		r.log.Warn("the clock was set; what was promised for soon is moved with it", "by", by.Round(time.Second), "jobs", moved)
	})
	return r.learn(tx)
}
