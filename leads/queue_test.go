package leads_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// queue is a Book that nobody runs yet.
type queue struct {
	*testing.T
	db      *db.DB
	book    *leads.Book
	metrics *prometheus.Registry
}

// newQueue opens a Book in the bubble it is called in.
func newQueue(t *testing.T, hook func(db.Boundary) error) *queue {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: blank(t), Hook: hook})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	q := &queue{T: t, db: d, metrics: prometheus.NewRegistry()}
	q.book = leads.NewBook(leads.BookConfig{DB: d, Office: newOffice(), Metrics: q.metrics})
	return q
}

// run begins to record; the answer stops it and gives what Run returned.
func (q *queue) run() (stop func() error) {
	ctx, cancel := context.WithCancel(q.Context())
	ended := make(chan error, 1)
	go func() { ended <- q.book.Run(ctx) }()
	return func() error {
		cancel()
		return <-ended
	}
}

// missed are the facts of n calls, from n clients; of each its beginning and
// its end.
func missed(n int) []call.Fact {
	var list []call.Fact
	for i := range n {
		c := call.Call{PBX: main, ID: fmt.Sprintf("1.%d", i), Direction: call.Inbound, Caller: fmt.Sprintf("+7916%07d", i), Dialed: sales, Started: time.Now()}
		list = append(list, call.Fact{Kind: call.Started, Call: c})
		c.Ended, c.How = time.Now(), call.NoAnswer
		list = append(list, call.Fact{Kind: call.Ended, Call: c})
	}
	return list
}

// wantOrder wants the first n of those calls recorded, with their leads, in the
// order in which they were told.
func (q *queue) wantOrder(n int) {
	q.Helper()
	got := read(q.T, q.db, `SELECT c.call || ' ' || c.ended || ' ' || COALESCE(l.id, 'none') FROM calls c LEFT JOIN leads l ON l.id = c.lead ORDER BY c.id`)
	if len(got) != n {
		q.Errorf("%d calls are recorded, want %d", len(got), n)
	}
	for i, line := range got {
		words := strings.Fields(line)
		if want := fmt.Sprintf("1.%d", i); words[0] != want || words[2] != fmt.Sprint(i+1) {
			q.Fatalf("call %d is %s, want %s with lead %d", i, line, want, i+1)
		}
	}
}

// metric reads a metric without labels.
func (q *queue) metric(name string) float64 {
	q.Helper()
	families, err := q.metrics.Gather()
	if err != nil {
		q.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.Metric[0].GetGauge().GetValue() + f.Metric[0].GetCounter().GetValue()
		}
	}
	q.Fatalf("no metric %s", name)
	return 0
}

func TestFactsAreRecordedInTheirOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		facts := missed(700) // more than one transaction takes
		if !q.book.Tell(facts[:100]) || !q.book.Tell(nil) {
			t.Error("facts are refused before the Book runs")
		}
		if n := q.metric("ringback_facts_waiting"); n != 100 {
			t.Errorf("%v facts wait", n)
		}
		stop := q.run()
		for i := 100; i < len(facts); i += 50 {
			q.book.Tell(facts[i : i+50])
		}
		synctest.Wait()
		q.wantOrder(700)
		if n := q.metric("ringback_facts_waiting"); n != 0 {
			t.Errorf("%v facts wait", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// The tracker's facts are good only until its next step.
func TestTellKeepsNothingOfItsCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		facts := missed(10)
		q.book.Tell(facts)
		clear(facts)
		stop := q.run()
		synctest.Wait()
		q.wantOrder(10)
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

func TestAStopRecordsWhatWasTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		stop := q.run()
		synctest.Wait()
		facts := missed(700)
		q.book.Tell(facts)
		synctest.Wait()
		last := facts[0]
		last.Call.ID = "the last"
		q.book.Tell([]call.Fact{last})
		if err := stop(); err != nil {
			t.Error(err)
		}
		if got := read(t, q.db, "SELECT COUNT(*), COUNT(ended) FROM calls"); got[0] != "701 700" {
			t.Errorf("calls, and those that have ended: %s", got)
		}
	})
}

func TestAFullQueueRefusesAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		facts := make([]call.Fact, 10_000)
		taken := 0
		for taken < 2_000_000 && q.book.Tell(facts) {
			taken += len(facts)
		}
		if taken < 100_000 || taken > 1_000_000 {
			t.Errorf("%d facts were taken", taken)
		}
		if waiting, refused := q.metric("ringback_facts_waiting"), q.metric("ringback_facts_refused_total"); waiting != float64(taken) || refused != 10_000 {
			t.Errorf("%v wait and %v were refused", waiting, refused)
		}
	})
}

// fillDisk makes the next write that needs room fail, as on a full disk.
func (q *queue) fillDisk() {
	q.Helper()
	err := q.db.Do(q.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("PRAGMA max_page_count = 1") // that is: no more than there are
		return err
	})
	if err != nil {
		q.Fatal(err)
	}
}

func TestADatabaseThatIsAwayForAMomentCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failed := 0
		q := newQueue(t, nil)
		stop := q.run()
		synctest.Wait()
		for i := range 3 {
			q.fillDisk()
			began := time.Now()
			facts := missed(200 * (i + 1))[400*i:]
			q.book.Tell(facts)
			time.Sleep(time.Minute)
			synctest.Wait()
			q.wantOrder(200 * (i + 1))
			if q.lastCommit().Sub(began) >= 100*time.Millisecond {
				failed++
			}
		}
		if failed != 3 {
			t.Errorf("only %d of 3 full disks were noticed", failed)
		}
		if n := q.metric("ringback_facts_broken_total"); n != 0 {
			t.Errorf("%v facts were given up", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}

// lastCommit is when the newest lead was opened.
func (q *queue) lastCommit() time.Time {
	q.Helper()
	var ms int64
	if err := q.db.Reader().QueryRow("SELECT MAX(opened) FROM leads").Scan(&ms); err != nil {
		q.Fatal(err)
	}
	return db.Time(ms)
}

// A stop does not wait for a database that is away; it says what is lost.
func TestAStopWhileTheDatabaseIsAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		q.fillDisk()
		q.book.Tell(missed(100))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		err := q.book.Run(ctx)
		if !errors.Is(err, db.ErrUnavailable) || !strings.Contains(err.Error(), " facts were not recorded") {
			t.Errorf("Run ended with %v", err)
		}
		q.wantOrder(0)
	})
}

func TestADatabaseThatDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, func(b db.Boundary) error {
			if b.Commit == 3 {
				return errors.New("killed")
			}
			return nil
		})
		stop := q.run() // the first commit
		synctest.Wait()
		q.book.Tell(missed(10)) // the second
		synctest.Wait()
		q.book.Tell(missed(12)[20:])
		synctest.Wait()
		if err := stop(); !errors.Is(err, db.ErrClosed) || !strings.Contains(err.Error(), " facts were not recorded") {
			t.Errorf("Run ended with %v", err)
		}
		q.wantOrder(10)
	})
}

// What the database refuses for its own sake would be refused for ever: it does
// not hold up what comes after.
func TestAFactThatCannotBeRecordedIsSkipped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(t, nil)
		facts := missed(10)
		bad := facts[5]
		bad.Kind, bad.Call.ID = 77, "bad"
		q.book.Tell(append(append(facts[:6:6], bad), facts[6:]...))
		stop := q.run()
		time.Sleep(time.Minute)
		synctest.Wait()
		q.wantOrder(10)
		if n := q.metric("ringback_facts_broken_total"); n != 1 {
			t.Errorf("%v facts were given up", n)
		}
		if err := stop(); err != nil {
			t.Error(err)
		}
	})
}
