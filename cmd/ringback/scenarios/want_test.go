package scenarios

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"

	"ringback/ari/call"
	"ringback/config"
	"ringback/leads"
)

// base is the configuration of the suite; a script's section config replaces
// keys of it.
const base = "../../../testdata/scenarios/ringback.yaml"

// anotherDay stands in a script's hours for a day of the week that is never that
// of the call, in no zone: whoever works then is closed.
const anotherDay = "another-day"

// office is the configuration by which a script's calls are judged that begin
// at a time.
func (s *script) office(t *testing.T, at time.Time) *leads.Office {
	t.Helper()
	text, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	day := strings.ToLower(at.AddDate(0, 0, 3).Weekday().String()[:3])
	settings, own := map[string]any{}, map[string]any{}
	if err := yaml.Unmarshal([]byte(s.private.hide(string(text))), &settings); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal([]byte(strings.ReplaceAll(s.parts["config"], anotherDay, day)), &own); err != nil {
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

// wanted are the lines of the script's section want, in order.
func (s *script) wanted() []string {
	var lines []string
	for _, l := range s.lines("want") {
		l = s.private.show(l)
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
func (s *script) told(office *leads.Office, calls []call.Call) []string {
	callers := s.callersOf(calls)
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
			rang = append(rang, s.private.show(plain(name)))
		}
		lines = append(lines, s.private.show(s.named(line))+rangOf(rang))
	}
	slices.Sort(lines)
	return lines
}

// named puts the callers' names where their numbers stand.
func (s *script) named(line string) string {
	for _, a := range s.actors {
		if a.caller {
			line = strings.ReplaceAll(line, " "+a.number, " "+a.name)
		}
	}
	return line
}

func plain(number string) string { return strings.TrimPrefix(number, "+") }

// callersOf finds whose inbound call is whose: the first caller's is the first.
func (s *script) callersOf(calls []call.Call) map[string]*actor {
	var inbound []call.Call
	for _, c := range calls {
		if c.Direction == call.Inbound && !c.Own {
			inbound = append(inbound, c)
		}
	}
	slices.SortStableFunc(inbound, func(a, b call.Call) int { return a.Started.Compare(b.Started) })
	found := map[string]*actor{}
	for i, c := range inbound {
		if i < len(s.callers) {
			found[c.ID] = s.callers[i]
		}
	}
	return found
}
