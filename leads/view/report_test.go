package view

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// past is a random history that the test knows too: what it tells the database it
// tells as the Book does, with notes.
type past struct {
	*book
	dice  *rand.Rand
	now   time.Time
	calls []pastCall
	leads []pastLead
}

type pastCall struct {
	started, wait              int64
	direction, verdict, reason string
	pool, line, manager        string
	running                    bool
	lead                       int64
}

type pastLead struct {
	id, first                    int64
	pool, line, manager, outcome string
	missed                       int
	attempts                     []pastAttempt
	closed, through              int64
}

type pastAttempt struct {
	started, wait int64
	reached       bool
}

func (p *past) of(words ...string) string { return words[p.dice.IntN(len(words))] }

// do changes the database, and notes what the Book would note.
func (p *past) do(call *pastCall, lead int64, statements ...func(tx *db.Tx) error) {
	p.t.Helper()
	err := p.db.Do(p.t.Context(), func(tx *db.Tx) error {
		for _, fn := range statements {
			if err := fn(tx); err != nil {
				return err
			}
		}
		if call != nil {
			tx.Notify(leads.TopicCalls, leads.CallRecorded{Judged: leads.Judged{Started: db.Time(call.started)}})
		}
		if lead != 0 {
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(lead), Kind: leads.EntryTried})
		}
		return nil
	})
	if err != nil {
		p.t.Fatal(err)
	}
}

func run(query string, args ...any) func(tx *db.Tx) error {
	return func(tx *db.Tx) error { _, err := tx.Exec(query, args...); return err }
}

// some time of the last days, now and then at the turn of a day, an hour or a
// quarter.
func (p *past) when() int64 {
	at := p.now.Add(-time.Duration(p.dice.Int64N(int64(10 * 24 * time.Hour))))
	switch p.dice.IntN(6) {
	case 0:
		at = at.Truncate(24 * time.Hour).Add(-time.Duration(p.dice.IntN(2)) * time.Millisecond)
	case 1:
		at = at.Truncate(15 * time.Minute).Add(-time.Duration(p.dice.IntN(2)) * time.Millisecond)
	}
	return db.Millis(at)
}

// ring tells of a call; of a miss with a lead, perhaps of one that is there already.
func (p *past) ring() {
	p.t.Helper()
	c := pastCall{started: p.when(), wait: p.dice.Int64N(12_000), direction: p.of("inbound", "inbound", "inbound", "outbound"), pool: p.of("sales", "service"), manager: p.of("", "anna", "boris"),
		running: p.dice.IntN(15) == 0}
	c.line = c.pool + p.of("", "-2")
	switch {
	case c.direction == "outbound":
	case p.dice.IntN(2) == 0:
		c.verdict, c.reason = "answered", "person"
	case p.dice.IntN(5) == 0:
		c.verdict, c.reason = "ignored", p.of("short", "blocked")
	default:
		c.verdict, c.reason = "missed", p.of("no_answer", "abandoned_ringing", "abandoned_queue", "busy", "closed")
	}
	id, ended := len(p.calls)+1, any(c.started+c.wait)
	if c.running {
		ended, c.verdict, c.reason = nil, "", ""
	}
	write := run(`INSERT INTO calls (id, pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, wait_ms, source, manager)
		VALUES ($1, 'main', $1, $2, '', '', '', $3, $4, $5, $6, $7, $8, $9, 'ari', $10)`,
		id, c.direction, c.line, c.pool, c.started, ended, c.verdict, c.reason, c.wait, c.manager)
	if c.verdict != "missed" || p.dice.IntN(8) == 0 {
		p.do(&c, 0, write)
		p.calls = append(p.calls, c)
		return
	}
	for i := range p.leads { // it joins one, perhaps with an earlier miss
		if l := &p.leads[i]; l.outcome == "" && l.pool == c.pool && p.dice.IntN(4) == 0 {
			l.missed, l.line, l.first, c.lead, c.manager = l.missed+1, c.line, min(l.first, c.started), l.id, l.manager
			p.do(&c, l.id, write, run("UPDATE calls SET lead = $1, manager = $2 WHERE id = $3", l.id, l.manager, id),
				run("UPDATE leads SET missed = $1, line = $2, first_missed = $3 WHERE id = $4", l.missed, l.line, l.first, l.id))
			p.calls = append(p.calls, c)
			return
		}
	}
	l := pastLead{id: int64(len(p.leads) + 1), first: c.started, pool: c.pool, line: c.line, manager: c.manager, missed: 1}
	c.lead = l.id
	p.leads, p.calls = append(p.leads, l), append(p.calls, c)
	p.do(&c, l.id, write, p.insert(&l), run("UPDATE calls SET lead = $1 WHERE id = $2", l.id, id))
}

