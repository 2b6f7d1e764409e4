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

// TestWhatDialWasTold keeps the phones of a Dial that found none, and nothing of
// another application that says the same.
func TestWhatDialWasTold(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	for data, want := range map[string]string{
		"PJSIP/101&PJSIP/102,20,tT":        "PJSIP/101&PJSIP/102",
		"PJSIP/101/sip:101@127.0.0.1:5060": "PJSIP/101/sip:101@127.0.0.1:5060",
		"DIALSTATUS=CHANUNAVAIL":           "",
		"1?Set(DIALSTATUS=PJSIP/101)":      "",
		"/usr/share/lookup.agi,PJSIP/101":  "",
		"agi://host/lookup":                "",
		"":                                 "",
		// What is too long ends with a whole phone, or with a whole character.
		"PJSIP/" + strings.Repeat("1", 100) + "&PJSIP/" + strings.Repeat("2", 100): "PJSIP/" + strings.Repeat("1", 100),
		"PJSIP/" + strings.Repeat("й", 100):                                        "PJSIP/" + strings.Repeat("й", 61),
		"PJSIP/7" + strings.Repeat("й", 100):                                       "PJSIP/7" + strings.Repeat("й", 60),
	} {
		tr := call.New(trunk)
		ch := ari.Channel{ID: "1.1", Name: "PJSIP/trunk-1", State: "Ring", Context: "from-trunk", CallerNumber: "79161234567", Created: at, AppName: "Dial", AppData: data}
		tr.Step(&ari.Event{Type: ari.ChannelCreated, At: at, Channel: ch})
		for range 2 {
			tr.Step(&ari.Event{Type: ari.ChannelVarset, At: at, Channel: ch, Variable: "DIALSTATUS", Value: "CHANUNAVAIL"})
		}
		facts := tr.Step(&ari.Event{Type: ari.ChannelDestroyed, At: at, Channel: ch})
		var got []string
		for _, s := range facts[0].Call.Stops {
			if s.Place != call.Undialed {
				t.Errorf("%s: a stay in %s", data, s.Place)
			}
			got = append(got, s.Name)
		}
		if strings.Join(got, "|") != want {
			t.Errorf("%s: %q, want %q", data, got, want)
		}
	}
}

// TestATone tells a tone from an announcement.
func TestATone(t *testing.T) {
	at := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	tr := call.New(trunk)
	ch := ari.Channel{ID: "1.1", Name: "PJSIP/trunk-1", State: "Ring", Context: "from-trunk", CallerNumber: "79161234567", Created: at}
	tr.Step(&ari.Event{Type: ari.ChannelCreated, At: at, Channel: ch})
	tr.Step(&ari.Event{Type: ari.ChannelDialplan, At: at, Channel: ch, Application: "Playtones", AppData: "busy,x"})
	facts := tr.Step(&ari.Event{Type: ari.ChannelDestroyed, At: at, Channel: ch})
	if stops := facts[0].Call.Stops; len(stops) != 1 || stops[0].Place != call.Tone || stops[0].Name != "busy" {
		t.Errorf("%+v", stops)
	}
}
