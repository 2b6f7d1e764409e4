package leads_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// TestWrongContextsAreSaid has calls to a line begin in a context that the
// configuration does not name: it is said once, and counted each time. Calls
// between phones are nothing to speak of.
func TestWrongContextsAreSaid(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: blank(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var log bytes.Buffer
	reg := prometheus.NewRegistry()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice(), Metrics: reg, Log: slog.New(slog.NewTextHandler(&log, nil))})
	now := time.Now()
	for id, dialed := range map[string]string{"1": "102", "2": sales[1:], "3": sales} {
		f := call.Fact{Kind: call.Ended, Call: call.Call{PBX: main, ID: id, Direction: call.Internal, Origin: "from-pstn",
			Caller: client, Dialed: dialed, Started: now, Ended: now.Add(time.Second), How: call.NoAnswer}}
		if errs := book.Record(t.Context(), []call.Fact{f}); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	if n := strings.Count(log.String(), "context=from-pstn"); n != 1 {
		t.Errorf("it was said %d times, not once: %s", n, &log)
	}
	if strings.Contains(log.String(), sales[1:]) {
		t.Errorf("a number stands in the log: %s", &log)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "ringback_calls_outside_contexts_total" {
			for _, m := range family.Metric {
				want := map[string]float64{main: 2, branch: 0}[m.Label[0].GetValue()]
				if m.Counter.GetValue() != want {
					t.Errorf("%s: counted %v, want %v", m.Label[0].GetValue(), m.Counter.GetValue(), want)
				}
			}
			return
		}
	}
	t.Error("it was not counted")
}
