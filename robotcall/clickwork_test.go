package robotcall

import (
	"fmt"
	"testing"

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
