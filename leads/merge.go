package leads

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Merged is the outcome of a lead whose contact turned out to be another's, to
// whom a callback is owed anyway: that lead goes on for both.
const Merged Outcome = "merged"

const (
	// EntryCard tells that somebody has filled in the card of a contact; detail:
	// which parts of it.
	EntryCard = "card_changed"
	// EntryMerged tells that another contact has become this one; detail: which.
	EntryMerged = "merged"
	// EntryJoined tells that another lead goes on in this one; detail: its id.
	EntryJoined = "joined"
)

var (
	// ErrNoContact is in the error of a contact that is not there.
	ErrNoContact = errors.New("there is no contact with this id")
	// ErrSelf is in the error of a contact that is to be merged with itself.
	ErrSelf = errors.New("a contact cannot be merged with itself")
	// ErrTooMuch is in the error of a merging that would keep every call waiting.
	ErrTooMuch = fmt.Errorf("it has more than %d calls and entries, which is too much to move: merge the other one into it", mostMoved)
)

// MovedError says that a contact has been merged into another.
type MovedError struct{ Into int64 }

func (e *MovedError) Error() string { return fmt.Sprintf("it was merged into contact %d", e.Into) }

// mostMoved is how many rows of a table a merging moves: it is one transaction,
// for which everything else waits.
const mostMoved = 5000

// moves give the rows of one contact to another.
var moves = []string{
	"UPDATE numbers SET contact = $1 WHERE contact = $2",
	"UPDATE calls SET contact = $1 WHERE contact = $2",
	"UPDATE leads SET contact = $1 WHERE contact = $2",
	"UPDATE timeline SET contact = $1 WHERE contact = $2",
	"UPDATE appointments SET contact = $1 WHERE contact = $2",
	"UPDATE reminders SET contact = $1 WHERE contact = $2",
	"UPDATE clicks SET contact = $1 WHERE contact = $2 AND contact > 0",
	"UPDATE contacts SET merged_into = $1 WHERE merged_into = $2",
}

// CheckContact says whether there is a contact with this id: its error has
// ErrNoContact in it, or a *MovedError.
func CheckContact(tx *db.Tx, id int64) error {
	var into sql.NullInt64
	err := tx.QueryRow("SELECT merged_into FROM contacts WHERE id = $1", id).Scan(&into)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("leads: contact %d: %w", id, ErrNoContact)
	case err != nil:
		return fmt.Errorf("leads: contact %d: %w", id, err)
	case into.Valid:
		return fmt.Errorf("leads: contact %d: %w", id, &MovedError{into.Int64})
	}
	return nil
}

// Follow tells which contact an id leads to: its own, also where there is none, or
// the one that it was merged into.
func Follow(tx *db.Tx, id int64) (int64, error) {
	moved := new(MovedError)
	switch err := CheckContact(tx, id); {
	case errors.As(err, &moved):
		return moved.Into, nil
	case err != nil && !errors.Is(err, ErrNoContact):
		return 0, err
	}
	return id, nil
}

// Merge makes one contact of two: the numbers, calls, leads and history of from
// become those of into, which takes over what it has not got itself. Where both
// are owed a callback by one pool, one lead goes on for both. by says who asks
// for it, and how. The error has ErrNoContact, *MovedError, ErrSelf or ErrTooMuch
// in it where it cannot be done.
func (b *Book) Merge(tx *db.Tx, from, into int64, by Entry) error {
	for _, id := range []int64{from, into} {
		if err := CheckContact(tx, id); err != nil {
			return err
		}
	}
	if from == into {
		return fmt.Errorf("leads: contact %d: %w", from, ErrSelf)
	}
	if err := movable(tx, from); err != nil {
		return err
	}
	if err := b.mergeLeads(tx, from, into, by); err != nil {
		return err
	}
	for _, move := range moves {
		if _, err := tx.Exec(move, into, from); err != nil {
			return fmt.Errorf("leads: merge contact %d into %d: %w", from, into, err)
		}
	}
	name, err := inherit(tx, from, into)
	if err != nil {
		return fmt.Errorf("leads: merge contact %d into %d: %w", from, into, err)
	}
	by.Contact, by.Kind, by.Detail = Ref(into), EntryMerged, fmt.Sprintf("%d %s", from, name)
	return Note(tx, by)
}

// movable says whether the rows of a contact can be moved in one transaction.
func movable(tx *db.Tx, contact int64) error {
	var calls, entries int
	err := tx.QueryRow(`SELECT (SELECT COUNT(*) FROM (SELECT 1 FROM calls WHERE contact = $1 LIMIT $2)),
		(SELECT COUNT(*) FROM (SELECT 1 FROM timeline WHERE contact = $1 LIMIT $2))`, contact, mostMoved+1).Scan(&calls, &entries)
	switch {
	case err != nil:
		return fmt.Errorf("leads: contact %d: %w", contact, err)
	case calls > mostMoved || entries > mostMoved:
		return fmt.Errorf("leads: contact %d: %w", contact, ErrTooMuch)
	}
	return nil
}

