package alert

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// failsUntil answers in one way until then, and takes what comes later.
func failsUntil(end time.Time, o Outcome) func(context.Context, int, Message) (Outcome, string) {
	return func(context.Context, int, Message) (Outcome, string) {
		if time.Now().Before(end) {
			return o, "as the test says"
		}
		return Sent, ""
	}
}

// A digest is about no lead by itself, and comes again all the same: no rung
// would tell what it has to tell.
func TestADigestThatReachesNobodyComesAgain(t *testing.T) {
	for outcome, want := range map[Outcome][]string{
		Refused:     {"1m0s %s digest 0", "6m0s %s digest 0"},
		Unreachable: {"1m0s %s digest 0", "1m15s %s digest 0", "2m15s %s digest 0", "5m15s %s digest 0"},
		TimedOut:    {"1m0s %s digest 0", "1m0s %s digest 0"},
	} {
		t.Run(string(outcome), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				end := time.Minute + time.Second
				if outcome == Unreachable {
					end = 5 * time.Minute
				}
				sip := newRecorder(failsUntil(time.Now().Add(end), outcome))
				h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
				h.foundLate(client, 26*time.Hour)
				h.at(24 * time.Hour)
				var told []string
				for _, line := range want {
					told = append(told, fmt.Sprintf(line, "anna"), fmt.Sprintf(line, "chief"))
				}
				sip.toldInAnyOrder(t, told...)
				doubles := 0
				for _, m := range sip.messages() {
					if m.Double {
						doubles++
					}
				}
				if (doubles == 2) != (outcome == TimedOut) {
					t.Errorf("%d messages say that they may be doubles", doubles)
				}
			})
		})
	}
}

// The promise of a list has an end: a channel that refuses it for a day refuses it.
func TestAListIsGivenUpInTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(always(Refused, "no such phone"))
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.foundLate(client, 26*time.Hour)
		h.at(7 * 24 * time.Hour)
		if got := len(sip.messages()); got != 2*(1+maxListRounds) {
			t.Errorf("two people were told %d times", got)
		}
		h.undelivered("sip", 2*(1+maxListRounds))
	})
}

func TestADigestOfARemovedChannelIsToldByTheOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip, mail := newRecorder(always(Unreachable, "away")), newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.foundLate(client, 26*time.Hour)
		h.at(70 * time.Second)
		h.stop()
		h.channels = []Named{{Name: "mail", Channel: mail, Crash: jobs.InDoubt}}
		h.open()
		h.at(24 * time.Hour)
		mail.toldInAnyOrder(t, "1m10s anna digest 0", "1m10s chief digest 0")
	})
}

// What somebody owes who is away comes to their supervisor, though the channel
// refuses it at first.
func TestWhatIsLeftComesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.missed(client)
		h.at(25 * time.Minute)
		sip.answer = failsUntil(time.Now().Add(time.Minute), Refused)
		anna, _ := leads.SightOf(h.office.Directory, "anna")
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			return h.book.Hand(anna, leads.ByPage).Away(tx, "anna", time.Time{}, time.Time{})
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "20m20s chief overdue 1", "25m0s chief absent 0", "30m0s chief absent 0")
	})
}
