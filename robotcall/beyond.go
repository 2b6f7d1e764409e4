package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"ringback/ari"
	"ringback/leads/dials"
)

// beyond is a channel of ours that goes on without its script: it was connected,
// and is the dialplan's. Its rows end with it.
type beyond struct {
	pbx  string
	rows []string
}

// release lets a channel go on; rows end when it does.
func (d *Dialer) release(l *leg, rows ...string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.unlist(l)
	d.goesOn(l.id, l.exchange.Name, rows...)
	if l.hasEnded() { // just now
		d.ended(l.id)
	}
}

// goesOn notes what ends with a channel; the lock is held.
func (d *Dialer) goesOn(channel, pbx string, rows ...string) {
	b := d.beyond[channel]
	d.beyond[channel] = beyond{pbx, append(b.rows, rows...)}
}

// ended notes the end of a channel that went on; the lock is held.
func (d *Dialer) ended(channel string) {
	b, known := d.beyond[channel]
	if !known {
		return
	}
	delete(d.beyond, channel)
	d.over = append(d.over, b.rows...)
	d.rouse()
}

// rouse wakes Run.
func (d *Dialer) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// watching says whether a PBX is being watched now.
func (d *Dialer) watching(pbx string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.watched[pbx] != nil && d.watched[pbx].now
}

// seen waits until a PBX is watched; false when ctx ends before.
func (d *Dialer) seen(ctx context.Context, pbx string) bool {
	d.mu.Lock()
	since := d.watched[pbx].since
	d.mu.Unlock()
	select {
	case <-since:
		return true
	case <-ctx.Done():
		return false
	}
}

// errConnected says that a call is the dialplan's by now.
var errConnected = errors.New("it was connected")

// Resume goes on with calls that a former life has placed: one that is answered
// and waits for us has a Voice, one that still rings is waited for, one that was
// connected is left alone, and what is gone counts as dialed. Where the PBX does
// not tell within the time of ctx, the report is Open.
func (d *Dialer) Resume(ctx context.Context, open []dials.Dial, o Order) (*Voice, []Report) {
	passes := make([]Pass, len(open))
	for i, dial := range open {
		passes[i] = Pass{dial: dial} // it was let pass when it was booked
	}
	o.InTurn = false
	voice, reports := d.answer(ctx, passes, o, d.resume)
	if voice != nil {
		voice.hushFormer(ctx)
	}
	return voice, reports
}

func (d *Dialer) resume(ctx context.Context, l *leg, p Pass, o Order) Report {
	c, err := d.find(ctx, l)
	l.forget(inScript, resumed, vanished) // the channel itself has told since
	switch {
	case ari.HTTPStatus(err) == http.StatusNotFound && p.dial.Answered.IsZero():
		return Report{Pass: p, Outcome: dials.Unknown, Detail: errAway.Error()}
	case ari.HTTPStatus(err) == http.StatusNotFound:
		return Report{Pass: p, Outcome: dials.Unknown, Detail: "it was answered, and ended while the daemon was away"}
	case err != nil && errors.Is(context.Cause(ctx), errElsewhere):
		return d.giveUp(p, errElsewhere)
	case err != nil:
		return Report{Pass: p, Detail: err.Error(), Open: true}
	case inApplication(&c):
		return Report{Pass: p, Outcome: dials.Answered}
	case inDialplan(&c) && !p.dial.Answered.IsZero():
		d.release(l, p.dial.Channel)
		return Report{Pass: p, Outcome: dials.Answered, Detail: errConnected.Error(), Connected: true}
	}
	return d.await(ctx, l, p, o)
}

// find asks for the channel of a leg until the PBX tells, or ctx ends.
func (d *Dialer) find(ctx context.Context, l *leg) (ari.Channel, error) {
	for {
		if !d.seen(ctx, l.exchange.Name) {
			return ari.Channel{}, fmt.Errorf("robotcall: %w", context.Cause(ctx))
		}
		c, err := l.exchange.PBX.Channel(ctx, l.id)
		if err == nil || ari.HTTPStatus(err) == http.StatusNotFound {
			return c, err
		}
		if sleep(ctx, time.Second) != nil {
			return c, err
		}
	}
}

// inDialplan says that a channel was answered and is the dialplan's.
func inDialplan(c *ari.Channel) bool { return c.State == "Up" && !inApplication(c) }
