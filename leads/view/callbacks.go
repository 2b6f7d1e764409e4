package view

import (
	"cmp"
	"context"
	"database/sql"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// Callback is an open lead as those see it who are to call back.
type Callback struct {
	Lead
	Dialed string         // what the newest missed call had dialed
	Reason routing.Reason // why that one was missed
	Asked  string         // what about, where somebody has asked for it by hand
	Named  bool           // somebody has given the contact its name
	Late   bool           // it was found long after it had happened
	// Rungs counts the rungs of its ladder that have been climbed; RungDue is when
	// the next is due by itself, zero: none comes.
	Rungs   int
	RungDue time.Time
	// Lapsed says that somebody had taken it on, and that the time of that is over.
	Lapsed bool
	// Tries counts who tried to reach the contact; the rest is of the newest, and
	// who of it a login, or the phone when nobody is known to hold it.
	Tries   int
	Tried   time.Time
	Trier   string
	Talked  time.Duration
	Reached bool // they talked long enough, though not with somebody of the pool
}

var callbackColumns = `COALESCE(k.dialed, ''), COALESCE(k.reason, ''), COALESCE(c.named, 0), l.late <> 0, l.rung, l.rung_due, l.ack_by <> '' AND l.ack_until < $1, l.asked,
	(SELECT COUNT(*) FROM attempts n WHERE n.lead = l.id), a.started, COALESCE(a.who, ''), COALESCE(a.talk_ms, 0), COALESCE(a.reached, 0), ` + leadColumns + `
	LEFT JOIN attempts a ON a.lead = l.id AND a.call = (SELECT MAX(b.call) FROM attempts b WHERE b.lead = l.id)`

// after is a row of which the first columns are read into something else.
type after struct {
	scanner
	first []any
}

func (a after) Scan(dest ...any) error { return a.scanner.Scan(append(a.first, dest...)...) }

func scanCallback(row scanner) (Callback, error) {
	var c Callback
	var rungDue, talked int64
	var tried sql.NullInt64
	var err error
	c.Lead, err = scanLead(after{row, []any{&c.Dialed, &c.Reason, &c.Named, &c.Late, &c.Rungs, &rungDue, &c.Lapsed, &c.Asked, &c.Tries, &tried, &c.Trier, &talked, &c.Reached}})
	c.Dialed, c.Trier = leads.Clip(c.Dialed), leads.Clip(c.Trier)
	c.RungDue, c.Tried, c.Talked = db.Time(rungDue), db.Time(tried.Int64), time.Duration(talked)*time.Millisecond
	return c, err
}

var (
	callbacksOfQuery   = "SELECT " + callbackColumns + " WHERE l.closed IS NULL AND l.manager = $2 ORDER BY l.id LIMIT $3"
	callbacksFreeQuery = "SELECT " + callbackColumns + " WHERE l.closed IS NULL AND l.manager = '' AND l.pool = $2 ORDER BY l.first_missed LIMIT $3"
	callbacksInQuery   = "SELECT " + callbackColumns + ` WHERE l.closed IS NULL AND ($2 = '' OR l.pool = $2)
		AND ($4 = '' OR l.manager = $4) AND ($5 = 0 OR l.manager = '') ORDER BY l.opened LIMIT $3`
	callbackQuery = "SELECT " + callbackColumns + " WHERE l.id = $2"
)

// MaxCallbacks is how many callbacks are read at most.
const MaxCallbacks = 200

// Callbacks lists what somebody owes, the oldest first and no more than limit: the
// leads that are theirs, and those that are nobody's in their pools; more says
// that there are others. Who has no login, as a program, owes all.
func (v *View) Callbacks(ctx context.Context, s leads.Sight, limit int) (list []Callback, more bool, err error) {
	if s.Login == "" {
		return v.OpenIn(ctx, s, Among{}, limit)
	}
	limit = min(limit, MaxCallbacks)
	lists := []wanted{{callbacksOfQuery, []any{s.Login, limit + 1}}}
	for _, pool := range s.Pools {
		lists = append(lists, wanted{callbacksFreeQuery, []any{pool, limit + 1}})
	}
	return v.callbacks(ctx, lists, limit)
}

// Among says which of the open leads are wanted: those of a pool, of a person,
// nobody's. What is empty leaves all.
type Among struct {
	Pool, Person string
	Free         bool
}

// OpenIn lists the open leads of those whom somebody leads, as Callbacks does.
func (v *View) OpenIn(ctx context.Context, s leads.Sight, a Among, limit int) (list []Callback, more bool, err error) {
	limit = min(limit, MaxCallbacks)
	in := func(pool string) wanted { return wanted{callbacksInQuery, []any{pool, limit + 1, a.Person, a.Free}} }
	if s.All {
		return v.callbacks(ctx, []wanted{in(a.Pool)}, limit)
	}
	var lists []wanted
	for _, pool := range s.Supervises {
		if a.Pool == "" || a.Pool == pool {
			lists = append(lists, in(pool))
		}
	}
	return v.callbacks(ctx, lists, limit)
}

// wanted is a query, and its values after the first, which is the time.
type wanted struct {
	query string
	of    []any
}

func (v *View) callbacks(ctx context.Context, lists []wanted, limit int) (all []Callback, more bool, err error) {
	now := db.Millis(time.Now())
	for _, w := range lists {
		some, err := collect(ctx, v.db, scanCallback, w.query, append([]any{now}, w.of...)...)
		if err != nil {
			return nil, false, failed("callbacks", err)
		}
		all = append(all, some...)
	}
	slices.SortFunc(all, func(a, b Callback) int {
		return cmp.Or(a.FirstMissed.Compare(b.FirstMissed.Time), cmp.Compare(a.ID, b.ID))
	})
	if len(all) > limit {
		return all[:limit], true, nil
	}
	return all, false, nil
}

const (
	countOfQuery   = "SELECT COUNT(*) FROM leads WHERE closed IS NULL AND manager = $1"
	countFreeQuery = "SELECT COUNT(*) FROM leads WHERE closed IS NULL AND manager = '' AND pool = $1"
)

// CountCallbacks tells how many Callbacks there are.
func (v *View) CountCallbacks(ctx context.Context, s leads.Sight) (int, error) {
	if s.Login == "" {
		return v.CountOpen(ctx)
	}
	count := func(query, of string) (n int, err error) {
		if err := v.db.QueryRowContext(ctx, query, of).Scan(&n); err != nil {
			return 0, failed("callbacks", err)
		}
		return n, nil
	}
	all, err := count(countOfQuery, s.Login)
	for _, pool := range s.Pools {
		if err != nil {
			return 0, err
		}
		var n int
		n, err = count(countFreeQuery, pool)
		all += n
	}
	return all, err
}

var settledQuery = "SELECT " + leadColumns + " WHERE l.closed >= $1 AND l.closed IS NOT NULL AND +l.manager = $2 ORDER BY l.closed DESC, l.id DESC LIMIT $3"

// SettledOf lists what was somebody's and has been closed since, the newest
// first.
func (v *View) SettledOf(ctx context.Context, login string, since time.Time, limit int) ([]Lead, error) {
	list, err := collect(ctx, v.db, scanLead, settledQuery, db.Millis(since), login, limit)
	if err != nil {
		return nil, failed("settled leads", err)
	}
	return list, nil
}

const whoseQuery = "SELECT pool, manager FROM leads WHERE id = $1"

// Whose tells of which pool a lead is, and of whom; ErrNotFound is in the error
// when there is none.
func (v *View) Whose(ctx context.Context, lead int64) (pool, manager string, err error) {
	if err := v.db.QueryRowContext(ctx, whoseQuery, lead).Scan(&pool, &manager); err != nil {
		return "", "", missing("lead", lead, err)
	}
	return pool, manager, nil
}
