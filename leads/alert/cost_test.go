package alert_test

import (
	"context"
	"flag"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/routing"
)

var (
	missRate    = flag.Int("rate", 50, "BenchmarkMissed: missed calls a second")
	missSeconds = flag.Int("seconds", 10, "BenchmarkMissed: for so many seconds")
)

// BenchmarkMissed writes all that a missed call writes, without a PBX and
// without a network: strangers ring, a phone rings, they give up after two
// seconds, and whoever is on duty is told at once by one channel. The Book, the
// Runner and the database are those of the daemon; the channel only counts. It
// reports the processor time of this process (all of it, so also what wakes its
// goroutines), and commits and statements for each call. One op is the whole load.
//
//	go test ./leads/alert -run '^$' -bench Missed -benchtime 1x -rate 50 -seconds 20
func BenchmarkMissed(b *testing.B) {
	defer debug.SetGCPercent(debug.SetGCPercent(50)) // as cmd/ringback has it
	for range b.N {
		missAll(b, *missRate, *missRate**missSeconds)
	}
}

func missAll(b *testing.B, rate, calls int) {
	office := costOffice()
	metrics := prometheus.NewRegistry()
	d, err := db.Open(b.Context(), db.Config{Path: filepath.Join(b.TempDir(), "ringback.db"), Metrics: metrics})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: office, Metrics: metrics})
	told := &tally{want: int64(calls), all: make(chan struct{})}
	ladder := alert.New(alert.Config{Office: office, Book: book, Mode: alert.Act, Metrics: metrics,
		Channels: []alert.Named{{Name: "hook", Channel: told, Crash: jobs.Repeat}}})
	runner, err := jobs.NewRunner(d, append(ladder.Works(), jobs.Work{Kind: leads.KindOpening, InTx: book.Opening}), jobs.Options{Metrics: metrics})
	if err != nil {
		b.Fatal(err)
	}
	ctx, stop := context.WithCancel(b.Context())
	var running sync.WaitGroup
	running.Go(func() { book.Run(ctx) })
	running.Go(func() { runner.Run(ctx) })
	defer running.Wait()
	defer stop()

	before, commits, statements := processorTime(b), value(b, metrics, "ringback_db_commit_seconds"), value(b, metrics, "ringback_db_statements_total")
	tellAt(book, rate, calls)
	select {
	case <-told.all:
	case <-time.After(30 * time.Second):
		b.Fatalf("%d of %d were told", told.n.Load(), calls)
	}
	n := float64(calls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/1000/n, "cpu-ms/call")
	b.ReportMetric((value(b, metrics, "ringback_db_commit_seconds")-commits)/n, "commits/call")
	b.ReportMetric((value(b, metrics, "ringback_db_statements_total")-statements)/n, "statements/call")
}

// tellAt tells the Book of the calls as the tracker would: at the instants at
// which they would begin, ring and end.
func tellAt(book *leads.Book, rate, calls int) {
	start, gap := time.Now(), time.Second/time.Duration(rate)
	var all sync.WaitGroup
	for kind, after := range []time.Duration{0, 20 * time.Millisecond, 2 * time.Second} {
		all.Go(func() {
			for n := range calls {
				time.Sleep(time.Until(start.Add(after + time.Duration(n)*gap)))
				book.Tell([]call.Fact{missedFacts(n, start.Add(time.Duration(n)*gap))[kind]})
			}
		})
	}
	all.Wait()
}

// missedFacts is what the tracker tells of the n-th stranger's call.
func missedFacts(n int, began time.Time) [3]call.Fact {
	c := call.Call{PBX: "main", ID: fmt.Sprintf("1795338785.%d", n), Direction: call.Inbound, From: call.Party{Endpoint: "PJSIP/trunk", Outside: true},
		Caller: fmt.Sprintf("7916%07d", n), CallerName: "Client", Dialed: "74951000001", Started: began}
	rang := c
	rang.Legs = []call.Leg{{Party: call.Party{Endpoint: "PJSIP/101"}, Channel: fmt.Sprint(n), Rang: true}}
	end := rang
	end.Ended, end.How, end.HungUp = time.Now(), call.AbandonedRinging, true
	return [3]call.Fact{{Kind: call.Started, At: began, Call: c}, {Kind: call.Moved, At: began, Call: rang},
		{Kind: call.Ended, At: end.Ended, Call: end, Heard: end.Ended}}
}

func costOffice() *leads.Office {
	ladder := routing.DefaultLadder()
	ladder.Settle = 0
	missed := routing.DefaultThresholds()
	missed.Suspicious = 0
	return &leads.Office{
		Plans: map[string]*number.Plan{"main": {Country: "RU"}},
		Directory: &routing.Directory{
			Lines:    []routing.Line{{Name: "sales", Numbers: []string{"+74951000001"}}},
			Managers: []routing.Manager{{Login: "anna"}, {Login: "boris"}, {Login: "chief"}},
			Pools: []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna", "boris"}, Supervisor: "chief",
				Pick: routing.RoundRobin, Ladder: ladder, Missed: missed}},
		},
	}
}

// tally is a channel that counts.
type tally struct {
	want int64
	n    atomic.Int64
	all  chan struct{}
}

func (t *tally) Send(context.Context, alert.Message) (alert.Outcome, string) {
	if t.n.Add(1) == t.want {
		close(t.all)
	}
	return alert.Sent, ""
}

// processorTime is what this process has had of it.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// value is the value of a counter, or how many values a histogram has.
func value(b *testing.B, from *prometheus.Registry, name string) float64 {
	families, err := from.Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			if h := f.GetMetric()[0].GetHistogram(); h != nil {
				return float64(h.GetSampleCount())
			}
			return f.GetMetric()[0].GetCounter().GetValue()
		}
	}
	b.Fatalf("there is no metric %s", name)
	return 0
}
