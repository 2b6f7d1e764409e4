package debian

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// stampName is the file that is written last into a Root: what lies beside it
// must match it.
const stampName = "ringback.json"

// stamp says what a complete Root holds.
type stamp struct {
	Packages []string `json:"packages"` // the .deb files it was unpacked from
	Files    int      `json:"files"`
	Bytes    int64    `json:"bytes"`
}

// Install makes a recipe ready under the user's cache folder
// (os.UserCacheDir()/ringback) and returns where. The first time it downloads
// and unpacks Debian's packages, which the host's own apt checks against Debian's
// keys; afterwards it only looks whether all is still there, without the network.
// Lines that say what is going on are written to w, the first of them at once.
//
// Processes that call it at the same moment wait for the first. A Root that is
// incomplete or does not run is filled again. When a tool is missing the error
// names the command that installs it.
func Install(ctx context.Context, r Recipe, w io.Writer) (Root, error) {
	root, err := r.Place()
	if err != nil {
		return Root{}, err
	}
	if r.verify(root) == nil {
		return root, nil
	}
	fmt.Fprintf(w, "%s is needed once in %s\n", r.What, root.Dir)
	if err := os.MkdirAll(filepath.Dir(root.Dir), 0o755); err != nil {
		return Root{}, fmt.Errorf("debian: make the cache folder: %w", err)
	}
	unlock, err := lock(ctx, root.Dir+".lock", w)
	if err != nil {
		return Root{}, err
	}
	defer unlock()

	switch err := r.verify(root); {
	case err == nil:
		return root, nil // another process was faster
	case !errors.Is(err, fs.ErrNotExist):
		fmt.Fprintf(w, "what is there is not usable (%v), filling it again\n", err)
	}
	if err := r.replace(ctx, root, w); err != nil {
		return Root{}, err
	}
	return root, nil
}

// replace fills a folder beside root and moves it into place, so that no
// reader ever sees half a Root.
func (r Recipe) replace(ctx context.Context, root Root, w io.Writer) error {
	start := time.Now()
	filling := Root{Dir: root.Dir + ".filling"}
	if err := os.RemoveAll(filling.Dir); err != nil {
		return fmt.Errorf("debian: clear what an interrupted run has left: %w", err)
	}
	defer os.RemoveAll(filling.Dir)
	if err := r.fill(ctx, filling, w); err != nil {
		return err
	}
	if err := r.verify(filling); err != nil {
		return fmt.Errorf("debian: what was unpacked does not work: %w", err)
	}
	if err := os.RemoveAll(root.Dir); err != nil {
		return fmt.Errorf("debian: remove the unusable root: %w", err)
	}
	if err := os.Rename(filling.Dir, root.Dir); err != nil {
		return fmt.Errorf("debian: move the root into place: %w", err)
	}
	fmt.Fprintf(w, "%s is ready after %.0f s\n", r.What, time.Since(start).Seconds())
	return nil
}

// verify tells whether root is complete and its program starts; the error is
// fs.ErrNotExist when there is none.
func (r Recipe) verify(root Root) error {
	text, err := os.ReadFile(filepath.Join(root.Dir, stampName))
	if err != nil {
		return fmt.Errorf("debian: read the stamp: %w", err)
	}
	var want stamp
	if err := json.Unmarshal(text, &want); err != nil {
		return fmt.Errorf("debian: read the stamp: %w", err)
	}
	files, bytes, err := measure(root.Dir)
	if err != nil {
		return err
	}
	if files != want.Files || bytes != want.Bytes {
		return fmt.Errorf("debian: the root holds %d files of %d bytes, it was left with %d of %d", files, bytes, want.Files, want.Bytes)
	}
	return r.Check(root)
}

// measure counts the files below dir and their bytes, without the stamp.
func measure(dir string) (files int, bytes int64, err error) {
	err = filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == stampName {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		files++
		bytes += info.Size()
		return nil
	})
	if err != nil {
		return 0, 0, fmt.Errorf("debian: count the files of the root: %w", err)
	}
	return files, bytes, nil
}

// lock takes the lock file at path, which holds between processes and is freed
// by the kernel however its holder ends. Whoever has to wait says so on w.
func lock(ctx context.Context, path string, w io.Writer) (unlock func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("debian: open the lock: %w", err)
	}
	said := false
	for {
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			file.Close()
			return nil, fmt.Errorf("debian: lock %s: %w", path, err)
		}
		if !said {
			fmt.Fprintln(w, "waiting for another process that is filling it")
			said = true
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, fmt.Errorf("debian: wait for the lock: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}
