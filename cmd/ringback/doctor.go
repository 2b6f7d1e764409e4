package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"ringback/ari"
	"ringback/ari/cdr"
	"ringback/config"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

type doctorCommand struct {
	JSON     bool   `help:"Print one JSON object." name:"json"`
	Asterisk string `help:"Where a PBX on this machine keeps its configuration." name:"asterisk" default:"/etc/asterisk" type:"path" placeholder:"FOLDER"`
}

// Run looks at every PBX of the configuration and says what is right and what to
// do. It places no call and touches nothing of a daemon that runs.
func (c *doctorCommand) Run(w *world) error {
	r := newFindings(w.stdout, w.config, c.JSON)
	cfg, err := config.Load(w.config)
	var problems *config.Problems
	switch {
	case errors.As(err, &problems) && c.JSON:
		for _, p := range problems.List {
			r.add("", fail("configuration", "", "%s", p))
		}
		return r.end()
	case errors.As(err, &problems):
		fmt.Fprintln(w.stderr, problems)
		return errFound
	case err != nil:
		return err
	}
	history, err := readHistory(w.ctx, cfg)
	r.heading("this machine")
	for _, f := range checkHere(cfg, history, err) {
		r.add("", f)
	}
	examineAll(w.ctx, cfg, c.Asterisk, history, r)
	if w.ctx.Err() != nil {
		return fmt.Errorf("doctor: interrupted: %w", context.Cause(w.ctx))
	}
	return r.end()
}

// historyDays is how far back the daemon's database is asked.
const historyDays = 30

// The newest calls of a PBX are looked for in its call records: so many of so
// many days.
const (
	comparedDays  = 7
	comparedCalls = 200
)

// past is what the daemon has seen.
type past struct {
	dialed []leads.Dialed
	seen   map[string][]leads.Seen // by PBX, the newest first
}

// readHistory asks the daemon's database.
func readHistory(ctx context.Context, cfg *config.Config) (past, error) {
	h := past{seen: map[string][]leads.Seen{}}
	if _, err := os.Stat(cfg.Database); err != nil {
		return h, err
	}
	err := db.Peek(ctx, cfg.Database, func(tx *db.Tx) (err error) {
		for i := range cfg.Asterisk {
			name := cfg.Asterisk[i].Name
			if h.seen[name], err = leads.SeenOn(tx, name, tx.Now().AddDate(0, 0, -comparedDays), comparedCalls); err != nil {
				return err
			}
		}
		h.dialed, err = leads.DialedSince(tx, tx.Now().AddDate(0, 0, -historyDays))
		return err
	})
	return h, err
}

// checkHere looks at what lies on this machine.
func checkHere(cfg *config.Config, h past, err error) []finding {
	var list []finding
	for _, warning := range cfg.Warnings {
		list = append(list, warn("configuration", "", "%s", warning))
	}
	if len(list) == 0 {
		list = append(list, good("configuration", "the configuration is good"))
	}
	calls := 0
	for _, d := range h.dialed {
		calls += d.Calls
	}
	switch {
	case errors.Is(err, os.ErrNotExist):
		return append(list, good("database", "there is no %s: the daemon has not run here, and what was dialed is not known", cfg.Database))
	case err != nil:
		return append(list, warn("database", "run this as the user who runs the daemon, with the same ringback", "%s cannot be read: %v", cfg.Database, err))
	case calls == 0:
		return append(list, good("database", "%s holds no call of the last %d days", cfg.Database, historyDays))
	}
	return append(list, good("database", "%s holds %s of the last %d days", cfg.Database, counted(calls, "call"), historyDays))
}

// examineAll examines all PBXes at once, so that one that does not answer holds
// up no other, and reports them in the order of the configuration.
func examineAll(ctx context.Context, cfg *config.Config, asterisk string, h past, r *findings) {
	var examining sync.WaitGroup
	defer examining.Wait()
	found := make([]chan finding, len(cfg.Asterisk))
	for i := range cfg.Asterisk {
		// As many findings as a PBX has at most, nearly always: it then waits for
		// no other to be printed.
		found[i] = make(chan finding, 1000)
		s := &subject{cfg: cfg, pbx: &cfg.Asterisk[i], directory: cfg.Directory(), asterisk: asterisk, now: time.Now(), seen: h.seen[cfg.Asterisk[i].Name]}
		for _, d := range h.dialed {
			if d.PBX == s.pbx.Name {
				s.dialed = append(s.dialed, d)
			}
		}
		examining.Go(func() {
			defer close(found[i])
			s.examine(ctx, func(f finding) { found[i] <- f })
		})
	}
	for i := range found {
		r.heading("PBX " + cfg.Asterisk[i].Name)
		for f := range found[i] {
			r.add(cfg.Asterisk[i].Name, f)
		}
	}
}

// subject is a PBX that is examined, and what was learned of it. One goroutine
// uses it.
type subject struct {
	cfg       *config.Config
	pbx       *config.Asterisk
	directory *routing.Directory
	now       time.Time
	dialed    []leads.Dialed // on this PBX, the most dialed first
	seen      []leads.Seen   // calls that were watched to their end, the newest first
	asterisk  string         // the folder of its configuration, if it is of this machine
	client    *ari.Client

	info      ari.Info
	readOnly  bool
	endpoints []seenEndpoint
	ahead     time.Duration // of its clock
	settled   bool          // its own cdr.conf was read
	records   func(context.Context) (cdr.Inspection, error)
	asking    time.Duration // how long this check has asked the dialplan
	gone      bool          // it answers no more: what is left cannot be asked
}

// checks are what is looked at, in this order. Each adds to what the next ones
// know.
var checks = []func(context.Context, *subject) []finding{
	checkReach, checkVersion, checkParts, checkRights, checkApplication, checkEvents, checkClock,
	checkEndpoints, checkContexts, checkLines, checkPhones, checkConnect, checkSounds, checkRecordSettings, checkRecords,
}

// examine makes all checks, as long as the PBX answers.
func (s *subject) examine(ctx context.Context, tell func(finding)) {
	client, err := ari.NewClient(s.pbx.ARI())
	if err != nil {
		tell(fail("address", "", "%v", err))
		return
	}
	defer client.Close()
	s.client = client
	s.records = inspectOnce(s.pbx.CDR)
	for i, check := range checks {
		s.asking = 0
		found := check(ctx, s)
		if ctx.Err() != nil {
			return // what failed then has failed because of that
		}
		for _, f := range found {
			tell(f)
		}
		if s.gone {
			if i > 0 {
				tell(fail("address", "run this again when the PBX answers", "the PBX answers no more: what comes after this was not looked at"))
			}
			return
		}
	}
}

// unasked is what became of a check whose question was not answered as it must
// be: the PBX is gone, or lacks a part of ARI.
func (s *subject) unasked(check string, err error) []finding {
	if errors.Is(err, errSlow) {
		return []finding{warn(check, doSlow, "%v: not all of it was asked", err)}
	}
	do := "see that all parts of ARI are loaded (asterisk -rx 'module show like res_ari')"
	if ari.HTTPStatus(err) == 0 {
		s.gone, do = true, ari.TroubleOf(err).Hint()
	}
	return []finding{fail(check, do, "this could not be asked: %v", err)}
}
