package db

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
)

// bg is the context of every statement: once begun, a transaction is carried
// out, whoever has lost interest meanwhile.
var bg = context.Background()

// maxGroup is how many functions share one commit at most: it bounds how long
// the first of them waits for the rest.
const maxGroup = 256

var (
	// ErrUnavailable is in the errors of Do and DoAll when the database itself
	// failed (a full disk, an I/O error, a lock held by a foreign tool), not
	// what was asked of it. Whether the transaction is on the disk is then not
	// known for certain; it is whole or absent, never in part. Who must not
	// lose it tells it again, and makes telling twice harmless by a unique key.
	ErrUnavailable = errors.New("db: the database is not available")

	// ErrClosed is in the errors of Do and DoAll after Close, and after a Hook
	// has let the database die. Trying again is of no use.
	ErrClosed = errors.New("db: the database is closed")
)

// Boundary is an instant right beside a commit.
type Boundary struct {
	// Commit counts the commits since Open, from 1.
	Commit int
	// After is false just before the commit and true just after it, when it is
	// on the disk and nobody has been told yet.
	After bool
}

func (b Boundary) String() string {
	if b.After {
		return fmt.Sprintf("after commit %d", b.Commit)
	}
	return fmt.Sprintf("before commit %d", b.Commit)
}

// batch is what was queued together: one Do or DoAll.
type batch struct {
	parts []part
	// patience is how long it may wait for others who share its commit.
	patience time.Duration
	begun    bool // guarded by queue.mu: from here on it is carried out
	done     chan struct{}
}

// part is one function and what became of it.
type part struct {
	fn    func(*Tx) error
	after []func()
	err   error
}

func (b *batch) answer() { close(b.done) }

func (b *batch) fail(err error) {
	for i := range b.parts {
		b.parts[i].err = err
	}
}

// queue holds what waits for the writer, in order.
type queue struct {
	mu     sync.Mutex
	wake   sync.Cond
	wait   []*batch
	hurry  bool        // somebody who waits must not wait any longer
	later  *time.Timer // makes hurry of patience; nil: nobody is patient
	closed error       // set once: nothing more is taken
}

func newQueue() *queue {
	q := &queue{}
	q.wake.L = &q.mu
	return q
}

func (q *queue) put(b *batch) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed != nil {
		return q.closed
	}
	q.wait = append(q.wait, b)
	switch {
	case b.patience <= 0:
		q.hasten()
	case q.later == nil:
		q.later = time.AfterFunc(b.patience, func() {
			q.mu.Lock()
			defer q.mu.Unlock()
			q.hasten()
		})
	}
	return nil
}

// hasten has what waits taken. mu is held.
func (q *queue) hasten() {
	q.hurry = true
	q.wake.Signal()
}

// take waits for work that must not wait any longer, and gives as much of what
// there is as one commit should carry, at least one batch; nil when the queue is
// closed and empty.
func (q *queue) take() []*batch {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.wait) == 0 || !q.hurry && q.closed == nil {
		if q.closed != nil {
			return nil
		}
		q.hurry = false
		q.wake.Wait()
	}
	n, parts := 0, 0
	for n < len(q.wait) && (n == 0 || parts+len(q.wait[n].parts) <= maxGroup) {
		q.wait[n].begun = true
		parts += len(q.wait[n].parts)
		n++
	}
	group := append([]*batch(nil), q.wait[:n]...)
	q.wait = append(q.wait[:0], q.wait[n:]...)
	clear(q.wait[len(q.wait):cap(q.wait)])
	q.hurry = len(q.wait) > 0
	if q.later != nil {
		q.later.Stop()
		q.later = nil
	}
	return group
}

// withdraw takes back what has not begun, and tells whether it did.
func (q *queue) withdraw(b *batch) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	if b.begun {
		return false
	}
	for i := range q.wait {
		if q.wait[i] == b {
			q.wait = append(q.wait[:i], q.wait[i+1:]...)
			return true
		}
	}
	return false
}

