package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ringback/config"
)

type checkCommand struct {
	Example bool `help:"Print a complete, commented example instead." xor:"what"`
	Unit    bool `help:"Print the systemd unit instead." xor:"what"`
	JSON    bool `help:"Print the problems as JSON." name:"json" xor:"what"`
}

// Run checks the configuration, or prints the example or the unit.
func (c *checkCommand) Run(w *world) error {
	if c.Example {
		fmt.Fprint(w.stdout, config.Example())
		return nil
	}
	if c.Unit {
		fmt.Fprint(w.stdout, config.Unit)
		return nil
	}
	cfg, err := config.Load(w.config)
	problems := &config.Problems{File: w.config}
	var warnings []config.Problem
	switch {
	case err == nil:
		problems.List, warnings = faultsOf(cfg)
	case !errors.As(err, &problems):
		return err
	}
	if c.JSON {
		return c.printJSON(w, problems.List, warnings)
	}
	for _, warning := range warnings {
		fmt.Fprintf(w.stderr, "warning: %s\n", warning)
	}
	if len(problems.List) > 0 {
		fmt.Fprintln(w.stderr, problems)
		return errFound
	}
	fmt.Fprintf(w.stdout, "%s is good: %d PBX, %d lines, %d managers, %d pools, mode %s\n",
		w.config, len(cfg.Asterisk), len(cfg.Lines), len(cfg.Managers), len(cfg.Pools), cfg.Mode)
	sayClosings(w.stdout, cfg, time.Now())
	return nil
}

const (
	// closingsWithin is how many days ahead closings are said, and mostClosings how
	// many of them.
	closingsWithin = 120
	mostClosings   = 5
)

// sayClosings says on which of the next days the pools have other hours than in
// any week, so that whoever wrote the holidays sees what comes of them.
func sayClosings(out io.Writer, cfg *config.Config, now time.Time) {
	for i := range cfg.Pools {
		p := &cfg.Pools[i]
		next := p.Hours.Exceptions(now, closingsWithin)
		var list []string
		for _, e := range next[:min(len(next), mostClosings)] {
			what := "closed"
			if len(e.Windows) > 0 {
				what = strings.Join(e.Windows, ", ")
			}
			list = append(list, e.Day+" "+what)
		}
		if len(list) > 0 {
			fmt.Fprintf(out, "pool %s: %s\n", p.Name, strings.Join(list, "; "))
		}
	}
}

// faultsOf parts what was said of a configuration that works: a broken text of
// one's own keeps no daemon from starting, and yet is to be put right.
func faultsOf(cfg *config.Config) (problems, warnings []config.Problem) {
	for _, w := range cfg.Warnings {
		if w.Path == "templates.dir" {
			problems = append(problems, w)
		} else {
			warnings = append(warnings, w)
		}
	}
	return problems, warnings
}

func (c *checkCommand) printJSON(w *world, problems, warnings []config.Problem) error {
	report := struct {
		File     string           `json:"file"`
		Problems []config.Problem `json:"problems"`
		Warnings []config.Problem `json:"warnings"`
	}{w.config, append([]config.Problem{}, problems...), append([]config.Problem{}, warnings...)}
	enc := json.NewEncoder(w.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if len(problems) > 0 {
		return errFound
	}
	return nil
}
