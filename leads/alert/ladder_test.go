package alert

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// story runs in a bubble of its own, with one channel that takes everything.
func story(t *testing.T, tell func(t *testing.T, h *house, sip *recorder)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		tell(t, newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}), sip)
	})
}

func TestTheManagerHearsAfterSettleAndTheSupervisorAfterTwentyMinutes(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		h.at(20*time.Second - 1)
		sip.told(t)
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "20m20s chief overdue 1")
		h.timeline(1, "alert_sent sip anna new_lead", "alert_sent sip chief overdue")
		first, second := sip.messages()[0], sip.messages()[1]
		if len(first.Devices) != 1 || first.Devices[0].Endpoint != annas || len(second.Devices) != 0 {
			t.Errorf("the messages go to %v and %v", first.Devices, second.Devices)
		}
		if first.Email != "anna@example.com" || second.Email != "" {
			t.Errorf("the messages are mailed to %q and %q", first.Email, second.Email)
		}
		if first.ID == second.ID || !first.At.Equal(h.start.Add(20*time.Second)) || !first.LastMissed.Equal(h.start.Add(-5*time.Second)) {
			t.Errorf("the messages are %+v and %+v", first, second)
		}
		wantText(t, first, "Missed call: +79161234567, line sales, 1999-12-31 23:59.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/1")
		wantText(t, second, "Not called back yet: +79161234567, line sales, 1999-12-31 23:59, assigned to anna.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/1")
	})
}

func wantText(t *testing.T, m Message, want string) {
	t.Helper()
	if m.Text != want {
		t.Errorf("the text is\n%s\nwant\n%s", m.Text, want)
	}
}

func TestWhoWasReachedMeanwhileIsNeverAlerted(t *testing.T) {
	t.Run("before the first rung", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(10 * time.Second)
			talk := h.talk(call.Inbound, boris, client)
			h.at(19 * time.Second)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t)
			h.timeline(1)
		})
	})
	t.Run("after the first rung", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(5 * time.Minute)
			talk := h.talk(call.Outbound, annas, client)
			h.at(6 * time.Minute)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1")
		})
	})
}

func TestARungWaitsWhileTheContactIsOnThePhone(t *testing.T) {
	t.Run("and is climbed when the talk settled nothing", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(15 * time.Second)
			talk := h.talk(call.Outbound, annas, client)
			h.at(34 * time.Second)
			h.hangup(talk) // 19 s, less than reached_after
			h.at(24 * time.Hour)
			sip.told(t, "35s anna new_lead 1", "20m35s chief overdue 1")
		})
	})
	t.Run("and is silent when the talk settled the lead", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(15 * time.Second)
			talk := h.talk(call.Outbound, annas, client)
			h.at(5 * time.Minute)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t)
		})
	})
	t.Run("when the contact has rung and is talking", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(15 * time.Second)
			talk := h.talk(call.Inbound, annas, client)
			h.at(5 * time.Minute)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t)
		})
	})
	t.Run("but not for ever", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(15 * time.Second)
			h.talk(call.Outbound, annas, client) // and its end is never seen
			h.at(24 * time.Hour)
			sip.told(t, "20m20s anna new_lead 1", "1h0m20s chief overdue 1")
		})
	})
}

func TestRangAgain(t *testing.T) {
	t.Run("is told at most every ten minutes", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(time.Minute)
			h.missed(client)
			h.at(5 * time.Minute)
			h.missed(client)
			h.at(11 * time.Minute)
			h.missed(client)
			h.at(19 * time.Minute)
			sip.told(t, "20s anna new_lead 1", "1m20s anna rang_again 1", "11m20s anna rang_again 1")
			last := sip.messages()[2]
			wantText(t, last, "Rang again: +79161234567, line sales, 00:10, 4 missed calls.\nNew contact: please fill in the card.\nhttps://ring.example.com/contacts/1")
		})
	})
	t.Run("waits while the contact is on the phone", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(time.Minute)
			h.missed(client)
			talk := h.talk(call.Outbound, boris, client)
			h.at(2*time.Minute + 6*time.Second)
			talk.Talks[0].Start = time.Now().Add(-10 * time.Second) // the rest was ringing
			h.hangup(talk)
			h.at(19 * time.Minute)
			sip.told(t, "20s anna new_lead 1", "2m20s anna rang_again 1")
		})
	})
	t.Run("is silent when the lead was settled meanwhile", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.at(time.Minute)
			h.missed(client)
			talk := h.talk(call.Outbound, annas, client)
			h.at(2 * time.Minute)
			h.hangup(talk)
			h.at(24 * time.Hour)
			sip.told(t, "20s anna new_lead 1")
		})
	})
}

