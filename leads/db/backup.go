package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// ErrExists is in the error of a Backup to a file that is there already.
var ErrExists = errors.New("it is there already")

// BackupOptions say where a copy goes.
type BackupOptions struct {
	// To is the file. Its folder must exist; beside it the copy has a name of its
	// own, To with ".part-…" behind it, until it is whole.
	To string
	// Force lets the copy take the place of a file that is there.
	Force bool
	// Progress, unless nil, is called now and then with the bytes that have been
	// copied, and those that there are.
	Progress func(done, all int64)
}

// Copied is what became of a Backup.
type Copied struct {
	Bytes   int64
	Version int // of the schema
	// Rows are the rows of each table.
	Rows map[string]int64
	Took time.Duration
}

// Backup copies the database at path as it is at one instant, whether a daemon
// has it open or not, and changes nothing in it. The daemon goes on writing
// meanwhile; its journal grows for as long as the copying takes. The copy is for
// its owner only, is on the disk when Backup returns, and has been read back:
// it is whole, of the same version and has the same number of rows. After an
// error, also of ctx, nothing is left of it, and a file that it was to replace
// is untouched.
func Backup(ctx context.Context, path string, o BackupOptions) (copied Copied, err error) {
	start := time.Now()
	source, err := filepath.Abs(path)
	if err != nil {
		return copied, fmt.Errorf("db: backup of %s: %w", path, err)
	}
	if err := checkSource(source); err != nil {
		return copied, fmt.Errorf("db: backup: %w", err)
	}
	if err := checkTarget(source, o); err != nil {
		return copied, fmt.Errorf("db: backup: %w", err)
	}
	part, err := os.CreateTemp(filepath.Dir(o.To), filepath.Base(o.To)+".part-*") // its mode is 0600
	if err != nil {
		return copied, fmt.Errorf("db: backup: cannot write in the folder of %s: %w", o.To, err)
	}
	defer func() {
		part.Close()
		if err != nil {
			_ = os.Remove(part.Name()) // after the renaming it is not there any more
		}
	}()
	if copied, err = copyTo(ctx, source, part.Name(), o.Progress); err != nil {
		return copied, fmt.Errorf("db: backup to %s: %w", o.To, explainFull(err, o.To))
	}
	if err := part.Sync(); err != nil {
		return copied, fmt.Errorf("db: backup to %s: %w", o.To, explainFull(err, o.To))
	}
	if err := readBack(ctx, part.Name(), &copied); err != nil {
		return copied, fmt.Errorf("db: backup: the copy was read back, and is not good: %w", err)
	}
	if err := checkTarget(source, o); err != nil { // it took a while
		return copied, fmt.Errorf("db: backup: %w", err)
	}
	if err := os.Rename(part.Name(), o.To); err != nil {
		return copied, fmt.Errorf("db: backup: %w", err)
	}
	copied.Took = time.Since(start)
	return copied, syncFolder(filepath.Dir(o.To))
}

// checkSource says what keeps a file from being a database of ours.
func checkSource(path string) error {
	file, err := os.Open(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no database at %s: has the daemon run here yet?", path)
	case err != nil:
		return fmt.Errorf("the database cannot be read: %w (the user that ringback runs as can)", err)
	}
	return file.Close()
}

// checkTarget refuses to write over what must not be written over.
func checkTarget(source string, o BackupOptions) error {
	to, err := filepath.Abs(o.To)
	if err != nil {
		return err
	}
	switch folder, err := os.Stat(filepath.Dir(to)); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no folder %s", filepath.Dir(to))
	case err != nil:
		return err
	case !folder.IsDir():
		return fmt.Errorf("%s is not a folder", filepath.Dir(to))
	}
	there, err := os.Stat(to)
	for _, own := range []string{"", "-wal", "-shm", "-journal", ".lock"} {
		info, e := os.Stat(source + own)
		if to == source+own || err == nil && e == nil && os.SameFile(there, info) {
			return fmt.Errorf("%s belongs to the database itself: name another file", o.To)
		}
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case there.IsDir():
		return fmt.Errorf("%s is a folder: name a file in it", o.To)
	case !there.Mode().IsRegular():
		return fmt.Errorf("%s is not a file", o.To)
	case !o.Force:
		return fmt.Errorf("%s: %w", o.To, ErrExists)
	}
	return nil
}

const (
	// backupStep is how many pages are copied before somebody is told, and ctx
	// is looked at: some 4 MB.
	backupStep = 1024
	// partParams are for a file that nobody else has: when anything fails it is
	// removed, so it needs no journal, and it is synced once, as a whole.
	partParams = "mode=rw&_dqs=0&_pragma=journal_mode(OFF)&_pragma=synchronous(OFF)"
	// wholeParams are for a file that nobody writes: beside it nothing is made.
	wholeParams = "mode=ro&immutable=1&_dqs=0"
)

