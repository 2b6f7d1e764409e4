package call

import (
	"fmt"
	"slices"
	"time"
)

// Direction says who called whom, as the person outside sees it.
type Direction string

const (
	Inbound  Direction = "inbound"  // the first channel came in by a trunk
	Outbound Direction = "outbound" // a phone of the house called out by a trunk
	Internal Direction = "internal" // nobody outside took part
)

// How says what the PBX showed as the last thing that became of a call. The
// words are those of the reasons in package routing.
type How string

const (
	Person           How = "person"            // a talk, however short
	AbandonedRinging How = "abandoned_ringing" // hung up while phones were being rung
	NoAnswer         How = "no_answer"         // phones rang until the time ran out
	Busy             How = "busy"              // phones were busy, none rang
	Rejected         How = "rejected"          // phones declined, none rang out
	Unreachable      How = "unreachable"       // no phone could be rung
	AbandonedQueue   How = "abandoned_queue"   // hung up while waiting in a queue
	QueueTimeout     How = "queue_timeout"     // QUEUESTATUS TIMEOUT
	QueueFull        How = "queue_full"        // QUEUESTATUS FULL
	QueueEmpty       How = "queue_empty"       // QUEUESTATUS JOINEMPTY, LEAVEEMPTY, JOINUNAVAIL, LEAVEUNAVAIL
	QueueKey         How = "queue_key"         // left the queue without a QUEUESTATUS and without hanging up
	AbandonedIVR     How = "abandoned_ivr"     // hung up in a menu or announcement
	IVREnded         How = "ivr_ended"         // the dialplan ended it after a menu or announcement
	Voicemail        How = "voicemail"         // it ended in voicemail
	LostInTransfer   How = "lost_in_transfer"  // talked, was transferred, reached nobody there
	Failed           How = "failed"            // the PBX could not carry it
	Unconfirmed      How = "unconfirmed"       // it ended while nobody could see
)

// Kind is what a Fact tells.
type Kind uint8

const (
	// Started: a call has begun. Internal calls are told only by their end.
	Started Kind = iota + 1
	// Moved: phones rang or gave up, or the caller came to a queue or a
	// voicemail. It tells nothing that the end does not tell too; whoever keeps
	// calls over a restart keeps the newest.
	Moved
	// Reached: a talk has begun.
	Reached
	// Ended: the call is over and its How is known.
	Ended
	// Lost: the call ended while nobody could see. Its How is Person when a talk
	// was seen, otherwise Unconfirmed; call records may know better.
	Lost
)

