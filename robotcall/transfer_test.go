package robotcall_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/robotcall"
	"ringback/routing"
)

// third is dialed by nobody but who transfers to it.
const third = "79160009999"

// A client who was connected with a manager does not dial on through the house,
// where those who are connected may transfer by keys; the manager does, by keys and
// by the phone.
func TestClientsDoNotDialThrough(t *testing.T) {
	t.Parallel()
	r := openReminding(t, "generous")
	byPhone := func(c *softphone.Call) error { return c.Transfer(r.ctx, third) }
	r.exchange.Connect.Dial = "PJSIP/{number}@trunk"
	for _, transfer := range []func(*softphone.Call) error{byKeys(r.ctx), byPhone} {
		r.book()
		client := r.clientRung()
		r.hears(client, softphone.Voice)
		r.presses(client, "3")
		anna := r.rung(pbx.Manager1)
		r.hears(anna, clientTone)
		r.hears(client, annasTone)
		r.presses(client, "#"+third)
		r.hears(client, annasTone)
		soon, cancel := context.WithTimeout(r.ctx, time.Second)
		if in, err := r.outside.ExpectRing(soon); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the client has dialed on: %v %v", in, err)
		}
		cancel()
		r.do(transfer(anna))
		in, err := r.outside.ExpectRing(r.ctx)
		r.do(err)
		r.do(in.Reject(486, "Busy Here"))
		r.do(client.Hangup(r.ctx))
		r.do(anna.Hangup(r.ctx))
	}
}

func byKeys(ctx context.Context) func(*softphone.Call) error {
	return func(c *softphone.Call) error { return c.SendDTMF(ctx, "#"+third) }
}

// A manager who was connected with a client transfers as whoever dials from that
// phone does.
func TestManagersTransfer(t *testing.T) {
	t.Parallel()
	o := openOffice(t, func(_ *routing.Directory, x *robotcall.Exchange) { x.Connect.Context = "generous" })
	o.missed(firstClient)
	anna := o.rung(pbx.Manager1)
	o.hears(anna, softphone.Voice)
	o.presses(anna, "1")
	client := o.clientRung()
	o.hears(client, annasTone)
	o.hears(anna, clientTone)
	o.do(byKeys(o.ctx)(anna))
	o.hears(o.clientRung(), clientTone)
}
