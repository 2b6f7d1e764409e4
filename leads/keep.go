package leads

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
)

// KeepConfig says how long what is over is kept; 0 is for ever.
type KeepConfig struct {
	// Calls is for calls that have ended and leads that are closed, with their
	// attempts and entries, and for contacts that nobody has named and of whom
	// nothing else is left.
	Calls time.Duration
	// Events is for the entries of timelines but those of open leads and of
	// appointments to come, for what was dialed, and for the intervals in which a
	// PBX was not watched.
	Events time.Duration

	DB   *db.DB
	Book *Book // whose facts go first
	Log  *slog.Logger
	// Metrics takes ringback_history_…; nil: none are kept.
	Metrics prometheus.Registerer
}

// Keeper removes what is older than is kept, in steps so small that a fact which
// comes in the middle of one waits for a few milliseconds. Whatever is still
// owed stays: open leads with their calls and entries, and what people said
// about being called (consents). It may die between any two steps.
type Keeper struct {
	c       KeepConfig
	removed *prometheus.CounterVec
	step    prometheus.Histogram
}

const (
	// firstRound is how long after its start a daemon begins to remove: it has
	// better things to do at first.
	firstRound = time.Minute
	// nextRound is how long after a round the next one begins.
	nextRound = time.Hour
	// stepTime is what the transaction of a step may take, its commit excepted.
	stepTime = 2 * time.Millisecond
	// mostRows is how many rows a step looks at at most.
	mostRows = 200
	// stepPause is how long nothing is removed between two steps; after one
	// that took long, because the disk is busy say, it is stepPauses times as long.
	stepPause  = 20 * time.Millisecond
	stepPauses = 4
)

// Removed are the words for what a Keeper removes, in metrics and the log.
var Removed = []string{"calls", "leads", "contacts", "entries", "dials", "clicks", "blind"}

// NewKeeper makes a Keeper; it works while Run runs.
func NewKeeper(c KeepConfig) *Keeper {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	k := &Keeper{c: c,
		removed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_history_removed_total",
			Help: "Rows removed because they were older than is kept, by what they were."}, []string{"what"}),
		step: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ringback_history_step_seconds",
			Help:    "How long the steps of removing kept the database from facts, commits included.",
			Buckets: Latencies}),
	}
	for _, what := range Removed {
		k.removed.WithLabelValues(what)
	}
	if c.Metrics != nil {
		c.Metrics.MustRegister(k.removed, k.step)
	}
	return k
}

// Run removes until ctx ends: a minute after its begin, and then every hour,
// what has become too old. The error says that the database was closed under
// it.
func (k *Keeper) Run(ctx context.Context) error {
	for wait := firstRound; pause(ctx, wait); wait = nextRound {
		switch err := k.round(ctx); {
		case ctx.Err() != nil:
		case errors.Is(err, db.ErrClosed):
			return err
		case err != nil:
			k.c.Log.Error("what is older than is kept could not be removed; it is tried again in an hour", "err", err)
		}
	}
	return nil
}

// round removes all that is too old now.
func (k *Keeper) round(ctx context.Context) error {
	start := time.Now()
	removed := removedRows{}
	defer func() {
		if len(removed) > 0 {
			k.c.Log.Info("what is older than is kept was removed", "calls", removed["calls"], "leads", removed["leads"], "contacts", removed["contacts"],
				"entries", removed["entries"], "dials", removed["dials"], "clicks", removed["clicks"], "blind", removed["blind"], "took", time.Since(start).Round(time.Millisecond))
		}
	}()
	for _, of := range []struct {
		keep  time.Duration
		walks []walk
	}{
		// Leads go before the calls that they stand for.
		{k.c.Calls, []walk{oldLeads, oldCalls}},
		{k.c.Events, []walk{oldEntries, oldDials, oldClicks, oldBlind}},
	} {
		if of.keep == 0 {
			continue
		}
		before := db.Millis(start.Add(-of.keep))
		for _, walk := range of.walks {
			if err := k.walk(ctx, walk, before, removed); err != nil {
				return fmt.Errorf("leads: keep: %w", err)
			}
		}
	}
	return nil
}

// removedRows counts rows by one of the words of Removed.
type removedRows map[string]int

// sweep is one step of a walk.
type sweep struct {
	tx      *db.Tx
	before  int64 // what is older than this goes
	after   spot  // where the step before ended
	limit   int   // of rows that are looked at
	removed removedRows
}

// spot is where a walk is: the time and the id of the last row that was looked at.
type spot struct{ at, id int64 }

// walk looks at the next rows that are old, oldest first, and removes those that
// nothing needs. It answers where it ended, and whether there may be more.
type walk func(*sweep) (end spot, more bool, err error)

// walk takes a walk to its end, step by step.
func (k *Keeper) walk(ctx context.Context, walk walk, before int64, total removedRows) error {
	after, limit := spot{}, 8
	for more := true; more; {
		if err := k.waitForFacts(ctx); err != nil {
			return err
		}
		var end spot
		var removed removedRows
		var took time.Duration
		start := time.Now()
		err := k.c.DB.Do(ctx, func(tx *db.Tx) (err error) {
			begun := time.Now()
			removed = removedRows{}
			end, more, err = walk(&sweep{tx: tx, before: before, after: after, limit: limit, removed: removed}) // it may be run twice
			took = time.Since(begun)
			return err
		})
		if err != nil {
			return err
		}
		after = end
		whole := time.Since(start)
		k.step.Observe(whole.Seconds())
		for what, n := range removed {
			k.removed.WithLabelValues(what).Add(float64(n))
			total[what] += n
		}
		limit = nextLimit(limit, took)
		if more && !pause(ctx, max(stepPause, stepPauses*whole)) {
			return ctx.Err()
		}
	}
	return nil
}

// nextLimit is how many rows fit into a step, by what the last one took.
func nextLimit(limit int, took time.Duration) int {
	switch {
	case took > stepTime:
		return max(limit/2, 1)
	case took < stepTime/2:
		return min(limit*2, mostRows)
	}
	return limit
}

// waitForFacts waits until the Book has written what it was told.
func (k *Keeper) waitForFacts(ctx context.Context) error {
	for k.c.Book.pressed() {
		if !pause(ctx, stepPause) {
			return ctx.Err()
		}
	}
	return ctx.Err()
}

// pause waits; false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
