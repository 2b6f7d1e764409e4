package alert

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// handsOn is a ladder with a next manager, and perhaps with what comes after.
func (h *house) handsOn(more ...routing.Rung) {
	h.pool().Ladder.Rungs = append([]routing.Rung{{Tell: routing.TellManager}, {After: 10 * time.Minute, Tell: routing.TellNextManager}}, more...)
}

// to answers the first message to a person in one way, and takes the others.
func to(login string, first func(context.Context, int, Message) (Outcome, string)) func(context.Context, int, Message) (Outcome, string) {
	done := false
	return func(ctx context.Context, n int, m Message) (Outcome, string) {
		if m.To == login && !done {
			done = true
			return first(ctx, n, m)
		}
		return Sent, ""
	}
}

func TestTheNextManagerCannotBeReached(t *testing.T) {
	t.Run("at the ladder's end they are told again", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(to("boris", always(Refused, "no such phone")))
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			h.handsOn()
			h.open().missed(client)
			h.at(48 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "10m20s boris handed 1", "15m20s boris new_lead 1")
		})
	})
	t.Run("before it the next rung comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(to("boris", always(Refused, "no such phone")))
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			h.handsOn(routing.Rung{After: 20 * time.Minute, Tell: routing.TellSupervisor})
			h.open().missed(client)
			h.at(48 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "10m20s boris handed 1", "20m20s chief overdue 1")
		})
	})
	t.Run("in doubt the next rung comes forward", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			var h *house
			sip := newRecorder(to("boris", killed(&h)))
			h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
			h.handsOn(routing.Rung{After: 20 * time.Minute, Tell: routing.TellSupervisor})
			h.open().missed(client)
			h.at(11 * time.Minute)
			h.stop()
			h.open()
			h.at(48 * time.Hour)
			sip.told(t, "20s anna new_lead 1", "10m20s boris handed 1", "11m0s chief overdue 1")
		})
	})
}

// A configuration with fewer rungs than were booked ends with its last one.
func TestALadderThatWasMadeShorter(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.pool().Ladder.Rungs = []routing.Rung{{Tell: routing.TellManager}, {After: time.Minute, Tell: routing.TellManager},
			{After: 2 * time.Minute, Tell: routing.TellManager}, {After: 10 * time.Minute, Tell: routing.TellManager}}
		h.open().missed(client)
		h.at(3 * time.Minute)
		h.stop()
		h.pool().Ladder.Rungs = twoRungs().Rungs
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m20s anna new_lead 1", "2m20s anna new_lead 1", "10m20s chief overdue 1")
	})
}

// Of one that was taken away nothing is left to climb.
func TestALadderThatWasTakenAway(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.open().missed(client)
		h.at(time.Minute)
		h.stop()
		h.pool().Ladder.Rungs = nil
		h.open()
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1")
	})
}

// assign has the supervisor give a lead to somebody.
func (h *house) assign(lead int64, to string) {
	h.t.Helper()
	chief, known := leads.SightOf(h.office.Directory, "chief")
	if !known {
		h.t.Fatal("nobody is called chief")
	}
	if err := h.db.Do(h.t.Context(), func(tx *db.Tx) error { return h.book.Hand(chief, leads.ByPage).Assign(tx, lead, to) }); err != nil {
		h.t.Fatal(err)
	}
}

// A lead that comes back to somebody is news to them.
func TestWhoGetsALeadAgainIsToldAgain(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.only()
		h.open().missed(client)
		for i, to := range []string{"boris", "anna", "boris", "anna"} {
			h.at(time.Duration(i+1) * time.Minute)
			h.assign(1, to)
		}
		h.at(24 * time.Hour)
		sip.told(t, "20s anna new_lead 1", "1m0s boris handed 1", "2m0s anna handed 1", "3m0s boris handed 1", "4m0s anna handed 1")
	})
}

// Of a lead that no ladder tells of hears whom somebody gives it to: they find it
// worth a call.
func TestAssigningWhatIsTooOldForALadder(t *testing.T) {
	story(t, func(t *testing.T, h *house, sip *recorder) {
		h.only()
		h.open().foundLate(client, 26*time.Hour)
		h.at(5 * time.Minute)
		h.assign(1, "boris")
		h.at(24 * time.Hour)
		sip.toldInAnyOrder(t, "1m0s anna digest 0", "1m0s chief digest 0", "5m20s boris new_lead 1")
	})
}
