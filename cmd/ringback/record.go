package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"ringback/ari"
	"ringback/config"
)

type recordCommand struct {
	Output string        `arg:"" help:"File to write; it must not exist. - writes to standard output."`
	PBX    string        `help:"Name of the PBX; needed where the configuration has several." placeholder:"NAME"`
	For    time.Duration `help:"Stop after this long; otherwise at Ctrl-C." placeholder:"TIME"`
}

// recordApp is the ARI application of this record: under a name of its own it
// takes neither the daemon's place nor that of another record.
var recordApp = fmt.Sprintf("ringback-record-%d", os.Getpid())

// Run records what a PBX sends until Ctrl-C.
func (c *recordCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	pbx, err := onePBX(cfg, c.PBX)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	account := pbx.ARI()
	account.App = recordApp
	client, err := ari.NewClient(account)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	defer client.Close()
	out := w.stdout
	if c.Output != "-" {
		f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it holds who called whom
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		defer f.Close()
		out = f
	}
	ctx, cancel := context.WithCancel(w.ctx)
	if c.For > 0 {
		ctx, cancel = context.WithTimeout(w.ctx, c.For)
	}
	defer cancel()
	fmt.Fprintf(w.stderr, "recording PBX %s to %s; Ctrl-C ends it\n", pbx.Name, c.Output)
	return c.record(ctx, cancel, client, out, w.stderr)
}

// record writes until ctx ends, or nothing more can be written. Each line is
// written at once, so that a kill costs no more than the last.
func (c *recordCommand) record(ctx context.Context, stop func(), client *ari.Client, out, errs io.Writer) error {
	recorder := ari.NewRecorder(out)
	stream := ari.NewStream(client, ari.StreamOptions{Recorder: recorder, Log: slog.New(slog.NewTextHandler(errs, nil))})
	watching, leave := context.WithCancel(context.WithoutCancel(ctx))
	defer leave()
	context.AfterFunc(ctx, func() {
		if stream.Status().State == ari.Watching {
			_ = client.Unsubscribe(watching) // or Asterisk 16 keeps the application
		}
		leave()
	})
	watched := false
	_ = stream.Run(watching, func(*ari.Event) { // it returns only because ctx has ended
		watched = true
		if recorder.Err() != nil {
			stop()
		}
	})
	if err := recorder.Err(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if !watched {
		if c.Output != "-" {
			_ = os.Remove(c.Output) // empty: the next try needs the name
		}
		return fmt.Errorf("record: PBX %s was never reached: nothing was recorded", client.PBX())
	}
	fmt.Fprintf(errs, "%d events recorded\n", stream.Status().Events)
	return nil
}

// onePBX finds the PBX that is meant.
func onePBX(cfg *config.Config, name string) (*config.Asterisk, error) {
	if name == "" && len(cfg.Asterisk) == 1 {
		return &cfg.Asterisk[0], nil
	}
	if pbx := cfg.PBX(name); pbx != nil {
		return pbx, nil
	}
	if name == "" {
		return nil, fmt.Errorf("the configuration has %d PBXes: say with --pbx which one", len(cfg.Asterisk))
	}
	return nil, fmt.Errorf("the configuration has no PBX %q", name)
}
