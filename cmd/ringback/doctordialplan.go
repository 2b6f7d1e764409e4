package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers/v2"

	"ringback/ari/call"
	"ringback/leads/number"
	"ringback/robotcall"
	"ringback/routing"
)

// checkContexts compares where calls begin with where they are said to.
func checkContexts(ctx context.Context, s *subject) []finding {
	list, unproven := s.proveContexts(ctx)
	all := len(unproven) == len(s.pbx.Inbound.Contexts)
	for _, name := range unproven {
		text := fmt.Sprintf("no endpoint's calls begin in %s, and it knows none of the lines' numbers", name)
		if all {
			list = append(list, fail("contexts", s.otherContexts(ctx), "%s: no call would be taken for one from outside, and none be missed", text))
			continue
		}
		list = append(list, warn("contexts", s.otherContexts(ctx), "%s", text))
	}
	return append(list, s.strangers()...)
}

// proveContexts looks for a sign that calls from outside begin in each context of
// inbound.contexts, and names those of which there is none.
func (s *subject) proveContexts(ctx context.Context) (list []finding, unproven []string) {
	left := 0
	for _, name := range s.pbx.Inbound.Contexts {
		if phones := s.beginning(name, isPhone); len(phones) > 0 {
			list = append(list, fail("contexts", "name under inbound.contexts only where trunks deliver calls, and let phones begin in another context",
				"calls of %s begin in %s too: what the house dials is taken for calls from outside", someOf(phones), name))
			continue
		}
		if trunks := s.beginning(name, isOther); len(trunks) > 0 {
			list = append(list, good("contexts", "calls of %s begin in %s", someOf(trunks), name))
			continue
		}
		switch known, err := s.takes(ctx, name); {
		case errors.Is(err, errSlow):
			left++
		case err != nil:
			return append(list, s.unasked("contexts", err)...), nil
		case known != "":
			list = append(list, good("contexts", "%s is in the dialplan and takes calls to %s", name, known))
		default:
			unproven = append(unproven, name)
		}
	}
	if left > 0 {
		list = append(list, warn("contexts", doSlow, "%v: of %s it is not known whether calls from outside begin there", errSlow, counted(left, "context")))
	}
	return list, unproven
}

// takes is a line's number that a context knows, or s; empty: none.
func (s *subject) takes(ctx context.Context, name string) (string, error) {
	for i := range s.cfg.Lines {
		if l := &s.cfg.Lines[i]; l.PBX == "" || l.PBX == s.pbx.Name {
			if number, err := s.knowsLine(ctx, name, l); err != nil || number != "" {
				return number, err
			}
		}
	}
	if known, err := s.knows(ctx, name, "s"); err != nil || known {
		return "s", err
	}
	return "", nil
}

// knowsLine is how a context of the dialplan spells a line's number; empty: it
// knows none.
func (s *subject) knowsLine(ctx context.Context, name string, l *routing.Line) (string, error) {
	for _, number := range s.spellings(l) {
		if known, err := s.knows(ctx, name, number); err != nil || known {
			return number, err
		}
	}
	return "", nil
}

// spellings are how a line's numbers may be dialed here, and the daemon still
// takes them for the line: as they are configured, and as trunks write them.
func (s *subject) spellings(l *routing.Line) []string {
	plan := s.cfg.Plan(s.pbx.Name)
	x := &robotcall.Exchange{Plan: plan}
	all := slices.Clone(l.Numbers)
	for _, configured := range l.Numbers {
		read := plan.Read(configured)
		if read.Kind != number.E164 {
			continue
		}
		for _, spelling := range append(x.Spellings(read.Value), inside(read.Value), "00"+read.Value[1:]) {
			if !slices.Contains(all, spelling) && s.directory.Line(s.pbx.Name, spelling, plan.Read(spelling).Value) == l {
				all = append(all, spelling)
			}
		}
	}
	return all
}

// inside is an E.164 number without its country.
func inside(e164 string) string {
	parsed, err := phonenumbers.Parse(e164, "")
	if err != nil {
		return ""
	}
	return phonenumbers.GetNationalSignificantNumber(parsed)
}

// askingTime bounds how long one check asks the dialplan, one place at a time: a
// company may have thousands of lines, and a PBX its dialplan in a database.
const askingTime = 20 * time.Second

var errSlow = fmt.Errorf("the dialplan was asked for %v", askingTime)

const doSlow = "see why the PBX answers slowly, or run this when it has less to do"

