package call_test

import (
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// Each fact carries when the event that told it was heard, and not when an
// earlier one was.
func TestFactsTellWhenTheyWereHeard(t *testing.T) {
	tr := call.New(trunk)
	begun := time.Now()
	told := 0
	for i, ev := range recorded(t, "answered") {
		ev.Heard = begun.Add(time.Duration(i) * time.Second)
		for _, f := range tr.Step(&ev) {
			told++
			if !f.Heard.Equal(ev.Heard) {
				t.Errorf("%s was heard at %v, its event at %v", f.Kind, f.Heard, ev.Heard)
			}
		}
	}
	if told < 3 {
		t.Errorf("%d facts were told", told)
	}
	for _, f := range tr.Step(&ari.Event{Type: ari.ChannelCreated, Channel: ari.Channel{ID: "new", Name: "PJSIP/trunk-00000001",
		State: "Ring", Context: "from-trunk"}}) {
		if !f.Heard.IsZero() {
			t.Errorf("%s of a recording was heard at %v", f.Kind, f.Heard)
		}
	}
}
