package leads_test

import (
	"fmt"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/routing"
)

// caller is the nth of many clients.
func caller(n int) string { return fmt.Sprintf("+791612345%02d", n) }

func (d *desk) wantTurn(pool, want string) {
	d.Helper()
	d.want("the last turn of "+pool, d.rows("SELECT last FROM pool_turns WHERE pool = $1", pool), want)
}

func (d *desk) wantManagers(want ...string) {
	d.Helper()
	d.want("the leads are assigned to", d.rows("SELECT manager FROM leads ORDER BY id"), want...)
}

func TestTurnsAreTakenAndKeptOverARestart(t *testing.T) {
	three := func(dir *routing.Directory) { dir.Pools[0].Managers = []string{"anna", "boris", "clara"} }
	story(t, three, func(d *desk) {
		d.missed(caller(1), sales)
		d.missed(caller(2), sales)
		d.wantTurn("default", "boris")
		d.stop()
		d.open()
		d.missed(caller(3), sales)
		d.missed(caller(4), sales)
		d.wantManagers("anna", "boris", "clara", "anna")
		d.missed(caller(5), support) // a turn in one pool is none in another
		d.wantTurn("default", "anna")
		d.wantTurn("support", "clara")
	})
}

func TestTheContactsOwnManagerComesFirst(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.ended(d.answered(client, sales, boris, time.Minute))
		d.at(time.Hour)
		d.missed(client, sales)
		d.wantTimeline("answered boris", "missed  abandoned_ringing", "assigned boris responsible")
		d.want("nobody's turn was taken", d.rows("SELECT * FROM pool_turns"))
		d.missed(client, support) // boris is not of this pool
		d.wantManagers("boris", "clara")
		d.wantTurn("support", "clara")
		d.wantContacts(client + " clara")
	})
	t.Run("unless they are away", func(t *testing.T) {
		story(t, func(dir *routing.Directory) { hours(t, &dir.Managers[1].Hours, "sun", "09:00-18:00") }, func(d *desk) {
			d.ended(d.answered(client, sales, boris, time.Minute))
			d.at(time.Hour)
			d.missed(client, sales) // on Saturday
			d.missed(second, sales)
			d.wantManagers("anna", "anna")
			d.wantContacts(client+" anna", second+" anna")
		})
	})
	t.Run("unless they have left the company", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.ended(d.answered(client, sales, boris, time.Minute))
			d.at(time.Hour)
			d.stop()
			d.office.Directory.Managers = d.office.Directory.Managers[:1]
			d.open()
			d.missed(client, sales)
			d.wantManagers("anna")
		})
	})
}

// The bubble's time begins on a Saturday at midnight, UTC.
func hours(t *testing.T, h *routing.Hours, days, window string) {
	t.Helper()
	*h = routing.Hours{Week: map[string]string{days: window}}
	if err := h.Compile(time.UTC); err != nil {
		t.Fatal(err)
	}
}

func TestNobodyOnDutyMeansTheSupervisor(t *testing.T) {
	away := func(dir *routing.Directory) {
		for i := range 2 {
			hours(t, &dir.Managers[i].Hours, "sun", "09:00-18:00")
		}
	}
	story(t, away, func(d *desk) {
		d.missed(client, sales)
		d.wantTimeline("missed  abandoned_ringing", "assigned chief supervisor")
		d.want("nobody's turn was taken", d.rows("SELECT * FROM pool_turns"))
		d.wantContacts(client) // the supervisor steps in, and is not whom they know
		d.wantJobs(leads.KindRung, 20*time.Second)
	})
}

func TestLeastOpen(t *testing.T) {
	least := func(dir *routing.Directory) { dir.Pools[0].Pick = routing.LeastOpen }
	story(t, least, func(d *desk) {
		for n := range 4 {
			d.missed(caller(n), sales)
		}
		d.wantManagers("anna", "boris", "anna", "boris")
		d.at(time.Minute)
		d.ended(d.answered(caller(1), sales, nobody, time.Minute), d.answered(caller(3), sales, nobody, time.Minute))
		d.missed(caller(4), sales)
		d.missed(caller(5), sales)
		d.wantManagers("anna", "boris", "anna", "boris", "boris", "boris")
	})
}

func TestAtRandom(t *testing.T) {
	random := func(dir *routing.Directory) { dir.Pools[0].Pick = routing.Random }
	story(t, random, func(d *desk) {
		for n := range 60 {
			d.missed(caller(n), sales)
		}
		// Neither gets all of sixty, but once in 10¹⁷ runs.
		d.want("who got leads", d.rows("SELECT DISTINCT manager FROM leads ORDER BY manager"), "anna", "boris")
	})
}

