package leads_test

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"reflect"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// moment is a fact of the story, and when the PBX tells it.
type moment struct {
	at   time.Duration
	fact call.Fact
}

// storyEnds is when every ladder of the story has been climbed.
const storyEnds = 2 * time.Hour

// theStory is two hours of an office. Messages and robot calls take a second
// (see post and robot), and calls within the house end in the middle of each:
// commits at which one is in hand.
func theStory(start time.Time) []moment {
	var list []moment
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	// One call: its beginning, the beginning of its talk (0: none), its end.
	tell := func(id string, c call.Call, begin, talk, end float64) {
		c.ID = id
		if c.PBX == "" {
			c.PBX = main
		}
		add := func(kind call.Kind, at float64) {
			list = append(list, moment{seconds(at), call.Fact{Kind: kind, At: start.Add(seconds(at)), Call: c}})
		}
		who := c.From
		if c.Direction == call.Inbound {
			who, c.From = c.From, call.Party{}
		}
		c.Started = start.Add(seconds(begin))
		if c.Direction != call.Internal {
			add(call.Started, begin)
		}
		if talk > 0 {
			c.Talks = []call.Talk{{Channel: id + "/leg", Who: who, Start: start.Add(seconds(talk))}}
			add(call.Reached, talk)
			c.Talks = []call.Talk{{Channel: id + "/leg", Who: who, Start: start.Add(seconds(talk)), End: start.Add(seconds(end))}}
		}
		c.Ended = start.Add(seconds(end))
		switch {
		case c.How == call.Unconfirmed:
			add(call.Lost, end)
			return
		case talk > 0:
			c.How = call.Person
		case c.How == "":
			c.How = call.NoAnswer
		}
		add(call.Ended, end)
	}
	in := func(caller, dialed string) call.Call {
		return call.Call{Direction: call.Inbound, Caller: caller, CallerName: "Client\x00", Dialed: dialed}
	}
	by := func(c call.Call, phone call.Party) call.Call { c.From = phone; return c }
	out := func(phone call.Party, number string) call.Call {
		return call.Call{Direction: call.Outbound, From: phone, Caller: sales, Dialed: number}
	}
	const fourth, fifth, sixth = "+79161234570", "+79161234571", "+79161234572"
	tell("missed", in(client, sales), 0, 0, 8)                            // lead 1, anna told at 28, rung at 208
	tell("next", in(second, sales), 2, 0, 12)                             // lead 2, boris told at 32, rung at 212
	tell("long", by(in(sixth, sales), boris), 10, 20, 900)                // open at most deaths
	tell("again", in(client, sales), 60, 0, 70)                           // told again at 90
	tell("not reached", out(boris, second), 120, 0, 130)                  // an attempt
	tell("called back", out(boris, second), 220, 225, 260)                // closes lead 2
	tell("got through", by(in(client, sales), anna), 240, 245, 280)       // closes lead 1
	tell("to the end", in(third, sales), 300, 0, 310)                     // lead 3, anna told at 330, rung at 510, boris told at 930, rung at 1110, chief at 1530
	tell("waits", in(fourth, support), 320, 0, 335)                       // lead 4, clara told at 3620, rung at 3800, chief at 4820
	tell("hidden", voicemail(in("anonymous", sales)), 400, 0, 430)        // lead 5, boris told at 450, anna at 1050, chief at 1650
	tell("unseen", unseen(in(fifth, sales)), 500, 0, 560)                 // lead 6, anna told at 580, rung at 760, boris told at 1180, rung at 1360, chief at 1780
	tell("somebody else", branchCall(out(clara, fifth)), 700, 710, 760)   // settles nothing of lead 6
	tell("in the branch", branchCall(in(fourth, support)), 340, 0, 341.5) // joins lead 4 from another PBX
	for i, at := range []float64{28.5, 32.5, 90.5, 208.5, 212.5, 330.5, 450.5, 580.5, 760.5, 930.5, 1110.5, 1530.5, 1650.5, 3620.5, 4820.5} {
		tell(fmt.Sprint("inside ", i), call.Call{Direction: call.Internal, Caller: "101", Dialed: "102", From: anna}, at-5, 0, at)
	}
	slices.SortStableFunc(list, func(a, b moment) int { return int(a.at - b.at) })
	return list
}

