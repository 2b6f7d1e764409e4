package main

import (
	"encoding/json"
	"errors"
	"fmt"

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
	var problems *config.Problems
	if err != nil && !errors.As(err, &problems) {
		return err
	}
	if c.JSON {
		return c.printJSON(w, cfg, problems)
	}
	if problems != nil {
		fmt.Fprintln(w.stderr, problems)
		return errFound
	}
	for _, warning := range cfg.Warnings {
		fmt.Fprintf(w.stderr, "warning: %s\n", warning)
	}
	fmt.Fprintf(w.stdout, "%s is good: %d PBX, %d lines, %d managers, %d pools, mode %s\n",
		w.config, len(cfg.Asterisk), len(cfg.Lines), len(cfg.Managers), len(cfg.Pools), cfg.Mode)
	return nil
}

func (c *checkCommand) printJSON(w *world, cfg *config.Config, problems *config.Problems) error {
	report := struct {
		File     string           `json:"file"`
		Problems []config.Problem `json:"problems"`
		Warnings []config.Problem `json:"warnings"`
	}{File: w.config, Problems: []config.Problem{}, Warnings: []config.Problem{}}
	if problems != nil {
		report.Problems = problems.List
	}
	if cfg != nil && cfg.Warnings != nil {
		report.Warnings = cfg.Warnings
	}
	enc := json.NewEncoder(w.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(report); err != nil {
		return fmt.Errorf("check: %w", err)
	}
	if problems != nil {
		return errFound
	}
	return nil
}