func TestObserveWritesWhatItWouldTellAndTellsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip, hook := newRecorder(nil), newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip}, Named{Name: "crm", Channel: hook})
		h.mode = Observe
		h.open().missed(client)
		h.at(24 * time.Hour)
		sip.told(t)
		hook.told(t)
		h.timeline(1, "alert_would sip anna new_lead", "alert_would crm anna new_lead",
			"alert_would sip chief overdue", "alert_would crm chief overdue")
	})
}

func TestAPersonIsToldByTheirChannels(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip, hook := newRecorder(nil), newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip}, Named{Name: "crm", Channel: hook})
		h.office.Directory.Managers[0].Channels = []string{"crm"}
		h.office.Directory.Managers[2].Channels = []string{"sip"}
		h.open().missed(client)
		h.at(24 * time.Hour)
		sip.told(t, "20m20s chief overdue 1")
		hook.told(t, "20s anna new_lead 1")
	})
}

// A channel that cannot reach somebody is passed over, unless it is the only one.
func TestAPersonIsToldByTheChannelsThatReachThem(t *testing.T) {
	for name, c := range map[string]struct {
		chosen   []string // by anna
		sip, crm []string
		timeline []string
	}{
		"one of two": {nil, []string{"20s anna new_lead 1"}, []string{"20m20s chief overdue 1"},
			[]string{"alert_sent sip anna new_lead", "alert_sent crm chief overdue"}},
		"none": {[]string{"crm"}, nil, []string{"20s anna new_lead 1", "20m20s chief overdue 1"},
			[]string{"alert_sent crm anna new_lead", "alert_sent crm chief overdue"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip, crm := newRecorder(nil), newRecorder(nil)
				h := newHouse(t, Named{Name: "sip", Channel: sip, Reaches: func(m *routing.Manager) bool { return len(m.Devices) > 0 }},
					Named{Name: "crm", Channel: crm, Reaches: func(m *routing.Manager) bool { return m.Login != "anna" }})
				h.office.Directory.Managers[0].Channels = c.chosen
				h.open().missed(client)
				h.at(24 * time.Hour)
				sip.told(t, c.sip...)
				crm.told(t, c.crm...)
				h.timeline(1, c.timeline...)
			})
		})
	}
}

func TestNobodyToTellIsWrittenAndTheLadderGoesOn(t *testing.T) {
	t.Run("no channel", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.office.Directory.Managers[0].Channels = []string{"telegram"} // was taken out
			h.open().missed(client)
			h.at(24 * time.Hour)
			sip.told(t, "20m20s chief overdue 1")
			h.timeline(1, "nobody_to_tell  anna new_lead", "alert_sent sip chief overdue")
		})
	})
	t.Run("no such person any more", func(t *testing.T) {
		story(t, func(t *testing.T, h *house, sip *recorder) {
			h.open().missed(client)
			h.stop()
			h.office.Directory.Managers[0].Login = "someone"
			h.open()
			h.at(24 * time.Hour)
			sip.told(t, "20m20s chief overdue 1")
			h.timeline(1, "nobody_to_tell  anna new_lead", "alert_sent sip chief overdue")
		})
	})
}

func TestAfterTheSupervisorTheLadderKeepsToTheHours(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		// The bubble's time begins on a Saturday at midnight, UTC.
		pool := h.pool()
		pool.Hours = routing.Hours{Week: map[string]string{"sat,sun": "00:00-00:30"}}
		if err := pool.Hours.Compile(time.UTC); err != nil {
			t.Fatal(err)
		}
		pool.Ladder.Rungs = []routing.Rung{
			{After: 0, Tell: routing.TellManager},
			{After: 40 * time.Minute, Tell: routing.TellSupervisor}, // after hours: begun in hours, it runs
			{After: 60 * time.Minute, Tell: routing.TellSupervisor},
		}
		h.open().missed(client)
		h.at(72 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "40m20s chief overdue 1", "24h0m0s chief overdue 1")
	})
}

