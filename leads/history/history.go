package history

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"ringback/leads/db"
)

// Size is how much has happened, and until when. The rest follows from it: a
// number and a card for each contact, attempts, timelines, jobs of the last
// month, appointments with their reminders, dials and consents.
type Size struct {
	Calls, Contacts, Leads int
	// Years is how long it took; 0: three.
	Years int
	// Until is when the last call began; zero: the first of January 2026, UTC.
	Until time.Time
	Seed  uint64
}

// Large is what DESIGN.md §8 is measured over.
var Large = Size{Calls: 1_000_000, Contacts: 300_000, Leads: 250_000}

// Small is made in a moment, and has of everything.
var Small = Size{Calls: 20_000, Contacts: 6_000, Leads: 5_000}

// The names that a configuration needs which goes on from such a history.
const (
	PBX = "main"
	// Manager is the login of one of the managers.
	Manager = "m01"
)

// Pools are its pools; each has one line, of the same name.
var Pools = []string{"sales", "service", "default"}

func (s Size) filled() Size {
	if s.Years == 0 {
		s.Years = 3
	}
	if s.Until.IsZero() {
		s.Until = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return s
}

// generation counts the changes of what is written, so that an older file of the
// cache folder is not taken for a new one.
const generation = 2

// Copy puts a database with that much history at path, where none may be.
func Copy(ctx context.Context, s Size, path string) error {
	made, err := cached(ctx, s.filled())
	if err != nil {
		return fmt.Errorf("history: %w", err)
	}
	if err := copyFile(made, path); err != nil {
		return fmt.Errorf("history: %w", err)
	}
	return nil
}

// cached gives the file of a size, and makes it first where there is none.
func cached(ctx context.Context, s Size) (string, error) {
	folder, err := os.UserCacheDir()
	if err != nil {
		folder = os.TempDir()
	}
	folder = filepath.Join(folder, "ringback-history")
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return "", err
	}
	work, err := os.MkdirTemp(folder, "making-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	empty := filepath.Join(work, "book.db")
	schema, err := makeEmpty(ctx, empty)
	if err != nil {
		return "", err
	}
	kind := fmt.Sprintf("%d-%d-%d-%d-%d", s.Calls, s.Contacts, s.Leads, s.Years, s.Seed)
	name := filepath.Join(folder, fmt.Sprintf("%s_%d_%x.db", kind, s.Until.UnixMilli(), schema[:8]))
	if _, err := os.Stat(name); err == nil || !errors.Is(err, os.ErrNotExist) {
		return name, err
	}
	if err := fill(ctx, empty, s); err != nil {
		return "", err
	}
	// One file of a kind is enough: those of other times and schemas go.
	old, err := filepath.Glob(filepath.Join(folder, kind+"_*.db"))
	if err != nil {
		return "", err
	}
	for _, file := range old {
		if err := os.Remove(file); err != nil && !errors.Is(err, os.ErrNotExist) {
			return "", err
		}
	}
	return name, os.Rename(empty, name)
}

// makeEmpty makes a database without a row, and tells its schema's digest.
func makeEmpty(ctx context.Context, path string) (digest [sha256.Size]byte, err error) {
	d, err := db.Open(ctx, db.Config{Path: path})
	if err != nil {
		return digest, err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	rows, err := d.Reader().QueryContext(ctx, "SELECT COALESCE(sql, '') FROM sqlite_master ORDER BY type, name")
	if err != nil {
		return digest, err
	}
	defer rows.Close()
	hash := sha256.New()
	fmt.Fprintln(hash, generation)
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return digest, err
		}
		fmt.Fprintln(hash, text)
	}
	return [sha256.Size]byte(hash.Sum(nil)), rows.Err()
}

// fill writes the history into an empty database. Nobody else has the file, and
// when the machine stops in the middle it is made again: nothing is synced.
func fill(ctx context.Context, path string, s Size) (err error) {
	pool, err := sql.Open("sqlite", "file:"+path+"?_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)&_pragma=locking_mode(EXCLUSIVE)&_pragma=cache_size(-65536)")
	if err != nil {
		return err
	}
	pool.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, pool.Close()) }()
	tx, err := pool.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	// An index is made in one go when everything is there.
	indexes, err := takeIndexes(ctx, tx)
	if err != nil {
		return err
	}
	if err := newWriter(ctx, tx, s).write(); err != nil {
		return err
	}
	// The search has been told of everybody.
	if _, err := tx.ExecContext(ctx, "DELETE FROM search_due"); err != nil {
		return err
	}
	for _, index := range indexes {
		if _, err := tx.ExecContext(ctx, index); err != nil {
			return err
		}
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	_, err = pool.ExecContext(ctx, "PRAGMA journal_mode = WAL")
	return err
}

// takeIndexes drops the indexes and tells how they are made.
func takeIndexes(ctx context.Context, tx *sql.Tx) (list []string, err error) {
	rows, err := tx.QueryContext(ctx, "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var names []string
	for rows.Next() {
		var name, text string
		if err := rows.Scan(&name, &text); err != nil {
			return nil, err
		}
		names, list = append(names, name), append(list, text)
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for _, name := range names {
		if _, err := tx.ExecContext(ctx, "DROP INDEX "+name); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	_, err = io.Copy(out, in)
	return err
}
