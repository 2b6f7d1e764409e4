package softphone_test

import (
	"context"
	"os"
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
	options pbx.Options
	outside *softphone.Phone
}

// outsideTone is what clients sound like.
const outsideTone = 1900

// open starts an Office of Asterisk 22, changed as the test wants, and the world
// outside. All waiting in the test ends after a minute.
func open(t *testing.T, change ...func(*pbx.Options)) *office {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	root, err := pbx.Install(ctx, pbx.Asterisk22, os.Stderr)
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
	o.outside.SetServer(o.pbx.SIPAddr)
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
	p := o.phone(softphone.Options{Server: o.pbx.SIPAddr, User: user, Password: account.Password, Tone: tone})
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