func TestOutsideTheHoursLeadsWait(t *testing.T) {
	nine := func(dir *routing.Directory) { hours(t, &dir.Pools[0].Hours, "sat,mon", "09:00-18:00") }
	t.Run("and are handed out at the opening, oldest first", func(t *testing.T) {
		story(t, nine, func(d *desk) {
			d.at(time.Hour)
			d.missed(client, sales)
			d.at(2 * time.Hour)
			old := d.inbound(second, sales) // the branch's link was down: this one began first
			d.ended(shifted(old, -90*time.Minute))
			d.missed(third, sales)
			d.wantLeads("default - 1 open", "default - 1 open", "default - 1 open")
			d.missed(client, sales) // rings again: nobody has been told of the first
			d.wantJobs(leads.KindAgain)
			d.wantJobs(leads.KindRung)
			d.at(9*time.Hour - 1)
			d.wantLeads("default - 2 open", "default - 1 open", "default - 1 open")
			d.at(9 * time.Hour)
			d.wantLeads("default boris 2 open", "default anna 1 open", "default anna 1 open") // the second began first
			opening := 9*time.Hour + 20*time.Second
			d.wantJobs(leads.KindRung, 9*time.Hour, opening, opening) // what was found late has settled long ago
			d.wantJobs(leads.KindOpening)
		})
	})
	t.Run("and who gets through meanwhile is not handed out", func(t *testing.T) {
		story(t, nine, func(d *desk) {
			d.missed(client, sales)
			d.missed(second, sales)
			d.at(time.Hour)
			d.ended(d.answered(client, support, clara, time.Minute))
			d.at(10 * time.Hour)
			d.wantLeads("default - 1 client_got_through clara", "default anna 1 open")
			d.wantJobs(leads.KindRung, 9*time.Hour+20*time.Second)
			d.want("ladders begun", d.rows("SELECT ladder FROM leads ORDER BY id"), "0", "1")
		})
	})
	t.Run("over a restart, and a closed day", func(t *testing.T) {
		story(t, nine, func(d *desk) {
			d.at(19 * time.Hour)
			d.missed(client, sales)
			d.stop()
			d.at(30 * time.Hour)
			d.open()
			d.at(57*time.Hour - 1)
			d.wantLeads("default - 1 open")
			d.at(57 * time.Hour)
			d.wantLeads("default anna 1 open")
			d.want("why it waited", d.rows("SELECT detail FROM timeline WHERE kind = 'waits'"), "2000-01-03T09:00:00Z")
		})
	})
	t.Run("until the next opening, when the hours were changed", func(t *testing.T) {
		story(t, nine, func(d *desk) {
			d.missed(client, sales)
			d.stop()
			hours(t, &d.office.Directory.Pools[0].Hours, "sat", "10:00-18:00")
			d.at(time.Hour)
			d.open()
			d.at(10*time.Hour - 1)
			d.wantLeads("default - 1 open")
			d.at(10 * time.Hour)
			d.wantLeads("default anna 1 open")
		})
	})
	t.Run("not a minute more, when the hours became longer", func(t *testing.T) {
		story(t, nine, func(d *desk) {
			d.missed(client, sales)
			d.stop()
			hours(t, &d.office.Directory.Pools[0].Hours, "sat", "07:00-18:00")
			d.open()
			d.at(7 * time.Hour)
			d.wantLeads("default anna 1 open")
			d.missed(second, support)
			d.stop()
			d.office.Directory.Pools[0].Hours = routing.Hours{}
			d.open()
			d.at(10 * time.Hour)
			d.wantLeads("default anna 1 open", "support clara 1 open")
		})
	})
	t.Run("also when their pool is no more", func(t *testing.T) {
		closed := func(dir *routing.Directory) {
			nine(dir)
			hours(t, &dir.Pools[1].Hours, "sat", "08:00-18:00")
		}
		story(t, closed, func(d *desk) {
			d.missed(client, support)
			d.stop()
			d.office.Directory.Pools = d.office.Directory.Pools[:1]
			d.open()
			d.at(9*time.Hour - 1)
			d.wantLeads("support - 1 open")
			d.at(9 * time.Hour)
			d.wantLeads("support anna 1 open")
		})
	})
}

