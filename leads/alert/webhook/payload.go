package webhook

import (
	"encoding/json"
	"fmt"
	"time"

	"ringback/leads/alert"
)

// event is the body of a request. Receivers rely on its names: they are the
// contract, and so kept apart from alert.Message, which is not.
type event struct {
	// Type is "alert." and alert.Why: alert.new_lead, alert.handed, alert.rang_again,
	// alert.overdue.
	Type string `json:"type"`
	// Timestamp is when there was something to tell: the same when the event
	// is posted again.
	Timestamp time.Time `json:"timestamp"`
	Data      data      `json:"data"`
}

// data is the alert. Every name is always there.
type data struct {
	To           string    `json:"to"`      // login of the person who is to know
	Lead         int64     `json:"lead"`    // id
	Contact      *int64    `json:"contact"` // id; null: a withheld number
	Number       string    `json:"number"`  // E.164, or as received; empty: withheld
	Name         string    `json:"name"`
	NeedsDetails bool      `json:"needs_details"` // nobody has given the contact a name
	Line         string    `json:"line"`
	Pool         string    `json:"pool"`
	Manager      string    `json:"manager"` // login of who is to call back
	Missed       int       `json:"missed"`  // how many missed calls the lead stands for
	LastMissed   time.Time `json:"last_missed"`
	Link         string    `json:"link"`   // the page of the contact or lead
	Rung         int       `json:"rung"`   // of the lead's ladder, from 0
	Double       bool      `json:"double"` // may have been told before
	Text         string    `json:"text"`   // all this in plain words
}

// payload is the body that tells m.
func payload(m *alert.Message) ([]byte, error) {
	e := event{Type: "alert." + string(m.Why), Timestamp: m.At.UTC(), Data: data{
		To: m.To, Lead: m.Lead, Number: m.Number, Name: m.Name, NeedsDetails: m.NeedsDetails,
		Line: m.Line, Pool: m.Pool, Manager: m.Manager, Missed: m.Missed, LastMissed: m.LastMissed.UTC(),
		Link: m.Link, Rung: m.Rung, Double: m.Double, Text: m.Text,
	}}
	if m.Contact != 0 {
		e.Data.Contact = &m.Contact
	}
	body, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("webhook: body of %s: %w", m.ID, err)
	}
	return body, nil
}
