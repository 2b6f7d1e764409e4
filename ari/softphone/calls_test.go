package softphone_test

import (
	"errors"
	"testing"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

func TestBothHearEachOther(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)

	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{CallerID: "79161234567", CallerName: "Ann"}))(t)
	in := must(desk.ExpectRing(o.ctx))(t)
	if in.From != "79161234567" || in.Name != "Ann" || in.To != pbx.Manager1 {
		t.Errorf("the phone shows %q %q, dialed %q", in.From, in.Name, in.To)
	}
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the caller hears ringing", call.Ringing())
	talk := must(in.Answer(o.ctx))(t)
	if err := call.WaitAnswer(o.ctx); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(call.Hears(o.ctx, 700), talk.Hears(o.ctx, outsideTone)); err != nil {
		t.Fatal(err)
	}
	if err := talk.Hangup(o.ctx); err != nil {
		t.Fatal(err)
	}
	o.soon("the caller is hung up", call.Done())
	if call.HungUp() || !talk.HungUp() {
		t.Error("the wrong side has hung up")
	}
	for _, h := range append(call.Heard(), talk.Heard()...) {
		if h.Until.IsZero() || (h.Hz != 700 && h.Hz != outsideTone) {
			t.Errorf("heard %+v", h)
		}
	}
}
