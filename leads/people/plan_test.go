package people

import (
	"strings"
	"testing"
)

// TestWhoAsksIsFoundByAnIndex wants that of what is asked with every request
// nothing is looked at but its own row.
func TestWhoAsksIsFoundByAnIndex(t *testing.T) {
	h := newHouse(t)
	for _, query := range []string{
		"SELECT s.id, COALESCE(a.locked, 0) FROM sessions s LEFT JOIN accounts a ON a.login = s.login WHERE s.hash = $1",
		"SELECT id FROM tokens WHERE hash = $1",
		"SELECT password FROM accounts WHERE login = $1",
		"SELECT i.login, COALESCE(a.locked, 0) FROM invites i LEFT JOIN accounts a ON a.login = i.login WHERE i.hash = $1 AND i.ends > 1",
		"SELECT id FROM sessions WHERE login = $1 AND seen > 1 AND ends > 1 ORDER BY seen DESC",
	} {
		rows, err := h.db.Reader().Query("EXPLAIN QUERY PLAN "+query, "x")
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var step string
			if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
				t.Fatal(err)
			}
			if !strings.HasPrefix(step, "SEARCH") || !strings.Contains(step, " USING ") {
				t.Errorf("%s: %s", query, step)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func BenchmarkHash(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		current.hash(good)
	}
}
