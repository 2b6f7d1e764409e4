package cdr

import (
	"slices"
	"time"
)

// nearby is how far from what is asked for records may be that are kept for what
// they tell of their neighbours.
const nearby = 15 * time.Minute

// longest is how long after a call began rows of it are looked for where there is
// a bound.
const longest = 12 * time.Hour

// query says which calls are asked for.
type query struct {
	since, until time.Time // the beginnings of calls; until is zero where there is no bound
	bound        time.Time // the earliest beginning of those and of the named ones
	named        map[string]bool
}

func newQuery(since, until time.Time, calls []string) *query {
	q := &query{since: since.Truncate(time.Second), until: until, bound: since, named: map[string]bool{}} // as exact as ids are
	if !until.IsZero() {
		q.until = until.Truncate(time.Second)
	}
	for _, id := range calls {
		q.named[id] = true
		if at := began(id); !at.IsZero() && at.Before(q.bound) {
			q.bound = at
		}
	}
	return q
}

func (q *query) String() string {
	text := "since " + q.since.UTC().Format(time.RFC3339)
	if !q.until.IsZero() {
		text += " and until " + q.until.UTC().Format(time.RFC3339)
	}
	return text
}

// has says that a call that began then is asked for, or is not farther from those
// than that.
func (q *query) has(began time.Time, near time.Duration) bool {
	return !began.Before(q.since.Add(-near)) && (q.until.IsZero() || began.Before(q.until.Add(near)))
}

// matters says that a row with such ids may be kept, as far as they tell.
func (q *query) matters(unique, linked string) bool {
	at := began(linked)
	if at.IsZero() {
		at = began(unique)
	}
	return at.IsZero() || q.has(at, nearby) || q.named[unique] || q.named[linked]
}

// wanted leaves only records of calls that are asked for, and all of theirs.
func (q *query) wanted(records []Record) []Record {
	key := func(r *Record) string {
		if r.LinkedID == "" && r.UniqueID == "" {
			return r.Channel
		}
		return callOf(r.UniqueID, r.LinkedID)
	}
	c := choice{query: q, begins: map[string]time.Time{}, asked: map[string]bool{}}
	for i := range records {
		r := &records[i]
		c.see(key(r), r.UniqueID, r.LinkedID, r.beginning())
	}
	return slices.DeleteFunc(records, func(r Record) bool { return !c.wants(key(&r)) })
}

// wantedEvents does the same with events.
func (q *query) wantedEvents(events []Event) []Event {
	c := choice{query: q, begins: map[string]time.Time{}, asked: map[string]bool{}}
	for i := range events {
		e := &events[i]
		at := began(e.UniqueID)
		if at.IsZero() {
			at = e.At.Truncate(time.Second)
		}
		c.see(callOf(e.UniqueID, e.LinkedID), e.UniqueID, e.LinkedID, at)
	}
	return slices.DeleteFunc(events, func(e Event) bool { return !c.wants(callOf(e.UniqueID, e.LinkedID)) })
}

func callOf(unique, linked string) string {
	if linked != "" {
		return linked
	}
	return unique
}

// choice is made between calls, once all their rows were seen.
type choice struct {
	*query
	begins map[string]time.Time
	asked  map[string]bool // by name
}

// see notes a row of a call, that of a channel that began then.
func (c *choice) see(call, unique, linked string, channelBegan time.Time) {
	at := began(linked)
	if at.IsZero() {
		at = channelBegan
	}
	if old, seen := c.begins[call]; !seen || at.Before(old) {
		c.begins[call] = at
	}
	if c.named[unique] || c.named[linked] {
		c.asked[call] = true
	}
}

func (c *choice) wants(call string) bool { return c.asked[call] || c.has(c.begins[call], 0) }
