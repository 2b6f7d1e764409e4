package leads

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// passing is how long a stay in an application that has no word of its own may be
// without being told: most only look something up.
const passing = time.Second

// tones are what callers take tones for, as indications.conf names them.
var tones = map[string]string{"busy": "a busy tone", "congestion": "a congestion tone", "ring": "a ringing tone"}

// stop tells of a stay of the caller somewhere that is no phone.
func (s *sentence) stop(stop *call.Stop) {
	e := event{from: stop.From.Length(), to: s.until(stop.To), parking: stop.Place == call.Parking}
	long := during(e.to - e.from)
	switch stop.Place {
	case call.Announcement:
		e.text = "heard an announcement" + long
	case call.Tone:
		e.text = "heard " + cmp.Or(tones[strings.ToLower(stop.Name)], "a tone") + long
	case call.Menu:
		e.text = "was in a menu" + long
	case call.Queue:
		e.text = s.queue(stop, long)
	case call.Mailbox:
		e.text = "was in voicemail" + long
		switch later := slices.ContainsFunc(s.c.Stops, func(o call.Stop) bool { return o.Place == call.Mailbox && o.From > stop.From }); {
		case later: // what was left is not said of each
		case s.c.Message:
			e.text = "left a voicemail"
		default:
			e.text += ", left no message"
		}
	case call.Conference:
		e.text = "was in a conference" + long
	case call.Parking:
		e.text = "was parked" + long
	case call.Undialed:
		e.text = s.undialed(stop.Name)
	default:
		if e.to-e.from >= passing {
			e.text = "was in " + shown(string(stop.Place)) + long
		}
	}
	if e.text != "" {
		s.events = append(s.events, e)
	}
}

// queue tells of a wait in a queue, of the phones that it rang, and why it let
// the caller go.
func (s *sentence) queue(stop *call.Stop, long string) string {
	name := "a queue"
	if stop.Name != "" {
		name = "queue " + shown(stop.Name)
	}
	if stop.Left == call.QueueFull {
		return name + " was full"
	}
	var rung ringing
	through := false
	for i := range s.c.Legs {
		if l := &s.c.Legs[i]; within(l, stop) {
			rung.add(s, l)
			through = through || slices.ContainsFunc(s.c.Talks, func(t call.Talk) bool { return t.Channel == l.Channel })
		}
	}
	text := "waited" + long + " in " + name
	if len(rung.rang) > 0 {
		text += ", which rang " + listing(rung.rang)
	}
	switch stop.Left {
	case call.QueueTimeout:
		text += ", until its time was up"
	case call.QueueEmpty:
		if long == "" {
			return name + " had nobody there to answer"
		}
		text += ", until nobody was there to answer"
	case call.QueueKey:
		if !through { // where it has put the caller through, the wait only seems to end so
			text += ", left it by a key"
		}
	}
	return strings.Join(append([]string{text}, rung.outcomes...), "; ")
}

// within says that a queue has rung the phone.
func within(l *call.Leg, stop *call.Stop) bool {
	return stop.Place == call.Queue && l.Dialed >= stop.From && (stop.To == 0 || l.Dialed < stop.To)
}

// undialed names the phones that Dial was told and that got no channel.
func (s *sentence) undialed(dialed string) string {
	var names []string
	for phone := range strings.SplitSeq(dialed, "&") {
		if p := partyOf(phone); !strings.HasPrefix(phone, "Local/") && !s.rung(p) { // Local always gets a channel
			names = appendNew(names, s.name(p))
		}
	}
	if len(names) == 0 {
		return ""
	}
	return listing(names) + " could not be rung (not registered, or not known)"
}

// rung says that whom Dial was told got a channel, by this Dial or another.
func (s *sentence) rung(p call.Party) bool {
	name := s.name(p)
	return slices.ContainsFunc(s.c.Legs, func(l call.Leg) bool {
		return s.name(l.Party) == name || l.Endpoint == p.Endpoint && !(l.Outside && p.Outside)
	})
}