func voicemail(c call.Call) call.Call  { c.How, c.Message = call.Voicemail, true; return c }
func unseen(c call.Call) call.Call     { c.How = call.Unconfirmed; return c }
func branchCall(c call.Call) call.Call { c.PBX = branch; return c }

// post is a channel that remembers what has left the house. A message leaves
// when it is handed over; the answer takes a second.
type post struct {
	life *life

	mu     sync.Mutex
	sent   map[string]int  // by Message.ID
	double map[string]bool // those that say that they may be doubles
}

func (p *post) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	l := p.life
	if strings.Contains(string(debug.Stack()), "ringback/leads/db.(*DB)") {
		l.t.Errorf("%s is sent inside a transaction", m.ID)
	}
	var state string
	var attempt int
	err := l.db.Reader().QueryRow("SELECT state, attempt FROM jobs WHERE key = $1", m.ID).Scan(&state, &attempt)
	if err != nil || state != string(jobs.Held) || attempt == 0 {
		l.t.Errorf("%s is sent while its job on the disk is %q with attempt %d (%v)", m.ID, state, attempt, err)
	}
	p.mu.Lock()
	p.sent[m.ID]++
	p.double[m.ID] = m.Double
	p.mu.Unlock()
	time.Sleep(time.Second)
	return alert.Sent, ""
}

// clone is a channel that remembers the same.
func (p *post) clone() *post {
	p.mu.Lock()
	defer p.mu.Unlock()
	return &post{sent: maps.Clone(p.sent), double: maps.Clone(p.double)}
}

// robot rings managers about what they owe, as the works of robot calls do. A
// call leaves the house when it is placed; it takes a second, and the manager
// hears of all they owe.
type robot struct {
	life *life

	mu    sync.Mutex
	rang  []string       // who was rung about which leads: "anna 3 6"
	calls map[string]int // by the keys of the jobs
}

func (r *robot) clone() *robot {
	r.mu.Lock()
	defer r.mu.Unlock()
	return &robot{rang: slices.Clone(r.rang), calls: maps.Clone(r.calls)}
}

func (r *robot) work() jobs.Work {
	return jobs.Work{Kind: leads.KindCall, Crash: jobs.InDoubt, Do: r.call, InDoubt: func(tx *db.Tx, j jobs.Job) error {
		return r.life.book.CallEnded(tx, j, tx.Now(), nil, nil) // it counts as dialed
	}}
}

func (r *robot) call(ctx context.Context, j jobs.Job) jobs.Result {
	l := r.life
	var owed []leads.Owed
	var began time.Time
	if err := l.db.Do(ctx, func(tx *db.Tx) (err error) {
		began = tx.Now()
		owed, err = l.book.Owed(tx, j.Lane)
		return err
	}); err != nil {
		return jobs.Result{Err: err}
	}
	about := []string{j.Lane}
	var announced []int64
	for i := range owed {
		about = append(about, fmt.Sprint(owed[i].ID))
		announced = append(announced, owed[i].ID)
	}
	r.mu.Lock()
	r.rang = append(r.rang, strings.Join(about, " "))
	r.calls[j.Key]++
	r.mu.Unlock()
	time.Sleep(time.Second)
	return jobs.Result{Note: func(tx *db.Tx) error { return l.book.CallEnded(tx, j, began, announced, nil) }}
}

// death is what the world is like when the daemon dies beside a commit: what is
// on the disk, what had been told, and what has left the house. What else the
// daemon knew is gone.
type death struct {
	dies     db.Boundary
	at       time.Duration
	disk     []byte
	told     int
	sip, crm *post
	robot    *robot
}

