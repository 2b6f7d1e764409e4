package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// sweepEvery is how often the calls that nobody follows are looked for. What is
// found was left by a former life, or by a database that could not be written
// for a while; in the ordinary run of things there is nothing.
const sweepEvery = 30 * time.Second

// Run ends the rows of calls that went on without their script, when those end,
// and looks after what a former life of the daemon has left, until ctx ends.
func (d *Dialer) Run(ctx context.Context) error {
	if err := d.endElsewhere(ctx); err != nil && ctx.Err() == nil {
		d.log.Error("calls of PBXes that are not configured any more stay open", "err", err)
	}
	var group sync.WaitGroup
	defer group.Wait()
	for _, x := range d.exchanges {
		group.Go(func() { d.sweeps(ctx, x) })
	}
	for {
		select {
		case <-d.wake:
		case <-ctx.Done():
			return nil
		}
		d.mu.Lock()
		over, strays := d.over, d.strays
		d.over, d.strays = nil, nil
		d.mu.Unlock()
		for _, o := range over {
			d.conclude(ctx, o)
		}
		for _, s := range strays {
			d.fetch(ctx, s)
		}
	}
}

// conclude writes down what became of calls, and what follows.
func (d *Dialer) conclude(ctx context.Context, o over) {
	err := d.db.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		for _, row := range o.rows {
			if err := o.note(tx, row); err != nil {
				return err
			}
		}
		if o.fell != nil {
			return o.fell(tx)
		}
		return nil
	})
	if err != nil {
		d.log.Error("the end of a call could not be written down", "err", err)
	}
}

func (o *over) note(tx *db.Tx, row string) error {
	if o.picked {
		return dials.MarkAnswered(tx, row)
	}
	return dials.End(tx, row, o.outcome, o.detail)
}

// endRow writes down how a call ended. What could not be written is found by the
// next sweep.
func (d *Dialer) endRow(ctx context.Context, row string, o dials.Outcome, detail string) {
	d.conclude(ctx, over{rows: []string{row}, outcome: o, detail: detail})
}

// endElsewhere ends the rows of PBXes that the configuration does not name any
// more: nobody will see their end.
func (d *Dialer) endElsewhere(ctx context.Context) error {
	return d.db.Do(ctx, func(tx *db.Tx) error {
		names, err := dials.PBXes(tx)
		if err != nil {
			return err
		}
		for _, name := range names {
			if d.exchanges[name] != nil {
				continue
			}
			open, err := dials.Open(tx, name)
			if err != nil {
				return err
			}
			for _, dial := range open {
				if err := dials.End(tx, dial.Channel, dials.Unknown, "its PBX is not configured any more"); err != nil {
					return err
				}
			}
		}
		return nil
	})
}

// sweeps looks after one PBX as soon as it is watched, and again and again.
func (d *Dialer) sweeps(ctx context.Context, x *Exchange) {
	for first := true; d.seen(ctx, x.Name); first = false {
		if err := d.sweep(ctx, x, first); err != nil && ctx.Err() == nil {
			d.log.Warn("calls that nobody follows could not be looked for", "pbx", x.Name, "err", err)
		}
		if sleep(ctx, sweepEvery) != nil {
			return
		}
	}
}

var errAway = errors.New("it ended while the daemon was away")

// sweep ends the rows whose job has ended and whose channel is gone, and hangs
// up the channels that wait for a script that will not come. all looks for
// channels without a row too.
func (d *Dialer) sweep(ctx context.Context, x *Exchange, all bool) error {
	left, open, err := d.left(ctx, x.Name)
	if err != nil || len(left) == 0 && !all {
		return err
	}
	// Asked after the rows were read: a channel that is not among these has ended.
	list, err := x.PBX.Channels(ctx)
	if err != nil {
		return err
	}
	live := map[string]*ari.Channel{}
	for i := range list {
		live[list[i].ID] = &list[i]
	}
	legs := map[string]string{} // of a call, the leg that is alive
	for _, dial := range open {
		if dial.Kind != dials.Connect && live[dial.Channel] != nil {
			legs[dial.Call] = dial.Channel
		}
	}
	abandoned, gone := map[string]bool{}, []dials.Dial(nil)
	for _, dial := range left {
		channel := dial.Channel
		if dial.Kind == dials.Connect {
			channel = legs[dial.Call]
		}
		if c := live[channel]; c == nil {
			gone = append(gone, dial)
		} else if inDialplan(c) {
			d.adopt(c.ID, x.Name, dial.Channel)
		} else {
			abandoned[c.ID] = true
		}
	}
	if all {
		d.addUnknown(x, list, open, abandoned)
	}
	if err := d.hangUp(ctx, x, abandoned); err != nil {
		return err
	}
	d.endLeft(ctx, x, gone)
	return nil
}

