package leads

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"

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

// OwnAsking is the condition of a statement that a lead, by what the statement
// calls leads, stands for no call, and that nobody but login, which is a column or
// a placeholder, has asked for it: to type a number gives nobody the contact who has
// it, unless it was made for that lead.
func OwnAsking(lead, login string) string {
	return strings.NewReplacer("{lead}", lead, "{login}", login).Replace(`{lead}.missed = 0
		AND {lead}.opened <> (SELECT m.created FROM contacts m WHERE m.id = {lead}.contact)
		AND NOT EXISTS (SELECT 1 FROM timeline o WHERE o.lead = {lead}.id AND o.kind = '` + EntryAsked + `' AND o.who <> {login})`)
}

// keepAssigned makes whoever has got a lead its contact's own, unless they alone
// have asked for it: what they talk then makes them.
func keepAssigned(tx *db.Tx, l *Lead, login string) error {
	switch {
	case !l.Contact.Valid:
		return nil
	case l.Missed > 0: // they rang, as nearly always: it need not be asked who wanted it
		return keepResponsible(tx, l.Contact.Int64, login)
	}
	var own int
	if err := tx.QueryRow("SELECT COUNT(*) FROM leads WHERE id = $1 AND "+OwnAsking("leads", "$2"), l.ID, login).Scan(&own); err != nil {
		return fmt.Errorf("leads: lead %d: who has asked for it: %w", l.ID, err)
	}
	if own > 0 {
		return nil
	}
	return keepResponsible(tx, l.Contact.Int64, login)
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