// life is a daemon from its start to the end of the story.
type life struct {
	t        *testing.T
	path     string
	start    time.Time // of the story
	office   *leads.Office
	moments  []moment
	told     atomic.Int64 // moments told so far
	sip, crm *post
	robot    *robot

	db   *db.DB
	book *leads.Book

	deaths []death // beside every commit of this life
	disk   []byte
}

// newLife begins where a death has left the world; the zero one is the
// beginning of the story. The bubble has just begun.
func newLife(t *testing.T, after death) *life {
	l := &life{t: t, path: blank(t), start: time.Now(), office: newOffice()}
	hours(t, &l.office.Directory.Pools[1].Hours, "sat", "01:00-18:00")
	for i := range l.office.Directory.Pools {
		l.office.Directory.Pools[i].Ladder = routing.DefaultLadder()
	}
	l.moments = theStory(l.start)
	if after.disk == nil {
		empty := &post{sent: map[string]int{}, double: map[string]bool{}}
		after = death{disk: l.onDisk(), sip: empty, crm: empty, robot: &robot{calls: map[string]int{}}}
	}
	if err := os.WriteFile(l.path, after.disk, 0o600); err != nil {
		t.Fatal(err)
	}
	l.disk = after.disk
	l.told.Store(int64(after.told))
	l.sip, l.crm, l.robot = after.sip.clone(), after.crm.clone(), after.robot.clone()
	l.sip.life, l.crm.life, l.robot.life = l, l, l
	time.Sleep(after.at)
	return l
}

func (l *life) onDisk() []byte {
	l.t.Helper()
	disk, err := os.ReadFile(l.path)
	if err != nil {
		l.t.Fatal(err)
	}
	return disk
}

// passing keeps what the world is like beside a commit.
func (l *life) passing(b db.Boundary) error {
	if b.After {
		name := fmt.Sprintf("%s.%d", l.path, b.Commit)
		if _, err := l.db.Reader().Exec("VACUUM INTO $1", name); err != nil {
			return err
		}
		disk, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		l.disk = disk
	}
	l.deaths = append(l.deaths, death{dies: b, at: time.Since(l.start), disk: l.disk, told: int(l.told.Load()), sip: l.sip.clone(), crm: l.crm.clone(), robot: l.robot.clone()})
	return nil
}

// live runs the daemon to the end of the story. It first hears once more what
// the tracker, which goes on from the open calls, and the call records have to
// tell; with all, everything that was told before.
func (l *life) live(all bool, hook func(db.Boundary) error) {
	var err error
	if l.db, err = db.Open(l.t.Context(), db.Config{Path: l.path, Hook: hook}); err != nil {
		l.t.Fatal(err)
	}
	defer func() {
		if err := l.db.Close(); err != nil {
			l.t.Error(err)
		}
	}()
	l.book = leads.NewBook(leads.BookConfig{DB: l.db, Office: l.office})
	ladder := alert.New(alert.Config{Office: l.office, Book: l.book, Mode: alert.Act, Calls: true, Channels: []alert.Named{
		{Name: "sip", Channel: l.sip, Crash: jobs.InDoubt},
		{Name: "crm", Channel: l.crm, Crash: jobs.Repeat},
	}})
	works := append(ladder.Works(), jobs.Work{Kind: leads.KindOpening, InTx: l.book.Opening}, l.robot.work())
	runner, err := jobs.NewRunner(l.db, works, jobs.Options{})
	if err != nil {
		l.t.Fatal(err)
	}
	again := l.resume(all)
	ctx, cancel := context.WithCancel(l.t.Context())
	var over sync.WaitGroup
	defer over.Wait()
	defer cancel()
	for _, run := range []func(context.Context) error{l.book.Run, runner.Run} {
		over.Go(func() {
			if err := run(ctx); err != nil {
				l.t.Error(err)
			}
		})
	}
	l.book.Tell(again)
	for _, m := range l.moments[l.told.Load():] {
		time.Sleep(time.Until(l.start.Add(m.at)))
		l.told.Add(1)
		l.book.Tell([]call.Fact{m.fact})
	}
	time.Sleep(time.Until(l.start.Add(storyEnds)))
}

