package dials

import (
	"strings"
	"testing"

	"ringback/leads/db"
)

// A click is found by indexes alone, however many calls the daemon has placed.
func TestClicksAreFoundByIndexes(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: t.TempDir() + "/t.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, query := range []string{clickQuery, newestQuery} {
		rows, err := d.Reader().Query("EXPLAIN QUERY PLAN "+query, "1")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(step, "SCAN") || strings.HasPrefix(step, "SEARCH") && !strings.Contains(step, " USING ") {
				t.Errorf("%s\n%s", step, query)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}
