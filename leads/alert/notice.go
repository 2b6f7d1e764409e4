package alert

import (
	"fmt"
	"maps"
	"slices"
	"strings"
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
		Line: a.Line, Pool: n.Pool, Manager: a.Manager, Link: strings.TrimSuffix(l.cfg.PublicURL, "/"), Booked: l.booked(&n)}
	if a.Contact != 0 {
		m.Link += fmt.Sprintf("/contacts/%d", a.Contact)
	}
	l.address(&m, n.To)
	m.Text = m.text(tx.Now(), l.cfg.Zone)
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

// begins are the first words of a notice, by what became of the call.
var begins = map[appointments.Outcome]string{
	appointments.SaidYes:    "Confirmed by phone",
	appointments.SaidNo:     "Asks to cancel",
	appointments.WantsTalk:  "Asks to be called",
	appointments.OptedOut:   "Never wants to be called by a robot again",
	appointments.Heard:      "Heard the reminder, not confirmed",
	appointments.NotReached: "Could not be reached",
	appointments.Unsure:     "Perhaps reminded",
	appointments.NotMade:    "Not reminded",
}

// notMade says why no call was made.
var notMade = map[appointments.Reason]string{
	appointments.MissingField:   "something is not filled in",
	appointments.Past:           "it has begun already",
	appointments.NoManager:      "nobody is responsible",
	appointments.SharedNumber:   "the number is shared by several people",
	appointments.OtherCategory:  "its category is not one of those",
	appointments.BadNumber:      "the number cannot be called",
	appointments.NoMedia:        "nothing is recorded in this language",
	appointments.NoLine:         "there is no line to call by",
	appointments.OutsideHours:   "until then the client may not be called",
	appointments.TooLate:        "its time ran out",
	appointments.MissingSound:   "the PBX lacks a recording",
	appointments.Forbidden:      "the rules of what may be dialed forbid it",
	appointments.BrokenReminder: "Ringback itself failed; its log says why",
}

// notice says a message of a reminder in plain words: who, when, where, and what
// became of the call.
func (m *Message) notice() string {
	var b strings.Builder
	n := m.Booked
	b.WriteString(begins[n.Outcome])
	switch {
	case n.Reason != "":
		fmt.Fprintf(&b, " (%s)", join(": ", notMade[n.Reason], n.Detail))
	case n.Outcome == appointments.Unsure && n.Detail != "":
		fmt.Fprintf(&b, " (%s)", n.Detail)
	}
	fmt.Fprintf(&b, ": %s", m.Number)
	if m.Name != "" && m.Name != m.Number {
		fmt.Fprintf(&b, " (%s)", m.Name)
	}
	b.WriteString(".\n")
	if n.Stale {
		b.WriteString("It was changed while they answered: ask them again.\n")
	}
	if m.Manager != "" && m.Manager != m.To {
		fmt.Fprintf(&b, "%s could not be told.\n", m.Manager)
	}
	if m.Double {
		b.WriteString("(You may have had this message before.)\n")
	}
	when := ""
	if !n.Starts.IsZero() {
		when = n.Starts.Format("Mon 2006-01-02 15:04")
	}
	if line := join(", ", when, n.Place, n.Category); line != "" {
		fmt.Fprintf(&b, "%s.\n", line)
	}
	for _, name := range slices.Sorted(maps.Keys(n.Fields)) {
		fmt.Fprintf(&b, "%s: %s\n", name, n.Fields[name])
	}
	if n.ManagerName != "" {
		fmt.Fprintf(&b, "With %s.\n", join(", ", n.ManagerName, strings.Join(n.ManagerPhones, ", ")))
	}
	b.WriteString(m.Link)
	return b.String()
}

// join puts what is there between separators.
func join(separator string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), separator)
}

// entry is the message in the timeline.
func (m *Message) entry(kind, channel, detail string) leads.Entry {
	e := leads.Entry{Lead: leads.Ref(m.Lead), Contact: leads.Ref(m.Contact), Kind: kind, Who: m.To, Channel: channel, Detail: detail}
	if m.Booked != nil {
		e.Appointment = leads.Ref(m.Booked.Appointment)
	}
	return e
}
