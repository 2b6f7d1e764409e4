package view

import (
	"flag"
	"slices"
	"testing"
	"time"

	"ringback/leads"
)

var size = flag.Int("calls", 100_000, "how many calls the lists of benchmarks are read from")

// BenchmarkLists reads pages from the middle of lists; p99 is what DESIGN.md §8
// bounds.
func BenchmarkLists(b *testing.B) {
	book := newBook(b)
	book.fill(*size / 10)
	ctx := b.Context()
	half := int64(*size) / 20
	run := func(name string, read func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				start := time.Now()
				if err := read(); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(start))
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
	calls, owed, open := place{half * 10 * 500, half * 10}, place{id: half}, place{half*1000 + 9, half}
	run("calls", func() error {
		_, err := book.Calls(ctx, leads.Everything, CallFilter{}, Page{Cursor: calls.write("calls")})
		return err
	})
	run("calls-500", func() error {
		_, err := book.Calls(ctx, leads.Everything, CallFilter{}, Page{Limit: MaxLimit, Cursor: calls.write("calls")})
		return err
	})
	run("leads-open", func() error { _, err := book.Leads(ctx, Open, Page{Cursor: open.write("leads-open")}); return err })
	run("leads-all", func() error { _, err := book.Leads(ctx, All, Page{Cursor: owed.write("leads-all")}); return err })
	run("leads-closed", func() error {
		_, err := book.Leads(ctx, Closed, Page{Cursor: owed.write("leads-closed")})
		return err
	})
	run("contacts", func() error {
		_, err := book.Contacts(ctx, Page{Cursor: owed.write("contacts")})
		return err
	})
	run("contact", func() error { _, err := book.Contact(ctx, half); return err })
	run("count-open", func() error { _, err := book.CountOpen(ctx); return err })
}
