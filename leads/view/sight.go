package view

import (
	"fmt"
	"strings"

	"ringback/ari/call"
	"ringback/leads"
)

// condition is a part of a WHERE; the values that it names stand in args.
type condition struct {
	text []string
	args []any
}

// and adds a part, in which each $ is the next of the values.
func (c *condition) and(part string, args ...any) {
	var b strings.Builder
	for i, piece := range strings.Split(part, "$") {
		if i > 0 {
			fmt.Fprintf(&b, "$%d", len(c.args)+i)
		}
		b.WriteString(piece)
	}
	c.text, c.args = append(c.text, b.String()), append(c.args, args...)
}

// next adds a value, and tells how a statement names it.
func (c *condition) next(value any) string {
	c.args = append(c.args, value)
	return fmt.Sprintf("$%d", len(c.args))
}

func (c *condition) String() string {
	if len(c.text) == 0 {
		return ""
	}
	return " WHERE " + strings.Join(c.text, " AND ")
}

// mine is what calls there are in somebody's sight: each part is a range of an
// index, and each call in sight is in at least one. Who sees everything has one
// part without a condition; who sees nothing has none.
//
// A person sees what they talked or placed and what their leads are of, what is
// nobody's in their pools, and all of the pools that they supervise.
func mine(s *leads.Sight) (parts []condition) {
	if s.Only != 0 {
		return nil
	}
	if s.All {
		return []condition{{}}
	}
	add := func(part string, args ...any) {
		var c condition
		c.and(part, args...)
		parts = append(parts, c)
	}
	if s.Login != "" {
		add(ofManager, s.Login)
	}
	for _, pool := range s.Supervises {
		add(ofPool, pool)
	}
	for _, pool := range s.Pools {
		add(ofPool+" AND +k.manager = '' AND +k.direction = $", pool, string(call.Inbound))
	}
	return parts
}

// The ranges of calls that an index has; each repeats what its index leaves out.
const (
	ofManager = "k.manager = $ AND k.manager <> ''"
	ofPool    = "k.pool = $ AND k.pool <> ''"
	ofContact = "k.contact = $"
	ofNobody  = "k.contact IS NULL"
)

// inSight narrows calls that are found by something else to those in sight. The
// plus keeps SQLite from looking for them by these columns.
func (c *condition) inSight(s *leads.Sight) {
	if s.All && s.Only == 0 {
		return
	}
	if s.Only != 0 {
		c.and("1 = 0")
		return
	}
	parts, args := []string{"+k.manager = $ AND +k.manager <> ''"}, []any{s.Login}
	for _, pool := range s.Supervises {
		parts, args = append(parts, "+k.pool = $"), append(args, pool)
	}
	for _, pool := range s.Pools {
		parts, args = append(parts, "+k.pool = $ AND +k.manager = '' AND +k.direction = $"), append(args, pool, string(call.Inbound))
	}
	c.and("("+strings.Join(parts, " OR ")+")", args...)
}
