package dials

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/number"
)

// Stand is what somebody said about being called by a machine.
type Stand string

const (
	Silent  Stand = ""        // they have not said anything
	Agreed  Stand = "agreed"  // they may be called
	Refused Stand = "refused" // they may not
)

// Word is one entry of the ledger: what somebody said, when, and how that came
// to be known. Entries are added and never changed.
type Word struct {
	Number string    `json:"number"` // E.164
	Kind   Stand     `json:"kind"`
	At     time.Time `json:"at"`
	Who    string    `json:"who"` // who entered it: a login, a system, "caller"
	How    string    `json:"how"` // by which way: "key", "form", "contract 12/2025"
	Note   string    `json:"note"`
}

// Consent is the newest word about a number; of a number that is not in the
// ledger it is Silent. Of two words of one instant the refusal counts.
func Consent(tx *db.Tx, number string) (Word, error) {
	w, err := newest(tx, number)
	if err != nil {
		return w, fmt.Errorf("dials: consent: %w", err)
	}
	return w, nil
}

func newest(tx *db.Tx, number string) (Word, error) {
	w := Word{Number: number}
	var at int64
	err := tx.QueryRow("SELECT kind, at, who, how, note FROM consents WHERE number = $1 ORDER BY at DESC, kind DESC LIMIT 1", number).
		Scan(&w.Kind, &at, &w.Who, &w.How, &w.Note)
	if errors.Is(err, sql.ErrNoRows) {
		return w, nil
	}
	w.At = db.Time(at)
	return w, err
}

// Refuse enters that the number must not be called from now on.
func Refuse(tx *db.Tx, number, who, how, note string) error {
	return Record(tx, Word{number, Refused, tx.Now(), who, how, note})
}

// Record enters words: all of them, or none when one is wrong. The same word
// about a number at the same instant is entered once. What another clock says of
// the minutes to come is of now: an agreement must not go before a refusal that
// is spoken in those minutes.
func Record(tx *db.Tx, words ...Word) error {
	for _, w := range words {
		if err := w.check(tx.Now()); err != nil {
			return fmt.Errorf("dials: ledger: %w", err)
		}
		if w.At.After(tx.Now()) {
			w.At = tx.Now()
		}
		_, err := tx.Exec(`INSERT INTO consents (number, kind, at, who, how, note) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (number, at, kind) DO NOTHING`, w.Number, string(w.Kind), db.Millis(w.At), clip(w.Who), clip(w.How), clip(w.Note))
		if err != nil {
			return fmt.Errorf("dials: ledger: %w", err)
		}
	}
	return nil
}

// plain reads E.164 and nothing else.
var plain number.Plan

// early is before any word that a company can prove.
var early = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)

// ahead is how far in the future a word may lie: clocks differ. One of years to
// come would silence every later one.
const ahead = 5 * time.Minute

// check says what is wrong with a word.
func (w *Word) check(now time.Time) error {
	n := plain.Read(w.Number)
	switch {
	case n.Kind != number.E164 || n.Value != w.Number:
		return fmt.Errorf("%q is not a telephone number", clip(w.Number))
	case w.Kind != Agreed && w.Kind != Refused:
		return fmt.Errorf("%q is neither agreed nor refused", clip(string(w.Kind)))
	}
	return w.CheckTime(now)
}

// CheckTime says what is wrong with when a word was spoken.
func (w *Word) CheckTime(now time.Time) error {
	switch {
	case w.At.Before(early):
		return fmt.Errorf("%s is too long ago", w.At.Format(time.DateOnly))
	case w.At.After(now.Add(ahead)):
		return fmt.Errorf("%s has not come yet", w.At.Format(time.RFC3339))
	}
	return nil
}
