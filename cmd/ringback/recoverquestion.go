package main

import (
	"time"

	"ringback/ari/cdr"
)

// question is what is asked of the records.
type question struct {
	since  time.Time     // by the PBX's clock
	until  time.Time     // by the PBX's clock; zero: now
	end    time.Time     // by the PBX's clock: what began later was not missed
	newest bool          // this is the last piece
	ids    []string      // calls that nobody saw whole, asked for with the newest piece
	offset time.Duration // what is added to the PBX's times to have ours
	drift  time.Duration // how far the PBX's clock may have been set in the gap
	from   time.Time     // by our clock: no call that ended before it is in a gap; zero: there is no gap
}

func (r *recovery) question() question {
	r.mu.Lock()
	defer r.mu.Unlock()
	q := question{offset: r.offset}
	for id := range r.unseen {
		q.ids = append(q.ids, id)
	}
	for _, g := range r.gaps {
		if from := g.Since.Add(-overlap); q.from.IsZero() || from.Before(q.from) {
			q.from = from
		}
	}
	from := q.from
	if from.IsZero() {
		from = time.Now()
	}
	// The ids of calls go by the PBX's clock, which may have been set.
	for _, ahead := range r.aheads {
		q.drift = max(q.drift, (ahead + r.offset).Abs())
	}
	for _, g := range r.gaps {
		q.drift = max(q.drift, (g.Ahead + r.offset).Abs())
		q.end = later(q.end, g.Until)
	}
	q.end = q.end.Add(-r.offset + q.drift + overlap)
	if q.since = from.Add(-r.offset - q.drift); q.since.Before(r.final) && (r.finalBy-r.offset).Abs() < overlap { // and the clock was not set
		q.since = r.final
	}
	if !q.from.IsZero() {
		q.from = q.from.Add(-q.drift)
	}
	return q
}

// cut leaves only the first piece of what begins with since.
func (q *question) cut(now time.Time) {
	q.until = q.since.Add(pieceLength)
	if recent := now.Add(-q.offset - newestLength); !q.until.Before(recent) {
		q.until, q.newest = time.Time{}, true
	} else if !q.until.Before(q.end) {
		q.newest = true
	}
}

// has says that a call began in the piece.
func (q *question) has(t *cdr.Told) bool {
	began := t.Started.Add(-q.offset)
	return !began.Before(q.since) && (q.until.IsZero() || began.Before(q.until))
}
