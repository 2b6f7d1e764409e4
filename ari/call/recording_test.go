package call_test

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"ringback/ari"
	"ringback/ari/call"
)

// recording is what a PBX sent while a story was played on it.
type recording struct {
	name   string // "22/answered"
	events []ari.Event
}

// number is drawn once for ever from the recording's name, so that others do not change
// what a script plays.
func (r *recording) number() int {
	h := fnv.New32a()
	io.WriteString(h, r.name)
	return int(h.Sum32() >> 8)
}

// cuts are the events before which a test breaks the recording off: the first, and each
// that comes after one that changes something.
func (r *recording) cuts() []int {
	var list []int
	for k := range r.events {
		if k == 0 || !isNoise(&r.events[k-1]) {
			list = append(list, k)
		}
	}
	return list
}

const recordingsDir = "../../testdata/calls/"

// recordings reads every recording of testdata/calls, in the order of their names.
func recordings(t testing.TB) []recording {
	t.Helper()
	all, err := readRecordings()
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// readRecordings reads them once for all tests: none of them changes an event.
var readRecordings = sync.OnceValues(func() ([]recording, error) {
	files, err := recordingFiles()
	if err != nil {
		return nil, err
	}
	var all []recording
	for _, file := range files {
		events, err := readRecording(file)
		if err != nil {
			return nil, err
		}
		if len(events) == 0 {
			continue // the PBX refused the call without making a channel
		}
		all = append(all, recording{strings.TrimSuffix(strings.TrimPrefix(file, recordingsDir), ".jsonl"), events})
	}
	return all, nil
})

func recordingFiles() ([]string, error) {
	files, err := filepath.Glob(recordingsDir + "*/*.jsonl")
	if err == nil && len(files) == 0 {
		err = errors.New("no recordings")
	}
	return files, err
}

// readRecording reads the events of a recording that are of a known type.
func readRecording(file string) ([]ari.Event, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var events []ari.Event
	for s := ari.NewScanner(f, file); ; {
		var ev ari.Event
		err := s.Next(&ev)
		if errors.Is(err, io.EOF) {
			return events, nil
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if ev.Type != ari.Other {
			events = append(events, ev)
		}
	}
}

// recorded reads the recording of a story on the newest Asterisk.
func recorded(t testing.TB, story string) []ari.Event {
	t.Helper()
	events, err := readRecording(fileOf(story))
	if err != nil {
		t.Fatal(err)
	}
	return events
}

func fileOf(story string) string { return recordingsDir + "22/" + story + ".jsonl" }

var trunk = call.Options{PBX: "main", Inbound: []string{"from-trunk"}}

// told steps a tracker through events and keeps the newest fact of every call.
// It fails the test when a call ends twice.
type told struct {
	open  map[string]call.Call
	ended map[string]call.Fact
}

func tell(t interface{ Fatalf(string, ...any) }, tr *call.Tracker, events []ari.Event, to *told) *told {
	if to == nil {
		to = &told{open: map[string]call.Call{}, ended: map[string]call.Fact{}}
	}
	for i := range events {
		for _, f := range tr.Step(&events[i]) {
			id := f.Call.ID
			if _, over := to.ended[id]; over {
				t.Fatalf("call %s is %s after its end", id, f.Kind)
			}
			if f.Kind != call.Ended && f.Kind != call.Lost {
				to.open[id] = f.Call
				continue
			}
			delete(to.open, id)
			to.ended[id] = f
		}
	}
	return to
}

// summary is what a call's verdict is made of: of a call out, the phone that
// placed it counts, not the number that it showed.
func summary(c call.Call) string {
	from := c.From.Endpoint
	if c.Direction == call.Inbound {
		from = c.Caller
	}
	s := c.ID + " " + string(c.Direction) + " " + from + "→" + c.Dialed + " " + string(c.How)
	for _, t := range c.Talks {
		s += " talked with " + t.Who.Endpoint
	}
	return s
}

// TestRecordingsAreWhole demands of each recording the end of every channel whose beginning
// it has: a recording that breaks off proves nothing.
func TestRecordingsAreWhole(t *testing.T) {
	for _, r := range recordings(t) {
		live := map[string]string{}
		for _, ev := range r.events {
			switch ev.Type {
			case ari.ChannelCreated:
				live[ev.Channel.ID] = ev.Channel.Name
			case ari.ChannelDestroyed:
				delete(live, ev.Channel.ID)
			}
		}
		if len(live) > 0 {
			t.Errorf("%s does not tell the end of %v", r.name, live)
		}
	}
}
