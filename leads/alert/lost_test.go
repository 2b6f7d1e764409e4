package alert

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
	"ringback/leads/jobs"
	"ringback/routing"
)

// awayUntil is a person who is away until then.
func (h *house) awayUntil(d time.Duration) func(context.Context, int, Message) (Outcome, string) {
	return func(context.Context, int, Message) (Outcome, string) {
		if time.Since(h.start) < d {
			return Unreachable, "away"
		}
		return Sent, ""
	}
}

func TestTheLastRungIsClimbedAgainUntilItIsDelivered(t *testing.T) {
	t.Run("when its message failed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var h *house
			sip := newRecorder(func(ctx context.Context, n int, m Message) (Outcome, string) {
				return h.awayUntil(40*time.Minute)(ctx, n, m)
			})
			h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			h.only()
			h.open().missed(client)
			h.at(48 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "35s anna new_lead 1", "1m35s anna new_lead 1", "4m35s anna new_lead 1", "14m35s anna new_lead 1",
				"19m35s anna new_lead 1", "19m50s anna new_lead 1", "20m50s anna new_lead 1", "23m50s anna new_lead 1", "33m50s anna new_lead 1",
				"43m50s anna new_lead 1")
			h.timeline(1, "alert_failed sip anna unreachable: away", "alert_failed sip anna unreachable: away", "alert_sent sip anna new_lead")
			h.undelivered("sip", 2)
			for _, m := range sip.messages() {
				if m.ID != sip.messages()[0].ID {
					t.Errorf("the same message came as %s and %s", sip.messages()[0].ID, m.ID)
				}
			}
		})
	})
	t.Run("when its time ran out while the daemon was down", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var h *house
			sip := newRecorder(func(ctx context.Context, n int, m Message) (Outcome, string) {
				return h.awayUntil(time.Hour)(ctx, n, m)
			})
			h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			h.only()
			h.open().missed(client)
			h.at(30 * time.Second)
			h.stop()
			h.at(2 * time.Hour)
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "2h5m0s anna new_lead 1")
			h.timeline(1, "alert_failed sip anna its time ran out", "alert_sent sip anna new_lead")
			h.undelivered("sip", 1)
		})
	})
	t.Run("at most once an hour", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(always(Refused, "no such phone"))
			h := newHouse(t, Named{Name: "sip", Channel: sip})
			h.only()
			h.open().missed(client)
			h.at(4*time.Hour + time.Minute)
			sip.told(t, "20s anna new_lead 1", "5m20s anna new_lead 1", "15m20s anna new_lead 1", "35m20s anna new_lead 1",
				"1h15m20s anna new_lead 1", "2h15m20s anna new_lead 1", "3h15m20s anna new_lead 1")
		})
	})
	t.Run("in the pool's hours", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(once(always(Refused, "no such phone")))
			h := newHouse(t, Named{Name: "sip", Channel: sip})
			h.only()
			// The bubble's time begins on a Saturday at midnight, UTC.
			h.pool().Hours = routing.Hours{Week: map[string]string{"sat": "00:00-00:02", "sun": "09:00-18:00"}}
			if err := h.pool().Hours.Compile(time.UTC); err != nil {
				t.Fatal(err)
			}
			h.open().missed(client)
			h.at(72 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "33h0m0s anna new_lead 1")
		})
	})
	t.Run("not when the lead is settled meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(always(Refused, "no such phone"))
			h := newHouse(t, Named{Name: "sip", Channel: sip})
			h.only()
			h.open().missed(client)
			h.at(2 * time.Minute)
			talk := h.talk(call.Outbound, annas, client)
			h.at(3 * time.Minute)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1")
		})
	})
	t.Run("not for a message beside the ladder", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(func(_ context.Context, _ int, m Message) (Outcome, string) {
				if m.Why == RangAgain {
					return Refused, "no"
				}
				return Sent, ""
			})
			h := newHouse(t, Named{Name: "sip", Channel: sip})
			h.only()
			h.open().missed(client)
			h.at(time.Minute)
			h.missed(client)
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "1m20s anna rang_again 1")
		})
	})
}