// partyOf reads one of those whom Dial was told: PJSIP/101, PJSIP/101/sip:101@host
// (what PJSIP_DIAL_CONTACTS makes of it), PJSIP/number@trunk, or SIP/trunk/number.
func partyOf(phone string) call.Party {
	tech, rest, _ := strings.Cut(phone, "/")
	endpoint, number, _ := strings.Cut(rest, "/")
	user, host, at := strings.Cut(endpoint, "@")
	if at {
		endpoint = host
	}
	if strings.HasPrefix(number, "sip") { // where the phone is
		number = ""
	}
	if at && number == "" {
		number, _, _ = strings.Cut(user, ":") // without a password
	}
	return call.Party{Endpoint: tech + "/" + endpoint, Outside: number != "", Number: number}
}

// until is a moment of the call, or its end where it has none.
func (s *sentence) until(a call.After) time.Duration {
	if a == 0 {
		return nonNegative(s.j.Ended.Sub(s.j.Started))
	}
	return a.Length()
}

// ringing are phones that rang together.
type ringing struct {
	from, to time.Duration // since the call began
	rang     []string      // heard to ring
	silent   []string      // dialed, and never heard of
	outcomes []string      // what tells more than that nobody picked up
	vain     bool          // one of them rang until it was given up
}

func (r *ringing) add(s *sentence, l *call.Leg) {
	name := s.name(l.Party)
	r.vain = r.vain || l.Rang && l.Outcome == call.LegDialing
	switch {
	case l.Rang:
		r.rang = appendNew(r.rang, name)
	case l.Outcome == call.LegDialing || l.Outcome == call.LegElsewhere:
		r.silent = appendNew(r.silent, name)
	}
	r.outcomes = appendNew(r.outcomes, s.outcome(l, name))
}

// outcome is what became of a phone, if it tells something.
func (s *sentence) outcome(l *call.Leg, name string) string {
	switch l.Outcome {
	case call.LegRejected:
		return name + " declined"
	case call.LegBusy:
		return name + " was busy"
	case call.LegUnreachable:
		return name + " was not reachable"
	case call.LegForwarded:
		return name + " forwarded the call"
	case call.LegCongested:
		return name + " could not be called"
	case call.LegAnswered:
		switch {
		case s.talkedOn(l) || s.outside(l) || s.calls(l):
		case s.c.Direction == call.Inbound:
			return name + " picked up, and was not put through"
		default: // with whom they spoke nobody can say
			return name + " picked up"
		}
	}
	return ""
}

// talkedOn says that the phone was talked with.
func (s *sentence) talkedOn(l *call.Leg) bool {
	return slices.ContainsFunc(s.c.Talks, func(t call.Talk) bool { return t.Channel == l.Channel || t.Who == l.Party })
}

// outside says that at the leg's end is the person outside of a call out, with
// whom the phones of the house talk.
func (s *sentence) outside(l *call.Leg) bool {
	return s.c.Direction == call.Outbound && l.Outside && len(s.c.Talks) > 0
}

// calls says that the leg is the phone that calls, which a page's "call" button has
// rung first.
func (s *sentence) calls(l *call.Leg) bool {
	return s.c.Direction != call.Inbound && l.Party == s.c.From && s.called() == ""
}

// rings tells of the phones that no queue rang: those together of which one was
// dialed while another rang.
func (s *sentence) rings() {
	var group ringing
	for i := range s.c.Legs {
		l := &s.c.Legs[i]
		queued := slices.ContainsFunc(s.c.Stops, func(stop call.Stop) bool { return within(l, &stop) })
		if queued || l.Dialed == 0 && s.talkedOn(l) {
			continue // it stands with its queue, or was rung for another call
		}
		at := l.Dialed.Length()
		if at >= group.to {
			s.rang(&group)
			group = ringing{from: at}
		}
		group.add(s, l)
		if group.to = max(group.to, at+1); l.Dialed > 0 { // otherwise nobody saw when
			group.to = max(group.to, s.until(l.Over))
		}
	}
	s.rang(&group)
}

func (s *sentence) rang(r *ringing) {
	var told []string
	long := during(r.to - r.from)
	switch {
	case len(s.c.Legs) == 1 && len(r.rang) == 1 && r.rang[0] == s.whom():
		told = append(told, "it rang"+long)
	case len(r.rang) > 0:
		told = append(told, "rang "+listing(r.rang)+long)
	}
	if len(r.silent) > 0 {
		told = append(told, "tried "+listing(r.silent)+long)
	}
	if told = append(told, r.outcomes...); len(told) > 0 {
		s.events = append(s.events, event{from: r.from, to: r.to, vain: r.vain, text: strings.Join(told, "; ")})
	}
}
