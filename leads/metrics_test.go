package leads_test

import (
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// The time to the disk is measured of ends that the PBX told: not of talks that
// began, of what was lost, of replays, or of what is told twice.
func TestCommitSecondsCountsEndsThatWereHeard(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	metrics := prometheus.NewRegistry()
	office := &leads.Office{Directory: &routing.Directory{Pools: []routing.Pool{{Name: routing.DefaultPool, Supervisor: "chief"}}}}
	book := leads.NewBook(leads.BookConfig{DB: d, Office: office, Metrics: metrics})
	heard := time.Now().Add(-300 * time.Millisecond)
	fact := func(k call.Kind, id int, heard time.Time) call.Fact {
		return call.Fact{Kind: k, Heard: heard, Call: call.Call{PBX: "main", ID: strconv.Itoa(id), Direction: call.Inbound,
			Caller: "+7916123456" + strconv.Itoa(id), Started: heard.Add(-time.Second), Ended: heard, How: call.NoAnswer}}
	}
	for _, err := range book.Record(t.Context(), []call.Fact{
		fact(call.Started, 1, heard), fact(call.Ended, 1, heard), fact(call.Ended, 1, heard),
		fact(call.Lost, 2, heard), fact(call.Ended, 3, time.Time{}),
	}) {
		if err != nil {
			t.Fatal(err)
		}
	}
	families, err := metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "ringback_commit_seconds" {
			continue
		}
		h := f.GetMetric()[0].GetHistogram()
		if h.GetSampleCount() != 1 || h.GetSampleSum() < .3 || h.GetSampleSum() > 30 {
			t.Errorf("measured %d ends, %.3f s", h.GetSampleCount(), h.GetSampleSum())
		}
		return
	}
	t.Error("there is no ringback_commit_seconds")
}
