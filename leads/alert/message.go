package alert

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode"

	"ringback/routing"
)

// Why a message is sent.
type Why string

const (
	NewLead   Why = "new_lead"   // somebody has become yours to call back
	RangAgain Why = "rang_again" // and has rung again meanwhile
	Overdue   Why = "overdue"    // to the supervisor: nobody has called back
)

// Message is one alert to one person by one channel.
type Message struct {
	// ID is the same whenever the same message is sent again: with Opened, that
	// no other database has, receivers remove doubles by it.
	ID string `json:"id"`
	// Opened is when the lead was opened.
	Opened time.Time `json:"opened,omitzero"`
	Why    Why       `json:"why"`
	// At is when there was something to tell, however late it is sent.
	At time.Time `json:"at"`
	// Due is when it was to be told: the rung's own time, or the end of the
	// settling.
	Due time.Time `json:"due,omitzero"`
	// To is the login of the person, Devices where they are reached by phone,
	// Email by mail.
	To      string           `json:"to"`
	Devices []routing.Device `json:"devices,omitempty"`
	Email   string           `json:"email,omitempty"`

	Lead    int64 `json:"lead"`
	Contact int64 `json:"contact,omitempty"`
	// Number is E.164, or as received where it is no valid number; empty:
	// withheld. Number and Name come from outside and are Clean.
	Number string `json:"number"`
	Name   string `json:"name,omitempty"`
	// NeedsDetails says that nobody has given the contact a name yet.
	NeedsDetails bool      `json:"needs_details,omitempty"`
	Line         string    `json:"line"`
	Pool         string    `json:"pool"`
	Manager      string    `json:"manager"`
	Missed       int       `json:"missed"`
	LastMissed   time.Time `json:"last_missed"`
	Link         string    `json:"link"`
	// Rung and Ladder say where in the ladder it was sent.
	Ladder int `json:"ladder"`
	Rung   int `json:"rung"`
	// Last says that no rung came after this one, Round how often the rung was
	// climbed before and reached nobody.
	Last  bool `json:"last,omitempty"`
	Round int  `json:"round,omitempty"`
	// Double says that it may have been sent before: the daemon died while it
	// was being sent, or nobody answered.
	Double bool `json:"double,omitempty"`
	// FoundLate says that the lead was opened long after the call: the daemon had
	// not seen it.
	FoundLate bool `json:"found_late,omitempty"`
	// Leads are those of a Digest, which is about none by itself.
	Leads []Listed `json:"leads,omitempty"`
	// Booked is set of messages about reminders alone.
	Booked *Booked `json:"booked,omitempty"`
	// Text says all this in plain words.
	Text string `json:"text"`
}

// Outcome says what became of a message.
type Outcome string

const (
	Sent        Outcome = "sent"        // the channel has taken it
	Unreachable Outcome = "unreachable" // the receiver is away now: worth another try
	Refused     Outcome = "refused"     // the receiver will not take it: no use trying again
	TimedOut    Outcome = "timed_out"   // no answer came: it may have arrived
)

// Outcomes lists every outcome, for metrics.
var Outcomes = []Outcome{Sent, Unreachable, Refused, TimedOut}

// Channel is a way to reach a person. Send hands one message over, within the
// deadline of ctx; the detail says in plain words what went wrong, without
// secrets.
type Channel interface {
	Send(ctx context.Context, m Message) (Outcome, string)
}

// text says the message in plain words, on few lines, as of now.
func (m *Message) text(now time.Time, zone *time.Location) string {
	switch {
	case m.Booked != nil:
		return m.notice()
	case m.Why == Digest:
		return m.digested(now, zone)
	}
	var b strings.Builder
	switch {
	case m.Why == NewLead && m.Missed == 0:
		b.WriteString("Asks to be called: ")
	case m.Why == NewLead:
		b.WriteString("Missed call: ")
	case m.Why == RangAgain:
		b.WriteString("Rang again: ")
	case m.Why == Overdue:
		b.WriteString("Not called back yet: ")
	}
	if m.Number == "" {
		b.WriteString("withheld number")
	} else {
		b.WriteString(m.Number)
	}
	if m.Name != "" && m.Name != m.Number {
		fmt.Fprintf(&b, " (%s)", m.Name)
	}
	if m.Line != "" {
		fmt.Fprintf(&b, ", line %s", m.Line)
	}
	fmt.Fprintf(&b, ", %s", clock(m.LastMissed.In(zone), now.In(zone)))
	if m.Missed > 1 {
		fmt.Fprintf(&b, ", %d missed calls", m.Missed)
	}
	if m.Why == Overdue && m.Manager != "" && m.Manager != m.To {
		fmt.Fprintf(&b, ", assigned to %s", m.Manager)
	}
	b.WriteString(".\n")
	if m.FoundLate {
		b.WriteString("Found late: Ringback could not see it when it happened.\n")
	}
	if m.Double {
		b.WriteString("(You may have had this message before.)\n")
	}
	if m.NeedsDetails {
		b.WriteString("New contact: please fill in the card.\n")
	}
	b.WriteString(m.Link)
	return b.String()
}

// clock says when something was: the time alone is of today.
func clock(t, now time.Time) string {
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04")
	}
	return t.Format("2006-01-02 15:04")
}

// maxShown bounds text from outside in a message, in runes.
const maxShown = 64

// Clean makes text from outside fit for one line of a message. Names and numbers
// of callers are hostile (DESIGN.md, house rule 9).
func Clean(s string) string { return Line(s, maxShown) }

// Line makes text fit for one line: control and invisible characters, those that
// turn the direction of writing among them, become blanks, and after as many
// characters it is cut.
func Line(s string, most int) string {
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if n == most {
			b.WriteRune('…')
			break
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