// resume lists what is to be told again after a start: of each call that has
// not ended in the database the newest fact, or, with all, everything.
func (l *life) resume(all bool) []call.Fact {
	var open []call.Call
	for _, pbx := range []string{main, branch} {
		calls, err := l.book.OpenCalls(l.t.Context(), pbx)
		if err != nil {
			l.t.Fatal(err)
		}
		open = append(open, calls...)
	}
	l.wantOpen(open)
	ended := read(l.t, l.db, "SELECT pbx || ' ' || call FROM calls WHERE ended IS NOT NULL")
	newest := map[string]int{}
	for i, m := range l.moments[:l.told.Load()] {
		newest[nameOf(m.fact.Call)] = i
	}
	var again []call.Fact
	for i, m := range l.moments[:l.told.Load()] {
		if name := nameOf(m.fact.Call); all || newest[name] == i && !slices.Contains(ended, name) {
			again = append(again, m.fact)
		}
	}
	return again
}

// wantOpen wants the calls that the tracker goes on from to be those that have
// not ended, as they were told last. What was told just before the death may
// have been lost.
func (l *life) wantOpen(open []call.Call) {
	sure := time.Now().Add(-300 * time.Millisecond)
	last := map[string][]call.Fact{} // of each call what was told last, for sure and since
	for _, m := range l.moments[:l.told.Load()] {
		name := nameOf(m.fact.Call)
		if m.fact.At.Before(sure) {
			last[name] = nil
		}
		last[name] = append(last[name], m.fact)
	}
	for name, facts := range last {
		i := slices.IndexFunc(open, func(c call.Call) bool { return nameOf(c) == name })
		if i >= 0 && !slices.ContainsFunc(facts, func(f call.Fact) bool { return sameCall(open[i], f.Call) }) {
			l.t.Errorf("the tracker would go on from %+v, which was last told as %+v", open[i], facts)
		}
		settled := facts[0].At.Before(sure)
		mayHaveEnded := slices.ContainsFunc(facts, func(f call.Fact) bool { return !f.Call.Ended.IsZero() })
		if settled && i < 0 && !mayHaveEnded {
			l.t.Errorf("the call %s is open, and forgotten", name)
		}
		if settled && i >= 0 && !facts[0].Call.Ended.IsZero() {
			l.t.Errorf("the call %s has ended, and is open", name)
		}
	}
	if slices.ContainsFunc(open, func(c call.Call) bool { return last[nameOf(c)] == nil }) {
		l.t.Errorf("calls are open that were never told: %+v", open)
	}
}

func nameOf(c call.Call) string { return c.PBX + " " + c.ID }

// sameCall compares a call read back with one that was told.
func sameCall(a, b call.Call) bool {
	b.CallerName = strings.TrimSuffix(b.CallerName, "\x00")
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && string(x) == string(y)
}

// final is what the story leaves behind.
type final struct {
	state  map[string][]string // rows by table
	alerts []string            // the timeline's entries about alerts
	ladder []string            // what depends on when the ladders were climbed: a doubt brings a rung forward
	doubts []string            // keys of messages that ended in doubt
	missed []string            // keys of calls that ended in doubt
	rang   []string            // who was rung about what
	calls  map[string]int      // how often each call was placed
	// Messages that left the house, by their ids, and which say that they may be
	// doubles.
	sip, crm map[string]int
	doubles  map[string]bool
}

