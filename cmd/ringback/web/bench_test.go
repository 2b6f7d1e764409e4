package web

import (
	"encoding/base64"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"syscall"
	"testing"
	"time"

	"ringback/leads/history"
)

var size = flag.Int("calls", 100_000, "how many calls the pages of benchmarks are made from")

// BenchmarkPages answers requests without a socket, over three years of calls;
// p99 is what DESIGN.md §8 bounds, and what the processor had to do for a request
// stands beside it, which other work on the machine does not change.
//
//	go test ./cmd/ringback/web -run '^$' -bench Pages -calls 1000000
func BenchmarkPages(b *testing.B) {
	l := newLibrary(b, history.Size{Calls: *size, Contacts: *size * 3 / 10, Leads: *size / 4})
	leads, contacts, middle := *size/4, *size*3/10, time.Date(2024, 7, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	deep := func(list string, at int64, id int) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d.%d", list, at, id))
	}
	addresses := map[string]string{
		"front": "/", "lead": fmt.Sprintf("/leads/%d", leads/2), "contact": fmt.Sprintf("/contacts/%d", contacts/2),
		"api-calls":             "/api/v1/calls",
		"api-calls-deep-500":    "/api/v1/calls?limit=500&cursor=" + deep("calls", middle, 1),
		"api-leads-open":        "/api/v1/leads?state=open",
		"api-leads-closed-deep": "/api/v1/leads?state=closed&limit=500&cursor=" + deep("leads-closed", 0, leads/2),
		"api-leads-deep-500":    "/api/v1/leads?limit=500&cursor=" + deep("leads-all", 0, leads/2),
		"api-contacts":          "/api/v1/contacts",
		"api-contacts-deep-500": "/api/v1/contacts?limit=500&cursor=" + deep("contacts", 0, contacts/2),
		"api-appointments":      "/api/v1/appointments?limit=500&cursor=" + deep("appointments", 0, *size/100),
		"api-reminders":         "/api/v1/reminders?limit=500&cursor=" + deep("reminders", 0, *size/100),
		"api-consents":          "/api/v1/consents?limit=500",
	}
	for _, name := range slices.Sorted(maps.Keys(addresses)) {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			before := processor(b)
			for b.Loop() {
				start := time.Now()
				if code, body := l.get(addresses[name]); code != http.StatusOK {
					b.Fatalf("%s: %d %s", addresses[name], code, body)
				}
				took = append(took, time.Since(start))
			}
			spent := processor(b) - before
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(spent.Microseconds())/1000/float64(len(took)), "cpu-ms/op")
		})
	}
}

// processor is how long this process has had a processor.
func processor(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
