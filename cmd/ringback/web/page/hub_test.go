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
	told := &telling{w: &heard, control: http.NewResponseController(&heard), site: &Site{hub: hub}, stream: hub.join(seat{login: "anna"}, false), sight: leads.Sight{Login: "anna"}}
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

// TestWhoHasTooManyPagesMakesRoomThemselves: the oldest page of a session goes when
// it has too many, and of a person when their sessions have; nobody else's does, nor
// does that of a person for those who came by their links.
func TestWhoHasTooManyPagesMakesRoomThemselves(t *testing.T) {
	hub := NewHub()
	over := func(s *stream) bool {
		select {
		case <-s.enough:
			return true
		default:
			return false
		}
	}
	open := func(by seat, n int) (list []*stream) {
		for range n {
			list = append(list, hub.join(by, false))
		}
		return list
	}
	ended := func(list []*stream) (n int) {
		for i, s := range list {
			if over(s) {
				if n++; n != i+1 {
					t.Error("it is not the oldest that makes room")
				}
			}
		}
		return n
	}
	boris, program := open(seat{login: "boris", session: 1}, streamsOfSession), open(seat{}, 1)
	first := open(seat{login: "anna", session: 2}, streamsOfSession)
	linked := open(seat{login: "anna", linked: true}, 3*streamsOfPerson)
	if n := ended(first) + ended(boris) + ended(program); n != 0 {
		t.Errorf("links have closed %d pages of others", n)
	}
	if n := ended(linked); n != len(linked)-streamsOfSession {
		t.Errorf("of %d pages by links %d were closed", len(linked), n)
	}
	second := open(seat{login: "anna", session: 3}, streamsOfSession+2)
	if ended(first) != 0 || ended(second) != 2 {
		t.Errorf("another session: %d and %d were closed", ended(first), ended(second))
	}
	for session := range int64(20) {
		open(seat{login: "anna", session: 100 + session}, 2)
	}
	if ended(first) != len(first) || ended(second) != len(second) || ended(boris) != 0 || ended(program) != 0 {
		t.Errorf("many sessions: %d, %d, %d, %d were closed", ended(first), ended(second), ended(boris), ended(program))
	}
	if n := len(hub.streams); n != streamsOfSession+1+streamsOfSession+streamsOfPerson {
		t.Errorf("%d pages are open", n)
	}
}
