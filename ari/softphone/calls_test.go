package softphone_test

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
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

func TestAPhoneRefuses(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	for _, status := range []int{486, 603, 480} {
		call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
		in := must(desk.ExpectRing(o.ctx))(t)
		if err := in.Reject(status, "No"); err != nil {
			t.Fatal(err)
		}
		var refused *softphone.Refused
		if err := call.WaitAnswer(o.ctx); !errors.As(err, &refused) {
			t.Errorf("%d: the caller got %v", status, err)
		} else if status == 486 && refused.Status != 486 {
			t.Errorf("busy: the caller got %v", refused)
		}
		o.soon("the call is over", call.Done())
		if err := in.Ring(); err == nil {
			t.Error("it rings after it was refused")
		}
	}
}

func TestTheCallerGivesUp(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	in := must(desk.ExpectRing(o.ctx))(t)
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the caller hears ringing", call.Ringing())
	if err := call.Hangup(o.ctx); err != nil {
		t.Fatal(err)
	}
	o.soon("the phone stops", in.Cancelled())
	var refused *softphone.Refused
	if err := call.WaitAnswer(o.ctx); !errors.As(err, &refused) || refused.Status != 487 {
		t.Errorf("the caller got %v, not 487", err)
	}
	if _, err := in.Answer(o.ctx); !errors.Is(err, softphone.ErrCancelled) {
		t.Errorf("answered a call that was cancelled: %v", err)
	}
}

// Who hangs up before the PBX has said a word is not left ringing.
func TestTheCallerGivesUpAtOnce(t *testing.T) {
	o := open(t)
	o.desk(pbx.Manager1, 700).Always(softphone.Ringing)
	for range 20 {
		call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
		if err := call.Hangup(o.ctx); err != nil {
			t.Fatal(err)
		}
		var refused *softphone.Refused
		if err := call.WaitAnswer(o.ctx); !errors.As(err, &refused) || refused.Status != 487 {
			t.Fatalf("it was not cancelled: %v", err)
		}
	}
	o.eventually("no channel is left", func() bool {
		_, channels := o.ari(http.MethodGet, "/channels", nil)
		return channels == "[]"
	})
}

// Asterisk cancels the phones that did not answer first, and one that rang too
// long.
func TestThePBXGivesUp(t *testing.T) {
	o := open(t)
	one, two := o.desk(pbx.Manager1, 700), o.desk(pbx.Manager2, 800)
	call := must(o.outside.Dial(o.ctx, pbx.LineGroup, softphone.DialOptions{}))(t)
	first, second := must(one.ExpectRing(o.ctx))(t), must(two.ExpectRing(o.ctx))(t)
	talk := must(first.Answer(o.ctx))(t)
	o.soon("the other phone stops", second.Cancelled())
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, 700), talk.Hears(o.ctx, outsideTone), call.Hangup(o.ctx)); err != nil {
		t.Fatal(err)
	}
	o.soon("the phone is hung up", talk.Done())

	late := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	in := must(one.ExpectRing(o.ctx))(t)
	o.soon("the phone stops", in.Cancelled())
	o.soon("the call is over", late.Done())
}

func TestAPhoneCallsOutside(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager2, 800)
	call := must(desk.Dial(o.ctx, "79161234567", softphone.DialOptions{}))(t)
	in := must(o.outside.ExpectRing(o.ctx))(t)
	if in.To != "79161234567" || in.From != pbx.LineDirect {
		t.Errorf("%s is rung by %s", in.To, in.From)
	}
	if err := in.Ring(); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager hears ringing", call.Ringing())
	talk := must(in.Answer(o.ctx))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, outsideTone), talk.Hears(o.ctx, 800), talk.Hangup(o.ctx)); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager is hung up", call.Done())

	given := must(desk.Dial(o.ctx, "+79161234568", softphone.DialOptions{}))(t)
	in = must(o.outside.ExpectRing(o.ctx))(t)
	if in.To != "79161234568" {
		t.Errorf("%s is rung", in.To)
	}
	if err := given.Hangup(o.ctx); err != nil {
		t.Fatal(err)
	}
	o.soon("the phone outside stops", in.Cancelled())
}