func (p *past) insert(l *pastLead) func(tx *db.Tx) error {
	return run("INSERT INTO leads (id, pool, line, manager, missed, first_missed, last_missed, opened) VALUES ($1, $2, $3, $4, $5, $6, $6, $6)",
		l.id, l.pool, l.line, l.manager, l.missed, l.first)
}

// byHand opens a lead that no call stands behind.
func (p *past) byHand() {
	p.t.Helper()
	l := pastLead{id: int64(len(p.leads) + 1), first: p.when(), pool: "sales", line: "sales", manager: "anna"}
	p.leads = append(p.leads, l)
	p.do(nil, l.id, p.insert(&l))
}

// act does something about a lead: much later, as a rule.
func (p *past) act() {
	p.t.Helper()
	if len(p.leads) == 0 {
		return
	}
	l := &p.leads[p.dice.IntN(len(p.leads))]
	if l.outcome != "" {
		return
	}
	talk := func(direction string) (id int64, at pastAttempt) {
		c := pastCall{started: p.when(), wait: p.dice.Int64N(9000), direction: direction, pool: "other", verdict: "answered", reason: "person"}
		p.calls = append(p.calls, c)
		id = int64(len(p.calls))
		p.do(&c, 0, run(`INSERT INTO calls (id, pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, wait_ms, source)
			VALUES ($1, 'main', $1, $2, '', '', '', '', 'other', $3, $3, 'answered', 'person', $4, 'ari')`, id, direction, c.started, c.wait))
		return id, pastAttempt{c.started, c.wait, false}
	}
	closing := func(outcome string) func(tx *db.Tx) error {
		l.outcome, l.closed = outcome, db.Millis(p.now)
		return run("UPDATE leads SET closed = $1, outcome = $2 WHERE id = $3", l.closed, outcome, l.id)
	}
	switch p.dice.IntN(6) {
	case 0: // given to somebody, and its calls with it
		l.manager = p.of("anna", "boris", "clara")
		for i := range p.calls {
			if p.calls[i].lead == l.id {
				p.calls[i].manager = l.manager
			}
		}
		p.do(nil, l.id, run("UPDATE leads SET manager = $1 WHERE id = $2", l.manager, l.id), run("UPDATE calls SET manager = $1 WHERE lead = $2", l.manager, l.id))
	case 1, 2: // somebody rings, and perhaps reaches them
		id, a := talk("outbound")
		a.reached = p.dice.IntN(2) == 0
		l.attempts = append(l.attempts, a)
		steps := []func(tx *db.Tx) error{run("INSERT INTO attempts (lead, call, who, started, talk_ms, reached) VALUES ($1, $2, 'anna', $3, 1, $4)", l.id, id, a.started, a.reached)}
		if a.reached && p.dice.IntN(4) > 0 {
			steps = append(steps, closing("called_back"))
		}
		p.do(nil, l.id, steps...)
	case 3:
		id, a := talk("inbound")
		l.through = a.started + a.wait
		p.do(nil, l.id, closing("client_got_through"), run("INSERT INTO timeline (lead, call, at, kind) VALUES ($1, $2, 1, 'closed')", l.id, id))
	case 4:
		p.do(nil, l.id, closing(p.of("settled", "not_needed", "observed", "merged")))
	}
}

