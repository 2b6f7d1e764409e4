package robotcall

import (
	"context"
	"errors"
	"sync"
	"time"

	"ringback/leads/dials"
)

// Pacer spreads the beginnings of calls to clients, so that the phones never
// see more in any second than the rules allow: between the return of one request
// to a trunk and the beginning of the next lies a tenth more than an even share
// of the second, and so it is between the beginnings of all. The book alone would
// not do: a call that was booked in this second may be sent in the next.
type Pacer struct {
	rules *Rules

	mu    sync.Mutex
	free  time.Time // when the next call may begin, by whatever trunk
	lanes map[Trunk]*lane
}

// lane is what calls by one trunk go through one after the other: a trunk that
// is slow holds up no other.
type lane struct {
	turn chan struct{} // holds one while nobody is in it
	free time.Time     // when the trunk may be used again; of whoever has the turn
}

// NewPacer makes a Pacer. Its first call waits a second: what the process before
// this one has sent is not known.
func NewPacer(rules *Rules) *Pacer {
	return &Pacer{rules: rules, free: time.Now().Add(time.Second), lanes: map[Trunk]*lane{}}
}

// errTooLate is in the error of a call whose time was over before its turn came.
var errTooLate = errors.New("its time was over before its turn came")

// Place has place called when the call may begin: at once, except for calls to
// clients. It gives place's error; or ctx's when that ends before, or errTooLate
// when the time for which the Guard let it pass does.
func (p *Pacer) Place(ctx context.Context, pass Pass, place func() error) error {
	if pass.dial.Kind != dials.Reminder {
		return place()
	}
	trunk := Trunk{pass.dial.PBX, pass.dial.Trunk}
	l := p.lane(trunk)
	select {
	case <-l.turn:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { l.turn <- struct{}{} }()
	if err := sleep(ctx, time.Until(l.free)); err != nil {
		return err
	}
	if err := sleep(ctx, time.Until(p.reserve())); err != nil {
		return err
	}
	if !pass.until.IsZero() && !time.Now().Before(pass.until) {
		return errTooLate
	}
	defer func() {
		l.free = time.Now().Add(share(p.rules.Trunks[trunk].PerSecond))
		p.began()
	}()
	return place()
}

func (p *Pacer) lane(trunk Trunk) *lane {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.lanes[trunk]
	if l == nil {
		l = &lane{turn: make(chan struct{}, 1)}
		l.turn <- struct{}{}
		p.lanes[trunk] = l
	}
	return l
}

// reserve gives the next instant at which a call may begin, which is the
// caller's alone.
func (p *Pacer) reserve() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := latest(time.Now(), p.free)
	p.free = at.Add(share(p.rules.PerSecond))
	return at
}

// began notes that a call has begun at the latest just now: the PBX took its
// time.
func (p *Pacer) began() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = latest(p.free, time.Now().Add(share(p.rules.PerSecond)))
}

// share is the time between two calls; none where there is no bound.
func share(perSecond int) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	return 1100 * time.Millisecond / time.Duration(perSecond)
}
