package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config says where the database is and to whom it reports.
type Config struct {
	// Path of the database file. Its folder must exist and be writable: beside
	// the file stand its journal, its lock and the copies made before
	// migrations.
	Path string
	// Log takes what an administrator should know; nil: nobody is told.
	Log *slog.Logger
	// Metrics takes the ringback_db_… metrics; nil: none are kept.
	Metrics prometheus.Registerer
	// Hook is for crash tests, and nil in a daemon. It is called on both sides
	// of every commit of Do and DoAll, before anybody is told. When it returns
	// an error the database dies there, as by kill -9: before the commit
	// nothing of the transaction is on the disk, after it everything is; who
	// waited gets ErrClosed, and so does everybody after. Close it, and Open
	// the file again to see what a restarted daemon would see.
	Hook func(Boundary) error
	// Now tells the time of day; nil: the machine's clock. It is where the time
	// enters that promises go by, so that a test can set it as an
	// administrator does.
	Now func() time.Time
}

// DB is an open database. Its methods may be called from any goroutine.
type DB struct {
	path      string
	log       *slog.Logger
	hook      func(Boundary) error
	now       func() time.Time
	metrics   *metrics
	lock      *os.File
	reader    *sql.DB
	queue     *queue
	listeners listeners
	written   chan struct{} // closed when the writer's goroutine is gone
	closing   sync.Once
	closeErr  error

	// lastGood is when a commit last succeeded (Millis); 0 after a failure.
	lastGood atomic.Int64

	// Only the writer's goroutine touches these.
	w         *writer
	commits   int
	begun     int64 // transactions, counted
	inTrouble bool
	unknown   bool // a commit failed, and listeners have not been told to look again
}

// Open opens the database, makes it when it is not there, and brings it to this
// program's version. It refuses, with a message that says what to do: a folder
// or file that cannot be used, a file that is not a Ringback database, one that
// another process has open, and one of a newer version. An older one is
// migrated after a copy of it was put beside it (PATH.bak-v…). ctx bounds the
// opening only.
func Open(ctx context.Context, c Config) (*DB, error) {
	return open(ctx, c, embedded())
}

func open(ctx context.Context, c Config, migrations fs.FS) (*DB, error) {
	steps, err := readMigrations(migrations)
	if err != nil {
		return nil, err
	}
	if c.Path == "" {
		return nil, errors.New("db: no path of the database was given")
	}
	path, err := filepath.Abs(c.Path)
	if err != nil {
		return nil, fmt.Errorf("db: path %s: %w", c.Path, err)
	}
	db := &DB{path: path, log: c.Log, hook: c.Hook, now: c.Now, queue: newQueue(), written: make(chan struct{})}
	if db.now == nil {
		db.now = time.Now
	}
	if db.log == nil {
		db.log = slog.New(slog.DiscardHandler)
	}
	if err := checkFolder(path); err != nil {
		return nil, err
	}
	if db.lock, err = lock(path); err != nil {
		return nil, err
	}
	if err := db.start(ctx, steps, c.Metrics); err != nil {
		db.release()
		return nil, err
	}
	go db.write()
	return db, nil
}

// start opens the connections; what it got is given back by release.
func (db *DB) start(ctx context.Context, steps []migration, reg prometheus.Registerer) error {
	if err := ownFile(db.path, db.log); err != nil {
		return err
	}
	err := db.migrate(ctx, steps)
	if err != nil {
		return err
	}
	if db.w, err = openWriter(ctx, db.path); err != nil {
		return fmt.Errorf("db: open %s: %w", db.path, err)
	}
	if db.reader, err = sql.Open("sqlite", dsn(db.path, readerParams)); err != nil {
		return fmt.Errorf("db: open %s for reading: %w", db.path, err)
	}
	db.reader.SetMaxOpenConns(readers)
	db.reader.SetMaxIdleConns(readers)
	if err := db.reader.PingContext(ctx); err != nil {
		return fmt.Errorf("db: open %s for reading: %w", db.path, err)
	}
	if db.metrics, err = newMetrics(reg); err != nil {
		return fmt.Errorf("db: metrics: %w", err)
	}
	return nil
}

