package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// Options tell a tracker how its PBX is set up.
type Options struct {
	// PBX is the name that every call carries.
	PBX string
	// Inbound names the contexts where trunks deliver calls. Empty: every
	// channel that comes in is inbound, and no leg is known to lead outside.
	Inbound []string
	// OwnPrefix begins the ids of channels that the daemon places.
	OwnPrefix string
	// Trunks are endpoints by which calls came in before. A call that is found in
	// mid-life has mostly left the context in which it began; it is inbound when
	// it came by one of these.
	Trunks []string
	// Phones are endpoints of the house ("PJSIP/101"): what begins at one of them
	// never comes from outside, in whichever context it begins.
	Phones []string
}

// Tracker follows the calls of one PBX. It is not safe for concurrent use: one
// goroutine steps it.
type Tracker struct {
	opts    Options
	inbound map[string]bool
	trunks  map[string]bool
	phones  map[string]bool
	legs    map[string]*leg
	byName  map[string]*leg // halves of Local pairs
	bridges map[string]*bridge
	open    map[string]*open
	// gone remembers the channels that were destroyed last, so that an event
	// which comes late (transfers take another path inside Asterisk) does not
	// raise them from the dead.
	gone     map[string]struct{}
	goneRing []string
	goneNext int
	facts    []Fact
	moved    []*open   // calls that have changed in this step
	pagers   []*open   // calls that page phones
	at       time.Time // the PBX's clock in this step
	heard    time.Time // when the event of this step was read
	since    time.Time // when the newest session began that was not the first: nobody saw what was before
}

// remembered is how many destroyed channels gone holds: seconds' worth at any
// load that one PBX can carry.
const remembered = 512

// maxTrunks bounds what is remembered of endpoints: where guests may call, each of
// them is one by its own name.
const maxTrunks = 1000

// New makes a tracker that knows of nothing yet.
func New(opts Options) *Tracker {
	t := &Tracker{opts: opts, inbound: map[string]bool{}, trunks: map[string]bool{}, phones: map[string]bool{},
		legs: map[string]*leg{}, byName: map[string]*leg{}, bridges: map[string]*bridge{}, open: map[string]*open{},
		gone: map[string]struct{}{}, goneRing: make([]string, remembered)}
	for _, c := range opts.Inbound {
		t.inbound[c] = true
	}
	for _, endpoint := range opts.Trunks {
		t.trunks[endpoint] = true
	}
	for _, endpoint := range opts.Phones {
		t.phones[endpoint] = true
	}
	return t
}

// Open counts the calls in progress.
func (t *Tracker) Open() int { return len(t.open) }

// Following lists the ids of the calls in progress.
func (t *Tracker) Following() []string {
	list := make([]string, 0, len(t.open))
	for id := range t.open {
		list = append(list, id)
	}
	return list
}

// Idle says that nothing is followed: no call, no channel, no bridge.
func (t *Tracker) Idle() bool {
	return len(t.open) == 0 && len(t.legs) == 0 && len(t.byName) == 0 && len(t.bridges) == 0
}

// Step takes the next event and returns what became known by it. The facts are
// valid until the next Step.
func (t *Tracker) Step(ev *ari.Event) []Fact {
	clear(t.facts)
	t.facts = t.facts[:0]
	t.at, t.heard = ev.At, ev.Heard
	t.step(ev)
	t.tellMoved(ev.At)
	return t.facts
}

func (t *Tracker) step(ev *ari.Event) {
	t.runs(ev)
	switch ev.Type {
	case ari.Connected:
		t.connected(ev)
	case ari.ChannelCreated:
		t.leg(&ev.Channel, true)
	case ari.ChannelDestroyed:
		t.destroyed(ev)
	case ari.ChannelStateChange:
		t.stateChanged(ev)
	case ari.ChannelDialplan:
		if l := t.leg(&ev.Channel, false); l != nil && ev.Application != "" {
			l.application(ev.Application, ev.AppData, &ev.Channel)
		}
	case ari.ChannelVarset:
		if l := t.legs[ev.Channel.ID]; l != nil && l.open != nil {
			l.open.variable(l, ev)
		}
	case ari.ChannelHangupRequest:
		t.hangupRequested(ev)
	case ari.ChannelDtmfReceived:
		if l := t.legs[ev.Channel.ID]; l != nil && l.open != nil && l == l.open.root && ev.Digit == "*" {
			l.open.star()
		}
	case ari.ChannelCallerID:
		t.callerID(ev)
	case ari.Dial:
		t.dial(ev)
	case ari.ChannelEnteredBridge:
		if l := t.leg(&ev.Channel, false); l != nil {
			t.enter(l, &ev.Bridge)
			t.asks(l.bridge)
			t.talks(l.bridge, ev.At)
			t.parked(l)
		}
	case ari.ChannelLeftBridge:
		if l := t.legs[ev.Channel.ID]; l != nil && l.bridge != nil && l.bridge.id == ev.Bridge.ID {
			t.leave(l, ev.At)
		}
	case ari.BridgeDestroyed:
		t.bridgeGone(ev)
	case ari.BridgeBlindTransfer, ari.BridgeAttendedTransfer:
		t.transferred(ev)
	}
}

