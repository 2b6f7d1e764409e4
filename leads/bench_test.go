package leads_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// BenchmarkRecord writes the missed calls of strangers, each with what the
// tracker tells of it (started, moved, ended): a contact, a lead, a manager's
// turn, a booked rung. One op is one call. Alone, each fact is a transaction of
// its own; in batches so many calls share one, as they do when they come fast.
// Beside it stands what the same disk takes for one write and fsync.
func BenchmarkRecord(b *testing.B) {
	for _, together := range []int{1, 8, 64} {
		b.Run(fmt.Sprintf("calls-together=%d", together), func(b *testing.B) {
			dir := b.TempDir()
			d, err := db.Open(b.Context(), db.Config{Path: filepath.Join(dir, "ringback.db")})
			if err != nil {
				b.Fatal(err)
			}
			defer d.Close()
			book := leads.NewBook(leads.BookConfig{DB: d, Office: benchOffice()})
			var took []time.Duration
			write := func(facts []call.Fact) {
				start := time.Now()
				for _, err := range book.Record(b.Context(), facts) {
					if err != nil {
						b.Fatal(err)
					}
				}
				took = append(took, time.Since(start))
			}
			// The phones were dialed long before the callers give up: what is
			// measured is the end, with the lead.
			for n := 0; n < b.N; n += together {
				var begun, ended []call.Fact
				for i := range min(together, b.N-n) {
					facts := missedCall(n + i)
					begun = append(begun, facts[0], facts[1])
					ended = append(ended, facts[2])
				}
				write(begun)
				write(ended)
			}
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
			var ends []time.Duration
			for i := 1; i < len(took); i += 2 {
				ends = append(ends, took[i])
			}
			reportTimes(b, "end", ends)
			reportTimes(b, "fsync", fsyncs(b, dir, len(ends)))
		})
	}
}

func benchOffice() *leads.Office {
	pool := routing.Pool{Name: routing.DefaultPool, Managers: []string{"anna", "boris"}, Supervisor: "chief",
		Pick: routing.RoundRobin, Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()}
	return &leads.Office{
		Plans: map[string]*number.Plan{"main": {Country: "RU"}},
		Directory: &routing.Directory{
			Lines:    []routing.Line{{Name: "sales", Numbers: []string{"+74951000001"}}},
			Managers: []routing.Manager{{Login: "anna"}, {Login: "boris"}, {Login: "chief"}},
			Pools:    []routing.Pool{pool},
		},
	}
}

// missedCall is what the tracker tells of the n-th stranger's call.
func missedCall(n int) [3]call.Fact {
	began := time.Now().Add(-2 * time.Second)
	c := call.Call{PBX: "main", ID: fmt.Sprintf("1795338785.%d", n), Direction: call.Inbound,
		Caller: fmt.Sprintf("7916%07d", n%10_000_000), CallerName: "Client", Dialed: "74951000001", Started: began}
	rang := c
	rang.Legs = []call.Leg{{Party: call.Party{Endpoint: "PJSIP/101"}, Channel: strconv.Itoa(n), Rang: true}}
	end := rang
	end.Ended, end.How, end.HungUp = time.Now(), call.AbandonedRinging, true
	return [3]call.Fact{{Kind: call.Started, At: began, Call: c}, {Kind: call.Moved, At: began, Call: rang},
		{Kind: call.Ended, At: end.Ended, Call: end}}
}

// fsyncs measures the disk itself: a page written and on the platter, n times.
func fsyncs(b *testing.B, dir string, n int) []time.Duration {
	f, err := os.Create(filepath.Join(dir, "fsync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	took := make([]time.Duration, n)
	for i := range took {
		start := time.Now()
		if _, err := f.WriteAt(page, int64(i%256)*int64(len(page))); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
		took[i] = time.Since(start)
	}
	return took
}

func reportTimes(b *testing.B, what string, took []time.Duration) {
	slices.Sort(took)
	for _, p := range []int{50, 99} {
		b.ReportMetric(float64(took[len(took)*p/100].Microseconds()), fmt.Sprintf("%s-p%d-µs", what, p))
	}
}
