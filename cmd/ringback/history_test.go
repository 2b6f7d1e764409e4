package main

import (
	"encoding/base64"
	"flag"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/leads/history"
)

var (
	pastCalls   = flag.Int("past", 1_000_000, "BenchmarkHistory: calls that the database has to begin with")
	pastSeconds = flag.Int("past-seconds", 60, "BenchmarkHistory: how long each part is measured")
)

// pastUntil is when the last call of a history began.
var pastUntil = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// BenchmarkHistory runs the daemon, as a process of its own, over three years of
// calls, while a PBX that is a fake, but speaks over a real socket, has 50 missed
// calls a second.
//
//   - start: from starting the process to being ready, five times.
//   - pages: 20 readers ask for every page and list, each twice a second: at the
//     top, in the middle, with every filter.
//   - keep: two of the three years are removed meanwhile. What its steps take
//     stands beside what the commit of a call's end takes.
//
// One op is a whole part.
//
//	go test ./cmd/ringback -run '^$' -bench History -benchtime 1x -timeout 30m -v
func BenchmarkHistory(b *testing.B) {
	b.Run("start", func(b *testing.B) {
		r, _ := newPast(b, "")
		var took times
		for range 5 {
			took = append(took, r.restart())
		}
		slices.Sort(took)
		b.ReportMetric(float64(took[0].Milliseconds()), "fastest-ms")
		b.ReportMetric(float64(took[len(took)-1].Milliseconds()), "slowest-ms")
	})
	b.Run("pages", func(b *testing.B) {
		r, ring := newPast(b, "")
		stop := ring()
		by := r.askAll(20, time.Duration(*pastSeconds)*time.Second)
		stop()
		for _, what := range slices.Sorted(maps.Keys(by)) {
			b.Logf("%-28s %6d requests, p50 %6.1f ms, p99 %6.1f ms", what, len(by[what]), ms(by[what].at(50)), ms(by[what].at(99)))
		}
		r.reportCommits(b, r.metrics(), "reading")
	})
	b.Run("keep", func(b *testing.B) {
		r, ring := newPast(b, fmt.Sprintf("keep_calls: %dd\nkeep_events: %[1]dd\n", 365+int(time.Since(pastUntil).Hours())/24))
		stop := ring()
		defer stop()
		disk := watchDisk(r.dir)
		const leads = `ringback_history_removed_total{what="leads"}`
		r.until("something is removed", 2*time.Minute, func() bool { return r.metrics()[leads] > 0 }) // a minute after the start
		before := r.metrics()
		r.reportCommits(b, before, "quiet")
		<-time.After(time.Duration(*pastSeconds) * time.Second)
		after := r.metrics()
		fsyncs := disk.stop()
		r.reportCommits(b, since(after, before), "removing")
		for _, what := range []string{"calls", "leads", "entries"} {
			series := `ringback_history_removed_total{what="` + what + `"}`
			b.ReportMetric((after[series]-before[series])/float64(*pastSeconds), what+"-removed/s")
		}
		steps := since(after, before)
		b.ReportMetric(1000*quantile(steps, "ringback_history_step_seconds", .5), "step-p50-ms")
		b.ReportMetric(1000*quantile(steps, "ringback_history_step_seconds", .99), "step-p99-ms")
		b.ReportMetric(ms(fsyncs.at(99)), "fsync-p99-ms")
	})
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// since takes away what was counted before.
func since(after, before map[string]float64) map[string]float64 {
	m := maps.Clone(after)
	for series, n := range before {
		m[series] -= n
	}
	return m
}

// newPast starts a daemon with a past. ring has its PBX ring until stop is
// called.
func newPast(b *testing.B, more string) (r *rig, ring func() (stop func())) {
	group, err := aritest.ReadRecorded("../../testdata/calls/22/group-unanswered.jsonl", "79160000005")
	if err != nil {
		b.Fatal(err)
	}
	fake := aritest.New()
	b.Cleanup(fake.Close)
	server := httptest.NewServer(fake)
	b.Cleanup(server.Close)
	r = &rig{TB: b, dir: b.TempDir(), alerts: newReceiver(), more: more}
	b.Cleanup(r.alerts.Close)
	size := history.Size{Calls: *pastCalls, Contacts: *pastCalls * 3 / 10, Leads: *pastCalls / 4}
	if err := history.Copy(b.Context(), size, filepath.Join(r.dir, "ringback.db")); err != nil {
		b.Fatal(err)
	}
	r.startDaemon(ari.Config{URL: server.URL + "/ari", Username: aritest.Username, Password: ari.NewSecret(aritest.Password)}, true)
	return r, func() func() {
		session, err := fake.Session(b.Context())
		if err != nil {
			b.Fatal(err)
		}
		end := make(chan struct{})
		var pbx sync.WaitGroup
		pbx.Go(func() {
			tick := time.NewTicker(20 * time.Millisecond)
			defer tick.Stop()
			for n := 0; ; n++ {
				if err := session.Send(group.Call(n)...); err != nil {
					b.Error(err)
				}
				select {
				case <-tick.C:
				case <-end:
					return
				}
			}
		})
		return sync.OnceFunc(func() { close(end); pbx.Wait(); session.Cut() })
	}
}

// restart ends the daemon and starts it again; it tells how long it took until
// it was ready.
func (r *rig) restart() time.Duration {
	r.Helper()
	r.stop()
	begun := time.Now()
	r.launch()
	r.until("the daemon watches again", time.Second, r.ready) // looks every 2 ms
	return time.Since(begun)
}

// reportCommits tells what the ends of calls took to be on the disk.
func (r *rig) reportCommits(b *testing.B, m map[string]float64, when string) {
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(m["ringback_commit_seconds_count"], when+"-commits")
	b.ReportMetric(1000*quantile(m, "ringback_commit_seconds", .50), when+"-p50-ms")
	b.ReportMetric(1000*quantile(m, "ringback_commit_seconds", .99), when+"-p99-ms")
}

// pastPaths are the pages and lists that readers ask for; n is some id that is
// there.
func pastPaths(n int) map[string]string {
	deep := func(list string, at, id int64) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d.%d", list, at, id))
	}
	leads, contacts, booked := int64(*pastCalls/4), int64(*pastCalls*3/10), int64(*pastCalls/50)
	ago := pastUntil.Add(-time.Duration(1+n%1000) * 24 * time.Hour).UnixMilli()
	return map[string]string{
		"nothing (/healthz)":  "/healthz",
		"front page":          "/",
		"page of a lead":      fmt.Sprintf("/leads/%d", 1+int64(n)%leads),
		"page of a contact":   fmt.Sprintf("/contacts/%d", 1+int64(n)%contacts),
		"calls":               "/api/v1/calls",
		"calls, deep":         "/api/v1/calls?cursor=" + deep("calls", ago, 1<<40),
		"calls, deep, 500":    "/api/v1/calls?limit=500&cursor=" + deep("calls", ago, 1<<40),
		"leads":               "/api/v1/leads",
		"leads, deep":         "/api/v1/leads?cursor=" + deep("leads-all", 0, 1+int64(n)%leads),
		"leads, deep, 500":    "/api/v1/leads?limit=500&cursor=" + deep("leads-all", 0, 1+int64(n)%leads),
		"open leads":          "/api/v1/leads?state=open",
		"open leads, deep":    "/api/v1/leads?state=open&cursor=" + deep("leads-open", ago, 1<<40),
		"closed leads":        "/api/v1/leads?state=closed",
		"closed leads, deep":  "/api/v1/leads?state=closed&cursor=" + deep("leads-closed", 0, 1+int64(n)%leads),
		"contacts":            "/api/v1/contacts",
		"contacts, deep":      "/api/v1/contacts?cursor=" + deep("contacts", 0, 1+int64(n)%contacts),
		"contacts, deep, 500": "/api/v1/contacts?limit=500&cursor=" + deep("contacts", 0, 1+int64(n)%contacts),
		"one lead":            fmt.Sprintf("/api/v1/leads/%d", 1+int64(n)%leads),
		"one contact":         fmt.Sprintf("/api/v1/contacts/%d", 1+int64(n)%contacts),
		"appointments":        "/api/v1/appointments",
		"appointments, deep":  "/api/v1/appointments?cursor=" + deep("appointments", 0, 1+int64(n)%booked),
		"one appointment":     fmt.Sprintf("/api/v1/appointments/%d", 1+int64(n)%booked),
		"reminders, deep":     "/api/v1/reminders?cursor=" + deep("reminders", 0, 1+int64(n)%booked),
		"one reminder":        fmt.Sprintf("/api/v1/reminders/%d", 1+int64(n)%booked),
		"consents, deep":      fmt.Sprintf("/api/v1/consents?cursor=%d", 1+int64(n)%(contacts/50)),
	}
}