// runs notes an application of which no ChannelDialplan tells: one that runs inside
// another (ExecIf, AGI), and the first after a transfer. It shows in what else
// Asterisk tells of the channel.
func (t *Tracker) runs(ev *ari.Event) {
	switch ev.Type {
	case ari.ChannelStateChange, ari.ChannelVarset, ari.ChannelHangupRequest:
		if l := t.legs[ev.Channel.ID]; l != nil && ev.Channel.AppName != "" && ev.Channel.AppName != l.app {
			l.application(ev.Channel.AppName, ev.Channel.AppData, &ev.Channel)
		}
	}
}

// leg finds the leg of a channel, or begins to follow it: created says that
// the channel has just been made, otherwise watching began in its mid-life. It
// is nil for a channel that is gone already.
func (t *Tracker) leg(c *ari.Channel, created bool) *leg {
	if c.ID == "" {
		return nil
	}
	if l := t.legs[c.ID]; l != nil {
		if c.Name != "" && c.Name != l.name {
			t.rename(l, c.Name) // a masquerade has put another phone behind the channel
		}
		return l
	}
	if _, gone := t.gone[c.ID]; gone {
		return nil
	}
	l := &leg{id: strings.Clone(c.ID), kind: kindOf(c.Name)}
	t.rename(l, c.Name)
	l.inside = t.isInside(c)
	t.legs[l.id] = l
	if created {
		l.placed = c.State != "Ring"
	} else {
		l.placed = c.State == "Down" || c.State == "Ringing" || placedByPBX(c)
		l.joined = c.State == "Up" // half of a Local pair that somebody has answered
		// Where it stands in the dialplan now may be where its call came to, or where
		// whoever dialed it stands.
		if known := t.trunks[endpointOf(c.Name)]; known || l.placed && len(t.trunks) > 0 {
			l.inside = !known
		}
	}
	switch {
	case l.kind == local:
		t.pair(l)
	case l.kind == endpoint && !l.placed:
		t.begin(l, c)
	}
	if c.AppName != "" {
		l.application(c.AppName, c.AppData, c)
	}
	return l
}

// isInside says that a channel is no trunk's.
func (t *Tracker) isInside(c *ari.Channel) bool {
	return len(t.inbound) == 0 || !t.inbound[c.Context] || t.phones[endpointOf(c.Name)]
}

func (t *Tracker) rename(l *leg, name string) {
	if l.kind == local {
		delete(t.byName, l.name)
	}
	l.name, l.kind = strings.Clone(name), kindOf(name)
	if l.kind == local {
		t.byName[l.name] = l
	}
}

// pair lets the halves of a Local pair share their call.
func (t *Tracker) pair(l *leg) {
	other := t.byName[otherHalf(l.name)]
	switch {
	case other == nil:
	case l.open == nil:
		l.open = other.open
	case other.open == nil:
		other.open = l.open
	}
}

// begin opens the call whose first channel is l.
func (t *Tracker) begin(l *leg, c *ari.Channel) {
	o := &open{tracker: t, root: l, call: Call{PBX: t.opts.PBX, ID: l.id, Direction: Internal,
		Own:    t.own(l.id),
		Caller: strings.Clone(c.CallerNumber), CallerName: strings.Clone(c.CallerName),
		From: Party{Endpoint: intern(endpointOf(l.name)), Outside: !l.inside}, Origin: intern(c.Context),
		Dialed: strings.Clone(c.Exten), Started: c.Created, Gap: c.Created.Before(t.since)}, context: intern(c.Context)}
	l.open = o
	t.open[l.id] = o
	if l.kind == local {
		o.call.From = Party{} // the phone behind it is not dialed yet
	}
	if !l.placed && (len(t.inbound) == 0 || !l.inside) {
		o.call.Direction, o.party = Inbound, l
		o.begun = true
		if len(t.inbound) > 0 && len(t.trunks) < maxTrunks {
			t.trunks[o.call.From.Endpoint] = true
		}
		t.tell(Started, o, c.Created)
	}
}

// tellMoved tells how far the calls have come that this step has changed,
// unless it has told something else of them.
func (t *Tracker) tellMoved(at time.Time) {
	for i, o := range t.moved {
		o.moved, t.moved[i] = false, nil
		told := slices.ContainsFunc(t.facts, func(f Fact) bool { return f.Call.ID == o.call.ID })
		if o.begun && !told && t.open[o.call.ID] == o {
			t.tell(Moved, o, at)
		}
	}
	t.moved = t.moved[:0]
}

func (t *Tracker) tell(k Kind, o *open, at time.Time) {
	t.facts = append(t.facts, Fact{Kind: k, At: at, Heard: t.heard, Call: o.call.clone()})
}

