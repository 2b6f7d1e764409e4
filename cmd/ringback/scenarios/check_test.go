package scenarios

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
)

// noticed is how long two must have shared a bridge so that phones and call
// event log are asked about it: an ear takes a fifth of a second.
const noticed = 400 * time.Millisecond

// check holds what the tracker says of a script's calls against the script, the
// phones and the call event log, and then what the call records say.
func (p *play) check(t *testing.T, events []pbx.CallEvent, records *kept) {
	calls := p.stage.full.of(p)
	office := p.office(t, time.Now())
	got := p.told(office, calls)
	if want := p.wanted(); !slices.Equal(got, want) {
		t.Errorf("the tracker says\n  %s\nand should say\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if thinned := p.told(office, p.stage.thinned.of(p)); !slices.Equal(got, thinned) {
		t.Errorf("without filter the tracker says\n  %s\nand with it\n  %s", strings.Join(got, "\n  "), strings.Join(thinned, "\n  "))
	}
	p.askPhones(t, office, calls)
	p.askLog(t, calls, events)
	p.askRecords(t, office, records)
}

// askPhones holds the tracker's idea of who talked, who rang and who hung up
// against what the phones have lived through.
func (p *play) askPhones(t *testing.T, office *leads.Office, calls []call.Call) {
	t.Helper()
	callers := p.callersOf(calls)
	nth := map[*actor]int{}
	rang := map[string]bool{}
	slices.SortStableFunc(calls, func(a, b call.Call) int { return a.Started.Compare(b.Started) })
	for _, c := range calls {
		j := office.Judge(c, c.Ended)
		for _, name := range j.Rang {
			rang[name] = true
		}
		a := callers[c.ID]
		if a == nil {
			continue
		}
		own := a.placed[nth[a]]
		nth[a]++
		heard, talked := p.partners(a, own), p.talked(office, &c)
		for name, long := range heard {
			if long >= noticed && talked[name] == 0 {
				t.Errorf("%s and %s heard each other for %v, and the tracker knows of no talk", a.name, p.private.show(name), long)
			}
		}
		for name, long := range talked {
			if long >= noticed && heard[name] == 0 && !p.excused(a.name, name) {
				t.Errorf("the tracker says that %s and %s talked for %v, and they have not heard each other", a.name, p.private.show(name), long)
			}
		}
		// A caller can give up by the key * too.
		if strings.HasPrefix(string(j.Reason), "abandoned_") && !own.HungUp() && !strings.Contains(p.parts["story"], "presses *") {
			t.Errorf("%s: %s, and its phone did not hang up", a.name, j.Reason)
		}
	}
	for _, a := range p.actors {
		if !a.outside && a.rang != rang[a.name] {
			t.Errorf("%s rang: %v, and the tracker says %v", p.private.show(a.name), a.rang, rang[a.name])
		}
	}
}

// talked sums up with whom the person outside talked, by the tracker.
func (p *play) talked(office *leads.Office, c *call.Call) map[string]time.Duration {
	found := map[string]time.Duration{}
	for _, talk := range c.Talks {
		name := strings.TrimSpace(p.named(" " + plain(office.Name(c.PBX, office.Plans[c.PBX], talk.Who))))
		found[name] += talk.Length(c.Ended)
	}
	return found
}

// partners sums up whom a call heard that heard it too, both being up: what is
// heard before an answer is no conversation.
func (p *play) partners(a *actor, own *softphone.Call) map[string]time.Duration {
	found := map[string]time.Duration{}
	for name, other := range p.actors {
		if other == a || p.excused(a.name, name) {
			continue
		}
		for _, theirs := range other.calls {
			found[name] += both(own, other.tone, theirs, a.tone)
		}
		if found[name] == 0 {
			delete(found, name)
		}
	}
	return found
}

// both is how long one call heard a tone while the other heard the other's.
func both(a *softphone.Call, hears int, b *softphone.Call, heard int) (long time.Duration) {
	upA, okA := a.Up()
	upB, okB := b.Up()
	if !okA || !okB {
		return 0
	}
	for _, x := range a.Heard() {
		for _, y := range b.Heard() {
			if x.Hz != hears || y.Hz != heard {
				continue
			}
			from, until := latest(x.Since, y.Since, upA, upB), x.Until
			if y.Until.Before(until) {
				until = y.Until
			}
			long += max(0, until.Sub(from))
		}
	}
	return long
}

func latest(times ...time.Time) time.Time { return slices.MaxFunc(times, time.Time.Compare) }

// excuse is a line of the section but: "client hears 103: barged in".
var excuse = regexp.MustCompile(`^(\S+) hears (\S+): .+`)

// excused says that the script gives a reason why the phones tell otherwise.
func (p *play) excused(a, b string) bool {
	for _, line := range p.lines("but") {
		if m := excuse.FindStringSubmatch(line); m != nil && (m[1] == a && m[2] == b || m[1] == b && m[2] == a) {
			return true
		}
	}
	return false
}

// askLog holds the tracker's talks against the bridges of Asterisk's call event
// log.
func (p *play) askLog(t *testing.T, calls []call.Call, events []pbx.CallEvent) {
	t.Helper()
	shared := map[[2]string]time.Duration{}
	for _, c := range conversations(events) {
		length := c.To.Sub(c.From)
		shared[[2]string{c.AID, c.BID}] += length
		shared[[2]string{c.BID, c.AID}] += length
	}
	for _, c := range calls {
		if c.Direction != call.Inbound {
			continue
		}
		talked := map[string]time.Duration{}
		for _, talk := range c.Talks {
			talked[talk.Channel] += talk.Length(c.Ended)
		}
		for channel, long := range talked {
			if long >= noticed && shared[[2]string{c.ID, channel}] == 0 {
				t.Errorf("the tracker says that %s talked with %s for %v, and the log knows nothing of it", c.ID, channel, long)
			}
		}
		for pair, long := range shared {
			if pair[0] == c.ID && long >= noticed && talked[pair[1]] == 0 {
				t.Errorf("the log says that %s shared a bridge with %s for %v, and the tracker knows nothing of it", c.ID, pair[1], long)
			}
		}
	}
	outside := map[string]bool{}
	for i := range events {
		outside[events[i].ID] = outside[events[i].ID] || strings.Contains(events[i].Channel, "/"+p.private.name("trunk")+"-")
	}
	for pair, long := range shared {
		if outside[pair[0]] && long >= noticed && !knownTo(calls, pair[0], pair[1]) {
			t.Errorf("the log says that %s, outside, shared a bridge with %s for %v, and no call knows of it", pair[0], pair[1], long)
		}
	}
}

// knownTo says that one of the calls is of somebody outside and knows of the talk
// with another channel.
func knownTo(calls []call.Call, outside, other string) bool {
	return slices.ContainsFunc(calls, func(c call.Call) bool {
		party := c.ID == outside || slices.ContainsFunc(c.Legs, func(l call.Leg) bool { return l.Channel == outside })
		return slices.ContainsFunc(c.Talks, func(talk call.Talk) bool {
			return party && talk.Channel == other || talk.Channel == outside && c.ID == other
		})
	})
}

// log reads the call event log once all calls are over.
func (st *stage) log(ctx context.Context, t *testing.T) []pbx.CallEvent {
	t.Helper()
	events, err := st.pbx.CEL()
	if err != nil {
		t.Fatal(err)
	}
	return events
}
