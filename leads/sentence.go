package leads

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"ringback/ari/call"
	"ringback/leads/number"
	"ringback/routing"
)

// sentence tells a call in words, in the order of time, so that an administrator
// believes the verdict or corrects it.
type sentence struct {
	o    *Office
	c    *call.Call
	j    *Judged
	plan *number.Plan
	// events are what became of the caller; the phones of a queue stand with the
	// queue.
	events []event
}

// event is a stay, phones that rang together, or a talk.
type event struct {
	from, to time.Duration // since the call began
	talk     *call.Talk    // nil: it is none
	parking  bool
	vain     bool // phones that rang until they were given up
	text     string
}

// MaxExplained bounds an explanation, in bytes.
const MaxExplained = 300

// explain is the sentence of a call that has ended, no longer than MaxExplained.
func (o *Office) explain(c *call.Call, j *Judged) string {
	s := &sentence{o: o, c: c, j: j, plan: o.plan(c.PBX)}
	for i := range c.Stops {
		s.stop(&c.Stops[i])
	}
	s.rings()
	for i := range c.Talks {
		s.talk(&c.Talks[i])
	}
	slices.SortStableFunc(s.events, func(a, b event) int { return cmp.Compare(a.from, b.from) })
	told := make([]string, 0, len(s.events)+2)
	for i := range s.events {
		told = append(told, s.events[i].text+s.parted(i))
	}
	return joined(s.source()+s.head(), append(told, s.end()...))
}

const (
	// between stands between the clauses of a sentence.
	between = "; "
	// cut says that something was cut off, or left out.
	cut = "…"
)

// joined leaves out of the middle what would make the sentence too long: how it
// began and how it ended decide.
func joined(head string, told []string) string {
	const left = between + cut
	if whole := head + strings.Join(told, between); len(whole) <= MaxExplained {
		return whole
	}
	first := clipped(head+told[0], MaxExplained/2) + left
	room, last := MaxExplained-len(first), len(told)
	for last > 1 && len(between)+len(told[last-1]) <= room {
		last--
		room -= len(between) + len(told[last])
	}
	return strings.Join(append([]string{first}, told[last:]...), between)
}

// source says where the call is known from, if it was not seen: records tell less.
func (s *sentence) source() string {
	if s.c.Source == call.Records {
		return "by the PBX's call records: "
	}
	return ""
}

// head is what was known before anything happened: who called whom, where that
// is not plain, and the policy that decided.
func (s *sentence) head() string {
	switch {
	case s.j.Reason == routing.Own:
		return "placed by Ringback itself: "
	case s.called() != "":
		return "the PBX called " + s.called() + ": "
	case s.c.Direction != call.Inbound:
		return s.caller() + " called " + shown(s.j.Dialed.Value) + ": "
	case s.j.Reason == routing.Blocked:
		return "the caller is on the block list: "
	case s.j.Reason == routing.Closed:
		return "outside the opening hours: "
	case s.j.Reason == routing.Handled:
		return s.handler() + " is configured as handled: "
	}
	return ""
}

// handler is the entry of the configuration for which the call is ignored.
func (s *sentence) handler() string {
	handled := &s.j.Pool.Handled
	switch {
	case slices.Contains(handled.Lines, s.j.Line):
		return "line " + shown(s.j.Line)
	case slices.Contains(handled.Contexts, s.c.Context):
		return "context " + shown(s.c.Context)
	}
	return "application " + shown(s.c.Application)
}

// caller is the side that called, or that the PBX called.
func (s *sentence) caller() string {
	switch {
	case s.c.Direction == call.Inbound:
		return "the caller"
	case s.called() != "":
		return s.called()
	case s.c.From.Endpoint != "" && !s.c.From.Outside:
		return s.name(s.c.From)
	}
	return shown(s.j.Caller.Value)
}

// called is whom the PBX has called by itself; empty where somebody else called.
func (s *sentence) called() string {
	placed := func(l call.Leg) bool {
		return l.Party == s.c.From && (l.Channel == s.c.ID || s.name(l.Party) == shown(s.j.Dialed.Value))
	}
	switch {
	case s.c.Direction == call.Inbound:
	case s.c.From.Endpoint == "":
		return shown(s.j.Dialed.Value)
	case s.c.Direction == call.Internal && slices.ContainsFunc(s.c.Legs, placed):
		return s.name(s.c.From)
	}
	return ""
}

// whom is who was called, where the head has said it.
func (s *sentence) whom() string {
	switch {
	case s.j.Reason == routing.Own || s.c.Direction == call.Inbound:
		return ""
	case s.c.Direction == call.Outbound:
		return shown(s.j.Dialed.Value)
	}
	return s.called()
}

// talk tells of a talk. Where the head has said who called whom, the talk of the
// two needs no names.
func (s *sentence) talk(t *call.Talk) {
	from := t.Start.Sub(s.j.Started)
	length := nonNegative(t.Length(s.j.Ended))
	text := "talked with " + s.name(t.Who)
	if s.c.Direction == call.Outbound && t.Who == s.c.From {
		text = "they talked"
	}
	if length == 0 && s.c.Source == call.Records {
		text += ", how long they do not tell"
		s.events = append(s.events, event{from: from, to: from, talk: t, text: text})
		return
	}
	text += " for " + lasted(length)
	if s.c.Direction == call.Inbound && s.j.Pool != nil {
		limit := s.j.Pool.Missed
		switch {
		case t.Who.Outside && length < limit.ExternalAfter:
			text += " outside, less than external_after (" + lasted(limit.ExternalAfter) + ")"
		case !t.Who.Outside && length < limit.MinTalk:
			text += ", less than min_talk (" + lasted(limit.MinTalk) + ")"
		}
	}
	s.events = append(s.events, event{from: from, to: from + length, talk: t, text: text})
}

