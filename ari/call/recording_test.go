package call_test

import (
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ringback/ari"
	"ringback/ari/call"
)

// recordings reads every recording of testdata/calls, by name.
func recordings(t testing.TB) map[string][]ari.Event {
	t.Helper()
	files, err := filepath.Glob("../../testdata/calls/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	all := map[string][]ari.Event{}
	for _, file := range files {
		all[strings.TrimSuffix(filepath.Base(file), ".jsonl")] = readRecording(t, file)
	}
	return all
}

func readRecording(t testing.TB, file string) []ari.Event {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var events []ari.Event
	for s := ari.NewScanner(f, file); ; {
		var ev ari.Event
		err := s.Next(&ev)
		if errors.Is(err, io.EOF) {
			return events
		}
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, ev)
	}
}

var trunk = call.Options{PBX: "main", Inbound: []string{"from-trunk"}}

// told steps a tracker through events and keeps the newest fact of every call.
// It fails the test when a call ends twice.
type told struct {
	open  map[string]call.Call
	ended map[string]call.Fact
	order []string // of the ends
}

func tell(t interface{ Fatalf(string, ...any) }, tr *call.Tracker, events []ari.Event, to *told) *told {
	if to == nil {
		to = &told{open: map[string]call.Call{}, ended: map[string]call.Fact{}}
	}
	for i := range events {
		for _, f := range tr.Step(&events[i]) {
			id := f.Call.ID
			if f.Kind != call.Ended && f.Kind != call.Lost {
				to.open[id] = f.Call
				continue
			}
			if _, twice := to.ended[id]; twice {
				t.Fatalf("call %s ended twice", id)
			}
			delete(to.open, id)
			to.ended[id] = f
			to.order = append(to.order, id)
		}
	}
	return to
}

// world is what lives on the PBX as the events tell it: what a snapshot would
// have shown.
type world struct {
	channels map[string]ari.Channel
	bridges  map[string]*ari.Bridge
}

func newWorld() *world {
	return &world{channels: map[string]ari.Channel{}, bridges: map[string]*ari.Bridge{}}
}

func (w *world) see(ev *ari.Event) {
	if ev.Type == ari.Connected {
		return
	}
	for _, c := range []ari.Channel{ev.Channel, ev.Peer} {
		if c.ID != "" && ev.Type != ari.ChannelDestroyed {
			w.channels[c.ID] = c
		}
	}
	switch ev.Type {
	case ari.ChannelDestroyed:
		delete(w.channels, ev.Channel.ID)
	case ari.ChannelEnteredBridge:
		b := w.bridges[ev.Bridge.ID]
		if b == nil {
			b = &ari.Bridge{ID: ev.Bridge.ID, Type: ev.Bridge.Type}
			w.bridges[b.ID] = b
		}
		if !slices.Contains(b.Channels, ev.Channel.ID) {
			b.Channels = append(b.Channels, ev.Channel.ID)
		}
	case ari.ChannelLeftBridge:
		if b := w.bridges[ev.Bridge.ID]; b != nil {
			b.Channels = slices.DeleteFunc(b.Channels, func(id string) bool { return id == ev.Channel.ID })
		}
	case ari.BridgeDestroyed:
		delete(w.bridges, ev.Bridge.ID)
	}
}

func (w *world) connected(at time.Time) ari.Event {
	s := &ari.Snapshot{}
	for _, id := range slices.Sorted(maps.Keys(w.channels)) {
		s.Channels = append(s.Channels, w.channels[id])
	}
	for _, id := range slices.Sorted(maps.Keys(w.bridges)) {
		s.Bridges = append(s.Bridges, *w.bridges[id])
	}
	return ari.Event{Type: ari.Connected, At: at, Snapshot: s}
}

