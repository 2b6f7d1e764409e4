package leads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"

	"github.com/prometheus/client_golang/prometheus"
)

// Book records facts and keeps the leads that follow from them.
type Book struct {
	db     *db.DB
	office *Office
	log    *slog.Logger
	roll   func(n int) int
	m      bookMetrics

	trunks  sync.Map // [2]string{PBX, endpoint}: those that the database knows
	strayed sync.Map // [2]string{PBX, context}: those that the log was told of

	backlog int64

	mu      sync.Mutex
	waiting []heard
	urgent  int         // how many of waiting hurry
	size    int64       // of waiting, about, in bytes
	inHand  time.Time   // when the oldest fact that is being recorded was told; zero: none is
	later   *time.Timer // wakes Run for facts that need not hurry; nil: none wait alone
	wake    chan struct{}
}

// BookConfig says what a Book works with.
type BookConfig struct {
	DB     *db.DB
	Office *Office
	Log    *slog.Logger
	// Backlog bounds what waits for the database, in bytes of memory, about; 0:
	// DefaultBacklog.
	Backlog int64
	// Metrics takes ringback_calls_total and the Book's own metrics; nil: none are kept.
	Metrics prometheus.Registerer
}

// DefaultBacklog is what may wait for the database: at 100 calls a second some
// ten minutes.
const DefaultBacklog = 256 << 20

// sizeOf is what a fact takes of memory, about.
func sizeOf(f *call.Fact) int64 {
	c := &f.Call
	return int64(900 + len(c.ID) + len(c.Caller) + len(c.CallerName) + len(c.Dialed) + 200*len(c.Legs) + 150*len(c.Talks) + 100*len(c.Stops))
}

// maxBatch is how many facts go into one transaction.
const maxBatch = 256

// heard is a fact that waits, and since when.
type heard struct {
	call.Fact
	at time.Time
}

// linger is how long the beginning of a call, and how far it has come, may wait:
// most calls tell more of themselves meanwhile, and one writing does for all of it.
// A daemon that is killed loses that much of the calls in progress; it finds them
// again among the live channels of its next session, and in the call records.
const linger = 250 * time.Millisecond

// hurries says that a fact is to be on the disk at once: what follows from it
// is waited for.
func hurries(f *call.Fact) bool { return f.Kind != call.Started && f.Kind != call.Moved }

// NewBook makes a Book. Facts are recorded while Run runs.
func NewBook(c BookConfig) *Book {
	b := &Book{db: c.DB, office: c.Office, log: c.Log, roll: rand.IntN, wake: make(chan struct{}, 1), backlog: c.Backlog}
	if b.backlog <= 0 {
		b.backlog = DefaultBacklog
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	b.m = newBookMetrics(c.Metrics, c.Office)
	return b
}

// Tell queues facts to be recorded, in order. It never waits: it says false
// when there was no room for them, and none is taken.
func (b *Book) Tell(facts []call.Fact) bool {
	if len(facts) == 0 {
		return true
	}
	var size int64
	for i := range facts {
		size += sizeOf(&facts[i])
	}
	b.mu.Lock()
	if b.size+size > b.backlog {
		b.mu.Unlock()
		b.m.refused.Add(float64(len(facts)))
		return false
	}
	now := time.Now()
	urgent := 0
	for i := range facts {
		b.waiting = append(b.waiting, heard{facts[i], now})
		if hurries(&facts[i]) {
			urgent++
		}
	}
	b.urgent += urgent
	b.size += size
	if b.later == nil {
		b.later = time.AfterFunc(linger, b.kick)
	}
	n := len(b.waiting)
	b.mu.Unlock()
	b.m.waiting.Set(float64(n))
	if urgent > 0 {
		b.kick()
	}
	return true
}

// Settled is until when everything that the Book was told is on the disk: now,
// unless something waits.
func (b *Book) Settled() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	oldest := time.Now()
	if !b.inHand.IsZero() {
		oldest = b.inHand
	}
	for i := range b.waiting[:min(len(b.waiting), maxBatch)] { // beyond, all came later
		if at := b.waiting[i].at; at.Before(oldest) {
			oldest = at
		}
	}
	return oldest
}

