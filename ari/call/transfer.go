package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// leaves notes that the phone that calls hangs up, where it is not the first
// channel of the call. The call may go on with whom it has left there.
func (o *open) leaves() {
	o.call.HungUp = true
	if o.call.Progress.Stage == ringing && o.isRinging() {
		o.call.Progress.RingingHangup = true
	}
	o.touch()
}

// callsBy notes by which phone a call is placed that begins with a Local pair.
func (o *open) callsBy(l *leg) {
	if o.caller != nil {
		o.caller.calls = nil
	}
	o.call.From, o.caller = l.party(""), l
	_, o.call.Caller, _ = strings.Cut(o.call.From.Endpoint, "/")
	l.calls = o
}

// goesTo notes where somebody was transferred to.
func (o *open) goesTo(l *leg) {
	if o.beyond != l {
		o.rangBeyond()
		o.beyond = l
	}
}

// callee is the phone that has answered a call that begins with a Local pair; nil
// if none has.
func (o *open) callee() *leg {
	for i := range o.call.Legs {
		l := o.tracker.legs[o.call.Legs[i].Channel]
		if l != nil && l.open == o && l.outcome == LegAnswered && l != o.caller {
			return l
		}
	}
	return nil
}

// rangBeyond lists the phones that rang where somebody was transferred to: they
// rang for this call too.
func (o *open) rangBeyond() {
	if o.beyond == nil || o.beyond.open == nil || o.beyond.open == o || o.call.Direction == Internal {
		return
	}
	there := &o.beyond.open.call
	for _, e := range there.Legs {
		if e.Rang && !o.lists(e.Channel) {
			e.Dialed, e.Over = o.afterIn(e.Dialed, there), o.afterIn(e.Over, there)
			o.list(e)
		}
	}
}

// afterIn is a moment of another call as one of this; what is not over is now.
func (o *open) afterIn(a After, other *Call) After {
	if a == 0 {
		return o.after()
	}
	return sinceStart(other.Started.Add(a.Length()), o.call.Started)
}

// inherit puts into a bridge who has silently taken the place of l there: the
// application that was the goal of a transfer may reach somebody in that instant.
func (t *Tracker) inherit(l *leg) {
	if l.heir == nil || t.legs[l.heir.id] != l.heir || l.heir.bridge != nil {
		return
	}
	l.bridge.take(l.heir)
}

// sent notes that the person outside was sent elsewhere by the given channels of
// who transferred; empty: not known, or nobody's.
func (o *open) sent(by, by2 string) {
	p := &o.call.Progress
	p.Transferred, p.Transferer, p.Transferer2 = true, strings.Clone(by), strings.Clone(by2)
	o.touch()
}

// transferred notes that the person outside is on the way to somebody else.
// The event may come before or after the bridges it belongs to: whoever talks
// with a third party already has arrived.
func (t *Tracker) transferred(ev *ari.Event) {
	if ev.Result != "" && ev.Result != "Success" {
		return
	}
	by := []string{ev.Channel.ID}
	if ev.Type == ari.BridgeAttendedTransfer {
		by = append(by, ev.Peer.ID)
	}
	asked := t.legs[ev.Peer.ID]
	if ev.Type == ari.BridgeBlindTransfer && putThrough(t.legs[ev.Channel.ID], asked) {
		t.goOn(asked, &ev.Peer, ev.TransferExten, ev.At)
		return
	}
	for _, channel := range by {
		for _, o := range t.talkersWith(channel) {
			if asked != nil && asked.open != nil && asked.open != o && ev.Type == ari.BridgeAttendedTransfer {
				o.goesTo(asked)
				if ev.DestApplication != "" {
					asked.heir = o.party
				}
			}
			if channel, ok := o.running(); ok && channel != ev.Channel.ID && channel != ev.Peer.ID {
				continue
			}
			o.sent(ev.Channel.ID, ev.Peer.ID)
		}
	}
	if ev.DestApplication != "" && asked != nil && asked.open != nil && asked == asked.open.root {
		// The channels change places in the dialplan: the second leg is done.
		asked.open.call.HungUp, asked.open.call.Progress.Over = true, true
	}
}

// putThrough says that who called puts through the phone that they have reached,
// and is gone.
func putThrough(caller, phone *leg) bool {
	if caller == nil || phone == nil || caller.open == nil || phone.open != caller.open || phone == phone.open.root {
		return false
	}
	o := caller.open
	return caller == o.party || caller == o.root && o.call.Direction == Internal
}

// goOn lets the way of a phone go on as a call of its own, whoever had called it.
func (t *Tracker) goOn(l *leg, c *ari.Channel, exten string, at time.Time) {
	l.entry = 0
	t.begin(l, c)
	l.open.call.Dialed, l.open.call.Started = strings.Clone(exten), at
}

// parked notes that the person outside was put into a parking lot after a talk:
// that is a transfer to whoever fetches them.
func (t *Tracker) parked(l *leg) {
	o := l.open
	if l.bridge == nil || !l.bridge.holding || o == nil || l != o.party || len(o.call.Talks) == 0 {
		return
	}
	o.sent("", "")
	o.endStay("")
	o.stay(Parking, "")
}

// talkersWith finds the calls whose newest talk is with the given channel.
func (t *Tracker) talkersWith(channel string) []*open {
	var found []*open
	if channel == "" {
		return nil
	}
	for _, o := range t.open {
		if n := len(o.call.Talks); n > 0 && o.call.Talks[n-1].Channel == channel {
			found = append(found, o)
		}
	}
	slices.SortFunc(found, func(a, b *open) int { return strings.Compare(a.call.ID, b.call.ID) })
	return found
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