// inherit gives into what it lacks of from's card, empties that, and leaves a
// sign where it has gone. It tells what from was called.
func inherit(tx *db.Tx, from, into int64) (name string, err error) {
	var external sql.NullString
	var named, shared bool
	var manager, email, note, language string
	err = tx.QueryRow("SELECT name, named, shared, manager, email, note, language, external_id FROM contacts WHERE id = $1", from).
		Scan(&name, &named, &shared, &manager, &email, &note, &language, &external)
	if err != nil {
		return "", err
	}
	var has bool
	if err := tx.QueryRow("SELECT external_id IS NOT NULL FROM contacts WHERE id = $1", into).Scan(&has); err != nil {
		return "", err
	}
	left := external // an id of from that into does not take still leads to it
	if !has {
		left = sql.NullString{}
	}
	if _, err := tx.Exec(`UPDATE contacts SET merged_into = $1, external_id = $2, name = '', named = 0, shared = 0, manager = '',
		email = '', note = '', language = '' WHERE id = $3`, into, left, from); err != nil {
		return "", err
	}
	_, err = tx.Exec(`UPDATE contacts SET name = CASE WHEN named = 0 AND $1 THEN $2 ELSE name END, named = MAX(named, $1), shared = MAX(shared, $3),
		manager = CASE WHEN manager = '' THEN $4 ELSE manager END, email = CASE WHEN email = '' THEN $5 ELSE email END,
		note = CASE WHEN note = '' THEN $6 ELSE note END, language = CASE WHEN language = '' THEN $7 ELSE language END,
		external_id = COALESCE(external_id, $8) WHERE id = $9`, named, name, shared, manager, email, note, language, external, into)
	return name, err
}

// mergeLeads makes one of the open leads of each pool that owes both a callback.
func (b *Book) mergeLeads(tx *db.Tx, from, into int64, by Entry) error {
	open, err := openLeads(tx, from)
	if err != nil {
		return err
	}
	for i := range open {
		other, err := openLead(tx, into, open[i].Pool)
		if err != nil {
			return err
		}
		if other == nil {
			continue
		}
		keep, gone := &open[i], other
		if keep.ranks(gone, tx.Now()) < 0 {
			keep, gone = gone, keep
		}
		if err := b.join(tx, keep, gone, by); err != nil {
			return err
		}
	}
	return nil
}

// ranks is positive where a lead has come further than another: somebody works on
// it, or has it, or is told of it; of equals the older one.
func (l *Lead) ranks(other *Lead, now time.Time) int {
	weight := func(l *Lead) (n int) {
		for i, is := range []bool{l.Manager != "", !l.unladdered(), l.Acknowledged(now)} {
			if is {
				n |= 1 << i
			}
		}
		return n
	}
	if a, b := weight(l), weight(other); a != b {
		return a - b
	}
	if l.ID < other.ID {
		return 1
	}
	return -1
}

// join closes a lead whose calls are from now on those of another. One that had no
// ladder is trusted where the other was not too old for one as well: whoever of
// the two rang later has rung again. Two calls that were each suspicious are one
// caller, too.
func (b *Book) join(tx *db.Tx, keep, gone *Lead, by Entry) error {
	for _, change := range []string{"UPDATE calls SET lead = $1 WHERE lead = $2", "UPDATE attempts SET lead = $1 WHERE lead = $2"} {
		if _, err := tx.Exec(change, keep.ID, gone.ID); err != nil {
			return fmt.Errorf("leads: lead %d: %w", gone.ID, err)
		}
	}
	_, err := tx.Exec(`UPDATE leads SET missed = missed + $1, first_missed = MIN(first_missed, $2), last_missed = MAX(last_missed, $3),
		asked = CASE WHEN asked = '' THEN (SELECT o.asked FROM leads o WHERE o.id = $5) ELSE asked END WHERE id = $4`,
		gone.Missed, db.Millis(gone.FirstMissed), db.Millis(gone.LastMissed), keep.ID, gone.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", keep.ID, err)
	}
	if err := b.close(tx, gone, Merged, Entry{Who: by.Who, Channel: by.Channel}); err != nil {
		return err
	}
	err = Note(tx, Entry{Lead: Ref(keep.ID), Contact: keep.Contact, Kind: EntryJoined, Who: by.Who, Channel: by.Channel, Detail: fmt.Sprint(gone.ID)})
	if err != nil || !keep.unladdered() || keep.Late == Stale && gone.Late == Stale && !(keep.Suspicious && gone.Suspicious) {
		return err
	}
	pool := b.office.Directory.Pool(keep.Pool)
	if pool == nil {
		return fmt.Errorf("leads: lead %d: no pool %q", keep.ID, keep.Pool)
	}
	return b.trust(tx, keep, pool)
}