func (t *Tracker) stateChanged(ev *ari.Event) {
	l := t.leg(&ev.Channel, false)
	if l == nil {
		return
	}
	if ev.Channel.State == "Ring" && l.open == nil && l.placed && l.kind == endpoint {
		// It comes in all the same: chan_sip makes such a channel in state Down.
		l.placed = false
		t.begin(l, &ev.Channel)
		return
	}
	if o := l.open; o != nil && l == o.root && ev.Channel.State == "Up" {
		if l.placed {
			o.takenUp()
		}
		if len(o.call.Legs) == 0 {
			o.announced()
		}
	}
	switch ev.Channel.State {
	case "Ringing":
		l.rings()
	case "Up":
		l.hasEnded(LegAnswered)
	}
}

// callerID fills in a number that the driver did not know at the beginning. A
// number that the dialplan rewrites later stays as it was received.
func (t *Tracker) callerID(ev *ari.Event) {
	l := t.leg(&ev.Channel, false)
	if l != nil && l.open != nil && l == l.open.root && l.open.call.Caller == "" {
		l.open.call.Caller = strings.Clone(ev.Channel.CallerNumber)
		l.open.call.CallerName = strings.Clone(ev.Channel.CallerName)
	}
}

func (t *Tracker) hangupRequested(ev *ari.Event) {
	l := t.legs[ev.Channel.ID]
	if l == nil || ev.Soft {
		return
	}
	l.hungUp = true
	if entry := l.listed(); entry != nil && !entry.HungUp {
		entry.HungUp = true
		l.open.touch()
	}
	if l.calls != nil {
		l.calls.leaves()
	}
	if l.open != nil && l == l.open.root && (!l.placed || l.outcome == LegAnswered) {
		l.open.hangup()
		return
	}
	// A leg may be destroyed after its caller: what its far end said comes first
	// with the hangup.
	outcome := outcomeOf("", ev.Cause)
	if outcome == LegDialing && l.outcome == LegDialing && l.placed && !l.alerted {
		outcome = LegUnreachable // it refused by itself without having rung (SIP 480, which has cause 19)
	}
	l.hasEnded(outcome)
}

func (t *Tracker) destroyed(ev *ari.Event) {
	l := t.legs[ev.Channel.ID]
	if l == nil {
		t.bury(ev.Channel.ID)
		return
	}
	if l.bridge != nil {
		t.inherit(l)
		t.leave(l, ev.At)
	}
	if o := l.open; o != nil {
		if l == o.root {
			o.cause = ev.Cause
		}
		outcome := outcomeOf("", ev.Cause)
		if ev.Cause == noAnswer && l.outcome == LegBusy && !l.alerted {
			outcome = LegUnreachable // SIP 480 again: chan_sip lets Dial say that it is busy
		}
		l.hasEnded(outcome)
		if entry := l.listed(); entry != nil {
			l.isOver(entry)
		}
		t.forget(l)
		t.close(o, l, ev.At)
	} else {
		t.forget(l)
	}
}

// close ends the call when the leg that went was the last that it hangs on: of
// an inbound or internal call its first channel, of an outbound call the first
// channel and the person outside.
func (t *Tracker) close(o *open, l *leg, at time.Time) {
	if l == o.party {
		o.party = nil
	}
	if l == o.root {
		o.call.Application, o.call.Context = o.call.Progress.App, o.context
		o.root = nil
	}
	if l.kind == local && o.root == nil && o.call.Direction == Internal {
		if o.root = o.callee(); o.root != nil {
			o.talk(o.root, at) // the pair is gone from between the two (Local without /n)
		}
	}
	if o.root != nil || o.call.Direction == Outbound && o.party != nil {
		return
	}
	t.end(Ended, o, at)
}

// end tells the end of a call, once.
func (t *Tracker) end(k Kind, o *open, at time.Time) {
	if t.open[o.call.ID] != o {
		return
	}
	delete(t.open, o.call.ID)
	o.part(nil, at)
	o.call.Progress.Over = true
	o.call.Ended = at
	if o.call.How == "" {
		o.call.How = o.how()
	}
	o.call.Message = o.call.Message || o.call.Progress.Recorded && o.call.How == Voicemail
	o.rangBeyond()
	t.tell(k, o, at)
}

func (t *Tracker) forget(l *leg) {
	delete(t.legs, l.id)
	if l.kind == local && t.byName[l.name] == l {
		delete(t.byName, l.name)
	}
	t.bury(l.id)
}

func (t *Tracker) bury(id string) {
	if _, there := t.gone[id]; there || id == "" {
		return
	}
	id = strings.Clone(id)
	delete(t.gone, t.goneRing[t.goneNext])
	t.goneRing[t.goneNext] = id
	t.goneNext = (t.goneNext + 1) % remembered
	t.gone[id] = struct{}{}
}
