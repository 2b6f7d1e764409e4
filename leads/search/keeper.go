package search

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"ringback/leads/db"
)

const (
	// batch is how many contacts are learned in one transaction: enough that each
	// is cheap, and so few that a fact which comes meanwhile waits for a moment only.
	batch = 50
	// pauseBetween is how long nothing is learned between two transactions, where
	// many contacts wait; pauseIdle is how often it is looked whether any do.
	pauseBetween = 20 * time.Millisecond
	pauseIdle    = time.Second
)

// Keeper keeps the index: it learns what was written of contacts.
type Keeper struct {
	db  *db.DB
	log *slog.Logger
}

// NewKeeper makes a Keeper; it works while Run runs. A nil log is told nothing.
func NewKeeper(d *db.DB, log *slog.Logger) *Keeper {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{d, log}
}

// Run learns until ctx ends. The error says that the database was closed under it.
func (k *Keeper) Run(ctx context.Context) error {
	for wait := pauseIdle; ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		n, err := k.step(ctx)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, db.ErrClosed):
			return fmt.Errorf("search: %w", err)
		case err != nil:
			k.log.Error("the search did not learn of new contacts", "err", err)
		}
		if wait = pauseIdle; n == batch {
			wait = pauseBetween
		}
	}
}

// Learn learns all that waits, and returns when nothing does.
func (k *Keeper) Learn(ctx context.Context) error {
	for {
		if n, err := k.step(ctx); n < batch || err != nil {
			return err
		}
	}
}

// step learns a batch, the newest contacts first, and tells how many those were.
// Where none wait, nothing is written.
func (k *Keeper) step(ctx context.Context) (n int, err error) {
	var any bool
	if err := k.db.Reader().QueryRowContext(ctx, "SELECT EXISTS (SELECT 1 FROM search_due)").Scan(&any); err != nil || !any {
		return 0, err
	}
	err = k.db.Do(ctx, func(tx *db.Tx) error {
		due, err := waiting(tx)
		if err != nil || len(due) == 0 {
			return err
		}
		n = len(due)
		return learn(tx, due)
	})
	return n, err
}

// card is what there is to know of a contact that waits; without numbers and a
// name it is gone.
type card struct {
	contact int64
	name    string
	numbers []string
}

const waitingQuery = `SELECT d.contact, COALESCE(c.name, ''), COALESCE(n.number, '')
	FROM (SELECT contact FROM search_due ORDER BY contact DESC LIMIT $1) d
	LEFT JOIN contacts c ON c.id = d.contact LEFT JOIN numbers n ON n.contact = c.id`

func waiting(tx *db.Tx) (list []card, err error) {
	rows, err := tx.Query(waitingQuery, batch)
	if err != nil {
		return nil, fmt.Errorf("search: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c card
		var number string
		if err := rows.Scan(&c.contact, &c.name, &number); err != nil {
			return nil, fmt.Errorf("search: %w", err)
		}
		if last := len(list) - 1; last < 0 || list[last].contact != c.contact {
			list = append(list, c)
		}
		if number != "" {
			c := &list[len(list)-1]
			c.numbers = append(c.numbers, number)
		}
	}
	return list, rows.Err()
}

// learn puts contacts into the index in place of what it knew of them.
func learn(tx *db.Tx, due []card) error {
	var gone, rows []string
	var all, args []any
	for _, c := range due {
		all = append(all, c.contact)
		gone = append(gone, fmt.Sprintf("$%d", len(all)))
		if text := Text(c.name, c.numbers); text != "" {
			args = append(args, c.contact, text)
			rows = append(rows, fmt.Sprintf("($%d, $%d)", len(args)-1, len(args)))
		}
	}
	these := "(" + strings.Join(gone, ", ") + ")"
	for _, statement := range []string{"DELETE FROM search WHERE rowid IN " + these, "DELETE FROM search_due WHERE contact IN " + these} {
		if _, err := tx.Exec(statement, all...); err != nil {
			return fmt.Errorf("search: %d contacts from %d on: %w", len(due), due[0].contact, err)
		}
	}
	if len(rows) == 0 {
		return nil
	}
	if _, err := tx.Exec("INSERT INTO search (rowid, text) VALUES "+strings.Join(rows, ", "), args...); err != nil {
		return fmt.Errorf("search: %d contacts from %d on: %w", len(due), due[0].contact, err)
	}
	return nil
}
