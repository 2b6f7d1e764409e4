package leads_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// wantOwed compares what a manager would hear of by phone: "1 +7916…".
func (d *desk) wantOwed(login string, want ...string) {
	d.Helper()
	var got []string
	d.do(func(tx *db.Tx) error {
		owed, err := d.book.Owed(tx, login)
		for _, o := range owed {
			got = append(got, fmt.Sprint(o.ID, " ", o.Number))
		}
		return err
	})
	d.want(login+" owes", got, want...)
}

// ask asks for a call about a lead, as its rung does.
func (d *desk) ask(lead int64, want bool) {
	d.Helper()
	d.do(func(tx *db.Tx) error {
		l, err := leads.Find(tx, lead)
		if err != nil {
			return err
		}
		asked, err := leads.AskForCall(tx, l, fmt.Sprint("lead", lead))
		if asked != want {
			d.Errorf("a call about lead %d was asked for: %v", lead, asked)
		}
		return err
	})
}

// wantCalls compares the jobs that ring managers: "anna waiting".
func (d *desk) wantCalls(want ...string) {
	d.Helper()
	d.want("calls", d.rows("SELECT lane, state FROM jobs WHERE kind = $1 ORDER BY id", leads.KindCall), want...)
}

func TestOwed(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.office.Directory.Pools[0].Managers = []string{"anna"}
		d.missed(caller(1), sales)
		d.at(time.Second)
		d.missed(caller(2), sales)
		d.missed(caller(3), sales)
		d.missed(caller(4), support) // clara's
		d.missed(caller(5), sales)
		hidden := d.inbound("anonymous", sales)
		hidden.How, hidden.Message = call.Voicemail, true
		d.ended(hidden)
		first := d.inbound(caller(6), sales) // rang before all others, and is heard of last
		d.ended(shifted(first, -time.Hour))
		d.climbed()
		d.missed(caller(7), sales) // of which nobody was told yet
		d.wantOwed("anna")         // nothing asks for a call
		d.ask(1, true)
		d.wantOwed("anna", "7 "+caller(6), "1 "+caller(1), "2 "+caller(2), "3 "+caller(3), "5 "+caller(5))
		d.wantOwed("boris")
		d.wantOwed("clara")

		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 2, "anna", leads.ByCall) })
		d.do(func(tx *db.Tx) error { return d.book.Settle(tx, 3, "anna", leads.ByCall) })
		d.set("UPDATE leads SET suspicious = 1 WHERE id = 5")
		talk := d.answered(caller(6), sales, anna, time.Second)
		talk.Ended, talk.How, talk.Talks[0].End = time.Time{}, "", time.Time{}
		d.tell(call.Reached, talk)
		d.wantOwed("anna", "1 "+caller(1))
		d.at(10 * time.Second)
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "anna", leads.ByCall) })
		d.wantOwed("anna")                   // the one that asked for the call does not any more
		d.at(30*time.Minute + 5*time.Second) // lead 2 is free again, and lead 1 is not
		d.set("UPDATE leads SET call_due = 0")
		d.do(func(tx *db.Tx) error {
			all, err := d.book.AllOwed(tx, "anna") // once she is on the phone she hears of the rest
			if len(all) != 1 || all[0].ID != 2 {
				t.Errorf("all that anna owes is %+v", all)
			}
			return err
		})
		d.ask(1, true)
		d.at(time.Hour)
		d.wantOwed("anna", "1 "+caller(1), "2 "+caller(2))
	})
}

func TestStillOwed(t *testing.T) {
	story(t, nil, func(d *desk) {
		still := func(lead int64, want bool) {
			t.Helper()
			d.do(func(tx *db.Tx) error {
				o, err := d.book.StillOwed(tx, lead, "anna")
				if (o != nil) != want || o != nil && (o.ID != lead || o.Number != client || o.Name != "Ivan" || !o.Named) {
					t.Errorf("still owed: %+v", o)
				}
				return err
			})
		}
		d.missed(client, sales)
		d.set("UPDATE contacts SET name = 'Ivan', named = 1")
		still(1, true)
		still(2, false)
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "boris", leads.ByAPI) })
		still(1, false)
		d.at(time.Hour)
		still(1, true)
		d.handOn(1, "anna", "boris")
		still(1, false)
		d.set("UPDATE leads SET manager = 'anna'")
		still(1, true)
		d.do(func(tx *db.Tx) error { return d.book.Settle(tx, 1, "anna", leads.ByAPI) })
		still(1, false)
	})
}

