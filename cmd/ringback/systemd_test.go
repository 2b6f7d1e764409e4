package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// overseer is what a service manager hears.
type overseer struct {
	path string
	said chan string
}

// listenAsSystemd listens as systemd does (sd_notify(3)).
func listenAsSystemd(t *testing.T) *overseer {
	t.Helper()
	s := &overseer{path: filepath.Join(t.TempDir(), "notify"), said: make(chan string, 1000)}
	conn, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: s.path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		buf := make([]byte, 4096)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				return
			}
			s.said <- string(buf[:n])
		}
	}()
	t.Cleanup(func() { conn.Close(); <-done })
	return s
}

// env is what systemd tells a service of Type=notify with WatchdogSec.
func (s *overseer) env(watchdog time.Duration) []string {
	return []string{"NOTIFY_SOCKET=" + s.path, fmt.Sprintf("WATCHDOG_USEC=%d", watchdog.Microseconds())}
}

// hears waits for a word, and passes over others.
func (s *overseer) hears(t *testing.T, word string) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case said := <-s.said:
			if strings.TrimSpace(said) == word {
				return
			}
		case <-late.C:
			t.Fatalf("systemd does not hear %s", word)
		}
	}
}

// TestWatchdogIsNotFedByTheStuck lets the handling of events stand still: the
// watchdog is no longer fed, and is again when it goes on.
func TestWatchdogIsNotFedByTheStuck(t *testing.T) {
	s := listenAsSystemd(t)
	for _, pair := range s.env(60 * time.Millisecond) {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	log := new(logbook)
	w := watched{pulse: new(pulse)}
	w.opts.PBX = "main"
	d := &daemon{watched: []watched{w}, log: slog.New(slog.NewTextHandler(log, nil))}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var asked, alive atomic.Int64
	err := feedWatchdog(ctx, func() bool {
		defer asked.Add(1)
		if d.alive() {
			alive.Add(1)
			return true
		}
		return false
	}, d.log)
	if err != nil {
		t.Fatal(err)
	}
	s.hears(t, "WATCHDOG=1")
	w.pulse.begin()
	waitFor(t, "the log says that it is stuck", func() bool { return log.count("the handling of events is stuck", "pbx=main") >= 3 })
	fed, questions := alive.Load(), asked.Load()
	waitFor(t, "it is asked thrice more", func() bool { return asked.Load() >= questions+3 })
	if alive.Load() != fed {
		t.Error("the watchdog is fed while the handling of events is stuck")
	}
	w.pulse.end()
	waitFor(t, "it is fed again", func() bool { return alive.Load() > fed })
	s.hears(t, "WATCHDOG=1")
}

// TestPartsFailTogether wants a part that fails to end the others, and every
// failure to be told, also one while they end.
func TestPartsFailTogether(t *testing.T) {
	ctx, end := context.WithCancel(t.Context())
	var p parts
	p.run(end, func() error { return errors.New("the first") })
	p.run(end, func() error { <-ctx.Done(); return errors.New("the second") })
	p.run(end, func() error { <-ctx.Done(); return nil })
	if err := p.wait(); err == nil || !strings.Contains(err.Error(), "the first") || !strings.Contains(err.Error(), "the second") {
		t.Errorf("told is %v", err)
	}
}
