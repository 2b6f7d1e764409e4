package alert

import (
	"time"

	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
)

// Why somebody is told of a reminder.
const (
	NotReminded Why = Why(appointments.WhyNotReminded) // the client was not called
	Answered    Why = Why(appointments.WhyAnswered)    // the client has pressed a key
	Appointment Why = Why(appointments.WhyMade)        // the client was called and has pressed none
)

// Booked is what a message of a reminder tells of what is booked. Its texts come
// from outside and are Clean.
type Booked struct {
	// Appointment is 0 of a call that was asked for by itself, and so has no
	// start either.
	Appointment int64     `json:"appointment,omitempty"`
	Ref         string    `json:"ref,omitempty"`
	Starts      time.Time `json:"starts_at,omitzero"`
	Place       string    `json:"place,omitempty"`
	Category    string    `json:"category,omitempty"`
	// ManagerName and ManagerPhones are those of the message's Manager.
	ManagerName   string            `json:"manager_name,omitempty"`
	ManagerPhones []string          `json:"manager_phones,omitempty"`
	Fields        map[string]string `json:"fields,omitempty"`
	// Outcome is what became of the call, Reason why there was none.
	Outcome appointments.Outcome `json:"outcome"`
	Reason  appointments.Reason  `json:"reason,omitempty"`
	Detail  string               `json:"detail,omitempty"`
	// Stale says that it was changed while the client answered.
	Stale bool `json:"stale,omitempty"`
}

// Notice promises a notice of a reminder to its person, by the channels that
// alerts take.
func (l *Ladder) Notice(tx *db.Tx, n appointments.Notice) error {
	a := n.Appointment
	m := Message{Why: Why(n.Why), At: tx.Now(), Opened: tx.Now(), Contact: a.Contact, Number: Clean(a.Number), Name: Clean(n.Name),
		Line: a.Line, Pool: n.Pool, Manager: a.Manager, Booked: l.booked(&n)}
	l.address(&m, n.To)
	return l.tell(tx, m, n.ID)
}

func (l *Ladder) booked(n *appointments.Notice) *Booked {
	a := n.Appointment
	b := &Booked{Appointment: a.ID, Ref: Clean(a.Ref), Place: Clean(a.Place), Category: Clean(a.Category), Fields: map[string]string{},
		Outcome: n.Outcome, Reason: n.Reason, Detail: Clean(n.Detail), Stale: n.Stale}
	if a.ID != 0 {
		b.Starts = a.Local()
	}
	if person := l.cfg.Office.Directory.Manager(a.Manager); person != nil {
		b.ManagerName = person.Name
		for i := range person.Devices {
			b.ManagerPhones = append(b.ManagerPhones, person.Devices[i].ShownAs())
		}
	}
	for name, value := range a.Fields {
		b.Fields[name] = Clean(value)
	}
	return b
}

// entry is the message in the timeline.
func (m *Message) entry(kind, channel, detail string) leads.Entry {
	e := leads.Entry{Lead: leads.Ref(m.Lead), Contact: leads.Ref(m.Contact), Kind: kind, Who: m.To, Channel: channel, Detail: detail}
	if m.Booked != nil {
		e.Appointment = leads.Ref(m.Booked.Appointment)
	}
	return e
}