// close lets nothing more in and gives why to whoever comes; with drop, those
// who wait get it too, otherwise they are still served.
func (q *queue) close(why error, drop bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.closed == nil {
		q.closed = why
	}
	if drop {
		for _, b := range q.wait {
			b.begun = true
			b.fail(why)
			b.answer()
		}
		q.wait = nil
	}
	q.wake.Broadcast()
}

func (q *queue) isClosed() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.closed != nil
}

// Do runs fn in a transaction and returns when its outcome is decided: nil, and
// what fn wrote is on the disk; fn's own error (or its panic as an error), and
// nothing of fn is; or an error with ErrUnavailable or ErrClosed. Whoever else
// waits at that instant shares the commit, and is not touched by fn's failure.
//
// When ctx ends before fn has begun, fn is not run and ctx's error is returned;
// once begun it is carried out. fn runs on the writer's goroutine: it must not
// call Do, wait for anything, or keep tx. It may be run twice, or be told
// ErrUnavailable after it has run: it must have no effect but through tx.
func (db *DB) Do(ctx context.Context, fn func(tx *Tx) error) error {
	return db.DoAll(ctx, []func(*Tx) error{fn})[0]
}

// DoInCompany is Do for what nobody waits for: it may be carried out up to so
// much later, with whatever else is written then, and spares a commit of its own.
func (db *DB) DoInCompany(ctx context.Context, patience time.Duration, fn func(tx *Tx) error) error {
	return db.doAll(ctx, patience, []func(*Tx) error{fn})[0]
}

// DoAll is Do for several functions, which run in their order in one
// transaction, each failing alone. There is one error for each.
func (db *DB) DoAll(ctx context.Context, fns []func(*Tx) error) []error {
	return db.doAll(ctx, 0, fns)
}

func (db *DB) doAll(ctx context.Context, patience time.Duration, fns []func(*Tx) error) []error {
	b := &batch{parts: make([]part, len(fns)), patience: patience, done: make(chan struct{})}
	for i, fn := range fns {
		b.parts[i].fn = fn
	}
	errs := make([]error, len(fns))
	if len(fns) == 0 {
		return errs
	}
	err := ctx.Err()
	if err == nil {
		err = db.queue.put(b)
	}
	if err == nil {
		select {
		case <-b.done:
		case <-ctx.Done():
			if db.queue.withdraw(b) {
				err = ctx.Err()
			} else {
				<-b.done
			}
		}
	}
	if err != nil {
		b.fail(err)
	}
	for i := range b.parts {
		errs[i] = b.parts[i].err
	}
	return errs
}

// write is the writer's goroutine: until the queue is closed and empty.
func (db *DB) write() {
	var group []*batch
	defer func() {
		// A function that ends its goroutine (a test's t.Fatal does) takes the
		// writer with it: the transaction is lost, the database is not.
		if group == nil {
			close(db.written)
			return
		}
		db.dropWriter()
		db.finish(group, errors.New("db: a function in this transaction ended the writer's goroutine"))
		go db.write()
	}()
	for {
		if group = db.queue.take(); group == nil {
			return
		}
		db.finish(group, db.carryOut(group))
	}
}

// finish tells everybody what became of the group; err is of the group as a
// whole.
func (db *DB) finish(group []*batch, err error) {
	for _, b := range group {
		if err != nil {
			b.fail(err)
			db.metrics.failed("unavailable", len(b.parts))
			continue
		}
		for _, p := range b.parts {
			if p.err != nil {
				db.metrics.part(p.err)
				continue
			}
			for _, fn := range p.after {
				runAfter(db.log, fn)
			}
		}
	}
	if db.unknown && err == nil {
		db.unknown = false
		runAfter(db.log, db.listeners.tellAll)
	}
	for _, b := range group {
		b.answer()
	}
}

// runAfter contains a panic of what runs after the commit: the commit stands.
func runAfter(log *slog.Logger, fn func()) {
	defer func() {
		if p := recover(); p != nil {
			log.Error("what was to run after a commit panicked", "panic", p)
		}
	}()
	fn()
}

