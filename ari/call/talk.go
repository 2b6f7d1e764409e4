package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// bridge is one bridge that lives on the PBX.
type bridge struct {
	id      string
	holding bool // parking, waiting rooms: the members do not hear each other
	members []*leg
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
			o.touch()
			return false
		}
	}
	p := &o.call.Progress
	if p.Transferred && l.id != p.Transferer && l.id != p.Transferer2 {
		p.Transferred = false
	}
	p.Stage, p.Next, p.Away = talking, o.next, false
	o.endStay("")
	o.reachedBy(l)
	o.call.Talks = append(o.call.Talks, Talk{Channel: l.id, Who: l.party(l.whom()), Start: at})
	return true
}

// reachedBy lists a phone that was dialed for somebody else's call (an attended
// transfer) among those that rang for this one.
func (o *open) reachedBy(l *leg) {
	if l.placed && l.rang && l.open != o && !o.lists(l.id) && o.call.Direction != Internal {
		o.list(Leg{Party: l.party(l.number), Channel: l.id, Rang: true, Outcome: LegAnswered})
	}
}

// rebuilt is how soon a bridge that Asterisk rebuilds stands again (measured: a
// few milliseconds).
const rebuilt = time.Second

// part ends the running talks with everybody who is not in with.
func (o *open) part(with []*leg, at time.Time) {
	for i := range o.call.Talks {
		t := &o.call.Talks[i]
		if t.End.IsZero() && !has(with, t.Channel) {
			t.HungUp = o.wasHungUp(t.Channel)
			t.end(at)
			o.touch()
		}
	}
}

// wasHungUp says that the far end of a channel has hung up, as far as is known.
func (o *open) wasHungUp(channel string) bool {
	if l := o.tracker.legs[channel]; l != nil {
		return l.hungUp
	}
	return slices.ContainsFunc(o.call.Legs, func(e Leg) bool { return e.Channel == channel && e.HungUp })
}

// running says that somebody talks with the caller now, by which channel.
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

// enter puts a leg into a bridge.
func (t *Tracker) enter(l *leg, b *ari.Bridge) {
	if b.ID == "" || l.bridge != nil && l.bridge.id == b.ID {
		return
	}
	if l.bridge != nil {
		t.drop(l)
	}
	br := t.bridges[b.ID]
	if br == nil {
		br = &bridge{id: strings.Clone(b.ID), holding: b.Type == "holding"}
		t.bridges[br.id] = br
	}
	br.take(l)
}

// take lets a leg be a member.
func (br *bridge) take(l *leg) {
	l.bridge, l.joined = br, true
	br.members = append(br.members, l)
}

// leave takes a leg out of its bridge and ends the talks that hung on it.
func (t *Tracker) leave(l *leg, at time.Time) {
	br := l.bridge
	// Who could talk through this leg is looked up while it is still there.
	affected := t.parties(br)
	t.drop(l)
	for _, p := range affected {
		t.meet(p, at)
	}
}

// drop takes a leg out of its bridge; an empty bridge is forgotten.
func (t *Tracker) drop(l *leg) {
	br := l.bridge
	l.bridge = nil
	br.members = slices.DeleteFunc(br.members, func(m *leg) bool { return m == l })
	if len(br.members) == 0 {
		delete(t.bridges, br.id)
	}
}

func (t *Tracker) bridgeGone(ev *ari.Event) {
	br := t.bridges[ev.Bridge.ID]
	if br == nil {
		return
	}
	for len(br.members) > 0 {
		t.leave(br.members[0], ev.At)
	}
}

// talks looks again who talks with whom around a bridge.
func (t *Tracker) talks(br *bridge, at time.Time) {
	if br == nil {
		return
	}
	for _, p := range t.parties(br) {
		t.meet(p, at)
	}
}

// parties are the legs around a bridge whose talks count: the person outside of
// each call, or the first channel of an internal one.
func (t *Tracker) parties(br *bridge) []*leg {
	var found []*leg
	t.around(br, func(l *leg) {
		if o := l.open; o != nil && (l == o.party || l == o.root && o.call.Direction == Internal) {
			found = append(found, l)
		}
	})
	return found
}

// meet brings a party's talks up to date with the bridges.
func (t *Tracker) meet(p *leg, at time.Time) {
	o := p.open
	if p != o.party && p != o.root || p.kind == endpoint && p.id != o.call.ID && p == o.root {
		return // it has just become a leg of another's call, or stands in for a pair that is gone
	}
	var with []*leg
	people := 0
	if p.bridge != nil {
		t.around(p.bridge, func(l *leg) {
			if l == p || l.kind != endpoint {
				return
			}
			people++
			if l != o.caller || p == o.party {
				with = append(with, l)
			}
		})
	}
	for _, l := range with {
		t.recalled(o, l, at)
	}
	if p.kind == local && people == 1 {
		with = nil // the near half of a pair is nobody to talk with
	}
	o.part(with, at)
	begun := false
	for _, l := range with {
		if o.talk(l, at) {
			begun = true
		}
	}
	if begun && o.begun {
		t.tell(Reached, o, at)
	}
	if len(with) > 0 || p.bridge == nil {
		return
	}
	if len(o.call.Talks) > 0 {
		t.handedOn(p)
	}
	t.answeredByMachine(p)
}

// answeredByMachine looks whether the dialplan behind a Local pair has answered
// somebody by itself.
func (t *Tracker) answeredByMachine(p *leg) {
	t.around(p.bridge, func(l *leg) {
		if l.kind != local {
			return
		}
		if far := t.byName[otherHalf(l.name)]; far != nil && far.bridge == nil && far.carries(p.open) {
			p.open.machine(far)
		}
	})
}

// around visits every leg that can hear the members of a bridge: the members
// and, through Local pairs, those of the bridges behind them. Members of a
// holding bridge do not hear each other.
func (t *Tracker) around(br *bridge, visit func(*leg)) {
	var seen [8]*bridge
	todo := append(seen[:0], br)
	for i := 0; i < len(todo); i++ {
		if todo[i].holding {
			continue
		}
		for _, l := range todo[i].members {
			visit(l)
			if l.kind != local {
				continue
			}
			other := t.byName[otherHalf(l.name)]
			if other != nil && other.bridge != nil && !slices.Contains(todo, other.bridge) {
				todo = append(todo, other.bridge)
			}
		}
	}
}
