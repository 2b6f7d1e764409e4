package call

import (
	"slices"
	"strings"
	"time"

	"ringback/ari"
)

// leg is one channel that lives on the PBX.
type leg struct {
	id     string
	name   string
	bridge *bridge // nil: in none
	early  []*leg  // whom it dialed before its call was known
	open   *open   // the call it belongs to; nil: none yet
	calls  *open   // the call that it has placed, where that is another
	heir   *leg    // who takes its place in a bridge when it goes: see transferred
	asker  *leg    // who calls by this near half of a Local pair: see asks
	app    string  // dialplan application it was last seen in,
	line   uint32  // and the line of the dialplan: see lineOf
	entry  int32   // index+1 of its entry in the call's Legs; 0: none
	kind   kind
	inside bool // not created in an inbound context
	placed bool // the PBX placed it, it did not come in
	hungUp bool // its far end hung up
	joined bool // it was in a bridge before
	heard  bool // the caller hears what happens on it: see machine
	// What became of it before Dial told for which call it was dialed: a phone
	// can be that quick.
	rang    bool
	alerted bool // it rang, and did not only announce something (early media)
	outcome Outcome
	number  string // whom it dials outside
}

// bridge is one bridge that lives on the PBX.
type bridge struct {
	id      string
	holding bool // parking, waiting rooms: the members do not hear each other
	members []*leg
}

// open is a call that has not ended.
type open struct {
	call  Call
	root  *leg // the first channel; nil while it is only known from the database
	party *leg // the person outside; nil in an internal call, and once gone
	// caller is the phone that calls, where the first channel is half of a Local
	// pair; it may be a leg of another call (who asks before a transfer).
	caller *leg
	beyond *leg // a channel of where somebody was transferred to
	begun  bool // Started was told
	moved  bool // something is to be told by Moved

	tracker *Tracker
	context string // where in the dialplan the first channel is,
	next    uint32 // and the line after: see lineOf
	paging  string // the phones that it pages, as Page was told
	cause   int    // Q.850 cause of the first channel's end
}

// party of a leg. number is whom it dialed, where that is known; somebody who
// came in by a trunk has their own.
func (l *leg) party(number string) Party {
	p := Party{Endpoint: intern(endpointOf(l.name)), Outside: !l.inside}
	switch {
	case !p.Outside:
	case number == "" && l.open != nil && l.open.root == l:
		p.Number = l.open.call.Caller
	default:
		p.Number = number
	}
	return p
}

// carries says that the caller of o hears what happens on this half of a Local
// pair, because the other half is bridged with the caller.
func (l *leg) carries(o *open) (carries bool) {
	if l.kind != local || !strings.HasSuffix(l.name, ";2") || o.root == nil || o.root.bridge == nil {
		return false
	}
	other := otherHalf(l.name)
	o.tracker.around(o.root.bridge, func(m *leg) { carries = carries || m.name == other })
	return carries
}

// machine says that a branch of the dialplan has answered by itself, and the
// caller hears it: far is the half of the Local pair that runs it. Phones that
// other branches have rung keep what became of them.
func (o *open) machine(far *leg) {
	p := &o.call.Progress
	if p.Over || far.heard {
		return
	}
	far.heard = true
	s := stages[strings.ToLower(far.app)]
	if p.Stage == ringing && p.Dialed == 0 && s != ringing {
		p.Stage = nothing
	}
	o.announced()
	o.stop(strings.ToLower(far.app), far.app, "")
	if s != ringing {
		o.enter(s)
	}
	o.touch()
}

// lineOf tells a line of the dialplan from all others that a call may come to
// next: the same application may stand in several, one after the other.
func lineOf(context, exten string, priority int) uint32 {
	hash := uint32(2166136261) // FNV-1a
	for _, s := range [...]string{context, exten} {
		for i := range len(s) {
			hash = (hash ^ uint32(s[i])) * 16777619
		}
	}
	return max((hash^uint32(priority))*16777619, 1)
}

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

// touch lets the tracker tell Moved at the end of this step.
func (o *open) touch() {
	if !o.moved {
		o.moved = true
		o.tracker.moved = append(o.tracker.moved, o)
	}
}

// whom is what a leg that left by a trunk dialed, for whichever call.
func (l *leg) whom() string {
	if entry := l.listed(); entry != nil {
		return entry.Number
	}
	return ""
}

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

