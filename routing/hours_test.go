package routing_test

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"

	"ringback/routing"
)

func hours(t testing.TB, zone string, week map[string]string) *routing.Hours {
	t.Helper()
	h := &routing.Hours{Zone: zone, Week: week}
	if err := h.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
	return h
}

func at(t testing.TB, text string) time.Time {
	t.Helper()
	when, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return when
}

// In 2026 Berlin's clocks go from 02:00 to 03:00 on 29 March and from 03:00 to
// 02:00 on 25 October, both Sundays.
func TestOpenAndNextOpening(t *testing.T) {
	office := map[string]string{"mon-fri": "09:00-13:00, 14:00-18:00", "sat": "10:00-14:00"}
	night := map[string]string{"fri-sun": "22:00-06:00"}
	for _, c := range []struct {
		name, zone string
		week       map[string]string
		when, next string // next is empty when it is open at when
	}{
		{"no hours", "", nil, "2026-06-06T03:00:00Z", ""},
		{"opening is open", "", office, "2026-06-01T09:00:00Z", ""},
		{"closing is closed", "", office, "2026-06-01T18:00:00Z", "2026-06-02T09:00:00Z"},
		{"the last second", "", office, "2026-06-01T17:59:59Z", ""},
		{"a second too early", "", office, "2026-06-01T08:59:59Z", "2026-06-01T09:00:00Z"},
		{"at lunch", "", office, "2026-06-01T13:30:00.25Z", "2026-06-01T14:00:00Z"},
		{"friday evening", "", office, "2026-06-05T18:00:00Z", "2026-06-06T10:00:00Z"},
		{"the week wraps", "", office, "2026-06-06T14:00:00Z", "2026-06-08T09:00:00Z"},
		{"another zone is open", "Asia/Vladivostok", office, "2026-05-31T23:00:00Z", ""},
		{"another zone is closed", "Asia/Vladivostok", office, "2026-06-01T09:00:00Z", "2026-06-01T23:00:00Z"},
		{"half an hour's zone", "Asia/Kolkata", office, "2026-06-01T03:00:00Z", "2026-06-01T03:30:00Z"},
		{"before midnight", "", night, "2026-06-05T23:00:00Z", ""},
		{"after midnight", "", night, "2026-06-06T05:59:59Z", ""},
		{"sunday's night reaches into monday", "", night, "2026-06-08T05:00:00Z", ""},
		{"and ends there", "", night, "2026-06-08T06:00:00Z", "2026-06-12T22:00:00Z"},
		{"friday morning is not friday's night", "", night, "2026-06-05T05:00:00Z", "2026-06-05T22:00:00Z"},
		{"round the clock", "", map[string]string{"mon-sun": "00:00-24:00"}, "2026-06-07T23:59:59Z", ""},
		{"fri-mon wraps", "", map[string]string{"fri-mon": "08:00-09:00"}, "2026-06-01T08:30:00Z", ""},
		{"one minute a week", "", map[string]string{"mon": "12:00-12:01"}, "2026-06-01T12:01:00Z", "2026-06-08T12:00:00Z"},

		{"23 hours: nine o'clock is an hour sooner", "Europe/Berlin", map[string]string{"sun": "09:00-18:00"}, "2026-03-28T23:00:00Z", "2026-03-29T07:00:00Z"},
		{"25 hours: nine o'clock is an hour later", "Europe/Berlin", map[string]string{"sun": "09:00-18:00"}, "2026-10-24T22:00:00Z", "2026-10-25T08:00:00Z"},
		{"a skipped beginning opens at the change", "Europe/Berlin", map[string]string{"sun": "02:30-10:00"}, "2026-03-29T00:59:59Z", "2026-03-29T01:00:00Z"},
		{"a window that is skipped does not open", "Europe/Berlin", map[string]string{"sun": "02:15-02:45"}, "2026-03-29T00:30:00Z", "2026-04-05T00:15:00Z"},
		{"an hour that comes twice, first time", "Europe/Berlin", map[string]string{"sun": "02:15-02:45"}, "2026-10-25T00:10:00Z", "2026-10-25T00:15:00Z"},
		{"an hour that comes twice, second time", "Europe/Berlin", map[string]string{"sun": "02:15-02:45"}, "2026-10-25T00:45:00Z", "2026-10-25T01:15:00Z"},
		{"half an hour's change", "Australia/Lord_Howe", map[string]string{"sun": "02:10-05:00"}, "2026-10-03T15:29:00Z", "2026-10-03T15:30:00Z"},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := hours(t, c.zone, c.week)
			when, want := at(t, c.when), at(t, c.when)
			if c.next != "" {
				want = at(t, c.next)
			}
			if open := h.Open(when); open != (c.next == "") {
				t.Errorf("Open(%s) = %v", c.when, open)
			}
			if next := h.NextOpening(when); !next.Equal(want) {
				t.Errorf("NextOpening(%s) = %s, want %s", c.when, next.UTC().Format(time.RFC3339Nano), want.Format(time.RFC3339))
			}
		})
	}
}

func TestHoursOfThePoolOrTheCompany(t *testing.T) {
	moscow, err := time.LoadLocation("Europe/Moscow")
	if err != nil {
		t.Fatal(err)
	}
	h := &routing.Hours{Week: map[string]string{"mon": "9:00-10:00"}}
	if err := h.Compile(moscow); err != nil {
		t.Fatal(err)
	}
	if !h.Open(at(t, "2026-06-01T06:00:00Z")) {
		t.Error("hours without a zone do not go by the fallback's clock")
	}
	if h.Always() {
		t.Error("hours with a window are taken for none")
	}
}

func TestHoursThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		zone string
		week map[string]string
		want string
	}{
		{"Europe/Moskow", nil, `zone "Europe/Moskow" is not an IANA time zone`},
		{"../../etc/passwd", nil, "is not an IANA time zone"},
		{"", map[string]string{"fry": "09:00-18:00"}, `"fry" is not a day`},
		{"", map[string]string{"mon-": "09:00-18:00"}, `"" is not a day`},
		{"", map[string]string{"mon-fri-sun": "09:00-18:00"}, `"fri-sun" is not a day`},
		{"", map[string]string{"": "09:00-18:00"}, `"" is not a day`},
		{"", map[string]string{"mon": ""}, `mon: "" is not a window`},
		{"", map[string]string{"mon": "09:00"}, `"09:00" is not a window`},
		{"", map[string]string{"mon": "09:00-09:00"}, "is not a window"},
		{"", map[string]string{"mon": "24:00-06:00"}, "is not a window"},
		{"", map[string]string{"mon": "09:00-25:00"}, "is not a window"},
		{"", map[string]string{"mon": "09:60-10:00"}, "is not a window"},
		{"", map[string]string{"mon": "+9:00-18:00"}, "is not a window"},
		{"", map[string]string{"mon": "-9:00-18:00"}, "is not a window"},
		{"", map[string]string{"mon": "9-18"}, "is not a window"},
		{"", map[string]string{"mon": "09:00-18:00,"}, "is not a window"},
		{"", map[string]string{"mon": "09:00-14:00, 13:00-18:00"}, `"mon 09:00-14:00" and "mon 13:00-18:00" overlap`},
		{"", map[string]string{"mon-fri": "09:00-18:00", "fri": "09:00-16:00"}, `"fri 09:00-16:00" and "mon-fri 09:00-18:00" overlap`},
		{"", map[string]string{"sun": "22:00-06:00", "mon": "05:00-09:00"}, `"sun 22:00-06:00" and "mon 05:00-09:00" overlap`},
		{"", map[string]string{"mon,mon": "09:00-18:00"}, "overlap"},
	} {
		h := routing.Hours{Zone: c.zone, Week: c.week}
		if err := h.Compile(time.UTC); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %v: %v, want %s", c.zone, c.week, err, c.want)
		}
	}
}

func TestHoursAlwaysComplainOfTheSameThing(t *testing.T) {
	week := map[string]string{}
	for _, day := range []string{"a", "b", "c", "d", "e", "f", "g", "h"} {
		week[day] = "1"
	}
	for range 100 {
		h := routing.Hours{Week: week}
		if err := h.Compile(time.UTC); !strings.HasPrefix(err.Error(), `"a" is not a day`) {
			t.Fatal(err)
		}
	}
}

// TestNextOpeningIsTheFirst draws weeks, zones and times, those around changes
// of the clocks often, and looks at every minute in between.
func TestNextOpeningIsTheFirst(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "Asia/Kathmandu"}
	days := []string{"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
	rapid.Check(t, func(rt *rapid.T) {
		clock := rapid.Custom(func(rt *rapid.T) string {
			quarter := rapid.IntRange(0, 95).Draw(rt, "quarter")
			return time.Date(0, 1, 1, 0, quarter*15, 0, 0, time.UTC).Format("15:04")
		})
		h := &routing.Hours{Zone: rapid.SampledFrom(zones).Draw(rt, "zone"), Week: map[string]string{}}
		for _, day := range rapid.SliceOfNDistinct(rapid.SampledFrom(days), 1, 7, rapid.ID).Draw(rt, "days") {
			h.Week[day] = clock.Draw(rt, "from") + "-" + clock.Draw(rt, "to")
		}
		if h.Compile(time.UTC) != nil {
			return // windows that overlap, or are empty
		}
		zone, _ := time.LoadLocation(h.Zone)
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 366*24*60).Draw(rt, "minutes")) * time.Minute)
		if _, change := start.In(zone).ZoneBounds(); !change.IsZero() && rapid.Bool().Draw(rt, "near a change") {
			start = change.Add(-time.Duration(rapid.IntRange(-120, 120).Draw(rt, "before")) * time.Minute)
		}
		start = start.Add(time.Duration(rapid.IntRange(0, 59_999).Draw(rt, "ms")) * time.Millisecond)

		next := h.NextOpening(start)
		if next.Before(start) {
			rt.Fatalf("%v after %s opens before it: %s", h.Week, start, next)
		}
		if !h.Open(next) {
			rt.Fatalf("%v is not open at its opening %s", h.Week, next)
		}
		if h.Open(start) && !next.Equal(start) {
			rt.Fatalf("%v is open at %s, but opens at %s", h.Week, start, next)
		}
		for m := start; m.Before(next); m = m.Truncate(time.Minute).Add(time.Minute) {
			if h.Open(m) {
				rt.Fatalf("%v from %s opens at %s, but is open at %s", h.Week, start, next, m)
			}
		}
		if next.After(start) && h.Open(next.Add(-time.Nanosecond)) {
			rt.Fatalf("%v was open before its opening %s", h.Week, next)
		}
	})
}
