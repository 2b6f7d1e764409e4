package call

import "ringback/ari"

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

// whom is what a leg that left by a trunk dialed, for whichever call.
func (l *leg) whom() string {
	if entry := l.listed(); entry != nil {
		return entry.Number
	}
	return ""
}

// rings notes that a phone is heard to ring.
func (l *leg) rings() {
	l.alerted = true
	l.hasRung()
}

// hasRung notes that a phone rings, or that its network announces something.
func (l *leg) hasRung() {
	l.rang = true
	if entry := l.listed(); entry != nil && !entry.Rang {
		entry.Rang = true
		l.open.touch()
	}
}

// hasEnded notes what became of a dialed leg. An outcome that is known is not
// replaced by the vaguer one that the hangup brings.
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

// noAnswer is the Q.850 cause of a user who does not answer, and of SIP 480.
const noAnswer = 19

// dialed notes what Dial tells of a leg.
func (l *leg) dialed(ev *ari.Event) {
	switch status := ev.DialStatus; {
	case status == "RINGING":
		l.rings()
	case status == "PROGRESS":
		l.hasRung()
	case status == "PROCEEDING":
	case ev.Forward != "": // with whatever status: the phone has sent the call on
		l.hasEnded(LegForwarded)
	case status == "CANCEL":
		if entry := l.listed(); entry != nil && !entry.GivenUp {
			entry.GivenUp = true
			l.open.touch()
		}
	default:
		l.hasEnded(outcomeOf(status, 0))
	}
}

// application notes which dialplan application a channel has come to, and in which
// line.
func (l *leg) application(app, data string, c *ari.Channel) {
	line := lineOf(c.Context, c.Exten, c.Priority)
	same := app == l.app && (line == l.line || l.line == 0)
	if o := l.open; o != nil && !o.call.Progress.Over && l == o.root && c.Exten == "h" {
		return // the call is over, and the dialplan cleans up
	}
	l.app, l.line = intern(app), line
	if l.open != nil && !l.open.call.Progress.Over && !same {
		l.open.place(l, c)
		l.open.application(l, app, data)
	}
}
