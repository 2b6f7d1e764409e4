package history

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"ringback/leads/db"
)

var large = flag.Bool("large", false, "make the history of a million calls")

func TestAHistoryIsWholeAndTheSameEachTime(t *testing.T) {
	size := Small
	if *large {
		size = Large
	}
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	start := time.Now()
	first, second := filepath.Join(t.TempDir(), "1.db"), filepath.Join(t.TempDir(), "2.db")
	if err := Copy(t.Context(), size, first); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d calls were made in %s: %d MB", size.Calls, time.Since(start).Round(time.Millisecond), info.Size()>>20)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if err := Copy(t.Context(), size, second); err != nil {
		t.Fatal(err)
	}
	one, other := describe(t, first), describe(t, second)
	for what, n := range one {
		if other[what] != n {
			t.Errorf("%s: %d, and %d when it is made again", what, n, other[what])
		}
	}
	for what, want := range map[string]int{"calls": size.Calls, "contacts": size.Contacts, "leads": size.Leads, "broken references": 0, "broken pages": 0, "leads without a miss": 0} {
		if one[what] != want {
			t.Errorf("%s: %d, want %d", what, one[what], want)
		}
	}
	for what, atLeast := range map[string]int{"open leads": size.Leads / 1000, "attempts": size.Leads / 2, "timeline": 3 * size.Leads, "jobs": size.Leads / 100,
		"answered": size.Calls / 3, "outbound": size.Calls / 10, "dials": size.Calls / 50, "consents": size.Contacts / 100, "joined": size.Leads / 50} {
		if one[what] < atLeast {
			t.Errorf("%s: %d, want %d or more", what, one[what], atLeast)
		}
	}
}

// describe counts what is in a database.
func describe(t *testing.T, path string) map[string]int {
	t.Helper()
	d, err := db.Open(context.Background(), db.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	counts := map[string]int{}
	for what, query := range map[string]string{
		"calls": "SELECT COUNT(*) FROM calls", "contacts": "SELECT COUNT(*) FROM contacts", "leads": "SELECT COUNT(*) FROM leads",
		"open leads": "SELECT COUNT(*) FROM leads WHERE closed IS NULL", "attempts": "SELECT COUNT(*) FROM attempts",
		"timeline": "SELECT COUNT(*) FROM timeline", "jobs": "SELECT COUNT(*) FROM jobs", "dials": "SELECT COUNT(*) FROM dials",
		"consents": "SELECT COUNT(*) FROM consents", "joined": "SELECT COUNT(*) FROM leads WHERE missed > 1",
		"answered": "SELECT COUNT(*) FROM calls WHERE verdict = 'answered'", "outbound": "SELECT COUNT(*) FROM calls WHERE direction = 'outbound'",
		"talked":               "SELECT SUM(talk_ms) FROM calls",
		"leads without a miss": "SELECT COUNT(*) FROM leads WHERE missed <> (SELECT COUNT(*) FROM calls WHERE calls.lead = leads.id)",
		"broken references":    "SELECT COUNT(*) FROM pragma_foreign_key_check",
		"broken pages":         "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
	} {
		var n int
		if err := d.Reader().QueryRow(query).Scan(&n); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		counts[what] = n
	}
	return counts
}
