package contacts

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
)

// Config says what a Cabinet works with.
type Config struct {
	Office *leads.Office
	Book   *leads.Book
	// Plan reads the numbers that are posted.
	Plan *number.Plan
}

// Cabinet keeps the cards of contacts.
type Cabinet struct{ cfg Config }

// New makes a Cabinet.
func New(c Config) *Cabinet { return &Cabinet{c} }

// Did is what became of a card.
type Did string

const (
	Made    Did = "made"    // the contact is new
	Changed Did = "changed" // it is another now
	Same    Did = "same"    // it stood so already
)

// OwnedError is the error of a number, or an id of another program, that belongs
// to another contact.
type OwnedError struct {
	Field   string // number, or external_id
	Contact int64  // whose it is
	Of      int64  // the contact that the rest of the card is about; 0: not known
}

func (e *OwnedError) Error() string {
	return fmt.Sprintf("the %s belongs to contact %d: merge the two, or leave it out", e.Field, e.Contact)
}

// Put takes a card: of the contact that has its external id, or else one of its
// numbers, or of a new one. Numbers are added, and none is taken away. Its error
// is posted.Problems, or has a *OwnedError in it: the card names two contacts, or
// one that goes by another external id.
func (c *Cabinet) Put(tx *db.Tx, w Wanted, by leads.Author) (id int64, did Did, err error) {
	id, did, _, err = c.put(tx, w, by)
	return id, did, err
}

// put is Put; parts are what is different where the card was changed.
func (c *Cabinet) put(tx *db.Tx, w Wanted, by leads.Author) (id int64, did Did, parts []Part, err error) {
	in, err := c.check(w)
	if err != nil {
		return 0, "", nil, err
	}
	if in.ExternalID == nil && len(in.numbers) == 0 {
		return 0, "", nil, posted.Problems{{Field: "numbers", Text: "are missing: say by a number or an external_id which contact is meant"}}
	}
	id, err = in.find(tx)
	switch {
	case err != nil:
		return 0, "", nil, err
	case id == 0:
		id, err = in.insert(tx)
		return id, Made, nil, err
	}
	parts, err = in.update(tx, id, by, nil)
	return id, didOf(parts), parts, err
}

// didOf is what became of a card of which these parts are different.
func didOf(parts []Part) Did {
	if len(parts) == 0 {
		return Same
	}
	return Changed
}

// Change changes the card of a contact. Numbers, where they are named, become all
// that it has. Its error is as of Put, or has leads.ErrNoContact or a
// *leads.MovedError in it.
func (c *Cabinet) Change(tx *db.Tx, id int64, w Wanted, by leads.Author) (Did, error) {
	in, err := c.check(w)
	if err != nil {
		return "", err
	}
	named := w.Number != nil || w.Numbers != nil
	if named && len(in.numbers) == 0 {
		return "", posted.Problems{{Field: "numbers", Text: "are none: a contact keeps at least one"}}
	}
	if err := leads.CheckContact(tx, id); err != nil {
		return "", err
	}
	var dropped []string
	if named {
		if dropped, err = in.drop(tx, id); err != nil {
			return "", err
		}
	}
	parts, err := in.update(tx, id, by, dropped)
	return didOf(parts), err
}

// find tells whose card it is; 0: nobody's yet.
func (in *checked) find(tx *db.Tx) (int64, error) {
	if in.ExternalID != nil {
		id, err := byExternal(tx, *in.ExternalID)
		if err != nil || id != 0 {
			return id, err
		}
	}
	owner := int64(0)
	for _, n := range in.numbers {
		id, err := byNumber(tx, n)
		switch {
		case err != nil:
			return 0, err
		case id != 0 && owner != 0 && id != owner:
			return 0, &OwnedError{"number", id, owner}
		case id != 0:
			owner = id
		}
	}
	return owner, nil
}

func byNumber(tx *db.Tx, n string) (int64, error) {
	return lookUp(tx, "SELECT contact FROM numbers WHERE number = $1", n)
}

// byExternal finds whom another program calls so; a contact that was merged leads
// to the one that it has become.
func byExternal(tx *db.Tx, external string) (int64, error) {
	return lookUp(tx, "SELECT COALESCE(merged_into, id) FROM contacts WHERE external_id = $1", external)
}

func lookUp(tx *db.Tx, query, what string) (id int64, err error) {
	err = tx.QueryRow(query, what).Scan(&id)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("contacts: %w", err)
	}
	return id, nil
}

// insert makes a contact of a card. It needs a number.
func (in *checked) insert(tx *db.Tx) (int64, error) {
	if len(in.numbers) == 0 {
		return 0, posted.Problems{{Field: "numbers", Text: "are missing: there is no contact with this external_id yet, and a new one needs a number"}}
	}
	name, named := in.numbers[0], in.Name != nil
	if named {
		name = strings.TrimSpace(*in.Name)
	}
	id, err := tx.Insert(`INSERT INTO contacts (name, named, manager, created, shared, external_id, email, note, language)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`, name, named, value(in.Manager), db.Millis(tx.Now()), in.Shared != nil && *in.Shared,
		in.ExternalID, value(in.Email), value(in.Note), value(in.Language))
	if err != nil {
		return 0, fmt.Errorf("contacts: %w", err)
	}
	for _, n := range in.numbers {
		if err := addNumber(tx, n, id); err != nil {
			return 0, err
		}
	}
	return id, nil
}

func addNumber(tx *db.Tx, n string, id int64) error {
	if _, err := tx.Exec("INSERT INTO numbers (number, contact) VALUES ($1, $2)", n, id); err != nil {
		return fmt.Errorf("contacts: contact %d: %s: %w", id, number.Mask(n), err)
	}
	return nil
}

// numbersOf are the numbers of a contact.
func numbersOf(tx *db.Tx, id int64) (list []string, err error) {
	rows, err := tx.Query("SELECT number FROM numbers WHERE contact = $1", id)
	if err != nil {
		return nil, fmt.Errorf("contacts: contact %d: %w", id, err)
	}
	defer rows.Close()
	for rows.Next() {
		var n string
		if err := rows.Scan(&n); err != nil {
			return nil, fmt.Errorf("contacts: contact %d: %w", id, err)
		}
		list = append(list, n)
	}
	return list, rows.Err()
}

// drop takes away the numbers of a contact that its card does not name, and tells
// which.
func (in *checked) drop(tx *db.Tx, id int64) (gone []string, err error) {
	has, err := numbersOf(tx, id)
	if err != nil {
		return nil, err
	}
	for _, old := range has {
		if slices.Contains(in.numbers, old) {
			continue
		}
		if _, err := tx.Exec("DELETE FROM numbers WHERE number = $1", old); err != nil {
			return nil, fmt.Errorf("contacts: contact %d: %w", id, err)
		}
		gone = append(gone, old)
	}
	return gone, nil
}

// value is a text that may be missing.
func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}
