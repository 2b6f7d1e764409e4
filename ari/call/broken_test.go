package call_test

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// breaker plays recordings as a script of bytes tells it: it begins some, plays parts
// of them in turn, leaves events out, goes back, mixes them up, changes what they say,
// and kills the watching in between.
type breaker struct {
	script  []byte
	all     []recording // in the order of their numbers
	playing []*reel
	now     *reel

	tracker *call.Tracker
	world   *world
	told    *told       // of this tracker's life
	facts   []call.Fact // of all lives
	fault   string
	at      time.Time
}

// reel is a recording that is being played, and the event that comes next.
type reel struct {
	events []ari.Event
	next   int
}

// maxReels keeps a script from playing more channels than a tracker remembers, and
// maxScript from taking long.
const (
	maxReels  = 16
	maxScript = 500
)

// play runs the script to its end, and empties the PBX then.
func (b *breaker) play() {
	b.tracker, b.world, b.told = call.New(trunk), newWorld(), &told{map[string]call.Call{}, map[string]call.Fact{}}
	b.begin(0)
	for len(b.script) > 0 && b.fault == "" {
		op, n := b.byte(), int(b.byte())
		switch op % 12 {
		case 0:
			b.begin(n<<8 | int(b.byte()))
		case 1, 2, 3:
			for range n%64 + 1 {
				b.stepNext()
			}
		case 4:
			b.now.next += n%16 + 1 // events that never came
		case 5:
			b.now.next -= min(b.now.next, n%32+1) // that come again
		case 6:
			b.now.next = n * len(b.now.events) / 256 // or at any other time
		case 7:
			b.now = b.playing[n%len(b.playing)]
		case 8:
			b.swap(n%8 + 1)
		case 9:
			b.changed(n)
		case 10:
			b.resume()
		case 11:
			gap := b.world.connected(b.at)
			b.step(&gap)
		}
	}
	empty := newWorld().connected(b.at)
	b.step(&empty)
	b.step(&ari.Event{At: b.at})
}

func (b *breaker) byte() byte {
	if len(b.script) == 0 {
		return 0
	}
	first := b.script[0]
	b.script = b.script[1:]
	return first
}

// begin begins the recording whose number is the next.
func (b *breaker) begin(n int) {
	i, _ := slices.BinarySearchFunc(b.all, n<<8, func(r recording, number int) int { return r.number() - number })
	if len(b.playing) < maxReels {
		b.now = &reel{events: b.all[i%len(b.all)].events}
		b.playing = append(b.playing, b.now)
	}
}

func (b *breaker) stepNext() {
	if b.now.next < len(b.now.events) {
		ev := b.now.events[b.now.next]
		b.now.next++
		b.step(&ev)
	}
}

// swap plays the event that comes so much later, and leaves the reel where it is.
func (b *breaker) swap(later int) {
	if i := b.now.next + later; i < len(b.now.events) {
		ev := b.now.events[i]
		b.step(&ev)
	}
}

// odd are values that Asterisk sends elsewhere, or never.
var odd = []string{"", "Up", "Ring", "Ringing", "Down", "h", "from-trunk", "internal", "Local/1@x-00000001;1", "Local/1@x-00000001;2", ";1", ";2",
	"Local/;2", "-", "PJSIP/101-00000001", "PJSIP/trunk-00000000", "Snoop/1-1", "Dial", "Queue", "VoiceMail", "Page", "AppDial2", "PJSIP/101,2",
	"holding", "SUCCESS", "TIMEOUT", "CANCEL", "ANSWER", "CHANUNAVAIL", "Success", "\x00\xff<b>'", strings.Repeat("9", 300)}

// changed plays the next event with another value in one of its fields: an odd one, or
// what another event of the recording has there.
func (b *breaker) changed(field int) {
	if b.now.next >= len(b.now.events) {
		return
	}
	ev, value := b.now.events[b.now.next], int(b.byte())
	b.now.next++
	texts := textsOf(&ev)
	switch field %= len(texts) + 4; field {
	case len(texts):
		ev.At = ev.At.Add(time.Duration(value-128) * time.Hour)
	case len(texts) + 1:
		ev.Channel.Created, ev.Peer.Created = time.Time{}, time.Time{}
	case len(texts) + 2:
		ev.Cause = value
	case len(texts) + 3:
		ev.Type = ari.Type(value % int(ari.PlaybackFinished+1))
		if ev.Type == ari.Connected {
			ev.Snapshot = &ari.Snapshot{Channels: []ari.Channel{ev.Channel, ev.Peer}, Bridges: []ari.Bridge{ev.Bridge}}
		}
	default:
		if other := value - len(odd); other < 0 {
			*texts[field] = odd[value]
		} else {
			*texts[field] = *textsOf(&b.now.events[other%len(b.now.events)])[field]
		}
	}
	b.step(&ev)
}

