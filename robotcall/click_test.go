package robotcall_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/robotcall"
	"ringback/routing"
)

// unhurried is the company whose managers are not rung by a robot for an hour.
func unhurried(d *routing.Directory, _ *robotcall.Exchange) {
	d.Pools[0].Ladder.Rungs[0].After = time.Hour
}

// anna is what Anna may see.
func (o *office) anna() leads.Sight {
	sight, known := leads.SightOf(o.routing.Directory, "anna")
	if !known {
		o.t.Fatal("there is no Anna")
	}
	return sight
}

// clicks asks for a call about a lead, as Anna does on the page.
func (o *office) clicks(lead int64) int64 {
	o.t.Helper()
	id, err := o.life.managers.Click(o.ctx, o.anna(), leads.ByPage, lead)
	o.do(err)
	return id
}

// reaches waits until a click has come so far; what it was before is passed over.
func (o *office) reaches(click int64, state robotcall.ClickState, why robotcall.ClickEnd) {
	o.t.Helper()
	var c robotcall.Click
	for {
		var err error
		c, err = o.life.managers.Progress(o.ctx, "anna", click)
		o.do(err)
		switch {
		case c.State == state && c.Why == why:
			return
		case c.State == robotcall.Over:
			o.t.Fatalf("it has ended: %s; wanted %s %s\n%s", c.Why, state, why, o.story())
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-o.ctx.Done():
			o.t.Fatalf("it is %s, not %s %s\n%s", c.State, state, why, o.story())
		}
	}
}

// opened waits for the lead of a missed call.
func (o *office) opened(n string) {
	o.t.Helper()
	o.eventually("the lead is open", n, "SELECT COUNT(*) FROM leads WHERE closed IS NULL")
}

// whoCalls lets a desk ring, tells what it shows, and picks up.
func (o *office) whoCalls(desk string) (name string, c *softphone.Call) {
	o.t.Helper()
	in, err := o.desks[desk].ExpectRing(o.ctx)
	o.do(err)
	o.do(in.Ring())
	c, err = in.Answer(o.ctx)
	o.do(err)
	return in.Name + " " + in.From, c
}

// Who clicks is rung, picks up, and is talking with the client: no key, no word.
// A second click shows the first, and the talk closes the lead.
func TestClick(t *testing.T) {
	t.Parallel()
	o := openOffice(t, unhurried)
	o.missed(firstClient)
	o.opened("1")
	click := o.clicks(1)
	o.reaches(click, robotcall.RingingYou, "")
	if again := o.clicks(1); again != click {
		t.Errorf("a second click is call %d, not %d", again, click)
	}
	shows, anna := o.whoCalls(pbx.Manager1)
	if want := "Call " + firstClient + " " + pbx.LineDirect; shows != want {
		t.Errorf("her phone shows %q, not %q", shows, want)
	}
	in, err := o.outside.ExpectRing(o.ctx)
	o.do(err)
	o.do(in.Ring())
	if in.From != pbx.LineDirect || in.To != firstClient[1:] {
		t.Errorf("%s is rung by %s", in.To, in.From)
	}
	o.reaches(click, robotcall.Calling, "")
	if !o.life.managers.Busy("anna") {
		t.Error("her other alerts do not wait")
	}
	client, err := in.Answer(o.ctx)
	o.do(err)
	o.hears(client, annasTone)
	o.hears(anna, clientTone)
	o.reaches(click, robotcall.Talking, "")
	if again := o.clicks(1); again != click {
		t.Errorf("a click during the talk is call %d, not %d", again, click)
	}
	o.eventually("she has taken it on", "anna", "SELECT ack_by FROM leads")
	time.Sleep(time.Second + 200*time.Millisecond) // a talk that counts takes a second
	o.do(client.Hangup(o.ctx))
	o.over(anna)
	o.reaches(click, robotcall.Over, robotcall.Talked)
	o.eventually("the lead is closed", "called_back anna", "SELECT outcome || ' ' || closed_by FROM leads")
	o.eventually("the timeline tells of it", "anna page connected", "SELECT who || ' ' || channel || ' ' || detail FROM timeline WHERE kind = 'click_call'")
	if c, err := o.life.managers.Current(o.ctx, "anna"); err != nil || c.ID != 0 {
		t.Errorf("there goes on %+v (%v)", c, err)
	}
}

// A contact can be called without a lead; a number that is not theirs cannot.
func TestClickOnAContact(t *testing.T) {
	t.Parallel()
	o := openOffice(t, unhurried)
	o.missed(firstClient)
	o.opened("1")
	for _, wrong := range []string{secondClient, "", "+7916123456x"} {
		if _, err := o.life.managers.ClickContact(o.ctx, o.anna(), leads.ByPage, 1, wrong); !errors.Is(err, robotcall.ErrNoNumber) {
			t.Errorf("number %q: %v", wrong, err)
		}
	}
	click, err := o.life.managers.ClickContact(o.ctx, o.anna(), leads.ByAPI, 1, firstClient)
	o.do(err)
	_, anna := o.whoCalls(pbx.Manager1)
	client := o.clientRung()
	o.hears(client, annasTone)
	o.do(anna.Hangup(o.ctx))
	o.reaches(click, robotcall.Over, robotcall.Talked)
}

