package page

import (
	"slices"
	"time"

	"ringback/leads/view"
	"ringback/routing"
)

// unclaimed is how long a lead may be nobody's in the hours of its pool.
const unclaimed = 5 * time.Minute

// overdue says why a callback is: somebody let it lapse, or its supervisor had to
// be told.
func (t *teller) overdue(c *view.Callback) string {
	if c.Suspicious || c.AcknowledgedBy != "" {
		return ""
	}
	pool := t.directory.Pool(c.Pool)
	if pool == nil {
		return ""
	}
	switch {
	case supervised(pool, c.Rungs):
		return t.say("overdue.supervisor")
	case c.Lapsed:
		return t.say("overdue.lapsed")
	case c.Manager == "" && pool.Hours.Open(t.now) && t.now.Sub(c.Opened.Time) > unclaimed:
		return t.say("overdue.nobody")
	}
	return ""
}

// overdueIn is how many of those that were counted are overdue, for the same
// reasons.
func (t *teller) overdueIn(c *view.Tally) int {
	pool := t.directory.Pool(c.Pool)
	switch {
	case pool == nil:
		return 0
	case supervised(pool, c.Rungs):
		return c.Awake
	case c.Manager == "" && pool.Hours.Open(t.now):
		return c.Lapsed + c.Waiting
	}
	return c.Lapsed
}

// supervised says whether a ladder that has been climbed so far has reached the
// supervisor.
func supervised(pool *routing.Pool, rungs int) bool {
	told := slices.IndexFunc(pool.Ladder.Rungs, func(r routing.Rung) bool { return r.Tell == routing.TellSupervisor })
	return told >= 0 && rungs > told
}