// checkFolder says plainly what is wrong with where the database should be.
func checkFolder(path string) error {
	dir := filepath.Dir(path)
	switch info, err := os.Stat(dir); {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("db: the folder %s of the database does not exist: create it for the user that ringback runs as", dir)
	case err != nil:
		return fmt.Errorf("db: the folder of the database cannot be used: %w", err)
	case !info.IsDir():
		return fmt.Errorf("db: %s, where the database should be, is not a folder", dir)
	}
	return nil
}

// ownFile makes the database file, or checks it, so that only its owner reads
// it: it holds who called whom. SQLite gives its journal the same mode.
func ownFile(path string, log *slog.Logger) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("db: cannot read and write the database: %w (the user that ringback runs as must own it)", err)
	}
	defer f.Close()
	info, err := f.Stat()
	switch {
	case err != nil:
		return fmt.Errorf("db: %w", err)
	case !info.Mode().IsRegular():
		return fmt.Errorf("db: %s is not a file", path)
	case info.Mode().Perm()&0o077 == 0:
		return nil
	}
	if err := f.Chmod(0o600); err != nil {
		return fmt.Errorf("db: others may read the database, and that could not be changed: %w", err)
	}
	log.Warn("others could read the database; its mode was set to 0600", "database", path, "mode", info.Mode().Perm().String())
	return nil
}

// Reader gives connections that read and cannot write: of pages, reports and
// the API. They see what is committed. A result that is left open keeps the
// journal from being cut back, so read it and close it.
func (db *DB) Reader() *sql.DB { return db.reader }

// Now is the time of day as a transaction that began just now would have it:
// UTC, whole milliseconds. What waits for a time in the database compares with
// it. It jumps when the clock is set; how long something took is not told by it.
func (db *DB) Now() time.Time { return db.now().UTC().Truncate(time.Millisecond) }

// healthyFor is how long a commit proves that the database can be written.
const healthyFor = 10 * time.Second

// Health tells whether the database can be written: nil when a commit succeeded
// within the last 10 seconds and none failed since, and otherwise by writing
// now. It is what readiness asks.
func (db *DB) Health(ctx context.Context) error {
	if since := db.Now().Sub(Time(db.lastGood.Load())); since >= 0 && since < healthyFor && !db.queue.isClosed() {
		return nil
	}
	return db.Do(ctx, func(tx *Tx) error {
		// Writing the version that is there anyway needs no table of its own
		// and goes through the journal like everything else.
		var version int
		if err := tx.QueryRow("PRAGMA user_version").Scan(&version); err != nil {
			return fmt.Errorf("db: health: %w", err)
		}
		if _, err := tx.Exec(fmt.Sprintf("PRAGMA user_version = %d", version)); err != nil {
			return fmt.Errorf("db: health: %w", err)
		}
		return nil
	})
}

// Close carries out what is queued, lets nothing more in, and gives the file
// back. It may be called again.
func (db *DB) Close() error {
	db.closing.Do(func() {
		db.queue.close(ErrClosed, false)
		<-db.written
		db.closeErr = db.release()
	})
	return db.closeErr
}

// release gives back whatever is held. The writer goes last, because the last
// connection moves the journal into the file.
func (db *DB) release() error {
	var errs []error
	if db.reader != nil {
		errs = append(errs, db.reader.Close())
	}
	if db.w != nil {
		errs = append(errs, db.w.close())
		db.w = nil
	}
	if db.metrics != nil {
		db.metrics.unregister()
	}
	if db.lock != nil {
		errs = append(errs, db.lock.Close())
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("db: close %s: %w", db.path, err)
	}
	return nil
}
