package leads_test

import (
	"errors"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// do runs fn in a transaction of its own.
func (d *desk) do(fn func(tx *db.Tx) error) {
	d.Helper()
	if err := d.db.Do(d.Context(), fn); err != nil {
		d.Fatal(err)
	}
}

// handOn hands a lead on and wants it to come to somebody.
func (d *desk) handOn(lead int64, from, want string) {
	d.Helper()
	d.do(func(tx *db.Tx) error {
		to, err := d.book.HandOn(tx, lead, from, leads.ByCall)
		if to != want {
			d.Errorf("lead %d was handed on by %s to %q, want %q", lead, from, to, want)
		}
		return err
	})
}

func TestOnlyOpenLeadsAreHandled(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.do(func(tx *db.Tx) error { return d.book.Settle(tx, 1, "anna", leads.ByAPI) })
		d.wantLeads("default anna 1 settled anna")
		d.want("jobs", d.rows("SELECT kind, state FROM jobs"), "rung cancelled")
		for name, do := range map[string]func(tx *db.Tx, lead int64) error{
			"acknowledge": func(tx *db.Tx, lead int64) error { return d.book.Acknowledge(tx, lead, "anna", leads.ByAPI) },
			"settle":      func(tx *db.Tx, lead int64) error { return d.book.Settle(tx, lead, "anna", leads.ByAPI) },
			"hand on": func(tx *db.Tx, lead int64) error {
				_, err := d.book.HandOn(tx, lead, "anna", leads.ByAPI)
				return err
			},
		} {
			for _, lead := range []int64{1, 4711} {
				err := d.db.Do(d.Context(), func(tx *db.Tx) error { return do(tx, lead) })
				if !errors.Is(err, leads.ErrNotOpen) {
					t.Errorf("%s lead %d: %v", name, lead, err)
				}
			}
		}
	})
}

func TestHandingOn(t *testing.T) {
	three := func(dir *routing.Directory) { dir.Pools[0].Managers = []string{"anna", "boris", "clara"} }
	t.Run("goes round, and to nobody twice", func(t *testing.T) {
		story(t, three, func(d *desk) {
			d.missed(client, sales) // anna's turn
			d.missed(second, sales) // boris's
			d.climbed()
			d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "anna", leads.ByCall) })
			d.handOn(1, "anna", "clara") // whose turn it is
			d.handOn(1, "anna", "clara") // who has it by now
			d.wantContacts(client+" clara", second+" boris")
			d.want("the acknowledgement", d.rows("SELECT ack_by, ack_until FROM leads WHERE id = 1"), "0")
			d.missed(third, sales) // and so anna's again
			d.handOn(1, "clara", "boris")
			d.handOn(1, "boris", "")
			d.wantLeads("default boris 1 open", "default boris 1 open", "default anna 1 open")
			d.want("told are", d.rows("SELECT payload FROM jobs WHERE kind = $1 ORDER BY id", leads.KindHanded),
				`{"ladder":1,"manager":"clara","time":1}`, `{"ladder":1,"manager":"boris","time":2}`)
			d.want("the timeline says", d.rows("SELECT kind, who, channel, detail FROM timeline WHERE lead = 1 AND kind NOT IN ('missed', 'acknowledged') ORDER BY id"),
				"assigned anna  turn", "handed_on clara call anna", "handed_on boris call clara", "nobody_else boris call")
		})
	})
	t.Run("by the pool's own choice", func(t *testing.T) {
		story(t, func(dir *routing.Directory) { three(dir); dir.Pools[0].Pick = routing.LeastOpen }, func(d *desk) {
			d.missed(caller(1), sales) // anna
			d.missed(caller(2), sales) // boris
			d.missed(caller(3), sales) // clara
			d.missed(caller(4), sales) // anna
			d.missed(caller(5), sales) // boris
			d.handOn(1, "anna", "clara")
		})
	})
	t.Run("in the hours", func(t *testing.T) {
		story(t, func(dir *routing.Directory) {
			three(dir)
			hours(t, &dir.Pools[0].Hours, "sat", "00:00-18:00")
			hours(t, &dir.Managers[1].Hours, "sat", "12:00-18:00")
		}, func(d *desk) {
			d.missed(client, sales)
			d.handOn(1, "anna", "clara") // boris is not there yet
			d.at(19 * time.Hour)
			d.handOn(1, "clara", "")
			d.missed(second, sales)
			d.handOn(2, "", "") // waits for the opening
			d.wantLeads("default clara 1 open", "default - 1 open")
		})
	})
	t.Run("before the first rung", func(t *testing.T) {
		story(t, three, func(d *desk) {
			d.missed(client, sales)
			d.handOn(1, "anna", "boris")
			d.wantJobs(leads.KindHanded) // the first rung will tell boris
			d.wantJobs(leads.KindRung, 20*time.Second)
		})
	})
	t.Run("what was to be told of ringing again goes with it", func(t *testing.T) {
		story(t, three, func(d *desk) {
			d.missed(client, sales)
			d.climbed()
			d.at(time.Minute)
			d.missed(client, sales)
			d.handOn(1, "anna", "boris")
			d.wantJobs(leads.KindAgain)
			d.wantJobs(leads.KindHanded, time.Minute)
		})
	})
}

