package alert

import (
	"encoding/json"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/told"
)

// choose is what somebody says in their settings.
func (h *house) choose(login string, c told.Choices) {
	h.t.Helper()
	desk := told.New(told.Config{Directory: h.office.Directory})
	if err := h.db.Do(h.t.Context(), func(tx *db.Tx) error { return desk.Save(tx, login, c, []string{"hook"}) }); err != nil {
		h.t.Fatal(err)
	}
}

// A death at any commit between the miss and the end of the quiet time, or of a
// list, neither loses what waits nor tells it twice.
func TestWhatWaitsSurvivesADeath(t *testing.T) {
	for name, c := range map[string]told.Choices{
		"quiet": {Weekend: "00:00-03:00"},
		"list":  {DigestAt: "03:00", Kinds: map[told.Kind]told.Choice{told.NewLead: {Digest: true}}},
	} {
		for death := range 16 {
			synctest.Test(t, func(t *testing.T) {
				hook := newRecorder(nil)
				h := newHouse(t, Named{Name: "hook", Channel: hook, Crash: jobs.Repeat}).open()
				h.choose("anna", c)
				err := h.db.Do(t.Context(), func(*db.Tx) error { // on the goroutine that looks at it
					h.death = db.Boundary{Commit: h.commits + 2 + death/2, After: death%2 == 1}
					return nil
				})
				if err != nil {
					t.Fatal(err)
				}
				h.missedUntilTaken(client)
				for hours := range 4 {
					h.at(time.Duration(hours+1) * time.Hour)
					if h.dying.Load() {
						h.stop()
						h.open()
					}
				}
				h.at(6 * time.Hour)
				ids := map[string]bool{}
				for _, m := range hook.messages() {
					if m.To == "anna" {
						ids[m.ID] = true
					}
				}
				var left int
				if err := h.db.Reader().QueryRow("SELECT COUNT(*) FROM held").Scan(&left); err != nil {
					t.Fatal(err)
				}
				if len(ids) != 1 || left != 0 {
					t.Errorf("%s, death %d: anna had %d messages, %d still wait", name, death, len(ids), left)
				}
			})
		}
	}
}

// What cannot be read any more is a failed job, and no panic.
func TestHeldForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t).open()
		due, _ := json.Marshal(heldDue{"nobody"})
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			for key, payload := range map[string]string{"a": string(due), "b": "{"} {
				if err := jobs.Enqueue(tx, jobs.Job{Kind: KindHeld, Key: key, Payload: []byte(payload)}); err != nil {
					return err
				}
			}
			return jobs.Enqueue(tx, jobs.Job{Kind: leads.KindAbsent, Key: "c", Payload: []byte(`{"login":"anna","to":"chief"}`)})
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at(time.Minute)
		for key, done := range map[string]bool{"a": true, "b": false, "c": true} {
			var state string
			if err := h.db.Reader().QueryRow("SELECT state FROM jobs WHERE key = $1", key).Scan(&state); err != nil || (state == "done") != done {
				t.Errorf("job %s is %s, %v", key, state, err)
			}
		}
	})
}