func TestAlways(t *testing.T) {
	o := open(t)
	o.desk(pbx.Manager1, 700).Always(softphone.Decline(486, "Busy Here"))
	o.desk(pbx.Manager2, 800).Always(softphone.Ringing)
	o.desk(pbx.Colleague, 900).Always(softphone.AnswerAfter(0))
	for range 2 {
		call := must(o.outside.Dial(o.ctx, pbx.LineLocalGroup, softphone.DialOptions{}))(t)
		if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, 900), call.Hangup(o.ctx)); err != nil {
			t.Fatal(err)
		}
	}
}

// A queue plays music, which is nobody's tone, and then lets a manager speak.
func TestQueueMusic(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineQueue, softphone.DialOptions{}))(t)
	in := must(desk.ExpectRing(o.ctx))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, pbx.MusicTone)); err != nil {
		t.Fatal(err)
	}
	talk := must(in.Answer(o.ctx))(t)
	if err := errors.Join(call.HearsNoMore(o.ctx, pbx.MusicTone), call.Hears(o.ctx, 700), talk.Hears(o.ctx, outsideTone)); err != nil {
		t.Fatal(err)
	}
}

// The menu of line 3 lets 1 through to the first manager.
func TestMenu(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineMenu, softphone.DialOptions{}))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.SendDTMF(o.ctx, "1")); err != nil {
		t.Fatal(err)
	}
	must(must(desk.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
	if err := call.Hears(o.ctx, 700); err != nil {
		t.Fatal(err)
	}
}

// Line 5 takes a message after two seconds.
func TestMailbox(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineMailbox, softphone.DialOptions{}))(t)
	in := must(desk.ExpectRing(o.ctx))(t)
	if err := call.WaitAnswer(o.ctx); err != nil {
		t.Fatal(err)
	}
	o.soon("the manager's phone stops", in.Cancelled())
	if err := call.SendDTMF(o.ctx, "#"); err != nil { // past the greeting
		t.Fatal(err)
	}
	inbox := filepath.Join(o.pbx.Dir, "spool/voicemail/default/101")
	o.eventually("the machine records", func() bool {
		recording, _ := filepath.Glob(filepath.Join(inbox, "tmp/*.wav"))
		return len(recording) > 0
	})
	if err := call.Hangup(o.ctx); err != nil {
		t.Fatal(err)
	}
	o.eventually("the message is in the mailbox", func() bool {
		_, err := os.Stat(filepath.Join(inbox, "INBOX/msg0000.txt"))
		return err == nil
	})
}

