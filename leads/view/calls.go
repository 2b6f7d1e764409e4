package view

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// Call is a call of the Book.
type Call struct {
	// ID is what timelines and events call it.
	ID int64 `json:"id"`
	leads.ListedCall
	// Contact and Lead are nil where the call has none.
	Contact *int64 `json:"contact"`
	Lead    *int64 `json:"lead"`
	// ContactName is hostile text until somebody has filled in the card.
	ContactName string `json:"-"`
	// Pool and Manager say whose call it is; Manager is a login, empty: nobody's.
	Pool    string `json:"-"`
	Manager string `json:"-"`
	// Placed is set of a call that the daemon itself has made: what for. PlacedFor is
	// the login of who was called then, or of whom a client was called for.
	Placed    dials.Kind `json:"-"`
	PlacedFor string     `json:"-"`
}

// Running says that the call has not ended.
func (c *Call) Running() bool { return c.Ended.IsZero() }

func (c *Call) place() place { return place{db.Millis(c.Started.Time), c.ID} }

const callColumns = `k.id, k.call, k.pbx, k.direction, k.caller, k.caller_name, k.dialed, k.line, k.verdict, k.reason,
	k.started, k.ended, k.wait_ms, k.talk_ms, k.rang, k.answered_by, k.source, k.voicemail, k.explanation, k.contact, k.lead, COALESCE(c.name, ''),
	k.pool, k.manager, COALESCE(own.kind, ''), COALESCE(own.who, '')
	FROM calls k LEFT JOIN contacts c ON c.id = k.contact LEFT JOIN dials own ON own.channel = k.call`

func scanCall(row scanner) (Call, error) {
	var c Call
	var started, wait, talk int64
	var ended, contact, lead sql.NullInt64
	var rang string
	err := row.Scan(&c.ID, &c.Call, &c.PBX, &c.Direction, &c.Caller, &c.CallerName, &c.Dialed, &c.Line, &c.Verdict, &c.Reason,
		&started, &ended, &wait, &talk, &rang, &c.AnsweredBy, &c.Source, &c.Voicemail, &c.Explanation, &contact, &lead, &c.ContactName,
		&c.Pool, &c.Manager, &c.Placed, &c.PlacedFor)
	c.Started = leads.Stamp{Time: db.Time(started)}
	c.Ended = leads.Stamp{Time: db.Time(ended.Int64)}
	c.WaitS = leads.Seconds(time.Duration(wait) * time.Millisecond)
	c.TalkS = leads.Seconds(time.Duration(talk) * time.Millisecond)
	c.Rang = []string{}
	for phone := range strings.FieldsSeq(rang) {
		c.Rang = append(c.Rang, leads.Clip(phone))
	}
	c.Contact, c.Lead = id(contact), id(lead)
	for _, s := range []*string{&c.Caller, &c.CallerName, &c.Dialed, &c.AnsweredBy, &c.ContactName} {
		*s = leads.Clip(*s)
	}
	return c, err
}

const callQuery = "SELECT " + callColumns + " WHERE k.id = $1"

// Call reads one call; ErrNotFound is in the error when there is none.
func (v *View) Call(ctx context.Context, id int64) (*Call, error) {
	c, err := scanCall(v.db.QueryRowContext(ctx, callQuery, id))
	if err != nil {
		return nil, missing("call", id, err)
	}
	return &c, nil
}

const callsOfContactQuery = "SELECT " + callColumns + " WHERE k.contact = $1 ORDER BY k.started DESC, k.id DESC LIMIT $2"

// callsOf lists the newest calls with a contact.
func (v *View) callsOf(ctx context.Context, contact int64, limit int) ([]Call, error) {
	calls, err := collect(ctx, v.db, scanCall, callsOfContactQuery, contact, limit)
	if err != nil {
		return nil, failed("calls of a contact", err)
	}
	return calls, nil
}
