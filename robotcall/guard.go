package robotcall

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
	"ringback/leads/dials"
)

// ChannelPrefix begins the ids of the channels that the daemon places.
const ChannelPrefix = "ringback-"

// Guard is the one place through which every call out passes.
type Guard struct {
	rules   *Rules
	db      *db.DB
	metrics guardMetrics
}

// Pass is the proof that a call out was let pass and is booked. Only Admit
// makes one.
type Pass struct {
	dial dials.Dial
	// until is when it is good no more, because the client's hours end or the
	// call is of no use any more; zero: it stays good.
	until time.Time
}

// NewGuard makes a Guard. reg takes its metrics; nil: none are kept.
func NewGuard(rules *Rules, d *db.DB, reg prometheus.Registerer) *Guard {
	return &Guard{rules: rules, db: d, metrics: newGuardMetrics(d, reg)}
}

var errLegs = errors.New("several calls at a time are let pass only as legs to the phones of one manager")

// patience is how long Admit waits for room: whoever came back for it at once
// would keep the database busy, and who waits longer knows less and less of what
// has changed meanwhile.
const patience = 10 * time.Second

// Admit decides about a call, and books it when it may be placed now: the legs
// of one call together or none. Where there is no room just now it waits a little
// for some. Each Pass is good for one attempt; the dial of one that is not used
// is to be ended.
func (g *Guard) Admit(ctx context.Context, legs ...Request) ([]Pass, Decision, error) {
	if len(legs) == 0 {
		return nil, Decision{}, fmt.Errorf("robotcall: admit: %w", errLegs)
	}
	for _, q := range legs[1:] {
		if !q.Kind.ToHouse() || q.Kind != legs[0].Kind || q.Who != legs[0].Who || q.Call != legs[0].Call {
			return nil, Decision{}, fmt.Errorf("robotcall: admit: %w", errLegs)
		}
	}
	for enough := g.db.Now().Add(patience); ; {
		passes, d, err := g.admit(ctx, legs)
		switch {
		case err != nil:
			return nil, Decision{}, fmt.Errorf("robotcall: admit: %w", err)
		case d.Allowed:
			return passes, d, nil
		case !noRoom(d.Reason) || d.Until.IsZero() || d.Until.After(enough):
			g.metrics.refused.WithLabelValues(string(legs[0].Kind), string(d.Reason)).Inc()
			return nil, d, nil
		}
		if err := sleep(ctx, d.Until.Sub(g.db.Now())); err != nil {
			return nil, d, fmt.Errorf("robotcall: admit: %w", err)
		}
	}
}

// Ask decides about a call without booking it: what may be placed now may be
// refused a moment later.
func (g *Guard) Ask(ctx context.Context, q Request) (d Decision, err error) {
	err = g.db.Do(ctx, func(tx *db.Tx) error {
		h, err := dials.Look(tx, q.of())
		d = g.rules.Decide(q, h, tx.Now())
		return err
	})
	if err != nil {
		return Decision{}, fmt.Errorf("robotcall: ask: %w", err)
	}
	return d, nil
}

// noRoom says that only other calls are in the way.
func noRoom(why Reason) bool { return why == Concurrent || why == TrunkConcurrent || why == Pace }

// admit is one try of Admit: what is known, what follows from it, and the rows
// of the calls, in one transaction.
func (g *Guard) admit(ctx context.Context, legs []Request) (passes []Pass, d Decision, err error) {
	err = g.db.Do(ctx, func(tx *db.Tx) error {
		passes = nil
		for _, q := range legs {
			h, err := dials.Look(tx, q.of())
			if err != nil {
				return err
			}
			if d = g.rules.Decide(q, h, tx.Now()); !d.Allowed {
				return nil
			}
		}
		passes, err = book(tx, legs)
		for i := range passes {
			passes[i].until = g.rules.until(legs[i], tx.Now())
		}
		return err
	})
	return passes, d, err
}

// of is whose history decides about the request.
func (q *Request) of() dials.Of {
	return dials.Of{Number: q.Number, Who: q.Who, PBX: q.PBX, Trunk: q.Trunk, Job: q.Job, Call: q.Call}
}

// book writes the rows of the legs, under new channel ids.
func book(tx *db.Tx, legs []Request) (passes []Pass, err error) {
	call := legs[0].Call
	for _, q := range legs {
		dial := dials.Dial{Channel: ChannelPrefix + rand.Text(), PBX: q.PBX, Trunk: q.Trunk, Kind: q.Kind,
			Number: q.Number, Device: q.Device, Who: q.Who, Job: q.Job, Lead: q.Lead, Reminder: q.Reminder}
		if call == "" {
			call = dial.Channel
		}
		dial.Call = call
		if err := dials.Insert(tx, &dial); err != nil {
			return nil, err
		}
		passes = append(passes, Pass{dial: dial})
	}
	return passes, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
