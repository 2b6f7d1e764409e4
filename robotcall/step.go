package robotcall

import (
	"strings"

	"ringback/ari"
)

// Step hears what a PBX says of the channels of ours. It never waits.
func (d *Dialer) Step(pbx string, ev *ari.Event) {
	d.presence.step(pbx, ev)
	switch ev.Type {
	case ari.Connected:
		d.connected(pbx, ev.Snapshot)
	case ari.Disconnected:
		d.disconnected(pbx)
	case ari.StasisStart:
		if !d.tell(ev.Channel.ID, notice{kind: inScript}) {
			d.strayed(pbx, ev)
		}
	case ari.StasisEnd:
		d.tell(ev.Channel.ID, notice{kind: leftScript})
	case ari.ChannelDtmfReceived:
		d.tell(ev.Channel.ID, notice{kind: key, text: strings.Clone(ev.Digit)})
	case ari.PlaybackFinished:
		if leg, _, ok := strings.Cut(ev.PlaybackID, playbackMark); ok {
			d.tell(leg, notice{kind: playbackOver, text: strings.Clone(ev.PlaybackID), failed: ev.Playback == "failed"})
		}
	case ari.Dial:
		d.dialed(ev)
	case ari.ChannelVarset:
		// A trunk that nobody answers for gets no channel and no Dial event.
		if ours, half := strings.CutSuffix(ev.Channel.ID, otherHalf); half && ev.Variable == "DIALSTATUS" {
			d.tell(ours, notice{kind: dialed, text: strings.Clone(ev.Value)})
		}
	case ari.ChannelDestroyed:
		d.destroyed(ev)
	}
}

// otherHalf ends the id of the half of a Local pair that runs the dialplan.
const otherHalf = ";2"

// tell puts a notice of a channel; false: nobody listens for it.
func (d *Dialer) tell(channel string, n notice) bool {
	if !strings.HasPrefix(channel, ChannelPrefix) {
		return false
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	l := d.legs[channel]
	if l != nil {
		l.put(n)
	}
	return l != nil
}

// dialed follows how dialing goes on: of a channel of ours, which nobody dials,
// or of a leg that the other half of our Local pair dials.
func (d *Dialer) dialed(ev *ari.Event) {
	n := notice{kind: dialed, text: strings.Clone(ev.DialStatus)}
	if ev.Channel.ID == "" {
		d.tell(ev.Peer.ID, n)
		return
	}
	ours, half := strings.CutSuffix(ev.Channel.ID, otherHalf)
	if !half || !strings.HasPrefix(ours, ChannelPrefix) {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.legs[ours]; l != nil {
		if d.far[ev.Peer.ID] == nil {
			d.far[strings.Clone(ev.Peer.ID)] = l
		}
		n.byOthers = true
		l.put(n)
	}
}

func (d *Dialer) destroyed(ev *ari.Event) {
	n := notice{kind: gone, cause: ev.Cause, sip: ev.TechCause}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended(ev.Channel.ID)
	if l := d.legs[ev.Channel.ID]; l != nil {
		l.put(n)
		return
	}
	if l := d.far[ev.Channel.ID]; l != nil {
		delete(d.far, ev.Channel.ID)
		n.byOthers = true
		l.put(n)
	}
}

// connected compares what we follow with what lives.
func (d *Dialer) connected(pbx string, live *ari.Snapshot) {
	states := map[string]ari.Channel{}
	for _, c := range live.Channels {
		if strings.HasPrefix(c.ID, ChannelPrefix) {
			states[c.ID] = c
		}
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for id, l := range d.legs {
		if l.exchange.Name != pbx {
			continue
		}
		c, alive := states[id]
		switch {
		case !alive:
			l.put(notice{kind: vanished})
		case inApplication(&c):
			l.put(notice{kind: inScript})
			l.put(notice{kind: resumed})
		default:
			l.put(notice{kind: resumed})
		}
	}
	for id, b := range d.beyond {
		if _, alive := states[id]; !alive && b.pbx == pbx {
			d.ended(id)
		}
	}
	if w := d.watched[pbx]; w != nil && !w.now {
		w.now = true
		close(w.since)
	}
}

// inApplication says that a channel is in an ARI application and not in the
// dialplan.
func inApplication(c *ari.Channel) bool { return c.State == "Up" && c.AppName == "Stasis" }

func (d *Dialer) disconnected(pbx string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if w := d.watched[pbx]; w != nil && w.now {
		w.now, w.since = false, make(chan struct{})
	}
}
