package dials

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Clicked is a call that somebody has asked for, on the page or by a program:
// their own phone rings first, and then the client's. Its row is written before
// anything is dialed.
type Clicked struct {
	ID  int64
	Who string // login of whose phone rings
	How string // by what they asked for it
	// Lead and Contact are what it is about; 0: none.
	Lead, Contact int64
	Number        string // E.164: who is called
	Shown         string // the number that they are shown; empty: what the PBX makes of it
	At            time.Time
	// Ended is when it was over for the job that does it: the two are connected,
	// or it did not come to that. Why is Connected then, or what was in the way.
	Ended time.Time
	Why   string

	// PickedUp says that a phone of Who was answered.
	PickedUp bool
	// Talk is the connection with the client; nil: none was dialed yet.
	Talk *Dial
}

// Connected is the Why of a Clicked whose client was dialed.
const Connected = "connected"

// GoesOn says that it is not over: it rings, or the two talk.
func (c *Clicked) GoesOn() bool { return c.Ended.IsZero() || c.Talk != nil && c.Talk.Ended.IsZero() }

// InsertClick writes the row of a Clicked, at the time of the transaction, and
// gives it its ID.
func InsertClick(tx *db.Tx, c *Clicked) error {
	c.At = tx.Now()
	var err error
	c.ID, err = tx.Insert(`INSERT INTO clicks (who, how, lead, contact, number, shown, clicked) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		c.Who, c.How, c.Lead, c.Contact, c.Number, c.Shown, db.Millis(c.At))
	if err != nil {
		return fmt.Errorf("dials: click of %s: %w", c.Who, err)
	}
	return nil
}

// BeginClick notes which job does it.
func BeginClick(tx *db.Tx, id, job int64) error {
	if _, err := tx.Exec("UPDATE clicks SET job = $1 WHERE id = $2", job, id); err != nil {
		return fmt.Errorf("dials: click %d: %w", id, err)
	}
	return nil
}

// EndClick notes why it is over; the first end counts.
func EndClick(tx *db.Tx, id int64, why string) error {
	if _, err := tx.Exec("UPDATE clicks SET ended = $1, why = $2 WHERE id = $3 AND ended = 0", db.Millis(tx.Now()), why, id); err != nil {
		return fmt.Errorf("dials: click %d: %w", id, err)
	}
	return nil
}

const (
	clickColumns = `SELECT c.id, c.who, c.how, c.lead, c.contact, c.number, c.shown, c.clicked, c.ended, c.why,
		(SELECT COUNT(*) FROM dials p WHERE p.job = c.job AND p.job > 0 AND p.kind = 'click' AND p.answered > 0),
		COALESCE(k.channel, ''), COALESCE(k.answered, 0), COALESCE(k.ended, 0), COALESCE(k.outcome, '')
		FROM clicks c LEFT JOIN dials k ON k.id = (SELECT MAX(m.id) FROM dials m WHERE m.job = c.job AND m.job > 0 AND m.kind = 'connect')`
	clickQuery  = clickColumns + " WHERE c.id = $1"
	newestQuery = clickColumns + " WHERE c.id = (SELECT MAX(n.id) FROM clicks n WHERE n.who = $1)"
)

// FindClick reads one; nil: there is none with this id.
func FindClick(tx *db.Tx, id int64) (*Clicked, error) { return scanClick(tx.QueryRow(clickQuery, id)) }

// NewestClick reads the last one of somebody; nil: they never asked for any.
func NewestClick(tx *db.Tx, who string) (*Clicked, error) {
	return scanClick(tx.QueryRow(newestQuery, who))
}

// LookClick is FindClick for readers.
func LookClick(ctx context.Context, reader *sql.DB, id int64) (*Clicked, error) {
	return scanClick(reader.QueryRowContext(ctx, clickQuery, id))
}

// LookNewestClick is NewestClick for readers.
func LookNewestClick(ctx context.Context, reader *sql.DB, who string) (*Clicked, error) {
	return scanClick(reader.QueryRowContext(ctx, newestQuery, who))
}

func scanClick(row interface{ Scan(...any) error }) (*Clicked, error) {
	var c Clicked
	var talk Dial
	var at, ended, talkAnswered, talkEnded int64
	var picked int
	err := row.Scan(&c.ID, &c.Who, &c.How, &c.Lead, &c.Contact, &c.Number, &c.Shown, &at, &ended, &c.Why,
		&picked, &talk.Channel, &talkAnswered, &talkEnded, &talk.Outcome)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("dials: click: %w", err)
	}
	c.At, c.Ended, c.PickedUp = db.Time(at), db.Time(ended), picked > 0
	if talk.Channel != "" {
		talk.Kind, talk.Answered, talk.Ended = Connect, db.Time(talkAnswered), db.Time(talkEnded)
		c.Talk = &talk
	}
	return &c, nil
}
