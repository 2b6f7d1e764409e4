package leads_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/routing"
)

// hand is what a person of the desk does.
func (d *desk) hand(login string) *leads.Hand {
	d.Helper()
	s, ok := leads.SightOf(d.office.Directory, login)
	if !ok {
		d.Fatalf("nobody is called %s", login)
	}
	return d.book.Hand(s, leads.ByPage)
}

// refuses wants an error of something that is done in a transaction of its own.
func (d *desk) refuses(want error, fn func(tx *db.Tx) error) {
	d.Helper()
	err := d.db.Do(d.Context(), fn)
	var taken, wanted *leads.TakenError
	if errors.As(want, &wanted) {
		if !errors.As(err, &taken) || *taken != *wanted {
			d.Errorf("%v, want %v", err, want)
		}
		return
	}
	if !errors.Is(err, want) {
		d.Errorf("%v, want %v", err, want)
	}
}

// closedNow has the pool closed at the beginning of a story, which is a Saturday.
func closedNow(dir *routing.Directory) {
	dir.Pools[0].Hours = routing.Hours{Week: map[string]string{"mon": "09:00-18:00"}}
	if err := dir.Pools[0].Hours.Compile(time.UTC); err != nil {
		panic(err)
	}
}

func TestTwoTakeOneLead(t *testing.T) {
	story(t, closedNow, func(d *desk) {
		d.missed(client, sales)
		d.wantLeads("default - 1 open")
		d.do(func(tx *db.Tx) error { return d.hand("boris").Take(tx, 1) })
		d.refuses(&leads.TakenError{By: "boris"}, func(tx *db.Tx) error { return d.hand("anna").Take(tx, 1) })
		d.wantLeads("default boris 1 open")
		d.want("acknowledged by", d.rows("SELECT ack_by FROM leads"), "boris")
		d.wantContacts(client + " boris")
		d.want("the ladder begins at the opening", d.rows("SELECT kind, state FROM jobs WHERE kind = $1", leads.KindRung), "rung waiting")
	})
}

func TestWhatIsNotInSightIsNotTouched(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales) // anna's
		before := d.rows("SELECT * FROM leads")
		stranger := d.book.Hand(leads.Sight{Login: "boris", Pools: []string{"other"}}, leads.ByPage)
		link := d.book.Hand(leads.Sight{Login: "anna", Pools: []string{routing.DefaultPool}, Only: 4711}, leads.ByLink)
		for _, h := range []*leads.Hand{stranger, link} {
			for _, deed := range []func(tx *db.Tx) error{
				func(tx *db.Tx) error { return h.Take(tx, 1) },
				func(tx *db.Tx) error { return h.Later(tx, 1, tx.Now().Add(time.Hour)) },
				func(tx *db.Tx) error { _, err := h.HandOn(tx, 1); return err },
				func(tx *db.Tx) error { return h.Assign(tx, 1, "boris") },
				func(tx *db.Tx) error { return h.Settle(tx, 1, leads.Settled, "") },
				func(tx *db.Tx) error { return h.EnoughTalk(tx, 1) },
				func(tx *db.Tx) error { return h.Remark(tx, 1, "x") },
			} {
				d.refuses(leads.ErrNotInSight, deed)
			}
		}
		d.refuses(&leads.TakenError{By: "anna"}, func(tx *db.Tx) error { return d.hand("boris").Settle(tx, 1, leads.Settled, "") })
		d.refuses(leads.ErrNotInSight, func(tx *db.Tx) error { return d.hand("anna").Assign(tx, 1, "boris") })
		d.want("the leads", d.rows("SELECT * FROM leads"), before...)
	})
}

// A link is worth for its lead what logging in is.
func TestWhatALinkIsWorth(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales) // anna's
		link := func(login string) *leads.Hand {
			by, _ := leads.SightOf(d.office.Directory, login)
			by.Only = 1
			return d.book.Hand(by, leads.ByLink)
		}
		anna := link("anna")
		deeds := []func(tx *db.Tx) error{
			func(tx *db.Tx) error { return anna.May(tx, 1) },
			func(tx *db.Tx) error { return anna.Take(tx, 1) },
			func(tx *db.Tx) error { return anna.Remark(tx, 1, "x") },
			func(tx *db.Tx) error { return anna.Settle(tx, 1, leads.Settled, "") },
		}
		for _, deed := range deeds[:3] {
			d.do(deed)
		}
		d.do(func(tx *db.Tx) error { return link("chief").Assign(tx, 1, "boris") })
		before := d.rows("SELECT * FROM leads")
		for _, deed := range deeds {
			d.refuses(&leads.TakenError{By: "boris"}, deed)
		}
		d.want("the lead", d.rows("SELECT * FROM leads"), before...)
		d.want("what was noted", d.rows("SELECT COUNT(*) FROM timeline WHERE kind = 'noted'"), "1")
		d.do(func(tx *db.Tx) error { return link("boris").Settle(tx, 1, leads.Settled, "") })
		for _, deed := range deeds {
			d.refuses(leads.ErrNotOpen, deed)
		}
	})
}

