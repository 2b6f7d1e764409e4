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
		t.open[c.ID] = &open{tracker: t, call: c.clone(), begun: true}
	}
}

// connected brings the tracker up to date with what lives on the PBX now. It
// is idempotent: a snapshot that shows what is known already changes nothing.
func (t *Tracker) connected(ev *ari.Event) {
	live := make(map[string]*ari.Channel, len(ev.Snapshot.Channels))
	channels := slices.Clone(ev.Snapshot.Channels)
	slices.SortFunc(channels, func(a, b ari.Channel) int { return a.Created.Compare(b.Created) })
	for i := range channels {
		live[channels[i].ID] = &channels[i]
	}
	for _, o := range t.sorted() {
		t.rejoin(o, live)
	}
	// A talk that was cut while nobody looked is known to have lasted until the
	// gap began, and no longer.
	until := ev.At
	if !ev.Since.IsZero() && ev.Since.Before(until) {
		until = ev.Since
	}
	t.vanish(live, until, ev.At)
	for i := range channels {
		if l := t.leg(&channels[i], false); l != nil {
			t.refresh(l, &channels[i], channels, ev.At)
		}
	}
	t.rebridge(ev.Snapshot.Bridges, until, ev.At)
	if !ev.Since.IsZero() {
		t.since = ev.At
		for _, o := range t.open {
			o.call.Gap = true
		}
	}
}

// vanish drops the channels that live no more, and with them their calls.
func (t *Tracker) vanish(live map[string]*ari.Channel, until, at time.Time) {
	for _, o := range t.sorted() {
		if o.root != nil && live[o.root.id] == nil {
			o.root = nil
		}
		if o.party != nil && live[o.party.id] == nil {
			o.party = nil
		}
		if o.root != nil || o.party != nil {
			continue
		}
		o.part(nil, until)
		o.call.How, o.call.Unseen = o.lost(), true
		t.end(Lost, o, at)
	}
	for id, l := range t.legs {
		if live[id] != nil {
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
	slices.SortFunc(list, order)
	return list
}

// order is which call began first.
func order(a, b *open) int {
	if c := a.call.Started.Compare(b.call.Started); c != 0 {
		return c
	}
	return strings.Compare(a.call.ID, b.call.ID)
}

// rejoin gives a call that is known from the database its channels back.
func (t *Tracker) rejoin(o *open, live map[string]*ari.Channel) {
	if o.root != nil || o.party != nil {
		return // it was followed all the time
	}
	if live[o.call.ID] == nil {
		t.bury(o.call.ID)
	}
	if c := live[o.call.ID]; c != nil && t.legs[c.ID] == nil {
		l := t.regain(o, c)
		o.root, o.context, l.app = l, intern(c.Context), o.call.Progress.App
		o.next = lineOf(c.Context, c.Exten, c.Priority+1)
		o.paged(strings.ToLower(c.AppName), c.AppData)
		if o.call.Direction == Inbound {
			o.party, l.inside = l, len(t.inbound) == 0 // it may have left its context since
		}
		if c.State == "Up" && len(o.call.Legs) == 0 {
			o.call.Progress.Announced = true
		}
	}
	for i := range o.call.Legs {
		c := live[o.call.Legs[i].Channel]
		if c != nil && o.root != nil && c.ID == o.root.id {
			o.root.placed, o.root.entry = true, int32(i+1)
			o.root.takesOver(&o.call.Legs[i])
			if !o.root.inside {
				o.party = o.root
			}
		}
		if c == nil || t.legs[c.ID] != nil {
			continue
		}
		l := t.regain(o, c)
		l.placed, l.entry = true, int32(i+1)
		l.takesOver(&o.call.Legs[i])
		if !l.inside && o.call.Direction == Outbound {
			o.party = l
		}
	}
}

// takesOver lets a leg know again what became of it, and where it leads: in mid-life
// it may stand in the dialplan of whoever dialed it (Dial's option M in Asterisk 16).
func (l *leg) takesOver(entry *Leg) {
	l.inside = !entry.Outside
	l.rang, l.hungUp, l.outcome = entry.Rang, entry.HungUp, entry.Outcome
}

// regain follows a channel of a call that is known from the database.
func (t *Tracker) regain(o *open, c *ari.Channel) *leg {
	l := &leg{id: strings.Clone(c.ID), inside: t.isInside(c), open: o}
	t.rename(l, c.Name)
	t.legs[l.id] = l
	return l
}

// refresh takes over what the snapshot says of a channel, and finds the call of
// a leg whose dialing was not seen.
func (t *Tracker) refresh(l *leg, c *ari.Channel, channels []ari.Channel, at time.Time) {
	if l.open == nil && l.placed && l.kind != nobody {
		if root := t.dialerOf(c, channels); root != nil {
			l.open = root.open
			t.join(l.open, l, c, at)
			t.share(l, at)
		}
	}
	if l.open == nil {
		return
	}
	if c.AppName != "" {
		l.application(c.AppName, c.AppData, c) // between two lines of the dialplan there is none
	}
	if l.placed && c.State == "Ringing" {
		l.rings()
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
		t.adopt(t.bridges[bridges[i].ID], at)
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

// adopt lets the legs in a bridge whose call is not known join the only call
// that is there.
func (t *Tracker) adopt(br *bridge, at time.Time) {
	if br == nil {
		return
	}
	var o *open
	for _, l := range br.members {
		if l.open != nil && l.open != o && o != nil {
			return // several calls: no telling
		}
		if l.open != nil {
			o = l.open
		}
	}
	if o == nil {
		return
	}
	for _, l := range br.members {
		if l.open == nil && l.placed && l.kind == endpoint {
			l.open = o
			t.join(o, l, &ari.Channel{CallerNumber: o.call.Dialed}, at)
			l.hasEnded(LegAnswered)
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
			talk.HungUp = o.wasHungUp(talk.Channel)
			talk.end(until)
		}
	}
}