// What acknowledging does to the ladder is told by the stories of package
// alert; here it is what the row says.
func TestAnAcknowledgementHolds(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "boris", leads.ByConnect) })
		holds := func(want bool) {
			t.Helper()
			d.do(func(tx *db.Tx) error {
				l, err := leads.Find(tx, 1)
				if err == nil && (l.Acknowledged(tx.Now()) != want || l.AckBy != "boris") {
					t.Errorf("acknowledged by %q until %v", l.AckBy, l.AckUntil)
				}
				return err
			})
		}
		holds(true)
		d.at(30*time.Minute - 1)
		holds(true)
		d.at(30 * time.Minute)
		holds(false)
		d.want("the timeline says", d.rows("SELECT who, channel, detail FROM timeline WHERE kind = $1", leads.EntryAcknowledged),
			"boris connect 2000-01-01T00:30:00Z")
	})
}

// A lead that no ladder tells of, for it is old, is told in a digest to whom it is
// handed on.
func TestAnOldLeadIsToldToItsHeir(t *testing.T) {
	story(t, nil, func(d *desk) {
		old := d.inbound(client, sales)
		old.Started, old.Ended = old.Started.Add(-30*time.Hour), old.Ended.Add(-30*time.Hour)
		d.ended(old)
		d.wantLeads("default anna 1 open")
		digest := func(to string) (named int) {
			d.do(func(tx *db.Tx) error {
				list, err := d.book.Digest(tx, to)
				named = len(list)
				return err
			})
			return named
		}
		d.want("digests", d.rows("SELECT key FROM jobs WHERE kind = $1 ORDER BY key", leads.KindDigest), "digest:anna:1", "digest:chief:1")
		if digest("anna") != 1 || digest("chief") != 1 {
			t.Error("it is in no digest")
		}
		d.at(time.Hour)
		d.do(func(tx *db.Tx) error { _, err := d.book.HandOn(tx, 1, "anna", leads.ByCall); return err })
		d.wantLeads("default boris 1 open")
		d.want("a digest waits for Boris", d.rows("SELECT key FROM jobs WHERE kind = $1 AND key LIKE '%boris%'", leads.KindDigest), "digest:boris:1")
		if digest("boris") != 1 || digest("chief") != 0 {
			t.Error("Boris does not hear of it, or the chief twice")
		}
	})
}

// TestAnOlderMissThatIsFoundLateIsNoNews finds a call in the records that came before the one
// that opened the lead.
func TestAnOlderMissThatIsFoundLateIsNoNews(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.at(time.Hour)
		d.missed(client, sales)
		d.do(func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE leads SET rung = 1") // its first message is out
			return err
		})
		d.at(time.Hour + 10*time.Minute)
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "anna", leads.ByAPI) })
		d.ended(shifted(d.inbound(client, sales), -40*time.Minute))
		d.wantLeads("default anna 2 open")
		d.want("the acknowledgement", d.rows("SELECT ack_until > 0 FROM leads"), "1")
		d.want("what is told", d.rows("SELECT kind FROM jobs WHERE kind = $1", leads.KindAgain))
		d.at(time.Hour + 11*time.Minute)
		d.missed(client, sales)
		d.want("the acknowledgement", d.rows("SELECT ack_until > 0 FROM leads"), "0")
		d.want("what is told", d.rows("SELECT kind FROM jobs WHERE kind = $1", leads.KindAgain), leads.KindAgain)
	})
}
