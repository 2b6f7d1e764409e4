package alert

import (
	"encoding/json"
	"fmt"
	"slices"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// Why nobody was rung at a rung that says so: details of leads.EntryCallNot.
const (
	noRobot   = "no robot calls are configured"
	noPhone   = "they have no phone"
	noNumber  = "there is no number to call back"
	heardOfIt = "they have heard of it in an earlier call"
)

// call is the rung that rings the manager. Where that cannot be, they have a
// message, unless an earlier rung has sent it.
func (l *Ladder) call(tx *db.Tx, j jobs.Job, lead *leads.Lead, pool *routing.Pool, due leads.RungDue) error {
	rings, err := l.ring(tx, j, lead)
	if err != nil || rings {
		return err
	}
	climbed := pool.Ladder.Rungs[:min(due.Rung, len(pool.Ladder.Rungs))]
	if slices.ContainsFunc(climbed, func(r routing.Rung) bool { return r.Tell == routing.TellManager }) {
		return nil
	}
	return l.tellRung(tx, j, lead, pool, due, lead.Manager, NewLead)
}

// ring asks for a call to the manager, and notes it; false: they cannot be rung.
func (l *Ladder) ring(tx *db.Tx, j jobs.Job, lead *leads.Lead) (rings bool, err error) {
	entry := leads.Entry{Lead: leads.Ref(lead.ID), Contact: lead.Contact, Kind: leads.EntryCallDue, Who: lead.Manager}
	why, err := l.hindrance(tx, lead)
	switch {
	case err != nil:
		return false, err
	case why != "":
		entry.Kind, entry.Detail = leads.EntryCallNot, why
		return false, leads.Note(tx, entry)
	case l.cfg.Mode != Act:
		entry.Kind = leads.EntryCallWould
		return true, leads.Note(tx, entry)
	}
	asked, err := leads.AskForCall(tx, lead, leads.After(j))
	if err != nil {
		return false, err
	}
	if !asked {
		entry.Kind, entry.Detail = leads.EntryCallNot, heardOfIt
	}
	return true, leads.Note(tx, entry)
}

// hindrance says why the manager cannot be rung about the lead; empty: they can.
func (l *Ladder) hindrance(tx *db.Tx, lead *leads.Lead) (string, error) {
	if !l.cfg.Calls {
		return noRobot, nil
	}
	if person := l.cfg.Office.Directory.Manager(lead.Manager); person == nil || len(person.Devices) == 0 {
		return noPhone, nil
	}
	w, err := leads.WhoRang(tx, lead)
	if err != nil {
		return "", err
	}
	if w.Number == "" {
		return noNumber, nil
	}
	return l.Disturbs(tx, lead.Manager)
}

// handed tells a manager of a lead that was handed on to them, and rings them
// later, as the ladder's own rung would have.
func (l *Ladder) handed(tx *db.Tx, j jobs.Job) error {
	var due leads.HandedDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: handed on: %w", err)
	}
	lead, pool, err := l.standing(tx, j.Lead, due.Ladder)
	if err != nil || lead == nil || lead.Manager != due.Manager {
		return err
	}
	until := rests(tx, lead, pool, overslept(tx, j))
	if until.IsZero() {
		busy, err := l.onThePhone(tx, lead, lead.Manager, &due.Waited)
		if err != nil {
			return err
		}
		if busy {
			until = tx.Now().Add(busyPause)
		}
	}
	if !until.IsZero() {
		return leads.BookHanded(tx, lead, due, until, leads.After(j))
	}
	if due.Call {
		_, err := l.ring(tx, j, lead)
		return err
	}
	return l.tellHeir(tx, j, lead, pool, due)
}

// tellHeir sends the new manager their message, and books their call where the
// ladder's own rung for it has been climbed.
func (l *Ladder) tellHeir(tx *db.Tx, j jobs.Job, lead *leads.Lead, pool *routing.Pool, due leads.HandedDue) error {
	m, err := l.message(tx, lead, lead.Manager, Handed, leads.RungDue{Ladder: lead.Ladder, Rung: lead.Rung - 1})
	if err != nil {
		return err
	}
	m.Due, m.Last = j.Due, lead.RungDue.IsZero()
	if err := l.tell(tx, m, fmt.Sprintf("notify:handed:%d:%d:%s:%d", lead.ID, lead.Ladder, lead.Manager, due.Time)); err != nil {
		return err
	}
	rung, after := pool.Ladder.Call()
	if rung < 0 || rung >= lead.Rung {
		return nil
	}
	due.Call, due.Waited = true, 0
	return leads.BookHanded(tx, lead, due, tx.Now().Add(after), "")
}