// parted says why a talk was over that was not the end of the call.
func (s *sentence) parted(i int) string {
	e := &s.events[i]
	talksOn := func(o event) bool { return o.talk != nil && o.from <= e.to && o.to > e.to }
	if e.talk == nil || slices.ContainsFunc(s.events, talksOn) {
		return ""
	}
	transferred, leaves := ", was transferred", ", who hung up"
	if s.c.Direction != call.Inbound {
		transferred, leaves = ", then the call was transferred", ", then "+s.name(e.talk.Who)+" hung up"
	}
	next := slices.IndexFunc(s.events, func(o event) bool { return o.from >= e.to })
	switch {
	case next < 0 && s.c.How == call.LostInTransfer:
		return transferred
	case next < 0 || s.events[next].parking:
		return ""
	case e.talk.HungUp:
		return leaves
	case slices.ContainsFunc(s.events, func(o event) bool { return o.talk != nil && o.from >= e.to && o.talk.Channel == e.talk.Channel }):
		return "" // they came back
	}
	return transferred
}

// end tells what the call did not come to, and who ended it.
func (s *sentence) end() []string {
	var told []string
	vain, refused := s.vain()
	if vain != "" {
		told = append(told, vain)
	}
	last := len(s.events) - 1
	switch {
	case s.c.Unseen && !s.c.HungUp:
		told = append(told, "how it ended nobody saw")
	case s.j.Reason == routing.Short:
		told = append(told, fmt.Sprintf("%s hung up after %s, within short_abandon (%s)", s.caller(),
			lasted(s.j.Ended.Sub(s.j.Started)), lasted(s.j.Pool.Missed.ShortAbandon)))
	case s.c.HungUp && s.c.How == call.LostInTransfer:
		told = append(told, s.caller()+" hung up before anybody answered")
	case s.c.HungUp:
		told = append(told, s.caller()+" hung up")
	case last >= 0 && s.events[last].talk != nil && s.farEnd(s.events[last].talk) != "":
		told = append(told, s.farEnd(s.events[last].talk)+" hung up")
	case s.c.Source == call.Records && len(told)+len(s.events) > 0: // they do not tell who hung up
	case !refused:
		told = append(told, "the PBX ended the call")
	}
	return told
}

// farEnd names who of a talk hung up, other than the side that called.
func (s *sentence) farEnd(t *call.Talk) string {
	if t.HungUp {
		return s.name(t.Who)
	}
	for i := range s.c.Legs {
		if l := &s.c.Legs[i]; s.c.Direction == call.Outbound && l.Outside && l.HungUp && l.Outcome == call.LegAnswered {
			return s.name(l.Party)
		}
	}
	return ""
}

// vain tells what the call did not come to, where the events do not. refused
// says that this was the PBX's own end of it.
func (s *sentence) vain() (told string, refused bool) {
	undialed := slices.ContainsFunc(s.c.Stops, func(s call.Stop) bool { return s.Place == call.Undialed })
	nothing := len(s.c.Legs) == 0 && !undialed
	last := len(s.events) - 1
	switch {
	case !s.c.HungUp && !s.c.Unseen && last >= 0 && s.events[last].vain:
		return "nobody answered", false
	case s.c.How == call.NoAnswer, s.c.How == call.LostInTransfer && !s.c.HungUp:
		return "nobody answered", false
	case s.c.How == call.Unreachable && nothing:
		return "no phone could be rung", false
	case s.c.How == call.Busy && nothing:
		return "the PBX said that it is busy", true
	case s.c.How == call.Failed && nothing:
		return "the PBX could not carry the call", true
	case len(s.events) == 0 && len(s.c.Stops) == 0 && s.c.Progress.Announced: // by no application
		return "the PBX answered", false
	}
	return "", false
}

func (s *sentence) name(p call.Party) string { return shown(s.o.Name(s.c.PBX, s.plan, p)) }

// maxShown bounds a name within a sentence, in bytes.
const maxShown = 40

// shown is text from outside as a sentence takes it: short, and all of it to be
// seen.
func shown(text string) string {
	if text == "" {
		return "an unknown number"
	}
	return clipped(strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, clip(text, MaxListed)), maxShown)
}

// clipped says where something was cut off.
func clipped(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return clip(text, most-len(cut)) + cut
}

// instant is what people do not take for a length of time.
const instant = 50 * time.Millisecond

// lasted is a length as people say it.
func lasted(d time.Duration) string {
	switch d = nonNegative(d); {
	case d == 0:
		return "0 s"
	case d < instant:
		return "an instant"
	case d < 9950*time.Millisecond:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + " s"
	case d < 2*time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f min", d.Minutes())
}

// during is how long something lasted that may have been over at once.
func during(d time.Duration) string {
	if d < instant {
		return ""
	}
	return " for " + lasted(d)
}

// listing says several names: at most four, or three and how many more.
func listing(names []string) string {
	switch n := len(names); {
	case n == 1:
		return names[0]
	case n <= 4:
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	default:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:3], ", "), n-3)
	}
}
