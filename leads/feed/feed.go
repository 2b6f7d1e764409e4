package feed

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/hook"
	"ringback/leads/view"
)

// Receiver is a program that events are posted to.
type Receiver interface {
	// Post posts a body once; the same event has the same id.
	Post(ctx context.Context, id string, body []byte) hook.Answer
	// Shown is as much of its address as may be shown.
	Shown() string
	// Close lets go of the connections that nothing uses.
	Close()
}

// Hook is a program that is told of events.
type Hook struct {
	// Name is by which its place in the timeline is kept.
	Name string
	// Events are those that it wants; none: all.
	Events   []Pattern
	Receiver Receiver
	// Timeout bounds one request.
	Timeout time.Duration
}

// Config is what a Feed works with.
type Config struct {
	DB    *db.DB
	Hooks []Hook
	// Log takes what was not taken; nil: nobody is told.
	Log *slog.Logger
	// Metrics takes the ringback_hook_… metrics; nil: none are kept.
	Metrics prometheus.Registerer
}

// Feed tells programs what happens.
type Feed struct {
	db       *db.DB
	source   *source
	log      *slog.Logger
	metrics  *metrics
	couriers []*courier
	over     chan struct{} // closed when Run ends: nobody waits for events any more
}

// New makes a Feed. A hook that is new is told what happens from now on, whenever
// Run begins. It fails when the registry has another's metrics, or the database
// cannot be written.
func New(ctx context.Context, c Config) (*Feed, error) {
	f := &Feed{db: c.DB, source: &source{c.DB.Reader(), view.New(c.DB.Reader())}, log: c.Log, over: make(chan struct{})}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	var err error
	if f.metrics, err = newMetrics(c.Metrics, f, c.Hooks); err != nil {
		return nil, fmt.Errorf("feed: metrics: %w", err)
	}
	for _, h := range c.Hooks {
		f.couriers = append(f.couriers, newCourier(h, f))
	}
	if len(f.couriers) == 0 {
		return f, nil
	}
	return f, f.db.Do(ctx, func(tx *db.Tx) error {
		for _, c := range f.couriers {
			if _, err := findPlace(tx, c.hook.Name); err != nil {
				return err
			}
		}
		return nil
	})
}

// Wake has what waits for a hook posted at once: somebody has seen that its receiver
// is there. A hook that the Feed does not know has nothing that waits.
func (f *Feed) Wake(hook string) {
	if c := f.hook(hook); c != nil {
		c.renew()
	}
}

// Run posts events to hooks until ctx ends, and then finishes what is in hand.
// The error says that the last places could not be written; what was posted since
// is then posted again.
func (f *Feed) Run(ctx context.Context) error {
	defer close(f.over)
	stop := f.db.Listen(leads.TopicTimeline, func(any) {
		for _, c := range f.couriers {
			c.wake()
		}
	})
	defer stop()
	var group sync.WaitGroup
	errs := make(chan error, len(f.couriers))
	for _, c := range f.couriers {
		group.Go(func() {
			defer c.hook.Receiver.Close()
			errs <- c.run(ctx)
		})
	}
	<-ctx.Done()
	group.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// hook finds a hook by its name; nil: there is none.
func (f *Feed) hook(name string) *courier {
	for _, c := range f.couriers {
		if c.hook.Name == name {
			return c
		}
	}
	return nil
}
