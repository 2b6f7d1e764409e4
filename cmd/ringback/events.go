package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"ringback/config"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/view"
)

type eventsCommand struct {
	List   eventsListCommand   `cmd:"" help:"List what happened to leads and contacts, as other programs are told."`
	Hooks  eventsHooksCommand  `cmd:"" help:"Say of every hook what it was posted, what waits, and what keeps it."`
	Replay eventsReplayCommand `cmd:"" help:"Post events to a hook once more, with their ids."`
	Test   eventsTestCommand   `cmd:"" help:"Post a ping to a hook, and say what came back."`
}

// wantedReplay is what a hook is to be posted once more.
type wantedReplay struct {
	Hook string      `json:"hook"`
	What feed.Replay `json:"what"`
}

// The errands of events.
var (
	eventsList = errand[feed.Query, view.List[*feed.Event]]{"events-list", func(ctx context.Context, at *premises, q feed.Query) (list view.List[*feed.Event], err error) {
		err = at.withFeed(ctx, func(f *feed.Feed) error {
			list, err = f.List(ctx, q)
			return err
		})
		return list, err
	}}
	eventsHooks = errand[empty, []feed.State]{"events-hooks", func(ctx context.Context, at *premises, _ empty) (list []feed.State, err error) {
		err = at.withFeed(ctx, func(f *feed.Feed) error {
			list, err = f.States(ctx)
			return err
		})
		return list, err
	}}
	eventsReplay = errand[wantedReplay, int]{"events-replay", func(ctx context.Context, at *premises, r wantedReplay) (n int, err error) {
		err = at.withFeed(ctx, func(f *feed.Feed) error {
			return at.db.Do(ctx, func(tx *db.Tx) (err error) {
				n, err = f.Replay(tx, r.Hook, r.What)
				return err
			})
		})
		return n, err
	}}
	eventsWake = errand[string, empty]{"events-wake", func(ctx context.Context, at *premises, hook string) (empty, error) {
		return empty{}, at.withFeed(ctx, func(f *feed.Feed) error {
			f.Wake(hook)
			return nil
		})
	}}
)

// withFeed has the daemon's feed used, or one that posts nothing where no daemon
// runs: what it is asked for waits for the next.
func (at *premises) withFeed(ctx context.Context, use func(f *feed.Feed) error) error {
	if at.daemon != nil {
		return use(at.daemon.feed)
	}
	hooks, err := hooksOf(at.cfg)
	if err != nil {
		return err
	}
	f, err := feed.New(ctx, feed.Config{DB: at.db, Hooks: hooks})
	if err != nil {
		return err
	}
	return use(f)
}

// hooksOf are the hooks that the configuration names.
func hooksOf(cfg *config.Config) ([]feed.Hook, error) {
	var hooks []feed.Hook
	for i := range cfg.Hooks {
		h := &cfg.Hooks[i]
		receiver, err := h.Receiver()
		if err != nil {
			return nil, fmt.Errorf("hook %s: %w", h.Name, err)
		}
		hooks = append(hooks, feed.Hook{Name: h.Name, Events: h.Events, Receiver: receiver, Timeout: h.Timeout})
	}
	return hooks, nil
}

type eventsListCommand struct {
	Since instant      `help:"What happened from then on, as in 2026-11-22T09:00:00+03:00 or 2026-11-22." placeholder:"TIME"`
	Lead  int64        `help:"What happened to one lead." placeholder:"ID"`
	Type  feed.Pattern `help:"One type of events, such as lead.closed or lead.*." placeholder:"TYPE"`
	Limit int          `help:"How many at most." default:"50"`
	JSON  bool         `help:"Print one JSON object a line, as it is posted to hooks." name:"json"`
}

// Run lists events, the oldest first.
func (c *eventsListCommand) Run(w *world) error {
	q := feed.Query{Since: c.Since.Time, Lead: c.Lead}
	if c.Type != "" {
		q.Types = []feed.Pattern{c.Type}
	}
	if c.Limit < 1 {
		return fmt.Errorf("--limit: %d is no number of events", c.Limit)
	}
	for left := c.Limit; left > 0; {
		q.Limit = min(left, view.MaxLimit)
		var page view.List[*feed.Event]
		if err := errandOf(w, eventsList, q, false, func(_ io.Writer, list view.List[*feed.Event]) { page = list }); err != nil {
			return err
		}
		for _, e := range page.Items {
			if err := c.print(w.stdout, e); err != nil {
				return err
			}
		}
		left -= len(page.Items)
		if page.Next == q.Cursor { // nothing more was looked at
			return nil
		}
		q.Cursor = page.Next
	}
	return nil
}

