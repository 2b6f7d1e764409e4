package pbx

import (
	"context"
	"errors"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"ringback/ari/softphone"
)

// oldOffice is a PBX of release 16 with the phone 101 and a trunk at the old
// driver, the phone 102 at the new one, and contexts of their own.
func oldOffice(t *testing.T, outside string) (*Instance, Options) {
	t.Helper()
	root, err := Install(t.Context(), Asterisk16, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Phones: []Phone{
			{User: "101", Password: "secret1", Driver: ChanSIP, Context: "desk", Mailbox: "101"},
			{User: "102", Password: "secret2", Context: "desk"},
		},
		Trunks: []Trunk{{Name: "old", Address: outside, Driver: ChanSIP, Context: "world"}},
		Extensions: `[world]
exten => 8001,1,Dial(SIP/101,5)
[desk]
exten => _7X.,1,Dial(SIP/${EXTEN}@old,5)
exten => 102,1,Dial(PJSIP/102,5)
`,
	}
	return beginAt(t, root, o), o
}

// stand makes a phone, and closes it before the PBX stops.
func stand(t *testing.T, o softphone.Options) *softphone.Phone {
	t.Helper()
	p, err := softphone.New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.Close(); err != nil {
			t.Errorf("close the phone: %v", err)
		}
	})
	return p
}

// The old driver carries calls from its trunk to its phone and back, and to a
// phone of the new one.
func TestChanSIP(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	outside, err := softphone.New(ctx, softphone.Options{User: "outside", Listen: "127.0.0.4:0", Tone: 1900})
	if err != nil {
		t.Fatal(err)
	}
	inst, o := oldOffice(t, outside.Addr())
	t.Cleanup(func() { outside.Close() })
	outside.SetServer(inst.ChanSIPAddr)
	old := stand(t, softphone.Options{Server: inst.ChanSIPAddr, User: "101", Password: o.Phones[0].Password, Tone: 700})
	desk := stand(t, softphone.Options{Server: inst.SIPAddr, User: "102", Password: o.Phones[1].Password, Tone: 1100})
	if err := errors.Join(old.Register(ctx), desk.Register(ctx)); err != nil {
		t.Fatal(err)
	}
	// Who says he is 101 and comes by the trunk is a caller from outside.
	for _, call := range []struct {
		from     *softphone.Phone
		tone     int
		number   string
		as       string
		to       *softphone.Phone
		toTone   int
		shows    string
		dialedAs string
	}{
		{outside, 1900, "8001", "79161234567", old, 700, "79161234567", "101"},
		{outside, 1900, "8001", "101", old, 700, "101", "101"},
		{old, 700, "79167654321", "", outside, 1900, "101", "79167654321"},
		{old, 700, "102", "", desk, 1100, "101", "102"},
	} {
		t.Run(call.number+" as "+call.as, func(t *testing.T) {
			placed, err := call.from.Dial(ctx, call.number, softphone.DialOptions{CallerID: call.as})
			if err != nil {
				t.Fatal(err)
			}
			in, err := call.to.ExpectRing(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if in.From != call.shows || in.To != call.dialedAs {
				t.Errorf("the phone shows %q, dialed %q", in.From, in.To)
			}
			taken, err := in.Answer(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(placed.WaitAnswer(ctx), placed.Hears(ctx, call.toTone), taken.Hears(ctx, call.tone)); err != nil {
				t.Error(err)
			}
			inst.isOnLoopbackOnly(t)
			if err := placed.Hangup(ctx); err != nil {
				t.Error(err)
			}
			<-taken.Done()
		})
	}
	stranger := stand(t, softphone.Options{Server: inst.ChanSIPAddr, User: "999"})
	placed, err := stranger.Dial(ctx, "102", softphone.DialOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var refused *softphone.Refused
	if err := placed.WaitAnswer(ctx); !errors.As(err, &refused) {
		t.Errorf("a stranger was not refused: %v", err)
	}
}

// The old driver is there only where somebody needs it, and nobody can where it
// does not exist.
func TestChanSIPWhereItIs(t *testing.T) {
	inst := begin(t, Options{})
	if out, err := inst.CLI(t.Context(), "module show like chan_sip"); err != nil || !strings.Contains(out, "0 modules") || inst.ChanSIPAddr != "" {
		t.Errorf("at %q: %v\n%s", inst.ChanSIPAddr, err, out)
	}
	o := Options{Dir: t.TempDir(), Phones: []Phone{{User: "101", Password: "x", Driver: ChanSIP}}}
	if _, err := Start(t.Context(), inst.Root, o); err == nil || !strings.Contains(err.Error(), "does not exist in Asterisk 22") {
		t.Errorf("started: %v", err)
	}
	old, _ := oldOffice(t, "127.0.0.4:5060")
	if err := old.Stop(); err != nil {
		t.Fatal(err)
	}
	taken, err := net.ListenPacket("udp4", old.ChanSIPAddr)
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	if err := old.Restart(t.Context()); !errors.Is(err, errPortTaken) {
		t.Errorf("another has the port: %v", err)
	}
}
