package main

import (
	"strings"
	"testing"
	"time"
)

func TestInstants(t *testing.T) {
	nine := time.Date(2026, 11, 22, 9, 0, 0, 0, time.Local)
	for text, want := range map[string]time.Time{
		"2026-11-22T09:00:00+03:00": time.Date(2026, 11, 22, 6, 0, 0, 0, time.UTC), "2026-11-22T09:00:00Z": time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		"2026-11-22T09:00:00": nine, "2026-11-22T09:00": nine, "2026-11-22 09:00:00": nine, "2026-11-22 09:00": nine, "2026-11-22": nine.Add(-9 * time.Hour),
	} {
		var got instant
		if err := got.UnmarshalText([]byte(text)); err != nil || !got.Equal(want) {
			t.Errorf("%s is read as %v (%v), want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "2026-13-01", "22.11.2026", strings.Repeat("9", 1<<20)} {
		if err := new(instant).UnmarshalText([]byte(text)); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.20q: %v", text, err)
		}
	}
	for _, args := range [][]string{{"events", "list", "--since", "yesterday"}, {"events", "replay", "--hook", "crm", "--since=yesterday"}} {
		if status, _, errs := command(t, args...); status != 2 || !strings.Contains(errs, `--since: "yesterday" is no time such as 2026-11-22T09:00:00+03:00`) {
			t.Errorf("%v: status %d, %s", args, status, errs)
		}
	}
}
