package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
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
}

// release lets a channel go on; rows end when it does.
func (d *Dialer) release(l *leg, rows ...string) {
	d.leave(l)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.beyond[l.id] = beyond{l.exchange.Name, rows}
	for _, n := range l.notices { // it may have ended just now
		if n.kind == gone && !n.byOthers || n.kind == vanished {
			d.ended(l.id)
		}
	}
}

// ended notes the end of a channel that went on; the lock is held.
func (d *Dialer) ended(channel string) {
	b, known := d.beyond[channel]
	if !known {
		return
	}
	delete(d.beyond, channel)
	d.over = append(d.over, b.rows...)
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// Run looks after the calls that a former life of the daemon has left, as soon
// as their PBX is watched, and ends the rows of calls that went on without their
// script, until ctx ends.
func (d *Dialer) Run(ctx context.Context) error {
	var group sync.WaitGroup
	defer group.Wait()
	for _, x := range d.exchanges {
		group.Go(func() { d.inherit(ctx, x) })
	}
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return nil
		}
		d.mu.Lock()
		over := d.over
		d.over = nil
		d.mu.Unlock()
		d.endRows(ctx, over, dials.Answered, "")
	}
}

func (d *Dialer) endRows(ctx context.Context, rows []string, o dials.Outcome, detail string) {
	err := d.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		for _, row := range rows {
			if err := dials.End(tx, row, o, detail); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		d.log.Error("the end of a call could not be written down", "err", err)
	}
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

// inherit settles what is left of a former life on one PBX: calls of which only
// the end was still to be noted, and channels of our application that nobody
// speaks to any more.
func (d *Dialer) inherit(ctx context.Context, x *Exchange) {
	for pause := time.Second; d.seen(ctx, x.Name); pause = min(2*pause, time.Minute) {
		err := d.settleLeft(ctx, x)
		if err == nil || ctx.Err() != nil {
			return
		}
		d.log.Warn("calls of a former life are not settled yet", "pbx", x.Name, "err", err)
		if sleep(ctx, pause) != nil {
			return
		}
	}
}

func (d *Dialer) settleLeft(ctx context.Context, x *Exchange) error {
	live, err := x.PBX.Channels(ctx)
	if err != nil {
		return err
	}
	var left, open []dials.Dial
	err = d.db.Do(ctx, func(tx *db.Tx) (err error) {
		if left, err = dials.Left(tx, x.Name); err != nil {
			return err
		}
		open, err = dials.Open(tx, x.Name)
		return err
	})
	if err != nil {
		return fmt.Errorf("robotcall: %w", err)
	}
	ours := map[string]bool{} // whose job picks them up
	for _, dial := range open {
		ours[dial.Channel] = true
	}
	for _, dial := range left {
		ours[dial.Channel] = false
	}
	alive := map[string]bool{}
	for i := range live {
		c := &live[i]
		alive[c.ID] = true
		abandoned := inApplication(c) && strings.HasPrefix(c.AppData, x.PBX.App()) && !d.followed(c.ID) && !ours[c.ID]
		if strings.HasPrefix(c.ID, ChannelPrefix) && abandoned {
			if err := x.PBX.Hangup(ctx, c.ID); err != nil {
				return err
			}
			d.log.Info("hung up a channel that nobody speaks to any more", "pbx", x.Name, "channel", c.ID)
		}
	}
	talking := map[string]string{} // the leg of a call that is alive
	for _, dial := range open {
		if dial.Kind != dials.Connect && alive[dial.Channel] {
			talking[dial.Call] = dial.Channel
		}
	}
	d.inheritRows(ctx, x, left, talking)
	return nil
}

// inheritRows ends the rows of calls of which no leg is alive; the others end
// with it.
func (d *Dialer) inheritRows(ctx context.Context, x *Exchange, left []dials.Dial, talking map[string]string) {
	for _, dial := range left {
		channel, alive := talking[dial.Call]
		switch {
		case alive && (dial.Kind == dials.Connect || dial.Channel == channel):
			d.mu.Lock()
			b := d.beyond[channel]
			d.beyond[channel] = beyond{x.Name, append(b.rows, dial.Channel)}
			d.mu.Unlock()
		case dial.Answered.IsZero() && dial.Kind != dials.Connect:
			d.endRows(ctx, []string{dial.Channel}, dials.Unknown, errAway.Error())
		default:
			d.endRows(ctx, []string{dial.Channel}, dials.Answered, errAway.Error())
		}
	}
}

func (d *Dialer) followed(channel string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.legs[channel] != nil
}

var errAway = errors.New("it ended while the daemon was away")

// errConnected says that a call is the dialplan's by now.
var errConnected = errors.New("it was connected")

// Resume goes on with calls that a former life has placed: one that is answered
// and waits for us has a Voice, one that still rings is waited for, one that was
// connected is left alone, and what is gone counts as dialed.
func (d *Dialer) Resume(ctx context.Context, open []dials.Dial, o Order) (*Voice, []Report) {
	passes := make([]Pass, len(open))
	for i, dial := range open {
		passes[i] = Pass{dial} // it was let pass when it was booked
	}
	o.InTurn = false
	voice, reports := d.answer(ctx, passes, o, d.resume)
	if voice != nil {
		voice.hushFormer(ctx)
	}
	return voice, reports
}

func (d *Dialer) resume(ctx context.Context, l *leg, p Pass, o Order) Report {
	if !d.seen(ctx, l.exchange.Name) {
		return d.giveUp(p, context.Cause(ctx))
	}
	c, err := l.exchange.PBX.Channel(ctx, l.id)
	switch {
	case ari.HTTPStatus(err) == http.StatusNotFound && p.dial.Answered.IsZero():
		return Report{Pass: p, Outcome: dials.Unknown, Detail: errAway.Error()}
	case ari.HTTPStatus(err) == http.StatusNotFound:
		return Report{Pass: p, Outcome: dials.Unknown, Detail: "it was answered, and ended while the daemon was away"}
	case err == nil && inApplication(&c):
		return Report{Pass: p, Outcome: dials.Answered}
	case err == nil && c.State == "Up" && !p.dial.Answered.IsZero():
		d.release(l, p.dial.Channel)
		return Report{Pass: p, Outcome: dials.Answered, Detail: errConnected.Error(), Connected: true}
	}
	return d.await(ctx, l, p, o)
}