// final reads it.
func (l *life) final() final {
	d, err := db.Open(l.t.Context(), db.Config{Path: l.path})
	if err != nil {
		l.t.Fatal(err)
	}
	defer d.Close()
	f := final{state: map[string][]string{}, sip: l.sip.sent, crm: l.crm.sent, doubles: l.sip.double,
		rang: slices.Sorted(slices.Values(l.robot.rang)), calls: l.robot.calls}
	for table, query := range map[string]string{
		"calls": `SELECT pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, wait_ms, talk_ms, rang,
			answered_by, reached, voicemail, source, contact, lead, resume FROM calls ORDER BY pbx, call`,
		"contacts": "SELECT id, name, named, manager FROM contacts ORDER BY id",
		"numbers":  "SELECT * FROM numbers ORDER BY number",
		"leads": `SELECT id, contact, pool, line, manager, missed, first_missed, last_missed, opened, ladder, told_again, closed, outcome, closed_by,
			ack_by, ack_until, call_due, suspicious FROM leads ORDER BY id`,
		"attempts":      "SELECT lead, who, started, talk_ms, reached FROM attempts ORDER BY lead, started",
		"timeline":      "SELECT lead, contact, kind, who, channel, detail FROM timeline WHERE kind NOT LIKE 'alert%' AND kind NOT LIKE 'call%' ORDER BY 1, 2, 3, 4, 5, 6",
		"to be rung":    "SELECT lead, who FROM timeline WHERE kind LIKE 'call%' ORDER BY 1, 2",
		"jobs not done": "SELECT key, state FROM jobs WHERE state IN ('waiting', 'held', 'failed', 'expired') ORDER BY key",
	} {
		f.state[table] = read(l.t, d, query)
	}
	f.alerts = read(l.t, d, "SELECT lead, contact, kind, who, channel, detail FROM timeline WHERE kind LIKE 'alert%' ORDER BY 1, 2, 3, 4, 5, 6")
	f.ladder = slices.Concat(read(l.t, d, "SELECT id, rung, rung_due, called_ahead FROM leads ORDER BY id"),
		read(l.t, d, "SELECT * FROM pool_turns ORDER BY pool"),
		read(l.t, d, "SELECT lead, kind, who, detail FROM timeline WHERE kind LIKE 'call%' ORDER BY 1, 2, 3, 4"))
	f.doubts = read(l.t, d, "SELECT key FROM jobs WHERE state = 'in_doubt' AND kind <> 'call' ORDER BY key")
	f.missed = read(l.t, d, "SELECT lane FROM jobs WHERE state = 'in_doubt' AND kind = 'call' ORDER BY key")
	return f
}

// TestDeathAtEveryCommit tells the story once in peace, and then from each side
// of each commit of it on, as a daemon does that died there and was started
// again: house rules 1, 2, 3, 4 and 5. What is left behind must be the same, but
// for what DESIGN.md §6 says of a message that was being sent at the instant of
// the death.
func TestDeathAtEveryCommit(t *testing.T) {
	calm, deaths := peaceful(t)
	var doubts, doubles, missed int
	for _, death := range deaths {
		synctest.Test(t, func(t *testing.T) {
			l := newLife(t, death)
			// Who was not told that a commit had happened tells everything once more.
			l.live(death.dies.After, nil)
			got := l.final()
			compare(t, death.dies, calm, got)
			doubts += len(got.doubts)
			missed += len(got.missed)
			for _, double := range got.doubles {
				if double {
					doubles++
				}
			}
		})
		if t.Failed() {
			return // the rest would say the same at length
		}
	}
	t.Logf("%d deaths; %d messages were in doubt, %d were repeated for that; %d calls were in doubt", len(deaths), doubts, doubles, missed)
	if len(deaths) < 2*100 || doubts < 5 || doubles < 2 || missed < 5 {
		t.Errorf("%d deaths, %d messages in doubt, %d repeated, %d calls in doubt: the story does not reach what it should", len(deaths), doubts, doubles, missed)
	}
}

