package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/leads"
	"ringback/robotcall"
)

// follower is the spine: what one PBX says becomes facts, in order, and the Book
// and the dialer are told.
type follower struct {
	watched
	book     *leads.Book
	dialer   *robotcall.Dialer
	recovery *recovery
	log      *slog.Logger

	tracker *call.Tracker
	clock   clock
	sighted bool // a session has begun in this process
	// full is since when facts found no room (Unix nanoseconds, our clock): what is
	// heard is not followed until all that waits is on the disk, and then the
	// tracker begins anew, as after a death. 0: there is room.
	full       atomic.Int64
	overflowed time.Time // since when facts had found no room, until the next session begins
	// ahead is what the PBX's clock is ahead of ours.
	ahead atomic.Int64
}

// run resumes the calls that were open when the daemon last stopped, returns
// when ctx ends, and never waits for the database after that.
func (f *follower) run(ctx context.Context) error {
	open, err := f.resume(ctx)
	switch {
	case ctx.Err() != nil:
		return nil // it was told to stop
	case err != nil:
		return fmt.Errorf("follow %s: %w", f.opts.PBX, err)
	case open > 0:
		f.log.Info("calls were open when the daemon last stopped", "pbx", f.opts.PBX, "calls", open)
	}
	err = f.stream.Run(ctx, func(ev *ari.Event) {
		f.pulse.begin()
		defer f.pulse.end()
		f.handle(ctx, ev)
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("follow %s: %w", f.opts.PBX, err)
}

// resume makes a tracker that knows the calls which the database knows to be
// open, and tells how many.
func (f *follower) resume(ctx context.Context) (int, error) {
	open, err := f.book.OpenCalls(ctx, f.opts.PBX)
	if err != nil {
		return 0, err
	}
	opts := f.opts
	if opts.Trunks, err = f.book.Trunks(ctx, f.opts.PBX); err != nil {
		return 0, err
	}
	f.tracker = call.New(opts)
	f.tracker.Resume(open)
	return len(open), nil
}

func (f *follower) handle(ctx context.Context, ev *ari.Event) {
	f.clock.ours(ev, f.stream.Ahead())
	f.dialer.Step(f.opts.PBX, ev)
	if ev.Type == ari.Connected {
		f.ahead.Store(int64(-f.clock.behind))
		if since := f.full.Load(); since != 0 && !f.renewed(ctx) {
			f.stream.Ignore(time.Unix(0, since))
		}
	}
	if f.full.Load() != 0 {
		return
	}
	facts := f.tracker.Step(ev)
	if ev.Type == ari.Connected {
		f.recovery.connected(f.gap(ev), f.tracker.Following(), f.clock.behind)
		f.sighted = true
	}
	if !f.book.Tell(f.recovery.told(facts)) {
		since := time.Now()
		f.full.Store(since.UnixNano())
		f.stream.Ignore(since)
		f.log.Error("facts wait for the database beyond the bound: this PBX is not followed until they are written, and its call records are asked then",
			"pbx", f.opts.PBX)
	}
}

// gap is what was not watched before a session; nil: nothing was ever before.
func (f *follower) gap(ev *ari.Event) *leads.Gap {
	status := f.stream.Status()
	g := &leads.Gap{PBX: f.opts.PBX, Since: status.Good, Until: time.Now(), Ahead: -f.clock.behind, Cause: leads.Unwatched}
	switch {
	case f.overflowed.After(time.Time{}):
		g.Since, g.Cause = f.overflowed, leads.Overflowed
		f.overflowed = time.Time{}
	case ev.Since.IsZero():
		return nil
	case !f.sighted:
		g.Cause = leads.Stopped
	case status.Trouble == ari.Replaced:
		g.Cause = leads.Replaced
	}
	if back := g.Since.Sub(g.Until); back > 0 {
		g.Since = g.Until.Add(-back) // our own clock was set back: by so much at least
	}
	return g
}

// written says that all is on the disk that was told before facts found no room.
func (f *follower) written() bool { return f.book.Settled().UnixNano() > f.full.Load() }

// renewed begins anew after facts have found no room, if all that waited is on
// the disk.
func (f *follower) renewed(ctx context.Context) bool {
	if !f.written() {
		return false
	}
	if _, err := f.resume(ctx); err != nil {
		f.log.Warn("this PBX is not followed yet", "pbx", f.opts.PBX, "err", err)
		return false
	}
	f.overflowed = time.Unix(0, f.full.Swap(0))
	f.log.Info("the database takes facts again: this PBX is followed again", "pbx", f.opts.PBX, "not_followed_since", f.overflowed)
	return true
}

// clock turns the times of a PBX into ours, so that calls of several PBXes can
// be compared: by what the PBX's was ahead of ours when the session began.
type clock struct{ behind time.Duration }

// bearable is a difference that clocks set over the network have anyway: times
// then stay as the PBX wrote them.
const bearable = time.Second

func (c *clock) ours(ev *ari.Event, ahead time.Duration) {
	if ev.Type == ari.Connected {
		if c.behind = -ahead; c.behind.Abs() < bearable {
			c.behind = 0
		}
	}
	if c.behind != 0 {
		ev.Shift(c.behind)
	}
}

// watchedEvery is how often it is written down until when a PBX was watched. Of
// a talk that nobody saw end so much may go uncounted after a kill.
const watchedEvery = time.Second

// keepWatched writes down, until ctx ends and once more then, until when a PBX
// was watched and all that was seen of it is on the disk.
func (f *follower) keepWatched(ctx context.Context) error {
	tick := time.NewTicker(watchedEvery)
	defer tick.Stop()
	watching := false
	for {
		stopping := ctx.Err() != nil
		if !stopping { // the stream ends with ctx, and was watching until then
			watching = f.stream.Status().State == ari.Watching
		}
		switch {
		case !f.recovery.noted():
		case f.full.Load() != 0:
			if f.written() {
				f.stream.Renew()
			}
		case watching:
			f.mark(ctx)
		}
		if stopping {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// clockEvery is how often the clock of a PBX is looked at: one that was set is
// found out by then.
const clockEvery = time.Minute

// keepClock looks, until ctx ends, whether the PBX's clock still stands to ours as
// it did when the session began. Where it does not, another session begins, which
// measures it anew: the times of calls that are in progress would be wrong by it.
func (f *follower) keepClock(ctx context.Context) error {
	tick := time.NewTicker(clockEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if f.stream.Status().State != ari.Watching {
			continue
		}
		asking, done := context.WithTimeout(ctx, clockEvery/2)
		ahead, err := f.client.Ahead(asking)
		done()
		if was := time.Duration(f.ahead.Load()); err == nil && (ahead-was).Abs() >= 2*bearable {
			f.log.Warn("the clock of the PBX or of this machine was set: the calls in progress are looked at anew", "pbx", f.opts.PBX, "ahead", ahead, "was", was)
			f.stream.Renew()
		}
	}
}

func (f *follower) mark(ctx context.Context) {
	until := f.stream.Handled()
	if settled := f.book.Settled(); settled.Before(until) {
		until = settled
	}
	s := leads.Sighting{PBX: f.opts.PBX, Until: until, Ahead: time.Duration(f.ahead.Load())}
	if err := f.book.Watched(context.WithoutCancel(ctx), s); err != nil {
		f.log.Debug("not written down until when the PBX was watched", "pbx", f.opts.PBX, "err", err)
	}
}

// pulse shows whether whoever handles events still does. It counts, because a
// clock may be set.
type pulse struct {
	begun, ended atomic.Uint64
	seen         uint64 // ended, when stuck was last asked
}

func (p *pulse) begin() { p.begun.Add(1) }
func (p *pulse) end()   { p.ended.Add(1) }

// stuck says whether an event is in hand and none was finished since stuck was
// last asked.
func (p *pulse) stuck() bool {
	ended := p.ended.Load()
	before := p.seen
	p.seen = ended
	return p.begun.Load() > ended && ended == before
}
