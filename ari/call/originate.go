package call

import (
	"slices"
	"strings"

	"ringback/ari"
)

// paged notes which phones the caller speaks to by Page, which dials them without
// saying for whom.
func (o *open) paged(name, data string) {
	o.paging = ""
	if name == "page" {
		phones, _, _ := strings.Cut(data, ",")
		o.paging = "&" + strings.Clone(phones) + "&"
		o.tracker.pagers = append(o.tracker.pagers, o)
	}
}

// originated opens a call that the PBX itself places (a page's "call" button, a
// call file), often through a Local pair. When its first channel leads outside,
// the person outside is there. What Page dials belongs to whoever pages.
func (t *Tracker) originated(l *leg, ev *ari.Event) {
	o := t.pager(l)
	if o == nil {
		o = t.originator(l, &ev.Peer)
	}
	if o != nil {
		l.open = o
		t.share(l, ev.At)
		t.join(o, l, &ev.Peer, ev.At)
		return
	}
	t.begin(l, &ev.Peer)
	o = l.open
	o.call.Progress.Stage = ringing
	if l.kind == local {
		t.share(l, ev.At)
		if l.asker != nil {
			o.callsBy(l.asker)
			if l.asker.hungUp {
				o.leaves()
			}
			t.talks(l.bridge, ev.At) // who was asked may have answered before
		}
		return
	}
	if l.inside {
		o.dialing(l, &ev.Peer)
		return
	}
	l.number = strings.Clone(numberOf(ev.DialString, &ev.Peer))
	o.call.From, o.call.Dialed = Party{}, l.number
	o.dialing(l, &ev.Peer)
	o.call.Direction, o.party, o.begun = Outbound, l, true
	t.tell(Started, o, ev.At)
}

// pager finds the call that pages a phone, of several the last, and strikes the
// phone off: Page dials each once. It is nil if none does.
func (t *Tracker) pager(l *leg) *open {
	t.pagers = slices.DeleteFunc(t.pagers, func(o *open) bool { return o.paging == "" || t.open[o.call.ID] != o })
	if t.own(l.id) {
		return nil
	}
	name := "&" + endpointOf(l.name) + "&"
	for _, o := range slices.Backward(t.pagers) {
		if strings.Contains(o.paging, name) {
			o.paging = strings.Replace(o.paging, name, "&", 1)
			return o
		}
	}
	return nil
}

// originator finds the call for which another ARI program rings a phone: Asterisk
// tells it by the linked id alone.
func (t *Tracker) originator(l *leg, c *ari.Channel) *open {
	root := t.legs[c.LinkedID]
	if root == nil || root == l || l.kind != endpoint || root.open == nil || root.open.root != root || root.app != "Stasis" || t.own(l.id) {
		return nil
	}
	return root.open
}

// own says that the daemon itself has placed a channel.
func (t *Tracker) own(channel string) bool {
	return t.opts.OwnPrefix != "" && strings.HasPrefix(channel, t.opts.OwnPrefix)
}

// takenUp notes that somebody has picked up a call that the PBX has placed: from
// here on it is on its way through the dialplan.
func (o *open) takenUp() {
	if o.call.Progress.Stage == ringing {
		o.call.Progress.Stage = nothing
		o.announced()
		o.touch()
	}
}
