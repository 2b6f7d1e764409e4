package robotcall_test

import (
	"testing"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/robotcall"
	"ringback/routing"
)

// Whatever a dialplan answers by itself, a reminder begins when the client picks
// up; and a number is written in the way that reaches them.
func TestForeignWaysOut(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"catch-all", "talkative", "nested"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := openReminding(t, way)
			for range 2 { // the second time it is known how
				number := r.book()
				in, err := r.outside.ExpectRing(r.ctx)
				r.do(err)
				r.do(in.Ring())
				r.eventually("nothing is said before the client picks up", "0", "SELECT COUNT(*) FROM dials WHERE number = $1 AND answered > 0", number)
				client, err := in.Answer(r.ctx)
				r.do(err)
				r.hears(client, softphone.Voice)
				r.eventually("the client has picked up", "1", "SELECT COUNT(*) FROM dials WHERE number = $1 AND answered > 0", number)
				r.pressesUntil(client, "1", "confirmed", "SELECT outcome FROM reminders ORDER BY id DESC LIMIT 1")
				r.over(client)
			}
		})
	}
}

// A dialplan that dials nobody has not reached the client, whatever it says.
func TestWaysToNobody(t *testing.T) {
	t.Parallel()
	for _, way := range []string{"refusing", "sorry"} {
		t.Run(way, func(t *testing.T) {
			t.Parallel()
			r := openReminding(t, way)
			number := r.book()
			r.eventually("it is tried again", "failed waiting", `SELECT (SELECT DISTINCT outcome FROM dials WHERE number = $1 AND ended > 0) || ' ' || state
				FROM jobs WHERE kind = 'reminder' AND due > made`, number)
		})
	}
}

// A manager whom the dialplan has not connected with the client has not taken
// the lead on; the next time the number is written in another way.
func TestConnectedWithNobody(t *testing.T) {
	t.Parallel()
	o := openOffice(t, func(_ *routing.Directory, x *robotcall.Exchange) { x.Connect.Context = "catch-all" })
	o.missed(firstClient)
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	o.over(anna)
	o.eventually("the client was not dialed", "failed", "SELECT outcome FROM dials WHERE kind = 'connect'")
	o.eventually("the lead is nobody's in hand", "0", "SELECT ack_until FROM leads")
	o.afresh()
	o.missed(firstClient)
	anna = o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	client := o.clientRung()
	o.hears(client, annasTone)
	o.hears(anna, clientTone)
	o.eventually("the lead is in hand", "anna", "SELECT ack_by FROM leads WHERE closed IS NULL")
}
