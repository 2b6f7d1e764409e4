package api

import (
	"net/http"
	"time"

	"ringback/ari"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
)

// shownGaps is how many of the newest blind intervals are told.
const shownGaps = 100

// Status is the answer of GET /api/v1/status: whether the daemon sees everything
// now, and what it did not see.
type Status struct {
	Version  string           `json:"version"`
	Mode     string           `json:"mode"`
	Now      time.Time        `json:"now"`
	Ready    bool             `json:"ready"`
	Problems []health.Problem `json:"problems"`
	PBXes    []pbxStatus      `json:"pbxes"`
	Blind    []Blind          `json:"blind"`
}

// pbxStatus is how the watching of one PBX stands. One that is not watched is
// blind since then, and listed under blind once it is watched again.
type pbxStatus struct {
	Name     string    `json:"name"`
	Watching bool      `json:"watching"`
	State    string    `json:"state"`
	Since    time.Time `json:"since"`
	Trouble  string    `json:"trouble"`
	Hint     string    `json:"hint"`
	// Version is Asterisk's own; empty: not known yet.
	Version string `json:"version"`
}

// Blind is an interval in which a PBX was not watched, and what was learned of it
// afterwards.
type Blind struct {
	ID      int64       `json:"id"`
	PBX     string      `json:"pbx"`
	Since   time.Time   `json:"since"`
	Until   time.Time   `json:"until"`
	Seconds float64     `json:"seconds"`
	Cause   leads.Cause `json:"cause"`
	// State is reading while the call records are waited for, done when all of
	// them were read, and unread where there are none to read.
	State       leads.GapState `json:"state"`
	Source      string         `json:"source"`
	Recovered   int            `json:"recovered"`
	Missed      int            `json:"missed"`
	Unconfirmed int            `json:"unconfirmed"`
	Error       string         `json:"error"`
	Finished    *time.Time     `json:"finished"`
}

// status answers GET /api/v1/status.
func (s *API) status(w http.ResponseWriter, r *http.Request) {
	gaps, err := s.view.Gaps(r.Context(), shownGaps)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	told := Status{Version: s.cfg.Version, Mode: s.cfg.Mode, Now: time.Now().UTC(), Problems: s.cfg.Health.Problems(r.Context()), PBXes: []pbxStatus{}, Blind: []Blind{}}
	if told.Ready = len(told.Problems) == 0; told.Ready {
		told.Problems = []health.Problem{}
	}
	for _, pbx := range s.cfg.PBXes() {
		told.PBXes = append(told.PBXes, pbxStatus{Name: pbx.PBX, Watching: pbx.State == ari.Watching, State: pbx.State.String(), Since: pbx.Since.UTC(),
			Trouble: string(pbx.Trouble), Hint: pbx.Trouble.Hint(), Version: pbx.Version})
	}
	for _, g := range gaps {
		b := Blind{ID: g.ID, PBX: g.PBX, Since: g.Since, Until: g.Until, Seconds: g.Until.Sub(g.Since).Seconds(), Cause: g.Cause, State: g.State(),
			Source: g.Source, Recovered: g.Recovered, Missed: g.Missed, Unconfirmed: g.Unconfirmed, Error: g.Error}
		if !g.Finished.IsZero() {
			b.Finished = &g.Finished
		}
		told.Blind = append(told.Blind, b)
	}
	door.JSON(w, http.StatusOK, typeJSON, told)
}
