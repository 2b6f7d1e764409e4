package main

import (
	"errors"
	"fmt"
	"log/slog"
	"os"

	systemd "github.com/coreos/go-systemd/v22/daemon"

	"ringback/config"
)

type serveCommand struct {
	LogLevel slog.Level `help:"debug, info, warn or error." default:"info"`
}

// Run watches the PBXes until SIGTERM or Ctrl-C.
func (c *serveCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	for _, warning := range cfg.Warnings {
		log.Warn("configuration", "path", warning.Path, "warning", warning.Text)
	}
	d, err := newDaemon(w.ctx, cfg, log)
	if err != nil {
		return err
	}
	log.Info("ringback runs", "version", version(), "page", "http://"+d.Address(), "mode", cfg.Mode, "database", cfg.Database)
	tellSystemd(systemd.SdNotifyReady, log)
	err = d.Run(w.ctx)
	tellSystemd(systemd.SdNotifyStopping, log)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("ringback has stopped")
	return nil
}

// tellSystemd reports to the service manager, where there is one.
func tellSystemd(state string, log *slog.Logger) {
	if _, err := systemd.SdNotify(false, state); err != nil && !errors.Is(err, os.ErrNotExist) {
		log.Warn("systemd was not told", "err", err)
	}
}
