package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

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
	var with []*leg
	people := 0
	if p.bridge != nil {
		t.around(p.bridge, func(l *leg) {
			if l == p || l.kind != endpoint {
				return
			}
			people++
			if l != p.open.caller || p == p.open.party {
				with = append(with, l)
			}
		})
	}
	o := p.open
	if p != o.party && p != o.root || p.kind == endpoint && p.id != o.call.ID && p == o.root {
		return // it has just become a leg of another's call, or stands in for a pair that is gone
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

// asks finds out who calls by a Local pair that the PBX has placed: a phone that
// shares a bridge with its near half before anybody has answered at the far one
// asks somebody before a transfer.
func (t *Tracker) asks(br *bridge) {
	if br == nil {
		return
	}
	for _, near := range br.members {
		o := near.open
		if near.kind != local || near.app != "" || near.asker != nil || o != nil && (o.root != near || o.call.Direction != Internal) {
			continue
		}
		for _, l := range br.members {
			if l.kind != endpoint || !l.inside || l.open == o {
				continue
			}
			if near.asker = l; o != nil {
				o.callsBy(l)
			}
		}
	}
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

// recalled takes a phone that the PBX has rung by itself, and that has come to
// somebody's bridge without any dialplan, for a phone of their call: so Asterisk
// rings again who transferred or parked them.
func (t *Tracker) recalled(o *open, l *leg, at time.Time) {
	own := l.open
	if own == nil || own == o || own.call.ID != l.id || !l.placed || own.begun || own.call.Own || own.call.Progress.App != "" {
		return
	}
	delete(t.open, own.call.ID)
	l.open, l.entry = o, 0
	t.join(o, l, &ari.Channel{}, at)
}

// handedOn notes that somebody left the person outside with the near half of a
// Local pair at whose far half nobody has answered yet: an attended transfer
// that its transferer did not wait for. Asterisk tells of it too, but not always
// in time.
func (t *Tracker) handedOn(p *leg) {
	if p.bridge == nil || p.bridge.holding {
		return
	}
	for _, l := range p.bridge.members {
		if l.kind != local {
			continue
		}
		if far := t.byName[otherHalf(l.name)]; far != nil && !far.joined {
			p.open.call.Progress.Transferred = true
			p.open.goesTo(far)
			p.open.touch()
		}
	}
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
