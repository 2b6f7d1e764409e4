package alert

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// The time to the channel counts from when a message was due, and once for a
// message: a second try is late because of who is away, not because of us.
func TestHandoverIsMeasuredOnceFromTheRungsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		away := newRecorder(func(_ context.Context, n int, _ Message) (Outcome, string) {
			if n < 3 {
				return Unreachable, "not registered"
			}
			return Sent, ""
		})
		h := newHouse(t, Named{Name: "sip", Channel: away})
		h.open()
		h.missed(client)
		h.at(h.pool().Ladder.Settle + 5*time.Minute)
		h.stop()
		if n := len(away.messages()); n != 3 {
			t.Fatalf("%d tries", n)
		}
		families, err := h.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range families {
			if f.GetName() != "ringback_alert_handover_seconds" {
				continue
			}
			m := f.GetMetric()[0].GetHistogram()
			if m.GetSampleCount() != 1 || m.GetSampleSum() > 1 {
				t.Errorf("measured %d messages, %.3f s", m.GetSampleCount(), m.GetSampleSum())
			}
			return
		}
		t.Error("there is no ringback_alert_handover_seconds")
	})
}
