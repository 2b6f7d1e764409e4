package db

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// lock takes the file beside the database that says who has it open. The
// kernel gives the lock back when its holder dies, however it dies, so a stale
// file means nothing; it is never removed, because removing it would let two
// processes each hold the lock of a file of that name.
func lock(path string) (*os.File, error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("db: cannot write in the folder of %s: %w (the user that ringback runs as must own it)", path, err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("db: %s is open in another process (%s): stop it first, two daemons on one database would ring people twice", path, holder(f))
		}
		return nil, fmt.Errorf("db: lock of %s: %w", name, err)
	}
	if err := f.Truncate(0); err != nil {
		f.Close()
		return nil, fmt.Errorf("db: lock of %s: %w", name, err)
	}
	if _, err := f.WriteAt(fmt.Appendf(nil, "%d\n", os.Getpid()), 0); err != nil {
		f.Close()
		return nil, fmt.Errorf("db: lock of %s: %w", name, err)
	}
	return f, nil
}

// holder reads who says to hold the lock; it is a courtesy of the message.
func holder(f *os.File) string {
	buf := make([]byte, 20)
	n, _ := f.ReadAt(buf, 0)
	if pid := strings.TrimSpace(string(buf[:n])); pid != "" {
		return "process " + pid
	}
	return "which does not say its id"
}
