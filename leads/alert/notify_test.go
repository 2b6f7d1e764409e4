package alert

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// always answers everything in the same way.
func always(o Outcome, detail string) func(context.Context, int, Message) (Outcome, string) {
	return func(context.Context, int, Message) (Outcome, string) { return o, detail }
}

// only leaves one rung: the manager's.
func (h *house) only() { h.pool().Ladder.Rungs = h.pool().Ladder.Rungs[:1] }

func TestWhatBecomesOfAMessage(t *testing.T) {
	away := []string{"20s anna new_lead 1", "35s anna new_lead 1", "1m35s anna new_lead 1", "4m35s anna new_lead 1", "14m35s anna new_lead 1"}
	tests := []struct {
		name     string
		crash    jobs.Crash
		answer   func(context.Context, int, Message) (Outcome, string)
		told     []string
		timeline string
	}{
		{"taken", jobs.InDoubt, nil, away[:1], "alert_sent sip anna new_lead"},
		{"away for good", jobs.InDoubt, always(Unreachable, "phone 101 is not registered"), away,
			"alert_failed sip anna unreachable: phone 101 is not registered"},
		{"away for a while", jobs.InDoubt, func(_ context.Context, n int, _ Message) (Outcome, string) {
			if n < 3 {
				return Unreachable, "away"
			}
			return Sent, ""
		}, away[:3], "alert_sent sip anna new_lead"},
		{"refused", jobs.Repeat, always(Refused, "no such phone"), away[:1], "alert_failed sip anna refused: no such phone"},
		{"no answer, and doubles are seen", jobs.InDoubt, once(always(TimedOut, "no answer")), []string{away[0], "20s chief overdue 1"},
			"alert_doubt sip anna timed_out: no answer\nalert_sent sip chief overdue"},
		{"no answer, and doubles are removed", jobs.Repeat, always(TimedOut, "no answer"), away,
			"alert_doubt sip anna timed_out: no answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip := newRecorder(test.answer)
				h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: test.crash})
				h.pool().Ladder.Rungs[1].After = 48 * time.Hour
				h.open().missed(client)
				h.at(24 * time.Hour)
				sip.told(t, test.told...)
				h.timeline(1, test.timeline)
				for _, m := range sip.messages() {
					if m.To == "anna" && m.ID != sip.messages()[0].ID {
						t.Errorf("the message came as %q and %q", sip.messages()[0].ID, m.ID)
					}
				}
			})
		})
	}
}

func TestAMessageIsNotTriedAgainWhenItsLeadIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(always(Unreachable, "away"))
		h := newHouse(t, Named{Name: "sip", Channel: sip})
		h.open().missed(client)
		h.at(2 * time.Minute)
		talk := h.talk(call.Outbound, annas, client)
		h.at(3 * time.Minute)
		h.hangup(talk)
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "35s anna new_lead 1", "1m35s anna new_lead 1")
	})
}

func TestAMessageThatIsTooOldIsNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(always(Unreachable, "away"))
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.pool().Ladder.Rungs[1].After = 48 * time.Hour
		h.open().missed(client)
		h.at(30 * time.Second)
		h.stop()
		h.at(2 * time.Hour)
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1")
		h.timeline(1, "alert_failed sip anna its time ran out")
	})
}

// A channel that hangs delays neither another channel nor, for longer than its
// timeout, other messages of its own.
func TestChannelsDoNotWaitForEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		dead := newRecorder(func(ctx context.Context, _ int, _ Message) (Outcome, string) {
			<-ctx.Done()
			return Unreachable, "no answer in time"
		})
		h := newHouse(t, Named{Name: "crm", Channel: dead, Timeout: time.Minute}, Named{Name: "sip", Channel: sip})
		h.only()
		h.open()
		var want []string
		for i := range 10 {
			h.missed(fmt.Sprintf("+791612345%02d", i))
			want = append(want, fmt.Sprintf("20s %s new_lead %d", []string{"anna", "boris"}[i%2], i+1))
		}
		h.at(21 * time.Second)
		told := sip.messages()
		if len(told) != len(want) {
			t.Errorf("%d messages were sent while the other channel hangs, want %d", len(told), len(want))
		}
		if n := len(dead.messages()); n != 4 {
			t.Errorf("%d messages are in the hands of the channel that hangs, want 4", n)
		}
		h.at(24 * time.Hour)
		seen := map[int64]int{}
		for _, m := range sip.messages() {
			seen[m.Lead]++
		}
		for _, m := range dead.messages() {
			seen[m.Lead] += 100
		}
		for i := range 10 {
			if n := seen[int64(i+1)]; n%100 != 1 || n < 100 {
				t.Errorf("lead %d was told %d times by sip and tried %d times by crm", i+1, n%100, n/100)
			}
		}
	})
}

// killed answers as a channel does in whose middle the daemon is killed: the
// message has been taken, and nobody gets to write that down.
func killed(h **house) func(context.Context, int, Message) (Outcome, string) {
	return func(context.Context, int, Message) (Outcome, string) {
		(*h).dying.Store(true)
		return Sent, ""
	}
}