// Why a click comes to nothing is told in a word.
func TestClicksInVain(t *testing.T) {
	t.Parallel()
	const premium = "+78091234567"
	o := openOffice(t, unhurried)
	o.missed(firstClient)
	o.opened("1")
	o.do(o.db.Do(o.ctx, func(tx *db.Tx) error {
		_, err := leads.ContactOf(tx, number.Number{Kind: number.E164, Value: premium})
		return err
	}))
	for _, c := range []struct {
		why  robotcall.ClickEnd
		call func()
		way  string
	}{
		{why: robotcall.YouDidNot, call: func() {
			in, err := o.desks[pbx.Manager1].ExpectRing(o.ctx)
			o.do(err)
			o.do(in.Reject(603, "Decline"))
		}},
		{why: robotcall.YouAreBusy, call: func() {
			in, err := o.desks[pbx.Manager1].ExpectRing(o.ctx)
			o.do(err)
			o.do(in.Reject(486, "Busy Here"))
		}},
		{why: robotcall.ClientBusy, call: func() {
			_, anna := o.whoCalls(pbx.Manager1)
			in, err := o.outside.ExpectRing(o.ctx)
			o.do(err)
			o.do(in.Reject(486, "Busy Here"))
			o.over(anna)
		}},
		{why: robotcall.ClientDidNot, call: func() {
			_, anna := o.whoCalls(pbx.Manager1)
			in, err := o.outside.ExpectRing(o.ctx)
			o.do(err)
			o.do(in.Ring())
			o.do(anna.Hangup(o.ctx))
		}},
		{why: robotcall.NoWayOut, way: "refusing", call: func() {
			_, anna := o.whoCalls(pbx.Manager1)
			o.over(anna)
		}},
		{why: robotcall.NoWayOut, way: "nowhere", call: func() {
			_, anna := o.whoCalls(pbx.Manager1)
			o.hears(anna, softphone.Voice)
			o.over(anna)
		}},
	} {
		way := o.exchange.Connect.Context
		if c.way != "" {
			o.exchange.Connect.Context = c.way
		}
		click := o.clicks(1)
		c.call()
		o.reaches(click, robotcall.Over, c.why)
		o.exchange.Connect.Context = way
		o.eventually("nothing stands", "0", "SELECT COUNT(*) FROM dials WHERE ended = 0")
	}
	click, err := o.life.managers.ClickContact(o.ctx, o.anna(), leads.ByPage, 2, premium)
	o.do(err)
	o.reaches(click, robotcall.Over, robotcall.Forbidden)
	clara := leads.Sight{Login: "clara", All: true}
	click, err = o.life.managers.Click(o.ctx, clara, leads.ByPage, 1)
	o.do(err)
	o.eventually("she has no phone", string(robotcall.YouHaveNoPhone), "SELECT why FROM clicks WHERE id = $1", click)
	if _, err := o.life.managers.Progress(o.ctx, "anna", click); !errors.Is(err, leads.ErrNotInSight) {
		t.Errorf("Anna sees how far Clara's call has come: %v", err)
	}
	boris, _ := leads.SightOf(o.routing.Directory, "boris")
	taken := new(leads.TakenError)
	if _, err := o.life.managers.Click(o.ctx, boris, leads.ByPage, 1); !errors.As(err, &taken) || taken.By != "anna" {
		t.Errorf("Boris calls about Anna's: %v", err)
	}
	if _, err := o.life.managers.Click(o.ctx, boris, leads.ByPage, 99); !errors.Is(err, leads.ErrNotInSight) {
		t.Errorf("Boris calls about nothing: %v", err)
	}
	if story := o.story(); strings.Contains(story, premium+" ") && strings.Contains(story, "dial: connect "+premium) {
		t.Error("the premium number was dialed")
	}
}

// The talk goes on when the daemon stops, and its next life knows how far it has
// come and how it ends.
func TestClickOutlivesTheDaemon(t *testing.T) {
	t.Parallel()
	o := openOffice(t, unhurried)
	o.missed(firstClient)
	o.opened("1")
	click := o.clicks(1)
	_, anna := o.whoCalls(pbx.Manager1)
	client := o.clientRung()
	o.hears(client, annasTone)
	o.stop()
	o.live()
	o.reaches(click, robotcall.Talking, "")
	o.do(client.Hangup(o.ctx))
	o.over(anna)
	o.reaches(click, robotcall.Over, robotcall.Talked)
}
