package alert

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// foundLate records a missed call that was over so long ago.
func (h *house) foundLate(caller string, age time.Duration) {
	h.t.Helper()
	c := h.miss(caller)
	c.Started, c.Ended, c.Source = c.Started.Add(-age), c.Ended.Add(-age), call.Records
	h.tell(call.Ended, c)
}

const second, third = "+79160000002", "+79160000003"

// What was missed while nobody watched is told at once, and as late; what is
// older than a day in one digest to each person, and nobody is rung for it until
// the contact rings again.
func TestFoundLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.foundLate(client, 26*time.Hour)
		h.at(30 * time.Second)
		h.foundLate(second, 25*time.Hour)
		h.foundLate(third, 23*time.Hour)
		h.at(time.Hour)
		// The last figure is the lead; a digest is about none by itself.
		first := []string{"30s anna new_lead 3", "1m0s chief digest 0", "1m0s anna digest 0", "1m30s boris digest 0", "20m30s chief overdue 3"}
		sip.toldInAnyOrder(t, first...)
		for _, m := range sip.messages() {
			switch {
			case m.Why == NewLead && (!m.FoundLate || !strings.Contains(m.Text, "Found late")):
				t.Errorf("it does not say that it comes late: %+v", m)
			case m.Why == Digest && m.To == "chief":
				if len(m.Leads) != 2 || m.Leads[0].Number != client || m.Leads[1].Number != second || !strings.Contains(m.Text, client) || !strings.Contains(m.Text, "assigned to boris") {
					t.Errorf("the digest is %+v", m)
				}
			}
		}
		h.missed(client)
		h.at(2 * time.Hour)
		sip.toldInAnyOrder(t, append(first, "1h0m20s anna new_lead 1", "1h20m20s chief overdue 1")...)
	})
}

// toldInAnyOrder is told, where several people are told at one instant.
func (r *recorder) toldInAnyOrder(t *testing.T, want ...string) {
	t.Helper()
	var got []string
	for i, m := range r.messages() {
		got = append(got, fmt.Sprintf("%v %s %s %d", r.when[i], m.To, m.Why, m.Lead))
	}
	slices.Sort(got)
	want = slices.Sorted(slices.Values(want))
	if !slices.Equal(got, want) {
		t.Errorf("the channel was given\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// TestDigestAfterTheClockWasSetBack finds a lead in a minute that the clock shows
// for the second time, and of which there has been a digest.
func TestDigestAfterTheClockWasSetBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}).open()
		h.foundLate(client, 26*time.Hour)
		h.at(90 * time.Second)
		h.set.Store(int64(-90 * time.Second))
		h.foundLate(second, 27*time.Hour)
		h.at(time.Hour)
		sip.toldInAnyOrder(t, "1m0s chief digest 0", "1m0s anna digest 0", "2m30s chief digest 0", "2m30s boris digest 0")
	})
}

// A death between two digests, or in the middle of one, makes no second.
func TestOneDigest(t *testing.T) {
	for death := range 12 {
		synctest.Test(t, func(t *testing.T) {
			sip := newRecorder(nil)
			h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.Repeat}).open()
			h.foundLate(client, 26*time.Hour)
			h.at(30 * time.Second)
			h.foundLate(second, 25*time.Hour)
			err := h.db.Do(t.Context(), func(*db.Tx) error { // on the goroutine that looks at it
				h.death = db.Boundary{Commit: h.commits + 2 + death/2, After: death%2 == 1}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			h.at(30 * time.Minute)
			if h.dying.Load() {
				h.stop()
				h.open()
			}
			h.at(time.Hour)
			ids := map[string]bool{}
			for _, m := range sip.messages() {
				ids[m.ID] = true
			}
			if len(ids) != 3 {
				t.Errorf("death %d: %d digests for three people", death, len(ids))
			}
		})
	}
}
