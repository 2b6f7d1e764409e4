package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/config"
	"ringback/leads"
	"ringback/robotcall"
	"ringback/routing"
)

type replayCommand struct {
	File           string   `arg:"" help:"The recording: one ARI event a line, as Asterisk sends them. - reads standard input."`
	PBX            string   `help:"Name of the PBX that was recorded; needed where the configuration has several." placeholder:"NAME"`
	InboundContext []string `help:"Contexts in which calls from outside begin. Without it and without --config every call that comes in is inbound." placeholder:"NAME"`
	Explain        bool     `help:"Tell of each call in plain words why it got its verdict."`
	JSON           bool     `help:"Print one JSON line for each call, with --explain too: the words stand in \"explanation\". Without --explain it prints nothing else." name:"json"`
}

// Run prints one line for each call of a recording, in the order of their ends:
// JSON, unless words are asked for.
func (c *replayCommand) Run(w *world) error {
	office, opts, err := c.office(w)
	if err != nil {
		return err
	}
	in := w.stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("replay: %w", err)
		}
		defer f.Close()
		in = f
	}
	out := bufio.NewWriter(w.stdout)
	tell := jsonLines(out)
	if c.Explain && !c.JSON {
		tell = explained(out, onTerminal(w.stdout))
	}
	skipped, open, err := replay(in, c.File, office, opts, tell, w.stderr)
	if err == nil {
		err = out.Flush()
	}
	if err != nil {
		return fmt.Errorf("replay: %w", err)
	}
	if open > 0 {
		fmt.Fprintf(w.stderr, "replay: %d calls had not ended at the end of the recording\n", open)
	}
	if skipped > 0 {
		fmt.Fprintf(w.stderr, "replay: %d lines were skipped\n", skipped)
		return errFound
	}
	return nil
}

// office is the configuration's, or one that knows nothing: home country
// unknown, thresholds zero.
func (c *replayCommand) office(w *world) (*leads.Office, call.Options, error) {
	opts := call.Options{PBX: "main", Inbound: c.InboundContext, OwnPrefix: robotcall.ChannelPrefix}
	if !w.configNamed {
		if c.PBX != "" {
			opts.PBX = c.PBX
		}
		return &leads.Office{Directory: &routing.Directory{Pools: []routing.Pool{{Name: routing.DefaultPool}}}}, opts, nil
	}
	cfg, err := config.Read(w.config)
	if err != nil {
		return nil, opts, err
	}
	pbx := cfg.PBX(c.PBX)
	switch {
	case pbx != nil:
	case c.PBX != "":
		return nil, opts, fmt.Errorf("replay: %s has no PBX %q", w.config, c.PBX)
	case len(cfg.Asterisk) == 1:
		pbx = &cfg.Asterisk[0]
	case len(cfg.Asterisk) > 1:
		return nil, opts, fmt.Errorf("replay: %s has %d PBXes: say with --pbx which one was recorded", w.config, len(cfg.Asterisk))
	default:
		return cfg.Office(), opts, nil
	}
	opts.PBX = pbx.Name
	if len(opts.Inbound) == 0 {
		opts.Inbound = pbx.Inbound.Contexts
	}
	opts.Phones = cfg.Directory().Phones(pbx.Name)
	return cfg.Office(), opts, nil
}

// jsonLines prints a line of JSON of each call.
func jsonLines(out io.Writer) func(leads.ListedCall) error {
	enc := json.NewEncoder(out)
	enc.SetEscapeHTML(false)
	return func(c leads.ListedCall) error { return enc.Encode(c) }
}

// replay sends a recording through the tracker, and tells of each call that ends.
// Lines that are no events are said on errs and skipped.
func replay(in io.Reader, name string, office *leads.Office, opts call.Options, tell func(leads.ListedCall) error, errs io.Writer) (skipped, open int, err error) {
	tracker := call.New(opts)
	scanner := ari.NewScanner(in, name)
	for {
		var ev ari.Event
		err := scanner.Next(&ev)
		var bad *ari.LineError
		switch {
		case errors.Is(err, io.EOF):
			return skipped, tracker.Open(), nil
		case errors.As(err, &bad):
			skipped++
			fmt.Fprintln(errs, "replay:", bad)
			continue
		case err != nil:
			return skipped, tracker.Open(), err
		}
		for _, f := range tracker.Step(&ev) {
			if f.Kind != call.Ended && f.Kind != call.Lost {
				continue
			}
			if err := tell(office.Judge(f.Call, f.At).Listed()); err != nil {
				return skipped, tracker.Open(), err
			}
		}
	}
}