// left reads the rows that no job will look for, and all that are open.
func (d *Dialer) left(ctx context.Context, pbx string) (left, open []dials.Dial, err error) {
	err = d.db.Do(ctx, func(tx *db.Tx) (err error) {
		if left, err = dials.Left(tx, pbx); err != nil {
			return err
		}
		open, err = dials.Open(tx, pbx)
		return err
	})
	if err != nil {
		return nil, nil, fmt.Errorf("robotcall: %w", err)
	}
	return left, open, nil
}

// endLeft ends rows whose channels are gone. What was answered before the daemon
// died was, and so is a connection: the call records are asked of the others.
func (d *Dialer) endLeft(ctx context.Context, x *Exchange, gone []dials.Dial) {
	unheard := func(dial dials.Dial) bool { return dial.Answered.IsZero() && dial.Kind != dials.Connect }
	told := d.became(ctx, x, slices.DeleteFunc(slices.Clone(gone), func(dial dials.Dial) bool { return !unheard(dial) }))
	if ctx.Err() != nil { // the next life asks
		return
	}
	for _, dial := range gone {
		outcome, known := told[dial.Channel]
		switch {
		case known:
			d.endRow(ctx, dial.Channel, outcome, byRecords)
		case unheard(dial):
			d.endRow(ctx, dial.Channel, dials.Unknown, errAway.Error())
		default:
			d.endRow(ctx, dial.Channel, dials.Answered, errAway.Error())
		}
	}
}

// adopt lets a row end with a channel that goes on.
func (d *Dialer) adopt(channel, pbx, row string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.goesOn(channel, pbx, row)
}

// addUnknown adds the channels in our application of which no row tells.
func (d *Dialer) addUnknown(x *Exchange, list []ari.Channel, open []dials.Dial, abandoned map[string]bool) {
	known := map[string]bool{}
	for _, dial := range open {
		known[dial.Channel] = true
	}
	for i := range list {
		c := &list[i]
		if strings.HasPrefix(c.ID, ChannelPrefix) && inApplication(c) && strings.HasPrefix(c.AppData, x.PBX.App()) && !known[c.ID] {
			abandoned[c.ID] = true
		}
	}
}

// hangUp ends channels that nobody speaks to. Each is asked for once more: it may
// have been connected, or found its script, since it was listed.
func (d *Dialer) hangUp(ctx context.Context, x *Exchange, abandoned map[string]bool) error {
	for id := range abandoned {
		c, err := x.PBX.Channel(ctx, id)
		switch {
		case ari.HTTPStatus(err) == http.StatusNotFound:
			continue // its row ends with the next sweep
		case err != nil:
			return err
		case inDialplan(&c) || d.known(id):
			continue
		}
		if err := x.PBX.Hangup(ctx, id); err != nil {
			return err
		}
		d.log.Info("hung up a channel that nobody speaks to any more", "pbx", x.Name, "channel", id)
		d.endRow(ctx, id, dials.Unknown, "nobody followed it any more")
	}
	return nil
}

// known says that a channel has its script, or went on without it.
func (d *Dialer) known(channel string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	_, on := d.beyond[channel]
	return on || d.legs[channel] != nil
}

// stray is a channel of ours that was answered and waits for a script.
type stray struct{ pbx, channel string }

// strayed notes a channel that came into our application without anybody
// listening for it.
func (d *Dialer) strayed(pbx string, ev *ari.Event) {
	x := d.exchanges[pbx]
	if x == nil || !strings.HasPrefix(ev.Channel.ID, ChannelPrefix) || ev.Application != x.PBX.App() {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strays = append(d.strays, stray{pbx, strings.Clone(ev.Channel.ID)})
	d.rouse()
}

// fetch hangs a stray up, unless its row's job is about to pick it up: that is so
// right after a start.
func (d *Dialer) fetch(ctx context.Context, s stray) {
	left, open, err := d.left(ctx, s.pbx)
	if err != nil {
		d.log.Warn("a call that nobody follows could not be looked for", "pbx", s.pbx, "err", err)
		return
	}
	is := func(dial dials.Dial) bool { return dial.Channel == s.channel }
	if slices.ContainsFunc(open, is) && !slices.ContainsFunc(left, is) {
		return
	}
	if err := d.hangUp(ctx, d.exchanges[s.pbx], map[string]bool{s.channel: true}); err != nil {
		d.log.Warn("a call that nobody follows could not be hung up", "pbx", s.pbx, "err", err)
	}
}
