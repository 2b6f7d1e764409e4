package feed

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// place is how far a hook has come in the timeline, and how its receiver does.
type place struct {
	// told is the last entry that need not be looked at again.
	told int64
	// again is the same of a replay, which goes on up to until; asked tells replays
	// apart.
	again, until, asked int64
	// delivered is when the receiver last took something, troubled when it last
	// did not, and trouble why; 0: it has taken something since.
	delivered, troubled int64
	trouble             string
}

// findPlace reads the place of a hook. A new one begins at the end of the
// timeline.
func findPlace(tx *db.Tx, hook string) (p place, err error) {
	err = tx.QueryRow("SELECT told, again, again_until, asked, delivered, troubled, trouble FROM hooks WHERE name = $1", hook).
		Scan(&p.told, &p.again, &p.until, &p.asked, &p.delivered, &p.troubled, &p.trouble)
	if !errors.Is(err, sql.ErrNoRows) {
		return p, wrap(hook, err)
	}
	if err = tx.QueryRow("SELECT COALESCE(MAX(id), 0) FROM timeline").Scan(&p.told); err != nil {
		return p, wrap(hook, err)
	}
	_, err = tx.Exec("INSERT INTO hooks (name, told) VALUES ($1, $2)", hook, p.told)
	return p, wrap(hook, err)
}

// keep writes the place. A replay that was asked for meanwhile stands.
func (p place) keep(tx *db.Tx, hook string) error {
	_, err := tx.Exec("UPDATE hooks SET told = $1, delivered = $2, troubled = $3, trouble = $4 WHERE name = $5",
		p.told, p.delivered, p.troubled, p.trouble, hook)
	if err != nil {
		return wrap(hook, err)
	}
	_, err = tx.Exec("UPDATE hooks SET again = $1 WHERE name = $2 AND asked = $3", p.again, hook, p.asked)
	return wrap(hook, err)
}

// delivery is an event on its way to a hook.
type delivery struct {
	entry    int64
	subject  string
	replayed bool
	// alone says that it has a row of its own: the place has moved on, or may.
	alone    bool
	since    time.Time
	due      time.Time
	attempts int
	// tried is when it was last not taken, away that this was for a reason of the
	// receiver's and not of what was posted.
	tried time.Time
	away  bool
}

// waiting reads what waits by itself, in its order.
func waiting(tx *db.Tx, hook string) ([]*delivery, error) {
	rows, err := tx.Query("SELECT entry, subject, replayed, since, due, attempts FROM hook_waits WHERE hook = $1 AND given_up = 0 ORDER BY entry", hook)
	if err != nil {
		return nil, wrap(hook, err)
	}
	defer rows.Close()
	var list []*delivery
	for rows.Next() {
		d := &delivery{alone: true}
		var since, due int64
		if err := rows.Scan(&d.entry, &d.subject, &d.replayed, &since, &due, &d.attempts); err != nil {
			return nil, wrap(hook, err)
		}
		d.since, d.due = db.Time(since), db.Time(due)
		list = append(list, d)
	}
	return list, wrap(hook, rows.Err())
}

// wait gives a delivery a row of its own, or changes it.
func (d *delivery) wait(tx *db.Tx, hook string) error {
	_, err := tx.Exec(`INSERT INTO hook_waits (hook, entry, subject, replayed, since, due, attempts) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (hook, entry) DO UPDATE SET since = excluded.since, due = excluded.due, attempts = excluded.attempts, given_up = 0`,
		hook, d.entry, d.subject, d.replayed, db.Millis(d.since), db.Millis(d.due), d.attempts)
	return wrap(hook, err)
}

// done takes the row away.
func (d *delivery) done(tx *db.Tx, hook string) error {
	_, err := tx.Exec("DELETE FROM hook_waits WHERE hook = $1 AND entry = $2 AND given_up = 0", hook, d.entry)
	return wrap(hook, err)
}

// giveUp marks the row: it is tried no more until somebody asks for it. What was
// given up long ago is forgotten.
func (d *delivery) giveUp(tx *db.Tx, hook, why string) error {
	if err := d.wait(tx, hook); err != nil {
		return err
	}
	if _, err := tx.Exec("UPDATE hook_waits SET given_up = $1, why = $2 WHERE hook = $3 AND entry = $4",
		db.Millis(tx.Now()), why, hook, d.entry); err != nil {
		return wrap(hook, err)
	}
	_, err := tx.Exec("DELETE FROM hook_waits WHERE hook = $1 AND given_up > 0 AND given_up < $2", hook, db.Millis(tx.Now().Add(-keepGivenUp)))
	return wrap(hook, err)
}

// keepGivenUp is how long what was given up can be asked for by that.
const keepGivenUp = 30 * 24 * time.Hour

func wrap(hook string, err error) error {
	if err != nil {
		return fmt.Errorf("feed: hook %s: %w", hook, err)
	}
	return nil
}