// naive counts a report once more, from what the test knows.
func (p *past) naive(asked ReportAsked, zone *time.Location) string {
	today := p.now.In(zone)
	from := time.Date(today.Year(), today.Month(), today.Day()+1-asked.Days, 0, 0, 0, 0, zone)
	until := time.Date(today.Year(), today.Month(), today.Day()+1, 0, 0, 0, 0, zone)
	in := func(ms int64, pool, line, person string) bool {
		s := asked.Sight
		seen := s.All || slices.Contains(s.Supervises, pool) || person != "" && person == s.Login
		return seen && ms >= from.UnixMilli() && ms < until.UnixMilli() && (asked.Pool == "" || asked.Pool == pool) && (asked.Line == "" || asked.Line == line) &&
			(asked.Person == "" || asked.Person == person)
	}
	n := map[string]int{}
	hours, days := make([]string, 0), make([]string, 0)
	for _, c := range p.calls {
		if c.direction != "inbound" || c.running || !in(c.started, c.pool, c.line, c.manager) {
			continue
		}
		n[c.verdict]++
		n["pool "+c.pool+" "+c.verdict]++
		n["line "+c.line+" "+c.verdict]++
		n["person "+c.manager+" "+c.verdict]++
		at := time.UnixMilli(c.started).In(zone)
		hours = append(hours, at.Format("15")+c.verdict)
		days = append(days, at.Format(time.DateOnly)+c.verdict)
		short := c.verdict == "missed" && strings.HasPrefix(c.reason, "abandoned") && c.wait < 5000
		if short || c.reason == "short" {
			n["short "+c.verdict]++
		}
		if c.verdict == "missed" {
			n["because "+c.reason]++
		}
	}
	var try, reach []int64
	for _, l := range p.leads {
		if l.missed == 0 || l.outcome == "merged" || !in(l.first, l.pool, l.line, l.manager) {
			continue
		}
		n["leads"]++
		n["outcome "+l.outcome]++
		tried, reached := int64(-1), int64(-1)
		for _, a := range l.attempts {
			if tried < 0 || a.started < tried {
				tried = a.started
			}
			if a.reached && (reached < 0 || a.started+a.wait < reached) {
				reached = a.started + a.wait
			}
		}
		if l.through > 0 && (reached < 0 || l.through < reached) {
			reached = l.through
		}
		if tried >= 0 {
			try = append(try, max(0, tried-l.first))
		}
		if reached >= 0 {
			reach = append(reach, max(0, reached-l.first))
		}
	}
	slices.Sort(hours)
	slices.Sort(days)
	return fmt.Sprint(n["answered"], n["missed"], n["ignored"], n["short missed"], n["short ignored"], " ", n["because no_answer"], n["because busy"], n["because closed"],
		" pools ", n["pool sales missed"], n["pool service answered"], " line ", n["line sales-2 missed"], " people ", n["person anna missed"], n["person  missed"],
		" leads ", n["leads"], n["outcome called_back"], n["outcome client_got_through"], n["outcome settled"], n["outcome not_needed"], n["outcome "],
		" tried ", naiveSpread(try), " reached ", naiveSpread(reach), hours, days)
}

func naiveSpread(ms []int64) string {
	slices.Sort(ms)
	at := func(share float64) int64 {
		for i, v := range ms {
			if float64(i+1) >= share*float64(len(ms)) {
				return v
			}
		}
		return 0
	}
	return fmt.Sprint(len(ms), at(.5), at(.9))
}

