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
		d.want("booked rungs", d.rows("SELECT lead || ' ' || state FROM jobs WHERE kind = $1 ORDER BY id", leads.KindRung),
			"1 cancelled", "2 waiting", "3 cancelled", "4 waiting", "5 cancelled", "6 waiting", "3 waiting", "5 waiting")
	})
}
