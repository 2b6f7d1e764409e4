package main

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
)

// openCalls is how many calls are in progress at once; each has four legs.
const openCalls = 10_000

// BenchmarkOpenCalls lets a PBX that is a fake, but speaks over a real socket,
// begin 10,000 calls that ring three phones each, a thousand a second, and asks
// what the daemon then takes: the program itself, as a process of its own, with
// every call in its database. One op is all of them.
//
//	go test ./cmd/ringback -run '^$' -bench OpenCalls -benchtime 1x
func BenchmarkOpenCalls(b *testing.B) {
	for range b.N {
		c := newCrowd(b)
		r := &rig{TB: b, dir: b.TempDir(), alerts: newReceiver()}
		b.Cleanup(r.alerts.Close)
		r.startDaemon(c.at, true)
		before := processorTime(b, r.daemon.Process.Pid)
		sent := r.hold(c, "main", 0, openCalls)
		cpu := processorTime(b, r.daemon.Process.Pid) - before
		m := r.metrics()
		b.ReportMetric(0, "ns/op")
		b.ReportMetric(float64(sent), "events")
		b.ReportMetric(float64(cpu.Microseconds())/float64(sent), "cpu-µs/event")
		b.ReportMetric(peakRSS(b, r.daemon.Process.Pid), "peak-rss-MB")
		b.ReportMetric(m["go_memstats_heap_inuse_bytes"]/1e6, "heap-MB")
		b.ReportMetric(m["process_resident_memory_bytes"]/1e6, "rss-MB")
		r.holds(openCalls)
	}
}

// crowd is a PBX that is a fake, but speaks over a real socket, and begins calls
// out of a recording: each rings three phones, and nobody ends it.
type crowd struct {
	at    ari.Config
	fake  *aritest.PBX
	group *aritest.Recorded
}

// crowdFirst is the first call of a crowd beside a PBX that SIPp rings: no caller
// is the same person as there.
const crowdFirst = 5_000_000

func newCrowd(b *testing.B) *crowd {
	b.Helper()
	group, err := aritest.ReadRecorded("../../testdata/calls/22/group-unanswered.jsonl", "79160000005")
	if err != nil || group.Channels != 4 {
		b.Fatalf("a call of %d legs, %v", group.Channels, err)
	}
	fake := aritest.New()
	b.Cleanup(fake.Close)
	server := httptest.NewServer(fake)
	b.Cleanup(server.Close)
	return &crowd{ari.Config{URL: server.URL + "/ari", Username: aritest.Username, Password: ari.NewSecret(aritest.Password)}, fake, group}
}

// hold has the crowd begin n calls, a thousand a second, and waits until the
// daemon, which knows the PBX by a name, has them all on the disk. It returns how
// many events that were.
func (r *rig) hold(c *crowd, pbx string, first, n int) (sent int) {
	r.Helper()
	session, err := c.fake.Session(r.Context())
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(session.Cut)
	heard := func(m map[string]float64) int {
		return int(m[fmt.Sprintf("ringback_ari_events_total{pbx=%q}", pbx)] + m[fmt.Sprintf("ringback_ari_frames_skipped_total{pbx=%q,reason=\"other\"}", pbx)])
	}
	idle := heard(r.metrics())
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for i := range n {
		frames := c.group.Call(first + i)[:c.group.Ringing]
		if err := session.Send(frames...); err != nil {
			r.Fatal(err)
		}
		sent += len(frames)
		if i%10 == 9 {
			<-tick.C
		}
	}
	r.until("every call is on the disk", time.Minute, func() bool {
		m := r.metrics()
		return heard(m)-idle >= sent && m["ringback_facts_waiting"] == 0
	})
	return sent
}

// holds fails unless the daemon still counts so many calls as in progress.
func (r *rig) holds(n int) {
	r.Helper()
	open := 0
	for _, c := range all[apiCall](r, "calls") {
		if c.Ended == nil {
			open++
		}
	}
	if open != n {
		r.Fatalf("%d calls are in progress, not %d", open, n)
	}
}