// peaceful tells the story without a death, and notes where one may happen.
func peaceful(t *testing.T) (calm final, deaths []death) {
	synctest.Test(t, func(t *testing.T) {
		l := newLife(t, death{})
		l.live(false, l.passing)
		calm, deaths = l.final(), l.deaths
	})
	var leadLines []string
	for _, id := range slices.Sorted(maps.Keys(calm.sip)) {
		leadLines = append(leadLines, fmt.Sprint(id, " ", calm.sip[id], " ", calm.crm[strings.TrimSuffix(id, "sip")+"crm"]))
	}
	want := []string{
		"notify:1:1:0:sip 1 1", "notify:2:1:0:sip 1 1", "notify:3:1:0:sip 1 1", "notify:3:1:3:sip 1 1", "notify:4:1:0:sip 1 1",
		"notify:4:1:3:sip 1 1", "notify:5:1:0:sip 1 1", "notify:5:1:3:sip 1 1", "notify:6:1:0:sip 1 1", "notify:6:1:3:sip 1 1",
		"notify:handed:3:1:boris:1:sip 1 1", "notify:handed:5:1:anna:1:sip 1 1", "notify:handed:6:1:boris:1:sip 1 1",
	}
	wantRang := []string{"anna 1", "anna 3", "anna 3 6", "boris 2", "boris 3", "boris 3 6", "clara 4"}
	leadLines = slices.DeleteFunc(leadLines, func(l string) bool { return strings.HasPrefix(l, "notify:again:1:") })
	if !slices.Equal(leadLines, want) || len(calm.sip) != len(want)+1 || len(calm.crm) != len(want)+1 || !slices.Equal(calm.rang, wantRang) {
		t.Fatalf("in peace there are sent\n%s\nand rung\n%s", strings.Join(leadLines, "\n"), strings.Join(calm.rang, "\n"))
	}
	if n := len(calm.state["jobs not done"]); n > 0 || len(calm.doubts) > 0 || len(calm.state["leads"]) != 6 || len(calm.state["calls"]) != 28 {
		t.Fatalf("in peace the story ends with %v", calm.state)
	}
	return calm, deaths
}

// compare holds what a death left behind against peace.
func compare(t *testing.T, dies db.Boundary, calm, got final) {
	t.Helper()
	for table := range calm.state {
		if !slices.Equal(calm.state[table], got.state[table]) {
			t.Errorf("dying %v: %s are\n  %s\nin peace\n  %s", dies, table, strings.Join(got.state[table], "\n  "), strings.Join(calm.state[table], "\n  "))
		}
	}
	if len(got.doubts) == 0 && len(got.missed) == 0 && (!slices.Equal(calm.ladder, got.ladder) || !slices.Equal(calm.rang, got.rang)) {
		t.Errorf("dying %v: the ladders are\n  %s\nand rung were\n  %s\nin peace\n  %s\n  %s", dies,
			strings.Join(got.ladder, "\n  "), strings.Join(got.rang, "\n  "), strings.Join(calm.ladder, "\n  "), strings.Join(calm.rang, "\n  "))
	}
	if len(got.doubts) == 0 {
		if !slices.Equal(calm.alerts, got.alerts) || !reflect.DeepEqual(calm.sip, got.sip) {
			t.Errorf("dying %v: alerts are\n  %s\n  %v\nin peace\n  %s\n  %v", dies, strings.Join(got.alerts, "\n  "), got.sip, strings.Join(calm.alerts, "\n  "), calm.sip)
		}
	}
	for id := range calm.crm {
		if got.crm[id] == 0 {
			t.Errorf("dying %v: %s was never sent", dies, id)
		}
	}
	for id, n := range got.sip {
		// The second telling of a doubtful message is a message of its own.
		if n > 1 {
			t.Errorf("dying %v: %s was sent %d times by a channel that cannot tell doubles", dies, id, n)
		}
		if first, ok := strings.CutSuffix(id, ":again"); ok != got.doubles[id] || ok && !slices.Contains(got.doubts, first) {
			t.Errorf("dying %v: %s is marked as a double: %v", dies, id, got.doubles[id])
		}
	}
	for id := range calm.sip {
		if got.sip[id] == 0 && !slices.Contains(got.doubts, id) {
			t.Errorf("dying %v: %s was never sent, and nobody doubts it", dies, id)
		}
	}
	wantFollowUp(t, dies, calm, got)
	wantCalls(t, dies, calm, got)
	wantNoted(t, dies, got)
}