func (k Kind) String() string {
	switch k {
	case Started:
		return "started"
	case Moved:
		return "moved"
	case Reached:
		return "reached"
	case Ended:
		return "ended"
	case Lost:
		return "lost"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// Fact is one thing that is now known of a call, with everything else that is
// known of it at that moment: whoever keeps the newest fact of a call needs no
// older one.
type Fact struct {
	Kind Kind
	// At is the PBX's clock.
	At time.Time
	// Heard is our clock when the event that tells it was read from the PBX;
	// zero in a replay.
	Heard time.Time
	Call  Call
}

// Call is one conversation attempt as the person outside sees it.
type Call struct {
	PBX string `json:"pbx"`
	// ID is the id of the first channel.
	ID        string    `json:"id"`
	Direction Direction `json:"direction"`
	// Own says that the daemon itself placed the first channel.
	Own bool `json:"own,omitempty"`
	// HungUp says that the side that called hung up.
	HungUp bool `json:"hung_up,omitempty"`
	// Message says that a voicemail was left.
	Message bool `json:"message,omitempty"`
	// Unseen says that nobody could see the end of the call.
	Unseen bool `json:"unseen,omitempty"`
	// Gap says that a part of it may not have been seen: it was in progress when a
	// session began that was not the first.
	Gap bool `json:"gap,omitempty"`
	// Source is where the end is known from.
	Source Source `json:"source,omitempty"`
	// Caller and Dialed are as the PBX received them; of an outbound call
	// Dialed is the number that left by the trunk.
	Caller     string `json:"caller"`
	CallerName string `json:"caller_name,omitempty"`
	Dialed     string `json:"dialed"`
	// From is the endpoint of the first channel: the trunk by which an inbound
	// call came in, the phone that placed any other.
	From Party `json:"from,omitzero"`
	// Origin is the dialplan context in which the first channel began.
	Origin string `json:"origin,omitempty"`

	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	How     How       `json:"how,omitempty"`
	// Application and Context are where in the dialplan it ended.
	Application string `json:"application,omitempty"`
	Context     string `json:"context,omitempty"`
	Legs        []Leg  `json:"legs,omitempty"`
	Talks       []Talk `json:"talks,omitempty"`
	Stops       []Stop `json:"stops,omitempty"`

	// Progress is how far the call has come. It is the tracker's own: kept with
	// an open call and handed back to Resume.
	Progress Progress `json:"progress,omitzero"`
}

// Progress is what the tracker remembers of an open call beyond what it tells.
type Progress struct {
	Stage         stage  `json:"stage,omitempty"`
	Unmailed      stage  `json:"unmailed,omitempty"`       // the stage before the voicemail, which may fail
	Mailed        After  `json:"mailed,omitempty"`         // when that voicemail began
	Left          How    `json:"left,omitempty"`           // after a queue: why it let the caller go
	Announced     bool   `json:"announced,omitempty"`      // the caller has heard something of the PBX
	RingingHangup bool   `json:"ringing_hangup,omitempty"` // the caller gave up while phones were being rung
	InDial        bool   `json:"in_dial,omitempty"`        // the caller hung up in a Dial: its legs may be told to end before or after
	Transferred   bool   `json:"transferred,omitempty"`    // and has talked with nobody since
	Star          bool   `json:"star,omitempty"`           // the caller has pressed * while phones were being rung
	Recorded      bool   `json:"recorded,omitempty"`       // Record has kept something: a message, if nothing follows
	Over          bool   `json:"over,omitempty"`           // hung up: what follows is clean-up
	Away          bool   `json:"away,omitempty"`           // sent elsewhere out of a talk
	Next          uint32 `json:"next,omitempty"`           // the dialplan's line after that of the talk
	Transferer    string `json:"transferer,omitempty"`     // the channels of who transferred
	Transferer2   string `json:"transferer2,omitempty"`
	Dialed        int    `json:"dialed,omitempty"` // legs that got a channel
	DialStatus    string `json:"dial_status,omitempty"`
	App           string `json:"app,omitempty"` // dialplan application that the first channel came to last
}

// Source is where something is known from.
type Source string

const (
	Events  Source = ""    // the tracker has seen it
	Records Source = "cdr" // the PBX's own call records tell it
)

func (s Source) String() string {
	if s == Events {
		return "ari"
	}
	return string(s)
}

// Party is who stands at the end of a leg.
type Party struct {
	// Endpoint is the phone or trunk as Asterisk names it: "PJSIP/101".
	Endpoint string `json:"endpoint,omitempty"`
	// Outside says that the leg left by a trunk; Number is whom it dialed.
	Outside bool   `json:"outside,omitempty"`
	Number  string `json:"number,omitempty"`
}

// Leg is one phone that was dialed for the call.
type Leg struct {
	Party
	// Channel is its id.
	Channel string `json:"channel,omitempty"`
	// Rang says that the phone was heard to ring, or was answered or declined,
	// which a phone does only when it rings.
	Rang bool `json:"rang,omitempty"`
	// HungUp says that its far end hung up, GivenUp that whoever dialed it did
	// before the time was over.
	HungUp  bool `json:"h,omitempty"`
	GivenUp bool `json:"g,omitempty"`
	// Dialed and Over are when it began to be dialed, and when it was answered or
	// was over.
	Dialed  After   `json:"d,omitempty"`
	Over    After   `json:"o,omitempty"`
	Outcome Outcome `json:"outcome,omitempty"`
}

// Outcome is what became of a dialed leg.
type Outcome string

const (
	LegDialing     Outcome = ""            // nothing yet, or it rang until it was given up
	LegAnswered    Outcome = "answered"    // picked up
	LegBusy        Outcome = "busy"        // Q.850 cause 17
	LegRejected    Outcome = "rejected"    // Q.850 cause 21: a person declined
	LegUnreachable Outcome = "unreachable" // unregistered, switched off, unknown
	LegCongested   Outcome = "congested"   // the network could not carry it
	LegForwarded   Outcome = "forwarded"   // the phone sent the call on to another number
	LegElsewhere   Outcome = "elsewhere"   // Q.850 cause 26: another phone answered
)

// Talk is a span in which the person outside shared a bridge with somebody.
type Talk struct {
	// Channel is the id of the leg talked with.
	Channel string    `json:"channel"`
	Who     Party     `json:"who"`
	Start   time.Time `json:"start"`
	// End is zero while the talk runs.
	End time.Time `json:"end,omitzero"`
	// HungUp says that the far end ended the talk by hanging up.
	HungUp bool `json:"hung_up,omitempty"`
}

// Length is how long the talk lasted, or by now when it still runs.
func (t Talk) Length(now time.Time) time.Duration {
	if t.End.IsZero() {
		return now.Sub(t.Start)
	}
	return t.End.Sub(t.Start)
}

// end ends the talk, at the earliest when it began: a gap may have begun before.
func (t *Talk) end(at time.Time) {
	t.End = at
	if at.Before(t.Start) {
		t.End = t.Start
	}
}

// Lose is the call as it is known when its end will never be seen: it is over by
// now, and its talks are known to have lasted until the watching ended.
func (c Call) Lose(until, now time.Time) Call {
	c = c.clone()
	for i := range c.Talks {
		if c.Talks[i].End.IsZero() {
			c.Talks[i].end(until)
		}
	}
	c.Ended, c.Unseen = now, true
	if c.How == "" {
		c.How = (&open{call: c}).lost()
	}
	return c
}

// clone makes the slices independent of the tracker's.
func (c Call) clone() Call {
	c.Legs, c.Talks, c.Stops = slices.Clone(c.Legs), slices.Clone(c.Talks), slices.Clone(c.Stops)
	return c
}
