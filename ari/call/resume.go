package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// Resume hands the tracker the calls that were open when it last worked, as
// their newest facts told them. Their fate is decided by the next Connected:
// what still lives is followed on, what does not is Lost. It must be called
// before the first Step.
func (t *Tracker) Resume(calls []Call) {
	for _, c := range calls {
		t.open[c.ID] = &open{call: c.clone(), begun: true, stage: resumedStage(c)}
	}
}

func resumedStage(c Call) stage {
	if len(c.Talks) > 0 {
		return talking
	}
	if len(c.Legs) > 0 {
		return ringing
	}
	return nothing
}

// connected brings the tracker up to date with what lives on the PBX now. It
// is idempotent: a snapshot that shows what is known already changes nothing.
func (t *Tracker) connected(ev *ari.Event) {
	live := make(map[string]bool, len(ev.Snapshot.Channels))
	channels := slices.Clone(ev.Snapshot.Channels)
	slices.SortFunc(channels, func(a, b ari.Channel) int { return a.Created.Compare(b.Created) })
	for i := range channels {
		live[channels[i].ID] = true
	}
	// A talk that was cut while nobody looked is known to have lasted until the
	// gap began, and no longer.
	until := ev.At
	if !ev.Since.IsZero() {
		until = ev.Since
	}
	t.vanish(live, until, ev.At)
	for i := range channels {
		c := &channels[i]
		if o := t.open[c.ID]; o != nil && o.root == nil {
			t.rejoin(o, c)
		}
		if l := t.leg(c, false); l != nil {
			t.refresh(l, c, channels)
		}
	}
	t.rebridge(ev.Snapshot.Bridges, until, ev.At)
}

// vanish drops the channels that live no more, and with them their calls.
func (t *Tracker) vanish(live map[string]bool, until, at time.Time) {
	for _, o := range t.sorted() {
		if o.root == nil && o.party == nil && live[o.call.ID] {
			continue // known from the database, and alive
		}
		if o.root != nil && !live[o.root.id] {
			o.root = nil
		}
		if o.party != nil && !live[o.party.id] {
			o.party = nil
		}
		if o.root != nil || o.party != nil {
			continue
		}
		o.part(nil, until)
		if len(o.call.Talks) == 0 {
			o.call.How = Unconfirmed
		}
		t.end(Lost, o, at)
	}
	for id, l := range t.legs {
		if live[id] {
			continue
		}
		if l.bridge != nil {
			t.drop(l)
		}
		t.forget(l)
	}
}

// sorted lists the open calls in the order of their beginning: facts must not
// depend on the order of a map.
func (t *Tracker) sorted() []*open {
	list := make([]*open, 0, len(t.open))
	for _, o := range t.open {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b *open) int {
		if c := a.call.Started.Compare(b.call.Started); c != 0 {
			return c
		}
		return strings.Compare(a.call.ID, b.call.ID)
	})
	return list
}

// rejoin gives a call that is known from the database its first channel back.
func (t *Tracker) rejoin(o *open, c *ari.Channel) {
	l := &leg{id: o.call.ID, up: c.State == "Up", inside: len(t.inbound) == 0 || !t.inbound[c.Context], open: o}
	t.rename(l, c.Name)
	t.legs[l.id] = l
	o.root = l
	if o.call.Direction == Inbound {
		o.party = l
	}
}

// refresh takes over what the snapshot says of a channel, and finds the call of
// a leg whose dialing was not seen.
func (t *Tracker) refresh(l *leg, c *ari.Channel, channels []ari.Channel) {
	l.up = c.State == "Up"
	if l.open == nil && l.placed && l.kind == endpoint {
		if root := t.dialerOf(c, channels); root != nil {
			l.open = root.open
			l.open.dialing(l, "", c)
		}
	}
	if l.open == nil {
		return
	}
	l.open.application(l, c.AppName)
	if l.placed && c.State == "Ringing" {
		l.open.legRang(l)
	}
}

// dialerOf finds the first channel of the call that a leg belongs to: by the
// linked id where ari.conf shows it, otherwise by the caller whose number the
// leg displays, if that is only one.
func (t *Tracker) dialerOf(c *ari.Channel, channels []ari.Channel) *leg {
	if c.LinkedID != "" && c.LinkedID != c.ID {
		if l := t.legs[c.LinkedID]; l != nil && l.open != nil {
			return l
		}
	}
	if c.ConnectedNumber == "" {
		return nil
	}
	var found *leg
	for i := range channels {
		l := t.legs[channels[i].ID]
		if l == nil || l.open == nil || l.open.root != l || channels[i].CallerNumber != c.ConnectedNumber {
			continue
		}
		if found != nil {
			return nil
		}
		found = l
	}
	return found
}

// rebridge replaces what is known of bridges by the snapshot.
func (t *Tracker) rebridge(bridges []ari.Bridge, until, at time.Time) {
	for _, l := range t.legs {
		l.bridge = nil
	}
	clear(t.bridges)
	for i := range bridges {
		for _, id := range bridges[i].Channels {
			if l := t.legs[id]; l != nil {
				t.enter(l, &bridges[i])
			}
		}
	}
	for _, o := range t.sorted() {
		t.repart(o, until)
		if o.party != nil {
			t.meet(o.party, at)
		} else if o.root != nil {
			t.meet(o.root, at)
		}
	}
}

// repart ends, as of the beginning of the gap, the talks that the snapshot does
// not show any more.
func (t *Tracker) repart(o *open, until time.Time) {
	for i := range o.call.Talks {
		talk := &o.call.Talks[i]
		l := t.legs[talk.Channel]
		if talk.End.IsZero() && (l == nil || l.bridge == nil) {
			talk.End = until
			if until.Before(talk.Start) {
				talk.End = talk.Start
			}
		}
	}
}
