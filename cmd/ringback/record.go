package main

import (
	"bufio"
	"context"
	"fmt"
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

// recordApp is the ARI application of record: under its own name it does not
// take the daemon's place.
const recordApp = "ringback-record"

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
	out := w.stdout
	if c.Output != "-" {
		f, err := os.OpenFile(c.Output, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it holds who called whom
		if err != nil {
			return fmt.Errorf("record: %w", err)
		}
		defer f.Close()
		out = f
	}
	account := accountOf(pbx)
	account.App = recordApp
	client, err := ari.NewClient(account)
	if err != nil {
		return fmt.Errorf("record: %w", err)
	}
	defer client.Close()
	buffered := bufio.NewWriter(out)
	recorder := ari.NewRecorder(buffered)
	stream := ari.NewStream(client, ari.StreamOptions{Recorder: recorder, Log: slog.New(slog.NewTextHandler(w.stderr, nil))})
	ctx := w.ctx
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	fmt.Fprintf(w.stderr, "recording PBX %s to %s; Ctrl-C ends it\n", pbx.Name, c.Output)
	_ = stream.Run(ctx, func(*ari.Event) {}) // it returns only because ctx has ended
	if err := buffered.Flush(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	if err := recorder.Err(); err != nil {
		return fmt.Errorf("record: %w", err)
	}
	fmt.Fprintf(w.stderr, "%d events recorded\n", stream.Status().Events)
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