// carryOut runs a group in one transaction and commits it. Its error means that
// none of the group counts. Savepoints would double the statements of small
// parts: only a group in which something failed is run again with them.
func (db *DB) carryOut(group []*batch) error {
	if db.w == nil {
		w, err := openWriter(bg, db.path)
		if err != nil {
			return db.trouble(err)
		}
		db.w = w
	}
	now := db.Now()
	for _, apart := range []bool{false, true} {
		db.begun++
		if err := db.w.begin(apart); err != nil {
			return db.trouble(err)
		}
		parts, err := db.runParts(group, now)
		switch {
		case err != nil:
			return db.trouble(err)
		case !db.w.again:
			return db.commit(parts)
		}
		if err := db.w.rollback(); err != nil {
			return db.trouble(err)
		}
		if refusedAlone(group) {
			break // nothing is left to commit
		}
	}
	return nil
}

// runParts runs the functions of a group, and no more of them when they are to
// be run again. Its error means that the transaction is lost.
func (db *DB) runParts(group []*batch, now time.Time) (parts int, err error) {
	for _, b := range group {
		for i := range b.parts {
			p := &b.parts[i]
			parts++
			p.err = db.runPart(p, now)
			switch {
			case p.err != nil && (db.w.lost || failing(p.err)):
				return parts, p.err
			case db.w.lost: // and the function did not care
				return parts, errLost
			case db.w.again:
				return parts, nil
			}
		}
	}
	return parts, nil
}

// refusedAlone says that a group is one function, and that it returned an error
// of its own: not that it bore the error of a Sub.
func refusedAlone(group []*batch) bool {
	if len(group) > 1 || len(group[0].parts) > 1 {
		return false
	}
	err := group[0].parts[0].err
	return err != nil && !errors.As(err, new(*panicked)) && !errors.Is(err, errAgain)
}

func (db *DB) runPart(p *part, now time.Time) error {
	tx := &Tx{w: db.w, log: db.log, others: &db.listeners, now: now, number: db.begun}
	err := tx.Sub(func(tx *Tx) error {
		err := p.fn(tx)
		for ; err == nil && len(tx.last) > 0; tx.last = tx.last[1:] {
			err = tx.last[0](tx)
		}
		return err
	})
	tx.done = true
	p.after = tx.after
	return err
}

func (db *DB) commit(parts int) error {
	db.commits++
	if err := db.pass(Boundary{Commit: db.commits}); err != nil {
		return err
	}
	start := time.Now()
	if err := db.w.commit(); err != nil {
		db.unknown = true
		return db.trouble(err)
	}
	db.metrics.committed(time.Since(start), parts, db.w.ran)
	if err := db.pass(Boundary{Commit: db.commits, After: true}); err != nil {
		return err
	}
	db.lastGood.Store(Millis(db.Now()))
	if db.inTrouble {
		db.inTrouble = false
		db.log.Info("the database can be written again", "database", db.path)
	}
	return nil
}

// pass asks the crash test's hook, if there is one, whether the process lives
// on; when it does not, nothing reaches the file any more.
func (db *DB) pass(at Boundary) error {
	if db.hook == nil {
		return nil
	}
	err := db.hook(at)
	if err == nil {
		return nil
	}
	dead := fmt.Errorf("%w: it died %v: %w", ErrClosed, at, err)
	db.dropWriter()
	db.queue.close(dead, true)
	return dead
}

// trouble ends a transaction that the database could not carry out. The
// connection is given up: the next group opens a new one, and finds what is
// really on the disk.
func (db *DB) trouble(err error) error {
	db.dropWriter()
	db.lastGood.Store(0)
	if !db.inTrouble {
		db.inTrouble = true
		db.log.Error("the database cannot be written; trying on", "database", db.path, "err", err)
	}
	if errors.Is(err, ErrUnavailable) {
		return err
	}
	return unavailable(err)
}

// dropWriter closes the writing connection, which rolls back what is open.
func (db *DB) dropWriter() {
	if db.w == nil {
		return
	}
	if err := db.w.close(); err != nil {
		db.log.Debug("closing the writing connection", "err", err)
	}
	db.w = nil
}
