package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/cmd/ringback/web"
	"ringback/cmd/ringback/web/page"
	"ringback/config"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/jobs"
	"ringback/leads/people"
	"ringback/leads/search"
	"ringback/leads/text"
	"ringback/leads/told"
	"ringback/robotcall"
)

// daemon is one running Ringback: serve, demo and the end-to-end tests run it.
type daemon struct {
	cfg      *config.Config
	log      *slog.Logger
	registry *prometheus.Registry
	db       *db.DB
	book     *leads.Book
	people   *people.Register
	keeper   *leads.Keeper
	dialer   *robotcall.Dialer
	managers *robotcall.Managers
	told     *told.Desk
	runner   *jobs.Runner
	listener net.Listener
	web      *web.Server
	counter  *counter
	watched  []watched
	outlets  *outlets
	ladder   *alert.Ladder
	pages    *page.Hub // of those that are open
	feed     *feed.Feed
	// recovered counts the calls that got their verdict by call records.
	recovered *recoveryMetrics
}

// watched is one PBX.
type watched struct {
	opts   call.Options
	client *ari.Client
	stream *ari.Stream
	pulse  *pulse
	// records are the PBX's call records, as they are read by the daemon; nil: there are none.
	records cdr.Source
}

// newDaemon opens everything that can fail before the daemon is said to run:
// the database and the listening socket. A PBX that is down is no failure.
func newDaemon(ctx context.Context, cfg *config.Config, log *slog.Logger) (*daemon, error) {
	d := &daemon{cfg: cfg, log: log, registry: prometheus.NewRegistry(), pages: page.NewHub()}
	if err := d.open(ctx); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// open opens it, part by part; after an error close gives back what is open.
func (d *daemon) open(ctx context.Context) (err error) {
	cfg, log := d.cfg, d.log
	d.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if d.db, err = db.Open(ctx, db.Config{Path: cfg.Database, Log: log, Metrics: d.registry}); err != nil {
		return err
	}
	office := cfg.Office()
	if d.people, err = people.Open(ctx, people.Config{DB: d.db, Directory: office.Directory, Idle: cfg.Web.Idle, Session: cfg.Web.Session, Link: cfg.Web.Link, Log: log}); err != nil {
		return err
	}
	d.book = leads.NewBook(leads.BookConfig{DB: d.db, Office: office, Log: log, Metrics: d.registry, Backlog: int64(cfg.BacklogMB) << 20})
	d.told = told.New(told.Config{Directory: office.Directory, Policy: cfg.Alerts, Zone: cfg.Location(), Chosen: d.people.Speaks, Language: cfg.Language})
	d.keeper = leads.NewKeeper(leads.KeepConfig{Calls: cfg.KeepCalls, Events: cfg.KeepEvents, DB: d.db, Book: d.book, Log: log, Metrics: d.registry})
	if err = d.watch(ctx); err != nil {
		return err
	}
	d.outlets, err = openOutlets(ctx, backing{cfg, d.db, d.book, d.told, exchangesOf(d.watched), d.tellPages, log})
	if err != nil {
		return err
	}
	if d.feed, err = d.newFeed(ctx); err != nil { // before anything happens that a new hook is to be told
		return err
	}
	if cfg.Mode == config.Act {
		if err := d.book.BeginToAct(ctx); err != nil {
			return err
		}
	}
	works, desk := d.works(office)
	if d.runner, err = jobs.NewRunner(d.db, works, jobs.Options{Log: log, Metrics: d.registry, Grace: stopWithin / 2}); err != nil {
		return err
	}
	if d.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return fmt.Errorf("serve: cannot listen on %s (key listen): %w", cfg.Listen, err)
	}
	if d.counter, err = newCounter(d.premises(), errands, log); err != nil {
		return err
	}
	d.web, err = web.New(web.Config{DB: d.db, Office: office, Book: d.book, Desk: desk, Plan: cfg.Plan(""), Feed: d.feed, Version: version(), Tokens: tokensOf(cfg), PBXes: d.statuses,
		Registry: d.registry, Log: log, PublicURL: cfg.PublicURL, Mode: string(cfg.Mode), Zone: cfg.Location(), People: d.people, Language: cfg.Language,
		TLS: certificateOf(cfg, log), Proxies: cfg.Proxies, Caller: d.managers, Hub: d.pages, Told: d.told, Reaching: d.ladder.Reaching, Try: d.ladder.Try, Introduce: d.introducing(), Blocked: d.outlets.blocked()})
	return err
}

// premises are where this daemon does what commands ask for.
func (d *daemon) premises() *premises { return &premises{d.cfg, d.db, d.people, d} }

// speaks is in which language a person is spoken to: the one that they have
// chosen, else that of the configuration.
func (d *daemon) speaks(login string) text.Language {
	if chosen := d.people.Speaks(login); chosen.Known() {
		return chosen
	}
	return d.cfg.Speaks(login)
}

