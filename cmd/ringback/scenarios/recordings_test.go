package scenarios

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/leads"
	"ringback/robotcall"
)

var update = flag.Bool("update", false, "write the golden verdicts of the recordings anew")

// recordings is the folder of what Asterisk sent in each scenario, by release,
// with the golden verdicts beside it. What is in races belongs to no scenario:
// it came once, when two things happened in the same instant.
const (
	recordings = "../../../testdata/calls"
	races      = "races"
)

// recordAll plays each story on a PBX of its own, in the names of its file, and
// keeps what that PBX sent.
func recordAll(t *testing.T, ctx context.Context, scripts []*script) {
	places := make(chan struct{}, min(*at, 5)) // each is a whole PBX
	for _, s := range scripts {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			places <- struct{}{}
			defer func() { <-places }()
			st := open(t, ctx, pbx.Release(*release), []*script{s})
			st.playAll()
			if err := st.quiet(ctx); err != nil {
				t.Fatal(err)
			}
			st.plays[0].verdict(t, st.log(ctx, t), st.records(ctx, t)[0])
			keep(t, s.name, st.frames.taken())
		})
	}
}

// keep writes a recording where it belongs, and that of a story that came out
// otherwise where it can be looked at.
func keep(t *testing.T, name string, frames []byte) {
	t.Helper()
	dir := filepath.Join(recordings, *release)
	if t.Failed() {
		dir = filepath.Join(os.TempDir(), "ringback-calls", *release)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, name+".jsonl")
	if err := os.WriteFile(file, frames, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Log("what the PBX sent is in", file)
}

// TestRecordings gives each recording the verdicts of its scenario and of its
// golden file: the whole suite, without a PBX.
func TestRecordings(t *testing.T) {
	scripts := map[string]*script{}
	for _, s := range readScripts(t, "", regexp.MustCompile(""), false) {
		scripts[s.name] = s
	}
	judges := bench{}
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		files := recorded(t, string(release))
		for name, file := range files {
			s := scripts[name]
			if s == nil {
				t.Errorf("%s is the recording of no scenario", file)
				continue
			}
			t.Run(string(release)+"/"+name, func(t *testing.T) {
				calls := golden(t, judges, s, file)
				got := s.told(judges.office(t, s, calls), calls)
				if want := s.wanted(); !slices.Equal(got, want) {
					t.Errorf("the tracker says\n  %s\nand should say\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
				}
			})
		}
		for name, s := range scripts {
			if (s.only == "" || s.only == release) && files[name] == "" {
				t.Errorf("%s has no recording: go test ./cmd/ringback/scenarios -run TestScenarios -record -release %s -only '^%s$'", name, release, name)
			}
		}
	}
	anybody := readScript(races, "", 0)
	for name, file := range recorded(t, races) {
		t.Run(races+"/"+name, func(t *testing.T) { golden(t, judges, anybody, file) })
	}
}

// recorded are the recordings in a folder, by name.
func recorded(t *testing.T, folder string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(recordings, folder, "*.jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings in %s: %v", folder, err)
	}
	found := map[string]string{}
	for _, file := range files {
		found[strings.TrimSuffix(filepath.Base(file), ".jsonl")] = file
	}
	return found
}

// bench keeps the offices by which was judged: most scripts have the same.
type bench map[string]*leads.Office

func (b bench) office(t *testing.T, s *script, calls []call.Call) *leads.Office {
	t.Helper()
	at := time.Time{}
	if len(calls) > 0 {
		at = calls[0].Started
	}
	key := at.Format(time.DateOnly) + s.parts["config"]
	if b[key] == nil {
		b[key] = s.office(t, at)
	}
	return b[key]
}

// golden replays a recording, holds what comes out against the golden file
// beside it, and returns the calls.
func golden(t *testing.T, judges bench, s *script, file string) []call.Call {
	t.Helper()
	ends := replay(t, file)
	calls := make([]call.Call, len(ends))
	for i := range ends {
		calls[i] = ends[i].Call
	}
	office := judges.office(t, s, calls)
	var got bytes.Buffer
	lines := json.NewEncoder(&got)
	lines.SetEscapeHTML(false)
	for _, f := range ends {
		if err := lines.Encode(office.Judge(f.Call, f.At).Listed()); err != nil {
			t.Fatal(err)
		}
	}
	expected := strings.TrimSuffix(file, ".jsonl") + ".want"
	if *update {
		if err := os.WriteFile(expected, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(expected)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("verdicts differ:\n got %s\nwant %s", &got, want)
	}
	return calls
}

// replay sends a recording through a tracker, and gives the ends of its calls.
func replay(t *testing.T, file string) (ends []call.Fact) {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	tracker := call.New(call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix})
	for scanner := ari.NewScanner(in, file); ; {
		var ev ari.Event
		err := scanner.Next(&ev)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range tracker.Step(&ev) {
			if f.Kind == call.Ended || f.Kind == call.Lost {
				ends = append(ends, f)
			}
		}
	}
	if !tracker.Idle() {
		t.Errorf("%s ends before its calls: %d are open", file, tracker.Open())
	}
	return ends
}
