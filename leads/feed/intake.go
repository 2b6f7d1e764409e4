package feed

import (
	"context"
	"slices"
	"time"

	"ringback/leads/db"
)

// takeUp reads the place, and what waits by itself and is not known yet: at the
// start, and when somebody has asked for a replay or seen that the receiver is there.
func (c *courier) takeUp(ctx context.Context) error {
	if err := c.save(ctx, true); err != nil {
		return err
	}
	var at place
	var list []*delivery
	err := c.db.Do(ctx, func(tx *db.Tx) (err error) {
		if at, err = findPlace(tx, c.hook.Name); err == nil {
			list, err = waiting(tx, c.hook.Name)
		}
		return err
	})
	if err != nil {
		return err
	}
	if c.read == 0 {
		c.read, c.how = at.told, at
	}
	if c.reread == 0 || at.asked != c.place.asked {
		c.reread = at.again
	}
	c.place = at
	for _, d := range list {
		if known := c.known(d); known == nil {
			d.due = time.Time{}
			c.add(d)
		} else if !known.alone {
			known.alone = true
			c.pending--
			c.alone++
		}
	}
	c.hasten(c.db.Now()) // somebody may have mended what was wrong
	return nil
}

// known finds an event that is on its way already; nil: it is not.
func (c *courier) known(d *delivery) *delivery {
	if s := c.strands[d.subject]; s != nil {
		if i := slices.IndexFunc(s.queue, func(k *delivery) bool { return k.entry == d.entry }); i >= 0 {
			return s.queue[i]
		}
	}
	return nil
}

// intake takes events from the timeline; more says that there are others.
func (c *courier) intake(ctx context.Context) (more bool, err error) {
	if c.reread < c.place.until {
		if more, err = c.takeIn(ctx, &c.reread, c.place.until, true); err != nil {
			return false, err
		}
	}
	fresh, err := c.takeIn(ctx, &c.read, 1<<62, false)
	return more || fresh, err
}

// takeIn takes what follows an entry. from moves with it.
func (c *courier) takeIn(ctx context.Context, from *int64, until int64, again bool) (more bool, err error) {
	dead := len(c.failing) >= deadAfter
	room := window - c.pending
	if room <= 0 || c.alone >= mostAlone || dead && (c.pending > 0 || time.Now().Before(c.nextProbe)) {
		return false, nil
	}
	list, err := c.source.entries(ctx, entriesQuery, *from, until, room)
	if err != nil {
		return false, err
	}
	for i := range list {
		e := &list[i]
		*from = e.id
		if name := typeOf(e); name == "" || !chosen(c.hook.Events, name) {
			continue
		}
		d := &delivery{entry: e.id, subject: e.subject(), replayed: again, since: c.db.Now()}
		if c.known(d) != nil { // it is not to come twice, nor to be tried for another day
			continue
		}
		c.add(d)
		if dead && !d.alone { // the probe: what waits behind others would not be posted
			return false, nil
		}
	}
	if len(list) < room && again {
		*from = until
	}
	return len(list) == room, nil
}

// add puts a delivery behind those of its subject. Where they wait, it waits by
// itself too.
func (c *courier) add(d *delivery) {
	s := c.strands[d.subject]
	if s == nil {
		s = &strand{}
		c.strands[d.subject] = s
	}
	s.queue = append(s.queue, d)
	if d.alone {
		c.alone++
		return
	}
	c.pending++
	if s.queue[0].alone {
		c.setAside(d)
	}
}

// setAside has a delivery wait by itself, so that the place can move on.
func (c *courier) setAside(d *delivery) {
	if !d.alone {
		d.alone = true
		c.pending--
		c.alone++
	}
	kept := *d
	c.change(kept.wait)
}

func (c *courier) change(fn func(tx *db.Tx, hook string) error) { c.changes = append(c.changes, fn) }
