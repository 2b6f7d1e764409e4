package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// dialing notes that l is being dialed for the call.
func (o *open) dialing(l *leg, c *ari.Channel) {
	if l.entry > 0 || l.kind != endpoint {
		return
	}
	number, told := l.number, l.number != ""
	if !l.inside && !told {
		number = strings.Clone(numberOf("", c))
	}
	o.call.Progress.Dialed++
	l.entry = o.list(Leg{Party: l.party(number), Channel: l.id, Dialed: o.after()})
	if l.rang {
		l.hasRung()
	}
	l.hasEnded(l.outcome)
	if o.call.Direction != Inbound && l.inside && o.party == nil && o.call.From.Endpoint == "" {
		o.callsBy(l) // a page's "call" button rings it first, through a Local pair
	}
	if l.inside || o.call.Direction == Inbound {
		return
	}
	if o.call.Direction != Outbound || told {
		o.call.Dialed = number
	}
	if o.call.Direction == Internal {
		// Two of the house have talked, and one puts the other through.
		o.call.Talks, o.call.Progress.Transferred, o.call.Progress.Stage = nil, false, ringing
	}
	o.call.Direction, o.party = Outbound, l
}

// maxLegs bounds what is remembered of a dialplan that dials in circles.
const maxLegs = 64

// list gives a leg its entry, and says its place, counted from 1. When there are
// too many it takes that of the oldest try of the same phone, or of any phone,
// that is over.
func (o *open) list(e Leg) int32 {
	if len(o.call.Legs) >= maxLegs {
		over := func(l Leg) bool { return o.tracker.legs[l.Channel] == nil }
		i := slices.IndexFunc(o.call.Legs, func(l Leg) bool { return l.Party == e.Party && over(l) })
		if i < 0 {
			i = slices.IndexFunc(o.call.Legs, over)
		}
		if i >= 0 {
			o.call.Legs[i] = e
			return int32(i + 1)
		}
	}
	o.call.Legs = append(o.call.Legs, e)
	return int32(len(o.call.Legs))
}

// isRinging says that a phone is being rung, or was picked up by somebody who is
// asked whether they want the call; its end may be told before the hangup that it
// comes from. A Dial whose legs were never seen is believed to ring until
// DIALSTATUS says otherwise.
func (o *open) isRinging() bool {
	for i := range o.call.Legs {
		l := &o.call.Legs[i]
		there := o.tracker.legs[l.Channel]
		if (l.Outcome == LegDialing || l.Outcome == LegAnswered) && (there != nil && there != o.caller || l.GivenUp) {
			return true
		}
	}
	return o.call.Progress.Dialed == 0 && o.call.Progress.DialStatus == ""
}

// lists says that a channel has an entry in the call.
func (o *open) lists(channel string) bool {
	return slices.ContainsFunc(o.call.Legs, func(l Leg) bool { return l.Channel == channel })
}

// dial follows who dials whom.
func (t *Tracker) dial(ev *ari.Event) {
	peer := t.leg(&ev.Peer, false)
	if peer == nil {
		return
	}
	if ev.Channel.ID == "" { // originated: nobody dials
		if peer.open == nil && peer.kind != nobody {
			t.originated(peer, ev)
		}
		peer.dialed(ev)
		return
	}
	caller := t.leg(&ev.Channel, false)
	if caller == nil {
		return
	}
	if o := caller.open; o != nil && t.open[o.call.ID] != o && caller.kind == endpoint {
		t.goOn(caller, &ev.Channel, ev.Channel.Exten, ev.At) // its call is over, and it calls somebody
	}
	if !peer.inside && ev.DialString != "" {
		peer.number = strings.Clone(numberOf(ev.DialString, &ev.Peer))
	}
	if peer.open == nil || peer.open == caller.open {
		peer.open, peer.placed = caller.open, true
	}
	if peer.kind == local {
		t.share(peer, ev.At)
	}
	o := caller.open
	if o == nil {
		caller.early = slices.DeleteFunc(caller.early, func(l *leg) bool { return t.legs[l.id] != l })
		if !slices.Contains(caller.early, peer) {
			caller.early = append(caller.early, peer)
		}
		return
	}
	if peer.open != o {
		return
	}
	t.join(o, peer, &ev.Peer, ev.At)
	if ev.Channel.AppName != "" {
		caller.application(ev.Channel.AppName, ev.Channel.AppData, &ev.Channel)
	}
	if ev.DialStatus == "" && !peer.rang && !peer.joined && stages[strings.ToLower(caller.app)] == ringing && (caller == o.root || caller.carries(o)) {
		o.ringsAgain()
	}
	peer.dialed(ev)
}

// join lets a leg be dialed for a call. A call whose first leg leaves by a trunk
// is outbound from then on, and is told.
func (t *Tracker) join(o *open, l *leg, c *ari.Channel, at time.Time) {
	if t.open[o.call.ID] != o {
		return // it is over
	}
	o.dialing(l, c)
	if o.call.Direction == Outbound && !o.begun {
		o.begun = true
		t.tell(Started, o, at)
	}
}

// share hands the call of one half of a Local pair to the other, and to the
// legs that the other has dialed meanwhile: its events may come first.
func (t *Tracker) share(l *leg, at time.Time) {
	other := t.byName[otherHalf(l.name)]
	if l.open == nil || other == nil || other.open != nil {
		return
	}
	other.open = l.open
	for _, dialed := range other.early {
		if t.legs[dialed.id] == dialed && dialed.open == nil {
			dialed.open = l.open
			t.join(l.open, dialed, &ari.Channel{}, at)
		}
	}
	other.early = nil
}
