package db

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// Space is what the database takes, in bytes.
type Space struct {
	// Size is of the file, Log of what is written beside it until it is taken over.
	Size, Log int64
	// Free is left on its disk for us, of Disk in all.
	Free, Disk int64
}

// Space tells what the database takes, and what its disk has left.
func (db *DB) Space() (Space, error) {
	var s Space
	file, err := os.Stat(db.path)
	if err != nil {
		return s, fmt.Errorf("db: %w", err)
	}
	s.Size = file.Size()
	if log, err := os.Stat(db.path + "-wal"); err == nil { // there is none before the first transaction
		s.Log = log.Size()
	}
	var disk syscall.Statfs_t
	if err := syscall.Statfs(filepath.Dir(db.path), &disk); err != nil {
		return s, fmt.Errorf("db: disk of %s: %w", db.path, err)
	}
	s.Free, s.Disk = int64(disk.Bavail)*int64(disk.Bsize), int64(disk.Blocks)*int64(disk.Bsize)
	return s, nil
}
