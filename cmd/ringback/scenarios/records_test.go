package scenarios

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/ari/pbx"
	"ringback/leads"
	"ringback/robotcall"
)

// coarse are the scenarios of which call records tell another verdict than was seen:
// each is a miss that was none, and why the records cannot know better. Nobody who
// was missed is ever told to have been reached, but for those in blind.
var coarse = map[string]string{
	"limit-then-voicemail":         "after the talk a voicemail: the caller may have been sent there",
	"talked-then-voicemail":        "after the talk a voicemail: the caller may have been sent there",
	"star-then-survey":             "after the talk Record: the caller may have been sent there",
	"local-talk-then-the-next":     "after the talk another phone rings: the caller may have been transferred to it",
	"rung-again-after-talk":        "after the talk another phone rings: the caller may have been transferred to it",
	"queue-then-ring-again-lost":   "after the talk another queue: the caller may have been sent there",
	"local-loop-to-another-line":   "the talk's record stands where phones dial, as if the caller had been transferred",
	"redirected-to-mobile-long":    "answered at once: a greeting of the PBX would look the same, and a talk may be shorter",
	"limited":                      "the PBX cut the talk: the events name nobody who hung up",
	"refer-by-caller-outside":      "the caller transferred the agent",
	"transferred-by-caller-key":    "the caller transferred the agent",
	"call-file-announcement":       "a leg that a call file has placed looks like one that came in",
	"call-file-connects":           "a leg that a call file has placed looks like one that came in",
	"own-call-to-client":           "a leg that was placed looks like one that came in; that it is our own its id says",
	"internal-caller-puts-through": "who called puts the phone through, and has no call of its own",
	"outbound-transferred-lost":    "the client was reached, and where they went then no record says",
}

// blind are the scenarios in which call records look as if the caller had talked:
// Asterisk writes the same rows of those who have.
var blind = map[string]string{
	"queue-dropped":                     "the call was up before the agent's phone rang: when it was picked up nobody wrote down; the queue's log and the events know better",
	"queue-announce-to-agent-abandoned": "an agent picked up, and the caller was gone before the queue had said its word to the agent; the talk has no length, and is dropped where min_talk is set; the queue's log and the events know better",
	"refer-to-voicemail":                "Asterisk writes no row of a voicemail to which a phone has transferred; the events know better",
	"refer-to-voicemail-first-line":     "Asterisk writes no row of a voicemail to which a phone has transferred; the events know better",
}

// short are the scenarios of which a part was seen and that the records then tell as
// a miss that was none: a talk whose beginning was seen ends with the whole seconds
// of its record, and may look a little shorter than min_talk.
var short = map[string]bool{"talked-longer-than-min-talk": true, "dropped-then-the-next-answers": true}

// sources are what an administrator may have switched on.
var sources = []struct {
	name string
	of   func(cdr.Log) cdr.Log
}{
	{"cdr", func(l cdr.Log) cdr.Log { return cdr.Log{Records: l.Records} }},
	{"cdr without linkedid", func(l cdr.Log) cdr.Log {
		bare := slices.Clone(l.Records)
		for i := range bare {
			bare[i].LinkedID = ""
		}
		return cdr.Log{Records: bare}
	}},
	{"cdr and queue_log", func(l cdr.Log) cdr.Log { return cdr.Log{Records: l.Records, Queue: l.Queue} }},
	{"cdr and cel", func(l cdr.Log) cdr.Log { return cdr.Log{Records: l.Records, Events: l.Events} }},
	{"all", func(l cdr.Log) cdr.Log { return l }},
}

// judge is the Judge of a PBX that has been watched before: its trunk is known.
func (s *script) judge() cdr.Judge {
	opts := call.Options{PBX: "main", Inbound: []string{s.private.name("from-trunk")}, OwnPrefix: robotcall.ChannelPrefix}
	for _, driver := range []string{"PJSIP/", "SIP/"} {
		opts.Trunks = append(opts.Trunks, driver+s.private.name("trunk"))
		for _, phone := range s.phones() {
			opts.Phones = append(opts.Phones, driver+phone.user)
		}
	}
	return cdr.Judge{Options: opts}
}

// recorded are the calls that the records tell of.
func (s *script) recorded(log cdr.Log) []call.Call {
	var calls []call.Call
	for _, told := range s.judge().Calls(log) {
		calls = append(calls, told.Call)
	}
	return calls
}

// outcomes are the verdicts of those who called from outside, and whether those who
// were called were reached; what the house did among itself is nobody's lead.
func outcomes(lines []string) (short, reasons []string) {
	for _, line := range lines {
		line, _, _ = strings.Cut(line, ", ")
		who, what, _ := strings.Cut(line, ": ")
		words := strings.Fields(what)
		switch {
		case words[0] == "internal":
			continue
		case words[0] == "outbound":
			who, _, _ = strings.Cut(who, " to ")
			reached := "not reached"
			if slices.Contains(words, "person") {
				reached = "reached"
			}
			short = append(short, who+": outbound "+reached)
		default:
			short = append(short, who+": "+words[0])
			reasons = append(reasons, who+": "+words[1])
		}
	}
	return short, reasons
}

