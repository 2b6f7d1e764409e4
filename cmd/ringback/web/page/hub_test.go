package page

import (
	"bytes"
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringback/leads"
)

// screen is where a page reads what it is told.
type screen struct{ bytes.Buffer }

func (s *screen) Header() http.Header              { return http.Header{} }
func (s *screen) WriteHeader(int)                  {}
func (s *screen) Flush()                           {}
func (s *screen) SetWriteDeadline(time.Time) error { return nil }

// TestAPageThatIsFarBehindIsToldThatSomethingChanged: what has changed for it may
// be among what is no longer known, and else it would show what was.
func TestAPageThatIsFarBehindIsToldThatSomethingChanged(t *testing.T) {
	hub := NewHub()
	var heard screen
	told := &telling{w: &heard, control: http.NewResponseController(&heard), site: &Site{hub: hub}, stream: hub.join("anna", false), sight: leads.Sight{Login: "anna"}}
	asks := func() string {
		heard.Reset()
		if err := told.changed(t.Context()); err != nil {
			t.Fatal(err)
		}
		return heard.String()
	}
	hub.note(leads.Entry{})
	if said := asks(); said != "" {
		t.Errorf("of what is about no lead Anna hears %q", said)
	}
	hub.note(leads.Entry{Lead: sql.NullInt64{Int64: 7, Valid: true}})
	for range recentChanges {
		hub.note(leads.Entry{})
	}
	if said := asks(); !strings.HasPrefix(said, "event: changed\ndata: {") || !strings.Contains(said, `"leads":[]`) {
		t.Errorf("far behind Anna hears %q", said)
	}
	if said := asks(); said != "" {
		t.Errorf("told once, Anna hears %q", said)
	}
}