// askAll has readers ask for a page each twice a second, and tells how long
// the answers took.
func (r *rig) askAll(readers int, span time.Duration) map[string]times {
	r.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: readers}}
	defer client.CloseIdleConnections()
	by := map[string]times{}
	var mu sync.Mutex
	var all sync.WaitGroup
	end := time.Now().Add(span)
	for reader := range readers {
		all.Go(func() {
			dice := rand.New(rand.NewPCG(uint64(reader), 1))
			tick := time.NewTicker(time.Second / 2)
			defer tick.Stop()
			for time.Now().Before(end) {
				for what, path := range pastPaths(dice.IntN(1 << 30)) {
					req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.site+path, nil)
					if err != nil {
						r.Error(err)
						return
					}
					req.Header.Set("Authorization", "Bearer "+rigToken)
					begun := time.Now()
					res, err := client.Do(req)
					if err != nil {
						r.Errorf("%s: %v", path, err)
						return
					}
					_, err = io.Copy(io.Discard, res.Body)
					took := time.Since(begun)
					res.Body.Close()
					if err != nil || res.StatusCode != http.StatusOK {
						r.Errorf("%s: %s %v", path, res.Status, err)
						return
					}
					mu.Lock()
					by[what] = append(by[what], took)
					mu.Unlock()
					<-tick.C
				}
			}
		})
	}
	all.Wait()
	for _, took := range by {
		slices.Sort(took)
	}
	return by
}
