package health

import (
	"context"
	"time"

	"ringback/ari"
)

// Problem is one thing that keeps the daemon from being ready.
type Problem struct {
	What string `json:"what"` // "database", or "pbx NAME"
	Why  string `json:"why"`
	Hint string `json:"hint,omitempty"`
}

// Check asks whether all is well.
type Check struct {
	disk  *probe
	pbxes func() []ari.Status
}

// New makes a Check: ask says whether the database can be written, pbxes how the
// watching of every PBX stands.
func New(ask func(context.Context) error, pbxes func() []ari.Status) *Check {
	return &Check{newProbe(ask), pbxes}
}

const (
	// healthTimeout is how long the database may take to show that it writes.
	healthTimeout = 3 * time.Second
	// verdictFor is how long what it showed is believed.
	verdictFor = time.Second
)

// probe asks whether the database can be written, and remembers the answer.
// Asking may cost a write, and /readyz is open to strangers: however many come,
// one question at a time is asked, no oftener than once per verdictFor, and no
// asker who hangs up spoils its answer for the others.
type probe struct {
	ask  func(context.Context) error
	turn chan struct{} // holds one: whoever put it there has what follows

	until time.Time // the verdict stands until then
	err   error     // the verdict
}

func newProbe(ask func(context.Context) error) *probe {
	return &probe{ask: ask, turn: make(chan struct{}, 1)}
}

// verdict is nil when the database can be written. It waits for a question that
// is being asked, no longer than its own asker does.
func (p *probe) verdict(ctx context.Context) error {
	select {
	case p.turn <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	defer func() { <-p.turn }()
	if time.Now().Before(p.until) {
		return p.err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), healthTimeout)
	defer cancel()
	p.err = p.ask(ctx)
	p.until = time.Now().Add(verdictFor)
	return p.err
}

// Problems lists what is not as it should be.
func (c *Check) Problems(ctx context.Context) []Problem {
	var list []Problem
	if err := c.disk.verdict(ctx); err != nil {
		list = append(list, Problem{What: "database", Why: "it cannot be written", Hint: "the log says why"})
	}
	for _, pbx := range c.pbxes() {
		if pbx.State != ari.Watching {
			list = append(list, PBXProblem(pbx))
		}
	}
	return list
}

// PBXProblem says why a PBX is not being watched. The error itself stays in the
// log: it may name addresses.
func PBXProblem(pbx ari.Status) Problem {
	p := Problem{What: "pbx " + pbx.PBX, Why: string(pbx.Trouble), Hint: pbx.Trouble.Hint()}
	if pbx.Trouble == ari.NoTrouble {
		p.Why = pbx.State.String()
	}
	return p
}
