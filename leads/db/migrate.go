package db

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrationFiles embed.FS

func embedded() fs.FS {
	sub, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		panic(err) // the folder's name is a constant of this file
	}
	return sub
}

// applicationID marks the file as Ringback's ("Ring" in ASCII), so that a path
// that points at some other program's database is not written to.
const applicationID = 0x52696e67

// migration is one step of the schema. Its version is its place: the first is
// 1, and PRAGMA user_version of a file is the last one it has seen.
type migration struct {
	name string
	sql  string
}

// readMigrations reads NNNN_name.sql in order and insists on 1, 2, 3 …: two
// steps of the same number, or a hole, would make versions mean different
// things to different programs.
func readMigrations(files fs.FS) ([]migration, error) {
	names, err := fs.Glob(files, "*.sql") // in lexical order
	if err != nil {
		return nil, fmt.Errorf("db: migrations: %w", err)
	}
	var steps []migration
	for i, name := range names {
		number, _, _ := strings.Cut(name, "_")
		if n, err := strconv.Atoi(number); err != nil || n != i+1 {
			return nil, fmt.Errorf("db: migration %s stands in the place of number %d", name, i+1)
		}
		text, err := fs.ReadFile(files, name)
		if err != nil {
			return nil, fmt.Errorf("db: migration %s: %w", name, err)
		}
		steps = append(steps, migration{name: name, sql: string(text)})
	}
	return steps, nil
}

// migrate brings the file to the last of steps.
func (db *DB) migrate(ctx context.Context, steps []migration) error {
	version, err := db.inspect(ctx)
	switch {
	case err != nil:
		return err
	case version == len(steps):
		return nil
	case version > len(steps):
		return fmt.Errorf("db: %s is of version %d, and this ringback knows versions up to %d: "+
			"run the newer ringback again, or put back the copy that it made before it migrated (%s.bak-v%d-…)",
			db.path, version, len(steps), db.path, len(steps))
	}
	w, err := openWriter(ctx, db.path)
	if err != nil {
		return fmt.Errorf("db: open %s: %w", db.path, err)
	}
	defer w.close()
	if version == 0 {
		return db.climb(ctx, w, steps, version)
	}
	copied, err := db.copyBeside(ctx, w, version)
	if err != nil {
		return err
	}
	db.log.Info("a copy of the database was put beside it before it is migrated",
		"database", db.path, "copy", copied, "from", version, "to", len(steps))
	if err := db.climb(ctx, w, steps, version); err != nil {
		// Nothing was changed, so the copy is worth nothing; kept, one would be
		// added with every restart.
		return errors.Join(err, os.Remove(copied))
	}
	return nil
}

// inspect tells the version of the file, 0 for a new one, and writes nothing.
func (db *DB) inspect(ctx context.Context) (version int, err error) {
	pool, err := sql.Open("sqlite", dsn(db.path, probeParams))
	if err != nil {
		return 0, fmt.Errorf("db: open %s: %w", db.path, err)
	}
	defer pool.Close()
	var id, tables int
	err = errors.Join(
		pool.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id),
		pool.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		pool.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables))
	if e := new(sqlite.Error); errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_NOTADB {
		return 0, fmt.Errorf("db: %s is not a database: give another path, or move that file away", db.path)
	}
	if err != nil {
		return 0, fmt.Errorf("db: read %s: %w", db.path, err)
	}
	if id != applicationID && (id != 0 || version != 0 || tables != 0) {
		return 0, fmt.Errorf("db: %s is the database of another program: give another path", db.path)
	}
	return version, nil
}

// climb runs the steps that the file has not seen: all of them in one
// transaction, so that a failing one leaves the file as it was and the copy of
// its old version stays the right one. The caller closes w, which undoes what is
// not committed.
func (db *DB) climb(ctx context.Context, w *writer, steps []migration, version int) error {
	// Foreign keys are checked once at the end: a step that rebuilds a table
	// breaks them for a moment. The pragma does nothing inside a transaction.
	if _, err := w.conn.ExecContext(ctx, "PRAGMA foreign_keys = 0"); err != nil {
		return fmt.Errorf("db: migrate %s: %w", db.path, err)
	}
	if err := w.begin(false); err != nil {
		return fmt.Errorf("db: migrate %s: %w", db.path, err)
	}
	for i := version; i < len(steps); i++ {
		if _, err := w.conn.ExecContext(ctx, steps[i].sql); err != nil {
			return fmt.Errorf("db: migration %s of %s: %w", steps[i].name, db.path, err)
		}
	}
	if err := checkForeignKeys(ctx, w); err != nil {
		return fmt.Errorf("db: migrate %s: %w", db.path, err)
	}
	mark := fmt.Sprintf("PRAGMA application_id = %d; PRAGMA user_version = %d", applicationID, len(steps))
	if _, err := w.conn.ExecContext(ctx, mark); err != nil {
		return fmt.Errorf("db: migrate %s: %w", db.path, err)
	}
	if err := w.commit(); err != nil {
		return fmt.Errorf("db: migrate %s: %w", db.path, err)
	}
	return nil
}

func checkForeignKeys(ctx context.Context, w *writer) error {
	var table, parent string
	var row sql.NullInt64
	var key int
	switch err := w.conn.QueryRowContext(ctx, "PRAGMA foreign_key_check").Scan(&table, &row, &parent, &key); {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("row %d of %s points at nothing in %s", row.Int64, table, parent)
}

// copyBeside writes a copy of the database of this version next to it. SQLite
// makes it from one consistent view, but does not sync it to the disk: that is
// done here, because the copy must outlive what follows.
func (db *DB) copyBeside(ctx context.Context, w *writer, version int) (name string, err error) {
	name = fmt.Sprintf("%s.bak-v%d-%s", db.path, version, time.Now().UTC().Format("20060102T150405.000Z"))
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("db: copy before the migration: %w", err)
	}
	defer func() {
		f.Close()
		if err != nil {
			err = errors.Join(fmt.Errorf("db: copy before the migration: %w", err), os.Remove(name))
		}
	}()
	if _, err := w.conn.ExecContext(ctx, "VACUUM INTO $1", name); err != nil {
		return "", err
	}
	if err := f.Sync(); err != nil {
		return "", err
	}
	return name, syncFolder(filepath.Dir(name))
}

func syncFolder(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
