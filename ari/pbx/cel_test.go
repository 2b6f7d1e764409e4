package pbx

import (
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile is a name that a caller may give himself: it ends the field, the row,
// the function and the variable in which it stands.
const hostile = `a"b,c)d}` + "\n" + `"CHAN_END","1","<i>"`

// Call events are read from both releases as Asterisk writes them, once all is
// over.
func TestCEL(t *testing.T) {
	for _, release := range []Release{Asterisk22, Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			root, err := Install(t.Context(), release, os.Stderr)
			if err != nil {
				t.Fatal(err)
			}
			inst := beginAt(t, root, Options{Extensions: `[globals]
LF=${SHELL(printf '\nx')}
[x]
exten => 1,1,Set(CALLERID(name)=a"b,c)d}${LF}"CHAN_END","1","<i>")
 same => n,Answer()
 same => n,Queue(none)
 same => n,Wait(.5)
 same => n,Hangup(17)
`})
			if events, err := inst.CEL(); err != nil || len(events) > 0 {
				t.Errorf("before any call: %v, %v", events, err)
			}
			began := time.Now()
			if _, err := inst.CLI(t.Context(), "channel originate Local/1@x application Wait 1"); err != nil {
				t.Fatal(err)
			}
			var events []CallEvent
			eventually(t, "two channels and their end", func() bool {
				if events, err = inst.CEL(); err != nil {
					t.Fatal(err)
				}
				return len(events) > 0
			})
			find := func(event, channel string) CallEvent {
				i := slices.IndexFunc(events, func(e CallEvent) bool {
					return e.Event == event && strings.HasSuffix(e.Channel, channel)
				})
				if i < 0 {
					t.Fatalf("no %s of %s in %+v", event, channel, events)
				}
				return events[i]
			}
			start, end, app := find("CHAN_START", ";1"), find("HANGUP", ";2"), find("APP_START", ";2")
			if start.ID == "" || start.LinkedID != start.ID || end.LinkedID != start.ID || end.ID == start.ID || end.Context != "x" || end.Exten != "1" {
				t.Errorf("began with %+v, ended with %+v", start, end)
			}
			if start.At.Before(began.Add(-time.Second)) || end.At.Sub(start.At) < 400*time.Millisecond || end.At.Sub(start.At) > 30*time.Second {
				t.Errorf("from %v until %v, asked at %v", start.At, end.At, began)
			}
			if app.App != "Queue" || app.Data != "none" || !strings.Contains(end.Extra, `"hangupcause":`) {
				t.Errorf("%+v, %+v", app, end)
			}
			text, err := os.ReadFile(inst.CELFile)
			if err != nil || !strings.Contains(string(text), `a""b,c)d}`+"\n") {
				t.Errorf("the name is not there: %v\n%s", err, text)
			}
			if _, err := inst.CEL(start.ID, end.ID); err != nil {
				t.Error(err)
			}
		})
	}
}

// A log that is being written is read up to its last whole row; one that is
// wrong in the middle is an error.
func TestReadCEL(t *testing.T) {
	row := func(event, id string) string {
		fields := make([]string, celColumns)
		fields[0], fields[1], fields[2], fields[14] = event, "1795359051.000001", hostile, id
		for i, f := range fields {
			fields[i] = `"` + strings.ReplaceAll(f, `"`, `""`) + `"`
		}
		return strings.Join(fields, ",") + "\n"
	}
	whole := row("CHAN_START", "1") + row("CHAN_START", "2")
	for cut := range len(row("CHAN_END", "1")) - 1 {
		events, err := ReadCEL(strings.NewReader(whole + row("CHAN_END", "1")[:cut]))
		if err != nil || len(events) < 2 || events[1].ID != "2" || events[1].At != time.Unix(1795359051, 1000) {
			t.Fatalf("cut at %d: %+v, %v", cut, events, err)
		}
	}
	events, err := ReadCEL(strings.NewReader(whole + row("CHAN_END", "1")))
	if err != nil || len(events) != 3 {
		t.Fatalf("%+v, %v", events, err)
	}
	if open := unended(events, nil); !slices.Equal(open, []string{"2"}) {
		t.Errorf("open: %v", open)
	}
	if open := unended(events, []string{"1", "3"}); !slices.Equal(open, []string{"3"}) {
		t.Errorf("open of 1 and 3: %v", open)
	}
	for name, broken := range map[string]string{
		"a field too few": strings.Replace(whole, `,"",""`, `,""`, 1),
		"a time":          strings.Replace(whole, "1795359051.", "yesterday.", 1),
		"a quote":         strings.Replace(whole, `"CHAN_START"`, `"CHAN"START"`, 1),
	} {
		if events, err := ReadCEL(strings.NewReader(broken)); err == nil {
			t.Errorf("%s: %+v", name, events)
		}
	}
}