// knows asks whether the dialplan has an extension in a context, for as long as
// a check may ask.
func (s *subject) knows(ctx context.Context, name, extension string) (bool, error) {
	if s.asking >= askingTime {
		return false, errSlow
	}
	began := time.Now()
	defer func() { s.asking += time.Since(began) }()
	return s.client.Knows(ctx, name, extension)
}

// otherContexts says where calls were seen to begin.
func (s *subject) otherContexts(ctx context.Context) string {
	seen := map[string]string{}                // contexts, and by what
	if in, err := s.records(ctx); err == nil { // that they cannot be read is another check's affair
		for _, c := range in.Contexts {
			seen[c] = "call records"
		}
	}
	if live, err := s.client.Channels(ctx); err == nil {
		for i := range live {
			if c := &live[i]; c.State == "Ring" && c.Context != "" {
				seen[c.Context] = "a call that is coming in now"
			}
		}
	}
	for _, e := range s.endpoints {
		if e.isTrunk() {
			seen[e.Context] = e.name()
		}
	}
	for _, other := range slices.Concat(s.pbx.Inbound.Contexts, s.phoneContexts()) {
		delete(seen, other)
	}
	if len(seen) == 0 {
		return "compare inbound.contexts with the context of each trunk (asterisk -rx 'pjsip show endpoint NAME' or 'sip show peer NAME')"
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		list = append(list, fmt.Sprintf("%s (%s)", name, seen[name]))
	}
	return "if one of these is where calls from outside begin, name it under inbound.contexts: " + someOf(list)
}

