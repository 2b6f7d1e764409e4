package leads

import (
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
)

// How somebody says what is to become of a lead.
const (
	ByCall     = "call"     // by a key, in a robot call
	ByConnect  = "connect"  // by letting themselves be connected with the contact
	ByAPI      = "api"      // by the API
	ByPage     = "page"     // on the page
	ByLink     = "link"     // on the page, by the link of an alert
	ByTelegram = "telegram" // by a button in Telegram
	ByLadder   = "ladder"   // nobody said it: the ladder
)

// Acknowledge notes that somebody has taken the lead on: its ladder rests for
// as long as the pool lets an acknowledgement hold, or until the contact rings
// again.
func (b *Book) Acknowledge(tx *db.Tx, lead int64, login, how string) error {
	l, pool, err := b.open(tx, lead)
	if err != nil {
		return err
	}
	return acknowledge(tx, l, login, how, EntryAcknowledged, tx.Now().Add(pool.Ladder.AcknowledgedFor))
}

// acknowledge lets the ladder of a lead rest until then; kind says how the
// timeline calls that.
func acknowledge(tx *db.Tx, l *Lead, login, how, kind string, until time.Time) error {
	l.AckBy, l.AckUntil = login, until
	if _, err := tx.Exec("UPDATE leads SET ack_by = $1, ack_until = $2 WHERE id = $3", login, db.Millis(until), l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: kind, Who: login, Channel: how, Detail: until.UTC().Format(time.RFC3339)})
}

// unacknowledge ends an acknowledgement that holds: the contact has rung again
// and was missed. The rung that has rested for it comes at that time; false:
// none has.
func (b *Book) unacknowledge(tx *db.Tx, l *Lead, at time.Time, call int64) (rested bool, err error) {
	if !l.Acknowledged(tx.Now()) {
		return false, nil
	}
	by := l.AckBy
	l.AckBy, l.AckUntil = "", time.Time{}
	if _, err := tx.Exec("UPDATE leads SET ack_by = '', ack_until = 0 WHERE id = $1", l.ID); err != nil {
		return false, fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Call: Ref(call), Kind: EntryAckEnded, Who: by}); err != nil {
		return false, err
	}
	if l.RungDue.IsZero() || l.RungDue.After(at) {
		return false, nil // its own time is still to come
	}
	return true, BringForward(tx, l, RungDue{Ladder: l.Ladder, Rung: l.Rung}, at, fmt.Sprintf("call:%d:%d", call, db.Millis(tx.Now())))
}

// GiveBack ends the acknowledgement of somebody who could not be connected with
// the contact: the ladder goes on.
func (b *Book) GiveBack(tx *db.Tx, lead int64, login string) error {
	l, _, err := b.open(tx, lead)
	switch {
	case errors.Is(err, ErrNotOpen):
		return nil
	case err != nil || l.AckBy != login:
		return err
	}
	_, err = b.unacknowledge(tx, l, tx.Now(), 0)
	return err
}

// Settle closes a lead by hand.
func (b *Book) Settle(tx *db.Tx, lead int64, who, how string) error {
	l, _, err := b.open(tx, lead)
	if err != nil {
		return err
	}
	return b.close(tx, l, Settled, Entry{Who: who, Channel: how})
}

// HandOn gives a lead to the next manager of its pool who is on duty and has
// not had it yet, and tells who that is: they get a message, and a robot call
// later if nothing happens. It is empty where there is nobody else; the lead
// then stays where it is. A lead that from does not hold any more stays with
// whoever does.
func (b *Book) HandOn(tx *db.Tx, lead int64, from, how string) (to string, err error) {
	l, _, err := b.open(tx, lead)
	if err != nil {
		return "", err
	}
	if l.Manager != from {
		return l.Manager, nil
	}
	to, err = b.Heir(tx, l)
	if err != nil {
		return "", err
	}
	return to, b.Bequeath(tx, l, to, how)
}

// Heir is to whom the lead would be handed on now; empty: nobody.
func (b *Book) Heir(tx *db.Tx, l *Lead) (string, error) {
	pool := b.office.Directory.Pool(l.Pool)
	if pool == nil {
		return "", fmt.Errorf("leads: lead %d: no pool %q", l.ID, l.Pool)
	}
	if l.Manager == "" || !pool.Hours.Open(tx.Now()) {
		return "", nil // it waits for the opening, or everybody has gone home
	}
	had, err := holders(tx, l.ID)
	if err != nil {
		return "", err
	}
	return b.turn(tx, pool, had)
}

