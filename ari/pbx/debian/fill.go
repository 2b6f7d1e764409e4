package debian

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const (
	keyring   = "/usr/share/keyrings/debian-archive-keyring.gpg"
	osRelease = "/etc/os-release"
)

// fill downloads and unpacks the recipe's packages into root.Dir, which must not
// exist.
func (r Recipe) fill(ctx context.Context, root Root, w io.Writer) error {
	if err := tools(); err != nil {
		return err
	}
	address, err := mirror(os.DirFS("/"))
	if err != nil {
		return err
	}
	scratch := filepath.Join(root.Dir, "apt")
	a := apt{dir: scratch, mirror: address, recipe: r}
	if err := a.configure(ctx); err != nil {
		return err
	}
	fmt.Fprintf(w, "reading the package list of Debian %s from %s\n", a.recipe.Suite, address)
	if err := a.update(ctx); err != nil {
		return err
	}
	debs, err := a.download(ctx, w)
	if err != nil {
		return err
	}
	if err := unpack(ctx, debs, root.Dir, w); err != nil {
		return err
	}
	if err := os.RemoveAll(scratch); err != nil {
		return fmt.Errorf("debian: remove the downloads: %w", err)
	}
	if err := trim(root.Dir, r.Share); err != nil {
		return err
	}
	if r.Finish != nil {
		if err := r.Finish(root); err != nil {
			return err
		}
	}
	return seal(root.Dir, debs)
}

// tools tells which of the host's programs are missing, and how to get them.
func tools() error {
	if text, err := os.ReadFile(osRelease); err != nil || !strings.Contains("\n"+string(text), "\nID=debian") {
		return errors.New("debian: packages are unpacked by the tools of a Debian host, and this is none: run in Debian 12 or newer (docker run -it golang:1.26-bookworm, say)")
	}
	for _, tool := range []struct{ name, from string }{
		{"apt-get", "apt"}, {"apt-config", "apt"}, {"dpkg-deb", "dpkg"}, {"tar", "tar"}, {"sh", "dash"},
	} {
		if _, err := exec.LookPath(tool.name); err != nil {
			return fmt.Errorf("debian: %s is missing (PATH=%s), install it: sudo apt-get install %s: %w", tool.name, os.Getenv("PATH"), tool.from, err)
		}
	}
	if _, err := os.Stat(keyring); err != nil {
		return fmt.Errorf("debian: Debian's keys are missing, install them: sudo apt-get install debian-archive-keyring: %w", err)
	}
	return nil
}

// unpack lays the files of all debs over one another in dir, two at a time:
// more would only wait for the disk.
func unpack(ctx context.Context, debs []string, dir string, w io.Writer) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	queue := make(chan string, len(debs))
	for _, deb := range debs {
		queue <- deb
	}
	close(queue)
	var unpacked atomic.Int64
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			for deb := range queue {
				if err := run(ctx, nil, "dpkg-deb", "--extract", deb, dir); err != nil {
					cancel(fmt.Errorf("debian: unpack %s: %w", filepath.Base(deb), err))
				}
				if ctx.Err() != nil {
					return
				}
				unpacked.Add(1)
			}
		})
	}
	stop := every(time.Second, func() {
		fmt.Fprintf(w, "unpacked %d of %d packages\n", unpacked.Load(), len(debs))
	})
	workers.Wait()
	stop()
	return context.Cause(ctx)
}

// trim removes what programs do not read: manuals, translations, other programs'
// data, a quarter of the bytes.
func trim(dir string, kept []string) error {
	share := filepath.Join(dir, "usr/share")
	entries, err := os.ReadDir(share)
	if err != nil {
		return fmt.Errorf("debian: trim the root: %w", err)
	}
	for _, entry := range entries {
		if slices.Contains(kept, entry.Name()) {
			continue
		}
		if err := os.RemoveAll(filepath.Join(share, entry.Name())); err != nil {
			return fmt.Errorf("debian: trim the root: %w", err)
		}
	}
	return nil
}

// seal writes the stamp of a Root that is complete.
func seal(dir string, debs []string) error {
	var s stamp
	for _, deb := range debs {
		s.Packages = append(s.Packages, filepath.Base(deb))
	}
	var err error
	if s.Files, s.Bytes, err = measure(dir); err != nil {
		return err
	}
	text, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return fmt.Errorf("debian: write the stamp: %w", err)
	}
	if err := os.WriteFile(filepath.Join(dir, stampName), text, 0o644); err != nil {
		return fmt.Errorf("debian: write the stamp: %w", err)
	}
	return nil
}

// run runs a program quietly; when it fails the error carries the end of what
// it said. Each line of its output is given to each, if that is not nil.
func run(ctx context.Context, each func(line string), name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	cmd.Stderr = cmd.Stdout
	if err := cmd.Start(); err != nil {
		return err
	}
	var last []string
	for lines := bufio.NewScanner(pipe); lines.Scan(); {
		if each != nil {
			each(lines.Text())
		}
		if last = append(last, lines.Text()); len(last) > 5 {
			last = last[1:]
		}
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%w: %s", err, strings.Join(last, "; "))
	}
	return nil
}

// every calls f again and again until the returned stop is called, which
// returns when f runs no more.
func every(pause time.Duration, f func()) (stop func()) {
	quit, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(pause)
		defer tick.Stop()
		for {
			select {
			case <-quit:
				return
			case <-tick.C:
				f()
			}
		}
	}()
	return func() { close(quit); <-done }
}
