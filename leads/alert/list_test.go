package alert

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/told"
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

// Who is away has no digest, whether they left before it was told or while it waited
// to be told again. Who leads them has it.
func TestWhoIsAwayHasNoDigest(t *testing.T) {
	for leaves, want := range map[time.Duration][]string{
		30 * time.Second: {"30s chief absent 0", "1m0s chief digest 0", "6m0s chief digest 0"},
		3 * time.Minute:  {"1m0s anna digest 0", "1m0s chief digest 0", "3m0s chief absent 0", "6m0s chief digest 0"},
	} {
		t.Run(leaves.String(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip := newRecorder(func(_ context.Context, _ int, m Message) (Outcome, string) {
					if m.Why == Digest {
						return failsUntil(m.Opened.Add(2*time.Minute), Refused)(t.Context(), 0, m)
					}
					return Sent, ""
				})
				h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
				h.foundLate(client, 26*time.Hour)
				h.at(leaves)
				anna, _ := leads.SightOf(h.office.Directory, "anna")
				err := h.db.Do(t.Context(), func(tx *db.Tx) error {
					return h.book.Hand(anna, leads.ByPage).Away(tx, "anna", time.Time{}, time.Time{})
				})
				if err != nil {
					t.Fatal(err)
				}
				h.at(24 * time.Hour)
				sip.toldInAnyOrder(t, want...)
			})
		})
	}
}

// A list that one channel has delivered is not told again by another that is in
// doubt.
func TestAListInDoubtThatAnotherHasDeliveredIsNotRepeated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mail, sip := newRecorder(nil), newRecorder(func(context.Context, int, Message) (Outcome, string) {
			time.Sleep(time.Second)
			return TimedOut, "no answer"
		})
		h := newHouse(t, Named{Name: "mail", Channel: mail, Crash: jobs.InDoubt}, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.foundLate(client, 26*time.Hour)
		h.at(24 * time.Hour)
		mail.toldInAnyOrder(t, "1m0s anna digest 0", "1m0s chief digest 0")
		sip.toldInAnyOrder(t, "1m0s anna digest 0", "1m0s chief digest 0")
	})
}

// What is settled while a list waits is not named when it is told; a list of which
// nothing is left is not told at all.
func TestAListThatIsToldLaterIsUpToDate(t *testing.T) {
	for name, all := range map[string]bool{"some": false, "all": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip := newRecorder(failsUntil(time.Now().Add(2*time.Minute), Refused))
				h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
				h.foundLate(client, 26*time.Hour)
				h.foundLate(second, 25*time.Hour)
				h.at(3 * time.Minute)
				h.settle(1)
				if all {
					h.settle(2)
				}
				h.at(24 * time.Hour)
				first := []string{"1m0s anna digest 0", "1m0s boris digest 0", "1m0s chief digest 0"}
				if all {
					sip.toldInAnyOrder(t, first...)
					return
				}
				sip.toldInAnyOrder(t, append(first, "6m0s boris digest 0", "6m0s chief digest 0")...)
				for _, m := range sip.messages()[3:] {
					if m.Missed != 1 || len(m.Leads) != 1 || m.Leads[0].Lead != 2 || strings.Contains(m.Text, client) {
						t.Errorf("%s is told of %+v", m.To, m)
					}
				}
			})
		})
	}
}

// settle closes a lead by hand.
func (h *house) settle(lead int64) {
	h.t.Helper()
	chief, _ := leads.SightOf(h.office.Directory, "chief")
	err := h.db.Do(h.t.Context(), func(tx *db.Tx) error { return h.book.Hand(chief, leads.ByPage).Settle(tx, lead, leads.Settled, "") })
	if err != nil {
		h.t.Fatal(err)
	}
}

// What a removed channel owes waits for the end of a quiet time, and is told once.
func TestWhatARemovedChannelOwesWaitsOnce(t *testing.T) {
	for _, list := range []bool{false, true} {
		t.Run(fmt.Sprint(list), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				crm, hook := newRecorder(always(Unreachable, "down")), newRecorder(nil)
				h := newHouse(t, Named{Name: "crm", Channel: crm})
				h.only()
				h.open()
				want := "10m0s anna new_lead 1"
				if list {
					want = "10m0s anna digest 0"
					h.foundLate(client, 26*time.Hour)
				} else {
					h.missed(client)
				}
				h.at(90 * time.Second)
				h.choose("anna", told.Choices{Weekend: "00:00-00:10"})
				h.stop()
				h.channels = []Named{{Name: "hook", Channel: hook}}
				h.told = told.New(told.Config{Directory: h.office.Directory})
				h.open()
				h.at(24 * time.Hour)
				var annas []string
				for i, m := range hook.messages() {
					if m.To == "anna" {
						annas = append(annas, fmt.Sprintf("%v %s %s %d", hook.when[i], m.To, m.Why, m.Lead))
					}
				}
				if len(annas) != 1 || annas[0] != want {
					t.Errorf("anna was told %q, want %q", annas, want)
				}
			})
		})
	}
}
