package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	book "ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// audit is what a siege comes to: what the callers and the phones have noted
// held against what the daemon says.
type audit struct {
	callers, owed, reached, unclear int
	odd                             []string // calls that went otherwise than in their scenario
	leads                           int
	lost                            []string // owed a lead, and there is none
	doubled                         []string // more than one lead, call or miss for one call
	needless                        []string // a lead of who has talked with somebody
	wrong                           []string // another verdict than the truth
	untold                          []string // leads of which somebody who was to know has not heard
	early                           []string // leads of which somebody has heard before they were to
	twice                           []string // people told twice on one rung
	rungTwice                       []string // managers whom the robot has rung more often than they had leads
	coarse                          []string // calls whose reason is another than if all of it had been watched
	bySource                        map[string]int
	reasons                         map[string]int // by ending and source: how it was called
	inDoubt                         int            // messages of a first rung that did not come: the death may have come between sending and noting it
	tidings
}

// rungApart is how far apart two calls to one manager are at least: one a minute
// is allowed, counted from when it was asked for.
const rungApart = 55 * time.Second

// problems says all that must not be, in lines.
func (a *audit) problems() string {
	var b strings.Builder
	for _, kind := range []struct {
		what string
		list []string
	}{{"lost", a.lost}, {"doubled", a.doubled}, {"needless", a.needless}, {"wrong", a.wrong}, {"not told", a.untold}, {"told early", a.early}, {"told twice", a.twice}, {"rung twice", a.rungTwice}} {
		if len(kind.list) == 0 {
			continue
		}
		fmt.Fprintf(&b, "%d %s:\n", len(kind.list), kind.what)
		for _, line := range kind.list[:min(len(kind.list), mostShown)] {
			fmt.Fprintf(&b, "  %s\n", line)
		}
	}
	return b.String()
}

// mostShown is how many of a kind of problems are shown.
const mostShown = 8

func (a *audit) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d callers: %d missed, %d reached, %d unclear; %d leads: %d lost, %d doubled, %d needless, %d with a wrong verdict, %d with another reason; ",
		a.callers, a.owed, a.reached, a.unclear, a.leads, len(a.lost), len(a.doubled), len(a.needless), len(a.wrong), len(a.coarse))
	rings := 0
	for _, at := range a.rings {
		rings += len(at)
	}
	fmt.Fprintf(&b, "%d messages: %d not told, %d told early, %d told twice, %d in doubt and left to the next rung, %d marked as possibly double, %d webhooks repeated; %d calls to managers: %d rung twice; calls by source: %v; otherwise than in the scenario: %d",
		a.messages, len(a.untold), len(a.early), len(a.twice), a.inDoubt, a.marked, a.again, rings, len(a.rungTwice), a.bySource, len(a.odd))
	return b.String()
}

// audit reads everything and compares.
func (s *siege) audit() *audit {
	s.Helper()
	a := &audit{bySource: map[string]int{}, reasons: map[string]int{}, tidings: s.ears.count()}
	leads, calls := map[string][]apiLead{}, map[string][]apiCall{}
	owedTo := map[string]int{} // leads by manager
	for _, l := range all[apiLead](s.rig, "leads") {
		a.leads++
		owedTo[l.Manager]++
		number := ""
		if l.Contact != nil {
			number = l.Contact.Number
		}
		leads[number] = append(leads[number], l)
	}
	for _, c := range all[apiCall](s.rig, "calls") {
		if c.Reason == "own" {
			continue // the robot's
		}
		calls[c.Caller] = append(calls[c.Caller], c)
	}
	callers := s.callers()
	a.callers = len(callers)
	contacts := map[string]int{}
	for _, c := range all[apiContact](s.rig, "contacts") {
		for _, number := range c.Numbers {
			contacts[number]++
		}
	}
	for number, n := range contacts {
		if n > 1 || callers[number] == nil {
			a.doubled = append(a.doubled, fmt.Sprintf("%q has %d contacts; among the callers: %v", number, n, callers[number] != nil))
		}
	}
	for _, number := range slices.Sorted(maps.Keys(callers)) {
		s.accountFor(a, callers[number], leads[number], calls[number])
	}
	for number, of := range leads {
		if callers[number] == nil {
			a.doubled = append(a.doubled, fmt.Sprintf("%q did not ring: %+v", number, of))
		}
	}
	for number, of := range calls {
		if callers[number] == nil {
			a.doubled = append(a.doubled, fmt.Sprintf("%q did not ring: %+v", number, of))
		}
	}
	for what, n := range a.by {
		if n > 1 {
			a.twice = append(a.twice, fmt.Sprintf("%v: %d times", what, n))
		}
	}
	for phone, at := range a.rings {
		slices.SortFunc(at, time.Time.Compare)
		often := len(at) > owedTo[phone] // one call tells of one lead or of several
		for i := 1; i < len(at); i++ {
			often = often || at[i].Sub(at[i-1]) < rungApart
		}
		if often {
			a.rungTwice = append(a.rungTwice, fmt.Sprintf("%s, who owes %d calls back, was rung at %v", phone, owedTo[phone], clocks(at)))
		}
	}
	return a
}

