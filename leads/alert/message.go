package alert

import (
	"context"
	"time"

	"ringback/leads/text"
	"ringback/routing"
)

// Why a message is sent.
type Why string

const (
	NewLead   Why = "new_lead"   // somebody has become yours to call back
	Handed    Why = "handed"     // it was another's before
	RangAgain Why = "rang_again" // and has rung again meanwhile
	Overdue   Why = "overdue"    // to the supervisor: nobody has called back
)

// Whys lists every reason, Digest and those of reminders included.
var Whys = []Why{NewLead, Handed, RangAgain, Overdue, Digest, Collected, Left, NotReminded, Answered, Appointment}

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
	// Email by mail, Mobile (E.164) by a short message.
	To      string           `json:"to"`
	Devices []routing.Device `json:"devices,omitempty"`
	Email   string           `json:"email,omitempty"`
	Mobile  string           `json:"mobile,omitempty"`
	// Language is in which they are spoken to.
	Language text.Language `json:"language,omitempty"`

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
	// Link is the person's own: who has it sees the lead without a password. In
	// what programs are told it is that of the page. It belongs into no log.
	Link string `json:"link"`
	// Rung and Ladder say where in the ladder it was sent.
	Ladder int `json:"ladder"`
	Rung   int `json:"rung"`
	// Last says that no rung came after this one, Round how often the rung was
	// climbed before and reached nobody.
	Last  bool `json:"last,omitempty"`
	Round int  `json:"round,omitempty"`
	// Turn are the channels that are tried, one after the other, where this one
	// fails.
	Turn []string `json:"turn,omitempty"`
	// Double says that it may have been sent before: the daemon died while it
	// was being sent, or nobody answered.
	Double bool `json:"double,omitempty"`
	// FoundLate says that the lead was opened long after the call: the daemon had
	// not seen it.
	FoundLate bool `json:"found_late,omitempty"`
	// Leads are those of a list, which is about none by itself; Ends are the last
	// rungs among what it tells.
	Leads []Listed `json:"leads,omitempty"`
	Ends  []End    `json:"ends,omitempty"`
	// Booked is set of messages about reminders alone.
	Booked *Booked `json:"booked,omitempty"`
	// Text says all this in plain words; Short says what matters of it in a line
	// and the link, Subject heads it. They are said when the message is promised:
	// sent again, it is the same.
	Text    string `json:"text"`
	Short   string `json:"short,omitempty"`
	Subject string `json:"subject,omitempty"`
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
