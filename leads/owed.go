package leads

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
)

// KindCall is the kind of the jobs that ring a manager about what they owe. One
// call is about all of it, so that there is no more than one such job for
// somebody at a time; each manager has a lane of their own, which is named after
// them.
const KindCall = "call"

// CallDue is the payload of KindCall.
type CallDue struct {
	Manager string `json:"manager"`
}

// CallWorth is how long a call about a lead is worth placing, from when it was
// asked for: nobody is rung at night for what was due in the evening.
const CallWorth = time.Hour

// Owed is a lead that a manager is to hear of by phone.
type Owed struct {
	Lead
	Who
	Dialed string // what the newest missed call had dialed: E.164, or as received
}

const (
	owedColumns = "SELECT " + leadColumns + ", c.name, c.named, " + numberOfLead + `, COALESCE(k.dialed, '')
		FROM leads JOIN contacts c ON c.id = leads.contact ` + newestCall + `
		WHERE leads.manager = $1 AND leads.closed IS NULL AND leads.ack_until <= $2 `
	talking        = "EXISTS (SELECT 1 FROM calls t WHERE t.contact = leads.contact AND t.ended IS NULL AND t.answered_by <> '')"
	oldestFirst    = " ORDER BY leads.first_missed, leads.id"
	owedQuery      = owedColumns + "AND leads.rung > 0 AND leads.suspicious = 0 AND NOT " + talking + oldestFirst
	heldUpQuery    = owedColumns + "AND leads.call_due > 0 AND leads.suspicious = 0 AND " + talking + oldestFirst
	stillOwedQuery = owedColumns + "AND leads.id = $3"
)

func scanOwed(row interface{ Scan(...any) error }) (Owed, error) {
	var o Owed
	var err error
	o.Lead, err = scanLead(row, &o.Name, &o.Named, &o.Number, &o.Dialed)
	return o, err
}

// Owed is what a manager is to be rung about, the oldest first: all that they
// owe, if any of it asks for the call; otherwise nothing.
func (b *Book) Owed(tx *db.Tx, login string) ([]Owed, error) {
	list, err := b.AllOwed(tx, login)
	if err != nil || !slices.ContainsFunc(list, func(o Owed) bool { return !o.CallDue.IsZero() }) {
		return nil, err
	}
	return list, nil
}

// AllOwed lists what a manager is to hear of when they are on the phone, the
// oldest first: their open leads whose ladder has begun to tell of them, unless
// somebody has acknowledged the lead or the contact is on the phone just now.
func (b *Book) AllOwed(tx *db.Tx, login string) ([]Owed, error) {
	return selectOwed(tx, owedQuery, login)
}

// HeldUp lists what asks for a call to a manager and is not owed just now,
// because the contact is on the phone: if that talk does not settle the lead, the
// call is still to be made.
func (b *Book) HeldUp(tx *db.Tx, login string) ([]Owed, error) {
	return selectOwed(tx, heldUpQuery, login)
}

func selectOwed(tx *db.Tx, query, login string) ([]Owed, error) {
	rows, err := tx.Query(query, login, db.Millis(tx.Now()))
	if err != nil {
		return nil, fmt.Errorf("leads: owed by %s: %w", login, err)
	}
	var list []Owed
	for rows.Next() {
		o, err := scanOwed(rows)
		if err != nil {
			return nil, fmt.Errorf("leads: owed by %s: %w", login, err)
		}
		list = append(list, o)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: owed by %s: %w", login, err)
	}
	return list, nil
}

// StillOwed reads a lead again that a manager is just hearing of; nil: it is
// settled, handed on or acknowledged by now.
func (b *Book) StillOwed(tx *db.Tx, lead int64, login string) (*Owed, error) {
	o, err := scanOwed(tx.QueryRow(stillOwedQuery, login, db.Millis(tx.Now()), lead))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("leads: lead %d: owed by %s: %w", lead, login, err)
	}
	return &o, nil
}

const (
	calleeQuery = "SELECT " + leadColumns + ", COALESCE(c.name, ''), COALESCE(c.named, 0), " + numberOfLead + `, COALESCE(k.dialed, '')
		FROM leads LEFT JOIN contacts c ON c.id = leads.contact ` + newestCall + ` WHERE leads.id = $1`
	// The line and pool of a contact are those of their newest call.
	calleeOfQuery = `SELECT n.contact, c.name, c.named, n.number, COALESCE(k.line, ''), COALESCE(k.pool, ''), COALESCE(k.dialed, '')
		FROM numbers n JOIN contacts c ON c.id = n.contact
		LEFT JOIN calls k ON k.id = (SELECT m.id FROM calls m WHERE m.contact = n.contact AND m.line <> '' ORDER BY m.started DESC LIMIT 1)
		WHERE n.number = $1 AND n.contact = $2`
)

