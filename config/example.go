package config

import (
	_ "embed"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringback/ari/cdr"
	"ringback/leads/appointments"
	"ringback/robotcall"
	"ringback/routing"
)

// Example is a complete configuration with a comment at every key. It is made
// from the types that a configuration is read into, so that it cannot lag
// behind them: a key that is not set in it is shown commented out.
func Example() string {
	e := explainer{told: map[string]bool{}}
	e.b.WriteString(exampleHead)
	e.structure("", reflect.ValueOf(exampleConfig()).Elem(), "", "")
	e.b.WriteByte('\n')
	for line := range strings.Lines(Presets) {
		e.b.WriteString("# " + strings.TrimPrefix(line, "# "))
	}
	return e.b.String()
}

// Presets are gateways of some providers, for channels.http.
//
//go:embed presets.yaml
var Presets string

const exampleHead = `# Configuration of Ringback. Check it with: ringback check --config FILE
#
# Lines that begin with "#key:" show keys that are left out here. Paths that do
# not begin with / are taken from the folder of this file. Durations are written
# as 20s, 3m, 1h30m or 30d. Extensions and numbers belong in quotes: YAML would read
# 0201 as 129. Secrets do not belong in this file at all.
`

// exampleConfig is a small company with one PBX.
func exampleConfig() *Config {
	office := routing.Hours{Week: map[string]string{"mon-fri": "09:00-18:00", "sat": "10:00-14:00"}}
	return &Config{
		Country: "RU",
		Zone:    "Europe/Moscow",
		Mode:    Observe,
		Asterisk: []Asterisk{{
			Name: "main", URL: "http://127.0.0.1:8088", Username: "ringback", PasswordFile: "/etc/ringback/ari.password",
			App: DefaultApp, EventFilter: true,
			Inbound: Inbound{Contexts: []string{"from-trunk"}},
			Connect: robotcall.Connect{Context: "from-internal"},
			CDR:     cdr.Config{Wait: cdr.DefaultWait},
		}},
		Missed: Missed{Thresholds: routing.DefaultThresholds()},
		Web:    defaultWeb(),
		Lines: []routing.Line{
			{Name: "sales", PBX: "main", Numbers: []string{"+74951000001"}, Pool: "sales"},
			{Name: "office", PBX: "main", Numbers: []string{"+74951000002"}},
		},
		Managers: []routing.Manager{
			{Login: "anna", Name: "Anna Ivanova", Devices: []routing.Device{{PBX: "main", Endpoint: "PJSIP/101", Extension: "101"}}},
			{Login: "boris", Name: "Boris Petrov", Devices: []routing.Device{{Endpoint: "PJSIP/102"}}},
			{Login: "clara", Name: "Clara Orlova", Devices: []routing.Device{{Endpoint: "PJSIP/109"}}},
		},
		Pools: []routing.Pool{
			{Name: "sales", Managers: []string{"anna", "boris"}, Supervisor: "clara", Pick: routing.RoundRobin, Hours: office, Ladder: routing.DefaultLadder()},
			{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "clara", Pick: routing.RoundRobin, Hours: office, Ladder: routing.DefaultLadder()},
		},
		Channels:  Channels{SIP: &SIP{From: DefaultFrom}},
		Robot:     defaultRobot("RU"),
		Reminders: appointments.DefaultConfig(),
		Listen:    DefaultListen,
		Database:  DefaultDatabase,
		KeepCalls: DefaultKeep, KeepEvents: DefaultKeep, BacklogMB: DefaultBacklogMB,
	}
}

// explainer writes a value as YAML, each key under its note where the key
// comes first.
type explainer struct {
	b    strings.Builder
	told map[string]bool
}

// structure writes the keys of a struct. lead stands before the first of them
// in place of the indentation: the dash of a list.
func (e *explainer) structure(path string, v reflect.Value, indent, lead string) {
	if lead == "" {
		lead = indent
	}
	for _, f := range fieldsOf(v) {
		at := strings.TrimPrefix(path+"."+f.key, ".")
		note := notes[at]
		if path == "" {
			e.b.WriteByte('\n')
		}
		e.explain(at, note, lead[:len(lead)-len(strings.TrimLeft(lead, " "))])
		if note.sample == "" || !f.value.IsZero() {
			e.key(at, lead, indent, f)
			lead = indent
		} else if !e.told[at] {
			fmt.Fprintf(&e.b, "%s#%s: %s\n", indent, f.key, note.sample)
		}
		e.told[at] = true
	}
}

func (e *explainer) explain(at string, n note, indent string) {
	if e.told[at] || n.text == "" {
		return
	}
	for line := range strings.SplitSeq(n.text, "\n") {
		fmt.Fprintf(&e.b, "%s# %s\n", indent, line)
	}
}

// key writes a key that is set, and what stands under it.
func (e *explainer) key(at, lead, indent string, f field) {
	v := f.value
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Struct:
		fmt.Fprintf(&e.b, "%s%s:\n", lead, f.key)
		e.structure(at, v, indent+"  ", "")
	case v.Kind() == reflect.Map:
		fmt.Fprintf(&e.b, "%s%s:\n", lead, f.key)
		week := v.Interface().(map[string]string)
		for _, k := range slices.Sorted(maps.Keys(week)) {
			fmt.Fprintf(&e.b, "%s  %s: %q\n", indent, k, week[k])
		}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Struct:
		fmt.Fprintf(&e.b, "%s%s:\n", lead, f.key)
		for i := range v.Len() {
			e.structure(at+"[]", v.Index(i), indent+"    ", indent+"  - ")
		}
	default:
		fmt.Fprintf(&e.b, "%s%s: %s\n", lead, f.key, scalarText(v))
	}
}

// plainWord is text that YAML takes for text without quotes.
var plainWord = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./: -]*$`)

func scalarText(v reflect.Value) string {
	switch value := v.Interface().(type) {
	case time.Duration:
		return durationText(value)
	case bool, int:
		return fmt.Sprint(value)
	}
	if v.Kind() == reflect.Slice {
		list := make([]string, v.Len())
		for i := range list {
			list[i] = scalarText(v.Index(i))
		}
		return "[" + strings.Join(list, ", ") + "]"
	}
	if text := v.String(); !plainWord.MatchString(text) {
		return fmt.Sprintf("%q", text)
	}
	return v.String()
}

// durationText is a duration without the units that are zero, and in days from
// a month on.
func durationText(d time.Duration) string {
	if d >= 30*day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}
