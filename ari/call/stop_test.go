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

// TestTimesSurviveARestart kills the watching in the middle of every recording of
// one call: where its caller was before, and which phones rang when, is told at
// the end all the same.
func TestTimesSurviveARestart(t *testing.T) {
	for name, events := range recordings(t) {
		whole := tell(t, call.New(trunk), events, nil)
		cut := len(events) / 2
		w := newWorld()
		for i := range events[:cut] {
			w.see(&events[i])
		}
		first := tell(t, call.New(trunk), events[:cut], nil)
		for id, kept := range first.open {
			text, err := json.Marshal(kept)
			if err != nil {
				t.Fatal(err)
			}
			var back call.Call
			if err := json.Unmarshal(text, &back); err != nil {
				t.Fatal(err)
			}
			tr := call.New(trunk)
			tr.Resume([]call.Call{back})
			all := tell(t, tr, append([]ari.Event{w.connected(events[cut].At)}, events[cut:]...), nil)
			got, want := all.ended[id].Call, whole.ended[id].Call
			for i, l := range back.Legs {
				if l.Dialed == 0 || i < len(got.Legs) && got.Legs[i].Dialed != want.Legs[i].Dialed {
					t.Errorf("%s: leg %d was dialed after %d, and before the restart after %d", name, i, got.Legs[i].Dialed, want.Legs[i].Dialed)
				}
			}
			if len(got.Stops) < len(back.Stops) {
				t.Errorf("%s: %d stops of %d are left", name, len(got.Stops), len(back.Stops))
			}
		}
	}
}
