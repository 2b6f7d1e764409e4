package scenarios

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/config"
	"ringback/leads"
)

// noticed is how long two must have shared a bridge so that phones and call
// event log are asked about it: an ear takes a fifth of a second.
const noticed = 400 * time.Millisecond

// base is the configuration of the suite; a script's section config replaces
// keys of it.
const base = "../../../testdata/scenarios/ringback.yaml"

// office is the script's configuration as verdicts are made of it.
func (p *play) office(t *testing.T) *leads.Office {
	t.Helper()
	text, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	settings, own := map[string]any{}, map[string]any{}
	if err := yaml.Unmarshal([]byte(p.private.hide(string(text))), &settings); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(p.parts["config"]), &own); err != nil {
		t.Fatal(err)
	}
	maps.Copy(settings, own)
	whole, err := yaml.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ringback.yaml")
	if err := os.WriteFile(file, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := config.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	return cfg.Office()
}

// check holds what the tracker says of a script's calls against the script, the
// phones and the call event log.
func (p *play) check(t *testing.T, events []pbx.CallEvent) {
	office := p.office(t)
	calls := p.stage.full.of(p)
	got := p.told(office, calls)
	if want := p.wanted(); !slices.Equal(got, want) {
		t.Errorf("the tracker says\n  %s\nand should say\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	if thinned := p.told(office, p.stage.thinned.of(p)); !slices.Equal(got, thinned) {
		t.Errorf("without filter the tracker says\n  %s\nand with it\n  %s", strings.Join(got, "\n  "), strings.Join(thinned, "\n  "))
	}
	p.askPhones(t, office, calls)
	p.askLog(t, calls, events)
}

// wanted are the lines of the script's section want, in order.
func (p *play) wanted() []string {
	var lines []string
	for _, l := range p.lines("want") {
		l = p.private.show(l)
		if head, rang, ok := strings.Cut(l, ", rang "); ok {
			l = head + rangOf(strings.Fields(rang))
		}
		lines = append(lines, l)
	}
	slices.Sort(lines)
	return lines
}

func rangOf(names []string) string {
	if len(names) == 0 {
		return ""
	}
	slices.Sort(names)
	return ", rang " + strings.Join(names, " ")
}

// told puts calls into the words of the section want.
func (p *play) told(office *leads.Office, calls []call.Call) []string {
	callers := p.callersOf(calls)
	var lines []string
	for _, c := range calls {
		j := office.Judge(c, c.Ended)
		line := ""
		if a := callers[c.ID]; a != nil {
			line = fmt.Sprintf("%s: %s %s", a.name, j.Verdict, j.Reason)
		} else {
			from := "pbx"
			if c.From.Endpoint != "" {
				from = office.Name(c.PBX, office.Plans[c.PBX], c.From)
			}
			line = fmt.Sprintf("%s to %s: %s", from, plain(j.Dialed.Value), c.Direction)
			if j.Verdict != "" {
				line += " " + string(j.Verdict)
			}
			line += " " + string(j.Reason)
		}
		if j.AnsweredBy != "" {
			line += " by " + plain(j.AnsweredBy)
		}
		if j.Voicemail {
			line += ", message"
		}
		var rang []string
		for _, name := range j.Rang {
			rang = append(rang, p.private.show(plain(name)))
		}
		lines = append(lines, p.private.show(p.named(line))+rangOf(rang))
	}
	slices.Sort(lines)
	return lines
}

// named puts the callers' names where their numbers stand.
func (p *play) named(line string) string {
	for _, a := range p.actors {
		if a.outside && a.phone != p.exchange {
			line = strings.ReplaceAll(line, " "+a.number, " "+a.name)
		}
	}
	return line
}

func plain(number string) string { return strings.TrimPrefix(number, "+") }

// callersOf finds whose inbound call is whose: the first caller's is the first.
func (p *play) callersOf(calls []call.Call) map[string]*actor {
	var inbound []call.Call
	for _, c := range calls {
		if c.Direction == call.Inbound && !c.Own {
			inbound = append(inbound, c)
		}
	}
	slices.SortStableFunc(inbound, func(a, b call.Call) int { return a.Started.Compare(b.Started) })
	found := map[string]*actor{}
	for i, c := range inbound {
		if i < len(p.callers) {
			found[c.ID] = p.callers[i]
		}
	}
	return found
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
}

// ask reads the call event log once all calls are over.
func (st *stage) log(ctx context.Context, t *testing.T) []pbx.CallEvent {
	t.Helper()
	events, err := st.pbx.CEL()
	if err != nil {
		t.Fatal(err)
	}
	return events
}
