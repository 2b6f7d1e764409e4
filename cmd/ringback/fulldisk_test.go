package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

var fullRounds = flag.Int("fulldisks", 1, "TestFullDisk: how often the disk is full")

// TestFullDisk fills the disk under the daemon's database while the company is
// rung. It says so (readiness, log, metric), keeps what it hears, and writes it
// when there is room again: nobody who rang in vain is forgotten or counted
// twice. A daemon that is killed meanwhile loses what it kept, and has it from
// the call records. The long one:
//
//	go test ./cmd/ringback -run TestFullDisk -fulldisks 10 -cut-rate 30 -timeout 30m
func TestFullDisk(t *testing.T) {
	t.Parallel()
	t.Run("small_disk", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		s := newSiege(t, siegeOptions{database: filepath.Join(dir, "ringback.db")})
		if !namespaces() {
			t.Log("this user may not make a disk (user namespaces); the kernel bounds the files' size instead")
			s.start()
			s.fills(&sizeLimit{s: s}, false)
			return
		}
		s.start("unshare", "--user", "--map-root-user", "--mount", "sh", "-c", `mount -t tmpfs -o size=6m ringback "$0" && exec "$@"`, dir)
		s.fills(&smallDisk{s: s, dir: dir}, false)
	})
	t.Run("size_limit_and_killed", func(t *testing.T) {
		t.Parallel()
		s := newSiege(t, siegeOptions{})
		s.start()
		s.fills(&sizeLimit{s: s}, true)
	})
}

// namespaces says whether this user may have file systems of their own.
func namespaces() bool {
	return exec.Command("unshare", "--user", "--map-root-user", "--mount", "true").Run() == nil
}

// disk is where a database lies, and may be full.
type disk interface {
	fill()
	free()
}

// fills lets the disk be full for a while, again and again; with kill the daemon
// is killed before there is room again.
func (s *siege) fills(d disk, kill bool) {
	s.Helper()
	const each = 15 * time.Second
	s.watches()
	l := s.startLoad(*cutRate, time.Duration(*fullRounds)*each)
	for range *fullRounds {
		s.pause(4 * time.Second)
		d.fill()
		began := time.Now()
		s.until("the daemon says that it is not ready", 30*time.Second, func() bool { return !s.ready() })
		s.until("facts wait in memory", 30*time.Second, func() bool { return s.metrics()["ringback_facts_waiting"] >= 20 })
		if log := s.read(s.log(s.lives)); !strings.Contains(log, "the database cannot be written: calls wait in memory") {
			s.Errorf("the log does not say what is at stake")
		}
		s.pause(4 * time.Second)
		if s.ready() {
			s.Errorf("it is ready while the disk is full")
		}
		if kill {
			s.killDaemon()
		}
		d.free()
		if kill {
			s.start()
		}
		freed := time.Now()
		s.watches()
		s.until("what waited is written", 30*time.Second, func() bool { return s.metrics()["ringback_facts_waiting"] == 0 })
		s.Logf("full for %v, all written %v after", freed.Sub(began).Round(time.Millisecond), time.Since(freed).Round(time.Millisecond))
	}
	s.settle(l)
}

// smallDisk is a disk of a few megabytes that only the daemon has, seen through
// its process.
type smallDisk struct {
	s   *siege
	dir string
}

func (d *smallDisk) ballast() string {
	return filepath.Join(fmt.Sprintf("/proc/%d/root", d.s.daemon.Process.Pid), d.dir, "ballast")
}

// fill writes until nothing more can be.
func (d *smallDisk) fill() {
	d.s.Helper()
	f, err := os.Create(d.ballast())
	if err != nil {
		d.s.Fatal(err)
	}
	defer f.Close()
	if _, err := io.Copy(f, zeros{}); !errors.Is(err, syscall.ENOSPC) {
		d.s.Fatalf("the disk is not full: %v", err)
	}
}

func (d *smallDisk) free() {
	d.s.Helper()
	if err := os.Remove(d.ballast()); err != nil {
		d.s.Fatal(err)
	}
}

// zeros never ends.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// sizeLimit bounds how large the daemon's files may grow: the kernel then refuses
// to write to the database, with another error than that of a full disk.
type sizeLimit struct{ s *siege }

func (l *sizeLimit) set(size string) {
	l.s.Helper()
	ctx, cancel := context.WithTimeout(l.s.Context(), 10*time.Second)
	defer cancel()
	out, err := exec.CommandContext(ctx, "prlimit", "--pid", strconv.Itoa(l.s.daemon.Process.Pid), "--fsize="+size+":").CombinedOutput()
	if err != nil {
		l.s.Fatalf("prlimit: %v: %s", err, out)
	}
}

// fill lets no file grow beyond 4 kB: what is overwritten in the middle of
// a longer one is refused too.
func (l *sizeLimit) fill() { l.s.Helper(); l.set("4096") }

// free lifts the limit, if the daemon lives.
func (l *sizeLimit) free() {
	l.s.Helper()
	if l.s.daemon != nil {
		l.set("unlimited")
	}
}
