package db

import (
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"
)

// Tx is one function's part of a transaction. It is good only inside that
// function, and only on the goroutine the function was called on.
//
// An error of its methods has ErrUnavailable in it when the database itself
// failed; the whole transaction then comes to nothing, whatever fn returns.
//
// Placeholders are $1, $2 …; times are given as Millis. Every statement is
// prepared once and kept, so SQL is constant text: what varies goes through
// placeholders.
type Tx struct {
	w      *writer
	log    *slog.Logger
	others *listeners
	now    time.Time
	number int64
	after  []func()
	last   []func(*Tx) error
	open   []*Rows
	done   bool
}

var (
	errDone = errors.New("db: a transaction was used after its function returned")
	errLost = errors.New("the transaction is lost")
	// errAgain ends a function early whose transaction is to be run again.
	errAgain = errors.New("the transaction is run again")
)

// Now is the instant of this transaction: it does not move while the
// transaction runs, is in UTC and has whole milliseconds, so that a time read
// back from the database compares equal to it.
func (tx *Tx) Now() time.Time { return tx.now }

// Exec runs a statement that returns no rows.
func (tx *Tx) Exec(query string, args ...any) (sql.Result, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	res, err := tx.w.exec(query, args...)
	return res, tx.w.mark(err)
}

// Insert runs an INSERT of one row into a table whose key is an integer id, and
// gives the id of the new row: 0 when a conflict clause has left it out. It is
// much cheaper than RETURNING.
func (tx *Tx) Insert(query string, args ...any) (id int64, err error) {
	res, err := tx.Exec(query, args...)
	if err != nil {
		return 0, err
	}
	n, err := res.RowsAffected()
	if err != nil || n == 0 {
		return 0, err
	}
	return res.LastInsertId()
}

// Query runs a statement that returns rows. Rows that the caller leaves open
// are closed when the function returns.
func (tx *Tx) Query(query string, args ...any) (*Rows, error) {
	if err := tx.usable(); err != nil {
		return nil, err
	}
	s, err := tx.w.prepared(query)
	if err != nil {
		return nil, tx.w.mark(err)
	}
	r := &Rows{w: tx.w, stmt: s}
	if s == nil {
		r.rows, err = tx.w.conn.QueryContext(bg, query, args...)
	} else {
		r.rows, err = s.QueryContext(bg, args...)
	}
	if err != nil {
		return nil, tx.w.mark(err)
	}
	if s != nil {
		s.busy = true
	}
	tx.open = append(tx.open, r)
	return r, nil
}

// QueryRow runs a statement of which at most one row is wanted. Its error, or
// sql.ErrNoRows, comes from Scan.
func (tx *Tx) QueryRow(query string, args ...any) *Row {
	rows, err := tx.Query(query, args...)
	return &Row{rows: rows, err: err}
}

// AfterCommit has fn called when, and only when, this function's part of the
// transaction has been committed: on the writer's goroutine, in the order of
// the calls, before Do returns. It must be quick, must not block and must not
// call Do: every other transaction waits for it.
func (tx *Tx) AfterCommit(fn func()) { tx.after = append(tx.after, fn) }

// Notify tells note to those who Listen to the topic, after the commit.
func (tx *Tx) Notify(topic string, note any) {
	others := tx.others
	tx.AfterCommit(func() { others.tell(topic, note) })
}

// Provided gives what DB.Provide has put under the name; nil: nothing.
func (tx *Tx) Provided(name string) any { return tx.others.find(name) }

// Number tells transactions apart: those who share a commit have the same, and
// every other has another, also one that is carried out a second time.
func (tx *Tx) Number() int64 { return tx.number }

// Last has fn called when this function has returned without an error, as its
// last part: what fn returns counts as what the function has returned. Those
// that are named meanwhile come after it.
func (tx *Tx) Last(fn func(tx *Tx) error) { tx.last = append(tx.last, fn) }

// Sub runs fn as a part that can fail alone: when it returns an error or
// panics, what it wrote and its AfterCommit functions are dropped, and the rest
// of the transaction stands. It returns fn's error; a panic comes back as one.
func (tx *Tx) Sub(fn func(tx *Tx) error) error {
	if err := tx.usable(); err != nil {
		return err
	}
	if tx.w.apart {
		if _, err := tx.w.exec("SAVEPOINT part"); err != nil {
			return fmt.Errorf("db: savepoint: %w", err)
		}
	}
	after, open, last := len(tx.after), len(tx.open), len(tx.last)
	err := tx.call(fn)
	for _, r := range tx.open[open:] {
		r.Close()
	}
	tx.open = tx.open[:open]
	switch {
	case !tx.w.apart && err != nil:
		tx.w.again = true
		return err
	case !tx.w.apart:
		return nil
	case err != nil:
		tx.after, tx.last = tx.after[:after], tx.last[:last]
		if _, e := tx.w.exec("ROLLBACK TO part"); e != nil {
			return errors.Join(err, tx.broken(e))
		}
	}
	if _, e := tx.w.exec("RELEASE part"); e != nil {
		tx.after = tx.after[:after]
		return errors.Join(err, tx.broken(e))
	}
	return err
}

// broken notes that a savepoint could not be ended: the transaction as a whole
// cannot be trusted any more.
func (tx *Tx) broken(err error) error {
	tx.w.lost = true
	return fmt.Errorf("db: savepoint: %w", err)
}

// call runs fn and turns its panic into an error; the stack goes to the log.
func (tx *Tx) call(fn func(*Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			if tx.w.apart { // otherwise it is run again, and will do so again
				tx.log.Error("a transaction panicked and was rolled back", "panic", p, "stack", string(debug.Stack()))
			}
			err = &panicked{value: p}
		}
	}()
	return fn(tx)
}

// panicked is the error of a function that panicked.
type panicked struct{ value any }

func (p *panicked) Error() string { return fmt.Sprintf("db: panic in a transaction: %v", p.value) }

func (tx *Tx) usable() error {
	switch {
	case tx.done:
		return errDone
	case tx.w.lost:
		return unavailable(errLost)
	case tx.w.again:
		return unavailable(errAgain)
	}
	return nil
}

// Rows is a result that is read row by row, as sql.Rows is.
type Rows struct {
	w    *writer
	rows *sql.Rows
	stmt *statement
}

// Next steps to the next row; false at the end or on an error, see Err.
func (r *Rows) Next() bool {
	if r.rows.Next() {
		return true
	}
	r.Close()
	return false
}

// Scan copies the row's columns.
func (r *Rows) Scan(dest ...any) error { return r.rows.Scan(dest...) }

// Err is the error that ended Next, if one did.
func (r *Rows) Err() error { return r.w.mark(r.rows.Err()) }

// Close ends the reading; it may be called again.
func (r *Rows) Close() error {
	err := r.rows.Close()
	if r.stmt != nil {
		r.stmt.busy = false
		r.stmt = nil
	}
	return err
}

// Row is the answer of QueryRow.
type Row struct {
	rows *Rows
	err  error
}

// Scan copies the row's columns; sql.ErrNoRows when there is no row.
func (r *Row) Scan(dest ...any) error {
	if r.err != nil {
		return r.err
	}
	defer r.rows.Close()
	if !r.rows.Next() {
		if err := r.rows.Err(); err != nil {
			return err // marked by Rows.Err
		}
		return sql.ErrNoRows
	}
	if err := r.rows.Scan(dest...); err != nil {
		return err
	}
	return r.rows.Close()
}