// TestRecords gives each scenario its verdict by nothing but what the PBX has
// written of it.
func TestRecords(t *testing.T) {
	changes := map[string]map[string][]string{}
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		judges := bench{}
		eachKept(t, release, func(t *testing.T, s *script, k *kept) {
			whole := k.log(t)
			for _, source := range sources {
				log := source.of(whole)
				calls := s.recorded(log)
				said := s.told(judges.office(t, s, calls), calls)
				s.holds(t, source.name, said)
				got, want := reasonsOf(said), reasonsOf(s.wanted())
				for who := range want {
					if got[who] != want[who] {
						note(changes, source.name, want[who]+" → "+got[who], s.name)
					}
				}
			}
		})
	}
	golden := coarser(changes)
	file := filepath.Join(recordsFolder, "coarser.want")
	if *update {
		if err := os.WriteFile(file, golden, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(file); err != nil || !bytes.Equal(want, golden) {
		t.Errorf("%v: what the records tell more coarsely has changed, see %s (-update)", err, file)
	}
}

// holds demands the script's verdicts of what records tell; where they know less,
// they may only be missed.
func (s *script) holds(t *testing.T, source string, said []string) {
	t.Helper()
	got, _ := outcomes(said)
	want, _ := outcomes(s.wanted())
	if slices.Equal(got, want) {
		return
	}
	events := source == "cdr and cel" || source == "all"
	if reason := blind[s.name]; reason != "" && !events {
		t.Logf("%s, by %s: %s", s.name, source, reason)
		return
	}
	if coarse[s.name] == "" {
		t.Errorf("%s: the records tell\n  %s\nand should tell\n  %s", source, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
	for _, line := range got {
		if who, answered := strings.CutSuffix(line, ": answered"); answered && slices.Contains(want, who+": missed") {
			t.Errorf("%s: %s was missed, and is told to have been reached", source, who)
		}
	}
}

// askRecords holds what the PBX itself has written of the story against its file.
func (p *play) askRecords(t *testing.T, office *leads.Office, k *kept) {
	t.Helper()
	if k == nil {
		k = &kept{} // the PBX has refused the call before there was any
	}
	whole := k.log(t)
	for _, source := range sources {
		p.holds(t, source.name, p.told(office, p.recorded(source.of(whole))))
	}
	if t.Failed() {
		t.Logf("the PBX has written\n%s%s", strings.Join(k.CDR, ""), strings.Join(k.CEL, ""))
	}
}

// eachKept runs a test with the records of every scenario on a release.
func eachKept(t *testing.T, release pbx.Release, run func(*testing.T, *script, *kept)) {
	t.Helper()
	names := regexp.MustCompile(*only)
	all := readKept(t, release)
	for _, s := range readScripts(t, release, names, false) {
		if all[s.name] == nil {
			t.Errorf("no records of %s: go test ./cmd/ringback/scenarios -run TestScenarios -records -release %s", s.name, release)
			continue
		}
		t.Run(string(release)+"/"+s.name, func(t *testing.T) { run(t, s, all[s.name]) })
	}
}

func reasonsOf(lines []string) map[string]string {
	_, list := outcomes(lines)
	reasons := map[string]string{}
	for _, line := range list {
		who, reason, _ := strings.Cut(line, ": ")
		reasons[who] = reason
	}
	return reasons
}

func note(changes map[string]map[string][]string, source, change, story string) {
	if changes[source] == nil {
		changes[source] = map[string][]string{}
	}
	if !slices.Contains(changes[source][change], story) {
		changes[source][change] = append(changes[source][change], story)
	}
}

// coarser is the table of what records tell otherwise than was seen.
func coarser(changes map[string]map[string][]string) []byte {
	var table bytes.Buffer
	fmt.Fprintln(&table, "# Reasons of inbound calls that call records tell otherwise than was seen: scenarios of both releases.")
	for _, source := range sources {
		fmt.Fprintf(&table, "\n%s\n", source.name)
		for _, change := range slices.Sorted(maps.Keys(changes[source.name])) {
			stories := changes[source.name][change]
			slices.Sort(stories)
			fmt.Fprintf(&table, "%d %s: %s\n", len(stories), change, strings.Join(stories, " "))
		}
	}
	return table.Bytes()
}

// TestRecordsInAnyOrder shuffles the rows, and doubles some, as two readings of one
// file do: the same calls come out, each once.
func TestRecordsInAnyOrder(t *testing.T) {
	eachKept(t, pbx.Asterisk22, func(t *testing.T, s *script, k *kept) {
		log := k.log(t)
		want := s.recorded(log)
		random := rand.New(rand.NewPCG(1, uint64(len(k.CDR))))
		for range 3 {
			mixed := cdr.Log{Records: slices.Concat(log.Records, log.Records[:len(log.Records)/2]), Events: log.Events, Queue: log.Queue}
			random.Shuffle(len(mixed.Records), func(i, j int) {
				mixed.Records[i], mixed.Records[j] = mixed.Records[j], mixed.Records[i]
			})
			got := s.recorded(mixed)
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("in another order the records tell\n%+v\nand told\n%+v", got, want)
			}
			ids := map[string]bool{}
			for _, c := range got {
				if ids[c.ID] {
					t.Fatalf("two calls have the id %s", c.ID)
				}
				ids[c.ID] = true
			}
		}
	})
}

// assumed is how long a talk is told to have lasted at most where the records do not
// say when the phone was picked up.
const assumed = 30 * time.Second

// TestRecordedTalks holds the talks of records against those that were seen: by the
// events none is longer, and by records alone none that was not, and none longer
// than is assumed where it is not known when the phone was picked up.
func TestRecordedTalks(t *testing.T) {
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		eachKept(t, release, func(t *testing.T, s *script, k *kept) {
			seen := follow(k.events(t))
			whole := k.log(t)
			for _, source := range sources {
				for _, c := range s.recorded(source.of(whole)) {
					real, ok := seen[c.ID]
					if c.Direction != call.Inbound || c.Own {
						continue
					}
					if !ok {
						t.Errorf("%s: the records tell of call %s, and nobody has seen it begin there", source.name, c.ID)
					}
					// A second is what whole seconds are worth.
					got, most := longest(&c), longest(&real)+time.Second
					if most > time.Second && !strings.Contains(source.name, "cel") && source.name != "all" {
						most = max(most, assumed)
					}
					if got > most && blind[s.name] == "" {
						t.Errorf("%s: the records tell of a talk of %v, and the longest that was seen had %v", source.name, got, longest(&real))
					}
				}
			}
		})
	}
}

func longest(c *call.Call) (most time.Duration) {
	for _, talk := range c.Talks {
		most = max(most, talk.Length(c.Ended))
	}
	return most
}

// TestCompleted cuts what the PBX sent in each scenario before every event that
// changes something, as if the daemon had died there, and lets the records tell the
// rest: none seen, half seen and all seen come to the same verdict.
func TestCompleted(t *testing.T) {
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		judges := bench{}
		eachKept(t, release, func(t *testing.T, s *script, k *kept) {
			events, log := k.events(t), k.log(t)
			whole := follow(events)
			judge, told := s.judge(), map[string]map[string]cdr.Told{}
			for _, source := range sources {
				told[source.name] = map[string]cdr.Told{}
				for _, c := range judge.Calls(source.of(log)) {
					told[source.name][c.ID] = c
				}
			}
			for cut := range events {
				if cut > 0 && noise(&events[cut-1]) {
					continue
				}
				lost := cutOff(events, cut)
				for _, source := range []string{"cdr", "cdr and queue_log", "all"} {
					s.complete(t, judge, judges, source, lost, told[source], whole)
				}
			}
		})
	}
}