// strangers are trunks whose calls begin elsewhere, and calls that did.
func (s *subject) strangers() []finding {
	var list []finding
	elsewhere := map[string]bool{}
	for i := range s.endpoints {
		if e := &s.endpoints[i]; e.isTrunk() && !slices.Contains(s.pbx.Inbound.Contexts, e.Context) {
			elsewhere[e.Context] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(elsewhere)) {
		list = append(list, warn("contexts", "if that is a trunk, add "+name+" to inbound.contexts",
			"calls of %s begin in %s, which is not among inbound.contexts: they are taken for calls of the house", someOf(s.beginning(name, isTrunk)), name))
	}
	for _, d := range s.dialed {
		if line := s.directory.Line(s.pbx.Name, d.Number); line != nil && d.Direction == call.Internal {
			list = append(list, warn("contexts", "if they came from outside, add the context that the daemon's log names to inbound.contexts",
				"%s to line %s began outside inbound.contexts in the last %d days", counted(d.Calls, "call"), line.Name, historyDays))
		}
	}
	return list
}

// checkLines sees that each line is dialed, or could be, and what else is.
func checkLines(ctx context.Context, s *subject) []finding {
	calls, last := map[*routing.Line]int{}, map[*routing.Line]time.Time{}
	var others []string
	for _, d := range s.dialed {
		line := s.directory.Line(s.pbx.Name, d.Number)
		switch {
		case d.Direction != call.Inbound:
		case line == nil:
			others = append(others, fmt.Sprintf("%s (%s)", d.Number, counted(d.Calls, "call")))
		default:
			calls[line] += d.Calls
			if d.Last.After(last[line]) {
				last[line] = d.Last
			}
		}
	}
	var list []finding
	left := 0
	if len(others) > 0 {
		// The most dialed come first.
		list = append(list, warn("lines", "add each that is yours to the numbers of a line; what belongs to no line goes to the pool default",
			"dialed in the last %d days, and of no line: %s", historyDays, strings.Join(others[:min(len(others), mostNamed)], ", ")))
	}
	for i := range s.cfg.Lines {
		l := &s.cfg.Lines[i]
		switch {
		case l.PBX != "" && l.PBX != s.pbx.Name:
		case calls[l] > 0:
			list = append(list, good("lines", "line %s: %s in the last %d days, the last %s ago", l.Name, counted(calls[l], "call"), historyDays, long(s.now.Sub(last[l]))))
		default:
			switch found, err := s.undialed(ctx, l); {
			case errors.Is(err, errSlow):
				left++
			case err != nil:
				return append(list, s.unasked("lines", err)...)
			default:
				list = append(list, found)
			}
		}
	}
	if left > 0 {
		list = append(list, warn("lines", doSlow, "%v: of %s that nobody has dialed lately it is not known whether the dialplan has them", errSlow, counted(left, "line")))
	}
	return list
}

// undialed judges a line that nobody has dialed lately.
func (s *subject) undialed(ctx context.Context, l *routing.Line) (finding, error) {
	for _, name := range s.pbx.Inbound.Contexts {
		switch known, err := s.knowsLine(ctx, name, l); {
		case err != nil:
			return finding{}, err
		case known != "":
			return good("lines", "line %s: %s knows %s; no call to it was seen in the last %d days", l.Name, name, known, historyDays), nil
		}
	}
	text := fmt.Sprintf("line %s: none of its numbers was dialed in the last %d days, nor does the dialplan know one in %s", l.Name, historyDays, someOf(s.pbx.Inbound.Contexts))
	if l.PBX == "" && len(s.cfg.Asterisk) > 1 {
		return good("lines", "%s: it may arrive at another PBX", text), nil
	}
	return warn("lines", "write the number as the trunk sends it (asterisk -rx 'core show channels verbose' during a call), and see that the line has its PBX", "%s", text), nil
}

// checkConnect sees that the way out leads somewhere: that the dialplan knows a
// mobile number of the country, in which spelling, and that the trunk is there.
// Nothing is dialed.
func checkConnect(ctx context.Context, s *subject) []finding {
	c := &s.pbx.Connect
	if c.Context == "" {
		return []finding{good("connect", "no way out is configured (connect.context): nobody is connected by key 1, and no client called")}
	}
	list := s.checkDial(ctx)
	x := &robotcall.Exchange{Name: s.pbx.Name, PBX: s.client, Connect: *c, Plan: s.cfg.Plan(s.pbx.Name)}
	sample, spellings := sampleNumber(s.cfg.Robot.Countries), []string(nil)
	if sample != "" {
		spellings = x.Spellings(sample)
	}
	var known []string
	for _, spelling := range spellings {
		knows, err := s.knows(ctx, c.Context, spelling)
		if err != nil {
			return append(list, s.unasked("connect", err)...)
		}
		if knows {
			known = append(known, spelling)
		}
	}
	switch {
	case len(known) == 0:
		return append(list, s.noWayOut(ctx, spellings)...)
	case len(known) == len(spellings) && len(known) > 1:
		list = append(list, warn("connect", "set connect.number to what your outbound routes expect, such as 8{national} or {digits}",
			"%s takes any spelling for known (%s): numbers are dialed as the first, whether or not a route of the PBX does", c.Context, strings.Join(known, ", ")))
	default:
		list = append(list, good("connect", "%s dials outside numbers, written like %s", c.Context, known[0]))
	}
	return append(list, s.checkPerson(ctx)...)
}

// sampleNumber is a mobile number such as the first country has; empty: there is
// none.
func sampleNumber(countries []string) string {
	if len(countries) == 0 {
		return ""
	}
	sample := phonenumbers.GetExampleNumberForTypeInRegion(countries[0], phonenumbers.MOBILE)
	if sample == nil {
		return ""
	}
	return phonenumbers.Format(sample, phonenumbers.E164)
}

// noWayOut says what is wrong with a context that knows no outside number.
func (s *subject) noWayOut(ctx context.Context, spellings []string) []finding {
	name := s.pbx.Connect.Context
	for _, d := range s.devices() {
		switch known, err := s.knows(ctx, name, d.device.ShownAs()); {
		case err != nil:
			return s.unasked("connect", err)
		case known:
			return []finding{fail("connect", "name the context that dials outside, or write numbers as it expects them (connect.number)",
				"%s dials the phones of the house, and no outside number as %s", name, strings.Join(spellings, ", "))}
		}
	}
	do := "name the context that colleagues' phones dial in (FreePBX: from-internal)"
	if own := s.phoneContexts(); len(own) > 0 {
		do = "name the context that colleagues' phones dial in: " + someOf(own)
	}
	return []finding{fail("connect", do, "the dialplan has no context %s, or it knows neither outside numbers (%s) nor extensions", name, strings.Join(spellings, ", "))}
}

// checkPerson sees that a client who wants to talk with somebody can be
// connected with a phone of the house.
func (s *subject) checkPerson(ctx context.Context) []finding {
	if len(s.cfg.Reminders.Media) == 0 {
		return nil
	}
	var unknown []string
	for _, d := range s.devices() {
		switch known, err := s.knows(ctx, s.pbx.Connect.Context, d.device.ShownAs()); {
		case err != nil:
			return s.unasked("connect", err)
		case !known:
			unknown = append(unknown, d.device.ShownAs())
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	return []finding{warn("connect", "name a context that dials extensions too, or the extension of each phone (managers[].devices[].extension)",
		"%s does not know %s: a client who asks for a person is not connected with them", s.pbx.Connect.Context, someOf(unknown))}
}
