package call_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// framesOf reads a recording as Asterisk sent it, a frame an event.
func framesOf(b *testing.B, file string) [][]byte {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(bytes.TrimSpace(text), []byte("\n"))
}

// decodeAndStep does with a frame what a stream and its follower do.
func decodeAndStep(b *testing.B, tr *call.Tracker, ev *ari.Event, frame []byte) []call.Fact {
	if err := ari.Decode(frame, ev); err != nil {
		b.Fatal(err)
	}
	return tr.Step(ev)
}

// BenchmarkDecodeAndTrack replays every recording through the decoder and a
// tracker; one op is all of them. It counts events by the second of processor
// time, the collector's included, so that a busy machine changes little.
func BenchmarkDecodeAndTrack(b *testing.B) {
	files, err := filepath.Glob("../../testdata/calls/*.jsonl")
	if err != nil || len(files) == 0 {
		b.Fatalf("no recordings: %v", err)
	}
	var all [][][]byte
	events, size := 0, 0
	for _, file := range files {
		all = append(all, framesOf(b, file))
		for _, f := range all[len(all)-1] {
			events++
			size += len(f)
		}
	}
	b.SetBytes(int64(size))
	var ev ari.Event
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu := processorTime(b)
	for b.Loop() {
		ended := 0
		for _, recording := range all {
			// The ids are the same each time: a tracker that has seen them end
			// would do nothing.
			tr := call.New(trunk)
			for _, frame := range recording {
				for _, f := range decodeAndStep(b, tr, &ev, frame) {
					if f.Kind == call.Ended {
						ended++
					}
				}
			}
		}
		if ended < len(all) {
			b.Fatalf("%d calls have ended in %d recordings", ended, len(all))
		}
	}
	cpu = processorTime(b) - cpu
	runtime.ReadMemStats(&after)
	n := float64(b.N) * float64(events)
	b.ReportMetric(n/cpu.Seconds(), "events/s")
	b.ReportMetric(float64(after.Mallocs-before.Mallocs)/n, "allocs/event")
	b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/n, "B/event")
}

// ringingGroup makes the frames of calls that ring three phones, each with four
// channels of its own, out of the recording of one.
type ringingGroup struct {
	text        string
	first, rest int // frames until all phones ring, and from there to the end
	old         []string
}

func newRingingGroup(b *testing.B) *ringingGroup {
	recorded := framesOf(b, "../../testdata/calls/group-unanswered.jsonl")
	g := &ringingGroup{text: string(bytes.Join(recorded, []byte("\n")))}
	seen := map[string]bool{}
	for i, frame := range recorded {
		var ev ari.Event
		if err := ari.Decode(frame, &ev); err != nil {
			b.Fatal(err)
		}
		if ev.Type == ari.ChannelHangupRequest && g.first == 0 {
			g.first, g.rest = i, len(recorded)-i
		}
		if id := ev.Channel.ID; id != "" && !seen[id] {
			seen[id] = true
			g.old = append(g.old, id, ev.Channel.Name[strings.LastIndexByte(ev.Channel.Name, '-'):])
		}
	}
	if len(seen) != 4 || g.first == 0 {
		b.Fatalf("the recording has %d channels, and the first hangup at %d", len(seen), g.first)
	}
	return g
}

// call gives the frames of the n-th call.
func (g *ringingGroup) call(n int) [][]byte {
	var fresh []string
	for i := 0; i < len(g.old); i += 2 {
		channel := 4*n + i/2
		fresh = append(fresh, g.old[i]+`"`, fmt.Sprintf(`1795999999.%d"`, channel), g.old[i+1]+`"`, fmt.Sprintf(`-%08x"`, channel))
	}
	fresh = append(fresh, "79161000009", fmt.Sprintf("7916%07d", n))
	return bytes.Split([]byte(strings.NewReplacer(fresh...).Replace(g.text)), []byte("\n"))
}

// BenchmarkTrackOpenCalls measures what an event costs while so many other
// calls of four legs are in progress, and what each of those holds in memory.
// One op is a call from its beginning to its end.
func BenchmarkTrackOpenCalls(b *testing.B) {
	for _, open := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			g := newRingingGroup(b)
			tr := call.New(trunk)
			var ev ari.Event
			empty := liveHeap()
			for n := range open {
				for _, frame := range g.call(n)[:g.first] {
					decodeAndStep(b, tr, &ev, frame)
				}
			}
			ev = ari.Event{}
			held := liveHeap() - empty
			if tr.Open() != open {
				b.Fatalf("%d calls are open", tr.Open())
			}
			// More calls than the tracker remembers ended channels of, so that
			// their ids can come again.
			var more [256][][]byte
			for i := range more {
				more[i] = g.call(open + i)
			}
			cpu := processorTime(b)
			for n := 0; b.Loop(); n++ {
				for _, frame := range more[n%len(more)] {
					decodeAndStep(b, tr, &ev, frame)
				}
				if tr.Open() != open {
					b.Fatalf("%d calls are open", tr.Open())
				}
			}
			cpu = processorTime(b) - cpu
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N*(g.first+g.rest)), "ns/event")
			if open > 0 {
				b.ReportMetric(float64(held)/float64(open), "B/open-call")
			}
		})
	}
}

// processorTime is what this process has used so far, on all cores.
func processorTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// liveHeap is what is reachable now.
func liveHeap() int64 {
	runtime.GC()
	runtime.GC() // what the first has freed of sync.Pool and unique is gone after the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
