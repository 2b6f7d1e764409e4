package leads

import (
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// Jobs of a lead's ladder: the Book promises them, package alert keeps them.
const (
	KindRung   = "rung"   // a rung of a lead's ladder is due
	KindAgain  = "again"  // the manager is to hear that the contact rang again
	KindHanded = "handed" // the manager is to hear of a lead that was handed on to them
)

// RungDue is the payload of KindRung: which rung of which ladder of the lead.
type RungDue struct {
	Ladder int `json:"ladder"`
	Rung   int `json:"rung"`
	// Waited counts how often in a row it was put off because somebody was on
	// the phone.
	Waited int `json:"waited,omitempty"`
	// Round counts how often the rung was climbed before and reached nobody.
	Round int `json:"round,omitempty"`
}

// HandedDue is the payload of KindHanded.
type HandedDue struct {
	Ladder  int    `json:"ladder"`
	Manager string `json:"manager"` // whom it was handed on to
	// Time says the how manieth time the lead was handed on: it can come to the same
	// person more than once.
	Time int `json:"time,omitempty"`
	// Call says that they had the message, and are to be rung.
	Call   bool `json:"call,omitempty"`
	Waited int  `json:"waited,omitempty"` // as in RungDue
}

// climb begins the ladder of a lead from its first rung: at that time, and when
// it has settled. Every rung books the next.
func (b *Book) climb(tx *db.Tx, l *Lead, pool *routing.Pool, at time.Time) error {
	l.beginLadder(&pool.Ladder, at)
	_, err := tx.Exec("UPDATE leads SET ladder = $1, rung = 0, rung_due = $2, call_due = 0, called_ahead = 0, suspicious = 0, late = MIN(late, 1) WHERE id = $3",
		l.Ladder, db.Millis(l.RungDue), l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return bookFirst(tx, l, pool)
}

// beginLadder puts the lead before the first rung of a new ladder.
func (l *Lead) beginLadder(ladder *routing.Ladder, at time.Time) {
	l.Ladder, l.Rung, l.RungDue = l.Ladder+1, 0, at.Add(ladder.Settle)
	if len(ladder.Rungs) > 0 {
		l.RungDue = l.RungDue.Add(ladder.Rungs[0].After)
	}
}

// bookFirst promises the first rung of the ladder that has just begun, if it has
// one.
func bookFirst(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	if len(pool.Ladder.Rungs) == 0 {
		return nil
	}
	return BookRung(tx, l, RungDue{Ladder: l.Ladder}, l.RungDue, "")
}

// unladdered says that a lead has no ladder until it is trusted.
func (l *Lead) unladdered() bool { return l.Suspicious || l.Late == Stale }

// trust ends the suspicion of a lead, or that it is too old for a ladder: the
// contact has rung again, or somebody has given it to somebody. The ladder begins in full, in the pool's hours; that of
// a lead which waits for the opening begins then.
func (b *Book) trust(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	l.Suspicious, l.Late = false, min(l.Late, FoundLate)
	if l.Manager != "" {
		return b.climb(tx, l, pool, pool.Hours.NextOpening(tx.Now()))
	}
	if _, err := tx.Exec("UPDATE leads SET suspicious = 0, late = MIN(late, 1) WHERE id = $1", l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return nil
}

// BookRung promises a rung of a lead's ladder. A rung that is booked more than
// once, because it was put off or brought forward, has a cause each time: a key
// that was used before would lose the rung.
func BookRung(tx *db.Tx, l *Lead, r RungDue, due time.Time, cause string) error {
	return jobs.Enqueue(tx, jobs.Job{Kind: KindRung, Lead: l.ID, Due: due, Payload: payload(r),
		Key: rungKey(l, r) + cause})
}

func rungKey(l *Lead, r RungDue) string { return fmt.Sprintf("rung:%d:%d:%d:", l.ID, r.Ladder, r.Rung) }

// After is the cause of what a job leaves behind to be done later.
func After(j jobs.Job) string { return fmt.Sprintf("after:%d", j.ID) }

// Climbed notes that a rung has been climbed, and books the next; next is zero
// where none comes.
func Climbed(tx *db.Tx, l *Lead, r RungDue, next time.Time) error {
	l.Rung, l.RungDue = r.Rung+1, next
	if _, err := tx.Exec("UPDATE leads SET rung = $1, rung_due = $2 WHERE id = $3", l.Rung, db.Millis(next), l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if next.IsZero() {
		return nil
	}
	return BookRung(tx, l, RungDue{Ladder: r.Ladder, Rung: l.Rung}, next, "")
}

// BringForward gives a rung another time; one that has been climbed meanwhile
// stays so.
func BringForward(tx *db.Tx, l *Lead, r RungDue, due time.Time, cause string) error {
	n, err := jobs.CancelKeys(tx, rungKey(l, r))
	if err != nil || n == 0 {
		return err
	}
	l.RungDue = due
	if _, err := tx.Exec("UPDATE leads SET rung_due = $1 WHERE id = $2", db.Millis(due), l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return BookRung(tx, l, r, due, cause)
}

// rangAgain promises that the manager hears of it, once the call has settled.
func rangAgain(tx *db.Tx, l *Lead, due time.Time, call int64) error {
	return jobs.Enqueue(tx, jobs.Job{Kind: KindAgain, Lead: l.ID, Due: due,
		Payload: payload(RungDue{Ladder: l.Ladder}), Key: fmt.Sprintf("again:%d:%d", l.ID, call)})
}
