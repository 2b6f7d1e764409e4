package view

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// quarter is a quarter of an hour, by its number since 1970: days and hours of
// every time zone are made of whole ones.
type quarter int64

const quarterLength = 15 * time.Minute

func quarterOf(ms int64) quarter { return quarter(ms / quarterLength.Milliseconds()) }

func (q quarter) begin() time.Time { return time.UnixMilli(int64(q) * quarterLength.Milliseconds()) }

// counted is what a report needs to know of a quarter.
type counted struct {
	calls map[callKind]int
	leads []leadFigures
}

// callKind is all that a report tells calls apart by. Names are numbers here: see
// Clerk.number.
type callKind struct {
	pool, line, person int
	verdict            routing.Verdict
	reason             int
	short              bool
}

// leadFigures is what a report knows of a lead.
type leadFigures struct {
	id                 int64
	pool, line, person int
	outcome            leads.Outcome
	// tried and reached are how long after the first miss somebody rang, and talked
	// with them; less than 0: nobody has.
	tried, reached time.Duration
}

const (
	countedCallsQuery = `SELECT started, verdict, reason, pool, line, manager, wait_ms FROM calls
		WHERE started >= $1 AND started < $2 AND ended IS NOT NULL AND direction = $3`
	// A lead was reached when the first talk that counted began: an attempt's, or
	// that of the call which closed it. Where neither is kept any more, it counts
	// when it was closed.
	countedLeadsQuery = `SELECT l.id, l.first_missed, l.pool, l.line, l.manager, l.outcome,
		(SELECT MIN(a.started) FROM attempts a WHERE a.lead = l.id),
		(SELECT MIN(k.started + k.wait_ms) FROM attempts a JOIN calls k ON k.id = a.call WHERE a.lead = l.id AND a.reached = 1),
		CASE WHEN l.outcome = 'client_got_through' THEN (SELECT MIN(k.started + k.wait_ms) FROM timeline t JOIN calls k ON k.id = t.call
			WHERE t.lead = l.id AND t.kind = 'closed') END,
		CASE WHEN l.outcome IN ('called_back', 'client_got_through') THEN l.closed END
		FROM leads l WHERE l.first_missed >= $1 AND l.first_missed < $2 AND l.missed > 0 AND l.outcome <> 'merged'`
)

// read counts the quarters from one up to another, that one excluded.
func (c *Clerk) read(ctx context.Context, from, until quarter) error {
	for q := from; q < until; q++ {
		c.quarters[q] = &counted{calls: map[callKind]int{}}
	}
	begin, end := db.Millis(from.begin()), db.Millis(until.begin())
	if err := c.readCalls(ctx, begin, end); err != nil {
		return failed("calls of a report", err)
	}
	if err := c.readLeads(ctx, begin, end); err != nil {
		return failed("leads of a report", err)
	}
	return nil
}

func (c *Clerk) readCalls(ctx context.Context, begin, end int64) error {
	rows, err := c.view.db.QueryContext(ctx, countedCallsQuery, begin, end, string(call.Inbound))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var started, wait int64
		var reason routing.Reason
		var pool, line, person string
		var kind callKind
		if err := rows.Scan(&started, &kind.verdict, &reason, &pool, &line, &person, &wait); err != nil {
			return err
		}
		kind.pool, kind.line, kind.person, kind.reason = c.number(pool), c.number(line), c.number(person), reasonNumber[reason]
		kind.short = kind.verdict == routing.Missed && reason.GaveUp() && wait < ShortCall.Milliseconds() || reason == routing.Short
		c.quarters[quarterOf(started)].calls[kind]++
	}
	return rows.Err()
}

func (c *Clerk) readLeads(ctx context.Context, begin, end int64) error {
	rows, err := c.view.db.QueryContext(ctx, countedLeadsQuery, begin, end)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var missed int64
		var pool, line, person string
		var tried, talked, through, closed sql.NullInt64
		var l leadFigures
		if err := rows.Scan(&l.id, &missed, &pool, &line, &person, &l.outcome, &tried, &talked, &through, &closed); err != nil {
			return err
		}
		l.pool, l.line, l.person = c.number(pool), c.number(line), c.number(person)
		l.tried, l.reached = sinceMiss(missed, tried), -1
		if talked.Valid && through.Valid {
			talked.Int64 = min(talked.Int64, through.Int64)
		}
		for _, at := range []sql.NullInt64{talked, through, closed} {
			if at.Valid {
				l.reached = sinceMiss(missed, at)
				break
			}
		}
		q := quarterOf(missed)
		c.quarters[q].leads = append(c.quarters[q].leads, l)
		c.known[l.id] = q
	}
	return rows.Err()
}

// sinceMiss is how long after a miss something was, never less than 0: the clocks of
// PBXes differ. Less than 0: it never was.
func sinceMiss(missed int64, at sql.NullInt64) time.Duration {
	if !at.Valid {
		return -1
	}
	return max(0, time.Duration(at.Int64-missed)*time.Millisecond)
}

// number is how names are kept: small, and quick to compare. 0 is the empty one.
func (c *Clerk) number(name string) int {
	if n, known := c.numbers[name]; known {
		return n
	}
	name = strings.Clone(name)
	c.numbers[name] = len(c.names)
	c.names = append(c.names, name)
	return c.numbers[name]
}

// Instead of the number of a name: any name, and one that nothing has.
const (
	anyNumber = -1
	noNumber  = -2
)

// numberOf is the number of a name that somebody asks for.
func (c *Clerk) numberOf(name string) int {
	if n, known := c.numbers[name]; known {
		return n
	}
	return noNumber
}
