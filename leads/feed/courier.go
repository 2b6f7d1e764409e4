package feed

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync/atomic"
	"time"

	"ringback/leads/db"
	"ringback/leads/hook"
)

const (
	// workers is how many events are posted to one receiver at a time.
	workers = 4
	// retriers is how many of these post again what was not taken: what hangs must
	// not keep others from being posted.
	retriers = 2
	// window bounds what is taken from the timeline and not yet settled, mostAlone
	// what waits by itself: beyond, the place in the timeline waits.
	window    = 256
	mostAlone = 5000
	// giveUpAfter is how long an event is tried.
	giveUpAfter = 24 * time.Hour
	// deadAfter is of how many subjects in a row nothing was taken until the
	// receiver counts as dead: then one new event is tried in each probeEvery, so
	// that what waits stays in the timeline and not in rows.
	deadAfter = 8
	// In each probeEvery one of what waits because the receiver was not there is
	// tried as well: one that is back is known as such within that time, however
	// long the pauses have become.
	probeEvery = time.Minute
	// goneFor is how long a receiver that says that it is gone (410) is left alone,
	// and the longest that one may ask for.
	goneFor = time.Hour
	// saveEvery is how late the place may be written: what was taken since then is
	// posted again after a crash.
	saveEvery = time.Second
	// grace is what requests in hand get when the daemon stops.
	grace = 4 * time.Second
)

// pauses are those before an event is tried again; the last of them is repeated.
var pauses = []time.Duration{5 * time.Second, 15 * time.Second, time.Minute, 3 * time.Minute, 10 * time.Minute, 30 * time.Minute}

// strand is what is on its way of one subject, in its order.
type strand struct {
	queue []*delivery
	busy  bool // the first is being posted
}

// courier brings the events of the timeline to one hook. One goroutine has it; a
// post has another, which tells by results what became of it.
type courier struct {
	hook   Hook
	db     *db.DB
	source *source
	log    *slog.Logger
	m      hookMetrics

	kick    chan struct{}
	reload  chan struct{}
	results chan result

	reached atomic.Int64 // up to where everything is settled, of the timeline
	place   place        // on the disk
	how     place        // how the receiver does, as it will be on the disk
	read    int64        // up to where the timeline was taken in
	reread  int64        // the same of a replay
	strands map[string]*strand
	pending int // deliveries without a row
	alone   int // deliveries with one
	inHand  int
	again   int // of these, what is posted again

	changes   []func(tx *db.Tx, hook string) error
	saved     time.Time
	failing   map[string]struct{} // subjects of which nothing was taken since something was
	nextProbe time.Time
	nextAsk   time.Time
	quiet     time.Time // until then nothing is posted
}

// result is what became of a post.
type result struct {
	d      *delivery
	answer hook.Answer
	gone   bool // the entry is not there any more
	early  bool // its pause was not over: it was posted to ask whether the receiver is back
}

func newCourier(h Hook, f *Feed) *courier {
	return &courier{hook: h, db: f.db, source: f.source, log: f.log.With("hook", h.Name), m: f.metrics.of(h.Name),
		kick: make(chan struct{}, 1), reload: make(chan struct{}, 1), results: make(chan result, workers),
		strands: map[string]*strand{}, failing: map[string]struct{}{}}
}

// wake has the courier look at the timeline, renew at what waits too.
func (c *courier) wake()  { signal(c.kick) }
func (c *courier) renew() { signal(c.reload) }

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default:
	}
}

// run brings events until ctx ends, and then finishes what is in hand.
func (c *courier) run(ctx context.Context) error {
	posts, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	c.renew()
	for ctx.Err() == nil {
		next, err := c.turn(ctx, posts)
		if errors.Is(err, db.ErrClosed) {
			break
		}
		if err != nil && ctx.Err() == nil {
			c.log.Error("the feed could not use the database; trying on", "err", err)
			next = time.Now().Add(saveEvery)
		}
		c.rest(ctx, next)
	}
	late := time.AfterFunc(grace, end)
	defer late.Stop()
	for c.inHand > 0 {
		c.settle(<-c.results)
	}
	err := c.save(context.WithoutCancel(ctx), true)
	if errors.Is(err, db.ErrClosed) {
		return nil // what was taken last is posted again: the receiver knows it by its id
	}
	return err
}

// turn does what can be done now, and tells when to look again at the latest.
func (c *courier) turn(ctx, posts context.Context) (next time.Time, err error) {
	select {
	case <-c.reload:
		if err := c.takeUp(ctx); err != nil {
			c.renew()
			return next, err
		}
	default:
	}
	more, err := c.intake(ctx)
	if err != nil {
		return next, err
	}
	next = c.begin(posts)
	if err := c.save(ctx, false); err != nil {
		return next, err
	}
	if more {
		c.wake()
	}
	return next, nil
}

