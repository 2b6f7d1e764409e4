package view

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// Clerk makes reports. It keeps what it has counted, by quarters of an hour, and
// counts a quarter anew when something has changed in it: however late a call is
// found in the records, or a lead of last week is called back, the next report
// is right.
type Clerk struct {
	view *View
	zone *time.Location

	mu       sync.Mutex // of what was counted
	quarters map[quarter]*counted
	known    map[int64]quarter // by lead, where it was counted
	names    []string
	numbers  map[string]int

	notes sync.Mutex // of what was told since: who tells waits for no report
	moved map[quarter]bool
	leads map[int64]bool
	lost  bool // too much was told to keep it
}

// mostTold is of how many leads it is kept that they have changed; with more
// everything is counted anew.
const mostTold = 10_000

// longestReport is how many days a report covers at most.
const longestReport = 31

// NewClerk makes a Clerk that reads by v and is told by d what changes. Days and
// hours are those of zone.
func NewClerk(v *View, d *db.DB, zone *time.Location) *Clerk {
	c := &Clerk{view: v, zone: zone, moved: map[quarter]bool{}, leads: map[int64]bool{}}
	c.forget()
	d.Listen(leads.TopicCalls, func(note any) {
		if told, ok := note.(leads.CallRecorded); ok {
			c.notes.Lock()
			defer c.notes.Unlock()
			c.moved[quarterOf(db.Millis(told.Started))] = true
		}
	})
	d.Listen(leads.TopicTimeline, func(note any) {
		if told, ok := note.(leads.Entry); ok && told.Lead.Valid {
			c.notes.Lock()
			defer c.notes.Unlock()
			if c.lost = c.lost || len(c.leads) >= mostTold; !c.lost {
				c.leads[told.Lead.Int64] = true
			}
		}
	})
	return c
}

// forget forgets all that was counted.
func (c *Clerk) forget() {
	c.quarters, c.known = map[quarter]*counted{}, map[int64]quarter{}
	c.names, c.numbers = []string{""}, map[string]int{"": 0}
}

// count has every quarter of a time counted as it is now.
func (c *Clerk) count(ctx context.Context, from, until quarter) error {
	if err := c.learn(ctx); err != nil {
		c.forget() // what was told is gone, and what it changed is not known
		return err
	}
	for q := range c.quarters {
		if q < until-longestReport*24*4 {
			delete(c.quarters, q)
		}
	}
	for lead, q := range c.known {
		if c.quarters[q] == nil {
			delete(c.known, lead)
		}
	}
	for q := from; q < until; q++ {
		end := q
		for end < until && c.quarters[end] == nil {
			end++
		}
		if end == q {
			continue
		}
		if err := c.read(ctx, q, end); err != nil {
			c.forget()
			return err
		}
		q = end
	}
	return nil
}

// learn forgets the quarters in which something has changed.
func (c *Clerk) learn(ctx context.Context) error {
	c.notes.Lock()
	moved, told, lost := c.moved, c.leads, c.lost
	c.moved, c.leads, c.lost = map[quarter]bool{}, map[int64]bool{}, false
	c.notes.Unlock()
	if lost {
		c.forget()
		return nil
	}
	for q := range moved {
		delete(c.quarters, q)
	}
	var some []int64
	for lead := range told {
		if q, known := c.known[lead]; known {
			delete(c.quarters, q)
			delete(c.known, lead)
		}
		if some = append(some, lead); len(some) == MaxLimit {
			if err := c.learnLeads(ctx, some); err != nil {
				return err
			}
			some = some[:0]
		}
	}
	return c.learnLeads(ctx, some)
}

// learnLeads forgets the quarters in which leads and their calls are counted: the
// calls are the manager's whose the lead is.
func (c *Clerk) learnLeads(ctx context.Context, some []int64) error {
	if len(some) == 0 {
		return nil
	}
	var by condition
	var these []string
	for _, lead := range some {
		these = append(these, by.next(lead))
	}
	in := " IN (" + strings.Join(these, ", ") + ")"
	for _, query := range []string{"SELECT first_missed FROM leads WHERE id" + in, "SELECT started FROM calls WHERE lead" + in} {
		times, err := collect(ctx, c.view.db, scanNumber, query, by.args...)
		if err != nil {
			return fmt.Errorf("view: what changed for a report: %w", err)
		}
		for _, ms := range times {
			delete(c.quarters, quarterOf(ms))
		}
	}
	return nil
}
