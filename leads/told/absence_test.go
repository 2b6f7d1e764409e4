package told_test

import (
	"testing"
	"time"

	"ringback/leads/told"
)

// Who is away by several absences is so until the end of all that hang together.
func TestAwayUntilTheEndOfAll(t *testing.T) {
	start := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	span := func(login string, from, until int) told.Absence {
		a := told.Absence{Login: login, From: start.Add(time.Duration(from) * time.Hour)}
		if until > 0 {
			a.Until = start.Add(time.Duration(until) * time.Hour)
		}
		return a
	}
	for name, c := range map[string]struct {
		list  []told.Absence
		until int // in hours; 0: until they are back
		away  bool
	}{
		"none":            {[]told.Absence{span("boris", -1, 5)}, 0, false},
		"one":             {[]told.Absence{span("anna", -1, 5), span("boris", -1, 9)}, 5, true},
		"to come":         {[]told.Absence{span("anna", 1, 5)}, 0, false},
		"one in another":  {[]told.Absence{span("anna", -2, 5), span("anna", -1, 3)}, 5, true},
		"one on another":  {[]told.Absence{span("anna", -2, 3), span("boris", -1, 9), span("anna", -1, 5)}, 5, true},
		"one after":       {[]told.Absence{span("anna", -2, 3), span("anna", 2, 5), span("anna", 5, 8)}, 8, true},
		"with a gap":      {[]told.Absence{span("anna", -2, 3), span("anna", 4, 5)}, 3, true},
		"without an end":  {[]told.Absence{span("anna", -2, 3), span("anna", 2, 0)}, 0, true},
		"begins just now": {[]told.Absence{span("anna", 0, 2)}, 2, true},
	} {
		until, away := told.AwayUntil(c.list, "anna", start)
		if want := start.Add(time.Duration(c.until) * time.Hour); away != c.away || away && c.until > 0 && !until.Equal(want) || away && c.until == 0 && !until.IsZero() {
			t.Errorf("%s: away %v until %v", name, away, until)
		}
	}
}
