package view

import (
	"context"
	"database/sql"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// State says which leads are wanted, and of one lead how it stands.
type State string

const (
	Open   State = "open"
	Closed State = "closed"
	All    State = "all" // only of lists
)

// Lead is a lead of the Book.
type Lead struct {
	ID int64 `json:"id"`
	// Contact is whom to call back; nil: a withheld number that left a
	// voicemail.
	Contact *LeadContact `json:"contact"`
	Pool    string       `json:"pool"`
	Line    string       `json:"line"`
	Manager string       `json:"manager"` // login; empty: it waits for the pool's opening
	Missed  int          `json:"missed"`  // how many missed calls it stands for
	// FirstMissed and LastMissed are when the first and the newest of them
	// began.
	FirstMissed leads.Stamp   `json:"first_missed"`
	LastMissed  leads.Stamp   `json:"last_missed"`
	Opened      leads.Stamp   `json:"opened"`
	Closed      leads.Stamp   `json:"closed"` // null while it is open
	Outcome     leads.Outcome `json:"outcome"`
	ClosedBy    string        `json:"closed_by"`
	State       State         `json:"state"`
	// Suspicious says that somebody who never rang before hung up at once:
	// nobody is told of it until they ring again.
	Suspicious bool `json:"suspicious"`
	// AcknowledgedBy has taken it on, and AcknowledgedUntil is until when that
	// keeps the ladder waiting; empty and null: nobody has, or the time is over.
	AcknowledgedBy    string      `json:"acknowledged_by"`
	AcknowledgedUntil leads.Stamp `json:"acknowledged_until"`
	// CallerName is what the newest missed call called itself: hostile text.
	CallerName string `json:"-"`
	// Typed says that its manager alone has asked for it, and is not who is
	// responsible for the contact: of that they know the number.
	Typed bool `json:"-"`
}

// LeadContact is the contact of a lead.
type LeadContact struct {
	ID   int64  `json:"id"`
	Name string `json:"name"` // the number until somebody fills in the card
	// Number is what the newest missed call came from, E.164 where it is valid.
	Number string `json:"number"`
}

// leadColumns look at the newest missed call of each lead for number and name;
// a lead that has none is shown with the number that somebody asked for, or else with
// the contact's first.
var leadColumns = `l.id, l.contact, c.name,
	COALESCE(k.caller, NULLIF(l.number, ''), (SELECT MIN(n.number) FROM numbers n WHERE n.contact = l.contact), ''), COALESCE(k.caller_name, ''),
	l.pool, l.line, l.manager, l.missed, l.first_missed, l.last_missed, l.opened, l.closed, l.outcome, l.closed_by,
	l.suspicious, l.ack_by, l.ack_until, ` + typed + `
	FROM leads l LEFT JOIN contacts c ON c.id = l.contact
	LEFT JOIN calls k ON k.id = (SELECT MAX(m.id) FROM calls m WHERE m.lead = l.id)`

// typed is Lead.Typed.
var typed = "COALESCE(c.manager <> l.manager AND " + leads.OwnAsking("l", "l.manager") + ", 0)"

func scanLead(row scanner) (Lead, error) {
	var l Lead
	var contact, closed sql.NullInt64
	var name sql.NullString
	var number string
	var first, last, opened, ackUntil int64
	err := row.Scan(&l.ID, &contact, &name, &number, &l.CallerName, &l.Pool, &l.Line, &l.Manager, &l.Missed,
		&first, &last, &opened, &closed, &l.Outcome, &l.ClosedBy, &l.Suspicious, &l.AcknowledgedBy, &ackUntil, &l.Typed)
	l.FirstMissed, l.LastMissed = leads.Stamp{Time: db.Time(first)}, leads.Stamp{Time: db.Time(last)}
	l.Opened, l.Closed = leads.Stamp{Time: db.Time(opened)}, leads.Stamp{Time: db.Time(closed.Int64)}
	l.ClosedBy, l.CallerName, l.State = leads.Clip(l.ClosedBy), leads.Clip(l.CallerName), Open
	if closed.Valid {
		l.State = Closed
	}
	l.AcknowledgedUntil = leads.Stamp{Time: db.Time(ackUntil)}
	if closed.Valid || time.Now().After(l.AcknowledgedUntil.Time) {
		l.AcknowledgedBy, l.AcknowledgedUntil = "", leads.Stamp{}
	}
	if contact.Valid {
		l.Contact = &LeadContact{ID: contact.Int64, Name: leads.Clip(name.String), Number: leads.Clip(number)}
	}
	return l, err
}

var (
	openLeadsQuery = "SELECT " + leadColumns + ` WHERE l.closed IS NULL AND (l.opened, l.id) < ($1, $2)
		ORDER BY l.opened DESC, l.id DESC LIMIT $3`
	closedLeadsQuery = "SELECT " + leadColumns + " WHERE l.closed IS NOT NULL AND l.id < $1 ORDER BY l.id DESC LIMIT $2"
	allLeadsQuery    = "SELECT " + leadColumns + " WHERE l.id < $1 ORDER BY l.id DESC LIMIT $2"
)

// Leads lists leads by when they were opened, newest first. That never changes:
// whoever follows the cursors meets every lead that was there when they began,
// also one that rings again meanwhile.
func (v *View) Leads(ctx context.Context, state State, p Page) (List[Lead], error) {
	limit, err := p.limit()
	if err != nil {
		return List[Lead]{}, err
	}
	list := "leads-" + string(state)
	from, err := readCursor(list, p.Cursor)
	if err != nil {
		return List[Lead]{}, err
	}
	key := func(l *Lead) place { return place{id: l.ID} }
	var rows []Lead
	switch state {
	case Open:
		key = func(l *Lead) place { return place{db.Millis(l.Opened.Time), l.ID} }
		rows, err = collect(ctx, v.db, scanLead, openLeadsQuery, from.at, from.id, limit+1)
	case Closed:
		rows, err = collect(ctx, v.db, scanLead, closedLeadsQuery, from.id, limit+1)
	case All:
		rows, err = collect(ctx, v.db, scanLead, allLeadsQuery, from.id, limit+1)
	default:
		err = ErrState
	}
	if err != nil {
		return List[Lead]{}, failed("leads", err)
	}
	return cut(rows, limit, list, key), nil
}

const countOpenQuery = "SELECT COUNT(*) FROM leads WHERE closed IS NULL"

// CountOpen tells how many leads are open.
func (v *View) CountOpen(ctx context.Context) (int, error) {
	var n int
	if err := v.db.QueryRowContext(ctx, countOpenQuery).Scan(&n); err != nil {
		return 0, failed("open leads", err)
	}
	return n, nil
}

// LeadCard is all there is to say of one lead.
type LeadCard struct {
	Lead
	// Timeline is its history, the newest entry first, no more than
	// MaxTimeline.
	Timeline []Entry `json:"timeline"`
}

var leadQuery = "SELECT " + leadColumns + " WHERE l.id = $1"

// Lead reads one lead; ErrNotFound is in the error when there is none.
func (v *View) Lead(ctx context.Context, id int64) (*LeadCard, error) {
	l, err := v.LeadNow(ctx, id)
	if err != nil {
		return nil, err
	}
	card := &LeadCard{Lead: *l}
	card.Timeline, err = v.newest(ctx, leadTimelineQuery, id)
	return card, err
}

var openLeadsOfQuery = "SELECT " + leadColumns + " WHERE l.contact = $1 AND l.closed IS NULL"

// openLeadsOf lists what a contact is owed, newest missed call first: no more
// than one lead a pool.
func (v *View) openLeadsOf(ctx context.Context, contact int64) ([]Lead, error) {
	open, err := collect(ctx, v.db, scanLead, openLeadsOfQuery, contact)
	if err != nil {
		return nil, failed("open leads of a contact", err)
	}
	slices.SortFunc(open, func(a, b Lead) int { return b.LastMissed.Compare(a.LastMissed.Time) })
	return open, nil
}