// Callee is who is called about a lead, whoever has it; nil: there is none with
// this id.
func Callee(tx *db.Tx, lead int64) (*Owed, error) {
	o, err := scanOwed(tx.QueryRow(calleeQuery, lead))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("leads: lead %d: callee: %w", lead, err)
	}
	return &o, nil
}

// CalleeOf is who is called about no lead: a contact by a number that is theirs;
// nil: it is not.
func CalleeOf(tx *db.Tx, contact int64, number string) (*Owed, error) {
	var o Owed
	err := tx.QueryRow(calleeOfQuery, number, contact).Scan(&o.Contact, &o.Name, &o.Named, &o.Number, &o.Line, &o.Pool, &o.Dialed)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("leads: contact %d: callee: %w", contact, err)
	}
	return &o, nil
}

// AskForCall notes that the manager of a lead is to be rung about it, and
// promises the call unless one is on its way already. A manager who has heard
// of the lead in an earlier call, about others, need not be rung for it: false.
func AskForCall(tx *db.Tx, l *Lead, cause string) (asked bool, err error) {
	if l.calledAhead {
		return false, noteCallDue(tx, l, time.Time{})
	}
	waiting, held, err := jobs.Pending(tx, KindCall, l.Manager)
	if err != nil {
		return false, err
	}
	due := tx.Now()
	if held > 0 {
		// A call that has just read what is owed, perhaps in this millisecond, does
		// not tell of this lead.
		due = due.Add(time.Millisecond)
	}
	if err := noteCallDue(tx, l, due); err != nil || waiting+held > 0 {
		return true, err
	}
	return true, promiseCall(tx, l.Manager, cause, due)
}

func noteCallDue(tx *db.Tx, l *Lead, due time.Time) error {
	l.CallDue, l.calledAhead = due, false
	if _, err := tx.Exec("UPDATE leads SET call_due = $1, called_ahead = 0 WHERE id = $2", db.Millis(due), l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return nil
}

// promiseCall promises a call to a manager; cause tells it from others, oldest is
// since when the first of what it is about has asked for it.
func promiseCall(tx *db.Tx, login, cause string, oldest time.Time) error {
	return jobs.Enqueue(tx, jobs.Job{Kind: KindCall, Lane: login, Key: fmt.Sprintf("call:%s:%s", login, cause),
		Payload: payload(CallDue{Manager: login}), Expires: oldest.Add(CallWorth)})
}

// CallEnded follows a call to a manager, also one that nobody answered and one
// that was not placed: began is the instant of the transaction that read what was
// owed, announced are the leads that the manager has heard of. Nobody is rung
// again for these, nor for what had asked for the call before it began, except
// for those in left: the call was not for them after all. They, and what has
// asked for one since, get the next. It is to be called in the transaction that
// ends the call's job.
func (b *Book) CallEnded(tx *db.Tx, j jobs.Job, began time.Time, announced, left []int64) error {
	for _, id := range announced {
		// Whoever has heard of a lead before its own rung came need not be rung then.
		_, err := tx.Exec("UPDATE leads SET called_ahead = (call_due = 0), call_due = 0 WHERE id = $1 AND manager = $2 AND closed IS NULL", id, j.Lane)
		if err != nil {
			return fmt.Errorf("leads: call to %s: %w", j.Lane, err)
		}
	}
	ask, err := selectLeads(tx, "SELECT "+leadColumns+" FROM leads WHERE manager = $1 AND closed IS NULL AND call_due > 0 ORDER BY call_due", j.Lane)
	if err != nil {
		return err
	}
	var oldest time.Time // of what still asks
	for i := range ask {
		l := &ask[i]
		if !l.CallDue.After(began) && !slices.Contains(left, l.ID) {
			if _, err := tx.Exec("UPDATE leads SET call_due = 0 WHERE id = $1", l.ID); err != nil {
				return fmt.Errorf("leads: lead %d: %w", l.ID, err)
			}
		} else if oldest.IsZero() {
			oldest = l.CallDue
		}
	}
	if oldest.IsZero() {
		return nil
	}
	return promiseCall(tx, j.Lane, After(j), oldest)
}

// Announced lists the open leads of a manager that robot calls have told them of
// since an instant.
func Announced(tx *db.Tx, login string, since time.Time) ([]int64, error) {
	list, err := selectLeads(tx, "SELECT "+leadColumns+` FROM leads WHERE manager = $1 AND closed IS NULL
		AND EXISTS (SELECT 1 FROM timeline t WHERE t.lead = leads.id AND t.kind = $2 AND t.who = $1 AND t.at >= $3)`,
		login, EntryRobotCall, db.Millis(since))
	var ids []int64
	for i := range list {
		ids = append(ids, list[i].ID)
	}
	return ids, err
}