// Who is put on hold hears music. With moh_passthrough Asterisk leaves that to
// the other phone, and tells it by an INVITE within the call: it falls silent,
// and speaks again afterwards.
func TestHold(t *testing.T) {
	o := open(t, func(options *pbx.Options) {
		options.Files["+pjsip.conf"] = "[" + pbx.Manager2 + "](+)\nmoh_passthrough = yes\n"
	})
	one, two := o.desk(pbx.Manager1, 700), o.desk(pbx.Manager2, 800)
	for _, callee := range []*softphone.Phone{o.outside, two} {
		number, tone := "79161234567", outsideTone
		if callee == two {
			number, tone = pbx.Manager2, 800
		}
		call := must(one.Dial(o.ctx, number, softphone.DialOptions{}))(t)
		talk := must(must(callee.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
		if err := errors.Join(call.Hears(o.ctx, tone), talk.Hears(o.ctx, 700), call.Hold(o.ctx), talk.HearsNoMore(o.ctx, 700)); err != nil {
			t.Fatal(err)
		}
		var err error
		if callee == two {
			err = call.HearsNoMore(o.ctx, tone)
		} else {
			err = talk.Hears(o.ctx, pbx.MusicTone)
		}
		if err := errors.Join(err, call.Resume(o.ctx), call.Hears(o.ctx, tone), talk.Hears(o.ctx, 700), call.Hangup(o.ctx)); err != nil {
			t.Fatal(err)
		}
		o.soon("the other side is hung up", talk.Done())
	}
}

// The caller hears an announcement of the other side before it answers, or
// refuses.
func TestEarlyMedia(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager2, 800)
	for _, answers := range []bool{true, false} {
		call := must(desk.Dial(o.ctx, "79161234567", softphone.DialOptions{}))(t)
		in := must(o.outside.ExpectRing(o.ctx))(t)
		if err := errors.Join(in.Progress(), call.Hears(o.ctx, outsideTone)); err != nil {
			t.Fatal(err)
		}
		var refused *softphone.Refused
		if !answers {
			if err := in.Reject(486, "Busy Here"); err != nil {
				t.Fatal(err)
			}
			if err := call.WaitAnswer(o.ctx); !errors.As(err, &refused) || refused.Status != 486 {
				t.Errorf("the caller got %v", err)
			}
			continue
		}
		talk := must(in.Answer(o.ctx))(t)
		if err := errors.Join(call.WaitAnswer(o.ctx), talk.Hears(o.ctx, 800), call.Hears(o.ctx, outsideTone), call.Hangup(o.ctx)); err != nil {
			t.Fatal(err)
		}
	}
}

// A phone tells announcements from tones, and one recording from another.
func TestVoice(t *testing.T) {
	o := open(t, func(options *pbx.Options) {
		options.Extensions = "[from-trunk]\nexten => _X.,1,Answer()\n same => n,SayDigits(74951)\n same => n,Playback(" + pbx.Recording + ")\n" +
			" same => n,Wait(1)\n same => n,PlayTones(ring)\n same => n,Wait(3)\n same => n,PlayTones(busy)\n same => n,Wait(2)\n same => n,StopPlayTones()\n" +
			" same => n,Playback(vm-goodbye)\n same => n,Wait(60)\n"
	})
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, softphone.Voice), call.Hears(o.ctx, pbx.RecordingTone),
		call.HearsNoMore(o.ctx, softphone.Voice), call.Hears(o.ctx, softphone.Voice), call.Hangup(o.ctx)); err != nil {
		t.Fatal(err)
	}
	var heard []int
	for _, h := range call.Heard() {
		heard = append(heard, h.Hz)
	}
	if !slices.Equal(heard, []int{softphone.Voice, pbx.RecordingTone, softphone.Voice}) {
		t.Errorf("it heard %+v", call.Heard())
	}
}

// A phone that forwards its calls sends the PBX to another extension.
func TestRedirect(t *testing.T) {
	o := open(t)
	desk, colleague := o.desk(pbx.Manager1, 700), o.desk(pbx.Colleague, 900)
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	if err := must(desk.ExpectRing(o.ctx))(t).Redirect(pbx.Colleague); err != nil {
		t.Fatal(err)
	}
	must(must(colleague.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
	if err := errors.Join(call.WaitAnswer(o.ctx), call.Hears(o.ctx, 900)); err != nil {
		t.Fatal(err)
	}
}

// A caller who hears "ringing" many times is still there for the answer.
func TestManyProvisionalAnswers(t *testing.T) {
	o := open(t, func(options *pbx.Options) {
		options.Extensions = "[from-trunk]\nexten => _X.,1,Set(N=0)\n same => n(again),Ringing()\n same => n,Progress()\n same => n,Wait(0.05)\n" +
			" same => n,Set(N=$[${N}+1])\n same => n,GotoIf($[${N} < 15]?again)\n same => n,Answer()\n same => n,Wait(60)\n"
	})
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	if err := call.WaitAnswer(o.ctx); err != nil {
		t.Error(err)
	}
}

// A call that nobody ends is ended by closing the phone, and one that rings is
// refused.
func TestClose(t *testing.T) {
	o := open(t)
	desk := o.desk(pbx.Manager1, 700)
	call := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	must(must(desk.ExpectRing(o.ctx))(t).Answer(o.ctx))(t)
	if err := call.WaitAnswer(o.ctx); err != nil {
		t.Fatal(err)
	}
	ringing := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	must(desk.ExpectRing(o.ctx))(t)
	if err := desk.Close(); err != nil {
		t.Error(err)
	}
	o.soon("the caller who talked is hung up", call.Done())
	o.soon("the caller who waited is refused", ringing.Done())
	if log := must(os.ReadFile(o.pbx.LogFile))(t); strings.Contains(string(log), "Nobody picked up") {
		t.Error("the PBX was not told that the phone is gone")
	}
	if _, err := desk.ExpectRing(o.ctx); err == nil {
		t.Error("a closed phone rings")
	}
	unknown := must(o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{}))(t)
	o.soon("nobody is registered", unknown.Done())
}
