package view

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// missing is the error of what was asked for by its id; ErrNotFound is in it
// when there is no such thing.
func missing(what string, id int64, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("view: %s %d: %w", what, id, ErrNotFound)
	}
	return failed(what, err)
}

// CallbackCard is all there is to say of a lead to those who see it.
type CallbackCard struct {
	Callback
	Calls    []Call // that it stands for, the newest first, no more than DefaultLimit
	Timeline []Entry
	Older    string // leads to what of the history is older; empty: nothing is
}

// Callback reads one lead, open or closed, if it is in sight; otherwise, as when
// there is none, ErrNotFound is in the error. Its history begins at the cursor;
// ErrCursor is in the error of another list's.
func (v *View) Callback(ctx context.Context, s leads.Sight, lead int64, cursor string) (*CallbackCard, error) {
	c, err := scanCallback(v.db.QueryRowContext(ctx, callbackQuery, db.Millis(time.Now()), lead))
	if err == nil && !s.Sees(c.ID, c.Pool, c.Manager) {
		err = sql.ErrNoRows
	}
	if err != nil {
		return nil, missing("lead", lead, err)
	}
	card := &CallbackCard{Callback: c}
	calls, err := v.CallsOfLead(ctx, lead, Page{})
	if err != nil {
		return nil, err
	}
	card.Calls = calls.Items
	history, err := v.timeline(ctx, leadTimelineQuery, lead, cursor)
	card.Timeline, card.Older = history.Items, history.Next
	return card, err
}

var leadsOfContactQuery = "SELECT id, pool, manager, " + leads.OwnAsking("leads", "$3") + " FROM leads WHERE contact = $1 ORDER BY id DESC LIMIT $2"

// mostLeadsOf is how many leads of a contact are asked for whose they are: what
// lies further back gives nobody a sight of the contact.
const mostLeadsOf = 500

// ContactInSight reads one contact as somebody may see it: who is responsible for
// it, or sees a lead or a call of it, sees its card, and on it what is theirs to
// see: leads that nobody but themselves has asked for do not count. Otherwise, as when there is none, ErrNotFound is in the error. Its history begins at the cursor,
// as that of a Callback.
func (v *View) ContactInSight(ctx context.Context, s leads.Sight, contact int64, cursor string) (*ContactCard, error) {
	card, err := v.contact(ctx, contact, cursor)
	if err != nil || s.All && s.Only == 0 {
		return card, err
	}
	hidden, seen := map[int64]bool{}, card.Manager == s.Login && s.Login != "" && s.Only == 0
	type whose struct {
		lead          int64
		pool, manager string
		own           bool
	}
	list, err := collect(ctx, v.db, func(row scanner) (w whose, err error) {
		err = row.Scan(&w.lead, &w.pool, &w.manager, &w.own)
		return w, err
	},
		leadsOfContactQuery, contact, mostLeadsOf, s.Login)
	if err != nil {
		return nil, failed("leads of a contact", err)
	}
	for _, w := range list {
		if !s.Sees(w.lead, w.pool, w.manager) {
			hidden[w.lead] = true
		} else if !w.own {
			seen = true
		}
	}
	card.Open = slices.DeleteFunc(card.Open, func(l Lead) bool { return hidden[l.ID] })
	card.Calls = slices.DeleteFunc(card.Calls, func(c Call) bool {
		return c.Lead != nil && hidden[*c.Lead] || c.Lead == nil && !s.Sees(0, c.Pool, c.Manager)
	})
	card.Timeline = slices.DeleteFunc(card.Timeline, func(e Entry) bool { return e.Lead != nil && hidden[*e.Lead] })
	if !seen && len(card.Calls) == 0 {
		switch any, err := v.callInSight(ctx, s, contact); {
		case err != nil:
			return nil, failed("calls of a contact", err)
		case !any:
			return nil, fmt.Errorf("view: contact %d: %w", contact, ErrNotFound)
		}
	}
	return card, nil
}

// callInSight says that a call of a contact is in sight, however old: the card
// has the newest.
func (v *View) callInSight(ctx context.Context, s leads.Sight, contact int64) (any bool, err error) {
	var c condition
	c.and(ofContact+" AND +k.lead IS NULL", contact)
	c.inSight(&s)
	err = v.db.QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM calls k"+c.String()+")", c.args...).Scan(&any)
	return any, err
}

const standQuery = "SELECT kind FROM consents WHERE number = $1 ORDER BY at DESC, kind DESC LIMIT 1"

// Refused lists those of the numbers that machines may not call: the newest word
// about them in the ledger says so.
func (v *View) Refused(ctx context.Context, numbers []string) (refused []string, err error) {
	for _, n := range numbers {
		var stand dials.Stand
		err := v.db.QueryRowContext(ctx, standQuery, n).Scan(&stand)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return nil, failed("what was said about a number", err)
		}
		if stand == dials.Refused {
			refused = append(refused, n)
		}
	}
	return refused, nil
}
