package alert

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/leads/told"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a daemon without a PBX: facts go into its Book, and messages come
// out of its channels. It lives in a synctest bubble, where days take no time.
type house struct {
	t        *testing.T
	path     string
	office   leads.Office
	channels []Named
	mode     Mode
	metrics  *prometheus.Registry
	start    time.Time
	calls    int
	set      atomic.Int64 // by how much the clock on the wall was set
	// robot does robot calls, and busy says who is on the phone, where a test
	// has them.
	robot []jobs.Work
	told  *told.Desk
	busy  func(login string) bool

	db     *db.DB
	book   *leads.Book
	ladder *Ladder
	stop   func()
	dying  atomic.Bool // the next commit does not happen, as if by kill -9
	// death is the commit at which the daemon dies once, if it is set; commits
	// counts those that there were before.
	death   db.Boundary
	commits int
}

// Phones of the house, and clients.
const (
	annas, boris = "PJSIP/101", "PJSIP/102"
	client       = "+79161234567"
	other        = "+79161234568"
)

func newHouse(t *testing.T, channels ...Named) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "ringback.db"), channels: channels, mode: Act, start: time.Now()}
	h.office = leads.Office{
		Plans: map[string]*number.Plan{"main": {Country: "RU"}},
		Directory: &routing.Directory{
			Lines: []routing.Line{{Name: "sales", Numbers: []string{"+74951000001"}}},
			Managers: []routing.Manager{
				{Login: "anna", Devices: []routing.Device{{Endpoint: annas}}, Email: "anna@example.com"},
				{Login: "boris", Devices: []routing.Device{{Endpoint: boris}}},
				{Login: "chief"},
			},
			Pools: []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna", "boris"}, Supervisor: "chief",
				Ladder: twoRungs(), Missed: routing.DefaultThresholds()}},
		},
	}
	return h
}

// twoRungs is a ladder that only sends messages.
func twoRungs() routing.Ladder {
	l := routing.DefaultLadder()
	l.Rungs = []routing.Rung{{After: 0, Tell: routing.TellManager}, {After: 20 * time.Minute, Tell: routing.TellSupervisor}}
	return l
}

func (h *house) pool() *routing.Pool { return &h.office.Directory.Pools[0] }

