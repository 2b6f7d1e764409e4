package routing

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The next closing is what a clock that is looked at every minute shows, also
// where windows touch and where the clocks change.
func TestNextClosing(t *testing.T) {
	weeks := []map[string]string{
		{"mon-sun": "09:00-21:00"}, {"mon-fri": "09:00-13:00, 13:00-18:00"}, {"mon-sun": "22:00-02:30"}, {"sat": "20:00-24:00", "sun": "00:00-05:00"},
		{"mon-sun": "01:30-03:00"}, {"mon-sun": "00:00-24:00"}, {"tue": "09:00-08:59"}, {},
	}
	rapid.Check(t, func(t *rapid.T) {
		h := Hours{Zone: rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"}).Draw(t, "zone"),
			Week: rapid.SampledFrom(weeks).Draw(t, "week")}
		if err := h.Compile(nil); err != nil {
			t.Fatal(err)
		}
		from := time.Date(2026, time.Month(rapid.SampledFrom([]int{3, 4, 10, 11}).Draw(t, "month")), 1, 0, 0, 0, 0, time.UTC)
		from = from.Add(time.Duration(rapid.IntRange(0, 31*86400).Draw(t, "second")) * time.Second)
		got := h.NextClosing(from)
		want := from
		for limit := from.AddDate(0, 0, 8); h.Open(want); want = want.Truncate(time.Minute).Add(time.Minute) {
			if want.After(limit) {
				want = time.Time{}
				break
			}
		}
		if !got.Equal(want) {
			t.Fatalf("%v from %s closes %s, want %s", h.Week, from, got, want)
		}
	})
}