// Waiting is how many facts the Book was told that it has not begun to record.
func (b *Book) Waiting() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting)
}

func (b *Book) kick() {
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// Run records what Tell queues until ctx ends, and then what is still queued,
// as long as the database takes it.
func (b *Book) Run(ctx context.Context) error {
	if err := b.db.Do(ctx, b.reopen); err != nil && ctx.Err() == nil {
		b.log.Error("leads that wait for their pool's opening keep to the hours that were set when they came", "err", err)
	}
	if err := b.settleOrphans(ctx); err != nil && ctx.Err() == nil {
		b.log.Error("calls of PBXes that are not configured any more stay open", "err", err)
	}
	for {
		batch, more := b.take(ctx.Err() != nil)
		if len(batch) > 0 {
			if err := b.persist(ctx, batch); err != nil {
				return err
			}
			b.recorded()
		}
		if more {
			continue
		}
		select {
		case <-b.wake:
		case <-ctx.Done():
			if b.empty() {
				return nil
			}
		}
	}
}

// take gives what is to be recorded now, in its order: what hurries, and what has
// lingered, or half as long where there is a transaction anyway; or everything, where much waits or the end has come. What was known of
// calls is left out where more of them is told (each fact tells all that its call's
// earlier ones did): that saves most of the writing. more says that there is more
// to take.
func (b *Book) take(all bool) (batch []call.Fact, more bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.later != nil {
		b.later.Stop()
		b.later = nil
	}
	n := min(len(b.waiting), maxBatch)
	more = n < len(b.waiting)
	all = all || n == maxBatch
	now := time.Now()
	b.inHand = time.Time{}
	var freed int64
	for i := range n {
		freed += sizeOf(&b.waiting[i].Fact)
		if hurries(&b.waiting[i].Fact) {
			b.urgent--
		}
	}
	facts := withoutPassed(b.waiting[:n])
	wait := linger
	if slices.ContainsFunc(facts, func(f heard) bool { return hurries(&f.Fact) || now.Sub(f.at) >= linger }) {
		wait = linger / 2 // there is a transaction to go along with
	}
	var stay []heard
	for _, f := range facts {
		if rest := wait - now.Sub(f.at); !all && !hurries(&f.Fact) && rest > 0 {
			if stay = append(stay, f); b.later == nil {
				b.later = time.AfterFunc(linger-now.Sub(f.at), b.kick)
			}
			continue
		}
		if b.inHand.IsZero() || f.at.Before(b.inHand) {
			b.inHand = f.at
		}
		batch = append(batch, f.Fact)
	}
	if more {
		b.waiting = b.waiting[n:] // and nothing stays of what was before
	} else {
		b.waiting = stay
	}
	for i := range stay {
		freed -= sizeOf(&stay[i].Fact)
	}
	b.size -= freed
	b.m.waiting.Set(float64(len(b.waiting)))
	return batch, more
}

// withoutPassed leaves out the facts that a later one of the same call makes
// needless; that one has waited since they were told.
func withoutPassed(facts []heard) []heard {
	type key struct{ pbx, id string }
	later := make(map[key]int, len(facts))
	kept := make([]heard, 0, len(facts))
	for i := len(facts) - 1; i >= 0; i-- {
		k := key{facts[i].Call.PBX, facts[i].Call.ID}
		if at, passed := later[k]; passed && !hurries(&facts[i].Fact) {
			kept[at].at = facts[i].at
			continue
		}
		later[k] = len(kept)
		kept = append(kept, facts[i])
	}
	slices.Reverse(kept)
	return kept
}

func (b *Book) recorded() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inHand = time.Time{}
}

// pressed says that facts are being recorded, or that some wait which are to be.
func (b *Book) pressed() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.inHand.IsZero() || b.urgent > 0
}

func (b *Book) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.waiting) == 0
}

