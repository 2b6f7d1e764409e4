package main

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"

	"github.com/prometheus/client_golang/prometheus"
)

// weighed is a Source that notes how much memory is in use when it has read.
type weighed struct {
	cdr.Source
	most  uint64
	reads int
}

func (w *weighed) Read(ctx context.Context, since, until time.Time, calls []string) (cdr.Log, error) {
	log, err := w.Source.Read(ctx, since, until, calls)
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
	w.reads++
	return log, err
}

// writeMonth writes call records of calls that are spread evenly over a span of
// time, two records each; every hundredth came in from outside, and nobody took it.
func writeMonth(t *testing.T, path string, since time.Time, span time.Duration, calls int) (missed int) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	rows := bufio.NewWriter(file)
	for i := range calls {
		at := since.Add(span / time.Duration(calls) * time.Duration(i)).UTC()
		who, where, from := "102", "from-internal", "PJSIP/102"
		if i%100 == 0 {
			who, where, from = fmt.Sprintf("7916%07d", i), "from-trunk", "PJSIP/trunk"
			missed++
		}
		for leg := range 2 {
			begin := at.Add(time.Duration(leg) * 20 * time.Second)
			fmt.Fprintf(rows, `"",%q,"74951000001",%q,"""Anna"" <%s>","%s-%08x","PJSIP/101-%08x","Dial","PJSIP/101,20",%q,,%q,20,0,"NO ANSWER","DOCUMENTATION","%[9]s","","","%[9]s",%d`+"\n",
				who, where, who, from, i, i, begin.Format(time.DateTime), begin.Add(20*time.Second).Format(time.DateTime), fmt.Sprintf("%d.%d", at.Unix(), i), 2*i+leg)
		}
	}
	if err := rows.Flush(); err != nil {
		t.Fatal(err)
	}
	return missed
}

// TestLongGap gives every call of a month its verdict, once, and never has more
// than some hours of them in memory.
func TestLongGap(t *testing.T) {
	const month, calls, mostHeap = 30 * 24 * time.Hour, 100_000, 24 << 20
	now := time.Now()
	path := filepath.Join(t.TempDir(), "Master.csv")
	missed := writeMonth(t, path, now.Add(-month), month-time.Minute, calls)
	source, err := cdr.Open(cdr.Config{CSV: path})
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: &leads.Office{Directory: &routing.Directory{}}})
	if err := book.Watched(t.Context(), leads.Sighting{PBX: "main", Until: now.Add(-month - time.Minute)}); err != nil {
		t.Fatal(err)
	}
	w := &weighed{Source: source}
	r := newRecovery(&watched{opts: call.Options{PBX: "main", Inbound: []string{"from-trunk"}, Phones: []string{"PJSIP/101", "PJSIP/102"}}, records: w},
		time.Second, book, newRecoveryMetrics(prometheus.NewRegistry()), slog.New(slog.DiscardHandler), nil)
	if err := r.begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	gap := &leads.Gap{PBX: "main", Since: now.Add(-month), Until: now.Add(-time.Minute), Cause: leads.Stopped}
	r.connected(gap, nil, 0)
	began := time.Now()
	waits := func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return len(r.fresh)+len(r.gaps)+len(r.unseen) > 0
	}
	for waits() && time.Since(began) < 10*time.Minute {
		r.work(t.Context())
	}
	took := time.Since(began)
	known, err := book.Known(t.Context(), "main", now.Add(-2*month), now)
	if err != nil || len(known) != missed || gap.Recovered != missed {
		t.Errorf("%d calls are known and %d counted, want %d, %v", len(known), gap.Recovered, missed, err)
	}
	t.Logf("%d records in %v, in %d readings; at most %d kB in use", 2*calls, took, w.reads, w.most>>10)
	if w.most > mostHeap {
		t.Errorf("%d kB were in use, at most %d are wanted", w.most>>10, mostHeap>>10)
	}
}