// works are all kinds of promises, and how they are kept.
func (d *daemon) works(office *leads.Office) ([]jobs.Work, *appointments.Desk) {
	cfg, rules := d.cfg, d.cfg.Rules()
	guard := robotcall.NewGuard(rules, d.db, d.registry)
	d.dialer = robotcall.New(robotcall.Config{DB: d.db, Pace: robotcall.NewPacer(rules), Exchanges: d.exchanges(), Log: d.log})
	d.managers = robotcall.NewManagers(robotcall.ManagersConfig{DB: d.db, Dialer: d.dialer, Guard: guard, Book: d.book, Office: office,
		Language: cfg.Robot.Language, Prompts: cfg.Prompts(), Ring: cfg.Robot.Ring, Leave: d.leave, Log: d.log,
		Disturbs: func(tx *db.Tx, login string) (string, error) { return d.ladder.Disturbs(tx, login) }})
	d.ladder = alert.New(alert.Config{Office: office, Book: d.book, Channels: d.outlets.named, Mode: alert.Mode(cfg.Mode), Calls: true, Busy: d.managers.Busy,
		PublicURL: cfg.PublicURL, Link: d.people.Link, Speaks: d.speaks, Language: cfg.Language, Templates: cfg.Templates.Texts, Told: d.told,
		Zone: cfg.Location(), Log: d.log, Metrics: d.registry})
	desk := appointments.NewDesk(appointments.DeskConfig{Office: office, Book: d.book, Plan: cfg.Plan(""), Reminders: cfg.Reminders,
		Window: rules.CallHours, Tell: d.ladder.Notice})
	reminders := robotcall.NewReminders(robotcall.RemindersConfig{DB: d.db, Dialer: d.dialer, Guard: guard, Rules: rules, Desk: desk, Office: office,
		Prompts: cfg.Robot.Prompts, Ring: cfg.Robot.Ring, Log: d.log})
	return append(d.ladder.Works(), jobs.Work{Kind: leads.KindOpening, Dated: true, InTx: d.book.Opening},
		jobs.Work{Kind: leads.KindAway, Dated: true, InTx: d.book.LeavesWork}, d.managers.Work(), d.managers.Clicks(), reminders.Work()), desk
}

// leave notes that somebody has said on the phone that they are away.
func (d *daemon) leave(tx *db.Tx, login string) (until time.Time, err error) {
	until = d.told.Returns(login, tx.Now())
	return until, d.book.Hand(leads.Sight{Login: login}, leads.ByCall).Away(tx, login, time.Time{}, until)
}

// exchanges are the PBXes as robot calls use them.
func (d *daemon) exchanges() []*robotcall.Exchange {
	var list []*robotcall.Exchange
	for _, w := range d.watched {
		name := w.opts.PBX
		e := &robotcall.Exchange{Name: name, PBX: w.client, Connect: d.cfg.PBX(name).Connect, Plan: d.cfg.Plan(name)}
		if w.records != nil {
			e.Records = &robotcall.Records{Source: w.records, Wait: d.cfg.PBX(name).CDR.Wait}
		}
		list = append(list, e)
	}
	return list
}

// watch makes the streams of all PBXes.
func (d *daemon) watch(ctx context.Context) error {
	metrics := ari.NewMetrics(d.registry)
	d.recovered = newRecoveryMetrics(d.registry)
	for i := range d.cfg.Asterisk {
		pbx := &d.cfg.Asterisk[i]
		client, err := ari.NewClient(pbx.ARI())
		if err != nil {
			return fmt.Errorf("serve: PBX %s: %w", pbx.Name, err)
		}
		until, err := d.book.WatchedUntil(ctx, pbx.Name)
		if err != nil {
			return fmt.Errorf("serve: %w", err)
		}
		if until.IsZero() {
			// The first start ever: what is missed from now on is found again, however
			// soon the daemon dies, and however late the PBX comes.
			until = time.Now()
			if err := d.book.Watched(ctx, leads.Sighting{PBX: pbx.Name, Until: until}); err != nil {
				return fmt.Errorf("serve: %w", err)
			}
		}
		records, err := pbx.Records()
		if err != nil {
			return fmt.Errorf("serve: PBX %s: %w", pbx.Name, err)
		}
		d.watched = append(d.watched, watched{
			opts:   call.Options{PBX: pbx.Name, Inbound: pbx.Inbound.Contexts, OwnPrefix: robotcall.ChannelPrefix, Phones: d.cfg.Directory().Phones(pbx.Name)},
			client: client,
			stream: ari.NewStream(client, ari.StreamOptions{Log: d.log, Metrics: metrics, EventFilter: pbx.EventFilter, WatchedUntil: until, QueueBytes: int64(d.cfg.BacklogMB) << 20}),
			pulse:  new(pulse), records: records,
		})
	}
	return nil
}

// newFeed makes the feed of the hooks that the configuration names.
func (d *daemon) newFeed(ctx context.Context) (*feed.Feed, error) {
	hooks, err := hooksOf(d.cfg)
	if err != nil {
		return nil, fmt.Errorf("serve: %w", err)
	}
	return feed.New(ctx, feed.Config{DB: d.db, Hooks: hooks, Log: d.log, Metrics: d.registry})
}

