package view

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Find gives the contact that has the number (E.164), or that another program
// calls so, or both; one that was merged leads to what it has become. A list of
// none or one.
func (v *View) Find(ctx context.Context, number, external string) (List[Contact], error) {
	none := List[Contact]{Items: []Contact{}}
	found := int64(0)
	for _, by := range []struct{ query, what string }{
		{"SELECT contact FROM numbers WHERE number = $1", number},
		{"SELECT COALESCE(merged_into, id) FROM contacts WHERE external_id = $1", external},
	} {
		if by.what == "" {
			continue
		}
		var id int64
		err := v.db.QueryRowContext(ctx, by.query, by.what).Scan(&id)
		switch {
		case errors.Is(err, sql.ErrNoRows), err == nil && found != 0 && found != id:
			return none, nil
		case err != nil:
			return none, failed("contact", err)
		}
		found = id
	}
	one, err := collect(ctx, v.db, scanContact, contactQuery, found)
	if err != nil {
		return none, failed("contact", err)
	}
	return List[Contact]{Items: one}, v.fillNumbers(ctx, one)
}

// LeadFilter says which leads are wanted; what is empty does not matter.
type LeadFilter struct {
	State         State // empty: All
	Pool, Manager string
	Contact       int64
	Since         time.Time // those that were opened then or later
}

// FilterLeads lists leads, newest first. The open ones are gone through as a whole,
// which are as many as people work on; others by an index of what is asked for.
func (v *View) FilterLeads(ctx context.Context, by LeadFilter, p Page) (List[Lead], error) {
	if by == (LeadFilter{State: by.State}) {
		if by.State == "" {
			by.State = All
		}
		return v.Leads(ctx, by.State, p)
	}
	limit, err := p.limit()
	if err != nil {
		return List[Lead]{}, err
	}
	list := "leads-by"
	from, err := readCursor(list, p.Cursor)
	if err != nil {
		return List[Lead]{}, err
	}
	query, args, err := by.query(from, limit+1)
	if err != nil {
		return List[Lead]{}, err
	}
	rows, err := collect(ctx, v.db, scanLead, query, args...)
	if err != nil {
		return List[Lead]{}, failed("leads", err)
	}
	return cut(rows, limit, list, func(l *Lead) place { return place{db.Millis(l.Opened.Time), l.ID} }), nil
}

// sinceBound is where in the order of their ids the leads begin that were opened
// since.
const sinceBound = "l.id >= COALESCE((SELECT s.id FROM leads s WHERE s.opened >= $ ORDER BY s.opened, s.id LIMIT 1), 9223372036854775807)"

// query asks for leads after a place. They are found by the index of the first
// column that is asked for; a plus keeps SQLite from looking by the others.
func (by *LeadFilter) query(from place, limit int) (string, []any, error) {
	var c condition
	order, plus := " ORDER BY l.id DESC LIMIT ", ""
	switch by.State {
	case Open:
		order, plus = " ORDER BY l.opened DESC, l.id DESC LIMIT ", "+"
		c.and("l.closed IS NULL AND (l.opened, l.id) < ($, $)", from.at, from.id)
	case Closed:
		c.and("l.closed IS NOT NULL AND l.id < $", from.id)
	case All, "":
		c.and("l.id < $", from.id)
	default:
		return "", nil, fmt.Errorf("view: leads: %w", ErrState)
	}
	for _, part := range []struct {
		column string
		value  any
		wanted bool
	}{{"l.contact", by.Contact, by.Contact != 0}, {"l.manager", by.Manager, by.Manager != ""}, {"l.pool", by.Pool, by.Pool != ""}} {
		if part.wanted {
			c.and(plus+part.column+" = $", part.value)
			plus = "+"
		}
	}
	if !by.Since.IsZero() {
		if by.State != Open {
			c.and(sinceBound, db.Millis(by.Since))
		}
		c.and("+l.opened >= $", db.Millis(by.Since))
	}
	return "SELECT " + leadColumns + c.String() + order + c.next(limit), c.args, nil
}

// callsOfLeadQuery goes by ids, which rise as calls begin.
const callsOfLeadQuery = "SELECT " + callColumns + " WHERE k.lead = $1 AND k.id < $2 ORDER BY k.id DESC LIMIT $3"

// CallsOfLead lists the calls that a lead stands for, the newest first.
func (v *View) CallsOfLead(ctx context.Context, lead int64, p Page) (List[Call], error) {
	limit, err := p.limit()
	if err != nil {
		return List[Call]{}, err
	}
	from, err := readCursor("calls-lead", p.Cursor)
	if err != nil {
		return List[Call]{}, err
	}
	rows, err := collect(ctx, v.db, scanCall, callsOfLeadQuery, lead, from.id, limit+1)
	if err != nil {
		return List[Call]{}, failed("calls of a lead", err)
	}
	return cut(rows, limit, "calls-lead", func(c *Call) place { return place{id: c.ID} }), nil
}

// ErrVerdict is in the error of a verdict that calls cannot have.
var ErrVerdict = errors.New("a verdict is answered, missed or ignored")