// complete holds what became of the calls that were lost at one cut against what
// was seen without it.
func (s *script) complete(t *testing.T, judge cdr.Judge, judges bench, source string, lost []call.Fact, told map[string]cdr.Told, whole map[string]call.Call) {
	t.Helper()
	for _, f := range lost {
		end, known := told[f.Call.ID]
		if f.Call.Direction != call.Inbound || !known {
			continue
		}
		c := judge.Complete(f.Call, end)
		office := judges.office(t, s, []call.Call{whole[c.ID]})
		got, want := office.Judge(c, c.Ended), office.Judge(whole[c.ID], whole[c.ID].Ended)
		if c.ID != f.Call.ID || c.Started != f.Call.Started || c.Source != call.Records {
			t.Fatalf("%s: the call has become another: %+v", source, c)
		}
		if got.Verdict == want.Verdict {
			continue
		}
		if (coarse[s.name] == "" && !short[s.name] || got.Verdict != "missed") && (blind[s.name] == "" || source == "all" || source == "cdr and cel") {
			t.Errorf("%s: half seen the call is %s (%s), and was %s (%s)", source, got.Verdict, got.Reason, want.Verdict, want.Reason)
		}
	}
}

// noise is an event that changes nothing of what is known.
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
	since := events[max(cut-1, 0)].At
	again := call.New(options())
	again.Resume(slices.Collect(maps.Values(open)))
	return again.Step(&ari.Event{Type: ari.Connected, Since: since, At: events[len(events)-1].At.Add(time.Minute), Snapshot: &ari.Snapshot{}})
}
