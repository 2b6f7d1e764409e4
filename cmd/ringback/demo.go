package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"

	"ringback/ari/pbx"
	"ringback/leads/people"
	"ringback/leads/view"
)

type demoCommand struct {
	Once     bool   `help:"End after the story: status 0 only if every step was seen at the phones and in the database."`
	Fast     bool   `default:"true" negatable:"" help:"Shorten the times of the ladder, which is the default; with --no-fast they are those of an office, and the story takes half an hour."`
	Asterisk string `default:"22" enum:"22,16" help:"Release of Asterisk that is run: 22 or 16."`
}

// stepTime bounds what one step of the story does besides waiting for the
// ladder.
const stepTime = 20 * time.Second

// Run plays the story on a real Asterisk, and then leaves page and metrics up
// until Ctrl-C.
func (c *demoCommand) Run(w *world) error {
	say := func(format string, args ...any) { fmt.Fprintf(w.stdout, format+"\n", args...) }
	say("Ringback demo: a real Asterisk, real SIP phones, a real database. Nothing of this machine's own PBX is touched.")
	root, err := pbx.Install(w.ctx, pbx.Release(c.Asterisk), w.stderr)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "ringback-demo-")
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	defer os.RemoveAll(dir)
	say("Starting Asterisk, four phones, a trunk with clients outside, and the daemon …")
	s, err := newScene(w.ctx, root, dir, paceOf(c.Fast), quiet(w.stderr), say)
	if err != nil {
		return err
	}
	defer s.close()
	say("The daemon watches the PBX. The time before each line counts from the client's hangup.\n%s", s.pace)
	results := s.play(w.ctx)
	if err := s.table(w.ctx, w.stdout); err != nil {
		return err
	}
	failed := report(w, results)
	if !c.Once {
		if err := s.invite(w.ctx, w.stdout); err != nil {
			return err
		}
		s.stayIn()
		say("Press Call there: from now on who is called picks up, the clients too. What happens at the phones is said here.\n\nMetrics  http://%s/metrics\nAPI      curl -H 'Authorization: Bearer %s' http://%s/api/v1/leads\nCtrl-C ends the demo.",
			s.daemon.Address(), s.token, s.daemon.Address())
		<-w.ctx.Done()
	}
	if err := s.close(); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if failed {
		return errFound
	}
	return nil
}

// invite says where everybody comes in, once and without a password, by login.
func (s *scene) invite(ctx context.Context, w io.Writer) error {
	s.say("\nThe page, as each of its people sees it (a link works once):")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, m := range s.daemon.cfg.Managers {
		i, err := invite(ctx, s.daemon.premises(), m.Login, people.ToComeIn)
		if err != nil {
			return fmt.Errorf("demo: %w", err)
		}
		fmt.Fprintf(tw, "  %s\t%s\t%s\n", m.Login, m.Name, i.Link)
	}
	return tw.Flush()
}

// result is what became of a step.
type result struct {
	step step
	err  error
}

// play plays all steps, also those after one that failed: they may tell why.
// After Ctrl-C it plays none.
func (s *scene) play(ctx context.Context) []result {
	var results []result
	for i, st := range story {
		err := context.Cause(ctx)
		if err == nil {
			s.say("\n%d. %s", i+1, st.title)
			if err = s.playStep(ctx, st); err != nil {
				s.say("  MISSING: %v", err)
			}
		}
		results = append(results, result{st, err})
	}
	return results
}

func (s *scene) playStep(ctx context.Context, st step) error {
	limit := stepTime + s.pace.longest()
	ctx, cancel := context.WithTimeoutCause(ctx, limit, errors.New("not within "+limit.String()))
	defer cancel()
	return st.play(ctx, s)
}

// table shows the leads as they stand at the end.
func (s *scene) table(ctx context.Context, w io.Writer) error {
	all, err := view.New(s.daemon.db.Reader()).Leads(context.WithoutCancel(ctx), view.All, view.Page{})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	tw := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprint(tw, "\nlead\tcontact\tline\tmissed\tmanager\tstate\n")
	for _, l := range slices.Backward(all.Items) { // the oldest first
		state := "open"
		if l.State == view.Closed {
			state = "closed: " + string(l.Outcome)
		}
		fmt.Fprintf(tw, "%d\t%s\t%s\t%d\t%s\t%s\n", l.ID, l.Contact.Name, l.Line, l.Missed, l.Manager, state)
	}
	return tw.Flush()
}

// report says whether every step was seen.
func report(w *world, results []result) (failed bool) {
	fmt.Fprintln(w.stdout)
	good, bad := "ok     ", "MISSING"
	if onTerminal(w.stdout) {
		good, bad = "\x1b[32mok\x1b[0m     ", "\x1b[31mMISSING\x1b[0m"
	}
	for i, r := range results {
		mark := good
		if r.err != nil {
			mark, failed = bad, true
		}
		fmt.Fprintf(w.stdout, "%s  %2d. %s\n", mark, i+1, r.step.title)
		if r.err != nil {
			fmt.Fprintf(w.stdout, "             %v\n", r.err)
		}
	}
	return failed
}

// onTerminal says whether a person reads the output as it comes.
func onTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && os.Getenv("NO_COLOR") == "" && isTerminal(f)
}
