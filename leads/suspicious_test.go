package leads_test

import (
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// hungUp is a call whose caller hung up after that long.
func (d *desk) hungUp(from string, after time.Duration) call.Call {
	c := d.inbound(from, sales)
	c.Started = c.Ended.Add(-after)
	return c
}

// TestSuspicious goes through what makes a miss suspicious, one thing after the
// other; what follows is told by the stories of package alert.
func TestSuspicious(t *testing.T) {
	known := func(d *desk) {
		d.do(func(tx *db.Tx) error {
			_, err := leads.ContactOf(tx, number.Number{Value: client, Kind: number.E164})
			return err
		})
		d.at(time.Hour)
	}
	for name, test := range map[string]struct {
		before func(d *desk)
		change func(d *desk, c *call.Call)
		want   bool
	}{
		"a stranger":                   {want: true},
		"a stranger in a queue":        {change: func(_ *desk, c *call.Call) { c.How = call.AbandonedQueue }, want: true},
		"a stranger at closing time":   {before: func(d *desk) { hours(d.T, &d.office.Directory.Pools[0].Hours, "sun", "09:00-18:00") }, change: func(_ *desk, c *call.Call) { c.Legs = nil }, want: true},
		"whom the dialplan sends away": {change: func(_ *desk, c *call.Call) { c.How, c.Legs = call.IVREnded, nil }},
		"who waits":                    {change: func(_ *desk, c *call.Call) { c.Started = c.Ended.Add(-3 * time.Second) }},
		"whose phones are busy":        {change: func(_ *desk, c *call.Call) { c.How = call.Busy }},
		"who is known":                 {before: known},
		"who rang before":              {before: func(d *desk) { d.ended(d.answered(client, sales, anna, time.Minute)); d.at(5 * time.Second) }},
		"where nobody is suspected":    {before: func(d *desk) { d.office.Directory.Pools[0].Missed.Suspicious = 0 }, change: func(_ *desk, c *call.Call) { c.Started = c.Ended }},
	} {
		t.Run(name, func(t *testing.T) {
			story(t, nil, func(d *desk) {
				if test.before != nil {
					test.before(d)
				}
				c := d.hungUp(client, 2900*time.Millisecond)
				if test.change != nil {
					test.change(d, &c)
				}
				started := c
				started.Ended, started.How = time.Time{}, ""
				d.tell(call.Started, started) // the contact is made now
				d.ended(c)
				want := []string{"0"}
				if test.want {
					want = []string{"1"}
				}
				d.want("suspicious", d.rows("SELECT suspicious FROM leads"), want...)
			})
		})
	}
}

// Whoever asks for a call back is no stranger who hung up.
func TestAskingForACallBackEndsTheSuspicion(t *testing.T) {
	byHand := func(d *desk) {
		d.do(func(tx *db.Tx) error {
			_, err := d.book.OpenByHand(tx, leads.ByHand{Contact: 1, Line: "sales", How: "reception"})
			return err
		})
	}
	t.Run("in the hours", func(t *testing.T) {
		story(t, nil, func(d *desk) {
			d.ended(d.hungUp(client, time.Second))
			d.wantJobs(leads.KindRung)
			d.at(time.Hour)
			byHand(d)
			d.wantJobs(leads.KindRung, time.Hour+20*time.Second)
			byHand(d)
			d.wantJobs(leads.KindRung, time.Hour+20*time.Second)
		})
	})
	t.Run("outside them", func(t *testing.T) {
		story(t, func(dir *routing.Directory) { hours(t, &dir.Pools[0].Hours, "sat", "09:00-18:00") }, func(d *desk) {
			d.ended(d.hungUp(client, time.Second))
			byHand(d)
			d.at(9 * time.Hour)
			d.wantJobs(leads.KindRung, 9*time.Hour+20*time.Second)
		})
	})
}
