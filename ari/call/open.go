package call

import (
	"strings"
	"time"

	"ringback/ari"
)

// leg is one channel that lives on the PBX.
type leg struct {
	id     string
	name   string
	kind   kind
	up     bool
	inside bool    // not created in an inbound context
	placed bool    // the PBX placed it, it did not come in
	bridge *bridge // nil: in none
	dialer *leg    // who dialed it
	open   *open   // the call it belongs to; nil: none yet
	entry  int     // index+1 of its entry in the call's Legs; 0: none
	app    string  // dialplan application it was last seen in
}

// bridge is one bridge that lives on the PBX.
type bridge struct {
	id      string
	holding bool // parking, waiting rooms: the members do not hear each other
	members []*leg
}

// open is a call that has not ended.
type open struct {
	call  Call
	root  *leg // the first channel; nil while it is only known from the database
	party *leg // the person outside; nil in an internal call, and once gone
	begun bool // Started was told

	stage         stage
	left          How // queueLeft: why the queue let the caller go
	announced     bool
	hungUp        bool
	hungUpRinging bool // the hangup came while Dial was at work
	transferred   bool // and has talked with nobody since
	transferer    string
	transferee2   string // the transferer's second leg
	dialed        int    // legs that got a channel
	dialStatus    string
	context       string // where in the dialplan the first channel is
	lastApp       string // and which application it came to last
	message       bool
	over          bool // hung up or destroyed: what follows is clean-up
}

// party of a leg.
func (l *leg) party(number string) Party {
	p := Party{Endpoint: intern(endpointOf(l.name))}
	if l.placed && !l.inside {
		p.Outside, p.Number = true, number
	}
	return p
}

// carries says that the caller of o hears what happens on this half of a Local
// pair, because the other half is bridged with the caller.
func (l *leg) carries(o *open) bool {
	if l.kind != local || !strings.HasSuffix(l.name, ";2") || o.root == nil || o.root.bridge == nil {
		return false
	}
	other := otherHalf(l.name)
	for _, m := range o.root.bridge.members {
		if m.name == other {
			return true
		}
	}
	return false
}

// number is what a leg of this call that left by a trunk dialed.
func (o *open) number(l *leg) string {
	if l.entry > 0 && l.entry <= len(o.call.Legs) {
		return o.call.Legs[l.entry-1].Number
	}
	return ""
}

// dialing notes that l is being dialed for the call.
func (o *open) dialing(l *leg, dialstring string, c *ari.Channel) {
	if l.entry > 0 || l.kind != endpoint {
		return
	}
	number := ""
	if !l.inside {
		number = strings.Clone(numberOf(dialstring, c))
	}
	o.dialed++
	o.call.Legs = append(o.call.Legs, Leg{Party: l.party(number)})
	l.entry = len(o.call.Legs)
	if !l.inside && o.call.Direction != Inbound {
		o.call.Direction, o.call.Dialed, o.party = Outbound, number, l
	}
}

// legRang and legEnded note what became of a dialed leg. An outcome that is
// known is not replaced by the vaguer one that the hangup brings.
func (o *open) legRang(l *leg) {
	if l.entry > 0 {
		o.call.Legs[l.entry-1].Rang = true
	}
}

func (o *open) legEnded(l *leg, outcome Outcome) {
	if l.entry == 0 || outcome == LegDialing {
		return
	}
	entry := &o.call.Legs[l.entry-1]
	if outcome == LegAnswered || outcome == LegRejected {
		entry.Rang = true
	}
	if entry.Outcome == LegDialing || entry.Outcome == LegElsewhere || outcome == LegRejected && entry.Outcome == LegBusy {
		entry.Outcome = outcome
	}
}

// hangup notes that the person outside hung up: from here on the dialplan only
// cleans up.
func (o *open) hangup() {
	if o.over {
		return
	}
	o.hungUp, o.over = true, true
	o.hungUpRinging = o.root != nil && stages[strings.ToLower(o.root.app)] == ringing
}

// talk begins or goes on with l; it says whether it has just begun.
func (o *open) talk(l *leg, at time.Time) bool {
	for i := range o.call.Talks {
		t := &o.call.Talks[i]
		if t.Channel != l.id {
			continue
		}
		if t.End.IsZero() {
			return false
		}
		// The same two again within a moment: Asterisk has only rebuilt the
		// bridge (a Local pair optimised away, a hold).
		if at.Sub(t.End) < rebuilt {
			t.End = time.Time{}
			return false
		}
	}
	if o.transferred && l.id != o.transferer && l.id != o.transferee2 {
		o.transferred = false
	}
	o.stage = talking
	o.call.Talks = append(o.call.Talks, Talk{Channel: l.id, Who: l.party(o.number(l)), Start: at})
	return true
}

// rebuilt is how soon a bridge that Asterisk rebuilds stands again (measured: a
// few milliseconds).
const rebuilt = time.Second

// part ends the running talks with everybody who is not in with.
func (o *open) part(with []*leg, at time.Time) {
	for i := range o.call.Talks {
		t := &o.call.Talks[i]
		if t.End.IsZero() && !has(with, t.Channel) {
			t.End = at
		}
	}
}

// running says that somebody talks with l's channel now.
func (o *open) running() (channel string, ok bool) {
	for i := range o.call.Talks {
		if o.call.Talks[i].End.IsZero() {
			return o.call.Talks[i].Channel, true
		}
	}
	return "", false
}

func has(legs []*leg, id string) bool {
	for _, l := range legs {
		if l.id == id {
			return true
		}
	}
	return false
}

// outcomeOf reads how a dialed leg ended: first what Dial says of it, then the
// Q.850 cause (ITU-T Q.850 §2.2.5) of its channel's end. A timed-out leg has
// cause 0, and 16 or 19 say no more than that nobody picked up.
func outcomeOf(dialStatus string, cause int) Outcome {
	switch dialStatus {
	case "ANSWER":
		return LegAnswered
	case "BUSY":
		return LegBusy
	case "CHANUNAVAIL":
		return LegUnreachable
	case "CONGESTION":
		return LegCongested
	}
	switch cause {
	case 17:
		return LegBusy
	case 21:
		return LegRejected
	case 26:
		return LegElsewhere
	case 1, 2, 3, 18, 20, 22, 27, 28:
		return LegUnreachable
	case 34, 38, 41, 42, 44, 58:
		return LegCongested
	}
	return LegDialing
}