// told is the report in the same words.
func (r *Report) told() string {
	group := func(list []Group, name string) Figures {
		for _, g := range list {
			if g.Name == name {
				return g.Figures
			}
		}
		return Figures{}
	}
	because := map[routing.Reason]int{}
	for _, c := range r.Total.MissedBy() {
		because[c.Reason] = c.Calls
	}
	hours, days := make([]string, 0), make([]string, 0)
	times := func(list *[]string, name string, f *Figures) {
		for verdict, n := range map[string]int{"answered": f.Answered, "missed": f.Missed, "ignored": f.Ignored} {
			for range n {
				*list = append(*list, name+verdict)
			}
		}
	}
	for h := range r.Hours {
		times(&hours, fmt.Sprintf("%02d", h), &r.Hours[h])
	}
	for i := range r.Days {
		times(&days, r.Days[i].Name, &r.Days[i].Figures)
	}
	slices.Sort(hours)
	slices.Sort(days)
	said := func(s Spread) string { return fmt.Sprint(s.Of, s.Median.Milliseconds(), s.P90.Milliseconds()) }
	f := &r.Total
	sales, service, line, anna, nobody := group(r.Pools, "sales"), group(r.Pools, "service"), group(r.Lines, "sales-2"), group(r.People, "anna"), group(r.People, "")
	return fmt.Sprint(f.Answered, f.Missed, f.Ignored, f.ShortMissed, f.ShortIgnored, " ", because["no_answer"], because["busy"], because["closed"],
		" pools ", sales.Missed, service.Answered, " line ", line.Missed, " people ", anna.Missed, nobody.Missed,
		" leads ", f.Leads, f.CalledBack, f.GotThrough, f.Settled, f.NotNeeded, f.Open, " tried ", said(f.ToTry()), " reached ", said(f.ToReach()), hours, days)
}

func TestAReportIsRightWhateverComesLate(t *testing.T) {
	for _, name := range []string{"Europe/Moscow", "Asia/Kathmandu", "America/New_York"} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		// The clocks of New York are set back in these days.
		p := &past{book: newBook(t), dice: rand.New(rand.NewPCG(3, uint64(len(name)))), now: time.Date(2026, 11, 5, 15, 4, 5, 0, time.UTC)}
		p.exec("INSERT INTO contacts (name, created) VALUES ('A', 1)")
		clerk := NewClerk(p.View, p.db, zone)
		for round := range 40 {
			for range 8 {
				switch p.dice.IntN(8) {
				case 0, 1, 2:
					p.act()
				case 3:
					p.byHand()
				default:
					p.ring()
				}
			}
			for _, asked := range []ReportAsked{
				{Sight: leads.Everything, Days: 1}, {Sight: leads.Everything, Days: 7}, {Sight: leads.Everything, Days: 30},
				{Sight: leads.Everything, Days: 7, Pool: "sales"}, {Sight: leads.Everything, Days: 7, Line: "service-2"}, {Sight: leads.Everything, Days: 30, Person: "anna"},
				{Sight: leads.Sight{Login: "anna", Pools: []string{"sales"}}, Days: 30}, {Sight: leads.Sight{Login: "boris", Supervises: []string{"service"}}, Days: 7},
				{Sight: leads.Everything, Days: 7, Pool: "no such pool"}, {Sight: leads.Sight{}, Days: 30},
			} {
				r, err := clerk.Report(t.Context(), asked, p.now)
				if err != nil {
					t.Fatal(err)
				}
				if got, want := r.told(), p.naive(asked, zone); got != want {
					t.Fatalf("%s, round %d, %+v:\n%s\nwant\n%s", name, round, asked, got, want)
				}
			}
		}
		if len(p.leads) < 50 || len(p.calls) < 150 {
			t.Errorf("there was little to count: %d leads, %d calls", len(p.leads), len(p.calls))
		}
	}
}

func TestAReportOfTooManyDaysIsNotMade(t *testing.T) {
	b := newBook(t)
	c := NewClerk(b.View, b.db, time.UTC)
	for _, days := range []int{0, -1, 32} {
		if _, err := c.Report(t.Context(), ReportAsked{Sight: leads.Everything, Days: days}, time.Now()); err == nil {
			t.Errorf("a report of %d days is made", days)
		}
	}
}
