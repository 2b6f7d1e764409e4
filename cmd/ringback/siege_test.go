package main

import (
	"flag"
	"testing"
	"time"
)

var (
	siegeKills = flag.Int("siege", 10, "TestSiege: how often the daemon is killed")
	siegeRate  = flag.Float64("siege-rate", 15, "TestSiege: calls a second; 30 in the long one")
)

// TestSiege kills the daemon as a power cut does, at random moments, while a
// company of 200 managers is rung by people whose calls end in every way: nobody
// who rang in vain is forgotten or counted twice, nobody is told or rung twice,
// and nothing is left on the PBX. The truth is what the callers have noted. The
// long one:
//
//	go test ./cmd/ringback -run TestSiege -siege 100 -siege-rate 30 -timeout 30m
func TestSiege(t *testing.T) {
	t.Parallel()
	s := newSiege(t, siegeOptions{})
	s.start()
	s.watches()
	// A life lasts long enough for a start, for what is found late, and for some
	// calls to be seen as a whole; some of the deaths take a whole call.
	const life, death = 6 * time.Second, 3 * time.Second
	l := s.startLoad(*siegeRate, time.Duration(*siegeKills+1)*(life+death)/2)
	for range *siegeKills {
		s.pause(life)
		s.killDaemon()
		s.pause(death)
		s.start()
	}
	a := s.settle(l)
	if a.bySource["cdr"] == 0 || a.bySource["ari"] == 0 {
		t.Errorf("calls by source: %v; some should be of each", a.bySource)
	}
	if a.unclear*100 > a.callers {
		t.Errorf("of %d callers of %d the truth cannot be said", a.unclear, a.callers)
	}
	// Nothing is left to be found: one death more changes nothing.
	s.killDaemon()
	s.start()
	s.watches()
	s.until("the records are read again", time.Minute, s.nothingUnread)
	if again := s.audit(); again.problems() != "" || again.leads != a.leads || again.messages != a.messages || again.bySource["ari"] != a.bySource["ari"] {
		t.Errorf("after another start: %v\n%s", again, again.problems())
	}
}
