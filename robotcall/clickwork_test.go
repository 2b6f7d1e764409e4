package robotcall

import (
	"errors"
	"fmt"
	"testing"

	"ringback/ari"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
)

// What a dead process has begun is gone on with, and nobody is rung again for it.
func TestClickOfADeadProcess(t *testing.T) {
	for name, c := range map[string]struct {
		before func(r *reception)
		why    string
	}{
		"nobody had picked up": {func(r *reception) { r.booked(dials.Click, 1, dials.NoAnswer) }, "you_did_not_answer"},
		"she waits on the line": {func(r *reception) {
			r.pbx.set(r.booked(dials.Click, 1, "").Channel, "Up", "Stasis")
			r.pbx.onward = func(string) error { return nil }
		}, "connected"},
		"they are talking": {func(r *reception) {
			former := r.booked(dials.Click, 1, "")
			r.answered(Pass{dial: former})
			r.booked(dials.Connect, 1, "")
			r.pbx.set(former.Channel, "Up", "Dial")
		}, "connected"},
		"she was not put through": {func(r *reception) {
			r.booked(dials.Click, 1, dials.Answered)
			r.booked(dials.Connect, 1, dials.Stopped)
		}, "failed"},
	} {
		t.Run(name, func(t *testing.T) {
			inReception(t, 1, func(r *reception) {
				click, err := r.managers.Click(r.t.Context(), leads.Sight{Login: "anna"}, leads.ByPage, 1)
				if err != nil {
					t.Fatal(err)
				}
				r.write(func(tx *db.Tx) error { return dials.BeginClick(tx, click, r.job.ID) })
				c.before(r)
				rung := 0
				r.pbx.originate = func(string) error { rung++; return nil }
				res := r.managers.doClick(r.life, jobs.Job{ID: r.job.ID, Kind: KindClick, Lane: "anna", Payload: fmt.Appendf(nil, `{"click":%d}`, click)})
				if res.Note != nil {
					r.write(res.Note)
				}
				var why string
				r.read("SELECT why FROM clicks", &why)
				if why != c.why || rung != 0 {
					t.Errorf("it ended as %q, and she was rung %d times; want %q", why, rung, c.why)
				}
			})
		})
	}
}

// Who was connected has taken the lead on, unless it is another's by now or
// nobody was reached for a fault of the PBX.
func TestWhoseTheLeadIsAfterAClick(t *testing.T) {
	for name, c := range map[string]struct {
		manager string // whose it is by then
		talk    dials.Outcome
		whose   string // and who has acknowledged it
	}{
		"hers":                   {"anna", "", "anna anna"},
		"nobody's":               {"", "", "anna anna"},
		"another's":              {"boris", "", "boris "},
		"the client was busy":    {"anna", dials.Busy, "anna anna"},
		"the trunk fell":         {"anna", dials.Congestion, "anna "},
		"the number was invalid": {"", dials.Invalid, " "},
	} {
		t.Run(name, func(t *testing.T) {
			inReception(t, 1, func(r *reception) {
				anna := leads.Sight{Login: "anna", Pools: []string{"default"}}
				click, err := r.managers.Click(r.t.Context(), anna, leads.ByPage, 1)
				if err != nil {
					t.Fatal(err)
				}
				r.write(func(tx *db.Tx) error { return dials.BeginClick(tx, click, r.job.ID) })
				r.booked(dials.Click, 1, dials.Answered)
				r.booked(dials.Connect, 1, c.talk)
				r.write(func(tx *db.Tx) error {
					if _, err := tx.Exec("UPDATE leads SET manager = $1", c.manager); err != nil {
						return err
					}
					w, err := r.managers.clicked(tx, jobs.Job{ID: r.job.ID, Kind: KindClick, Payload: fmt.Appendf(nil, `{"click":%d}`, click)})
					if err != nil {
						return err
					}
					return w.end(tx, dials.Connected)
				})
				var whose string
				r.read("SELECT manager || ' ' || ack_by FROM leads", &whose)
				if whose != c.whose {
					t.Errorf("it is of, and acknowledged by, %q; want %q", whose, c.whose)
				}
			})
		})
	}
}

// A link that is older than the lead's being handed on calls nobody.
func TestClickOnAnOldLink(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.write(func(tx *db.Tx) error { _, err := tx.Exec("UPDATE leads SET manager = 'boris'"); return err })
		link := leads.Sight{Login: "anna", Pools: []string{"default"}, Only: 1}
		taken := new(leads.TakenError)
		if _, err := r.managers.Click(r.t.Context(), link, leads.ByLink, 1); !errors.As(err, &taken) || taken.By != "boris" {
			t.Errorf("%v", err)
		}
		var clicks int
		r.read("SELECT COUNT(*) FROM clicks", &clicks)
		if clicks != 0 {
			t.Error("somebody is rung")
		}
	})
}

// What a call would fail by is told before anybody asks for it.
func TestHindrance(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		wants := func(login, number string, want Hindrance) {
			t.Helper()
			if got := r.managers.Hindrance(login, number); got != want {
				t.Errorf("%s calls %q: %q, want %q", login, number, got, want)
			}
		}
		wants("anna", "", "")
		wants("anna", "+79161234567", "")
		wants("anna", "+78091234567", BadClient) // premium
		wants("anna", "+4915112345678", BadClient)
		wants("boris", "", NoPhone)
		r.guard.rules.Observe = true
		wants("anna", "+79161234567", Watching)
		r.guard.rules.Observe = false
		r.dialer.Step("main", &ari.Event{Type: ari.Disconnected})
		wants("anna", "+79161234567", PBXDown)
	})
}