// wantFollowUp wants a message in doubt to be followed by the next rung, or,
// where there is none, by itself; and no message to come from nowhere.
func wantFollowUp(t *testing.T, dies db.Boundary, calm, got final) {
	t.Helper()
	expected := maps.Clone(calm.sip)
	for _, id := range got.doubts {
		next := id + ":again"
		switch parts := strings.Split(id, ":"); {
		case parts[1] == "handed":
			next = fmt.Sprintf("notify:%s:%s:3:sip", parts[2], parts[3])
		case parts[1] != "again" && parts[3] == "0":
			continue // the rung that comes forward rings the manager: the timeline tells it
		}
		expected[next]++
		if got.sip[next] == 0 && !slices.Contains(got.doubts, next) {
			t.Errorf("dying %v: %s is in doubt, and %s did not follow", dies, id, next)
		}
	}
	for id := range got.sip {
		if expected[id] == 0 {
			t.Errorf("dying %v: %s is sent out of nowhere", dies, id)
		}
	}
	for id := range got.crm {
		if expected[strings.TrimSuffix(id, "crm")+"sip"] == 0 {
			t.Errorf("dying %v: %s is sent out of nowhere", dies, id)
		}
	}
}

// wantCalls wants no call to be placed twice, and every call that is placed in
// peace to be placed, unless the daemon died in the middle of it: it counts as
// placed then.
func wantCalls(t *testing.T, dies db.Boundary, calm, got final) {
	t.Helper()
	for key, n := range got.calls {
		if n > 1 {
			t.Errorf("dying %v: the call of %s was placed %d times", dies, key, n)
		}
	}
	placed, heard := calls(got.rang)
	atMost, hears := calls(calm.rang)
	for login, n := range placed {
		if n > atMost[login] {
			t.Errorf("dying %v: %s was rung %d times, in peace %d times: %v", dies, login, n, atMost[login], got.rang)
		}
	}
	for about := range hears {
		login, _, _ := strings.Cut(about, " ")
		if !heard[about] && !slices.Contains(got.missed, login) {
			t.Errorf("dying %v: a call about %s was never placed, and nobody doubts it: %v", dies, about, got.rang)
		}
	}
}

// calls counts calls by whom they rang, and tells who heard of which lead.
func calls(rang []string) (placed map[string]int, heard map[string]bool) {
	placed, heard = map[string]int{}, map[string]bool{}
	for _, about := range rang {
		words := strings.Fields(about)
		placed[words[0]]++
		for _, lead := range words[1:] {
			heard[words[0]+" "+lead] = true
		}
	}
	return placed, heard
}

// wantNoted wants one entry in the timeline for every message, however often it
// was sent, and one for every doubt.
func wantNoted(t *testing.T, dies db.Boundary, got final) {
	t.Helper()
	var sent, doubted int
	for _, entry := range got.alerts {
		switch {
		case strings.Contains(entry, " "+leads.EntryAlertSent+" "):
			sent++
		case strings.Contains(entry, " "+leads.EntryAlertDoubt+" "):
			doubted++
		default:
			t.Errorf("dying %v: the timeline says %s", dies, entry)
		}
	}
	certain := 0
	for id := range got.sip {
		if !slices.Contains(got.doubts, id) {
			certain++
		}
	}
	if sent != certain+len(got.crm) || doubted != len(got.doubts) {
		t.Errorf("dying %v: %d messages were sent and %d are in doubt, the timeline says %d and %d", dies, certain+len(got.crm), len(got.doubts), sent, doubted)
	}
}
