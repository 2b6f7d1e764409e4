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

// follow is the spine: what one PBX says becomes facts, in order, and the Book
// and the dialer are told. It resumes the calls that were open when the daemon last stopped,
// returns when ctx ends, and never waits for the database.
func follow(ctx context.Context, w watched, book *leads.Book, dialer *robotcall.Dialer, log *slog.Logger) error {
	open, err := book.OpenCalls(ctx, w.opts.PBX)
	switch {
	case ctx.Err() != nil:
		return nil // it was told to stop
	case err != nil:
		return fmt.Errorf("follow %s: %w", w.opts.PBX, err)
	}
	if w.opts.Trunks, err = book.Trunks(ctx, w.opts.PBX); err != nil && ctx.Err() == nil {
		return fmt.Errorf("follow %s: %w", w.opts.PBX, err)
	}
	tracker := call.New(w.opts)
	tracker.Resume(open)
	if len(open) > 0 {
		log.Info("calls were open when the daemon last stopped", "pbx", w.opts.PBX, "calls", len(open))
	}
	full := false
	var clock clock
	err = w.stream.Run(ctx, func(ev *ari.Event) {
		w.pulse.begin()
		defer w.pulse.end()
		clock.ours(ev)
		taken := book.Tell(tracker.Step(ev))
		if !taken && !full {
			log.Error("facts wait for the database beyond the bound: calls are being lost", "pbx", w.opts.PBX)
		}
		full = !taken
		dialer.Step(w.opts.PBX, ev)
	})
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("follow %s: %w", w.opts.PBX, err)
}

// clock turns the times of a PBX into ours, so that calls of several PBXes can
// be compared. Only Connected tells both at once: it was made just now.
type clock struct{ behind time.Duration }

// bearable is a difference that clocks set over the network have anyway: times
// then stay as the PBX wrote them.
const bearable = time.Second

func (c *clock) ours(ev *ari.Event) {
	if ev.Type == ari.Connected {
		if c.behind = time.Since(ev.At); c.behind.Abs() < bearable {
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
// was watched.
func keepWatched(ctx context.Context, w watched, book *leads.Book, log *slog.Logger) error {
	tick := time.NewTicker(watchedEvery)
	defer tick.Stop()
	watching := false
	for {
		stopping := ctx.Err() != nil
		if !stopping { // the stream ends with ctx, and was watching until then
			watching = w.stream.Status().State == ari.Watching
		}
		if watching {
			if err := book.Watched(context.WithoutCancel(ctx), leads.Sighting{PBX: w.opts.PBX, Until: time.Now()}); err != nil {
				log.Debug("not written down until when the PBX was watched", "pbx", w.opts.PBX, "err", err)
			}
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