// holders are those whose lead it has been.
func holders(tx *db.Tx, lead int64) (map[string]bool, error) {
	rows, err := tx.Query("SELECT who FROM timeline WHERE lead = $1 AND kind IN ($2, $3)", lead, EntryAssigned, EntryHandedOn)
	if err != nil {
		return nil, fmt.Errorf("leads: lead %d: holders: %w", lead, err)
	}
	defer rows.Close()
	had := map[string]bool{}
	for rows.Next() {
		var who string
		if err := rows.Scan(&who); err != nil {
			return nil, fmt.Errorf("leads: lead %d: holders: %w", lead, err)
		}
		had[who] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: lead %d: holders: %w", lead, err)
	}
	return had, nil
}

// Bequeath hands the lead on to its Heir; to nobody, it only notes that there
// is none.
func (b *Book) Bequeath(tx *db.Tx, l *Lead, to, how string) error {
	return b.bequeath(tx, l, to, how, "")
}

// bequeath hands the lead on; actor is the person who does it, if neither the
// ladder nor its manager does.
func (b *Book) bequeath(tx *db.Tx, l *Lead, to, how, actor string) error {
	entry := Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryHandedOn, Who: to, Channel: how, Detail: l.Manager, Actor: actor}
	if to == "" {
		entry.Kind, entry.Who, entry.Detail = EntryNobodyElse, l.Manager, ""
		return Note(tx, entry)
	}
	if err := Note(tx, entry); err != nil {
		return err
	}
	if err := takeTurn(tx, l.Pool, to); err != nil {
		return err
	}
	l.Manager, l.AckBy, l.AckUntil, l.CallDue = to, "", time.Time{}, time.Time{}
	_, err := tx.Exec("UPDATE leads SET manager = $1, ack_by = '', ack_until = 0, call_due = 0, called_ahead = 0 WHERE id = $2", to, l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if err := holdsCalls(tx, l); err != nil {
		return err
	}
	if err := keepAssigned(tx, l, to); err != nil {
		return err
	}
	if actor != "" && l.unladdered() { // who does that finds it worth a call
		pool := b.office.Directory.Pool(l.Pool)
		if pool == nil {
			return fmt.Errorf("leads: lead %d: no pool %q", l.ID, l.Pool)
		}
		return b.trust(tx, l, pool)
	}
	if l.Late == Stale {
		return b.tellStale(tx, l)
	}
	return b.tellHeir(tx, l)
}

// tellStale promises that the new manager of a lead that no ladder tells of hears
// of it in a digest.
func (b *Book) tellStale(tx *db.Tx, l *Lead) error {
	if l.Suspicious {
		return nil
	}
	pool := b.office.Directory.Pool(l.Pool)
	if pool == nil {
		return fmt.Errorf("leads: lead %d: no pool %q", l.ID, l.Pool)
	}
	return b.bookDigest(tx, l, pool)
}

// tellHeir promises that the new manager hears of the lead. Before its ladder's
// first rung, that will tell them; and what the old one was to hear, also of the
// contact's ringing again, stands in their message.
func (b *Book) tellHeir(tx *db.Tx, l *Lead) error {
	if l.Rung == 0 {
		return nil
	}
	for _, kind := range []string{KindAgain, KindHanded} {
		if _, err := jobs.CancelLead(tx, l.ID, kind); err != nil {
			return err
		}
	}
	h := HandedDue{Ladder: l.Ladder, Manager: l.Manager}
	if err := tx.QueryRow("SELECT COUNT(*) FROM timeline WHERE lead = $1 AND kind = $2", l.ID, EntryHandedOn).Scan(&h.Time); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return BookHanded(tx, l, h, tx.Now(), "")
}

// BookHanded promises that a lead's new manager hears of it: by a message, and
// by a call later. cause is as of BookRung.
func BookHanded(tx *db.Tx, l *Lead, h HandedDue, due time.Time, cause string) error {
	step := "message"
	if h.Call {
		step = "call"
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: KindHanded, Lead: l.ID, Due: due, Payload: payload(h),
		Key: fmt.Sprintf("handed:%d:%d:%s:%d:%s:%s", l.ID, h.Ladder, h.Manager, h.Time, step, cause)})
}
