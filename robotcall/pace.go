package robotcall

import (
	"context"
	"sync"
	"time"

	"ringback/leads/dials"
)

// Pacer spreads the beginnings of calls to clients, so that the phones never
// see more in any second than the rules allow: between the return of one request
// to the PBX and the beginning of the next lies a tenth more than an even share
// of the second. The book alone would not do: a call that was booked in this
// second may be sent in the next.
type Pacer struct {
	rules *Rules
	turn  chan struct{} // holds one while nobody sends

	mu   sync.Mutex
	free map[Trunk]time.Time // when a trunk may be used again; the zero Trunk: any
}

// NewPacer makes a Pacer. Its first call waits a second: what the process before
// this one has sent is not known.
func NewPacer(rules *Rules) *Pacer {
	p := &Pacer{rules: rules, turn: make(chan struct{}, 1), free: map[Trunk]time.Time{{}: time.Now().Add(time.Second)}}
	p.turn <- struct{}{}
	return p
}

// Place has place called when the call may begin: at once, except for calls to
// clients. It gives place's error, or ctx's when that ends before.
func (p *Pacer) Place(ctx context.Context, pass Pass, place func() error) error {
	if pass.dial.Kind != dials.Reminder {
		return place()
	}
	select {
	case <-p.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { p.turn <- struct{}{} }()
	trunk := Trunk{pass.dial.PBX, pass.dial.Trunk}
	if err := sleep(ctx, time.Until(p.next(trunk))); err != nil {
		return err
	}
	defer p.took(trunk)
	return place()
}

// next is when the trunk may be used.
func (p *Pacer) next(trunk Trunk) time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	if own := p.free[trunk]; own.After(p.free[Trunk{}]) {
		return own
	}
	return p.free[Trunk{}]
}

// took notes that the trunk was used just now.
func (p *Pacer) took(trunk Trunk) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now := time.Now()
	p.free[trunk] = now.Add(share(p.rules.Trunks[trunk].PerSecond))
	p.free[Trunk{}] = now.Add(share(p.rules.PerSecond))
}

// share is the time between two calls; none where there is no bound.
func share(perSecond int) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return 1100 * time.Millisecond / time.Duration(perSecond)
}