// TestResumeAtEveryEvent kills the watching after every event of every
// recording and goes on with a new tracker from the newest facts and a
// snapshot: every call must come to the same end.
func TestResumeAtEveryEvent(t *testing.T) {
	for name, events := range recordings(t) {
		t.Run(name, func(t *testing.T) {
			whole := tell(t, call.New(trunk), events, nil)
			for k := range events {
				w := newWorld()
				for i := range events[:k] {
					w.see(&events[i])
				}
				first := tell(t, call.New(trunk), events[:k], nil)
				kept := maps.Clone(first.open)
				tr := call.New(trunk)
				tr.Resume(slices.Collect(maps.Values(kept)))
				resumed := append([]ari.Event{w.connected(events[k].At)}, events[k:]...)
				all := tell(t, tr, resumed, first)
				for id, want := range whole.ended {
					if want.Call.Direction == call.Internal {
						continue // told by its end only: nothing of it is kept over a restart
					}
					got, ok := all.ended[id]
					if !ok {
						if want.Call.Direction == call.Inbound {
							t.Errorf("cut before event %d (%s): call %s never ended", k, events[k].Type, id)
						}
						continue
					}
					if _, ok := kept[id]; !ok && got.Call.From.Endpoint == "" {
						want.Call.From = call.Party{} // a call out that was not told yet: who had placed it is gone
					}
					if g, w := summary(got.Call), summary(want.Call); g != w {
						t.Errorf("cut before event %d (%s):\n got %s\nwant %s", k, events[k].Type, g, w)
					}
				}
				if tr.Open() != 0 {
					t.Errorf("cut before event %d: %d calls stay open", k, tr.Open())
				}
			}
		})
	}
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

// TestGapThatHidesTheEnd loses the end of every recording: a call that was known
// to have talked, or whose hangup was still seen, is what it was; everything
// else is unconfirmed, and nothing stays open.
func TestGapThatHidesTheEnd(t *testing.T) {
	for name, events := range recordings(t) {
		whole := tell(t, call.New(trunk), events, nil)
		for k := range events {
			tr := call.New(trunk)
			before := tell(t, tr, events[:k], nil)
			var since time.Time
			if k > 0 {
				since = events[k-1].At
			}
			gap := newWorld().connected(events[len(events)-1].At.Add(time.Minute))
			gap.Since = since
			open := maps.Clone(before.open)
			all := tell(t, tr, []ari.Event{gap}, before)
			if tr.Open() != 0 {
				t.Fatalf("%s, cut before event %d: %d calls stay open", name, k, tr.Open())
			}
			for id, c := range open {
				f := all.ended[id]
				want := call.Unconfirmed
				switch {
				case c.Progress.Over:
					want = whole.ended[id].Call.How
				case c.Progress.Transferred:
					want = call.LostInTransfer // whether they were reached there, nobody saw
				case len(c.Talks) > 0:
					want = call.Person
				}
				if f.Kind != call.Lost || f.Call.How != want {
					t.Errorf("%s, cut before event %d: call %s is %s with %s, want lost with %s", name, k, id, f.Kind, f.Call.How, want)
				}
				for _, talk := range f.Call.Talks {
					if talk.End.IsZero() || talk.End.After(since) && talk.End.After(talk.Start) {
						t.Errorf("%s, cut before event %d: the talk ends at %v, but nothing was seen after %v", name, k, talk.End, since)
					}
				}
			}
		}
	}
}

// TestFoundInMidLife finds calls by a trunk after the dialplan has sent them on:
// the trunk by which calls came in before tells that they are inbound.
func TestFoundInMidLife(t *testing.T) {
	opts := trunk
	opts.Trunks = []string{"PJSIP/trunk"}
	events := readRecording(t, "../../testdata/calls/menu-abandoned.jsonl")
	for k := range events {
		if k > 0 && events[k-1].Type == ari.ChannelHangupRequest {
			break // who hung up nobody saw
		}
		w := newWorld()
		for i := range events[:k] {
			w.see(&events[i])
		}
		for id, c := range w.channels {
			c.Context, c.Exten = "open", "37"
			w.channels[id] = c
		}
		if len(w.channels) == 0 {
			continue
		}
		tr := call.New(opts)
		all := tell(t, tr, append([]ari.Event{w.connected(events[k].At)}, events[k:]...), nil)
		for id, f := range all.ended {
			if f.Call.Direction != call.Inbound || f.Call.How != call.AbandonedIVR {
				t.Errorf("found before event %d, call %s is %s, %s", k, id, f.Call.Direction, f.Call.How)
			}
		}
		if len(all.ended) != 1 {
			t.Errorf("found before event %d: %d calls", k, len(all.ended))
		}
	}
}

// TestBlondeTransferWithoutItsEvent keeps Asterisk's word of the transfer back: it
// may come too late.
func TestBlondeTransferWithoutItsEvent(t *testing.T) {
	for name, want := range map[string]call.How{"blonde-transfer": call.Person, "blonde-transfer-lost": call.LostInTransfer,
		"attended-transfer": call.Person, "local-group-answered": call.Person, "queue-of-locals": call.Person} {
		events := readRecording(t, "../../testdata/calls/"+name+".jsonl")
		events = slices.DeleteFunc(events, func(ev ari.Event) bool { return ev.Type == ari.BridgeAttendedTransfer })
		for _, f := range tell(t, call.New(trunk), events, nil).ended {
			if f.Call.Direction == call.Inbound && f.Call.How != want {
				t.Errorf("%s: %s, want %s", name, f.Call.How, want)
			}
		}
	}
}

// TestTalkIsNotCreditedWithTheDowntime kills the watching in mid-talk for hours:
// of the talk counts what was seen.
func TestTalkIsNotCreditedWithTheDowntime(t *testing.T) {
	events := readRecording(t, "../../testdata/calls/outbound-answered.jsonl")
	var open map[string]call.Call
	for k := range events {
		open = tell(t, call.New(trunk), events[:k], nil).open
		if slices.ContainsFunc(slices.Collect(maps.Values(open)), func(c call.Call) bool { return len(c.Talks) > 0 }) {
			break
		}
	}
	for id, c := range open {
		for _, watched := range []time.Duration{0, 2 * time.Second} {
			tr := call.New(trunk)
			tr.Resume([]call.Call{c})
			gap := newWorld().connected(c.Talks[0].Start.Add(5 * time.Hour))
			gap.Since = c.Talks[0].Start.Add(watched)
			if watched == 0 {
				gap.Since = gap.Since.Add(-time.Minute) // a gap that was noted to begin too early
			}
			f := tell(t, tr, []ari.Event{gap}, nil).ended[id]
			if f.Kind != call.Lost || f.Call.Talks[0].Length(gap.At) != watched {
				t.Errorf("watched for %v of the talk, which is told to have lasted %v", watched, f.Call.Talks[0].Length(gap.At))
			}
		}
	}
}

// TestRepeatedEventsChangeNothing tells every event twice.
func TestRepeatedEventsChangeNothing(t *testing.T) {
	for name, events := range recordings(t) {
		var doubled []ari.Event
		for i := range events {
			doubled = append(doubled, events[i], events[i])
		}
		want := tell(t, call.New(trunk), events, nil)
		tr := call.New(trunk)
		got := tell(t, tr, doubled, nil)
		for id := range want.ended {
			if g, w := summary(got.ended[id].Call), summary(want.ended[id].Call); g != w {
				t.Errorf("%s:\n got %s\nwant %s", name, g, w)
			}
		}
		if len(got.ended) != len(want.ended) || tr.Open() != 0 {
			t.Errorf("%s: %d calls ended, %d stay open; want %d and none", name, len(got.ended), tr.Open(), len(want.ended))
		}
	}
}

// TestBrokenStreams shuffles, doubles and drops events of all recordings at
// once: no call may end twice, and a snapshot of an empty PBX leaves nothing.
func TestBrokenStreams(t *testing.T) {
	var all []ari.Event
	for _, events := range recordings(t) {
		all = append(all, events...)
	}
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(1, len(all)).Draw(rt, "events")
		broken := make([]ari.Event, n)
		for i := range broken {
			broken[i] = all[rapid.IntRange(0, len(all)-1).Draw(rt, "event")]
		}
		tr := call.New(trunk)
		tell(rt, tr, broken, nil)
		empty := newWorld().connected(time.Now())
		tr.Step(&empty)
		if tr.Open() != 0 || !tr.Idle() {
			rt.Fatalf("an empty PBX, and %d calls are open", tr.Open())
		}
	})
}

// TestInterleavedCalls plays all recordings at once, event by event in the
// order of time: the calls must not touch each other.
func TestInterleavedCalls(t *testing.T) {
	want := map[string]string{}
	var all []ari.Event
	for _, events := range recordings(t) {
		start := events[0].At
		for id, f := range tell(t, call.New(trunk), events, nil).ended {
			want[id] = summary(f.Call)
		}
		at := time.Unix(0, 0) // Asterisk's own times step back now and then
		for _, ev := range events {
			if t := time.Unix(0, 0).Add(ev.At.Sub(start)); t.After(at) {
				at = t
			}
			if ev.At = at; ev.Type != ari.Connected {
				all = append(all, ev)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b ari.Event) int { return a.At.Compare(b.At) })
	tr := call.New(trunk)
	got := tell(t, tr, all, nil)
	for id, w := range want {
		if g := summary(got.ended[id].Call); g != w {
			t.Errorf("\n got %s\nwant %s", g, w)
		}
	}
	if len(got.ended) != len(want) || !tr.Idle() {
		t.Errorf("%d calls ended, want %d; %d stay open", len(got.ended), len(want), tr.Open())
	}
}
