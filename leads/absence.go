package leads

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/posted"
	"ringback/leads/told"
	"ringback/routing"
)

const (
	// KindAway is the kind of the jobs for the beginning of an absence.
	KindAway = "away"
	// KindAbsent is the kind of the jobs that tell a supervisor what somebody who
	// is away owes.
	KindAbsent = "absent"
)

// AwayDue is the payload of KindAway, AbsentDue that of KindAbsent.
type (
	AwayDue struct {
		Absence int64 `json:"absence"`
	}
	AbsentDue struct {
		Login string `json:"login"` // who is away
		To    string `json:"to"`    // who is told
	}
)

// ByAbsence is how a lead is handed on whose manager is away.
const ByAbsence = "absence"

// longestAbsence bounds what is a slip of the keyboard, and not an absence.
const longestAbsence = 2 * 365 * 24 * time.Hour

// Away notes that somebody is away from an instant on (zero: from now) until
// another (zero: until they are back). People say so of themselves, and leaders
// of their people. When it begins, their open leads are handed on where the pool
// wants that, and listed to its supervisor where not.
func (h *Hand) Away(tx *db.Tx, login string, from, until time.Time) error {
	if !h.answersFor(login) {
		return fmt.Errorf("leads: absence of %s: %w", login, ErrNotInSight)
	}
	now := tx.Now()
	if from.Before(now) {
		from = now
	}
	switch {
	case !until.IsZero() && !until.After(from):
		return fmt.Errorf("leads: absence of %s: %w", login, posted.Problems{{Field: "until", Text: "is over before it begins"}})
	case !until.IsZero() && until.Sub(from) > longestAbsence:
		return fmt.Errorf("leads: absence of %s: %w", login, posted.Problems{{Field: "until", Text: "is more than two years ahead"}})
	case from.Sub(now) > longestAbsence:
		return fmt.Errorf("leads: absence of %s: %w", login, posted.Problems{{Field: "from", Text: "is more than two years ahead"}})
	}
	id, err := told.GoAway(tx, told.Absence{Login: login, From: from, Until: until, By: h.by.Login})
	if err != nil {
		return err
	}
	span := from.UTC().Format(time.RFC3339) + "/"
	if !until.IsZero() {
		span += until.UTC().Format(time.RFC3339)
	}
	if err := Note(tx, Entry{Kind: EntryAway, Who: login, Channel: h.how, Detail: span, Actor: h.actorOf(login)}); err != nil {
		return err
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: KindAway, Key: fmt.Sprintf("away:%d:%d", id, db.Millis(now)), Due: from, Payload: payload(AwayDue{id})})
}

// Back ends an absence that lasts; without one it does nothing.
func (h *Hand) Back(tx *db.Tx, login string) error {
	if !h.answersFor(login) {
		return fmt.Errorf("leads: absence of %s: %w", login, ErrNotInSight)
	}
	was, err := told.ComeBack(tx, login)
	if err != nil || !was {
		return err
	}
	return Note(tx, Entry{Kind: EntryBack, Who: login, Channel: h.how, Actor: h.actorOf(login)})
}

// Stay withdraws an absence to come; without one it does nothing.
func (h *Hand) Stay(tx *db.Tx, login string, absence int64) error {
	if !h.answersFor(login) {
		return fmt.Errorf("leads: absence of %s: %w", login, ErrNotInSight)
	}
	was, err := told.Forget(tx, login, absence)
	if err != nil || !was {
		return err
	}
	return Note(tx, Entry{Kind: EntryBack, Who: login, Channel: h.how, Actor: h.actorOf(login)})
}

// answersFor says whether the hand may say where somebody is.
func (h *Hand) answersFor(login string) bool {
	return AnswersFor(h.book.office.Directory, h.by, login)
}

// AnswersFor says whether somebody may say where a person is: that person, and
// who leads them.
func AnswersFor(d *routing.Directory, by Sight, login string) bool {
	if d.Manager(login) == nil || by.Only != 0 {
		return false
	}
	return by.All || by.Login == login || slices.ContainsFunc(d.Pools, func(p routing.Pool) bool {
		return p.Has(login) && slices.Contains(by.Supervises, p.Name)
	})
}

func (h *Hand) actorOf(login string) string {
	if h.by.Login == login {
		return ""
	}
	return h.by.Login
}

// LeavesWork is the work of KindAway: what becomes of the open leads of somebody
// who is away from now on.
func (b *Book) LeavesWork(tx *db.Tx, j jobs.Job) error {
	var due AwayDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("leads: away: %w", err)
	}
	absence, err := told.Find(tx, due.Absence)
	if err != nil || absence == nil || !absence.Lasts(tx.Now()) {
		return err
	}
	if _, err := jobs.CancelKeys(tx, fmt.Sprintf("call:%s:", absence.Login)); err != nil {
		return err
	}
	left, err := selectLeads(tx, "SELECT "+leadColumns+" FROM leads WHERE manager = $1 AND closed IS NULL ORDER BY first_missed, id", absence.Login)
	if err != nil {
		return err
	}
	var tell []string
	for i := range left {
		l := &left[i]
		pool := b.office.Directory.Pool(l.Pool)
		if pool == nil {
			return fmt.Errorf("leads: lead %d: no pool %q", l.ID, l.Pool)
		}
		stays := true
		if pool.Absence == routing.HandOn {
			if stays, err = b.leave(tx, l); err != nil {
				return err
			}
		}
		if stays && pool.Supervisor != absence.Login {
			tell = appendNew(tell, pool.Supervisor)
		}
	}
	for _, to := range tell {
		err := jobs.Enqueue(tx, jobs.Job{Kind: KindAbsent, Key: fmt.Sprintf("absent:%s:%s:%s", absence.Login, to, After(j)),
			Payload: payload(AbsentDue{Login: absence.Login, To: to})})
		if err != nil {
			return err
		}
	}
	return nil
}

// leave hands on a lead whose manager is away; stays: nobody else could take it.
func (b *Book) leave(tx *db.Tx, l *Lead) (stays bool, err error) {
	to, err := b.Heir(tx, l)
	if err != nil {
		return false, err
	}
	return to == "", b.Bequeath(tx, l, to, ByAbsence)
}

// LeftBy lists the open leads of somebody in the pools of a supervisor, the
// oldest first.
func (b *Book) LeftBy(tx *db.Tx, login, supervisor string) ([]Owed, error) {
	rows, err := tx.Query(`SELECT `+leadColumns+`, COALESCE(c.name, ''), COALESCE(c.named, 0), `+numberOfLead+`, COALESCE(k.dialed, '')
		FROM leads LEFT JOIN contacts c ON c.id = leads.contact `+newestCall+`
		WHERE leads.manager = $1 AND leads.closed IS NULL ORDER BY leads.first_missed, leads.id`, login)
	if err != nil {
		return nil, fmt.Errorf("leads: left by %s: %w", login, err)
	}
	defer rows.Close()
	var list []Owed
	for rows.Next() {
		o, err := scanOwed(rows)
		if err != nil {
			return nil, fmt.Errorf("leads: left by %s: %w", login, err)
		}
		if pool := b.office.Directory.Pool(o.Pool); pool != nil && pool.Supervisor == supervisor {
			list = append(list, o)
		}
	}
	return list, rows.Err()
}
