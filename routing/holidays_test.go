package routing_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ringback/routing"
)

// holidaysOf compiles hours with holidays.
func holidaysOf(t *testing.T, zone string, week map[string]string, holidays routing.Holidays) *routing.Hours {
	t.Helper()
	h := &routing.Hours{Zone: zone, Week: week, Holidays: holidays}
	if err := h.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHolidays(t *testing.T) {
	office := map[string]string{"mon-fri": "09:00-18:00"}
	night := map[string]string{"mon-sun": "22:00-06:00"}
	russia := routing.Holidays{Country: "RU", Days: map[string]string{"2026-12-31": "closed", "11-07": "10:00-14:00", "2026-01-08": "open"}}
	for _, c := range []struct {
		name     string
		week     map[string]string
		holidays routing.Holidays
		when     string
		next     string // empty: open
	}{
		{"the whole January holiday", office, russia, "2025-12-31T18:00:00Z", "2026-01-08T09:00:00Z"},
		{"a day of the year alone", office, russia, "2026-12-31T10:00:00Z", "2027-01-11T09:00:00Z"},
		{"not of the year before", office, russia, "2025-12-31T10:00:00Z", ""},
		{"a Saturday that is worked", office, russia, "2026-11-07T09:00:00Z", "2026-11-07T10:00:00Z"},
		{"until its own end", office, russia, "2026-11-07T14:00:00Z", "2026-11-09T09:00:00Z"},
		{"and every year", office, russia, "2027-11-07T13:59:59Z", ""},
		{"a holiday on a Saturday moves to Monday", office, routing.Holidays{Country: "RU"}, "2026-05-11T12:00:00Z", "2026-05-12T09:00:00Z"},
		{"Unity Day", office, routing.Holidays{Country: "RU"}, "2026-11-04T12:00:00Z", "2026-11-05T09:00:00Z"},
		{"Corpus Christi moves with Easter", office, routing.Holidays{Country: "PL"}, "2026-06-04T12:00:00Z", "2026-06-05T09:00:00Z"},
		{"Christmas Eve in Poland", office, routing.Holidays{Country: "PL"}, "2026-12-24T12:00:00Z", "2026-12-28T09:00:00Z"},
		{"and before 2025", office, routing.Holidays{Country: "PL"}, "2024-12-24T12:00:00Z", ""},
		{"Good Friday and Easter Monday", office, routing.Holidays{Country: "DE"}, "2026-04-02T18:00:00Z", "2026-04-07T09:00:00Z"},
		{"Independence Day on a Saturday is kept on Friday", office, routing.Holidays{Country: "US"}, "2026-07-03T12:00:00Z", "2026-07-06T09:00:00Z"},
		{"a New Year that is kept in the year before", office, routing.Holidays{Country: "US"}, "2021-12-31T12:00:00Z", "2022-01-03T09:00:00Z"},
		{"none in spite of a holiday", office, routing.Holidays{Country: routing.NoHolidays}, "2026-01-01T12:00:00Z", ""},
		{"a night lasts into a holiday", night, russia, "2026-12-31T05:59:00Z", ""},
		{"and begins on none", night, russia, "2026-12-31T06:00:00Z", "2027-01-09T22:00:00Z"},
		{"no week, no holidays", nil, russia, "2026-01-01T12:00:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := holidaysOf(t, "", c.week, c.holidays)
			when, want := at(t, c.when), at(t, c.when)
			if c.next != "" {
				want = at(t, c.next)
			}
			if open := h.Open(when); open != (c.next == "") {
				t.Errorf("Open(%s) = %v", c.when, open)
			}
			if next := h.NextOpening(when); !next.Equal(want) {
				t.Errorf("NextOpening(%s) = %s, want %s", c.when, next.Format(time.RFC3339), want.Format(time.RFC3339))
			}
		})
	}
}

func TestHolidaysRefuse(t *testing.T) {
	for _, c := range []struct {
		holidays routing.Holidays
		says     string
	}{
		{routing.Holidays{Country: "ZZ"}, `the holidays of "ZZ" are not known`},
		{routing.Holidays{Days: map[string]string{"31.12": "closed"}}, `"31.12" is no day: write 2026-12-31`},
		{routing.Holidays{Days: map[string]string{"2026-02-29": "closed"}}, "is no day"},
		{routing.Holidays{Days: map[string]string{"12-31": "10-14"}}, `12-31: "10-14" is not a window such as 09:00-18:00; or closed, or open`},
		{routing.Holidays{Days: map[string]string{"12-31": "10:00-14:00, 13:00-15:00"}}, "overlap"},
	} {
		h := routing.Hours{Week: map[string]string{"mon": "09:00-18:00"}, Holidays: c.holidays}
		if err := h.Compile(time.UTC); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%v: %v, want %q", c.holidays, err, c.says)
		}
	}
}

