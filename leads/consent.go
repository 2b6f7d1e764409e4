package leads

import (
	"ringback/leads/db"
	"ringback/leads/number"
)

const (
	// EntryAgreed tells that a contact may be called by machines.
	EntryAgreed = "consent_agreed"
	// EntryRefused tells that they may not.
	EntryRefused = "consent_refused"
)

// NoteConsent has the timeline of whoever has a number tell what was entered about
// calls by machines; the ledger itself is package dials'. A number that is
// nobody's tells nothing.
func NoteConsent(tx *db.Tx, n, kind, who, how string) error {
	var plain number.Plan
	contact, err := findContact(tx, plain.Read(n))
	if err != nil || !contact.Valid {
		return err
	}
	return Note(tx, Entry{Contact: contact, Kind: kind, Who: who, Channel: how})
}