// once answers the first message in one way, and takes the others.
func once(first func(context.Context, int, Message) (Outcome, string)) func(context.Context, int, Message) (Outcome, string) {
	return func(ctx context.Context, n int, m Message) (Outcome, string) {
		if n == 1 {
			return first(ctx, n, m)
		}
		return Sent, ""
	}
}

func TestInDoubtTheNextRungComesForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(once(killed(&h)))
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m0s chief overdue 1")
		h.timeline(1, "alert_doubt sip anna "+cutOff, "alert_sent sip chief overdue")
	})
}

func TestInDoubtOnTheLastRungItIsRepeatedOnceAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(once(killed(&h)))
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.only()
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m0s anna new_lead 1 double")
		h.timeline(1, "alert_doubt sip anna "+cutOff, "alert_sent sip anna new_lead")
		first, again := sip.messages()[0], sip.messages()[1]
		if first.ID == again.ID {
			t.Error("the repeated message has the id of the first: whoever removes doubles would drop it")
		}
		wantText(t, again, "Missed call: +79161234567, line sales, 1999-12-31 23:59.\n(You may have had this message before.)\n"+
			"New contact: please fill in the card.\nhttps://ring.example.com/contacts/1")
	})
}

func TestInDoubtTwiceItIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(killed(&h))
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.only()
		h.open().missed(client)
		for i := range 3 {
			h.at(time.Duration(i+1) * time.Minute)
			h.stop()
			h.open()
		}
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m0s anna new_lead 1 double")
		h.timeline(1, "alert_doubt sip anna "+cutOff, "alert_doubt sip anna "+cutOff)
	})
}

func TestAfterACrashItIsRepeatedWhereDoublesAreRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		crm := newRecorder(once(killed(&h)))
		h = newHouse(t, Named{Name: "crm", Channel: crm, Crash: jobs.Repeat})
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		crm.told(t, "20s anna new_lead 1", "1m0s anna new_lead 1", "20m20s chief overdue 1")
		h.timeline(1, "alert_sent crm anna new_lead", "alert_sent crm chief overdue")
		if m := crm.messages(); m[0].ID != m[1].ID {
			t.Errorf("the message came as %q and %q", m[0].ID, m[1].ID)
		}
	})
}

func TestInDoubtAfterTheLeadWasSettledNothingFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(func(ctx context.Context, n int, m Message) (Outcome, string) {
			time.Sleep(10 * time.Second) // the phone is slow, and the lead is settled meanwhile
			return killed(&h)(ctx, n, m)
		})
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.only()
		h.open().missed(client)
		h.at(21 * time.Second)
		talk := h.talk(call.Inbound, annas, client)
		h.at(29 * time.Second)
		h.hangup(talk)
		h.at(time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1")
		h.timeline(1, "alert_doubt sip anna "+cutOff)
	})
}

func TestInDoubtARungThatWasClimbedIsNotClimbedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(once(func(ctx context.Context, n int, m Message) (Outcome, string) {
			time.Sleep(25 * time.Minute) // the supervisor is told meanwhile
			return killed(&h)(ctx, n, m)
		}))
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt, Timeout: time.Hour})
		h.open().missed(client)
		h.at(30 * time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "20m20s chief overdue 1")
		h.timeline(1, "alert_sent sip chief overdue", "alert_doubt sip anna "+cutOff)
	})
}

// Two channels are in doubt at once: the next rung comes forward once, and is
// not lost between them.
func TestTwoChannelsInDoubtAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		var both sync.WaitGroup
		both.Add(2)
		die := once(func(ctx context.Context, n int, m Message) (Outcome, string) {
			both.Done()
			both.Wait()
			return killed(&h)(ctx, n, m)
		})
		sip, sms := newRecorder(die), newRecorder(die)
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}, Named{Name: "sms", Channel: sms, Crash: jobs.InDoubt})
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		for _, ch := range []*recorder{sip, sms} {
			ch.told(t, "20s anna new_lead 1", "1m0s chief overdue 1")
		}
	})
}

// The same in the worst order: the second doubt is settled when the rung that
// the first brought forward has been put off already, under the very next key.
func TestARungThatIsBroughtForwardTwiceAndPutOffIsNotLost(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		h.at(30 * time.Second)
		h.talk(call.Outbound, annas, client) // whatever is due now is put off
		l := New(Config{Office: &h.office, Channels: h.channels, Mode: Act})
		payload, err := json.Marshal(sip.messages()[0])
		if err != nil {
			t.Fatal(err)
		}
		for id := int64(1000); id < 1003; id++ {
			doubt := func(tx *db.Tx) error {
				return l.inDoubt(tx, jobs.Job{ID: id, Lane: "sip", Payload: payload}, cutOff)
			}
			if err := h.db.Do(t.Context(), doubt); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			var waiting int
			err := h.db.Reader().QueryRow("SELECT COUNT(*) FROM jobs WHERE kind = $1 AND state = 'waiting'", leads.KindRung).Scan(&waiting)
			if err != nil || waiting != 1 {
				t.Fatalf("%d rungs wait after doubt %d (%v), want 1", waiting, id, err)
			}
		}
	})
}