// open starts the daemon, for the first time or after a crash.
func (h *house) open() *house {
	h.t.Helper()
	h.dying.Store(false)
	var err error
	h.db, err = db.Open(h.t.Context(), db.Config{Path: h.path, Hook: h.commit,
		Now: func() time.Time { return time.Now().Add(time.Duration(h.set.Load())) }})
	if err != nil {
		h.t.Fatal(err)
	}
	h.book = leads.NewBook(leads.BookConfig{DB: h.db, Office: &h.office})
	h.metrics = prometheus.NewRegistry()
	h.ladder = New(Config{Office: &h.office, Book: h.book, Channels: h.channels, Mode: h.mode, Calls: h.robot != nil, Busy: h.busy, Told: h.told, PublicURL: "https://ring.example.com/", Metrics: h.metrics})
	works := append(h.ladder.Works(), jobs.Work{Kind: leads.KindOpening, InTx: h.book.Opening}, jobs.Work{Kind: leads.KindAway, InTx: h.book.LeavesWork})
	works = append(works, h.robot...)
	runner, err := jobs.NewRunner(h.db, works, jobs.Options{})
	if err != nil {
		h.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(h.t.Context())
	var over sync.WaitGroup
	over.Go(func() {
		if err := runner.Run(ctx); err != nil && !h.dying.Load() {
			h.t.Errorf("the runner ended with %v", err)
		}
	})
	h.stop = sync.OnceFunc(func() {
		cancel()
		over.Wait()
		if err := h.db.Close(); err != nil {
			h.t.Error(err)
		}
	})
	h.t.Cleanup(h.stop)
	return h
}

var errKilled = errors.New("killed")

// commit stands beside every commit, on the database's own goroutine.
func (h *house) commit(b db.Boundary) error {
	if b == h.death {
		h.death = db.Boundary{}
		h.dying.Store(true)
		return errKilled
	}
	h.commits = b.Commit
	if h.dying.Load() && !b.After {
		return errKilled
	}
	return nil
}

// at lets time pass until d after the house was made, and everything come to
// rest.
func (h *house) at(d time.Duration) {
	time.Sleep(time.Until(h.start.Add(d)))
	synctest.Wait()
}

// tell records a fact.
func (h *house) tell(kind call.Kind, c call.Call) {
	h.t.Helper()
	c.PBX = "main"
	for _, err := range h.book.Record(h.t.Context(), []call.Fact{{Kind: kind, At: time.Now(), Call: c}}) {
		if err != nil {
			h.t.Fatal(err)
		}
	}
	synctest.Wait()
}

func (h *house) id() string {
	h.calls++
	return fmt.Sprintf("%d.%d", time.Now().Unix(), h.calls)
}

// missed: the client has just given up, after ringing for 5 s.
func (h *house) missed(caller string) {
	h.t.Helper()
	h.tell(call.Ended, h.miss(caller))
}

func (h *house) miss(caller string) call.Call {
	now := time.Now()
	return call.Call{ID: h.id(), Direction: call.Inbound, Caller: caller, Dialed: "+74951000001",
		Started: now.Add(-5 * time.Second), Ended: now, How: call.AbandonedRinging,
		Legs: []call.Leg{{Party: call.Party{Endpoint: annas}, Rang: true}}}
}

// missedUntilTaken tells a missed call again after a restart if the daemon died
// of it, as the call records would.
func (h *house) missedUntilTaken(caller string) {
	h.t.Helper()
	c := h.miss(caller)
	c.PBX = "main"
	facts := []call.Fact{{Kind: call.Ended, At: time.Now(), Call: c}}
	for range 2 {
		errs := h.book.Record(h.t.Context(), facts)
		synctest.Wait()
		if errs[0] == nil {
			return
		}
		h.stop()
		h.open()
	}
	h.t.Fatal("the database took the call neither before nor after the restart")
}

// talk is a conversation with the client that has just begun.
func (h *house) talk(dir call.Direction, phone, number string) call.Call {
	h.t.Helper()
	now := time.Now()
	c := call.Call{ID: h.id(), Direction: dir, Caller: number, Dialed: "+74951000001", Started: now.Add(-2 * time.Second),
		Talks: []call.Talk{{Channel: "x", Who: call.Party{Endpoint: phone}, Start: now}}}
	if dir == call.Outbound {
		c.Caller, c.Dialed, c.From = "+74951000001", number, call.Party{Endpoint: phone}
	}
	h.tell(call.Reached, c)
	return c
}

// hangup ends a talk.
func (h *house) hangup(c call.Call) {
	h.t.Helper()
	c.Ended, c.How = time.Now(), call.Person
	c.Talks = slices.Clone(c.Talks)
	c.Talks[0].End = c.Ended
	h.tell(call.Ended, c)
}

// timeline is what the lead's timeline says of alerts, an entry a line.
func (h *house) timeline(lead int64, want ...string) {
	h.t.Helper()
	rows, err := h.db.Reader().Query(`SELECT kind, channel, who, detail FROM timeline
		WHERE lead = $1 AND (kind LIKE 'alert%' OR kind = $2) ORDER BY id`, lead, leads.EntryNobodyToTell)
	if err != nil {
		h.t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var kind, channel, who, detail string
		if err := rows.Scan(&kind, &channel, &who, &detail); err != nil {
			h.t.Fatal(err)
		}
		got = append(got, strings.Join([]string{kind, channel, who, detail}, " "))
	}
	if err := rows.Err(); err != nil {
		h.t.Fatal(err)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		h.t.Errorf("the timeline of lead %d says\n%s\nwant\n%s", lead, g, w)
	}
}

// recorder is a channel that keeps what it is given, and answers as told.
type recorder struct {
	start  time.Time
	answer func(ctx context.Context, n int, m Message) (Outcome, string)

	mu   sync.Mutex
	got  []Message
	when []time.Duration
}

// Send takes the message; n counts from 1.
func (r *recorder) Send(ctx context.Context, m Message) (Outcome, string) {
	r.mu.Lock()
	r.got, r.when = append(r.got, m), append(r.when, time.Since(r.start))
	n := len(r.got)
	r.mu.Unlock()
	if r.answer == nil {
		return Sent, ""
	}
	return r.answer(ctx, n, m)
}

// newRecorder is made in the bubble; its times count from then on.
func newRecorder(answer func(ctx context.Context, n int, m Message) (Outcome, string)) *recorder {
	return &recorder{start: time.Now(), answer: answer}
}

func (r *recorder) messages() []Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// told compares what the channel was given: "20s anna new_lead 1", the last
// being the lead, and then "double" where the message says that it may be one.
func (r *recorder) told(t *testing.T, want ...string) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var got []string
	for i, m := range r.got {
		line := fmt.Sprintf("%v %s %s %d", r.when[i], m.To, m.Why, m.Lead)
		if m.Double {
			line += " double"
		}
		got = append(got, line)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("the channel was given\n%s\nwant\n%s", g, w)
	}
}
