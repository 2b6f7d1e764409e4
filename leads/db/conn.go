package db

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"

	"modernc.org/sqlite"
	lib "modernc.org/sqlite/lib"
)

// dsn names the file for the driver. The path is escaped, because a question
// mark in a folder's name would otherwise begin the parameters.
func dsn(path string, params string) string {
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: params}).String()
}

// The writer waits up to 5 s for a lock that a foreign tool (the sqlite3
// shell, a backup) holds; among ourselves nobody competes with it. FULL keeps
// every commit across a power cut. The journal is cut back after a checkpoint
// so that one long reader does not leave a large file behind for ever. What a
// savepoint may have to undo is kept in memory: in a file it would cost a fifth
// of the processor time of a full group, and a crash undoes it anyway.
const (
	writerParams = "_txlock=immediate&_dqs=0&_time_integer_format=unix_milli" +
		"&_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)" +
		"&_pragma=foreign_keys(1)&_pragma=cache_size(-2048)&_pragma=journal_size_limit(16777216)" +
		"&_pragma=temp_store(2)"
	readerParams = "mode=ro&_dqs=0&_time_integer_format=unix_milli" +
		"&_pragma=busy_timeout(5000)&_pragma=foreign_keys(1)&_pragma=cache_size(-512)"
	// probeParams look at a file without changing anything in it.
	probeParams = "mode=rw&_dqs=0&_pragma=busy_timeout(5000)"
)

// readers is how many connections Reader has. Each costs its cache (512 kB at
// most), and a page or two at a time is what a daemon of one company serves.
const readers = 4

// maxStatements bounds the prepared statements of the writer. The daemon has
// far fewer; a caller that builds SQL from data would otherwise fill memory.
const maxStatements = 256

// writer is the one connection that writes. When a transaction fails in a way
// that leaves its state in doubt, the whole writer is thrown away and a new one
// opened, which makes SQLite look at its journal afresh.
type writer struct {
	pool *sql.DB
	conn *sql.Conn
	stmt map[string]*statement
	ran  int // statements of this transaction

	// apart has the parts of this transaction stand behind savepoints, so that
	// each can fail alone. Hardly any ever fails, so it is off at first; again is
	// set when one has failed without, and what it wrote cannot be told from the rest.
	apart, again bool
	// lost is set when the transaction cannot be committed any more: Tx refuses
	// further statements.
	lost bool
	// committing is set while our own COMMIT runs. Any other commit is turned
	// into a rollback: a COMMIT in a caller's SQL, and each statement that
	// follows when SQLite has ended the transaction by itself (an I/O error, a
	// conflict clause), which would otherwise be committed alone.
	committing bool
}

// statement is a prepared statement and whether somebody is reading its rows.
// The driver steps one cursor per statement, so a busy one is not used again.
type statement struct {
	*sql.Stmt
	busy bool
}

func openWriter(ctx context.Context, path string) (*writer, error) {
	pool, err := sql.Open("sqlite", dsn(path, writerParams))
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(1)
	conn, err := pool.Conn(ctx)
	if err != nil {
		pool.Close()
		return nil, err
	}
	w := &writer{pool: pool, conn: conn, stmt: make(map[string]*statement)}
	err = conn.Raw(func(c any) error {
		hooks, ok := c.(sqlite.HookRegisterer)
		if !ok {
			return errors.New("the SQLite driver has no commit hook")
		}
		hooks.RegisterCommitHook(w.mayCommit)
		return nil
	})
	if err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// mayCommit answers SQLite's question before every commit: 0 goes on, anything
// else rolls back.
func (w *writer) mayCommit() int32 {
	if w.committing {
		return 0
	}
	return 1
}

func (w *writer) close() error {
	for _, s := range w.stmt {
		s.Close()
	}
	return errors.Join(w.conn.Close(), w.pool.Close())
}

// prepared gives the statement of a query, from the second time on without
// parsing it; nil when it cannot be shared now, and the query runs by itself.
func (w *writer) prepared(query string) (*statement, error) {
	w.ran++
	s, ok := w.stmt[query]
	switch {
	case ok && s.busy:
		return nil, nil
	case ok:
		return s, nil
	case len(w.stmt) >= maxStatements:
		return nil, nil
	}
	stmt, err := w.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	s = &statement{Stmt: stmt}
	w.stmt[query] = s
	return s, nil
}

// exec runs a statement without arguments, as transactions need them.
func (w *writer) exec(query string, args ...any) (sql.Result, error) {
	s, err := w.prepared(query)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		return w.conn.ExecContext(context.Background(), query, args...)
	}
	return s.ExecContext(context.Background(), args...)
}

// begin opens the transaction with the write lock already taken: one that read
// first and asked for it later could fail at once with BUSY_SNAPSHOT.
func (w *writer) begin(apart bool) error {
	w.lost, w.apart, w.again, w.ran = false, apart, false, 0
	_, err := w.exec("BEGIN IMMEDIATE")
	return err
}

func (w *writer) rollback() error {
	_, err := w.exec("ROLLBACK")
	return err
}

func (w *writer) commit() error {
	w.committing = true
	defer func() { w.committing = false }()
	_, err := w.exec("COMMIT")
	return err
}

// failing tells whether err comes from the database itself (its disk, its
// lock, its memory) and not from what it was asked: the same request may well
// succeed later.
func failing(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() & 0xff {
	case lib.SQLITE_BUSY, lib.SQLITE_LOCKED, lib.SQLITE_NOMEM, lib.SQLITE_READONLY, lib.SQLITE_INTERRUPT,
		lib.SQLITE_IOERR, lib.SQLITE_CORRUPT, lib.SQLITE_FULL, lib.SQLITE_CANTOPEN, lib.SQLITE_PROTOCOL, lib.SQLITE_NOTADB:
		return true
	}
	return false
}

// mark puts ErrUnavailable into the errors of a failing database, and gives the
// transaction up: SQLite may have undone a part of it already.
func (w *writer) mark(err error) error {
	if !failing(err) {
		return err
	}
	w.lost = true
	return unavailable(err)
}

// unavailable says that the database failed, keeping why.
func unavailable(err error) error {
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}