func TestALeadThatWaitedIsToldAtTheOpening(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.pool().Hours = routing.Hours{Week: map[string]string{"sat": "09:00-18:00"}}
		if err := h.pool().Hours.Compile(time.UTC); err != nil {
			t.Fatal(err)
		}
		h.open().missed(client)
		h.at(24 * time.Hour)
		sip.told(t, "9h0m20s anna new_lead 1", "9h20m20s chief overdue 1")
	})
}

func TestAWithheldNumberWithAVoicemail(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		now := time.Now()
		h.open().tell(call.Ended, call.Call{ID: "1.1", Direction: call.Inbound, Caller: "anonymous", Dialed: "+74951000001",
			Started: now, Ended: now, How: call.Voicemail, Message: true})
		h.at(time.Minute)
		sip.told(t, "20s anna new_lead 1")
		wantText(t, sip.messages()[0], "Missed call: withheld number, line sales, 00:00.\nhttps://ring.example.com/leads/1")
	})
}

// A restart in the middle of a ladder neither repeats a rung nor loses one.
func TestTheLadderOutlivesTheDaemon(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.at(30 * time.Minute)
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "30m0s chief overdue 1")
	})
}

// Names come from cards that a CRM filled in, or from strangers.
func TestHostileNamesStayOnTheirLine(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		const hostile = "Ivan\r\nMissed call: +70000000000\u2028\u202egnp.exe\u0000<script>alert(1)</script>\x1b[31m\xff"
		h.open().missed(client)
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE contacts SET name = $1, named = 1", hostile+strings.Repeat("A", 10_000))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at(time.Minute)
		m := sip.messages()[0]
		wantText(t, m, "Missed call: +79161234567 (Ivan  Missed call: +70000000000  gnp.exe <script>alert(1)</scrip…), line sales, 1999-12-31 23:59.\nhttps://ring.example.com/contacts/1")
		if !strings.Contains(m.Text, "("+m.Name+")") {
			t.Errorf("the name beside the text is %q", m.Name)
		}
	})
}

func TestTheMissedCallersOwnNumberIsHostileToo(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed("\"><img src=x>\r\n\u202e" + strings.Repeat("9", 10_000))
		h.at(time.Minute)
		m := sip.messages()[0]
		if lines := strings.Split(m.Text, "\n"); len(lines) != 3 || len(m.Text) > 300 || strings.ContainsAny(m.Text, "\r\u202e") {
			t.Errorf("the text is %q", m.Text)
		}
	})
}

// Facts and rungs of one instant: a message is booked in the transaction of its
// rung, so nothing is told of what did not get onto the disk.
func TestAlertsAreBookedBeforeTheyAreSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(func(ctx context.Context, n int, m Message) (Outcome, string) {
			var state string
			err := h.db.Reader().QueryRowContext(ctx, "SELECT state FROM jobs WHERE key = $1", m.ID).Scan(&state)
			if err != nil || state != string(jobs.Held) {
				t.Errorf("while it is sent the job %s is %q (%v)", m.ID, state, err)
			}
			return Sent, ""
		})
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.open().missed(client)
		h.at(time.Hour)
		sip.told(t, "20s anna new_lead 1", "20m20s chief overdue 1")
	})
}

func TestMetricsHaveEveryLabel(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		h.at(time.Minute)
		families, err := h.metrics.Gather()
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, f := range families {
			if f.GetName() != "ringback_alerts_total" {
				continue
			}
			for _, m := range f.Metric {
				got[m.Label[0].GetValue()+" "+m.Label[1].GetValue()] = m.Counter.GetValue()
			}
		}
		for _, o := range Outcomes {
			want := 0.0
			if o == Sent {
				want = 1
			}
			if n, ok := got["sip "+string(o)]; !ok || n != want {
				t.Errorf("ringback_alerts_total of %s is %v (%v), want %v", o, n, ok, want)
			}
		}
	})
}

// Whoever was given the lead anew climbs a ladder of their own.
func TestARungOfAnOlderLadderIsVoid(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE leads SET ladder = ladder + 1")
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at(24 * time.Hour)
		sip.told(t)
		h.timeline(1)
	})
}
