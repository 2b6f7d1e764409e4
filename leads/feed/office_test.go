package feed

import (
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/hook"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a database in which something happens, and a feed of it.
type office struct {
	*testing.T
	path     string
	db       *db.DB
	feed     *Feed
	registry *prometheus.Registry
	crm      *crm
	events   []Pattern
	dies     func(db.Boundary) error
	stop     func()
}

// crm is a program that is told.
type crm struct {
	mu   sync.Mutex
	took []Event // in the order of arrival, doubles too
	seen []Event // what was posted, taken or not
	at   []time.Time
	// answers decides what is answered; nil: everything is taken.
	answers func(e *Event) hook.Answer
}

func (c *crm) Shown() string { return "https://crm.example.com" }
func (c *crm) Close()        {}

func (c *crm) Post(ctx context.Context, id string, body []byte) hook.Answer {
	var e Event
	if err := json.Unmarshal(body, &e); err != nil || e.ID != id {
		panic(fmt.Sprintf("%v: the id is %q, the body %s", err, id, body))
	}
	c.mu.Lock()
	answers := c.answers
	c.mu.Unlock()
	answer := hook.Answer{Status: 204, Left: true}
	if answers != nil {
		answer = answers(&e)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.seen = append(c.seen, e)
	c.at = append(c.at, time.Now())
	if answer.Taken() {
		c.took = append(c.took, e)
	}
	return answer
}

func (c *crm) answer(fn func(e *Event) hook.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answers = fn
}

// taken lists what has been taken as "lead:type", and empties the list.
func (c *crm) taken() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var list []string
	for i := range c.took {
		e := &c.took[i]
		text := e.Type
		if e.Data.Lead != nil {
			text = fmt.Sprintf("%d:%s", e.Data.Lead.ID, e.Type)
		}
		if e.Replayed {
			text += " again"
		}
		list = append(list, text)
	}
	c.took = nil
	return list
}

// posts counts what was posted since it was asked last.
func (c *crm) posts() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := len(c.seen)
	c.seen = nil
	return n
}

// newOffice opens a database with some leads of contacts of the same ids.
func newOffice(t *testing.T, leads int) *office {
	o := &office{T: t, path: filepath.Join(t.TempDir(), "ringback.db"), crm: &crm{}}
	o.open()
	o.do(func(tx *db.Tx) error {
		for range leads {
			id, err := tx.Insert("INSERT INTO contacts (name, created) VALUES ('', 1)")
			if err != nil {
				return err
			}
			if _, err := tx.Exec("INSERT INTO numbers (number, contact) VALUES ($1, $2)", fmt.Sprintf("+7916%07d", id), id); err != nil {
				return err
			}
			if _, err := tx.Exec(`INSERT INTO leads (contact, pool, line, missed, first_missed, last_missed, opened) VALUES ($1, 'default', 'sales', 1, 1, 1, 1)`, id); err != nil {
				return err
			}
		}
		return nil
	})
	t.Cleanup(func() { o.close() })
	return o
}

// open opens the database and makes the feed; it runs once start is called.
func (o *office) open() {
	o.Helper()
	var err error
	if o.db, err = db.Open(context.Background(), db.Config{Path: o.path, Hook: func(b db.Boundary) error {
		if o.dies != nil {
			return o.dies(b)
		}
		return nil
	}}); err != nil {
		o.Fatal(err)
	}
	o.registry = prometheus.NewRegistry()
	o.feed, err = New(context.Background(), Config{DB: o.db, Metrics: o.registry, Hooks: []Hook{{Name: "crm", Events: o.events, Receiver: o.crm, Timeout: 10 * time.Second}}})
	if err != nil {
		o.Fatal(err)
	}
}

func (o *office) start() {
	ctx, cancel := context.WithCancel(context.Background())
	over := make(chan error, 1)
	go func() { over <- o.feed.Run(ctx) }()
	o.stop = func() {
		cancel()
		if err := <-over; err != nil {
			o.Error(err)
		}
	}
}

func (o *office) close() {
	if o.stop != nil {
		o.stop()
		o.stop = nil
	}
	if o.db != nil {
		o.db.Close()
		o.db = nil
	}
}

// again ends the daemon and starts another.
func (o *office) again() {
	o.close()
	o.open()
	o.start()
}

func (o *office) do(fn func(tx *db.Tx) error) {
	o.Helper()
	if err := o.db.Do(context.Background(), fn); err != nil {
		o.Fatal(err)
	}
}

// happens writes something into the timeline of a lead.
func (o *office) happens(lead int64, kinds ...string) {
	o.Helper()
	for _, kind := range kinds {
		o.do(func(tx *db.Tx) error {
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(lead), Contact: leads.Ref(lead), Kind: kind, Who: "anna", Channel: "page", Detail: "because"})
		})
	}
}

// took wants exactly these to have been taken since it was asked last: those of
// each lead in this order.
func (o *office) took(want ...string) {
	o.Helper()
	got := o.crm.taken()
	slices.SortStableFunc(got, func(a, b string) int { return strings.Compare(a[:2], b[:2]) })
	if !slices.Equal(got, want) {
		o.Errorf("taken were\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func (o *office) state() State {
	o.Helper()
	list, err := o.feed.States(context.Background())
	if err != nil || len(list) != 1 {
		o.Fatal(list, err)
	}
	return list[0]
}

func (o *office) rows() (n int) {
	o.Helper()
	if err := o.db.Reader().QueryRow("SELECT COUNT(*) FROM hook_waits").Scan(&n); err != nil {
		o.Fatal(err)
	}
	return n
}

func (o *office) replay(r Replay) (int, error) { return o.replayTo("crm", r) }

func (o *office) replayTo(hook string, r Replay) (n int, err error) {
	err = o.db.Do(context.Background(), func(tx *db.Tx) (err error) {
		n, err = o.feed.Replay(tx, hook, r)
		return err
	})
	return n, err
}
