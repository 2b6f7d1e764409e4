package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// told is a call as the test knows it.
type told struct {
	id, started                                         int64
	direction, verdict, reason, line, pool, manager, to string
	contact                                             int64
}

// tellCalls writes calls of every kind, many of one instant, and gives them as
// lists sort them.
func (b *book) tellCalls(dice *rand.Rand, n int) []told {
	b.t.Helper()
	of := func(words ...string) string { return words[dice.IntN(len(words))] }
	b.exec("INSERT INTO contacts (name, created) VALUES ('A', 1), ('B', 1), ('C', 1)")
	var calls []told
	for i := range n {
		c := told{id: int64(i + 1), started: 1_000_000 + 1000*dice.Int64N(int64(n)/3), direction: of("inbound", "inbound", "outbound", "internal"), pool: of("sales", "service", ""),
			manager: of("anna", "boris", "clara", "", ""), to: fmt.Sprintf("+4930%06d", dice.IntN(1000)), contact: dice.Int64N(3) + 1}
		c.line = c.pool + of("", "-2")
		if c.direction == "inbound" {
			c.verdict, c.reason = "missed", of("no_answer", "busy")
			if dice.IntN(2) == 0 {
				c.verdict, c.reason = "answered", "person"
			}
		}
		b.exec(`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, source, contact, manager)
			VALUES ('main', $1, $2, '101', '', $3, $4, $5, $6, $6, $7, $8, 'ari', $9, $10)`,
			fmt.Sprint(i), c.direction, c.to, c.line, c.pool, c.started, c.verdict, c.reason, c.contact, c.manager)
		calls = append(calls, c)
	}
	slices.SortFunc(calls, func(a, b told) int { return place{b.started, b.id}.compare(place{a.started, a.id}) })
	return calls
}

// sees is the rule of sight, told once more.
func (c *told) sees(s *leads.Sight) bool {
	return s.All || slices.Contains(s.Supervises, c.pool) || c.manager != "" && c.manager == s.Login ||
		c.manager == "" && c.direction == "inbound" && slices.Contains(s.Pools, c.pool)
}

func (c *told) wanted(f *CallFilter) bool {
	is := func(want, have string) bool { return want == "" || want == have }
	at := db.Time(c.started)
	return is(string(f.Verdict), c.verdict) && is(string(f.Reason), c.reason) && is(string(f.Direction), c.direction) && is(f.Line, c.line) && is(f.Pool, c.pool) &&
		is(f.Person, c.manager) && (f.Contact == 0 || f.Contact == c.contact) && (f.From.IsZero() || !at.Before(f.From)) && (f.Until.IsZero() || at.Before(f.Until)) &&
		(f.Number == "" || strings.Contains(c.to, "001"))
}

func TestCallsInSightAreWholeInBothDirections(t *testing.T) {
	defer func(before int) { walked = before }(walked)
	dice := rand.New(rand.NewPCG(7, 7))
	b := newBook(t)
	calls := b.tellCalls(dice, 300)
	sights := []leads.Sight{leads.Everything, {Login: "anna"}, {Login: "anna", Pools: []string{"sales"}}, {Login: "boris", Supervises: []string{"sales"}},
		{Login: "clara", Supervises: []string{"sales"}, Pools: []string{"service"}}, {Login: "nobody", Pools: []string{"service"}}, {Login: "anna", All: true, Only: 3}}
	filters := []CallFilter{{}, {Verdict: routing.Missed}, {Reason: routing.Busy}, {Direction: call.Outbound}, {Line: "sales-2"}, {Pool: "sales"}, {Person: "anna"},
		{Person: "anna", Pool: "service", Verdict: routing.Answered}, {Contact: 2}, {Number: "00-1"}, {Verdict: "none"},
		{From: time.UnixMilli(1_020_000), Until: time.UnixMilli(1_070_000)}, {Reason: routing.NoAnswer, From: time.UnixMilli(1_020_000)}}
	for _, walked = range []int{5, 40, 10_000} {
		for i, s := range sights {
			for _, f := range filters {
				var want []int64
				for _, c := range calls {
					if s.Only == 0 && c.sees(&s) && c.wanted(&f) {
						want = append(want, c.id)
					}
				}
				what := fmt.Sprintf("walking %d, sight %d, %+v", walked, i, f)
				down, last := b.down(what, s, f)
				if !slices.Equal(down, want) {
					t.Errorf("%s: %v, want %v", what, down, want)
				}
				if up := b.up(what, s, f, last); !slices.Equal(up, want[:len(up)]) || len(up) < len(want)-7 {
					t.Errorf("%s, back from the last page: %v, want %v", what, up, want)
				}
			}
		}
	}
}

