package appointments

import (
	"fmt"

	"ringback/leads/db"
)

// Why somebody of the house is told.
type Why string

const (
	WhyNotReminded Why = "not_reminded"      // no call was made
	WhyAnswered    Why = "reminder_answered" // the client pressed a key
	WhyMade        Why = "appointment"       // the client was called and pressed none: a reminder for the house
)

// Notice is what somebody of the house is told of a reminder, with all that is
// known of what is booked. Place, Name and fields come from outside.
type Notice struct {
	// ID is the same whenever the same is told again.
	ID  string
	Why Why
	To  string // login
	// Outcome is what became of the call, Reason why none was made; Detail says
	// more of either, for people.
	Outcome Outcome
	Reason  Reason
	Detail  string
	// Stale says that the appointment was changed while the client answered.
	Stale bool

	Appointment *Appointment // without an ID: a single call
	Name        string       // the client's
	Pool        string
}

func whyOf(o Outcome) Why {
	switch o {
	case SaidYes, SaidNo, WantsTalk, OptedOut:
		return WhyAnswered
	}
	return WhyMade
}

// tell promises a notice to the manager, or the supervisor of the line's pool
// where there is none.
func (d *Desk) tell(tx *db.Tx, a *Appointment, n Notice) error {
	pool := d.pool(a.Line)
	n.Appointment, n.To = a, a.Manager
	if pool != nil {
		n.Pool = pool.Name
		if d.cfg.Office.Directory.Manager(n.To) == nil {
			n.To = pool.Supervisor
		}
	}
	if a.Contact != 0 {
		if err := tx.QueryRow("SELECT name FROM contacts WHERE id = $1", a.Contact).Scan(&n.Name); err != nil {
			return fmt.Errorf("appointments: contact %d: %w", a.Contact, err)
		}
	}
	return d.cfg.Tell(tx, n)
}