// Who was told by one channel is not told again for the sake of another.
func TestOneChannelThatDeliversIsEnough(t *testing.T) {
	const told = "20s anna new_lead 1"
	tests := []struct {
		name     string
		sip, crm func(context.Context, int, Message) (Outcome, string)
		sips     []string
	}{
		{"the other fails", nil, always(Refused, "no"), []string{told}},
		{"the other fails first", func(context.Context, int, Message) (Outcome, string) {
			time.Sleep(10 * time.Second)
			return Sent, ""
		}, always(Refused, "no"), []string{told}},
		{"the other fails last", nil, always(Unreachable, "away"), []string{told}},
		{"it may have been told, and was told that it may be a double", once(always(TimedOut, "?")), always(Refused, "no"), []string{told, told + " double"}},
		{"it may have been told twice", always(TimedOut, "?"), always(Unreachable, "away"), []string{told, told + " double"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip, crm := newRecorder(test.sip), newRecorder(test.crm)
				h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}, Named{Name: "crm", Channel: crm})
				h.only()
				h.open().missed(client)
				h.at(24 * time.Hour)
				sip.told(t, test.sips...)
				h.undelivered("sip", 0)
				h.undelivered("crm", 0)
			})
		})
	}
	t.Run("neither does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			maybe := func(_ context.Context, n int, _ Message) (Outcome, string) {
				switch n {
				case 1:
					return TimedOut, "?"
				case 2:
					return Refused, "no such phone any more"
				}
				return Sent, ""
			}
			sip, crm := newRecorder(maybe), newRecorder(once(always(Refused, "no")))
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}, Named{Name: "crm", Channel: crm})
			h.only()
			h.open().missed(client)
			h.at(24 * time.Hour)
			sip.told(t, told, told+" double", "5m20s anna new_lead 1")
			crm.told(t, told, "5m20s anna new_lead 1")
			h.undelivered("sip", 1)
			h.undelivered("crm", 1)
		})
	})
}

// undelivered compares the metric of a channel since the daemon's start.
func (h *house) undelivered(channel string, want int) {
	h.t.Helper()
	families, err := h.metrics.Gather()
	if err != nil {
		h.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "ringback_alerts_undelivered_total" {
			continue
		}
		for _, m := range f.Metric {
			if m.Label[0].GetValue() == channel {
				if got := int(m.Counter.GetValue()); got != want {
					h.t.Errorf("ringback_alerts_undelivered_total of %s is %d, want %d", channel, got, want)
				}
				return
			}
		}
	}
	h.t.Errorf("there is no ringback_alerts_undelivered_total of %s", channel)
}

