package call_test

import (
	"bytes"
	"fmt"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/call"
)

// framesOf reads a recording as Asterisk sent it, a frame an event.
func framesOf(b *testing.B, file string) [][]byte {
	b.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		b.Fatal(err)
	}
	return bytes.Split(text, []byte("\n"))[:bytes.Count(text, []byte("\n"))]
}

// decodeAndStep does with a frame what a stream and its follower do.
func decodeAndStep(b testing.TB, tr *call.Tracker, ev *ari.Event, frame []byte) []call.Fact {
	if err := ari.Decode(frame, ev); err != nil {
		b.Fatal(err)
	}
	return tr.Step(ev)
}

// BenchmarkDecodeAndTrack replays every recording through the decoder and a
// tracker; one op is all of them. It counts events by the second of processor
// time, the collector's included, so that a busy machine changes little.
func BenchmarkDecodeAndTrack(b *testing.B) {
	files, err := recordingFiles()
	if err != nil {
		b.Fatal(err)
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

// BenchmarkTrackOpenCalls measures what an event costs while so many other
// calls of four legs are in progress, and what each of those holds in memory.
// One op is a call from its beginning to its end.
func BenchmarkTrackOpenCalls(b *testing.B) {
	for _, open := range []int{0, 100, 10_000} {
		b.Run(fmt.Sprintf("open=%d", open), func(b *testing.B) {
			group := groupOfThree(b)
			tr := call.New(trunk)
			held := holdCalls(b, tr, group, open)
			var ev ari.Event
			// More calls than the tracker remembers ended channels of, so that
			// their ids can come again.
			var more [256][][]byte
			for i := range more {
				for _, frame := range group.Call(open + i) {
					more[i] = append(more[i], []byte(frame))
				}
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
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(b.N*group.Frames), "ns/event")
			if open > 0 {
				b.ReportMetric(held, "B/open-call")
			}
		})
	}
}

// TestAnOpenCallIsSmall holds the memory of a call of four legs in progress to what the
// daemon has for each of ten thousand.
func TestAnOpenCallIsSmall(t *testing.T) {
	if held := holdCalls(t, call.New(trunk), groupOfThree(t), 2000); held < 500 || held > 2048 {
		t.Errorf("an open call holds %.0f bytes", held)
	}
}

// groupOfThree is a call of four legs.
func groupOfThree(t testing.TB) *aritest.Recorded {
	group, err := aritest.ReadRecorded(fileOf("group-unanswered"), "79160000005")
	if err != nil {
		t.Fatal(err)
	}
	if group.Channels != 4 {
		t.Fatalf("a call of %d legs", group.Channels)
	}
	return group
}

// holdCalls begins so many calls, and says how many bytes of live heap one of them holds.
func holdCalls(t testing.TB, tr *call.Tracker, group *aritest.Recorded, open int) float64 {
	var ev ari.Event
	empty := liveHeap()
	for n := range open {
		for _, frame := range group.Call(n)[:group.Ringing] {
			decodeAndStep(t, tr, &ev, []byte(frame))
		}
	}
	ev = ari.Event{}
	held := liveHeap() - empty
	if tr.Open() != open {
		t.Fatalf("%d calls are open", tr.Open())
	}
	return float64(held) / float64(open)
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
