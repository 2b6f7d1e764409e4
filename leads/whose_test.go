package leads_test

import (
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
)

func (d *desk) wantCallsOf(want ...string) {
	d.Helper()
	d.want("whose the calls are", d.rows("SELECT direction, verdict, CASE WHEN manager = '' THEN '-' ELSE manager END FROM calls ORDER BY id"), want...)
}

func TestACallIsItsSpeakersAndAMissItsLeads(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales) // anna's turn
		d.ended(d.answered(second, sales, boris, time.Minute), d.answered(third, sales, nobody, time.Minute))
		d.ended(d.outbound(boris, third, 0), d.outbound(anna, third, time.Minute))
		inside := d.outbound(boris, "101", time.Minute)
		inside.Direction = call.Internal
		d.ended(inside)
		calls := []string{"inbound answered boris", "inbound answered -", "outbound  boris", "outbound  anna", "internal  boris"}
		d.wantCallsOf(append([]string{"inbound missed anna"}, calls...)...)

		d.do(func(tx *db.Tx) error { return d.hand("chief").Assign(tx, 1, "boris") })
		d.wantCallsOf(append([]string{"inbound missed boris"}, calls...)...)
		d.missed(client, sales)
		d.wantCallsOf(append(append([]string{"inbound missed boris"}, calls...), "inbound missed boris")...)
	})
}

func TestAMissThatWaitsIsNobodysUntilItIsTakenOrThePoolOpens(t *testing.T) {
	story(t, closedNow, func(d *desk) {
		d.missed(client, sales)
		d.missed(second, sales)
		d.wantCallsOf("inbound missed -", "inbound missed -")
		d.do(func(tx *db.Tx) error { return d.hand("boris").Take(tx, 1) })
		d.wantCallsOf("inbound missed boris", "inbound missed -")
		d.at(3 * 24 * time.Hour) // after Monday's opening
		d.want("handed out", d.rows("SELECT COUNT(*) FROM calls WHERE manager = ''"), "0")
	})
}

func TestACallThatRunsIsWhoseItIsAtOnce(t *testing.T) {
	story(t, nil, func(d *desk) {
		c := d.answered(client, sales, anna, time.Minute)
		c.Ended, c.How = time.Time{}, ""
		c.Talks[0].End = time.Time{}
		d.tell(call.Reached, c)
		d.want("whose", d.rows("SELECT manager, ended IS NULL FROM calls"), "anna 1")
	})
}
