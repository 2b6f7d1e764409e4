package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"runtime/debug"
	"time"

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
	keepSmall()
	log := slog.New(slog.NewTextHandler(w.stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	for _, warning := range cfg.Warnings {
		log.Warn("configuration", "path", warning.Path, "warning", warning.Text)
	}
	d, err := newDaemon(w.ctx, cfg, log)
	if err != nil {
		return err
	}
	log.Info("ringback runs", "version", version(), "page", d.cfg.PublicURL, "listen", d.Address(), "mode", cfg.Mode, "database", cfg.Database)
	defer context.AfterFunc(w.ctx, func() { tellSystemd(systemd.SdNotifyStopping, log) })()
	feeding, fed := context.WithCancel(context.Background())
	defer fed()
	if err := feedWatchdog(feeding, d.alive, log); err != nil {
		log.Warn("systemd's watchdog is not fed", "err", err)
	}
	tellSystemd(systemd.SdNotifyReady, log)
	if err := d.Run(w.ctx); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	log.Info("ringback has stopped")
	return nil
}

// keepSmall lets the daemon live beside a PBX in 64 MB: with 10,000 calls in
// progress it holds 20 MB, and the pages of the program itself are 20 more. A heap that is
// collected sooner costs a microsecond or two an event, where half as much again
// is kept for the next collection and not as much again. The limit is soft:
// what is needed beyond it (facts that wait for a database, say) is taken, and
// collecting then takes half of the processor time at most. Who sets the
// runtime's own variables knows better.
func keepSmall() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(50)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(36 << 20)
	}
}

// feedWatchdog tells systemd, where it wants to know (WatchdogSec), three times
// in that time that the daemon is alive, for as long as it is and until ctx
// ends. A daemon that says nothing more is killed and started anew. A database
// that cannot be written does not count: the facts that wait for it would be
// lost.
func feedWatchdog(ctx context.Context, alive func() bool, log *slog.Logger) error {
	within, err := systemd.SdWatchdogEnabled(false)
	if err != nil || within == 0 {
		return err
	}
	go func() {
		for tick := time.NewTicker(within / 3); ; {
			select {
			case <-tick.C:
			case <-ctx.Done():
				tick.Stop()
				return
			}
			if alive() {
				tellSystemd(systemd.SdNotifyWatchdog, log)
			}
		}
	}()
	return nil
}

// tellSystemd reports to the service manager, where there is one.
func tellSystemd(state string, log *slog.Logger) {
	if _, err := systemd.SdNotify(false, state); err != nil {
		log.Warn("systemd was not told", "state", state, "err", err)
	}
}
