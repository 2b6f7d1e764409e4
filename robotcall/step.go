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
		if ev.Variable == "DIALSTATUS" { // a trunk that nobody answers for gets no channel and no Dial event
			d.dialStatus(ev)
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
// or of a leg that the dialplan dials for one. Another Local pair that it dials
// is no leg: what that one's dialplan answers by itself is nobody's answer.
func (d *Dialer) dialed(ev *ari.Event) {
	n := notice{kind: dialed, text: strings.Clone(ev.DialStatus)}
	if ev.Channel.ID == "" {
		d.tell(ev.Peer.ID, n)
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	ours := d.dialsFor(&ev.Channel)
	if ours == "" {
		return
	}
	if half, isLocal := strings.CutSuffix(ev.Peer.Name, ";1"); isLocal && strings.HasPrefix(half, "Local/") {
		d.halves[half+otherHalf] = ours
		return
	}
	if _, known := d.far[ev.Peer.ID]; !known {
		d.far[strings.Clone(ev.Peer.ID)] = ours
	}
	n.byOthers = true
	d.hear(ours, n)
}

func (d *Dialer) dialStatus(ev *ari.Event) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if ours := d.dialsFor(&ev.Channel); ours != "" {
		d.hear(ours, notice{kind: dialStatus, text: strings.Clone(ev.Value)})
	}
}

// dialsFor is the channel of ours for which the dialplan on c dials: c itself, the
// half of our Local pair that c is, or the one for which it was dialed. Empty:
// none of ours. The lock is held.
func (d *Dialer) dialsFor(c *ari.Channel) string {
	ours := strings.TrimSuffix(c.ID, otherHalf)
	if l := d.legs[ours]; l != nil {
		return l.id
	}
	if _, on := d.beyond[ours]; on {
		return strings.Clone(ours)
	}
	return d.halves[c.Name]
}

// hear hands on what is heard of the far end; the lock is held.
func (d *Dialer) hear(ours string, n notice) {
	if l := d.legs[ours]; l != nil {
		l.put(n)
	} else if b := d.beyond[ours]; b != nil {
		d.hearBeyond(b, n)
	}
}

func (d *Dialer) destroyed(ev *ari.Event) {
	n := notice{kind: gone, cause: ev.Cause, sip: ev.TechCause}
	d.mu.Lock()
	defer d.mu.Unlock()
	if l := d.legs[ev.Channel.ID]; l != nil {
		l.put(n)
		return
	}
	if ours, known := d.far[ev.Channel.ID]; known {
		delete(d.far, ev.Channel.ID)
		n.byOthers = true
		d.hear(ours, n)
	}
	d.ended(ev.Channel.ID, n)
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
			d.ended(id, notice{kind: vanished})
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
