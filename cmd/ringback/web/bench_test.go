package web

import (
	"flag"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

var size = flag.Int("calls", 100_000, "how many calls the pages of benchmarks are made from")

// BenchmarkPages answers requests without a socket; p99 is what DESIGN.md §8
// bounds. A tenth of the leads is open: the front page is full.
func BenchmarkPages(b *testing.B) {
	d, err := db.Open(b.Context(), db.Config{Path: filepath.Join(b.TempDir(), "book.db")})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	contacts := *size / 10
	const upTo = "WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < $1) "
	err = d.Do(b.Context(), func(tx *db.Tx) error {
		for _, query := range []string{
			upTo + "INSERT INTO contacts (name, created) SELECT '+4930' || (1000000 + i), 1 FROM i",
			upTo + "INSERT INTO numbers (number, contact) SELECT '+4930' || (1000000 + i), i FROM i",
			upTo + `INSERT INTO leads (contact, pool, line, manager, missed, first_missed, last_missed, opened, closed)
				SELECT i, 'sales', 'main', 'anna', 2, i * 1000, i * 1000, i * 1000, CASE WHEN i % 10 = 0 THEN NULL ELSE i END FROM i`,
			upTo + `INSERT INTO timeline (lead, contact, at, kind, who, detail) SELECT i, i, i, 'assigned', 'anna', 'turn' FROM i`,
			`WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 10 * $1)
				INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, rang, source, contact, lead)
				SELECT 'main', i || '.0', 'inbound', '+4930' || (1000001 + i / 10), 'Caller', '+4930555', 'main', 'sales', i * 1000, i * 1000 + 500,
				'missed', 'no_answer', '101 102', 'ari', 1 + (i - 1) / 10, 1 + (i - 1) / 10 FROM i`,
		} {
			if _, err := tx.Exec(query, contacts); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	server, err := New(Config{DB: d, Office: &leads.Office{Directory: &routing.Directory{}}, Tokens: []string{rightToken},
		PBXes: func() []ari.Status { return nil }, Registry: prometheus.NewRegistry()})
	if err != nil {
		b.Fatal(err)
	}
	for name, path := range map[string]string{"front": "/", "lead": "/leads/10", "contact": "/contacts/10",
		"api-calls": "/api/v1/calls", "api-leads": "/api/v1/leads?state=open", "api-contacts": "/api/v1/contacts"} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Header.Set("Authorization", "Bearer "+rightToken)
				w := httptest.NewRecorder()
				start := time.Now()
				server.ServeHTTP(w, r)
				took = append(took, time.Since(start))
				if w.Code != http.StatusOK {
					b.Fatalf("%s: %d %s", path, w.Code, w.Body)
				}
			}
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