// textsOf are the fields of an event that a tracker reads.
func textsOf(ev *ari.Event) []*string {
	list := []*string{&ev.Bridge.ID, &ev.Bridge.Type, &ev.DialStatus, &ev.DialString, &ev.Forward, &ev.Variable, &ev.Value, &ev.Digit,
		&ev.Application, &ev.AppData, &ev.Result, &ev.DestApplication, &ev.TransferExten}
	for _, c := range []*ari.Channel{&ev.Channel, &ev.Peer} {
		list = append(list, &c.ID, &c.Name, &c.State, &c.CallerNumber, &c.CallerName, &c.ConnectedNumber, &c.Context, &c.Exten, &c.AppName, &c.AppData, &c.LinkedID)
	}
	return list
}

// resume kills the watching and begins again.
func (b *breaker) resume() {
	var calls []call.Call
	for _, c := range b.told.open {
		calls = append(calls, c)
	}
	b.tracker = call.New(trunk)
	b.tracker.Resume(calls)
	// A new tracker cannot know what has ended before.
	clear(b.told.ended)
	gap := b.world.connected(b.at)
	b.step(&gap)
}

func (b *breaker) step(ev *ari.Event) {
	b.world.see(ev)
	b.at = ev.At
	for _, f := range b.tracker.Step(ev) {
		b.hold(f)
		b.facts = append(b.facts, f)
	}
}

// hold notes a fact and what is wrong with it.
func (b *breaker) hold(f call.Fact) {
	c := f.Call
	if _, over := b.told.ended[c.ID]; over {
		b.fail("call %s is %s after its end", c.ID, f.Kind)
	}
	if f.Kind != call.Ended && f.Kind != call.Lost {
		b.told.open[c.ID] = c
		return
	}
	delete(b.told.open, c.ID)
	b.told.ended[c.ID] = f
	if c.How == "" {
		b.fail("call %s has ended, and nobody knows how", c.ID)
	}
	for _, talk := range c.Talks {
		if talk.End.IsZero() || talk.End.Before(talk.Start) {
			b.fail("call %s: a talk from %v to %v", c.ID, talk.Start, talk.End)
		}
	}
	if len(c.Stops) > 16 {
		b.fail("call %s has %d stops", c.ID, len(c.Stops))
	}
}

func (b *breaker) fail(format string, args ...any) {
	if b.fault == "" {
		b.fault = fmt.Sprintf(format, args...)
	}
}

// byNumber are the recordings in the order of their numbers, so that a script plays the
// same ones when others are added.
func byNumber(t testing.TB) []recording {
	return slices.SortedFunc(slices.Values(recordings(t)), func(a, b recording) int { return a.number() - b.number() })
}

// holds demands of a script what holds of any: a call ends at most once; on an empty PBX
// all have ended and nothing is followed; and the same events tell the same facts.
func holds(t interface{ Fatalf(string, ...any) }, all []recording, script []byte) {
	script = script[:min(len(script), maxScript)]
	b := &breaker{script: script, all: all}
	b.play()
	if b.fault != "" {
		t.Fatalf("%s", b.fault)
	}
	if len(b.told.open) > 0 || !b.tracker.Idle() || b.tracker.Held() > 0 {
		t.Fatalf("the PBX is empty, and %d calls that were told are open; the tracker holds %d", len(b.told.open), b.tracker.Held())
	}
	again := &breaker{script: script, all: all}
	again.play()
	if !reflect.DeepEqual(b.facts, again.facts) {
		t.Fatalf("the same events have told\n %+v\nand\n %+v", b.facts, again.facts)
	}
}

// TestBrokenStreams breaks recordings by chance, the same each time.
func TestBrokenStreams(t *testing.T) {
	all := byNumber(t)
	for seed := range uint64(200) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			random, script := rand.New(rand.NewPCG(seed, seed)), make([]byte, 400)
			for i := range script {
				script[i] = byte(random.Uint32())
			}
			holds(t, all, script)
		})
	}
}

// FuzzTracker looks for scripts that break the tracker.
func FuzzTracker(f *testing.F) {
	all := byNumber(f)
	f.Add([]byte{})
	for i := range 40 {
		n := byte(i * 6)
		f.Add([]byte{0, n, n, 1, n, 10, 0, 1, 40, 5, 30, 1, 63})
		f.Add([]byte{0, n, n, 1, 20, 0, n + 3, n, 1, 30, 7, 1, 4, n, 9, n, n, 1, 63, 7, 2, 1, 63})
		f.Add([]byte{0, n, n, 1, n, 8, 1, 8, 3, 11, 0, 9, n, 40, 1, 10, 6, n, 1, 63})
	}
	f.Fuzz(func(t *testing.T, script []byte) { holds(t, all, script) })
}

