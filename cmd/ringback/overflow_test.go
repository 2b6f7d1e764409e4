package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/robotcall"
	"ringback/routing"
)

// TestBeyondTheBacklog lets more happen than memory may hold while the database
// cannot be written: what was taken is written afterwards, the PBX is followed
// again from a snapshot, and what lies between is a gap that is read for.
func TestBeyondTheBacklog(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	office := &leads.Office{Plans: map[string]*number.Plan{"main": {Country: "RU"}}, Directory: &routing.Directory{
		Pools: []routing.Pool{{Name: routing.DefaultPool, Supervisor: "chief", Missed: routing.DefaultThresholds()}}}}
	book := leads.NewBook(leads.BookConfig{DB: d, Office: office, Backlog: 100_000})
	pbx := aritest.New()
	defer pbx.Close()
	client, err := ari.NewClient(pbx.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	reg := prometheus.NewRegistry()
	silent := slog.New(slog.DiscardHandler)
	w := watched{opts: call.Options{PBX: "main", Inbound: []string{"from-trunk"}}, client: client, pulse: new(pulse),
		stream: ari.NewStream(client, ari.StreamOptions{Log: silent, Metrics: ari.NewMetrics(reg), BackoffMin: time.Millisecond, BackoffMax: time.Millisecond})}
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	f := &follower{watched: w, book: book, dialer: robotcall.New(robotcall.Config{DB: d}), log: silent,
		recovery: newRecovery(&w, time.Second, book, newRecoveryMetrics(prometheus.NewRegistry()), silent, nil)}
	var spine parts
	spine.run(stop, func() error { return f.run(ctx) })
	spine.run(stop, func() error { return f.recovery.run(ctx) })
	spine.run(stop, func() error { return f.keepWatched(ctx) })
	spine.run(stop, func() error { return book.Run(ctx) })
	until := func(what string, holds func() bool) {
		t.Helper()
		for !holds() {
			if ctx.Err() != nil {
				t.Fatalf("in vain: %s; %v", what, spine.wait())
			}
			time.Sleep(time.Millisecond)
		}
	}
	session, err := pbx.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	until("it is watched", func() bool { return w.stream.Status().State == ari.Watching })
	group, err := aritest.ReadRecorded("../../testdata/calls/22/group-unanswered.jsonl", "79160000005")
	if err != nil {
		t.Fatal(err)
	}
	err = d.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec("PRAGMA max_page_count = 1") // that is: no more than there are, until the database is opened anew
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for ; f.full.Load() == 0; sent++ {
		if err := session.Send(group.Call(sent)...); err != nil {
			t.Fatal(err)
		}
		if sent == 5000 {
			t.Fatal("the memory has no bound")
		}
	}
	if err := session.Send(group.Call(sent)...); err != nil { // nobody follows it
		t.Fatal(err)
	}
	if _, err := pbx.Session(ctx); err != nil {
		t.Fatal("the PBX is not followed again:", err)
	}
	var gaps []*leads.Gap
	until("the gap is finished", func() bool {
		if gaps, err = leads.Gaps(ctx, d.Reader(), 10); err != nil {
			t.Fatal(err)
		}
		return len(gaps) == 1 && !gaps[0].Finished.IsZero()
	})
	if g := gaps[0]; g.Cause != leads.Overflowed || !g.Since.Before(g.Until) {
		t.Errorf("the gap is %+v", g)
	} else if blind, long := blindSeconds(t, reg), g.Until.Sub(g.Since).Seconds(); blind < long-0.1 {
		t.Errorf("the PBX was blind for %.3f s by the metric, for %.3f s by the gap", blind, long)
	}
	if f.full.Load() != 0 {
		t.Error("it is still full")
	}
	var calls, open int
	if err := d.Reader().QueryRow("SELECT COUNT(*), COUNT(*) - COUNT(ended) FROM calls").Scan(&calls, &open); err != nil {
		t.Fatal(err)
	}
	if calls < 10 || calls > sent || open != 0 {
		t.Errorf("%d calls were sent until it was full, %d are on the disk, %d of them open", sent, calls, open)
	}
	stop()
	if err := spine.wait(); err != nil {
		t.Error(err)
	}
}

// blindSeconds is for how long the PBXes were not watched, by the metric.
func blindSeconds(t *testing.T, reg *prometheus.Registry) (sum float64) {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "ringback_ari_blind_seconds_total" {
			for _, m := range f.GetMetric() {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}
