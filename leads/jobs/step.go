package jobs

import (
	"database/sql"
	"errors"
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

// move is one setting of the clock, which moves jobs.
type move struct {
	by time.Duration
	// right is when the clock was still right, as it is reckoned now: what was
	// promised from then on may be of the new time.
	right time.Time
	// witness is one of the jobs that the last try has moved, made when it had
	// been promised before; 0: none.
	witness, made int64
}

// step tells of the clock's having been set since the last look; nil: it was not.
func (d *dial) step(now time.Time) *move {
	first := d.looked.IsZero()
	since := time.Since(d.looked)
	by := now.Sub(d.wall) - since
	d.wall, d.looked = now, time.Now()
	if first || by.Abs() < unsteady {
		return nil
	}
	return &move{by: by, right: now.Add(-since)}
}

// movable are the jobs of kind $1 that move: what is due at most $2 after it was
// promised, before $3, or by a clock that was ahead of $4.
const movable = "state = 'waiting' AND kind = $1 AND due - made <= $2 AND (made < $3 OR made > $4)"

// setClock moves, by as much as the clock was set, what was promised for soon
// before it was: otherwise it would be done too early, or wait by so much too
// long. What is a date of the world outside stays. Told again, because it was not
// known whether it was written, it moves nothing twice.
func (r *Runner) setClock(tx *db.Tx, m *move) error {
	written, err := m.written(tx)
	if err != nil {
		return err
	}
	moved := int64(0)
	for _, w := range r.works {
		if written || w.Dated || w.strays() != "" {
			continue
		}
		n, err := m.shift(tx, w.Kind)
		if err != nil {
			return fmt.Errorf("jobs: the clock was set: %s: %w", w.Kind, err)
		}
		moved += n
	}
	tx.AfterCommit(func() {
		r.log.Warn("the clock was set; what was promised for soon is moved with it", "by", m.by.Round(time.Second), "jobs", moved)
	})
	return r.learn(tx)
}

// written says whether a try of which nothing was heard is on the disk, as its
// witness shows: jobs move all or none. It forgets the witness.
func (m *move) written(tx *db.Tx) (bool, error) {
	var n int
	err := tx.QueryRow("SELECT COUNT(*) FROM jobs WHERE id = $1 AND made = $2", m.witness, m.made+m.by.Milliseconds()).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("jobs: the clock was set: %w", err)
	}
	if n == 0 {
		m.witness = 0
	}
	return n > 0, nil
}

// shift moves the jobs of a kind, and tells how many.
func (m *move) shift(tx *db.Tx, kind string) (int64, error) {
	which := []any{kind, soon.Milliseconds(), db.Millis(m.right), db.Millis(tx.Now())}
	if m.witness == 0 {
		err := tx.QueryRow("SELECT id, made FROM jobs WHERE "+movable+" LIMIT 1", which...).Scan(&m.witness, &m.made)
		if errors.Is(err, sql.ErrNoRows) {
			return 0, nil
		}
		if err != nil {
			return 0, err
		}
	}
	res, err := tx.Exec("UPDATE jobs SET made = made + $5, due = due + $5, expires = CASE WHEN expires > 0 THEN expires + $5 ELSE 0 END WHERE "+movable,
		append(which, m.by.Milliseconds())...)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}
