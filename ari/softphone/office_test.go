package softphone_test

import (
	"cmp"
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// office is a PBX with a phone outside.
type office struct {
	t       *testing.T
	ctx     context.Context
	pbx     *pbx.Instance
	server  string // where phones reach it
	options pbx.Options
	outside *softphone.Phone
}

// outsideTone is what clients sound like.
const outsideTone = 1900

// open starts an Office of Asterisk 22, changed as the test wants, and the world
// outside. All waiting in the test ends after a minute.
func open(t *testing.T, change ...func(*pbx.Options)) *office {
	t.Helper()
	return openOn(t, pbx.Asterisk22, change...)
}

// everywhere runs a test in Offices of both releases, and where the old one
// speaks by its old driver.
func everywhere(t *testing.T, test func(t *testing.T, o *office)) {
	t.Run("22", func(t *testing.T) { test(t, open(t)) })
	t.Run("16", func(t *testing.T) { test(t, openOn(t, pbx.Asterisk16)) })
	t.Run("16 chan_sip", func(t *testing.T) { test(t, openOn(t, pbx.Asterisk16, oldDriver)) })
}

// oldDriver lets all phones and the trunk speak by chan_sip.
func oldDriver(o *pbx.Options) {
	for i := range o.Phones {
		o.Phones[i].Driver = pbx.ChanSIP
	}
	for i := range o.Trunks {
		o.Trunks[i].Driver = pbx.ChanSIP
	}
	o.Extensions = strings.ReplaceAll(o.Extensions, "PJSIP/", "SIP/")
}

func openOn(t *testing.T, release pbx.Release, change ...func(*pbx.Options)) *office {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	root, err := pbx.Install(ctx, release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, ctx: ctx}
	o.outside = o.phone(softphone.Options{User: "outside", Listen: "127.0.0.2:0", Tone: outsideTone})
	o.options = pbx.Office(o.outside.Addr(), 2*time.Second)
	o.options.Dir = t.TempDir()
	for _, f := range change {
		f(&o.options)
	}
	if o.pbx, err = pbx.Start(ctx, root, o.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.pbx.Stop(); err != nil {
			t.Error(err)
		}
	})
	o.server = cmp.Or(o.pbx.ChanSIPAddr, o.pbx.SIPAddr)
	o.outside.SetServer(o.server)
	return o
}

// phone makes a phone that is closed before the PBX stops.
func (o *office) phone(options softphone.Options) *softphone.Phone {
	o.t.Helper()
	p, err := softphone.New(o.ctx, options)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() {
		if err := p.Close(); err != nil {
			o.t.Errorf("close the phone: %v", err)
		}
	})
	return p
}

// desk is the registered phone of a person in the office.
func (o *office) desk(user string, tone int) *softphone.Phone {
	o.t.Helper()
	account, ok := o.options.Phone(user)
	if !ok {
		o.t.Fatalf("nobody has the extension %s", user)
	}
	p := o.phone(softphone.Options{Server: o.server, User: user, Password: account.Password, Tone: tone})
	if err := p.Register(o.ctx); err != nil {
		o.t.Fatal(err)
	}
	return p
}

// must ends the test on an error.
func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// soon fails the test when c is not closed within the test's time.
func (o *office) soon(what string, c <-chan struct{}) {
	o.t.Helper()
	select {
	case <-c:
	case <-o.ctx.Done():
		o.t.Fatalf("%s: not within the test's time", what)
	}
}