// A machine whose clock is set back lives through an opening twice.
func TestAnOpeningThatComesTwice(t *testing.T) {
	story(t, func(dir *routing.Directory) { hours(t, &dir.Pools[0].Hours, "sat,sun", "09:00-18:00") }, func(d *desk) {
		d.at(8 * time.Hour)
		d.missed(client, sales)
		d.at(9 * time.Hour)
		d.wantLeads("default anna 1 open")
		// As if that had been the opening of Sunday, before the clock was set back.
		d.set("UPDATE jobs SET key = REPLACE(key, $1, $2) WHERE kind = $3",
			fmt.Sprint(db.Millis(d.start.Add(9*time.Hour))), fmt.Sprint(db.Millis(d.start.Add(33*time.Hour))), leads.KindOpening)
		d.at(20 * time.Hour)
		d.missed(second, sales)
		d.wantLeads("default anna 1 open", "default - 1 open")
		d.at(33 * time.Hour)
		d.wantLeads("default anna 1 open", "default boris 1 open")
	})
}

// set changes the database by hand.
func (d *desk) set(query string, args ...any) {
	d.Helper()
	if err := d.db.Do(d.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}); err != nil {
		d.Fatal(err)
	}
}

// climbed: the first message of every lead has been sent.
func (d *desk) climbed() {
	d.Helper()
	d.set("UPDATE leads SET rung = 1")
}

func TestRangAgain(t *testing.T) {
	t.Run("at most every ten minutes", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			var want []time.Duration
			for _, ring := range []struct {
				at   time.Duration
				told bool
			}{
				{0, false}, // the ladder tells it
				{20*time.Second - 1, false},
				{time.Minute, true},
				{11*time.Minute - time.Millisecond, false},
				{11 * time.Minute, true},
				{2 * time.Hour, true},
			} {
				d.at(ring.at)
				if ring.told {
					d.climbed()
				}
				d.missed(client, sales)
				if ring.told {
					want = append(want, ring.at+20*time.Second)
				}
				d.wantJobs(leads.KindAgain, want...)
			}
			d.wantLeads("default anna 6 open")
			d.wantJobs(leads.KindRung, 20*time.Second)
		})
	})
	t.Run("at the opening, once", func(t *testing.T) {
		story(t, func(dir *routing.Directory) { hours(t, &dir.Pools[0].Hours, "sat,sun", "09:00-18:00") }, func(d *desk) {
			d.at(12 * time.Hour)
			d.missed(client, sales)
			d.climbed()
			for _, at := range []time.Duration{20 * time.Hour, 21 * time.Hour, 30 * time.Hour, 33 * time.Hour} {
				d.at(at)
				d.missed(client, sales)
			}
			d.wantJobs(leads.KindAgain, 33*time.Hour+20*time.Second)
			d.at(33*time.Hour + 10*time.Minute)
			d.missed(client, sales)
			d.wantJobs(leads.KindAgain, 33*time.Hour+20*time.Second, 33*time.Hour+10*time.Minute+20*time.Second)
		})
	})
	t.Run("also after the clock was set back", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.missed(client, sales)
			d.climbed()
			d.at(time.Hour)
			d.set("UPDATE leads SET told_again = $1", db.Millis(d.start.Add(100*24*time.Hour)))
			d.missed(client, sales)
			d.wantJobs(leads.KindAgain, time.Hour+20*time.Second)
		})
	})
	t.Run("not of a lead that is settled", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.missed(client, sales)
			d.climbed()
			d.at(time.Minute)
			d.missed(client, sales)
			d.ended(shifted(d.answered(client, sales, anna, 5*time.Second), time.Second))
			d.wantJobs(leads.KindAgain)
			d.wantJobs(leads.KindRung)
			d.want("jobs", d.rows("SELECT kind, state FROM jobs ORDER BY id"), "rung cancelled", "again cancelled")
		})
	})
}

func TestOnThePhone(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		talks := func(want bool) {
			t.Helper()
			err := d.db.Do(d.Context(), func(tx *db.Tx) error {
				lead, err := leads.Find(tx, 1)
				if err != nil {
					return err
				}
				got, err := leads.OnThePhone(tx, lead.Contact)
				if got != want {
					t.Errorf("on the phone: %v", got)
				}
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		talks(false)
		c := d.answered(client, sales, anna, time.Minute)
		ended := c
		c.Ended, c.How, c.Talks = time.Time{}, "", nil
		d.tell(call.Started, c)
		talks(false) // it rings
		c.Talks = []call.Talk{{Channel: "leg", Who: anna, Start: time.Now()}}
		d.tell(call.Reached, c)
		talks(true) // from the first instant on
		d.ended(ended)
		talks(false)
	})
}