// persist records a batch, and again for as long as the database cannot be
// written: a fact is never dropped because of it. When ctx has ended it tries
// no more than once.
func (b *Book) persist(ctx context.Context, batch []call.Fact) error {
	pause := 100 * time.Millisecond
	said := false
	for {
		errs := b.Record(context.WithoutCancel(ctx), batch)
		batch = b.failed(batch, errs)
		if len(batch) == 0 {
			if said {
				b.log.Info("the database takes facts again")
			}
			return nil
		}
		if errors.Is(errs[0], db.ErrClosed) {
			return fmt.Errorf("leads: %d facts were not recorded: %w", len(batch), db.ErrClosed)
		}
		if !said {
			said = true
			b.log.Error("the database cannot be written: calls wait in memory and are lost if this process ends", "waiting", len(batch), "err", firstError(errs))
		}
		select {
		case <-time.After(pause):
			pause = min(2*pause, 5*time.Second)
		case <-ctx.Done():
			b.mu.Lock()
			lost := len(batch) + len(b.waiting)
			b.mu.Unlock()
			return fmt.Errorf("leads: %d facts were not recorded: %w", lost, firstError(errs))
		}
	}
}

// failed keeps the facts that are to be tried again. A fact that the database
// refuses for its own sake would be refused for ever: it is said and skipped.
func (b *Book) failed(batch []call.Fact, errs []error) []call.Fact {
	var again []call.Fact
	for i, err := range errs {
		switch {
		case err == nil:
		case errors.Is(err, db.ErrUnavailable) || errors.Is(err, db.ErrClosed):
			again = append(again, batch[i])
		default:
			b.m.broken.Inc()
			b.log.Error("a fact could not be recorded", "pbx", batch[i].Call.PBX, "call", batch[i].Call.ID, "fact", batch[i].Kind, "err", err)
		}
	}
	return again
}

func firstError(errs []error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// Record writes facts, in order, in one transaction; each stands or falls by
// itself. It is what Run does; tests and the reading of call records use it too.
func (b *Book) Record(ctx context.Context, facts []call.Fact) []error {
	parts := make([]func(*db.Tx) error, len(facts))
	for i := range facts {
		parts[i] = func(tx *db.Tx) error { return b.record(tx, &facts[i]) }
	}
	return b.db.DoAll(ctx, parts)
}

// Trunks are the endpoints of a PBX by which calls have come in.
func (b *Book) Trunks(ctx context.Context, pbx string) ([]string, error) {
	rows, err := b.db.Reader().QueryContext(ctx, "SELECT endpoint FROM trunks WHERE pbx = $1 ORDER BY endpoint", pbx)
	if err != nil {
		return nil, fmt.Errorf("leads: trunks of %s: %w", pbx, err)
	}
	defer rows.Close()
	var list []string
	for rows.Next() {
		var endpoint string
		if err := rows.Scan(&endpoint); err != nil {
			return nil, fmt.Errorf("leads: trunks of %s: %w", pbx, err)
		}
		list = append(list, endpoint)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: trunks of %s: %w", pbx, err)
	}
	return list, nil
}

// OpenCalls reads the calls of a PBX that had not ended when they were last
// heard of: what the tracker resumes from. A call that cannot be read back is
// told as far as its row tells it, so that one broken row does not end the
// watching.
func (b *Book) OpenCalls(ctx context.Context, pbx string) ([]call.Call, error) {
	calls, err := b.readOpen(ctx, pbx)
	if err != nil {
		return nil, fmt.Errorf("leads: open calls of %s: %w", pbx, err)
	}
	return calls, nil
}

func (b *Book) readOpen(ctx context.Context, pbx string) ([]call.Call, error) {
	rows, err := b.db.Reader().QueryContext(ctx,
		"SELECT call, direction, caller, caller_name, dialed, started, resume FROM calls WHERE pbx = $1 AND ended IS NULL ORDER BY started, id", pbx)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var calls []call.Call
	for rows.Next() {
		c := call.Call{PBX: pbx}
		var started int64
		var text string
		if err := rows.Scan(&c.ID, &c.Direction, &c.Caller, &c.CallerName, &c.Dialed, &started, &text); err != nil {
			return nil, err
		}
		c.Started = db.Time(started)
		if whole, err := readResume(text); err == nil {
			c = whole
		} else {
			b.m.broken.Inc()
			b.log.Error("what was known of an open call cannot be read back; it goes on from its row", "pbx", pbx, "call", c.ID, "err", err)
		}
		calls = append(calls, c)
	}
	return calls, rows.Err()
}
