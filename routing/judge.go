package routing

import (
	"slices"
	"strings"
	"time"
)

// Thresholds are the lengths that separate one verdict from another.
type Thresholds struct {
	// MinTalk is how long a caller and a person must share a bridge to have
	// talked; less is Dropped.
	MinTalk time.Duration `yaml:"min_talk"`
	// ExternalAfter is how long a leg that left by a trunk must last to count
	// as a person: a mobile's voicemail answers too.
	ExternalAfter time.Duration `yaml:"external_after"`
	// ReachedAfter is how long a call out must last to settle a lead.
	ReachedAfter time.Duration `yaml:"reached_after"`
	// ShortAbandon ignores callers who hang up sooner; 0 ignores none.
	ShortAbandon time.Duration `yaml:"short_abandon"`
	// Suspicious is a call of somebody who never rang before and hung up
	// sooner: a lead is opened, and nobody is told of it until they ring again.
	// 0 suspects nobody.
	Suspicious time.Duration `yaml:"suspicious"`
}

// DefaultThresholds are those of a configuration that names none.
func DefaultThresholds() Thresholds {
	return Thresholds{MinTalk: 3 * time.Second, ExternalAfter: 20 * time.Second, ReachedAfter: 20 * time.Second,
		Suspicious: 3 * time.Second}
}

// HandledBy names where a call may end without anybody owing a call back: fax,
// bots, self-service, conferences.
type HandledBy struct {
	Applications []string `yaml:"applications"` // dialplan applications, such as ReceiveFAX
	Contexts     []string `yaml:"contexts"`     // dialplan contexts
	Lines        []string `yaml:"lines"`        // names of lines
}

// Ending is what the PBX showed of an inbound call, as far as a verdict needs it.
type Ending struct {
	// Shown is what the PBX shows as the last thing that became of the call;
	// Person when that was a talk, however short.
	Shown Reason
	// Talk and OutsideTalk are the longest talks with a phone of the house and
	// with a leg that left by a trunk; zero: none. Whoever fills them rounds up,
	// so that a talk that happened is never zero.
	Talk, OutsideTalk time.Duration
	// Rang says that at least one phone rang.
	Rang bool
	// Started and Ended bound the call.
	Started, Ended time.Time
	// Application and Context are where in the dialplan the call ended.
	Application, Context string
	// Line is the name of the line that was dialed.
	Line string
	// Caller is the caller's number in E.164, or as received.
	Caller string
	// Message says that a voicemail was left.
	Message bool
	// Own says that the daemon itself placed the call.
	Own bool
}

// Judge turns what the PBX showed of an inbound call into its one verdict.
// Policy comes before observation (own, blocked), a person reached before
// every kind of miss, and the more telling of two true reasons wins.
func (p *Pool) Judge(e Ending) (Verdict, Reason) {
	switch {
	case e.Own:
		return Ignored, Own
	case slices.Contains(p.Block, e.Caller):
		return Ignored, Blocked
	case e.Shown != LostInTransfer && p.reached(e):
		return Answered, Person
	case p.handled(e): // also when a person sent the caller there
		return Ignored, Handled
	case e.Shown == LostInTransfer:
		return Missed, LostInTransfer
	case e.Shown == Person && e.Talk > 0:
		return Missed, Dropped
	case e.Shown == Person:
		return Missed, ExternalUnconfirmed
	case e.Message: // whoever has left one waits for an answer
		return Missed, e.Shown
	case e.Shown.GaveUp() && e.Ended.Sub(e.Started) < p.Missed.ShortAbandon:
		return Ignored, Short
	case !e.Rang && yieldsToClosed(e.Shown) && !p.Hours.Open(e.Started):
		return Missed, Closed
	}
	return Missed, e.Shown
}

// reached applies the two lengths that make a talk. A talk of no measurable
// length is none, even where the thresholds are zero.
func (p *Pool) reached(e Ending) bool {
	return p.Reached(e.Talk, false) || p.Reached(e.OutsideTalk, true)
}

// Reached says that a talk of this length, with a phone of the house or with a
// leg that left by a trunk, is long enough to have reached a person.
func (p *Pool) Reached(talk time.Duration, outside bool) bool {
	if outside {
		return talk > 0 && talk >= p.Missed.ExternalAfter
	}
	return talk > 0 && talk >= p.Missed.MinTalk
}

func (p *Pool) handled(e Ending) bool {
	return containsFold(p.Handled.Applications, e.Application) ||
		slices.Contains(p.Handled.Contexts, e.Context) ||
		slices.Contains(p.Handled.Lines, e.Line)
}

// yieldsToClosed says that "we were closed" tells more than the reason itself.
// A voicemail, a fault of the PBX and an unseen end stay what they are.
func yieldsToClosed(r Reason) bool {
	return r != Voicemail && r != Failed && r != Unconfirmed
}

// containsFold compares as Asterisk compares application names: without case.
func containsFold(list []string, s string) bool {
	return s != "" && slices.ContainsFunc(list, func(v string) bool { return strings.EqualFold(v, s) })
}
