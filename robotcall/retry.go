package robotcall

import (
	"time"

	"ringback/leads/dials"
)

// retry says how often, and how much later, a call is tried again.
type retry struct {
	after time.Duration
	times int
	// free says that the attempt does not count: nothing rang.
	free bool
}

// retries is the table of what follows an attempt by its outcome. An outcome
// that is not in it was the last: somebody picked up, there is no such number,
// or nobody knows and the phone may have rung.
var retries = map[dials.Outcome]retry{
	dials.Busy:        {after: 5 * time.Minute, times: 3},
	dials.NoAnswer:    {after: 30 * time.Minute, times: 2},
	dials.Unreachable: {after: 30 * time.Minute, times: 2},
	dials.Stopped:     {after: 30 * time.Minute, times: 2},
	dials.Failed:      {after: 5 * time.Minute, times: 2},
	dials.Rejected:    {after: 2 * time.Hour, times: 1},
	dials.Congestion:  {after: time.Minute, free: true},
}

// Retry says whether a call that ended so is tried again, and how much later.
// consumed is how many attempts there were, this one included (dials.Consumed).
func (r *Rules) Retry(o dials.Outcome, consumed int) (after time.Duration, again bool) {
	next, ok := retries[o]
	if !ok || !next.free && consumed > next.times {
		return 0, false
	}
	return next.after, true
}
