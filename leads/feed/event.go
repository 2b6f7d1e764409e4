package feed

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/view"
)

// Event is something that happened, as programs are told.
type Event struct {
	// ID is the same whenever the event is told, and no other database's.
	ID   string `json:"id"`
	Type string `json:"type"`
	// Timestamp is when it happened.
	Timestamp leads.Stamp `json:"timestamp"`
	// Replayed says that it is posted because somebody has asked for it again.
	Replayed bool `json:"replayed,omitempty"`
	Data     Data `json:"data"`
}

// Data is what happened, and to whom. Texts may be hostile.
type Data struct {
	// Who is the login or the phone that it is about, By the login of who did it
	// where that is another; empty: nobody.
	Who string `json:"who"`
	By  string `json:"by"`
	// How is the way by which it was done, or the channel of an alert.
	How    string `json:"how"`
	Detail string `json:"detail"`
	Call   *int64 `json:"call"` // id of the call that did it
	// Lead and Contact are as they stand now, which may be later than the event.
	Lead    *view.Lead    `json:"lead"`
	Contact *view.Contact `json:"contact"` // only of events about a contact alone
}

// entry is a line of the timeline.
type entry struct {
	id                               int64
	at                               time.Time
	kind, who, channel, detail       string
	actor                            string
	lead, contact, call, appointment sql.NullInt64
	// opens says that it is of a kind that opens a lead, first that no such came
	// before it.
	opens, first bool
}

// subject is what keeps its order.
func (e *entry) subject() string {
	switch {
	case e.lead.Valid:
		return fmt.Sprintf("lead:%d", e.lead.Int64)
	case e.contact.Valid:
		return fmt.Sprintf("contact:%d", e.contact.Int64)
	}
	return "manager:" + e.who
}

const (
	entryColumns = `SELECT t.id, t.at, t.kind, t.who, t.channel, t.detail, t.actor, t.lead, t.contact, t.call, t.appointment,
		t.kind IN ('missed', 'asked'),
		t.kind IN ('missed', 'asked') AND NOT EXISTS (SELECT 1 FROM timeline b WHERE b.lead = t.lead AND b.id < t.id AND b.kind IN ('missed', 'asked'))
		FROM timeline t `
	entryQuery       = entryColumns + "WHERE t.id = $1"
	entriesQuery     = entryColumns + "WHERE t.id > $1 AND t.id <= $2 ORDER BY t.id LIMIT $3"
	leadEntriesQuery = entryColumns + "WHERE t.lead = $1 AND t.id > $2 AND t.id <= $3 ORDER BY t.id LIMIT $4"
)

func scanEntry(row interface{ Scan(...any) error }) (entry, error) {
	var e entry
	var at int64
	err := row.Scan(&e.id, &at, &e.kind, &e.who, &e.channel, &e.detail, &e.actor, &e.lead, &e.contact, &e.call, &e.appointment, &e.opens, &e.first)
	e.at = db.Time(at)
	return e, err
}

// source reads the timeline, and what it is about.
type source struct {
	db   *sql.DB
	view *view.View
}

// entries reads entries in their order.
func (s *source) entries(ctx context.Context, query string, args ...any) ([]entry, error) {
	rows, err := s.db.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("feed: timeline: %w", err)
	}
	return scanEntries(rows)
}

// scanEntries reads rows of entries, and closes them.
func scanEntries(rows interface {
	Next() bool
	Scan(...any) error
	Err() error
	Close() error
}) ([]entry, error) {
	defer rows.Close()
	var list []entry
	for rows.Next() {
		e, err := scanEntry(rows)
		if err != nil {
			return nil, fmt.Errorf("feed: timeline: %w", err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("feed: timeline: %w", err)
	}
	return list, nil
}

// body reads the event of an entry as it is posted; nil: the entry is not there
// any more.
func (s *source) body(ctx context.Context, id int64, replayed bool) (*Event, []byte, error) {
	e, err := scanEntry(s.db.QueryRowContext(ctx, entryQuery, id))
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, nil
	}
	if err != nil {
		return nil, nil, fmt.Errorf("feed: entry %d: %w", id, err)
	}
	told, err := s.event(ctx, &e)
	if err != nil {
		return nil, nil, err
	}
	told.Replayed = replayed
	text, err := json.Marshal(told)
	if err != nil {
		return nil, nil, fmt.Errorf("feed: entry %d: %w", id, err)
	}
	return told, text, nil
}

// event is what an entry tells, with the lead or contact as it stands.
func (s *source) event(ctx context.Context, e *entry) (*Event, error) {
	told := &Event{ID: fmt.Sprintf("evt_%d_%d", e.id, e.at.UnixMilli()), Type: typeOf(e), Timestamp: leads.Stamp{Time: e.at}, Data: Data{
		Who: leads.Clip(e.who), By: leads.Clip(e.actor), How: leads.Clip(e.channel), Detail: leads.Clip(e.detail)}}
	if e.call.Valid {
		told.Data.Call = &e.call.Int64
	}
	var err error
	switch {
	case e.lead.Valid:
		told.Data.Lead, err = s.view.LeadNow(ctx, e.lead.Int64)
	case e.contact.Valid:
		told.Data.Contact, err = s.view.ContactNow(ctx, e.contact.Int64)
	}
	if errors.Is(err, view.ErrNotFound) { // its time to be kept is over
		err = nil
	}
	return told, err
}
