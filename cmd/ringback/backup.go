package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"ringback/config"
	"ringback/leads/db"
)

type backupCommand struct {
	File  string `arg:"" help:"Where the copy goes; its folder must exist." type:"path" placeholder:"FILE"`
	Force bool   `help:"Replace FILE if it is there."`
	JSON  bool   `help:"Print one JSON object." name:"json"`
}

// Run copies the database, beside a daemon that runs or where none does.
func (c *backupCommand) Run(w *world) error {
	cfg, err := config.Load(w.config)
	if err != nil {
		return err
	}
	meter := &meter{out: w.stderr, begun: time.Now()}
	o := db.BackupOptions{To: c.File, Force: c.Force}
	if onTerminal(w.stderr) {
		o.Progress = meter.show
	}
	copied, err := db.Backup(w.ctx, cfg.Database, o)
	meter.wipe()
	switch {
	case errors.Is(err, db.ErrExists):
		return fmt.Errorf("backup: %w: name another file, or replace it with --force", err)
	case err != nil:
		return fmt.Errorf("backup: %w", err)
	}
	if c.JSON {
		return json.NewEncoder(w.stdout).Encode(map[string]any{"file": c.File, "database": cfg.Database, "bytes": copied.Bytes,
			"version": copied.Version, "rows": copied.Rows, "took_s": copied.Took.Seconds()})
	}
	fmt.Fprintf(w.stdout, "%s is a whole copy of %s: %.1f MB, %d calls, %d leads, %d contacts. It was read back; all took %s.\n", c.File, cfg.Database,
		float64(copied.Bytes)/1e6, copied.Rows["calls"], copied.Rows["leads"], copied.Rows["contacts"], copied.Took.Round(10*time.Millisecond))
	return nil
}

// meter shows a person how far something is that takes a while.
type meter struct {
	out          io.Writer
	begun, shown time.Time
}

// show writes over what was shown before, a few times a second and not in the
// first one.
func (m *meter) show(done, all int64) {
	now := time.Now()
	if now.Sub(m.begun) < time.Second || now.Sub(m.shown) < 200*time.Millisecond && done < all {
		return
	}
	m.shown = now
	what := "copied"
	if done == all {
		what = "copied; reading it back"
	}
	fmt.Fprintf(m.out, "\r\x1b[K%d of %d MB %s", done>>20, all>>20, what)
}

// wipe takes away what was shown.
func (m *meter) wipe() {
	if !m.shown.IsZero() {
		fmt.Fprint(m.out, "\r\x1b[K")
	}
}
