package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"time"
)

// Peek has fn read the database at path as it is at one instant, also while a
// daemon has it open, and changes nothing: fn's writes fail, and nobody hears of
// what it notifies. Every statement of a transaction may so be asked from
// outside. It refuses a file that is not there or of another version.
func Peek(ctx context.Context, path string, fn func(tx *Tx) error) (err error) {
	steps, err := readMigrations(embedded())
	if err != nil {
		return err
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("db: there is no database at %s: has the daemon run here yet?", path)
	}
	db := &DB{path: path, log: slog.New(slog.DiscardHandler)}
	switch version, err := db.inspect(ctx); {
	case err != nil:
		return err
	case version != len(steps):
		return fmt.Errorf("db: %s is of version %d, and this ringback reads version %d: use the ringback that the daemon runs", path, version, len(steps))
	}
	pool, err := sql.Open("sqlite", dsn(path, readerParams))
	if err != nil {
		return fmt.Errorf("db: open %s for reading: %w", path, err)
	}
	conn, err := pool.Conn(ctx)
	if err != nil {
		return errors.Join(fmt.Errorf("db: open %s for reading: %w", path, err), pool.Close())
	}
	w := &writer{pool: pool, conn: conn, stmt: make(map[string]*statement), apart: true}
	defer func() { err = errors.Join(err, w.close()) }()
	// What it reads first is what it sees to the end.
	if _, err := w.exec("BEGIN"); err != nil {
		return fmt.Errorf("db: read %s: %w", path, err)
	}
	tx := &Tx{w: w, log: db.log, others: new(listeners), now: Time(Millis(time.Now()))}
	err = tx.call(fn)
	for _, r := range tx.open {
		r.Close()
	}
	tx.done = true
	_, rollback := w.exec("ROLLBACK")
	return errors.Join(err, rollback)
}