func TestDeedsAreInTheTimeline(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.do(func(tx *db.Tx) error { return d.hand("anna").Later(tx, 1, tx.Now().Add(2*time.Hour)) })
		d.do(func(tx *db.Tx) error { return d.hand("anna").Remark(tx, 1, "asks for\r\nthe price") })
		d.do(func(tx *db.Tx) error { return d.hand("chief").Assign(tx, 1, "boris") })
		d.do(func(tx *db.Tx) error { return d.hand("boris").Settle(tx, 1, leads.NotNeeded, "a wrong number") })
		d.refuses(leads.ErrNotOpen, func(tx *db.Tx) error { return d.hand("boris").Settle(tx, 1, leads.Settled, "") })
		d.wantLeads("default boris 1 not_needed boris")
		got := d.rows("SELECT kind, who, channel, detail, actor FROM timeline WHERE lead = 1 AND kind NOT IN ('missed', 'acknowledged', 'assigned') ORDER BY id")
		d.want("who puts it off has not said otherwise before", d.rows("SELECT COUNT(*) FROM timeline WHERE kind = 'acknowledged'"), "0")
		if len(got) != 5 || !strings.HasPrefix(got[0], "later anna page ") || got[1] != "noted anna page asks for\nthe price" ||
			got[2] != "handed_on boris page anna chief" || got[3] != "noted boris page a wrong number" || got[4] != "closed boris page not_needed" {
			t.Errorf("%q", got)
		}
	})
}

func TestWhatPeopleWriteIsBounded(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		anna := d.hand("anna")
		for field, deed := range map[string]func(tx *db.Tx) error{
			"text":    func(tx *db.Tx) error { return anna.Remark(tx, 1, strings.Repeat("x", leads.MaxRemark+1)) },
			"text ":   func(tx *db.Tx) error { return anna.Remark(tx, 1, " \n") },
			"text  ":  func(tx *db.Tx) error { return anna.RemarkOn(tx, 1, "a\x00b") },
			"why":     func(tx *db.Tx) error { return anna.Settle(tx, 1, leads.NotNeeded, "") },
			"why ":    func(tx *db.Tx) error { return anna.Settle(tx, 1, leads.Settled, "a\xffb") },
			"outcome": func(tx *db.Tx) error { return anna.Settle(tx, 1, leads.CalledBack, "") },
			"until":   func(tx *db.Tx) error { return anna.Later(tx, 1, tx.Now()) },
			"until ":  func(tx *db.Tx) error { return anna.Later(tx, 1, tx.Now().Add(leads.Furthest+time.Minute)) },
			"to":      func(tx *db.Tx) error { return d.hand("chief").Assign(tx, 1, "nobody") },
			"line": func(tx *db.Tx) error {
				_, _, err := anna.Open(tx, leads.ByHand{Contact: 1, Line: "no line"}, "")
				return err
			},
			"manager": func(tx *db.Tx) error {
				_, _, err := anna.Open(tx, leads.ByHand{Contact: 1, Line: "sales", Manager: "nobody"}, "")
				return err
			},
		} {
			var wrong posted.Problems
			if err := d.db.Do(d.Context(), deed); !errors.As(err, &wrong) || wrong[0].Field != strings.TrimSpace(field) {
				d.Errorf("%s: %v", field, err)
			}
		}
		d.wantLeads("default anna 1 open")
	})
}

func TestAShortTalkIsEnoughWhenSomebodySaysSo(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.refuses(leads.ErrNoTalk, func(tx *db.Tx) error { return d.hand("anna").EnoughTalk(tx, 1) })
		d.at(time.Minute)
		d.ended(d.outbound(anna, client, 0))
		d.refuses(leads.ErrNoTalk, func(tx *db.Tx) error { return d.hand("anna").EnoughTalk(tx, 1) })
		d.at(2 * time.Minute)
		d.ended(d.outbound(boris, client, 7*time.Second))
		d.at(3 * time.Minute)
		d.ended(d.outbound(anna, client, 0)) // in vain, and boris has talked
		d.do(func(tx *db.Tx) error { return d.hand("anna").EnoughTalk(tx, 1) })
		d.wantLeads("default anna 1 called_back boris")
	})
}

// A call that looked like a slip was worth one to who gives it to somebody.
func TestASuspiciousLeadThatIsGivenHasALadder(t *testing.T) {
	story(t, closedNow, func(d *desk) {
		d.ended(d.hungUp(client, time.Second))
		d.want("suspicious", d.rows("SELECT manager, suspicious FROM leads"), "1")
		d.do(func(tx *db.Tx) error { return d.hand("chief").Assign(tx, 1, "boris") })
		d.want("suspicious", d.rows("SELECT manager, suspicious FROM leads"), "boris 0")
		d.want("the ladder", d.rows("SELECT kind, state FROM jobs WHERE kind = $1", leads.KindRung), "rung waiting")
	})
}
