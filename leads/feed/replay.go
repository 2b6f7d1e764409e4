package feed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Replay says which events a hook is to be posted once more: those of a lead,
// those that were given up, or all since a time. Exactly one is set.
type Replay struct {
	Lead   int64
	Failed bool
	Since  time.Time
}

// plain says that exactly one is set.
func (r Replay) plain() bool {
	set := 0
	for _, given := range []bool{r.Lead > 0, r.Failed, !r.Since.IsZero()} {
		if given {
			set++
		}
	}
	return set == 1 && r.Lead >= 0
}

var (
	// ErrNoHook is in the error of a hook that the configuration does not name.
	ErrNoHook = errors.New("there is no such hook")
	// ErrReplay is in the error of a Replay of which not exactly one is set.
	ErrReplay = errors.New("say one of: since when, of which lead, or what was given up")
)

// Replay has events posted to a hook once more, with their ids and marked as
// replayed, once tx has committed. It tells how many are posted by themselves: of a
// time, how many entries of the timeline are gone through.
func (f *Feed) Replay(tx *db.Tx, hook string, r Replay) (n int, err error) {
	c := f.hook(hook)
	if c == nil {
		return 0, wrap(hook, ErrNoHook)
	}
	if !r.plain() {
		return 0, wrap(hook, ErrReplay)
	}
	at, err := findPlace(tx, hook)
	switch {
	case err != nil:
	case r.Lead > 0:
		n, err = c.replayLead(tx, at, r.Lead)
	case r.Failed:
		n, err = replayFailed(tx, hook)
	default:
		n, err = replaySince(tx, hook, at, r.Since)
	}
	if err != nil {
		return 0, err
	}
	tx.AfterCommit(c.renew)
	return n, nil
}

// replayLead has what happened to a lead posted again, if it was posted or given up.
// What waits anyway is left as it is.
func (c *courier) replayLead(tx *db.Tx, at place, lead int64) (n int, err error) {
	rows, err := tx.Query(leadEntriesQuery, lead, 0, at.told, mostAlone)
	if err != nil {
		return 0, wrap(c.hook.Name, err)
	}
	entries, err := scanEntries(rows)
	if err != nil {
		return 0, wrap(c.hook.Name, err)
	}
	now := db.Millis(tx.Now())
	for i := range entries {
		e := &entries[i]
		if name := typeOf(e); name == "" || !chosen(c.hook.Events, name) {
			continue
		}
		_, err := tx.Exec(`INSERT INTO hook_waits (hook, entry, subject, replayed, since, due, attempts) VALUES ($1, $2, $3, 1, $4, $4, 0)
			ON CONFLICT (hook, entry) DO UPDATE SET replayed = 1, since = $4, due = $4, attempts = 0, given_up = 0, why = '' WHERE given_up > 0`,
			c.hook.Name, e.id, e.subject(), now)
		if err != nil {
			return n, wrap(c.hook.Name, err)
		}
		n++
	}
	return n, nil
}

// replayFailed takes up what was given up.
func replayFailed(tx *db.Tx, hook string) (int, error) {
	res, err := tx.Exec("UPDATE hook_waits SET replayed = 1, since = $1, due = $1, attempts = 0, given_up = 0, why = '' WHERE hook = $2 AND given_up > 0",
		db.Millis(tx.Now()), hook)
	if err != nil {
		return 0, wrap(hook, err)
	}
	n, err := res.RowsAffected()
	return int(n), wrap(hook, err)
}

// replaySince goes through the timeline once more, from a time up to what the hook
// was told, what was given up too. One that is under way already becomes a part of it.
func replaySince(tx *db.Tx, hook string, at place, since time.Time) (int, error) {
	from, err := lastBefore(since, at.told, func(middle int64) row { return tx.QueryRow(fromQuery, middle) })
	if err != nil || from >= at.told {
		return 0, wrap(hook, err)
	}
	if at.again < at.until {
		from = min(from, at.again)
	}
	if _, err = tx.Exec("DELETE FROM hook_waits WHERE hook = $1 AND given_up > 0 AND entry > $2 AND entry <= $3", hook, from, at.told); err != nil {
		return 0, wrap(hook, err)
	}
	_, err = tx.Exec("UPDATE hooks SET again = $1, again_until = $2, asked = asked + 1 WHERE name = $3", from, at.told, hook)
	return int(at.told - from), wrap(hook, err)
}

const fromQuery = "SELECT id, at FROM timeline WHERE id >= $1 ORDER BY id LIMIT 1"

// row is the answer to a question for one row.
type row interface{ Scan(dest ...any) error }

// before finds the last entry that was written before a time; 0: none was.
func (s *source) before(ctx context.Context, t time.Time) (int64, error) {
	var last int64
	if err := s.db.QueryRowContext(ctx, "SELECT COALESCE(MAX(id), 0) FROM timeline").Scan(&last); err != nil {
		return 0, fmt.Errorf("feed: timeline: %w", err)
	}
	return lastBefore(t, last, func(middle int64) row { return s.db.QueryRowContext(ctx, fromQuery, middle) })
}

// lastBefore finds, of the entries up to last, the one before the first that was
// written at a time or later: entries are written in the order of time.
func lastBefore(t time.Time, last int64, from func(middle int64) row) (int64, error) {
	low, high := int64(1), last+1
	for low < high {
		middle := low + (high-low)/2
		var id, at int64
		err := from(middle).Scan(&id, &at)
		switch {
		case errors.Is(err, sql.ErrNoRows) || err == nil && at >= db.Millis(t):
			high = middle
		case err != nil:
			return 0, fmt.Errorf("feed: timeline: %w", err)
		default:
			low = id + 1
		}
	}
	return low - 1, nil
}
