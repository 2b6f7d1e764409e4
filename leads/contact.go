package leads

import (
	"database/sql"
	"errors"
	"fmt"

	"ringback/leads/db"
	"ringback/leads/number"
)

// findContact finds who has the number; none is no error.
func findContact(tx *db.Tx, n number.Number) (sql.NullInt64, error) {
	var id sql.NullInt64
	if !callable(n) {
		return id, nil
	}
	err := tx.QueryRow("SELECT contact FROM numbers WHERE number = $1", n.Value).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return id, fmt.Errorf("leads: contact %s: %w", number.Mask(n.Value), err)
	}
	return id, nil
}

// findOrMakeContact makes a contact of a number that nobody has: its name is
// the number until somebody fills in the card. A withheld number is nobody's.
func findOrMakeContact(tx *db.Tx, n number.Number) (sql.NullInt64, error) {
	id, err := findContact(tx, n)
	if err != nil || id.Valid || !callable(n) {
		return id, err
	}
	id.Valid = true
	if id.Int64, err = tx.Insert("INSERT INTO contacts (name, created) VALUES ($1, $2)", n.Value, db.Millis(tx.Now())); err != nil {
		return id, fmt.Errorf("leads: contact %s: %w", number.Mask(n.Value), err)
	}
	if _, err := tx.Exec("INSERT INTO numbers (number, contact) VALUES ($1, $2)", n.Value, id.Int64); err != nil {
		return id, fmt.Errorf("leads: contact %s: %w", number.Mask(n.Value), err)
	}
	return id, nil
}

// responsible is the login of the manager a contact is used to; empty: nobody.
func responsible(tx *db.Tx, contact int64) (string, error) {
	var login string
	if err := tx.QueryRow("SELECT manager FROM contacts WHERE id = $1", contact).Scan(&login); err != nil {
		return "", fmt.Errorf("leads: contact %d: %w", contact, err)
	}
	return login, nil
}

// keepResponsible makes whoever talked last, or was assigned, the contact's own.
func keepResponsible(tx *db.Tx, contact int64, login string) error {
	if login == "" {
		return nil
	}
	if _, err := tx.Exec("UPDATE contacts SET manager = $1 WHERE id = $2 AND manager <> $1", login, contact); err != nil {
		return fmt.Errorf("leads: contact %d: %w", contact, err)
	}
	return nil
}