// A "rang again" in doubt has no next rung of its own.
func TestRangAgainInDoubtIsRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *house
		sip := newRecorder(func(ctx context.Context, n int, m Message) (Outcome, string) {
			if n == 2 {
				return killed(&h)(ctx, n, m)
			}
			return Sent, ""
		})
		h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.open().missed(client)
		h.at(time.Minute)
		h.missed(client)
		h.at(2 * time.Minute)
		h.stop()
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m20s anna rang_again 1", "2m0s anna rang_again 1 double", "20m20s chief overdue 1")
	})
}

// A panic in a channel is a crash in mid-work, and takes nothing else down.
func TestAChannelThatPanicsIsInDoubt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(once(func(context.Context, int, Message) (Outcome, string) { panic("a fault of ours") }))
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.open().missed(client)
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "20s chief overdue 1")
		h.timeline(1, "alert_doubt sip anna "+cutOff, "alert_sent sip chief overdue")
	})
}

// The same where doubles are removed: it is tried until it is given up, and
// that is written.
func TestAChannelThatKeepsPanickingIsGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		crm := newRecorder(func(context.Context, int, Message) (Outcome, string) { panic("a fault of ours") })
		h := newHouse(t, Named{Name: "crm", Channel: crm, Crash: jobs.Repeat})
		h.pool().Ladder.Rungs[1].After = 48 * time.Hour
		h.open().missed(client)
		h.at(24 * time.Hour)
		h.timeline(1, "alert_failed crm anna panic: a fault of ours")
	})
}

// The ladder goes on whatever became of the message before.
func TestTheSupervisorHearsOfWhatTheManagerCouldNotBeTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(func(_ context.Context, _ int, m Message) (Outcome, string) {
			if m.To == "anna" {
				return Refused, "no such phone"
			}
			return Sent, ""
		})
		h := newHouse(t, Named{Name: "sip", Channel: sip})
		h.pool().Ladder.Rungs = []routing.Rung{{Tell: routing.TellManager},
			{After: 5 * time.Minute, Tell: routing.TellSupervisor}, {After: 15 * time.Minute, Tell: routing.TellSupervisor}}
		h.open().missed(client)
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "5m20s chief overdue 1", "15m20s chief overdue 1")
		h.timeline(1, "alert_failed sip anna refused: no such phone", "alert_sent sip chief overdue", "alert_sent sip chief overdue")
	})
}

// Killed beside every commit of a ladder, no rung is lost, and nobody is told
// twice the same: not where the receiver removes doubles by the id, and not
// where the message is in doubt.
func TestKilledAtEveryCommit(t *testing.T) {
	for _, crash := range []jobs.Crash{jobs.Repeat, jobs.InDoubt} {
		commits := 0
		synctest.Test(t, func(t *testing.T) { commits = ladderKilledAt(t, crash, db.Boundary{}) })
		if commits < 6 {
			t.Fatalf("a ladder of two messages took %d commits", commits)
		}
		for n := range commits {
			for _, after := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) { ladderKilledAt(t, crash, db.Boundary{Commit: n + 1, After: after}) })
			}
		}
	}
}

// ladderKilledAt tells the story of a ladder with one death, and returns how
// many commits there were since.
func ladderKilledAt(t *testing.T, crash jobs.Crash, death db.Boundary) (commits int) {
	sip := newRecorder(nil)
	h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: crash})
	h.death = death
	h.open().missedUntilTaken(client)
	for i := range 25 {
		h.at(time.Duration(i+1) * time.Minute)
		if h.dying.Load() {
			h.stop()
			h.open()
		}
	}
	anna, chief := map[string]bool{}, map[string]bool{}
	for _, m := range sip.messages() {
		told := map[string]map[string]bool{"anna": anna, "chief": chief}[m.To]
		if told[m.ID] && crash == jobs.InDoubt {
			t.Errorf("killed %v: %s was told twice of %s", death, m.To, m.ID)
		}
		told[m.ID] = true
	}
	switch {
	case len(anna) > 1, len(chief) > 2, len(chief) > 1 && crash == jobs.Repeat:
		t.Errorf("killed %v: anna got %v and the supervisor %v", death, anna, chief)
	case len(chief) == 0:
		t.Errorf("killed %v: the supervisor was not told", death)
	case len(anna) == 0 && crash == jobs.Repeat:
		t.Errorf("killed %v: anna was not told", death)
	case len(anna) == 0:
		// The message was about to be sent: nobody can know that it was not.
		h.timeline(1, "alert_doubt sip anna "+cutOff, "alert_sent sip chief overdue")
	}
	return h.commits
}