// TestCallsOfANumberAreThoseWithoutAContactToo looks for a part of a number that a
// contact has, and that stands in calls which are nobody's.
func TestCallsOfANumberAreThoseWithoutAContactToo(t *testing.T) {
	defer func(before int) { walked = before }(walked)
	b := newBook(t)
	b.exec("INSERT INTO contacts (name, created) VALUES ('A', 1)")
	b.exec("INSERT INTO numbers (number, contact) VALUES ('+4930001234', 1)")
	b.learn()
	var want, seen []int64
	for i := range int64(90) {
		to, contact, pool := "117", any(nil), "service"
		switch i % 4 {
		case 0:
			to, contact = "+4930001234", 1
		case 1:
			to = "001234"
		}
		if i%3 == 0 {
			pool = "sales"
		}
		b.exec(`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, source, contact, manager)
			VALUES ('main', $1, 'outbound', '101', '', $2, '', $3, $4, $4, '', '', 'ari', $5, '')`, fmt.Sprint(i), to, pool, 1_000_000+i, contact)
		if i%4 < 2 {
			want = append(want, i+1)
			if pool == "sales" {
				seen = append(seen, i+1)
			}
		}
	}
	slices.Reverse(want)
	slices.Reverse(seen)
	for _, walked = range []int{5, 40, 10_000} {
		for _, of := range []struct {
			sight leads.Sight
			want  []int64
		}{{leads.Everything, want}, {leads.Sight{Login: "chief", Supervises: []string{"sales"}}, seen}} {
			down, last := b.down("001234", of.sight, CallFilter{Number: "001234"})
			if !slices.Equal(down, of.want) {
				t.Errorf("walking %d, %+v: %v, want %v", walked, of.sight, down, of.want)
			}
			if up := b.up("001234", of.sight, CallFilter{Number: "001234"}, last); !slices.Equal(up, of.want[:len(up)]) || len(up) < len(of.want)-7 {
				t.Errorf("walking %d, %+v, back from the last page: %v, want %v", walked, of.sight, up, of.want)
			}
		}
	}
}

// down follows the pages to the end; last is the last one's Newer.
func (b *book) down(what string, s leads.Sight, f CallFilter) (ids []int64, last string) {
	b.t.Helper()
	p := Page{Limit: 7}
	for range 400 {
		page, err := b.PageOfCalls(b.t.Context(), s, f, p, false)
		if err != nil {
			b.t.Fatalf("%s: %v", what, err)
		}
		for _, c := range page.Items {
			ids = append(ids, c.ID)
		}
		if page.Back.IsZero() != (page.Next == "" || len(page.Items) == 7) {
			b.t.Fatalf("%s: %d calls, next %q, looked back to %v", what, len(page.Items), page.Next, page.Back)
		}
		if page.Next == "" {
			return ids, page.Newer
		}
		p.Cursor = page.Next
	}
	b.t.Fatalf("%s: there is no end of it", what)
	return nil, ""
}

// up follows the pages back to the first; the calls come in the order of lists.
func (b *book) up(what string, s leads.Sight, f CallFilter, cursor string) (ids []int64) {
	b.t.Helper()
	for range 400 {
		if cursor == "" {
			return ids
		}
		page, err := b.PageOfCalls(b.t.Context(), s, f, Page{Limit: 7, Cursor: cursor}, true)
		if err != nil {
			b.t.Fatalf("%s: %v", what, err)
		}
		var more []int64
		for _, c := range page.Items {
			more = append(more, c.ID)
		}
		ids, cursor = append(more, ids...), page.Newer
	}
	b.t.Fatalf("%s: there is no end of it", what)
	return nil
}
