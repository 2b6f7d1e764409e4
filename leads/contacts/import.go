package contacts

import (
	"errors"
	"fmt"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/posted"
)

// Report is what became of rows, or would.
type Report struct {
	Made    int `json:"made"`
	Changed int `json:"changed"`
	Same    int `json:"same"`
	// Merged counts contacts that became one with another: those of numbers that
	// rang before anybody knew whose they are.
	Merged int `json:"merged"`
	// Changes are the rows of which something is different, by line.
	Changes []Change        `json:"changes"`
	Bad     posted.Problems `json:"bad"` // by line: these were not taken
}

// Change is what became of one row, or would.
type Change struct {
	Line    int     `json:"line"`
	Did     Did     `json:"did"`
	Contact int64   `json:"contact,omitempty"` // 0: of a preview, there is none yet
	Name    string  `json:"name"`              // as the contact was called before, or a new one is
	Parts   []Part  `json:"parts,omitempty"`   // what is different of a contact that was there
	Merged  []int64 `json:"merged,omitempty"`  // the contacts that became part of it
}

// Import takes rows of a file: each as a whole or not at all. A number that rang
// before anybody had filled in a card is taken for the row's. Rows of which
// nothing is different change nothing, so that a file can be imported again.
func (c *Cabinet) Import(tx *db.Tx, rows []Row, by leads.Author) (r Report, err error) {
	for i := range rows {
		var done Change
		err := tx.Sub(func(tx *db.Tx) (err error) {
			done, err = c.importRow(tx, rows[i].Wanted, by)
			return err
		})
		var wrong posted.Problems
		owned, named := new(OwnedError), new(NamedError)
		switch {
		case errors.As(err, &wrong):
		case errors.As(err, &owned):
			wrong = posted.Problems{{Field: owned.Field, Text: owned.Error()}}
		case errors.As(err, &named):
			wrong = posted.Problems{{Field: "external_id", Text: named.Error()}}
		case errors.Is(err, leads.ErrTooMuch):
			wrong = posted.Problems{{Field: "number", Text: leads.ErrTooMuch.Error()}}
		case err != nil:
			return r, fmt.Errorf("contacts: line %d: %w", rows[i].Line, err)
		}
		if len(wrong) > 0 {
			for _, p := range wrong {
				p.Line = rows[i].Line
				r.Bad = append(r.Bad, p)
			}
			continue
		}
		done.Line = rows[i].Line
		r.count(done)
	}
	return r, nil
}

func (r *Report) count(done Change) {
	r.Merged += len(done.Merged)
	switch done.Did {
	case Made:
		r.Made++
	case Changed:
		r.Changed++
	case Same:
		r.Same++
		if len(done.Merged) == 0 {
			return
		}
	}
	r.Changes = append(r.Changes, done)
}

// importRow takes one row; strangers to whom its numbers belong become part of
// the contact that it is about.
func (c *Cabinet) importRow(tx *db.Tx, w Wanted, by leads.Author) (done Change, err error) {
	for range MaxNumbers {
		err := tx.Sub(func(tx *db.Tx) (err error) {
			done.Contact, done.Did, done.Parts, err = c.put(tx, w, by)
			return err
		})
		if err == nil {
			done.Name, err = called(tx, done)
			return done, err
		}
		owned := new(OwnedError)
		if !errors.As(err, &owned) || owned.Field != "number" || owned.Of == 0 {
			return done, err
		}
		from, into := owned.Contact, owned.Of
		if strange, e := stranger(tx, from); e != nil {
			return done, e
		} else if !strange {
			from, into = into, from
			if strange, e := stranger(tx, from); e != nil || !strange {
				return done, errors.Join(err, e)
			}
		}
		if err := c.cfg.Book.Merge(tx, from, into, leads.Entry{Who: by.Who, Channel: by.How}); err != nil {
			return done, err
		}
		done.Merged = append(done.Merged, from)
	}
	return done, nil
}

// called is how the contact of a row was called before it.
func called(tx *db.Tx, done Change) (string, error) {
	for _, p := range done.Parts {
		if p.Field == "name" {
			return p.From, nil
		}
	}
	now, err := readCard(tx, done.Contact)
	return now.name, err
}

// stranger says whether nobody has filled in the card of a contact: it is a number
// that rang.
func stranger(tx *db.Tx, id int64) (is bool, err error) {
	err = tx.QueryRow("SELECT named = 0 AND shared = 0 AND external_id IS NULL AND email = '' AND note = '' FROM contacts WHERE id = $1", id).Scan(&is)
	if err != nil {
		return false, fmt.Errorf("contacts: contact %d: %w", id, err)
	}
	return is, nil
}