// hasRung and hasEnded note what became of a dialed leg. An outcome that is
// known is not replaced by the vaguer one that the hangup brings.
func (l *leg) rings() {
	l.alerted = true
	l.hasRung()
}

func (l *leg) hasRung() {
	l.rang = true
	if entry := l.listed(); entry != nil && !entry.Rang {
		entry.Rang = true
		l.open.touch()
	}
}

func (l *leg) hasEnded(outcome Outcome) {
	if outcome == LegDialing {
		return
	}
	l.outcome = outcome
	entry := l.listed()
	if entry == nil {
		return
	}
	if outcome == LegAnswered || outcome == LegRejected {
		entry.Rang = true
	}
	l.isOver(entry)
	switch entry.Outcome {
	case LegDialing, LegElsewhere:
	case LegForwarded: // and what became of that Dial, told before or after
		if outcome != LegBusy {
			return
		}
	case LegCongested, LegUnreachable:
		if outcome != LegForwarded {
			return
		}
	case LegBusy: // as Dial says also of phones that declined or were not there
		if outcome != LegRejected && outcome != LegUnreachable {
			return
		}
	default:
		return
	}
	entry.Outcome = outcome
	if outcome != LegElsewhere {
		l.open.touch()
	}
}

// isOver notes when a dialed leg was answered or was over. Of a phone that never
// rang nothing has been told yet.
func (l *leg) isOver(entry *Leg) {
	if entry.Over > 0 {
		return
	}
	entry.Over = l.open.after()
	if !entry.Rang {
		l.open.touch()
	}
}

// listed is the leg's entry in its call; nil when it has none.
func (l *leg) listed() *Leg {
	if l.open == nil || l.entry == 0 || int(l.entry) > len(l.open.call.Legs) {
		return nil
	}
	return &l.open.call.Legs[l.entry-1]
}

// hangup notes that the side that called hung up: from here on the dialplan
// only cleans up.
func (o *open) hangup() {
	p := &o.call.Progress
	if p.Over {
		return
	}
	p.Over = true
	o.touch()
	if o.root != nil && o.root.kind == local {
		return // the near half of a pair that the PBX has placed is nobody
	}
	app := ""
	if o.root != nil {
		app = strings.ToLower(o.root.app)
	}
	// Congestion and Busy refuse the call: the driver hangs up by itself.
	o.call.HungUp = app != "congestion" && app != "busy"
	p.RingingHangup = o.call.HungUp && stages[app] == ringing && o.rings() || p.RingingHangup
}

// leaves notes that the phone that calls hangs up, where it is not the first
// channel of the call. The call may go on with whom it has left there.
func (o *open) leaves() {
	o.call.HungUp = true
	if o.call.Progress.Stage == ringing && o.rings() {
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

// rings says that a phone is being rung, or was picked up by somebody who is
// asked whether they want the call; its end may be told before the hangup that it
// comes from. A Dial whose legs were never seen is believed
// to ring until DIALSTATUS says otherwise.
func (o *open) rings() bool {
	for i := range o.call.Legs {
		l := &o.call.Legs[i]
		there := o.tracker.legs[l.Channel]
		if (l.Outcome == LegDialing || l.Outcome == LegAnswered) && (there != nil && there != o.caller || l.GivenUp) {
			return true
		}
	}
	return o.call.Progress.Dialed == 0 && o.call.Progress.DialStatus == ""
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

// lists says that a channel has an entry in the call.
func (o *open) lists(channel string) bool {
	return slices.ContainsFunc(o.call.Legs, func(l Leg) bool { return l.Channel == channel })
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

// running says that somebody talks with l's channel now.
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

// outcomeOf reads how a dialed leg ended: first what Dial says of it, then the
// Q.850 cause (ITU-T Q.850 §2.2.5) of its channel's end. A timed-out leg has
// cause 0, and 16 or 19 say no more than that nobody picked up.
func outcomeOf(dialStatus string, cause int) Outcome {
	switch dialStatus {
	case "ANSWER":
		return LegAnswered
	case "BUSY":
		return LegBusy
	case "CHANUNAVAIL":
		return LegUnreachable
	case "CONGESTION":
		return LegCongested
	}
	switch cause {
	case 17:
		return LegBusy
	case 21:
		return LegRejected
	case 23:
		return LegForwarded
	case 26:
		return LegElsewhere
	case 1, 2, 3, 18, 20, 22, 27, 28:
		return LegUnreachable
	case 34, 38, 41, 42, 44, 58:
		return LegCongested
	}
	return LegDialing
}