// accountFor holds one caller against what the daemon has of them.
func (s *siege) accountFor(a *audit, c *caller, leads []apiLead, calls []apiCall) {
	problem := func(list *[]string, format string, args ...any) {
		line := fmt.Sprintf(format, args...)
		if len(*list) < mostShown {
			line += " | " + s.known(c, leads, calls)
		}
		*list = append(*list, line)
	}
	if !c.through() {
		a.odd = append(a.odd, c.String())
	}
	truth := c.owed()
	switch truth {
	case callback:
		a.owed++
		if len(leads) == 0 {
			problem(&a.lost, "no lead")
		}
	case nothing:
		a.reached++
		if len(leads) > 0 {
			problem(&a.needless, "a lead")
		}
	case unclear:
		a.unclear++
	}
	if len(leads) > 1 || len(calls) > 1 || len(leads) == 1 && leads[0].Missed != 1 {
		problem(&a.doubled, "%d leads, %d calls", len(leads), len(calls))
	}
	for _, call := range calls {
		a.bySource[call.Source]++
		a.reasons[c.ending.name+", "+call.Source+": "+call.Verdict+" "+call.Reason]++
		if call.Direction != "inbound" || truth == callback && call.Verdict != "missed" || truth == nothing && call.Verdict != "answered" {
			problem(&a.wrong, "%s %q", call.Direction, call.Verdict)
		}
	}
	if truth != unclear && len(calls) == 1 && calls[0].Reason != c.ending.reason && (truth == nothing) == (c.ending.reason == "person") {
		problem(&a.coarse, "%s by %s", calls[0].Reason, calls[0].Source)
	}
	if truth != unclear && len(calls) == 0 {
		problem(&a.wrong, "no call")
	}
	for _, lead := range leads {
		s.toldOf(a, c, lead, problem)
	}
}

// toldOf looks whether everybody who is to know of a lead does. What was being
// sent by SIP or mail when the daemon died is not repeated on the first rung.
func (s *siege) toldOf(a *audit, c *caller, lead apiLead, problem func(*[]string, string, ...any)) {
	chief := siegeSupervisor(lead.Pool)
	for _, channel := range []string{"crm", "sip", "email"} {
		if a.by[rungOf{channel, chief, c.number, "overdue"}] == 0 && !s.ears.marked(channel, chief, c.number) && !s.doubtedTwice(lead.ID, channel, chief) {
			problem(&a.untold, "%s has not heard of it by %s", chief, channel)
		}
	}
	for why, after := range map[string]time.Duration{"new_lead": 0, "overdue": siegeOverdue} {
		if at, soonest := a.first[firstHeard{c.number, why}], s.opens(c.last()).Add(after); len(s.dead) == 0 && !at.IsZero() && at.Before(soonest.Add(-earlyMargin)) &&
			s.doubts(lead.ID, func(string, string) bool { return true }) == 0 { // else the next rung has come forward

			problem(&a.early, "%s came %v too early", why, soonest.Sub(at).Round(time.Millisecond))
		}
	}
	if lead.Pool == "desk" {
		return // there the first rung is a call
	}
	for _, channel := range []string{"sip", "email"} {
		if a.by[rungOf{channel, lead.Manager, c.number, "new_lead"}] == 0 {
			a.inDoubt++
		}
	}
	if a.by[rungOf{"crm", lead.Manager, c.number, "new_lead"}] == 0 {
		problem(&a.untold, "%s has not heard of it by the CRM", lead.Manager)
	}
}

// earlyMargin is by how much later than the PBX a caller may note that it is over.
const earlyMargin = 2 * time.Second

// opens is when the company's hours are open first from a time on.
func (s *siege) opens(at time.Time) time.Time {
	for _, i := range s.closed {
		if at.After(i.since.Add(earlyMargin)) && at.Before(i.until) {
			return i.until
		}
	}
	return at
}

// doubtedTwice says that the daemon died while it sent a message of the last rung,
// and again while it repeated it: it is not repeated once more.
func (s *siege) doubtedTwice(lead int64, channel, to string) bool {
	return s.doubts(lead, func(by, who string) bool { return by == channel && who == to }) >= 2
}

// doubts counts the messages of a lead of which nobody knows whether they were sent.
func (s *siege) doubts(lead int64, such func(channel, to string) bool) (n int) {
	var card struct {
		Timeline []struct{ Kind, Who, Channel string }
	}
	s.get(fmt.Sprintf("/api/v1/leads/%d", lead), &card)
	for _, e := range card.Timeline {
		if e.Kind == book.EntryAlertDoubt && such(e.Channel, e.Who) {
			n++
		}
	}
	return n
}

