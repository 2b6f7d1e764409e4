package call_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// TestADialplanThatGoesInCircles leads a caller through queues and menus for an
// hour: what is remembered of it stays small, and the last place is remembered.
func TestADialplanThatGoesInCircles(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	ch := ari.Channel{ID: "1.1", Name: "PJSIP/trunk-1", State: "Ring", Context: "from-trunk", CallerNumber: "79161234567", Created: at}
	tr := call.New(trunk)
	step := func(ev ari.Event) []call.Fact {
		at = at.Add(2 * time.Second)
		ev.At, ev.Channel = at, ch
		return slices.Clone(tr.Step(&ev))
	}
	step(ari.Event{Type: ari.ChannelCreated})
	long := strings.Repeat("9", 10_000)
	for i := range 1000 {
		step(ari.Event{Type: ari.ChannelDialplan, Application: "Queue", AppData: fmt.Sprint(i) + long + ",t"})
		step(ari.Event{Type: ari.ChannelDialplan, Application: "Background", AppData: "menu"})
		ch.AppData = fmt.Sprint("PJSIP/", i, long)
		step(ari.Event{Type: ari.ChannelVarset, Variable: "DIALSTATUS", Value: "CHANUNAVAIL"})
	}
	step(ari.Event{Type: ari.ChannelDialplan, Application: "VoiceMail", AppData: "101"})
	facts := step(ari.Event{Type: ari.ChannelDestroyed})
	if len(facts) != 1 || facts[0].Kind != call.Ended {
		t.Fatalf("%+v", facts)
	}
	stops := facts[0].Call.Stops
	if len(stops) > 16 || stops[len(stops)-1].Place != call.Mailbox {
		t.Errorf("%d stops, the last is %s", len(stops), stops[len(stops)-1].Place)
	}
	if text, err := json.Marshal(facts[0].Call); err != nil || len(text) > 8000 {
		t.Errorf("the call is kept in %d bytes, %v", len(text), err)
	}
}

// TestTimesSurviveARestart kills the watching in the middle of every recording:
// where its callers were before, and which phones rang when, is told at the end all
// the same.
func TestTimesSurviveARestart(t *testing.T) {
	for _, r := range recordings(t) {
		whole := tell(t, call.New(trunk), r.events, nil)
		cut := len(r.events) / 2
		w := newWorld()
		for i := range r.events[:cut] {
			w.see(&r.events[i])
		}
		first := tell(t, call.New(trunk), r.events[:cut], nil)
		back := kept(t, first.open)
		tr := call.New(trunk)
		tr.Resume(back)
		all := tell(t, tr, append([]ari.Event{w.connected(r.events[cut].At)}, r.events[cut:]...), nil)
		for _, c := range back {
			got, want := all.ended[c.ID].Call, whole.ended[c.ID].Call
			for i, l := range c.Legs {
				if i < len(want.Legs) && (l.Dialed != want.Legs[i].Dialed || got.Legs[i].Dialed != l.Dialed) {
					t.Errorf("%s: leg %d was dialed after %d, before the restart after %d, without it after %d", r.name, i, got.Legs[i].Dialed, l.Dialed, want.Legs[i].Dialed)
				}
			}
			if len(got.Stops) < len(c.Stops) {
				t.Errorf("%s: %d stops of %d are left", r.name, len(got.Stops), len(c.Stops))
			}
		}
	}
}
