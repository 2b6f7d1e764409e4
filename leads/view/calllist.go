package view

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/search"
	"ringback/routing"
)

// CallFilter says which calls are wanted; what is empty does not matter.
type CallFilter struct {
	Verdict   routing.Verdict
	Reason    routing.Reason
	Direction call.Direction
	Line      string
	Pool      string
	Person    string // login of whose call it is
	Contact   int64
	// Number is any part of the number outside, in any spelling; search.ErrShort is
	// in the error of one that is too short.
	Number string
	// From and Until bound when it began: not before From, and before Until.
	From, Until time.Time
}

// CallPage is one page of calls, those that began last first.
type CallPage struct {
	List[Call] // Next leads to older ones
	// Newer leads to the page before this one; empty: this is the first.
	Newer string
	// Back is until when it was looked for this page, where the page was not filled
	// and there may be more before that; zero: it shows all that there is.
	Back time.Time
}

// walked is how many calls are looked at for one page at most where a filter has
// no index of its own: that bounds what a page costs, and Next goes on from there.
var walked = 10_000 // a test makes it small

// Calls lists the calls of all PBXes that are in sight, those that began last
// first; calls that run are among them.
func (v *View) Calls(ctx context.Context, s leads.Sight, f CallFilter, p Page) (List[Call], error) {
	page, err := v.PageOfCalls(ctx, s, f, p, false)
	return page.List, err
}

// PageOfCalls is Calls, for people: they also go back. With newer the cursor
// leads to newer calls instead of older ones.
func (v *View) PageOfCalls(ctx context.Context, s leads.Sight, f CallFilter, p Page, newer bool) (CallPage, error) {
	limit, err := p.limit()
	if err != nil {
		return CallPage{}, err
	}
	from, err := readCursor("calls", p.Cursor)
	if err != nil {
		return CallPage{}, err
	}
	w := callWalk{v: v, filter: f, from: from, limit: limit, up: newer && p.Cursor != ""}
	if err := w.begin(ctx, &s); err != nil {
		return CallPage{}, failed("calls", err)
	}
	rows, err := w.read(ctx)
	if err != nil {
		return CallPage{}, failed("calls", err)
	}
	return w.page(rows, p.Cursor != ""), nil
}

// callWalk reads one page: every range that is in sight from the same place on, and
// to the same end.
type callWalk struct {
	v      *View
	filter CallFilter
	from   place
	limit  int
	up     bool // towards newer calls
	parts  []condition
	// digits are what of a number is wanted, in all spellings.
	digits []string
	// end is where the walk stops; ends says that there is such a place.
	end  place
	ends bool
}

// begin finds the ranges to walk, and how far.
func (w *callWalk) begin(ctx context.Context, s *leads.Sight) error {
	f := &w.filter
	one := func(part string, value any) {
		var c condition
		c.and(part, value)
		c.inSight(s)
		w.parts = []condition{c}
	}
	contacts, err := w.contacts(ctx)
	if err != nil {
		return err
	}
	switch {
	case len(contacts) > 0:
		return w.ofContacts(ctx, s, contacts)
	case f.Person != "":
		one(ofManager, f.Person)
	case f.Pool != "":
		one(ofPool, f.Pool)
	default:
		w.parts = mine(s)
	}
	if !w.sifts(s) {
		return nil
	}
	return w.bound(ctx, condition{})
}

// ofContacts finds the calls of contacts, and where these were found by a part of a
// number those of nobody, in which it may stand too.
func (w *callWalk) ofContacts(ctx context.Context, s *leads.Sight, contacts []int64) error {
	for _, contact := range contacts {
		var c condition
		c.and(ofContact, contact)
		c.inSight(s)
		w.parts = append(w.parts, c)
	}
	if w.filter.Contact != 0 {
		return nil
	}
	var nobodys condition
	nobodys.and(ofNobody)
	if err := w.bound(ctx, nobodys); err != nil {
		return err
	}
	nobodys.inSight(s)
	w.parts = append(w.parts, nobodys)
	return nil
}

// fewContacts is of how many contacts the calls are looked up one by one; with
// more it is quicker to go through all calls.
const fewContacts = 20

// contacts are those whose calls alone are wanted; nil: anybody's.
func (w *callWalk) contacts(ctx context.Context) ([]int64, error) {
	if w.filter.Number != "" {
		if w.digits = search.Spellings(w.filter.Number); w.digits == nil {
			return nil, search.ErrShort
		}
	}
	switch {
	case w.filter.Contact != 0:
		return []int64{w.filter.Contact}, nil
	case w.digits == nil:
		return nil, nil
	}
	q, err := search.Ask(w.filter.Number)
	if err != nil {
		return nil, err
	}
	var c condition
	c.and(search.Newest, q.Match(), fewContacts+1)
	ids, err := collect(ctx, w.v.db, scanNumber, c.text[0], c.args...)
	if err != nil || len(ids) > fewContacts {
		return nil, err
	}
	return ids, nil
}

