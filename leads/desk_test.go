package leads_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// Who is who in these tests. Two PBXes serve the company; clara sits at the
// branch.
const (
	main, branch = "main", "branch"

	sales, support, hotline = "+74951000001", "+74951000002", "+74951000003"

	client, second, third = "+79161234567", "+79161234568", "+79161234569"
)

var (
	anna   = call.Party{Endpoint: "PJSIP/101"}
	boris  = call.Party{Endpoint: "PJSIP/102"}
	clara  = call.Party{Endpoint: "PJSIP/201"}
	chief  = call.Party{Endpoint: "PJSIP/100"}
	nobody = call.Party{Endpoint: "PJSIP/199"} // a phone that no manager holds
	mobile = call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: "+79990001122"}
)

func newOffice() *leads.Office {
	pool := func(name string, managers ...string) routing.Pool {
		return routing.Pool{Name: name, Managers: managers, Supervisor: "chief", Pick: routing.RoundRobin,
			Ladder: twoRungs(), Missed: routing.DefaultThresholds()}
	}
	return &leads.Office{
		Plans: map[string]*number.Plan{main: {Country: "RU"}, branch: {Country: "RU"}},
		Directory: &routing.Directory{
			Lines: []routing.Line{
				{Name: "sales", Numbers: []string{sales}},
				{Name: "support", Numbers: []string{support}, Pool: "support"},
				{Name: "hotline", Numbers: []string{hotline}, Pool: "support"},
			},
			Managers: []routing.Manager{
				{Login: "anna", Devices: []routing.Device{{Endpoint: "101", PBX: main}}},
				{Login: "boris", Devices: []routing.Device{{Endpoint: "102", PBX: main}}},
				{Login: "clara", Devices: []routing.Device{{Endpoint: "201", PBX: branch}}},
				{Login: "chief", Devices: []routing.Device{{Endpoint: "100"}}},
			},
			Pools: []routing.Pool{pool(routing.DefaultPool, "anna", "boris"), pool("support", "clara")},
		},
	}
}

// twoRungs is a ladder that only sends messages.
func twoRungs() routing.Ladder {
	l := routing.DefaultLadder()
	l.Rungs = []routing.Rung{{After: 0, Tell: routing.TellManager}, {After: 20 * time.Minute, Tell: routing.TellSupervisor}}
	return l
}

// blank puts an empty database into a folder of the test's own. Making one
// costs a few dozen synchronous writes, so it is made once and copied.
func blank(t *testing.T) (path string) {
	t.Helper()
	made, err := blankFile()
	if err != nil {
		t.Fatal(err)
	}
	path = filepath.Join(t.TempDir(), "ringback.db")
	if err := os.WriteFile(path, made, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

var blankFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "ringback-blank-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "ringback.db")
	d, err := db.Open(context.Background(), db.Config{Path: path})
	if err != nil {
		return nil, err
	}
	if err := d.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// desk is a Book in a synctest bubble, where days take no time, with a Runner
// that hands out waiting leads. Nobody climbs its ladders: their jobs are looked
// at where they lie.
type desk struct {
	*testing.T
	path   string
	office *leads.Office
	start  time.Time
	calls  int

	db   *db.DB
	book *leads.Book
	stop func()
	// fail is asked before every commit; its error fails the commit for good.
	fail func(db.Boundary) error
}

// story runs in a bubble of its own; set changes the office first.
func story(t *testing.T, set func(d *routing.Directory), tell func(d *desk)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		d := &desk{T: t, path: blank(t), office: newOffice(), start: time.Now()}
		if set != nil {
			set(d.office.Directory)
		}
		d.open()
		tell(d)
	})
}

// open starts the daemon's Book, for the first time or again.
func (d *desk) open() {
	d.Helper()
	var err error
	d.db, err = db.Open(d.Context(), db.Config{Path: d.path, Hook: func(b db.Boundary) error {
		if d.fail != nil {
			return d.fail(b)
		}
		return nil
	}})
	if err != nil {
		d.Fatal(err)
	}
	d.book = leads.NewBook(leads.BookConfig{DB: d.db, Office: d.office})
	runner, err := jobs.NewRunner(d.db, []jobs.Work{{Kind: leads.KindOpening, InTx: d.book.Opening}}, jobs.Options{})
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithCancel(d.Context())
	var over sync.WaitGroup
	for _, run := range []func(context.Context) error{d.book.Run, runner.Run} {
		over.Go(func() {
			if err := run(ctx); err != nil && !errors.Is(err, db.ErrClosed) {
				d.Error(err)
			}
		})
	}
	d.stop = sync.OnceFunc(func() {
		cancel()
		over.Wait()
		if err := d.db.Close(); err != nil {
			d.Error(err)
		}
	})
	d.Cleanup(d.stop)
	synctest.Wait()
}

// at lets time pass until that long after the beginning.
func (d *desk) at(since time.Duration) {
	time.Sleep(time.Until(d.start.Add(since)))
	synctest.Wait()
}

