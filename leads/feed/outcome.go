package feed

import (
	"net/http"
	"time"

	"ringback/leads/db"
)

// settle notes what became of a post.
func (c *courier) settle(r result) {
	s := c.strands[r.d.subject]
	s.busy = false
	c.inHand--
	if r.d.attempts > 0 {
		c.again--
	}
	now := c.db.Now()
	switch {
	case r.gone:
		c.finish(s, r.d.done)
	case r.answer.Taken():
		c.m.delivered.Inc()
		c.how.delivered = db.Millis(now)
		if len(c.failing) >= deadAfter || !c.quiet.IsZero() || r.early {
			c.hasten(now)
		}
		clear(c.failing)
		c.finish(s, r.d.done)
	default:
		c.put(s, r, now)
	}
	if c.alone == 0 {
		c.how.troubled, c.how.trouble = 0, ""
	}
}

// finish takes the first of a strand off. What it writes is needed only where
// there is a row.
func (c *courier) finish(s *strand, write func(tx *db.Tx, hook string) error) {
	d := s.queue[0]
	s.queue = s.queue[1:]
	if len(s.queue) == 0 {
		delete(c.strands, d.subject)
	}
	if !d.alone {
		c.pending--
		return
	}
	c.alone--
	c.change(write)
}

// hasten has everything tried at once: a receiver that was not there takes events
// again, or somebody says so.
func (c *courier) hasten(now time.Time) {
	c.quiet, c.nextProbe, c.nextAsk = time.Time{}, time.Time{}, time.Time{}
	for _, s := range c.strands {
		s.queue[0].due = now
	}
}

// put has what was not taken tried again later, and what follows it wait; or
// gives it up.
func (c *courier) put(s *strand, r result, now time.Time) {
	d, why := r.d, c.hook.why(r.answer)
	d.attempts++
	d.tried, d.away = now, r.answer.Status == 0 || r.answer.Passing()
	c.m.refused.Inc()
	c.failing[d.subject] = struct{}{}
	c.how.troubled, c.how.trouble = db.Millis(now), why
	last := d.since.Add(giveUpAfter)
	if !now.Before(last) {
		c.m.givenUp.Inc()
		c.log.Error("an event was given up: ringback events replay --failed posts it again", "entry", d.entry, "subject", d.subject,
			"attempts", d.attempts, "why", why)
		if !d.alone { // its first attempt came late
			c.setAside(d)
		}
		lost := *d
		c.finish(s, func(tx *db.Tx, hook string) error { return lost.giveUp(tx, hook, why) })
		return
	}
	pause := max(pauses[min(d.attempts, len(pauses))-1], min(r.answer.After, goneFor))
	switch {
	case r.answer.Status == http.StatusGone:
		c.quiet = now.Add(goneFor)
	case r.answer.After > 0:
		c.quiet = now.Add(min(r.answer.After, goneFor))
	}
	d.due = now.Add(pause)
	if d.due.After(last) {
		d.due = last
	}
	if d.attempts == 1 {
		c.log.Warn("a receiver has not taken an event", "entry", d.entry, "subject", d.subject, "why", why)
	}
	for _, behind := range s.queue {
		if behind == d || !behind.alone {
			c.setAside(behind)
		}
	}
}