// marked says whether a message came that says it may have come before.
func (e *ears) marked(channel, to, number string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.ContainsFunc(e.heard, func(m earful) bool { return m.marked && m.channel == channel && m.to == to && m.number == number })
}

// known is all that is told of a caller: by themselves and the phones, by the
// daemon, and by the PBX's records.
func (s *siege) known(c *caller, leads []apiLead, calls []apiCall) string {
	var b strings.Builder
	b.WriteString(c.String())
	for _, call := range calls {
		fmt.Fprintf(&b, " | call %s by %s: %s %s, %s", call.Call, call.Source, call.Verdict, call.Reason, call.Started.Local().Format("15:04:05.000"))
	}
	for _, lead := range leads {
		fmt.Fprintf(&b, " | lead %d of %s (%s), missed %d", lead.ID, lead.Manager, lead.Pool, lead.Missed)
	}
	for line := range strings.Lines(s.read(s.pbx.CDRFile)) {
		if strings.Contains(line, strings.TrimPrefix(c.number, "+")) {
			b.WriteString(" | CDR " + strings.TrimSpace(line))
		}
	}
	for _, i := range s.away {
		if i.since.Before(c.last().Add(5*time.Second)) && i.until.After(c.steps[0].at.Add(-5*time.Second)) {
			fmt.Fprintf(&b, " | no daemon from %s to %s", clocks([]time.Time{i.since, i.until})[0], clocks([]time.Time{i.until})[0])
		}
	}
	return b.String()
}

func clocks(at []time.Time) (list []string) {
	for _, t := range at {
		list = append(list, t.Format("15:04:05.000"))
	}
	return list
}

// settle waits until the load is over and all is as it should be, or nothing
// has changed for some time; then it looks once more. The siege's account is
// logged, and must be without problems.
func (s *siege) settle(l *load) *audit {
	s.Helper()
	s.until("the load is over", 10*time.Minute, func() bool { return !l.running() })
	s.watches()
	var a *audit
	var known string
	stood := time.Now()
	s.until("everything stands still", 15*time.Minute, func() bool {
		a = s.audit()
		if now := fmt.Sprint(a, len(a.untold)); now != known || s.stillTried() {
			known, stood = now, time.Now()
		}
		return a.problems() == "" && s.nothingUnread() || time.Since(stood) > standsStill
	})
	s.until("no channel is left on the PBX", time.Minute, func() bool { return s.channels() == "" })
	a = s.audit()
	s.Logf("%d starts, killed for %v in all, %v; %v", s.lives, s.awayFor().Round(time.Millisecond), time.Since(s.began).Round(time.Second), a)
	for _, reason := range slices.Sorted(maps.Keys(a.reasons)) {
		s.Logf("%s: %d", reason, a.reasons[reason])
	}
	for _, odd := range a.odd[:min(len(a.odd), mostShown)] {
		s.Logf("otherwise than in the scenario: %s", odd)
	}
	for _, coarse := range a.coarse[:min(len(a.coarse), mostShown)] {
		s.Logf("coarser: %s", coarse)
	}
	if problems := a.problems(); problems != "" {
		s.Errorf("%s", problems)
		s.found = problems
	}
	return a
}

// stillTried says that a message which could not be handed over is to be tried
// again: the longest pause between two tries is ten minutes.
func (s *siege) stillTried() (tried bool) {
	s.Helper()
	err := db.Peek(s.Context(), s.o.database, func(tx *db.Tx) error {
		for _, channel := range []string{"crm", "sip", "email"} {
			waiting, held, err := jobs.Pending(tx, "notify:"+channel, channel)
			if err != nil {
				return err
			}
			tried = tried || waiting+held > 0
		}
		return nil
	})
	if err != nil {
		s.Fatal(err)
	}
	return tried
}

// blindTime is an interval in which the PBX was not watched, as the status tells it.
type blindTime struct {
	Until    time.Time
	Finished *time.Time
}

func (s *siege) blindTimes() []blindTime {
	s.Helper()
	var status struct{ Blind []blindTime }
	s.get("/api/v1/status", &status)
	return status.Blind
}

// gapIsNoted says that the interval before the last start is written down.
func (s *siege) gapIsNoted() bool {
	s.Helper()
	return s.lives == 1 || slices.ContainsFunc(s.blindTimes(), func(b blindTime) bool { return b.Until.After(s.begun) })
}

// nothingUnread says that the call records have been read for each interval in
// which the PBX was not watched, the one before the last start too.
func (s *siege) nothingUnread() bool {
	s.Helper()
	return s.gapIsNoted() && !slices.ContainsFunc(s.blindTimes(), func(b blindTime) bool { return b.Finished == nil })
}

// standsStill is how long nothing may change, and no message wait for another try,
// until it is believed that nothing will: longer than the wait for records.
const standsStill = 20 * time.Second
