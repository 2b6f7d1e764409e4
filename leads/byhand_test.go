package leads_test

import (
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// askedFor opens a lead by hand for a client of the sales line.
func (d *desk) askedFor(who, manager string) {
	d.Helper()
	err := d.db.Do(d.Context(), func(tx *db.Tx) error {
		contact, err := leads.ContactOf(tx, number.Number{Kind: number.E164, Value: who})
		if err != nil {
			return err
		}
		_, err = d.book.OpenByHand(tx, leads.ByHand{Contact: contact, Line: "sales", Manager: manager, How: "a promise"})
		return err
	})
	if err != nil {
		d.Fatal(err)
	}
}

// TestWhatALeadIsAbout is said last by whoever has asked for it, and goes on with a
// lead that is merged.
func TestWhatALeadIsAbout(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.want("of a missed call", d.rows("SELECT asked FROM leads"), "")
		d.askedFor(client, "")
		d.want("joined", d.rows("SELECT asked FROM leads"), "a promise")
		d.missed(second, sales)
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 1, 2, crm) })
		d.want("merged", d.rows("SELECT asked FROM leads WHERE closed IS NULL"), "a promise")
		d.askedFor(third, "")
		d.want("opened", d.rows("SELECT asked FROM leads WHERE id = 3"), "a promise")
	})
}

func TestALeadByHandIsALead(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.askedFor(client, "boris")
		d.wantLeads("default boris 0 open")
		d.wantContacts(client + " boris")
		d.wantTimeline("asked  a promise", "assigned boris responsible")
		d.wantJobs(leads.KindRung, 20*time.Second)
		d.at(time.Hour)
		d.askedFor(client, "anna") // one is enough
		d.missed(client, sales)
		d.wantLeads("default boris 1 open")
		d.at(2 * time.Hour)
		d.ended(d.outbound(boris, client, time.Minute))
		d.wantLeads("default boris 1 called_back boris")
		d.askedFor(second, "nobody")
		d.wantLeads("default boris 1 called_back boris", "default anna 0 open")
	})
}

// TestALeadByHandForSomebody: who opens it for themselves has it and is told
// nothing while they do, and another hears of it.
func TestALeadByHandForSomebody(t *testing.T) {
	story(t, nil, func(d *desk) {
		asks := func(login string, contact int64, to string) (joined bool) {
			d.Helper()
			d.do(func(tx *db.Tx) (err error) {
				_, joined, err = d.hand(login).Open(tx, leads.ByHand{Contact: contact, Line: "sales", How: "a promise"}, to)
				return err
			})
			return joined
		}
		for _, who := range []string{client, second} {
			d.do(func(tx *db.Tx) error {
				_, err := leads.ContactOf(tx, number.Number{Kind: number.E164, Value: who})
				return err
			})
		}
		asks("boris", 1, "boris")
		d.wantLeads("default boris 0 open")
		d.want("he has it", d.rows("SELECT kind, who FROM timeline WHERE lead = 1 ORDER BY id"), "asked boris", "assigned boris", "acknowledged boris")
		if !asks("anna", 1, "anna") {
			t.Error("it is not joined")
		}
		asks("chief", 2, "boris")
		d.wantLeads("default boris 0 open", "default boris 0 open")
		d.want("he hears of the second", d.rows("SELECT lead FROM leads JOIN jobs ON jobs.lead = leads.id WHERE ack_by = '' AND kind = $1", leads.KindRung), "2")
	})
}

func TestALeadByHandWaitsForTheOpening(t *testing.T) {
	tomorrow := func(dir *routing.Directory) {
		dir.Pools[0].Hours = routing.Hours{Week: map[string]string{"sun": "09:00-18:00"}}
		if err := dir.Pools[0].Hours.Compile(time.UTC); err != nil {
			t.Fatal(err)
		}
	}
	story(t, tomorrow, func(d *desk) {
		d.askedFor(client, "boris")
		d.wantLeads("default - 0 open")
		d.at(33 * time.Hour)
		d.wantLeads("default boris 0 open")
	})
}

// TestWhoAsksIsNotSuspicious: somebody who hung up at once is believed when they
// ask.
func TestWhoAsksIsNotSuspicious(t *testing.T) {
	story(t, nil, func(d *desk) {
		c := d.inbound(client, sales)
		c.Started = c.Ended.Add(-time.Second)
		d.ended(c)
		d.want("suspicious", d.rows("SELECT suspicious FROM leads"), "1")
		d.wantJobs(leads.KindRung)
		d.askedFor(client, "")
		d.want("suspicious", d.rows("SELECT suspicious FROM leads"), "0")
		d.wantJobs(leads.KindRung, 20*time.Second)
	})
}
