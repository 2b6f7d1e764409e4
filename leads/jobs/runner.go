package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
)

const (
	// recheck is how long the Runner sleeps at most: due times are the wall
	// clock's, and a clock that was set is noticed by then.
	recheck = 30 * time.Second
	// pruneEvery and pruneStep bound how much of a transaction old jobs cost.
	pruneEvery = time.Hour
	pruneStep  = 500
	// recordTime is what results may take to be written after the grace ended.
	recordTime = 2 * time.Second
)

// Options are what a Runner may be told; the zero value will do.
type Options struct {
	// Log takes faults and what was given up; nil: nobody is told.
	Log *slog.Logger
	// Metrics takes the ringback_jobs_… metrics; nil: none are kept.
	Metrics prometheus.Registerer
	// Grace is what works in hand get to finish after the context of Run has
	// ended; 0 is 5 seconds.
	Grace time.Duration
}

// Runner does jobs when they are due. There is one for a database.
type Runner struct {
	db      *db.DB
	log     *slog.Logger
	grace   time.Duration
	metrics *metrics
	lanes   *lanes
	kick    chan struct{}
	works   []*Work
	busy    sync.WaitGroup
	life    context.Context // of the works in hand
	// unsure is set when a commit of unknown outcome may have changed what is
	// due behind the Runner's back.
	unsure atomic.Bool
}

// NewRunner makes the Runner of these kinds of work. Jobs of other kinds stay
// where they are, for a program that knows them, unless one of the works takes
// strays (see Work.Kind).
func NewRunner(d *db.DB, works []Work, o Options) (*Runner, error) {
	r := &Runner{db: d, log: o.Log, grace: o.Grace, kick: make(chan struct{}, 1)}
	if r.log == nil {
		r.log = slog.New(slog.DiscardHandler)
	}
	if r.grace <= 0 {
		r.grace = 5 * time.Second
	}
	for _, w := range works {
		if err := w.check(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(r.works, func(other *Work) bool { return other.Kind == w.Kind }) {
			return nil, fmt.Errorf("jobs: work %s is given twice", w.Kind)
		}
		r.works = append(r.works, &w)
	}
	r.lanes = newLanes(r.works)
	var err error
	if r.metrics, err = newMetrics(o.Metrics, d, r.works); err != nil {
		return nil, fmt.Errorf("jobs: metrics: %w", err)
	}
	return r, nil
}

// Kick makes the Runner look at once whether something is due. Commits that
// enqueue do this by themselves.
func (r *Runner) Kick() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}

// Run first settles what a dead process had in hand, and then does jobs until
// ctx ends. From there on nothing new is begun; what is in hand gets the grace,
// after which its context ends too, and its results are still recorded. The
// error says that the database was closed under the Runner, or how many works
// did not return; those jobs are treated as after a crash at the next start.
func (r *Runner) Run(ctx context.Context) error {
	stop := r.db.Listen(topic, func(note any) {
		if q, ok := note.(queued); ok {
			r.lanes.sooner(q.at, q.due)
		} else {
			r.unsure.Store(true)
		}
		r.Kick()
	})
	defer stop()
	works, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()

	err := r.persist(ctx, "settle what was in hand", r.adopt)
	if err == nil {
		r.life = works
		r.lanes.set(true, false)
		withdraw := r.db.Provide(topic, r)
		err = r.loop(ctx)
		withdraw()
		r.lanes.set(false, false)
		// A transaction that has taken a job in hand meanwhile begins it: it is
		// over when this one is.
		_ = r.db.Do(works, func(*db.Tx) error { return nil })
	}
	r.lanes.set(false, true)
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	return errors.Join(err, r.windUp(end))
}

func (r *Runner) loop(ctx context.Context) error {
	var pruned time.Time
	var clock dial
	for {
		if m := clock.step(r.db.Now()); m != nil {
			if err := r.persist(ctx, "move with the clock", func(tx *db.Tx) error { return r.setClock(tx, m) }); err != nil {
				return err
			}
		}
		if time.Since(pruned) >= pruneEvery {
			more, err := r.prune(ctx)
			if err != nil {
				return err
			}
			if !more {
				pruned = time.Now()
			}
		}
		if r.unsure.Swap(false) {
			if err := r.persist(ctx, "look again", r.lookAgain); err != nil {
				return err
			}
		}
		if ready := r.lanes.ready(r.db.Now()); len(ready) > 0 {
			if err := r.claim(ctx, ready); err != nil {
				return err
			}
			continue
		}
		if !r.rest(ctx, r.lanes.sleep(r.db.Now(), recheck)) {
			return ctx.Err()
		}
	}
}

// rest waits for d or a kick; false when ctx ended.
func (r *Runner) rest(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-r.kick:
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// windUp waits for the works in hand. end ends their context.
func (r *Runner) windUp(end func()) error {
	idle := make(chan struct{})
	go func() {
		r.busy.Wait()
		close(idle)
	}()
	grace := time.NewTimer(r.grace)
	defer grace.Stop()
	select {
	case <-idle:
		return nil
	case <-grace.C:
	}
	end()
	last := time.NewTimer(recordTime)
	defer last.Stop()
	select {
	case <-idle:
		return nil
	case <-last.C:
		return fmt.Errorf("jobs: %d works did not return when they were told to", r.lanes.working())
	}
}

// persist runs a transaction of the Runner's own until it succeeds: a database
// that fails now (a full disk, say) may come back. It gives up when ctx ends or
// the database is closed.
func (r *Runner) persist(ctx context.Context, what string, fn func(*db.Tx) error) error {
	for try := 1; ; try++ {
		err := r.db.Do(ctx, fn)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, db.ErrClosed):
			return fmt.Errorf("jobs: %s: %w", what, err)
		}
		if try == 1 {
			r.log.Error("jobs: the database refused; trying on", "what", what, "err", err)
		}
		if !r.pause(ctx, patience(try)) {
			return ctx.Err()
		}
	}
}

// pause waits; false when ctx ended first.
func (r *Runner) pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// backoff is the pause after the nth failure in a row: 1 s, doubled each time,
// up to 5 minutes.
func backoff(n int) time.Duration {
	return min(time.Second<<min(n-1, 10), 5*time.Minute)
}

// patience is the pause before a database that has refused n times in a row is
// tried again. When it is back, what is due should not wait much longer.
func patience(n int) time.Duration { return min(backoff(n), 5*time.Second) }

// prune removes ended jobs that are older than Keep, a step at a time; more
// tells whether there may be others. The newest job stays, so that its id is
// never given again: rows elsewhere tell by it what was done for a job.
func (r *Runner) prune(ctx context.Context) (more bool, err error) {
	err = r.persist(ctx, "prune", func(tx *db.Tx) error {
		res, err := tx.Exec(`DELETE FROM jobs WHERE id IN
			(SELECT id FROM jobs WHERE ended > 0 AND ended < $1 AND id < (SELECT MAX(id) FROM jobs) ORDER BY ended LIMIT $2)`,
			db.Millis(tx.Now().Add(-Keep)), pruneStep)
		if err != nil {
			return fmt.Errorf("jobs: prune: %w", err)
		}
		n, err := res.RowsAffected()
		more = n == pruneStep
		return err
	})
	return more, err
}