// What was promised by a channel that is not configured any more is told by
// those that are, and the timeline says so.
func TestWhatARemovedChannelOwesIsToldByTheOthers(t *testing.T) {
	t.Run("by a new one", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crm, sip := newRecorder(always(Unreachable, "down")), newRecorder(nil)
			h := newHouse(t, Named{Name: "crm", Channel: crm})
			h.open().missed(client)
			h.at(time.Minute)
			h.stop()
			h.channels = []Named{{Name: "sip", Channel: sip}}
			h.open()
			h.at(24 * time.Hour)
			crm.told(t, "20s anna new_lead 1", "35s anna new_lead 1")
			sip.told(t, "1m0s anna new_lead 1", "20m20s chief overdue 1")
			h.timeline(1, "alert_failed crm anna "+noChannel, "alert_sent sip anna new_lead", "alert_sent sip chief overdue")
		})
	})
	t.Run("not by one that has told it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crm, sip := newRecorder(always(Unreachable, "down")), newRecorder(nil)
			h := newHouse(t, Named{Name: "sip", Channel: sip}, Named{Name: "crm", Channel: crm})
			h.open().missed(client)
			h.at(time.Minute)
			h.stop()
			h.channels = h.channels[:1]
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "20m20s chief overdue 1")
			h.timeline(1, "alert_sent sip anna new_lead", "alert_failed crm anna "+noChannel, "alert_sent sip chief overdue")
		})
	})
	t.Run("again, when theirs had failed", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crm, sip := newRecorder(always(Unreachable, "down")), newRecorder(once(always(Refused, "no")))
			h := newHouse(t, Named{Name: "sip", Channel: sip}, Named{Name: "crm", Channel: crm})
			h.only()
			h.open().missed(client)
			h.at(time.Minute)
			h.stop()
			h.channels = h.channels[:1]
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "6m0s anna new_lead 1")
			h.timeline(1, "alert_failed sip anna refused: no", "alert_failed crm anna "+noChannel, "alert_sent sip anna new_lead")
		})
	})
	t.Run("when it has expired", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crm, sip := newRecorder(always(Unreachable, "down")), newRecorder(nil)
			h := newHouse(t, Named{Name: "crm", Channel: crm})
			h.only()
			h.open().missed(client)
			h.at(time.Minute)
			h.stop()
			h.at(2 * time.Hour)
			h.channels = []Named{{Name: "sip", Channel: sip}}
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "2h5m0s anna new_lead 1")
			h.timeline(1, "alert_failed crm anna its time ran out", "alert_sent sip anna new_lead")
		})
	})
	t.Run("when it was in hand", func(t *testing.T) {
		for _, last := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var h *house
				old, sip := newRecorder(killed(&h)), newRecorder(nil)
				h = newHouse(t, Named{Name: "old", Channel: old, Crash: jobs.InDoubt})
				want := "1m0s chief overdue 1"
				if last {
					h.only()
					want = "1m0s anna new_lead 1 double"
				}
				h.open().missed(client)
				h.at(time.Minute)
				h.stop()
				h.channels = []Named{{Name: "sip", Channel: sip}}
				h.open()
				h.at(24 * time.Hour)
				sip.told(t, want)
				words := strings.Fields(want)
				h.timeline(1, "alert_doubt old anna "+cutOff, "alert_sent sip "+words[1]+" "+words[2])
			})
		}
	})
	t.Run("when its lead was settled meanwhile", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			crm, sip := newRecorder(always(Unreachable, "down")), newRecorder(nil)
			h := newHouse(t, Named{Name: "crm", Channel: crm})
			h.open().missed(client)
			h.at(time.Minute)
			h.hangup(func() call.Call { c := h.talk(call.Inbound, annas, client); h.at(2 * time.Minute); return c }())
			h.stop()
			h.channels = []Named{{Name: "sip", Channel: sip}}
			h.open()
			h.at(24 * time.Hour)
			sip.told(t)
		})
	})
}

// Who turns the mode back to observe wants nobody to be told from then on.
func TestObserveSendsNothingThatWasPromisedInAct(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(always(Unreachable, "away"))
		h := newHouse(t, Named{Name: "sip", Channel: sip})
		h.only()
		h.open().missed(client)
		h.at(30 * time.Second)
		h.stop()
		h.mode = Observe
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1")
		h.timeline(1, "alert_would sip anna new_lead")
	})
}

func TestObserveDoesNotComeBackToWhatExpired(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(always(Unreachable, "away"))
		h := newHouse(t, Named{Name: "sip", Channel: sip})
		h.only()
		h.open().missed(client)
		h.at(30 * time.Second)
		h.stop()
		h.at(2 * time.Hour)
		h.mode = Observe
		h.open()
		h.at(24 * time.Hour)
		h.timeline(1, "alert_failed sip anna "+timeRanOut)
	})
}

// A stop or a timeout in mid-send is treated as a death there.
func TestNoAnswerIsInDoubtToo(t *testing.T) {
	hangs := once(func(ctx context.Context, _ int, _ Message) (Outcome, string) {
		<-ctx.Done()
		return TimedOut, "no answer"
	})
	for _, last := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(hangs)
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			want := "35s chief overdue 1"
			if last {
				h.only()
				want = "35s anna new_lead 1 double"
			}
			h.open().missed(client)
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", want)
			words := strings.Fields(want)
			h.timeline(1, "alert_doubt sip anna timed_out: no answer", "alert_sent sip "+words[1]+" "+words[2])
		})
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(hangs)
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			want := "1m0s chief overdue 1"
			if last {
				h.only()
				want = "1m0s anna new_lead 1 double"
			}
			h.open().missed(client)
			h.at(21 * time.Second)
			h.stop()
			h.at(time.Minute)
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1", want)
		})
	}
}
