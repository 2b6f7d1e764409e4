package softphone_test

import (
	"errors"
	"testing"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// talk lets the outside ring the first manager, who answers.
func (o *office) talk(desk *softphone.Phone) (call, talk *softphone.Call) {
	o.t.Helper()
	call = must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(o.t)
	talk = must(must(desk.ExpectRing(o.ctx))(o.t).Answer(o.ctx))(o.t)
	if err := errors.Join(call.WaitAnswer(o.ctx), talk.Hears(o.ctx, outsideTone)); err != nil {
		o.t.Fatal(err)
	}
	return call, talk
}

// given tells whether the caller talks with the colleague, and the manager with
// nobody.
func (o *office) given(call, colleague *softphone.Call, managers ...*softphone.Call) {
	o.t.Helper()
	for _, c := range managers {
		o.soon("the manager's call is over", c.Done())
	}
	if err := errors.Join(call.Hears(o.ctx, 900), colleague.Hears(o.ctx, outsideTone), call.HearsNoMore(o.ctx, 700), colleague.Hangup(o.ctx)); err != nil {
		o.t.Fatal(err)
	}
	o.soon("the caller is hung up", call.Done())
}

// The manager gives the caller to the colleague without asking.
func TestTransfer(t *testing.T) { everywhere(t, transfer) }

func transfer(t *testing.T, o *office) {
	desk, colleague := o.desk(pbx.Manager1, 700), o.desk(pbx.Colleague, 900)
	call, talk := o.talk(desk)
	if err := talk.Transfer(o.ctx, pbx.Colleague); err != nil {
		t.Fatal(err)
	}
	in := must(colleague.ExpectRing(o.ctx))(t)
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager need not wait for the answer", talk.Done())
	o.given(call, must(in.Answer(o.ctx))(t))
	if !talk.HungUp() {
		t.Error("the PBX ends the call of who transfers")
	}
	if err := talk.Transfer(o.ctx, pbx.Colleague); err == nil {
		t.Error("a call that is over was transferred")
	}
}

// A number that nobody has is noticed too late to refuse: the call goes on.
func TestTransferToNobody(t *testing.T) { everywhere(t, transferToNobody) }

func transferToNobody(t *testing.T, o *office) {
	call, talk := o.talk(o.desk(pbx.Manager1, 700))
	if err := talk.Transfer(o.ctx, "555"); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(talk.Hold(o.ctx), call.HearsNoMore(o.ctx, 700), talk.Resume(o.ctx), call.Hears(o.ctx, 700)); err != nil {
		t.Error(err)
	}
}

// The manager asks the colleague first, and then connects the two; or does not
// wait for the colleague to answer.
func TestJoin(t *testing.T) { everywhere(t, join) }

func join(t *testing.T, o *office) {
	desk, colleague := o.desk(pbx.Manager1, 700), o.desk(pbx.Colleague, 900)
	call, talk := o.talk(desk)
	ask := must(desk.Dial(o.ctx, pbx.Colleague, softphone.DialOptions{}))(t)
	asked := must(must(colleague.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
	if err := errors.Join(ask.WaitAnswer(o.ctx), asked.Hears(o.ctx, 700), talk.Join(o.ctx, ask)); err != nil {
		t.Fatal(err)
	}
	o.given(call, asked, talk, ask)
	if !talk.HungUp() || ask.HungUp() {
		t.Error("the phone does not hang up its first call, or its second one too")
	}

	call, talk = o.talk(desk)
	ask = must(desk.Dial(o.ctx, pbx.Colleague, softphone.DialOptions{}))(t)
	in := must(colleague.ExpectRing(o.ctx))(t)
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the colleague rings", ask.Ringing())
	if err := talk.Join(o.ctx, ask); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager need not wait for the answer", ask.Done())
	o.given(call, must(in.Answer(o.ctx))(t), talk)
}

// The call is up from the answer on, on both sides, and not while it rings.
func TestUp(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	in := must(desk.ExpectRing(o.ctx))(t)
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the caller hears ringing", call.Ringing())
	if _, ok := call.Up(); ok {
		t.Error("up before the answer")
	}
	talk := must(in.Answer(o.ctx))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hangup(o.ctx)); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager is hung up", talk.Done())
	for _, c := range []*softphone.Call{call, talk} {
		if since, ok := c.Up(); !ok || since.Before(in.At) || since.After(c.Ended()) {
			t.Errorf("up since %v, %v, until %v", since, ok, c.Ended())
		}
	}
}
