package contacts

import (
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/posted"
)

// card is a contact as it stands.
type card struct {
	name, manager, email, note, language string
	named, shared                        bool
	external                             sql.NullString
}

func readCard(tx *db.Tx, id int64) (c card, err error) {
	err = tx.QueryRow("SELECT name, named, manager, email, note, language, shared, external_id FROM contacts WHERE id = $1", id).
		Scan(&c.name, &c.named, &c.manager, &c.email, &c.note, &c.language, &c.shared, &c.external)
	if err != nil {
		err = fmt.Errorf("contacts: contact %d: %w", id, err)
	}
	return c, err
}

// Part is a part of a card that is different: its field, what stood there, and
// what does. Of numbers those that have gone and come, parted by commas.
type Part struct {
	Field string `json:"field"`
	From  string `json:"from"`
	To    string `json:"to"`
}

// update writes what is different, and notes which parts of the card that are;
// dropped are the numbers that it has lost already. The parts are none where the
// card stood so already.
func (in *checked) update(tx *db.Tx, id int64, by leads.Author, dropped []string) ([]Part, error) {
	was, err := readCard(tx, id)
	if err != nil {
		return nil, err
	}
	now := was
	parts := in.apply(&now)
	if in.ExternalID != nil {
		renamed, err := in.rename(tx, id, &now)
		if err != nil {
			return nil, err
		}
		if renamed {
			parts = append(parts, Part{"external_id", was.external.String, now.external.String})
		}
	}
	added, err := in.add(tx, id)
	if err != nil {
		return nil, err
	}
	if len(added) > 0 || len(dropped) > 0 {
		parts = append(parts, Part{"numbers", strings.Join(dropped, ", "), strings.Join(added, ", ")})
	}
	if len(parts) == 0 {
		return nil, nil
	}
	_, err = tx.Exec(`UPDATE contacts SET name = $1, named = $2, manager = $3, email = $4, note = $5, language = $6, shared = $7, external_id = $8
		WHERE id = $9`, now.name, now.named, now.manager, now.email, now.note, now.language, now.shared, now.external, id)
	if err != nil {
		return nil, fmt.Errorf("contacts: contact %d: %w", id, err)
	}
	return parts, note(tx, id, by, parts)
}

// apply takes over what is wanted, and gives the parts that are different.
func (in *checked) apply(c *card) (parts []Part) {
	if in.Name != nil {
		if name := strings.TrimSpace(*in.Name); name != c.name || !c.named {
			parts = append(parts, Part{"name", c.name, name})
			c.name, c.named = name, true
		}
	}
	for _, part := range []struct {
		name string
		want *string
		have *string
	}{{"manager", in.Manager, &c.manager}, {"email", in.Email, &c.email}, {"note", in.Note, &c.note}, {"language", in.Language, &c.language}} {
		if part.want != nil && *part.want != *part.have {
			parts = append(parts, Part{part.name, *part.have, *part.want})
			*part.have = *part.want
		}
	}
	if in.Shared != nil && *in.Shared != c.shared {
		parts = append(parts, Part{"shared", strconv.FormatBool(c.shared), strconv.FormatBool(*in.Shared)})
		c.shared = *in.Shared
	}
	return parts
}

// rename gives a contact its external id. An id that leads to it because it was
// that of a contact merged into it is right as it is; one that is another's is
// taken, and so is a contact that goes by another id.
func (in *checked) rename(tx *db.Tx, id int64, c *card) (bool, error) {
	owner, err := byExternal(tx, *in.ExternalID)
	switch {
	case err != nil:
		return false, err
	case owner == id:
		return false, nil
	case owner != 0:
		return false, &OwnedError{"external_id", owner, id}
	case c.external.Valid:
		return false, fmt.Errorf("contacts: contact %d: %w", id, &NamedError{Contact: id, ExternalID: c.external.String})
	}
	c.external = sql.NullString{String: *in.ExternalID, Valid: true}
	return true, nil
}

// NamedError is the error of a card whose contact goes by another external id.
type NamedError struct {
	Contact    int64
	ExternalID string
}

func (e *NamedError) Error() string {
	return fmt.Sprintf("the numbers belong to contact %d, which has another external_id", e.Contact)
}

// add gives a contact the numbers that it has not got, and tells which.
func (in *checked) add(tx *db.Tx, id int64) (added []string, err error) {
	has, err := numbersOf(tx, id)
	if err != nil {
		return nil, err
	}
	n := len(has)
	for _, value := range in.numbers {
		if slices.Contains(has, value) {
			continue
		}
		owner, err := byNumber(tx, value)
		switch {
		case err != nil:
			return nil, err
		case owner != 0:
			return nil, &OwnedError{"number", owner, id}
		}
		if n++; n > MaxNumbers {
			return nil, posted.Problems{{Field: "numbers", Text: fmt.Sprintf("would be more than %d with those that the contact has", MaxNumbers)}}
		}
		if err := addNumber(tx, value, id); err != nil {
			return nil, err
		}
		added = append(added, value)
	}
	return added, nil
}

// note tells the timeline which parts of a card are different.
func note(tx *db.Tx, id int64, by leads.Author, parts []Part) error {
	fields, changes := make([]string, len(parts)), make([]leads.Change, len(parts))
	for i := range parts {
		fields[i], changes[i] = parts[i].Field, leads.Change(parts[i])
	}
	return leads.Note(tx, leads.Entry{Contact: leads.Ref(id), Kind: leads.EntryCard, Who: by.Who, Channel: by.How,
		Detail: strings.Join(fields, ", "), Changes: changes})
}
