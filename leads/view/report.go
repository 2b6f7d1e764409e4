package view

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// ReportAsked says what a report is about.
type ReportAsked struct {
	Sight leads.Sight
	// Days is how many days, today included; 1 is today so far.
	Days int
	// Pool, Line and Person narrow it; empty: they do not.
	Pool, Line, Person string
}

// Report is what became of calls. Of calls and leads, those count which are of the
// pools that somebody supervises, or their own; see Figures for what is counted.
type Report struct {
	From, Until time.Time // Until is the midnight that ends today
	Total       Figures
	Days        []Group   // by day, the first first; named as 2006-01-02
	Hours       []Figures // by hour of day, 0 to 23
	// Pools, Lines and People are by name, those with the most missed calls first;
	// the empty name is nobody's.
	Pools, Lines, People []Group
}

// Group is a part of a report.
type Group struct {
	Name string
	Figures
}

// ErrDays is in the error of days that no report is made of.
var ErrDays = errors.New("a report is of 1 to 31 days")

// Report counts what is asked for, as it is now.
func (c *Clerk) Report(ctx context.Context, asked ReportAsked, now time.Time) (*Report, error) {
	if asked.Days < 1 || asked.Days > longestReport {
		return nil, fmt.Errorf("view: report of %d days: %w", asked.Days, ErrDays)
	}
	today := now.In(c.zone)
	midnight := func(day int) time.Time {
		return time.Date(today.Year(), today.Month(), today.Day()+day, 0, 0, 0, 0, c.zone)
	}
	r := &Report{From: midnight(1 - asked.Days), Until: midnight(1), Hours: make([]Figures, 24)}
	for day := 1 - asked.Days; day <= 0; day++ {
		r.Days = append(r.Days, Group{Name: midnight(day).Format(time.DateOnly)})
	}
	from, until := quarterOf(db.Millis(r.From)), quarterOf(db.Millis(r.Until))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.count(ctx, from, until); err != nil {
		return nil, err
	}
	s := c.sum(r, &asked)
	for q := from; q < until; q++ {
		s.add(q, c.quarters[q])
	}
	r.Pools, r.Lines, r.People = s.pools.list(c.names), s.lines.list(c.names), s.people.list(c.names)
	return r, nil
}

// sum adds quarters to a report.
type sum struct {
	r                    *Report
	zone                 *time.Location
	next                 time.Time // when the day ends that is being added
	day                  int
	pools, lines, people groups
	all                  bool
	supervised           []bool // by the number of a pool
	own                  int    // number of the reader's login; 0: none
	pool, line, person   int    // anyNumber: any
}

func (c *Clerk) sum(r *Report, asked *ReportAsked) *sum {
	s := &sum{r: r, zone: c.zone, pool: anyNumber, line: anyNumber, person: anyNumber}
	for _, by := range []struct {
		name   string
		number *int
	}{{asked.Pool, &s.pool}, {asked.Line, &s.line}, {asked.Person, &s.person}} {
		if by.name != "" {
			*by.number = c.numberOf(by.name)
		}
	}
	s.own = max(0, c.numberOf(asked.Sight.Login))
	s.all = asked.Sight.All && asked.Sight.Only == 0
	s.supervised = make([]bool, len(c.names))
	if asked.Sight.Only != 0 {
		s.own = 0
	} else {
		for _, name := range asked.Sight.Supervises {
			if n := c.numberOf(name); n >= 0 {
				s.supervised[n] = true
			}
		}
	}
	s.pools, s.lines, s.people = make(groups, len(c.names)), make(groups, len(c.names)), make(groups, len(c.names))
	s.next = dayAfter(r.From, c.zone)
	return s
}

func dayAfter(midnight time.Time, zone *time.Location) time.Time {
	d := midnight.In(zone)
	return time.Date(d.Year(), d.Month(), d.Day()+1, 0, 0, 0, 0, zone)
}

// wants says whether something counts that is of that pool, line and person.
func (s *sum) wants(pool, line, person int) bool {
	return (s.all || s.supervised[pool] || s.own != 0 && person == s.own) &&
		(s.pool == anyNumber || s.pool == pool) && (s.line == anyNumber || s.line == line) && (s.person == anyNumber || s.person == person)
}

func (s *sum) add(q quarter, in *counted) {
	for !q.begin().Before(s.next) {
		s.day, s.next = s.day+1, dayAfter(s.next, s.zone)
	}
	if len(in.calls) == 0 && len(in.leads) == 0 {
		return
	}
	day, hour := &s.r.Days[s.day].Figures, &s.r.Hours[q.begin().In(s.zone).Hour()]
	for kind, n := range in.calls {
		if s.wants(kind.pool, kind.line, kind.person) {
			for _, f := range []*Figures{&s.r.Total, day, hour, s.pools.of(kind.pool), s.lines.of(kind.line), s.people.of(kind.person)} {
				f.count(&kind, n)
			}
		}
	}
	for i := range in.leads {
		if l := &in.leads[i]; s.wants(l.pool, l.line, l.person) {
			for _, f := range []*Figures{&s.r.Total, day, hour, s.pools.of(l.pool), s.lines.of(l.line), s.people.of(l.person)} {
				f.owe(l)
			}
		}
	}
}

// groups are figures by the number of a name.
type groups []*Figures

func (g groups) of(number int) *Figures {
	if g[number] == nil {
		g[number] = &Figures{}
	}
	return g[number]
}

func (g groups) list(names []string) (list []Group) {
	for number, f := range g {
		if f != nil {
			list = append(list, Group{names[number], *f})
		}
	}
	slices.SortFunc(list, func(a, b Group) int {
		return cmp.Or(b.Missed-a.Missed, b.Inbound()-a.Inbound(), cmp.Compare(a.Name, b.Name))
	})
	return list
}
