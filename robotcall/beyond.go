package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// beyond is a channel of ours that goes on without its script: it was connected,
// and is the dialplan's. Its rows end with it.
type beyond struct {
	pbx  string
	rows []string
	// connection is whom a key has asked for; the zero Pass: not known any more.
	connection Pass
	far        farEnd
	// fell is told, in the transaction that notes it, when the connection came to
	// nothing because of the PBX.
	fell func(tx *db.Tx) error
}

// over is what is to be noted of a channel that went on: that its far end was
// answered, or that it has ended.
type over struct {
	rows    []string
	picked  bool // answered, and not ended
	outcome dials.Outcome
	detail  string
	fell    func(tx *db.Tx) error
}

// release lets a channel go on with a connection; its row, and the
// connection's, end when it does. fell may be nil.
func (d *Dialer) release(l *leg, connection Pass, fell func(tx *db.Tx) error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.legs, l.id)
	b := d.goesOn(l.id, l.exchange.Name, l.id)
	if connection.dial.Channel != "" {
		b.rows, b.connection, b.fell = append(b.rows, connection.dial.Channel), connection, fell
	}
	for _, n := range l.rest() { // it may have come far, or ended, just now
		d.hearBeyond(b, n)
		if n.ends() {
			d.ended(l.id, n)
		}
	}
}

// hearBeyond hears of the far end of a channel that went on; the lock is held.
func (d *Dialer) hearBeyond(b *beyond, n notice) {
	before := b.far.answered
	b.far.hear(n)
	if b.far.answered && !before {
		d.over = append(d.over, over{rows: slices.Clone(b.rows), picked: true})
		d.rouse()
	}
}

// goesOn notes what ends with a channel; the lock is held.
func (d *Dialer) goesOn(channel, pbx string, rows ...string) *beyond {
	b := d.beyond[channel]
	if b == nil {
		b = &beyond{pbx: pbx}
		d.beyond[channel] = b
	}
	for _, row := range rows {
		if !slices.Contains(b.rows, row) {
			b.rows = append(b.rows, row)
		}
	}
	return b
}

// ended notes the end of a channel that went on; the lock is held.
func (d *Dialer) ended(channel string, end notice) {
	b := d.beyond[channel]
	if b == nil {
		return
	}
	delete(d.beyond, channel)
	d.forgetFar(channel)
	row := b.connection.dial.Channel
	d.over = append(d.over, over{rows: slices.DeleteFunc(b.rows, func(r string) bool { return r == row }), outcome: dials.Answered})
	if row != "" {
		d.over = append(d.over, b.connected(end))
	}
	d.rouse()
}

// connected says what became of the connection. One of which the end was not
// seen counts as answered.
func (b *beyond) connected(end notice) over {
	o := over{rows: []string{b.connection.dial.Channel}, outcome: dials.Answered}
	if b.far.answered || end.kind == vanished {
		return o
	}
	o.outcome, o.detail = b.far.outcome(end, b.connection)
	if inVain(o.outcome) {
		o.fell = b.fell
	}
	return o
}

// inVain says of a connection that the PBX carried it to nobody.
func inVain(o dials.Outcome) bool {
	return o == dials.Failed || o == dials.Congestion || o == dials.Invalid
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
		return d.unheard(ctx, l.exchange, p, errAway)
	case ari.HTTPStatus(err) == http.StatusNotFound:
		return Report{Pass: p, Outcome: dials.Unknown, Detail: "it was answered, and ended while the daemon was away"}
	case err != nil && errors.Is(context.Cause(ctx), errElsewhere):
		return d.giveUp(p, errElsewhere)
	case err != nil:
		return Report{Pass: p, Detail: err.Error(), Open: true}
	case inApplication(&c):
		return Report{Pass: p, Outcome: dials.Answered}
	case inDialplan(&c) && !p.dial.Answered.IsZero():
		d.release(l, Pass{}, nil)
		return Report{Pass: p, Outcome: dials.Answered, Detail: errConnected.Error(), Connected: true}
	}
	return d.await(ctx, l, p, o, farEnd{rang: true, ownRang: true}) // or may have, in the former life
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
