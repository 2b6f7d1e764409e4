package scenarios

import (
	"fmt"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/ari/pbx"
	"ringback/robotcall"
)

var verbose = os.Getenv("JUDGE") != ""

// verdicts are the verdicts of the callers and the calls out, without who rang.
func verdicts(lines []string) []string {
	var list []string
	for _, l := range lines {
		if strings.Contains(l, ": internal ") {
			continue
		}
		l, _, _ = strings.Cut(l, ", ")
		list = append(list, l)
	}
	return list
}

func judge() cdr.Judge {
	return cdr.Judge{Options: call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix, Trunks: []string{"PJSIP/trunk", "SIP/trunk"},
		Phones: []string{"PJSIP/101", "PJSIP/102", "PJSIP/103", "SIP/101", "SIP/102", "SIP/103"}}}
}

func TestRecords(t *testing.T) {
	scripts := map[string]*script{}
	for _, s := range readScripts(t, "", regexp.MustCompile(*only), false) {
		scripts[s.name] = s
	}
	judges := bench{}
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		all := readKept(t, release)
		agree, total := map[string]int{}, map[string]int{}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			s := scripts[name]
			if s == nil {
				continue
			}
			whole := all[name].log(t)
			bare := cdr.Log{Records: slices.Clone(whole.Records)}
			for i := range bare.Records {
				bare.Records[i].LinkedID = ""
			}
			for _, way := range []struct {
				name string
				log  cdr.Log
			}{
				{"cdr", cdr.Log{Records: whole.Records}}, {"bare", bare},
				{"cel", cdr.Log{Records: whole.Records, Events: whole.Events}},
				{"queue", cdr.Log{Records: whole.Records, Queue: whole.Queue}},
			} {
				var calls []call.Call
				for _, told := range judge().Calls(way.log) {
					calls = append(calls, told.Call)
				}
				got, want := verdicts(s.told(judges.office(t, s, calls), calls)), verdicts(s.wanted())
				total[way.name]++
				if slices.Equal(got, want) {
					agree[way.name]++
				} else if verbose && (os.Getenv("WAY") == "" || os.Getenv("WAY") == way.name) {
					fmt.Printf("%s/%s %s\n      got %s\n     want %s\n", release, name, way.name, strings.Join(got, " // "), strings.Join(want, " // "))
				}
			}
		}
		fmt.Println(release, agree, total)
	}
}

// TestCompleted cuts what the PBX sent in each scenario before every event that
// changes something, as if the daemon had died there, and lets the records tell the
// rest.
func TestCompleted(t *testing.T) {
	scripts := map[string]*script{}
	for _, s := range readScripts(t, "", regexp.MustCompile(*only), false) {
		scripts[s.name] = s
	}
	judges := bench{}
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		all := readKept(t, release)
		bad, total := map[string]int{}, 0
		for _, name := range slices.Sorted(maps.Keys(all)) {
			s := scripts[name]
			if s == nil {
				continue
			}
			k := all[name]
			events, log := k.events(t), k.log(t)
			for _, way := range []struct {
				name string
				log  cdr.Log
			}{{"cdr", cdr.Log{Records: log.Records}}, {"cel", log}} {
				told := map[string]cdr.Told{}
				for _, c := range judge().Calls(way.log) {
					told[c.ID] = c
				}
				whole := follow(events)
				seen := map[string]bool{}
				for cut := range events {
					if cut > 0 && noise(&events[cut-1]) {
						continue
					}
					total++
					for _, f := range cutOff(events, cut) {
						if f.Call.Direction != call.Inbound || f.Kind != call.Lost {
							continue
						}
						end, ok := told[f.Call.ID]
						var c call.Call
						if ok {
							c = judge().Complete(f.Call, end)
						} else {
							c = f.Call
						}
						office := judges.office(t, s, []call.Call{c})
						got, want := office.Judge(c, c.Ended), office.Judge(whole[f.Call.ID], whole[f.Call.ID].Ended)
						if got.Verdict != want.Verdict {
							line := fmt.Sprintf("%s/%s %s: got %s %s want %s %s", release, name, way.name, got.Verdict, got.Reason, want.Verdict, want.Reason)
							if !seen[line] && verbose {
								fmt.Println(line, "cut", cut, events[cut].Type, ok)
							}
							seen[line] = true
							bad[fmt.Sprintf("%s %s→%s", way.name, want.Verdict, got.Verdict)]++
						}
					}
				}
			}
		}
		fmt.Println(release, total, bad)
	}
}

func noise(ev *ari.Event) bool {
	switch ev.Type {
	case ari.ChannelVarset:
		return !strings.HasSuffix(ev.Variable, "STATUS")
	case ari.ChannelConnectedLine, ari.ChannelHold, ari.ChannelUnhold, ari.BridgeCreated:
		return true
	}
	return false
}

func options() call.Options {
	return call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix}
}

// follow gives the calls as a tracker sees them that is never interrupted.
func follow(events []ari.Event) map[string]call.Call {
	found := map[string]call.Call{}
	tracker := call.New(options())
	for i := range events {
		for _, f := range tracker.Step(&events[i]) {
			if f.Kind == call.Ended || f.Kind == call.Lost {
				found[f.Call.ID] = f.Call
			}
		}
	}
	return found
}

// cutOff gives what is told of the calls that were open when the watching ended
// before an event, and were gone when it began again.
func cutOff(events []ari.Event, cut int) []call.Fact {
	open := map[string]call.Call{}
	tracker := call.New(options())
	for i := range events[:cut] {
		for _, f := range tracker.Step(&events[i]) {
			if open[f.Call.ID] = f.Call; f.Kind == call.Ended || f.Kind == call.Lost {
				delete(open, f.Call.ID)
			}
		}
	}
	since := events[0].At
	if cut > 0 {
		since = events[cut-1].At
	}
	again := call.New(options())
	again.Resume(slices.Collect(maps.Values(open)))
	return slices.Clone(again.Step(&ari.Event{Type: ari.Connected, Since: since, At: events[len(events)-1].At.Add(time.Minute), Snapshot: &ari.Snapshot{}}))
}