// Address is where page, API and metrics are served.
func (d *daemon) Address() string { return d.listener.Addr().String() }

// stopWithin is how long a graceful stop takes at most.
const stopWithin = 10 * time.Second

// Run works until ctx ends, and then finishes what is in hand: nothing new is
// heard, the Book writes what it was told, messages that are being sent and
// requests get half of stopWithin, and the database closes last. The error says
// what has failed: a part of the daemon, which ends the others too, or the
// finishing, so that something was lost.
func (d *daemon) Run(ctx context.Context) error {
	defer d.close()
	ctx, end := context.WithCancel(ctx)
	defer end()
	bookCtx, stopBook := context.WithCancel(context.WithoutCancel(ctx))
	defer stopBook()
	var spine, rest parts
	for _, w := range d.watched {
		f := &follower{watched: w, book: d.book, dialer: d.dialer, recovery: d.recovery(&w), log: d.log}
		spine.run(end, func() error { return f.run(ctx) })
		spine.run(end, func() error { return f.keepWatched(ctx) })
		spine.run(end, func() error { return f.keepClock(ctx) })
		spine.run(end, func() error { return f.recovery.run(ctx) })
	}
	rest.run(end, func() error { return d.book.Run(bookCtx) })
	rest.run(end, func() error { return d.keeper.Run(ctx) })
	rest.run(end, func() error { return search.NewKeeper(d.db, d.log).Run(ctx) })
	rest.run(end, func() error { return d.runner.Run(ctx) })
	rest.run(end, func() error { return d.dialer.Run(ctx) })
	rest.run(end, func() error { return d.feed.Run(ctx) })
	if bot := d.outlets.bot; bot != nil {
		rest.run(end, func() error { return bot.Run(ctx) })
	}
	rest.run(end, func() error { return d.web.Serve(d.listener) })
	rest.run(end, d.counter.serve)
	<-ctx.Done()
	rest.run(end, d.shutDownWeb)
	failed := spine.wait()
	stopBook()
	return errors.Join(failed, rest.wait())
}

// shutDownWeb finishes the requests in hand. One that takes too long is cut off,
// which loses nothing.
func (d *daemon) shutDownWeb() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin/2)
	defer cancel()
	if err := errors.Join(d.web.Shutdown(ctx), d.counter.shutDown(ctx)); err != nil {
		d.log.Warn("requests were cut off by the stop", "err", err)
	}
	return nil
}

// parts are goroutines of the daemon; the first that fails ends the others.
type parts struct {
	group sync.WaitGroup
	mu    sync.Mutex
	errs  []error
}

func (p *parts) run(end func(), part func() error) {
	p.group.Go(func() {
		if err := part(); err != nil {
			p.mu.Lock()
			p.errs = append(p.errs, err)
			p.mu.Unlock()
			end()
		}
	})
}

// wait returns when all have ended, with what has failed.
func (p *parts) wait() error {
	p.group.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	return errors.Join(p.errs...)
}

// close gives back what newDaemon opened, as far as it came.
func (d *daemon) close() {
	if d.listener != nil {
		_ = d.listener.Close() // the server may have closed it before
	}
	if d.counter != nil {
		_ = d.counter.close() // the same
	}
	for _, w := range d.watched {
		w.client.Close()
		if w.records != nil {
			_ = w.records.Close()
		}
	}
	d.outlets.Close()
	if d.people != nil {
		d.people.Close()
	}
	if d.db != nil {
		if err := d.db.Close(); err != nil {
			d.log.Error("the database did not close cleanly", "err", err)
		}
	}
}

// statuses says how each PBX is being watched.
func (d *daemon) statuses() []ari.Status {
	list := make([]ari.Status, len(d.watched))
	for i, w := range d.watched {
		list[i] = w.stream.Status()
	}
	return list
}

// recovery reads what nobody watched of a PBX.
func (d *daemon) recovery(w *watched) *recovery {
	name := w.opts.PBX
	plan, directory := d.cfg.Plan(name), d.cfg.Directory()
	return newRecovery(w, d.cfg.PBX(name).CDR.Wait, d.book, d.recovered, d.log,
		func(dialed string) bool { return directory.Line(name, dialed, plan.Read(dialed).Value) != nil })
}

// alive says whether events are being handled: false for a PBX of which one
// event takes longer than the time between two calls of alive. It is for one
// caller.
func (d *daemon) alive() bool {
	alive := true
	for _, w := range d.watched {
		if w.pulse.stuck() {
			d.log.Error("the handling of events is stuck", "pbx", w.opts.PBX)
			alive = false
		}
	}
	return alive
}

func tokensOf(cfg *config.Config) []string {
	var list []string
	for _, t := range cfg.Tokens {
		list = append(list, t.Reveal())
	}
	return list
}