// A pool whose every day is closed waits for a year and looks again: it neither
// opens nor has whoever waits go round in a circle.
func TestNeverOpen(t *testing.T) {
	days := map[string]string{}
	for d := at(t, "2024-01-01T00:00:00Z"); d.Year() == 2024; d = d.AddDate(0, 0, 1) {
		days[d.Format("01-02")] = "closed"
	}
	h := holidaysOf(t, "", map[string]string{"mon-sun": "09:00-18:00"}, routing.Holidays{Days: days})
	when := at(t, "2026-06-01T12:00:00Z")
	if next := h.NextOpening(when); next.Before(when.AddDate(1, 0, 0)) {
		t.Errorf("opens %s", next)
	}
}

// Hours with holidays open and close when a clock that is looked at every
// minute shows it: what is open then is read here by day and window, without
// anything of the code under test.
func TestHolidaysByTheMinute(t *testing.T) {
	windows := map[string][][2]int{"09:00-18:00": {{540, 1080}}, "01:30-03:00": {{90, 180}}, "22:00-06:00": {{1320, 1800}}, "00:00-24:00": {{0, 1440}},
		"08:00-12:00, 12:00-16:00": {{480, 720}, {720, 960}}, "closed": nil}
	texts := []string{"09:00-18:00", "01:30-03:00", "22:00-06:00", "00:00-24:00", "08:00-12:00, 12:00-16:00"}
	rapid.Check(t, func(t *rapid.T) {
		zone, err := time.LoadLocation(rapid.SampledFrom([]string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Europe/Moscow", "America/Havana"}).Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		usual := rapid.SampledFrom(texts).Draw(t, "usual")
		from := time.Date(2026, time.Month(rapid.SampledFrom([]int{3, 4, 10, 11}).Draw(t, "month")), 1, 0, 0, 0, 0, time.UTC)
		from = from.Add(time.Duration(rapid.IntRange(0, 31*86400).Draw(t, "second")) * time.Second)
		days := map[string]string{}
		for range rapid.IntRange(0, 5).Draw(t, "days") {
			on := from.AddDate(0, 0, rapid.IntRange(-1, 4).Draw(t, "day")).Format(time.DateOnly)
			days[on] = rapid.SampledFrom(append(texts, "closed")).Draw(t, "own")
		}
		h := &routing.Hours{Zone: zone.String(), Week: map[string]string{"mon-fri": usual}, Holidays: routing.Holidays{Days: days}}
		if err := h.Compile(nil); err != nil {
			t.Fatal(err)
		}
		of := func(day time.Time) [][2]int {
			if own, ok := days[day.Format(time.DateOnly)]; ok {
				return windows[own]
			}
			if day.Weekday() == time.Saturday || day.Weekday() == time.Sunday {
				return nil
			}
			return windows[usual]
		}
		open := func(when time.Time) bool {
			local := when.In(zone)
			y, m, d := local.Date()
			noon := time.Date(y, m, d, 12, 0, 0, 0, time.UTC)
			minute := local.Hour()*60 + local.Minute()
			for _, w := range of(noon) {
				if minute >= w[0] && minute < w[1] {
					return true
				}
			}
			for _, w := range of(noon.AddDate(0, 0, -1)) {
				if minute+1440 >= w[0] && minute+1440 < w[1] {
					return true
				}
			}
			return false
		}
		next := func(until bool) time.Time {
			when := from
			for open(when) != until {
				when = when.Truncate(time.Minute).Add(time.Minute)
			}
			return when
		}
		if got, want := h.Open(from), open(from); got != want {
			t.Fatalf("%v %v at %s: open %v", usual, days, from.In(zone), got)
		}
		if got, want := h.NextOpening(from), next(true); !got.Equal(want) {
			t.Fatalf("%v %v from %s opens %s, want %s", usual, days, from.In(zone), got.In(zone), want.In(zone))
		}
		if got, want := h.NextClosing(from), next(false); !got.Equal(want) {
			t.Fatalf("%v %v from %s closes %s, want %s", usual, days, from.In(zone), got.In(zone), want.In(zone))
		}
	})
}