// rest waits until something is to be done.
func (c *courier) rest(ctx context.Context, until time.Time) {
	c.reached.Store(c.here().told)
	wait := time.Hour
	if !until.IsZero() {
		wait = min(wait, time.Until(until))
	}
	if c.moved() || len(c.changes) > 0 {
		wait = min(wait, saveEvery)
	}
	timer := time.NewTimer(max(wait, 0))
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-c.kick:
	case <-c.reload:
		c.renew()
	case r := <-c.results:
		c.settle(r)
	case <-timer.C:
	}
	for {
		select {
		case r := <-c.results:
			c.settle(r)
		default:
			return
		}
	}
}

// begin posts the first of every strand that is due, the oldest event first, and
// tells when the next is.
func (c *courier) begin(posts context.Context) (next time.Time) {
	now := c.db.Now()
	if now.Before(c.quiet) {
		return c.quiet
	}
	if len(c.failing) >= deadAfter && now.Before(c.nextProbe) {
		next = c.nextProbe
	}
	var due []*delivery
	for _, s := range c.strands {
		switch first := s.queue[0]; {
		case s.busy:
		case first.due.After(now):
			next = sooner(next, first.due)
		default:
			due = append(due, first)
		}
	}
	switch d, at := c.ask(now); {
	case d == nil || c.inHand == workers || c.again == retriers: // what is in hand comes back
	case at.After(now):
		next = sooner(next, at)
	default:
		c.nextAsk = now.Add(probeEvery)
		c.send(posts, d, true)
	}
	slices.SortFunc(due, func(a, b *delivery) int { return int(min(max(a.entry-b.entry, -1), 1)) })
	for _, d := range due {
		probe := len(c.failing) >= deadAfter && !d.alone
		if c.inHand == workers || d.attempts > 0 && c.again == retriers || probe && now.Before(c.nextProbe) {
			continue
		}
		if probe {
			c.nextProbe = now.Add(probeEvery)
			next = sooner(next, c.nextProbe)
		}
		c.send(posts, d, false)
	}
	return next
}

// ask chooses what a receiver that was not there is asked with before its pause is
// over, and tells when: of what waits for that reason what was tried longest ago.
// Of a dead receiver it is anything.
func (c *courier) ask(now time.Time) (d *delivery, at time.Time) {
	for _, s := range c.strands {
		first := s.queue[0]
		if s.busy || !first.due.After(now) || !first.away && len(c.failing) < deadAfter {
			continue
		}
		if d == nil || first.tried.Before(d.tried) || first.tried.Equal(d.tried) && first.entry < d.entry {
			d = first
		}
	}
	if d == nil {
		return nil, at
	}
	if at = d.tried.Add(probeEvery); at.Before(c.nextAsk) {
		at = c.nextAsk
	}
	return d, at
}

// sooner is the earlier of two times; a zero one is none.
func sooner(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// send posts the first of a strand.
func (c *courier) send(posts context.Context, d *delivery, early bool) {
	c.strands[d.subject].busy = true
	c.inHand++
	if d.attempts > 0 {
		c.again++
	}
	posted := *d
	go func() {
		r := c.post(posts, posted.entry, posted.replayed)
		r.d, r.early = d, early
		c.results <- r
	}()
}

// post makes one attempt.
func (c *courier) post(ctx context.Context, entry int64, replayed bool) result {
	ctx, cancel := context.WithTimeout(ctx, c.hook.Timeout)
	defer cancel()
	told, body, err := c.source.body(ctx, entry, replayed)
	switch {
	case err != nil:
		return result{answer: hook.Answer{Err: err}}
	case told == nil:
		return result{gone: true}
	}
	return result{answer: c.hook.Receiver.Post(ctx, told.ID, body)}
}

// here is the place up to which everything is settled.
func (c *courier) here() place {
	p := c.how
	p.told, p.again, p.until, p.asked = c.read, c.reread, c.place.until, c.place.asked
	for _, s := range c.strands {
		for _, d := range s.queue {
			switch {
			case d.alone:
			case d.replayed:
				p.again = min(p.again, d.entry-1)
			default:
				p.told = min(p.told, d.entry-1)
			}
		}
	}
	return p
}

// moved says that the place on the disk is an old one.
func (c *courier) moved() bool { return c.here() != c.place }

// save writes what has changed; the place alone only now and then.
func (c *courier) save(ctx context.Context, now bool) error {
	here := c.here()
	if len(c.changes) == 0 && (here == c.place || !now && time.Since(c.saved) < saveEvery) {
		return nil
	}
	err := c.db.Do(ctx, func(tx *db.Tx) error {
		for _, change := range c.changes {
			if err := change(tx, c.hook.Name); err != nil {
				return err
			}
		}
		return here.keep(tx, c.hook.Name)
	})
	if err != nil {
		return err
	}
	c.place, c.changes, c.saved = here, nil, time.Now()
	return nil
}