// print prints an event: for people what comes from outside is cleaned.
func (c *eventsListCommand) print(out io.Writer, e *feed.Event) error {
	if c.JSON {
		return json.NewEncoder(out).Encode(e)
	}
	about := ""
	switch {
	case e.Data.Lead != nil && e.Data.Lead.Contact != nil:
		about = fmt.Sprintf(" lead %d %s", e.Data.Lead.ID, alert.Clean(e.Data.Lead.Contact.Number))
	case e.Data.Lead != nil:
		about = fmt.Sprintf(" lead %d", e.Data.Lead.ID)
	case e.Data.Contact != nil:
		about = fmt.Sprintf(" contact %d", e.Data.Contact.ID)
	}
	_, err := fmt.Fprintf(out, "%s %s%s %s %s %s\n", e.Timestamp.Format("2006-01-02T15:04:05.000Z"), e.Type, about,
		alert.Clean(e.Data.Who), alert.Clean(e.Data.How), alert.Clean(e.Data.Detail))
	return err
}

type eventsHooksCommand struct {
	JSON bool `help:"Print a JSON array." name:"json"`
}

// Run says how every hook does.
func (c *eventsHooksCommand) Run(w *world) error {
	return errandOf(w, eventsHooks, empty{}, c.JSON, func(out io.Writer, list []feed.State) {
		if len(list) == 0 {
			fmt.Fprintln(out, "The configuration names no hooks.")
			return
		}
		tw := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
		fmt.Fprint(tw, "hook\taddress\twaiting\toldest\tgiven up\tlast taken\ttrouble\n")
		for _, s := range list {
			oldest := ""
			if s.Waiting > 0 {
				oldest = dayOf(s.Oldest)
			}
			fmt.Fprintf(tw, "%s\t%s\t%d\t%s\t%d\t%s\t%s\n", s.Hook, s.Address, s.Waiting, oldest, s.GivenUp, dayOf(s.Delivered), s.Trouble)
		}
		_ = tw.Flush()
	})
}

type eventsReplayCommand struct {
	Hook   string  `required:"" help:"Which hook, as the configuration names it." placeholder:"NAME"`
	Since  instant `help:"Everything from then on, as in 2026-11-22T09:00:00+03:00 or 2026-11-22." xor:"what" placeholder:"TIME"`
	Lead   int64   `help:"Everything of one lead." xor:"what" placeholder:"ID"`
	Failed bool    `help:"What was given up." xor:"what"`
	JSON   bool    `help:"Print one JSON number." name:"json"`
}

// Run has events posted once more.
func (c *eventsReplayCommand) Run(w *world) error {
	what := feed.Replay{Since: c.Since.Time, Lead: c.Lead, Failed: c.Failed}
	return errandOf(w, eventsReplay, wantedReplay{c.Hook, what}, c.JSON, func(out io.Writer, n int) {
		if c.Since.IsZero() {
			fmt.Fprintf(out, "%d events are posted to %s once more.\n", n, c.Hook)
			return
		}
		fmt.Fprintf(out, "%d entries of the timeline are gone through for %s once more.\n", n, c.Hook)
	})
}

type eventsTestCommand struct {
	Hook string `required:"" help:"Which hook, as the configuration names it." placeholder:"NAME"`
}

// Run posts a ping from here: no daemon is needed. One that runs is told when the
// ping was taken, so that what waits goes out at once.
func (c *eventsTestCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	hooks, err := hooksOf(cfg)
	if err != nil {
		return err
	}
	for _, h := range hooks {
		if h.Name != c.Hook {
			continue
		}
		begun := time.Now()
		answer, err := feed.Test(w.ctx, h)
		if err != nil {
			return fmt.Errorf("the ping was not taken: %w", err)
		}
		fmt.Fprintf(w.stdout, "%s took the ping: it answered %d after %s.\n", h.Receiver.Shown(), answer.Status, time.Since(begun).Round(time.Millisecond))
		if err := askDaemon(w.ctx, cfg, eventsWake.name, c.Hook, new(empty)); err != nil && !errors.Is(err, errNoDaemon) {
			return fmt.Errorf("what waits for %s goes out within some minutes; it could not be hurried: %w", c.Hook, err)
		}
		return nil
	}
	return fmt.Errorf("the configuration names no hook %q", c.Hook)
}
