package leads_test

import (
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// TestBeginToAct switches from observing to acting: who was missed lately is
// told of from the first rung on, what is older is closed, and leads whose
// people were told stay as they are.
func TestBeginToAct(t *testing.T) {
	story(t, nil, func(d *desk) {
		note := func(lead int64, kind string) {
			d.Helper()
			err := d.db.Do(d.Context(), func(tx *db.Tx) error {
				e := leads.Entry{Kind: kind, Who: "anna"}
				e.Lead.Int64, e.Lead.Valid = lead, true
				return leads.Note(tx, e)
			})
			if err != nil {
				d.Fatal(err)
			}
		}
		d.missed(caller(1), sales) // old, observed
		note(1, leads.EntryAlertWould)
		d.missed(caller(2), sales) // old, told
		note(2, leads.EntryAlertSent)
		d.at(30 * time.Hour)
		d.missed(caller(3), sales) // recent, observed
		note(3, leads.EntryAlertWould)
		d.missed(caller(4), sales) // recent, observed and told
		note(4, leads.EntryAlertWould)
		note(4, leads.EntryAlertSent)
		d.missed(caller(5), sales) // recent, its manager would have been rung
		note(5, leads.EntryCallWould)
		d.missed(caller(6), sales) // recent, its manager was rung
		note(6, leads.EntryCallWould)
		note(6, leads.EntryCallDue)
		for range 2 { // the second time there is nothing left to do once they are told
			if err := d.book.BeginToAct(d.Context()); err != nil {
				d.Fatal(err)
			}
			d.want("leads", d.rows("SELECT id || ' ' || ladder || ' ' || outcome FROM leads ORDER BY id"),
				"1 1 observed", "2 1", "3 2", "4 1", "5 2", "6 1")
			note(3, leads.EntryAlertSent)
			note(5, leads.EntryCallDue)
		}
		d.want("those that began anew say so", d.rows("SELECT lead FROM timeline WHERE kind = $1 ORDER BY lead", leads.EntryBegun), "3", "5")
		d.want("booked rungs", d.rows("SELECT lead || ' ' || state FROM jobs WHERE kind = $1 ORDER BY id", leads.KindRung),
			"1 cancelled", "2 waiting", "3 cancelled", "4 waiting", "5 cancelled", "6 waiting", "3 waiting", "5 waiting")
	})
}

// Who begins to act is not believed to begin at the next restart again: a lead
// that waits for its ladder, for somebody's quiet time or for a channel that is
// away is neither closed as observed nor begun anew.
func TestBeginToActOnce(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(caller(1), sales)
		d.do(func(tx *db.Tx) error {
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Kind: leads.EntryAlertWould, Who: "anna"})
		})
		for _, hours := range []int{0, 1, 30} {
			d.at(time.Duration(hours) * time.Hour)
			if err := d.book.BeginToAct(d.Context()); err != nil {
				d.Fatal(err)
			}
			d.want("the lead", d.rows("SELECT id || ' ' || ladder || ' ' || outcome FROM leads"), "1 2")
		}
	})
}

// What is held back for somebody they will be told.
func TestBeginToActKeepsWhatIsHeld(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(caller(1), sales)
		d.do(func(tx *db.Tx) error {
			if err := leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Kind: leads.EntryHeld, Who: "anna"}); err != nil {
				return err
			}
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Kind: leads.EntryAlertWould, Who: "chief"})
		})
		if err := d.book.BeginToAct(d.Context()); err != nil {
			d.Fatal(err)
		}
		d.want("the lead", d.rows("SELECT id || ' ' || ladder || ' ' || outcome FROM leads"), "1 1")
	})
}
