package appointments

import (
	"fmt"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// Made notes what came of a reminder's call: in the history, in the state of
// the appointment and, for somebody of the house, as a notice. dialed is the
// number that was called: it is its owner who has answered, also where the
// appointment has another by now. detail is for people. The first end counts.
func (d *Desk) Made(tx *db.Tx, id int64, dialed string, o Outcome, detail string) error {
	r, err := findReminder(tx, id)
	if err != nil || r == nil || r.outcome != Waiting && r.outcome != Withdrawn {
		return err
	}
	a, err := d.about(tx, r)
	if err != nil {
		return err
	}
	stale := r.outcome == Withdrawn || a.Number != dialed // changed while the client listened
	if a.Number != dialed {
		a.Number = dialed
		if a.Contact, err = leads.ContactOf(tx, d.cfg.Plan.Read(dialed)); err != nil {
			return err
		}
	}
	if err := end(tx, id, o, detail); err != nil {
		return err
	}
	if err := d.note(tx, a, leads.Author{}, EntryAnswered, string(o)); err != nil {
		return err
	}
	if err := d.act(tx, a, o, stale); err != nil {
		return err
	}
	return d.tell(tx, a, Notice{ID: fmt.Sprintf("notice:reminder:%d", id), Why: whyOf(o), Outcome: o, Detail: detail, Stale: stale})
}

// act does what the client asked for. What was answered about something that
// has changed meanwhile changes nothing.
func (d *Desk) act(tx *db.Tx, a *Appointment, o Outcome, stale bool) error {
	switch o {
	case OptedOut:
		if err := dials.Refuse(tx, a.Number, "client", "key", ""); err != nil {
			return err
		}
		return leads.NoteConsent(tx, a.Number, leads.EntryRefused, "client", "key")
	case WantsTalk:
		asked := leads.ByHand{Contact: a.Contact, Number: a.Number, Manager: a.Manager, How: leads.AskedByKey}
		if line := d.line(a.Line); line != nil {
			asked.Line = line.Name
		}
		_, err := d.cfg.Book.OpenByHand(tx, asked)
		return err
	case SaidYes, SaidNo:
		if a.ID == 0 || stale || a.State == Cancelled {
			return nil
		}
		if a.State = Confirmed; o == SaidNo {
			a.State = CancelBid
		}
		if err := a.save(tx); err != nil || o == SaidYes {
			return err
		}
		return d.withdraw(tx, a.ID)
	}
	return nil
}

// Tried notes an attempt that reached nobody and is to be repeated.
func (d *Desk) Tried(tx *db.Tx, id int64, detail string) error {
	r, err := findReminder(tx, id)
	if err != nil || r == nil {
		return err
	}
	a, err := d.about(tx, r)
	if err != nil {
		return err
	}
	return d.note(tx, a, leads.Author{}, EntryTried, detail)
}

// NotMade notes that a reminder's call was not made, and why.
func (d *Desk) NotMade(tx *db.Tx, id int64, why Reason, detail string) error {
	r, err := findReminder(tx, id)
	if err != nil || r == nil || r.outcome != Waiting {
		return err
	}
	a, err := d.about(tx, r)
	if err != nil {
		return err
	}
	if err := end(tx, id, NotMade, reasoned(why, detail)); err != nil {
		return err
	}
	return d.unmade(tx, a, fmt.Sprintf("notice:reminder:%d", id), why, detail)
}

// unmade says that a call was not made, in the history and to somebody of the
// house.
func (d *Desk) unmade(tx *db.Tx, a *Appointment, id string, why Reason, detail string) error {
	if err := d.note(tx, a, leads.Author{}, EntryNotMade, reasoned(why, detail)); err != nil {
		return err
	}
	return d.tell(tx, a, Notice{ID: id, Why: WhyNotReminded, Outcome: NotMade, Reason: why, Detail: detail})
}

func reasoned(why Reason, detail string) string {
	if detail == "" {
		return string(why)
	}
	return string(why) + ": " + detail
}

// about is what a reminder is about: its appointment, or what a single call
// knows of one.
func (d *Desk) about(tx *db.Tx, r *reminder) (*Appointment, error) {
	if r.appointment == 0 {
		return &Appointment{Contact: r.contact, Number: r.number, Manager: r.manager, Line: r.line, Zone: r.zone, Language: r.language}, nil
	}
	a, err := Find(tx, r.appointment)
	if err == nil && a == nil {
		err = fmt.Errorf("appointments: reminder %d: no appointment %d", r.id, r.appointment)
	}
	return a, err
}

func end(tx *db.Tx, id int64, o Outcome, detail string) error {
	_, err := tx.Exec("UPDATE reminders SET outcome = $1, detail = $2, ended = $3 WHERE id = $4", string(o), leads.Clip(detail), db.Millis(tx.Now()), id)
	if err != nil {
		return fmt.Errorf("appointments: reminder %d: %w", id, err)
	}
	return nil
}
