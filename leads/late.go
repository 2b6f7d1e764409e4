package leads

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// Late says how late a lead was opened.
type Late int

const (
	InTime    Late = iota
	FoundLate      // the call was over for longer than lateAfter: its alerts say so
	Stale          // for longer than StaleAfter: it is told in a digest, and nobody is rung for it until the contact rings again
)

// lateAfter is what a lead may take from the end of its call without anybody
// wondering: a database that was busy, call records that were awaited.
const lateAfter = time.Minute

// StaleAfter is how old a miss is that is told in a digest only.
const StaleAfter = 24 * time.Hour

func lateness(age time.Duration) Late {
	switch {
	case age > StaleAfter:
		return Stale
	case age > lateAfter:
		return FoundLate
	}
	return InTime
}

// KindDigest is the kind of the jobs that tell somebody of stale leads, all in
// one message.
const KindDigest = "digest"

// DigestDue is the payload of KindDigest.
type DigestDue struct {
	To string `json:"to"` // login
}

// digestPause is how long a digest waits for more of the same: an outage of days
// is read in one go.
const digestPause = time.Minute

// bookDigest promises that the manager of a stale lead hears of it, and the
// pool's supervisor. A digest that waits to be told by then tells of this lead
// too; one that comes later tells what the earlier has not. The key is the lead's,
// and not a time's: the clock may be set, and show one again that has had its
// digest.
func (b *Book) bookDigest(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	due := tx.Now().Add(digestPause)
	waiting, err := jobs.Waiters(tx, KindDigest, due.Add(time.Millisecond)) // due itself is among them
	if err != nil {
		return err
	}
	for _, to := range []string{l.Manager, pool.Supervisor} {
		told := payload(DigestDue{To: to})
		if slices.ContainsFunc(waiting, func(w jobs.Waiter) bool { return bytes.Equal(w.Payload, told) }) {
			continue
		}
		err := jobs.Enqueue(tx, jobs.Job{Kind: KindDigest, Key: fmt.Sprintf("digest:%s:%d", to, l.ID), Due: due, Payload: told})
		if err != nil {
			return err
		}
	}
	return nil
}

// Digest takes, for somebody's digest, the stale leads that are theirs or of a
// pool that they supervise and that no digest to them has named yet, the oldest
// first. It notes that this one does.
func (b *Book) Digest(tx *db.Tx, to string) ([]Owed, error) {
	rows, err := tx.Query(`SELECT `+leadColumns+`, COALESCE(c.name, ''), COALESCE(c.named, 0), `+numberOfLead+`, COALESCE(k.dialed, '')
		FROM leads LEFT JOIN contacts c ON c.id = leads.contact `+newestCall+`
		WHERE leads.closed IS NULL AND leads.late = 2 AND leads.manager <> ''
		AND NOT EXISTS (SELECT 1 FROM timeline t WHERE t.lead = leads.id AND t.kind = 'digest' AND t.who = $1)
		ORDER BY leads.first_missed, leads.id`, to)
	if err != nil {
		return nil, fmt.Errorf("leads: digest of %s: %w", to, err)
	}
	defer rows.Close()
	var list []Owed
	for rows.Next() {
		o, err := scanOwed(rows)
		if err != nil {
			return nil, fmt.Errorf("leads: digest of %s: %w", to, err)
		}
		pool := b.office.Directory.Pool(o.Pool)
		if o.Manager == to || pool != nil && pool.Supervisor == to {
			list = append(list, o)
		}
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: digest of %s: %w", to, err)
	}
	for i := range list {
		if err := Note(tx, Entry{Lead: Ref(list[i].ID), Contact: list[i].Contact, Kind: EntryDigest, Who: to}); err != nil {
			return nil, err
		}
	}
	return list, nil
}
