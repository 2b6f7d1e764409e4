package routing_test

import (
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ringback/routing"
)

func everybody(string) bool { return true }

func noRoll(t *testing.T) func(int) int {
	return func(int) int { t.Error("a roll where none is asked for"); return 0 }
}

func TestNextTakesTurns(t *testing.T) {
	p := routing.Pool{Managers: []string{"anna", "boris", "clara"}, Pick: routing.RoundRobin}
	last, order := "", []string{}
	for range 7 {
		last = p.Next(last, everybody, nil, noRoll(t))
		order = append(order, last)
	}
	if want := []string{"anna", "boris", "clara", "anna", "boris", "clara", "anna"}; !slices.Equal(order, want) {
		t.Errorf("%v", order)
	}
	if got := p.Next("dora", everybody, nil, noRoll(t)); got != "anna" {
		t.Errorf("after one who left the pool: %q, want the first", got)
	}
	offDuty := func(login string) bool { return login != "boris" }
	if got := p.Next("anna", offDuty, nil, noRoll(t)); got != "clara" {
		t.Errorf("with boris off duty after anna: %q", got)
	}
	if got := p.Next("anna", func(login string) bool { return login == "anna" }, nil, noRoll(t)); got != "anna" {
		t.Errorf("alone on duty: %q", got)
	}
	if got := p.Next("anna", func(string) bool { return false }, nil, noRoll(t)); got != "" {
		t.Errorf("nobody on duty: %q", got)
	}
	if !slices.Equal(p.Managers, []string{"anna", "boris", "clara"}) {
		t.Errorf("choosing has changed the pool: %v", p.Managers)
	}
}

func TestNextByOpenLeads(t *testing.T) {
	p := routing.Pool{Managers: []string{"anna", "boris", "clara"}, Pick: routing.LeastOpen}
	if got := p.Next("", everybody, map[string]int{"anna": 2, "boris": 1, "clara": 3}, noRoll(t)); got != "boris" {
		t.Errorf("%q, want the one with the fewest", got)
	}
	if got := p.Next("anna", everybody, map[string]int{"anna": 1, "boris": 1, "clara": 1}, noRoll(t)); got != "boris" {
		t.Errorf("%q, want the one whose turn it is", got)
	}
	if got := p.Next("boris", everybody, map[string]int{"anna": 1, "boris": 0}, noRoll(t)); got != "clara" {
		t.Errorf("%q, want clara: none open, and her turn", got)
	}
}

func TestNextByChance(t *testing.T) {
	p := routing.Pool{Managers: []string{"anna", "boris", "clara"}, Pick: routing.Random}
	onDuty := func(login string) bool { return login != "anna" }
	var got []string
	for i := range 2 {
		got = append(got, p.Next("", onDuty, nil, func(n int) int {
			if n != 2 {
				t.Errorf("a roll of %d, with two on duty", n)
			}
			return i
		}))
	}
	if !slices.Equal(got, []string{"boris", "clara"}) {
		t.Errorf("%v", got)
	}
}

// TestTurnsAreFair draws pools and absences: as long as nobody comes or goes,
// nobody gets a second lead before everybody on duty has got one.
func TestTurnsAreFair(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		team := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-z]{1,4}`), 1, 8, rapid.ID).Draw(rt, "team")
		away := rapid.SampledFrom(append(team, "nobody")).Draw(rt, "away")
		onDuty := func(login string) bool { return login != away }
		last := rapid.SampledFrom(append(team, "", "gone")).Draw(rt, "last")
		p := routing.Pool{Managers: team, Pick: routing.RoundRobin}
		present := len(slices.DeleteFunc(slices.Clone(team), func(l string) bool { return l == away }))
		served := map[string]bool{}
		for range present {
			last = p.Next(last, onDuty, nil, nil)
			if served[last] || !slices.Contains(team, last) || last == away {
				rt.Fatalf("%q has a turn with %q away, and had %v", last, away, served)
			}
			served[last] = true
		}
		if present == 0 && p.Next(last, onDuty, nil, nil) != "" {
			rt.Fatal("somebody is chosen of nobody")
		}
	})
}

func TestOpensLead(t *testing.T) {
	p := routing.Pool{Leads: map[routing.Reason]bool{routing.Busy: false, routing.Closed: true}}
	for reason, want := range map[routing.Reason]bool{routing.Busy: false, routing.Closed: true, routing.NoAnswer: true} {
		if p.OpensLead(reason) != want {
			t.Errorf("%s opens a lead: %v, want %v", reason, !want, want)
		}
	}
}

// Two pools that begin with the default ladder must not share its rungs.
func TestDefaultLadderIsNotShared(t *testing.T) {
	routing.DefaultLadder().Rungs[0].After = time.Hour
	if routing.DefaultLadder().Rungs[0].After != 0 {
		t.Error("a change in one pool's ladder has changed the default")
	}
}

func TestLadder(t *testing.T) {
	l := routing.DefaultLadder()
	for n, want := range []routing.Tell{routing.TellManager, routing.TellCall, routing.TellNextManager, routing.TellSupervisor, routing.TellSupervisor} {
		if got := l.At(n).Tell; got != want {
			t.Errorf("rung %d tells %s, want %s", n, got, want)
		}
		if got := l.Ends(n); got != (n >= 3) {
			t.Errorf("rung %d ends the ladder: %v", n, got)
		}
	}
	if rung, after := l.Call(); rung != 1 || after != 3*time.Minute {
		t.Errorf("rung %d calls after %v", rung, after)
	}
	l.Rungs[0].After = time.Minute
	if rung, after := l.Call(); rung != 1 || after != 2*time.Minute {
		t.Errorf("rung %d calls after %v", rung, after)
	}
	l.Rungs = l.Rungs[2:]
	if rung, _ := l.Call(); rung != -1 {
		t.Errorf("rung %d calls", rung)
	}
}