// sifts says that calls will be looked at which are not wanted, perhaps many.
func (w *callWalk) sifts(s *leads.Sight) bool {
	f := &w.filter
	return f.Verdict != "" || f.Reason != "" || f.Direction != "" || f.Line != "" || f.Number != "" ||
		f.Person != "" && f.Pool != "" || !s.All
}

// bound looks how far a walk over so many calls of a range goes.
func (w *callWalk) bound(ctx context.Context, of condition) error {
	c := condition{slices.Clone(of.text), slices.Clone(of.args)}
	w.within(&c)
	far := walked
	if w.digits != nil {
		far /= 2 // parts of numbers cost twice as much to look for
	}
	order := " ORDER BY k.started DESC, k.id DESC LIMIT 1 OFFSET "
	if w.up {
		order = " ORDER BY k.started, k.id LIMIT 1 OFFSET "
	}
	err := w.v.db.QueryRowContext(ctx, "SELECT k.started, k.id FROM calls k"+c.String()+order+c.next(far), c.args...).Scan(&w.end.at, &w.end.id)
	if errors.Is(err, sql.ErrNoRows) {
		return nil // there are not so many
	}
	w.ends = true
	return err
}

// within narrows to what lies between the place from which the walk starts, the
// one where it ends, and the times that are wanted.
func (w *callWalk) within(c *condition) {
	if w.up {
		c.and("(k.started, k.id) > ($, $)", w.from.at, w.from.id)
	} else {
		c.and("(k.started, k.id) < ($, $)", w.from.at, w.from.id)
	}
	switch {
	case w.ends && w.up:
		c.and("(k.started, k.id) <= ($, $)", w.end.at, w.end.id)
	case w.ends:
		c.and("(k.started, k.id) >= ($, $)", w.end.at, w.end.id)
	}
	if !w.filter.From.IsZero() {
		c.and("k.started >= $", db.Millis(w.filter.From))
	}
	if !w.filter.Until.IsZero() {
		c.and("k.started < $", db.Millis(w.filter.Until))
	}
}

// sift narrows to what the filter wants beside its range. The plus keeps SQLite
// from looking for calls by these columns.
func (w *callWalk) sift(c *condition) {
	f := &w.filter
	for _, part := range []struct{ column, value string }{
		{"verdict", string(f.Verdict)}, {"reason", string(f.Reason)}, {"direction", string(f.Direction)}, {"line", f.Line}, {"pool", f.Pool}, {"manager", f.Person},
	} {
		if part.value != "" {
			c.and("+k."+part.column+" = $", part.value)
		}
	}
	var part []string
	var args []any
	for _, digits := range w.digits {
		part, args = append(part, "+k.caller LIKE $ OR +k.dialed LIKE $"), append(args, "%"+digits+"%", "%"+digits+"%")
	}
	if part != nil {
		c.and("("+strings.Join(part, " OR ")+")", args...)
	}
}

// read walks all ranges and merges what they have: a call may be in several.
func (w *callWalk) read(ctx context.Context) ([]Call, error) {
	order := " ORDER BY k.started DESC, k.id DESC LIMIT "
	if w.up {
		order = " ORDER BY k.started, k.id LIMIT "
	}
	rows := []Call{}
	for _, part := range w.parts {
		c := condition{slices.Clone(part.text), slices.Clone(part.args)}
		w.within(&c)
		w.sift(&c)
		query := "SELECT " + callColumns + c.String() + order + c.next(w.limit+1)
		found, err := collect(ctx, w.v.db, scanCall, query, c.args...)
		if err != nil {
			return nil, err
		}
		rows = append(rows, found...)
	}
	slices.SortFunc(rows, func(a, b Call) int {
		if w.up {
			a, b = b, a
		}
		return b.place().compare(a.place())
	})
	return slices.CompactFunc(rows, func(a, b Call) bool { return a.ID == b.ID }), nil
}

// page cuts what was read, in the order in which it was walked, to a page.
func (w *callWalk) page(rows []Call, further bool) CallPage {
	more := len(rows) > w.limit
	if more {
		rows = rows[:w.limit]
	}
	var onwards, backwards string
	switch {
	case more:
		onwards = rows[len(rows)-1].place().write("calls")
	case w.ends:
		onwards = w.end.write("calls")
	}
	if further {
		backwards = w.from.write("calls")
		if len(rows) > 0 {
			backwards = rows[0].place().write("calls")
		}
	}
	p := CallPage{List: List[Call]{Items: rows, Next: onwards}, Newer: backwards}
	if w.up {
		slices.Reverse(rows)
		p.Next, p.Newer = backwards, onwards
	} else if w.ends && len(rows) < w.limit {
		p.Back = db.Time(w.end.at)
	}
	return p
}