// copyTo copies what one reading transaction sees: what is written meanwhile
// waits in the journal.
func copyTo(ctx context.Context, source, to string, progress func(done, all int64)) (copied Copied, err error) {
	from := &DB{path: source}
	if copied.Version, err = from.inspect(ctx); err != nil {
		return copied, err
	}
	if copied.Version == 0 {
		return copied, fmt.Errorf("%s is empty: has the daemon run here yet?", source)
	}
	pool, err := sql.Open("sqlite", dsn(source, readerParams))
	if err != nil {
		return copied, err
	}
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return copied, err
	}
	defer conn.Close()
	// The first statement after BEGIN says which instant is seen.
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return copied, err
	}
	if copied.Rows, err = countRows(ctx, conn); err != nil {
		return copied, err
	}
	var pages, size int64
	if err := errors.Join(conn.QueryRowContext(ctx, "PRAGMA page_count").Scan(&pages), conn.QueryRowContext(ctx, "PRAGMA page_size").Scan(&size)); err != nil {
		return copied, err
	}
	copied.Bytes = pages * size
	if err := checkRoom(to, copied.Bytes); err != nil {
		return copied, err
	}
	err = conn.Raw(func(c any) error {
		source, ok := c.(interface {
			NewBackup(to string) (*sqlite.Backup, error)
		})
		if !ok {
			return errors.New("the SQLite driver cannot copy databases")
		}
		backup, err := source.NewBackup(dsn(to, partParams))
		if err != nil {
			return err
		}
		if err := step(ctx, backup, size, progress); err != nil {
			_ = backup.Finish() // it would say the same again
			return err
		}
		return backup.Finish()
	})
	if err != nil {
		return copied, err
	}
	_, err = conn.ExecContext(ctx, "ROLLBACK")
	return copied, err
}

// step copies page after page.
func step(ctx context.Context, backup *sqlite.Backup, size int64, progress func(done, all int64)) error {
	for more := true; more; {
		if err := ctx.Err(); err != nil {
			return err
		}
		var err error
		if more, err = backup.Step(backupStep); err != nil {
			return err
		}
		if progress != nil {
			all := backup.PageCount()
			progress(int64(all-backup.Remaining())*size, int64(all)*size)
		}
	}
	return nil
}

// countRows counts the rows of every table.
func countRows(ctx context.Context, conn *sql.Conn) (map[string]int64, error) {
	rows, err := conn.QueryContext(ctx, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	counts := map[string]int64{}
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		counts[name] = 0
	}
	if err := rows.Err(); err != nil {
		return nil, err
	}
	for name := range counts {
		var n int64
		if err := conn.QueryRowContext(ctx, `SELECT COUNT(*) FROM "`+strings.ReplaceAll(name, `"`, `""`)+`"`).Scan(&n); err != nil {
			return nil, err
		}
		counts[name] = n
	}
	return counts, nil
}

// checkRoom refuses to begin what would fill the disk: the database may be on it
// too.
func checkRoom(to string, bytes int64) error {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(to, &disk); err != nil {
		return nil // a file system that does not say; writing will tell
	}
	if free := int64(disk.Bavail) * disk.Bsize; free < bytes {
		return fmt.Errorf("%w: %d MB are needed, %d MB are free", syscall.ENOSPC, bytes>>20+1, free>>20)
	}
	return nil
}

// explainFull says of a disk that is full which one it is.
func explainFull(err error, to string) error {
	full := errors.Is(err, syscall.ENOSPC)
	if e := new(sqlite.Error); errors.As(err, &e) && e.Code()&0xff == lib.SQLITE_FULL {
		full = true
	}
	if full {
		return fmt.Errorf("there is no room in %s: %w", filepath.Dir(to), err)
	}
	return err
}

// readBack reads a whole copy, and compares it with what was to be copied.
func readBack(ctx context.Context, path string, copied *Copied) error {
	pool, err := sql.Open("sqlite", dsn(path, wholeParams))
	if err != nil {
		return err
	}
	defer pool.Close()
	conn, err := pool.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	var id, version int
	var verdict string
	err = errors.Join(
		conn.QueryRowContext(ctx, "PRAGMA application_id").Scan(&id),
		conn.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version),
		conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict))
	switch {
	case err != nil:
		return err
	case verdict != "ok":
		return errors.New(verdict)
	case id != applicationID || version != copied.Version:
		return fmt.Errorf("it is of version %d, and the database of version %d", version, copied.Version)
	}
	rows, err := countRows(ctx, conn)
	if err != nil {
		return err
	}
	for table, n := range copied.Rows {
		if rows[table] != n {
			return fmt.Errorf("it has %d rows in %s, and the database %d", rows[table], table, n)
		}
	}
	info, err := os.Stat(path)
	if err == nil {
		copied.Bytes = info.Size()
	}
	return err
}
