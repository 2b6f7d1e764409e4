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
	l, addresses := newReadingRoom(b)
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

// newReadingRoom is a library of the size that is asked for, until last midnight,
// and the addresses of its pages and lists: those that cost most.
func newReadingRoom(b *testing.B) (*library, map[string]string) {
	b.Helper()
	until := time.Now().UTC().Truncate(24 * time.Hour)
	l := newLibrary(b, history.Size{Calls: *size, Contacts: *size * 3 / 10, Leads: *size / 4, Until: until})
	leads, contacts, middle := *size/4, *size*3/10, until.AddDate(-1, -6, 0).UnixMilli()
	deep := func(list string, at int64, id int) string {
		return base64.RawURLEncoding.EncodeToString(fmt.Appendf(nil, "%s.%d.%d", list, at, id))
	}
	return l, map[string]string{
		"front": "/", "everyone": "/everyone", "settings": "/settings", "account": "/account", "lead-new": "/leads/new", "lead": fmt.Sprintf("/leads/%d", leads/2), "contact": fmt.Sprintf("/contacts/%d", contacts/2),
		"calls":                 "/calls",
		"calls-missed":          "/calls?verdict=missed",
		"calls-of-one":          "/calls?person=m07&verdict=missed",
		"calls-deep":            "/calls?older=" + deep("calls", middle, 1),
		"calls-none":            "/calls?reason=failed", // as much as a page may walk
		"calls-number":          "/calls?number=301+000",
		"calls-csv-of-a-day":    "/calls.csv?from=" + until.AddDate(0, 0, -1).Format(time.DateOnly),
		"search-number":         "/search?q=0301+123",
		"search-common":         "/search?q=4930",
		"search-name":           "/search?q=%D0%BA%D0%BE%D1%80%D0%BE%D0%BB%D0%B5%D0%B2+77",
		"report-1":              "/report?days=1",
		"report-7":              "/report?days=7",
		"report-30":             "/report?days=30",
		"report-csv":            "/report.csv?days=30",
		"status":                "/status",
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
		"api-contacts-q":        "/api/v1/contacts?q=4930",
		"api-call":              fmt.Sprintf("/api/v1/calls/%d", *size/2),
		"api-lead":              fmt.Sprintf("/api/v1/leads/%d", leads/2),
		"api-contact":           fmt.Sprintf("/api/v1/contacts/%d", contacts/2),
		"api-appointment":       fmt.Sprintf("/api/v1/appointments/%d", *size/200),
		"api-reminder":          fmt.Sprintf("/api/v1/reminders/%d", *size/200),
		"api-status":            "/api/v1/status",
		"api-hooks":             "/api/v1/hooks",
		"api-events":            "/api/v1/events",
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