func TestOneCallForSomebodyAtATime(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.office.Directory.Pools[0].Managers = []string{"anna"}
		for i := range 4 {
			d.missed(caller(i+1), sales)
		}
		d.climbed()
		d.ask(1, true)
		d.ask(2, true) // the call that waits is about both
		d.wantCalls("anna waiting")
		d.want("it is worth an hour", d.rows("SELECT expires - made FROM jobs WHERE kind = $1", leads.KindCall), "3600000")

		// A worker has it in hand, and has read what is owed: 1 to 4.
		d.set("UPDATE jobs SET state = $1 WHERE kind = $2", string(jobs.Held), leads.KindCall)
		began := time.Now()
		d.ask(3, true) // in the same millisecond
		d.wantCalls("anna held")
		d.callEnded("anna", began, []int64{1, 4}) // 2 was not heard of, and asked for the call before: it was placed
		d.want("to be rung about", d.rows("SELECT id, called_ahead FROM leads WHERE call_due > 0 OR called_ahead ORDER BY id"), "3 0", "4 1")
		d.wantCalls("anna held", "anna waiting")

		d.set("UPDATE jobs SET state = $1 WHERE kind = $2", string(jobs.Done), leads.KindCall)
		d.ask(4, false) // they have heard of it
		d.want("to be rung about", d.rows("SELECT id, called_ahead FROM leads WHERE call_due > 0 OR called_ahead ORDER BY id"), "3 0")
		d.ask(4, true) // that counts once
		d.at(time.Second)
		d.callEnded("anna", time.Now(), []int64{3})
		d.want("to be rung about", d.rows("SELECT id FROM leads WHERE call_due > 0"))
		d.wantCalls("anna done", "anna done", "anna waiting")
	})
}

// TestACallThatIsStillToCome: what asks for a call, and the call was not for
// after all, gets the next; not for longer than a call is worth.
func TestACallThatIsStillToCome(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.office.Directory.Pools[0].Managers = []string{"anna"}
		for i := range 3 {
			d.missed(caller(i+1), sales)
		}
		d.climbed()
		talk := d.answered(caller(3), sales, anna, time.Second)
		talk.Ended, talk.How, talk.Talks[0].End = time.Time{}, "", time.Time{}
		d.tell(call.Reached, talk)
		heldUp := func(want ...int64) {
			t.Helper()
			d.do(func(tx *db.Tx) error {
				list, err := d.book.HeldUp(tx, "anna")
				var got []int64
				for _, o := range list {
					got = append(got, o.ID)
				}
				if !slices.Equal(got, want) {
					t.Errorf("held up by a talk are %v, want %v", got, want)
				}
				return err
			})
		}
		heldUp() // it does not ask for a call
		d.ask(1, true)
		d.at(time.Minute)
		d.ask(2, true)
		d.ask(3, true)
		heldUp(3)
		d.at(2 * time.Minute)
		d.set("UPDATE jobs SET state = $1 WHERE kind = $2", string(jobs.Done), leads.KindCall)
		d.callEnded("anna", time.Now(), []int64{1}, 2, 3)
		d.want("to be rung about", d.rows("SELECT id FROM leads WHERE call_due > 0 ORDER BY id"), "2", "3")
		d.wantCalls("anna done", "anna waiting")
		d.want("it is worth what is left of the hour", d.rows("SELECT expires - made FROM jobs WHERE kind = $1 AND state = 'waiting'", leads.KindCall), "3540000")
		d.callEnded("anna", d.start, nil) // an end of which nothing follows for what asked later
		d.want("to be rung about", d.rows("SELECT id FROM leads WHERE call_due > 0 ORDER BY id"), "2", "3")
	})
}

// TestAnnounced: after a crash it is known of which leads a call has told.
func TestAnnounced(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.office.Directory.Pools[0].Managers = []string{"anna"}
		for i := range 4 {
			d.missed(caller(i+1), sales)
		}
		noted := func(lead int64, who string) {
			d.do(func(tx *db.Tx) error {
				return leads.Note(tx, leads.Entry{Lead: leads.Ref(lead), Kind: leads.EntryRobotCall, Who: who})
			})
		}
		noted(1, "anna")
		d.at(time.Minute)
		began := time.Now()
		noted(2, "anna")
		noted(2, "anna")
		noted(3, "boris")
		noted(4, "anna")
		d.do(func(tx *db.Tx) error { return d.book.Settle(tx, 4, "anna", leads.ByCall) })
		d.do(func(tx *db.Tx) error {
			told, err := leads.Announced(tx, "anna", began)
			if !slices.Equal(told, []int64{2}) {
				t.Errorf("announced were %v, want the second", told)
			}
			return err
		})
	})
}

// callEnded ends a call to a manager that told of these leads, and was not for
// those in left.
func (d *desk) callEnded(login string, began time.Time, announced []int64, left ...int64) {
	d.Helper()
	d.do(func(tx *db.Tx) error {
		return d.book.CallEnded(tx, jobs.Job{ID: time.Now().Unix(), Lane: login}, began, announced, left)
	})
}

// What a manager has heard of before handing it on is new to whoever gets it.
func TestACallSaysNothingToTheNextManager(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.climbed()
		d.ask(1, true)
		began := time.Now()
		d.handOn(1, "anna", "boris")
		d.callEnded("anna", began, []int64{1})
		d.want("the lead", d.rows("SELECT manager, call_due, called_ahead FROM leads"), "boris 0 0")
		d.ask(1, true)
	})
}