// tell records facts of one kind, and wants the database to take them.
func (d *desk) tell(kind call.Kind, calls ...call.Call) {
	d.Helper()
	for _, c := range calls {
		for _, err := range d.book.Record(d.Context(), []call.Fact{{Kind: kind, At: time.Now(), Call: c}}) {
			if err != nil {
				d.Fatal(err)
			}
		}
	}
	synctest.Wait()
}

// ended records calls that have ended, in this order.
func (d *desk) ended(calls ...call.Call) {
	d.Helper()
	d.tell(call.Ended, calls...)
}

func (d *desk) id() string {
	d.calls++
	return fmt.Sprintf("%d.%d", d.start.Unix(), d.calls)
}

// inbound is a call to a line of the main PBX that has just ended, unanswered,
// after phones rang for 10 s.
func (d *desk) inbound(caller, dialed string) call.Call {
	return call.Call{PBX: main, ID: d.id(), Direction: call.Inbound, Caller: caller, Dialed: dialed, HungUp: true,
		Started: time.Now().Add(-10 * time.Second), Ended: time.Now(), How: call.AbandonedRinging,
		Legs: []call.Leg{{Party: anna, Rang: true}}}
}

// missed records that call.
func (d *desk) missed(caller, dialed string) call.Call {
	d.Helper()
	c := d.inbound(caller, dialed)
	d.ended(c)
	return c
}

// answered is an inbound call in which somebody talked for that long until now.
func (d *desk) answered(caller, dialed string, who call.Party, long time.Duration) call.Call {
	now := time.Now()
	c := d.inbound(caller, dialed)
	if who == clara {
		c.PBX = branch
	}
	c.Started, c.How = now.Add(-long-5*time.Second), call.Person
	c.Talks = []call.Talk{{Channel: "leg", Who: who, Start: now.Add(-long), End: now}}
	return c
}

// outbound is a call to a number in which a phone talked for that long until
// now; 0: the number did not answer.
func (d *desk) outbound(from call.Party, to string, long time.Duration) call.Call {
	now := time.Now()
	c := call.Call{PBX: main, ID: d.id(), Direction: call.Outbound, Caller: sales, Dialed: to, From: from,
		Started: now.Add(-long - 5*time.Second), Ended: now, How: call.NoAnswer}
	if from == clara {
		c.PBX = branch
	}
	if long > 0 {
		c.How = call.Person
		c.Talks = []call.Talk{{Channel: "leg", Who: from, Start: now.Add(-long), End: now}}
	}
	return c
}

// shifted is a call that happened that much later.
func shifted(c call.Call, by time.Duration) call.Call {
	c.Started, c.Ended = c.Started.Add(by), c.Ended.Add(by)
	c.Talks = slices.Clone(c.Talks)
	for i := range c.Talks {
		c.Talks[i].Start, c.Talks[i].End = c.Talks[i].Start.Add(by), c.Talks[i].End.Add(by)
	}
	return c
}

// rows reads a query, a row a line, its columns with spaces between.
func (d *desk) rows(query string, args ...any) []string {
	d.Helper()
	return read(d.T, d.db, query, args...)
}

func read(t *testing.T, from *db.DB, query string, args ...any) []string {
	t.Helper()
	rows, err := from.Reader().Query(query, args...)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	list := []string{}
	for rows.Next() {
		values, words := make([]any, len(columns)), make([]string, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		for i := range values {
			words[i] = fmt.Sprint(*values[i].(*any))
		}
		list = append(list, strings.TrimSpace(strings.Join(words, " ")))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

// want compares what a query gives with the lines wanted.
func (d *desk) want(what string, got []string, want ...string) {
	d.Helper()
	if !slices.Equal(got, want) {
		d.Errorf("%s:\n  %s\nwant\n  %s", what, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
	}
}

// wantLeads compares all leads: "default anna 2 open", or with the outcome and
// who closed it: "support clara 1 called_back clara". A lead that waits has "-"
// for its manager.
func (d *desk) wantLeads(want ...string) {
	d.Helper()
	d.want("the leads are", d.rows(`SELECT pool, CASE manager WHEN '' THEN '-' ELSE manager END, missed,
		CASE WHEN closed IS NULL THEN 'open' ELSE outcome END, closed_by FROM leads ORDER BY id`), want...)
}

// wantContacts compares all contacts: "+79161234567 anna", the name and the
// responsible manager.
func (d *desk) wantContacts(want ...string) {
	d.Helper()
	d.want("the contacts are", d.rows("SELECT name, manager FROM contacts ORDER BY id"), want...)
}

// wantTimeline compares what the timelines of leads and contacts say, from
// beginning to end.
func (d *desk) wantTimeline(want ...string) {
	d.Helper()
	d.want("the timeline says", d.rows("SELECT kind, who, detail FROM timeline ORDER BY id"), want...)
}

// wantJobs compares the jobs of a kind that wait: how long after the beginning
// each is due.
func (d *desk) wantJobs(kind string, want ...time.Duration) {
	d.Helper()
	var lines []string
	for _, w := range want {
		lines = append(lines, fmt.Sprint(db.Millis(d.start.Add(w))))
	}
	d.want("the jobs "+kind+" are due", d.rows("SELECT due FROM jobs WHERE kind = $1 AND state = 'waiting' ORDER BY due", kind), lines...)
}
