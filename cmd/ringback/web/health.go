package web

import (
	"context"
	"net/http"
	"time"

	"ringback/ari"
)

// alive answers while the process does.
func (s *Server) alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// Problem is one thing that keeps the daemon from being ready.
type Problem struct {
	What string `json:"what"` // "database", or "pbx NAME"
	Why  string `json:"why"`
	Hint string `json:"hint,omitempty"`
}

// readiness is the answer of /readyz. Strangers learn only whether.
type readiness struct {
	Ready    bool      `json:"ready"`
	Problems []Problem `json:"problems,omitempty"`
}

// ready answers 200 only while every PBX is watched and the database writes.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	problems := s.problems(r.Context())
	code := http.StatusOK
	if len(problems) > 0 {
		code = http.StatusServiceUnavailable
	}
	told := readiness{Ready: len(problems) == 0}
	if s.guard.presentsToken(r) || isHere(r) {
		told.Problems = problems
	}
	writeJSON(w, code, "application/json", told)
}

// healthTimeout is how long the database may take to show that it writes.
const healthTimeout = 3 * time.Second

// problems lists what is not as it should be.
func (s *Server) problems(ctx context.Context) []Problem {
	var list []Problem
	ctx, cancel := context.WithTimeout(ctx, healthTimeout)
	defer cancel()
	if err := s.cfg.DB.Health(ctx); err != nil {
		list = append(list, Problem{What: "database", Why: "it cannot be written", Hint: "the log says why"})
	}
	for _, pbx := range s.cfg.PBXes() {
		if pbx.State != ari.Watching {
			list = append(list, pbxProblem(pbx))
		}
	}
	return list
}

// pbxProblem says why a PBX is not being watched. The error itself stays in the
// log: it may name addresses.
func pbxProblem(pbx ari.Status) Problem {
	p := Problem{What: "pbx " + pbx.PBX, Why: string(pbx.Trouble), Hint: pbx.Trouble.Hint()}
	if pbx.Trouble == ari.NoTrouble {
		p.Why = pbx.State.String()
	}
	return p
}