// TestRepeatedEventsChangeNothing tells every event twice.
func TestRepeatedEventsChangeNothing(t *testing.T) {
	for _, r := range recordings(t) {
		var doubled []ari.Event
		for i := range r.events {
			doubled = append(doubled, r.events[i], r.events[i])
		}
		want := tell(t, call.New(trunk), r.events, nil)
		tr := call.New(trunk)
		got := tell(t, tr, doubled, nil)
		for id := range want.ended {
			if g, w := summary(got.ended[id].Call), summary(want.ended[id].Call); g != w {
				t.Errorf("%s:\n got %s\nwant %s", r.name, g, w)
			}
		}
		if len(got.ended) != len(want.ended) || !tr.Idle() {
			t.Errorf("%s: %d calls ended, %d stay open; want %d and none", r.name, len(got.ended), tr.Open(), len(want.ended))
		}
	}
}

// TestMemoryReturns plays all recordings ten times: of what was followed nothing is left
// in the tracker, nor anywhere else in memory.
func TestMemoryReturns(t *testing.T) {
	tr := call.New(trunk)
	var lives call.Lives
	for round := range 10 {
		for i, r := range recordings(t) {
			for _, ev := range renamed(r.events, func(id string) string { return fmt.Sprintf("%d.%d.%s", round, i, id) }) {
				if ev.Type == ari.Connected {
					continue // one PBX all the time
				}
				tr.Step(&ev)
				if ev.Type == ari.ChannelCreated && round == 0 {
					lives.Note(tr)
				}
			}
			if tr.Step(&ari.Event{}); tr.Held() > 0 {
				t.Fatalf("after %s the tracker holds %d", r.name, tr.Held())
			}
		}
		if tr.Remembered() > call.MaxRemembered {
			t.Fatalf("the tracker remembers %d channels that are gone", tr.Remembered())
		}
	}
	if left := lives.Left(); left > 0 || lives.Noted() < len(recordings(t)) {
		t.Errorf("of %d calls and channels %d are still in memory", lives.Noted(), left)
	}
}

// renamed are the events with other ids, and the ends of names made of them.
func renamed(events []ari.Event, id func(string) string) []ari.Event {
	list := slices.Clone(events)
	bridge := func(b *ari.Bridge) {
		if b.ID != "" {
			b.ID = id(b.ID)
		}
		b.Channels = slices.Clone(b.Channels)
		for i := range b.Channels {
			b.Channels[i] = id(b.Channels[i])
		}
	}
	channel := func(c *ari.Channel) {
		if c.ID != "" {
			c.ID = id(c.ID)
		}
		if c.LinkedID != "" {
			c.LinkedID = id(c.LinkedID)
		}
		if i := strings.LastIndexByte(c.Name, '-'); i >= 0 {
			c.Name = c.Name[:i+1] + strings.ReplaceAll(id(""), "-", "_") + c.Name[i+1:]
		}
	}
	for i := range list {
		ev := &list[i]
		channel(&ev.Channel)
		channel(&ev.Peer)
		channel(&ev.ReplaceChannel)
		bridge(&ev.Bridge)
		bridge(&ev.FromBridge)
		if ev.Snapshot == nil {
			continue
		}
		s := ari.Snapshot{Channels: slices.Clone(ev.Snapshot.Channels), Bridges: slices.Clone(ev.Snapshot.Bridges)}
		for i := range s.Channels {
			channel(&s.Channels[i])
		}
		for i := range s.Bridges {
			bridge(&s.Bridges[i])
		}
		ev.Snapshot = &s
	}
	return list
}

// TestInterleavedCalls plays all recordings at once, event by event in the order of
// time: the calls must not touch each other.
func TestInterleavedCalls(t *testing.T) {
	want := map[string]string{}
	var all []ari.Event
	for i, r := range recordings(t) {
		if slices.ContainsFunc(r.events, func(ev ari.Event) bool { return ev.Application == "Page" }) {
			continue // it calls phones by their names, and here many have the same
		}
		events := renamed(r.events, func(id string) string { return fmt.Sprintf("%d.%s", i, id) })
		start := events[0].At
		for id, f := range tell(t, call.New(trunk), events, nil).ended {
			want[id] = r.name + ": " + summary(f.Call)
		}
		at := time.Unix(0, 0) // Asterisk's own times step back now and then
		for _, ev := range events {
			if ev.Type == ari.Connected {
				continue
			}
			ev.Shift(time.Unix(0, 0).Sub(start))
			if ev.At.After(at) {
				at = ev.At
			}
			ev.At = at
			all = append(all, ev)
		}
	}
	slices.SortStableFunc(all, func(a, b ari.Event) int { return a.At.Compare(b.At) })
	tr := call.New(trunk)
	got := tell(t, tr, all, nil)
	for id, w := range want {
		if g := summary(got.ended[id].Call); !strings.HasSuffix(w, g) {
			t.Errorf("\n got %s\nwant %s", g, w)
		}
	}
	if len(got.ended) != len(want) || !tr.Idle() {
		t.Errorf("%d calls ended, want %d; %d stay open", len(got.ended), len(want), tr.Open())
	}
}
