package main

import (
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
	group, err := aritest.ReadRecorded("../../testdata/calls/22/group-unanswered.jsonl", "79160000005")
	if err != nil || group.Channels != 4 {
		b.Fatalf("a call of %d legs, %v", group.Channels, err)
	}
	for range b.N {
		fake := aritest.New()
		b.Cleanup(fake.Close)
		server := httptest.NewServer(fake)
		b.Cleanup(server.Close)
		r := &rig{TB: b, dir: b.TempDir(), alerts: newReceiver()}
		b.Cleanup(r.alerts.Close)
		r.startDaemon(ari.Config{URL: server.URL + "/ari", Username: aritest.Username, Password: ari.NewSecret(aritest.Password)}, true)
		session, err := fake.Session(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(session.Cut)
		r.openAll(b, session, group)
	}
}

// openAll begins the calls and reports.
func (r *rig) openAll(b *testing.B, session *aritest.Session, group *aritest.Recorded) {
	r.Helper()
	const heard = `ringback_ari_events_total{pbx="main"}`
	idle, before := r.metrics()[heard], processorTime(b, r.daemon.Process.Pid)
	sent := 0
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for n := range openCalls {
		frames := group.Call(n)[:group.Ringing]
		if err := session.Send(frames...); err != nil {
			r.Fatal(err)
		}
		sent += len(frames)
		if n%10 == 9 {
			<-tick.C
		}
	}
	var m map[string]float64
	r.until("every call is on the disk", time.Minute, func() bool {
		m = r.metrics()
		skipped := m[`ringback_ari_frames_skipped_total{pbx="main",reason="other"}`]
		return m[heard]-idle+skipped >= float64(sent) && m["ringback_facts_waiting"] == 0
	})
	cpu := processorTime(b, r.daemon.Process.Pid) - before
	var page struct{ Items []apiCall }
	r.get("/api/v1/calls?limit=1", &page)
	if len(page.Items) != 1 || page.Items[0].Ended != nil {
		r.Fatalf("the newest call is %+v", page.Items)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(sent), "events")
	b.ReportMetric(float64(cpu.Microseconds())/float64(sent), "cpu-µs/event")
	b.ReportMetric(peakRSS(b, r.daemon.Process.Pid), "peak-rss-MB")
	b.ReportMetric(m["go_memstats_heap_inuse_bytes"]/1e6, "heap-MB")
	b.ReportMetric(m["process_resident_memory_bytes"]/1e6, "rss-MB")
}
