package call_test

import (
	"context"
	"flag"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// record makes the recordings in testdata/calls anew: go test ./ari/call -record
var record = flag.Bool("record", false, "write the recordings of the office's calls to testdata/calls")

// release is the Asterisk that the stories are played on: go test ./ari/call -release 16
var release = flag.String("release", string(pbx.Asterisk22), "play the stories on this release of Asterisk, 22 or 16")

// office is a real PBX whose events a tracker follows.
type office struct {
	t       *testing.T
	ctx     context.Context
	pbx     *pbx.Instance
	outside *softphone.Phone
	desks   map[string]*softphone.Phone
	facts   chan call.Fact
	frames  *frames
	idle    atomic.Bool // the tracker follows nothing
}

// frames is where the Recorder writes; it is emptied between stories.
type frames struct {
	mu  sync.Mutex
	all []byte
}

func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, p...)
	return len(p), nil
}

func (f *frames) taken() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.all
	f.all = nil
	return all
}

// openOffice opens an office; extra is dialplan beyond the office's own, files
// are further configuration.
func openOffice(t *testing.T, release pbx.Release, extra string, files map[string]string) *office {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	root, err := pbx.Install(ctx, release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, ctx: ctx, desks: map[string]*softphone.Phone{}, facts: make(chan call.Fact, 1000), frames: &frames{}}
	o.outside = o.phone(softphone.Options{User: "outside", Listen: "127.0.0.2:0"})
	opts := pbx.Office(o.outside.Addr(), 2*time.Second)
	opts.Dir = t.TempDir()
	opts.Extensions += extra
	maps.Copy(opts.Files, files)
	instance, err := pbx.Start(ctx, root, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := instance.Stop(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(cancel)
	o.pbx = instance
	o.outside.SetServer(instance.SIPAddr)
	for i, user := range []string{pbx.Supervisor, pbx.Manager1, pbx.Manager2, pbx.Colleague} {
		account, _ := opts.Phone(user)
		desk := o.phone(softphone.Options{Server: instance.SIPAddr, User: user, Password: account.Password, Tone: deskTone + 200*i})
		if err := desk.Register(ctx); err != nil {
			t.Fatal(err)
		}
		o.desks[user] = desk
	}
	o.follow(instance)
	return o
}

func (o *office) phone(opts softphone.Options) *softphone.Phone {
	o.t.Helper()
	p, err := softphone.New(o.ctx, opts)
	if err != nil {
		o.t.Fatal(err)
	}
	o.t.Cleanup(func() { p.Close() })
	return p
}

// follow watches the PBX; it returns when the watching has begun.
func (o *office) follow(instance *pbx.Instance) {
	o.t.Helper()
	client, err := ari.NewClient(ari.Config{Name: "main", URL: instance.ARIURL, Username: instance.ARIUser, Password: ari.NewSecret(instance.ARIPassword)})
	if err != nil {
		o.t.Fatal(err)
	}
	tracker := call.New(call.Options{PBX: "main", Inbound: []string{"from-trunk"}})
	stream := ari.NewStream(client, ari.StreamOptions{Recorder: ari.NewRecorder(o.frames), Log: slog.New(slog.DiscardHandler)})
	watching := make(chan struct{})
	ended := make(chan struct{})
	ctx, stop := context.WithCancel(o.ctx)
	go func() {
		defer close(ended)
		stream.Run(ctx, func(ev *ari.Event) {
			if ev.Type == ari.Connected {
				close(watching)
			}
			for _, f := range tracker.Step(ev) {
				o.facts <- f
			}
			o.idle.Store(tracker.Idle())
		})
	}()
	o.t.Cleanup(func() { stop(); <-ended; client.Close() })
	select {
	case <-watching:
	case <-o.ctx.Done():
		o.t.Fatal("the PBX was not watched in time")
	}
}

// rings lets somebody outside dial a line.
func (o *office) rings(line, caller string) *softphone.Call {
	o.t.Helper()
	c, err := o.outside.Dial(o.ctx, line, softphone.DialOptions{CallerID: caller, CallerName: "Client " + caller})
	if err != nil {
		o.t.Fatal(err)
	}
	return c
}

func (o *office) hangup(c *softphone.Call) {
	o.t.Helper()
	if err := c.Hangup(o.ctx); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) soon(what string, c <-chan struct{}) {
	o.t.Helper()
	select {
	case <-c:
	case <-o.ctx.Done():
		o.t.Fatalf("%s: not in time", what)
	}
}

func (o *office) answered(c *softphone.Call) {
	o.t.Helper()
	if err := c.WaitAnswer(o.ctx); err != nil {
		o.t.Fatal(err)
	}
}

// rung is the next call at a desk.
func (o *office) rung(desk string) *softphone.Incoming {
	o.t.Helper()
	in, err := o.desks[desk].ExpectRing(o.ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	return in
}

// deskTone is what the first of the desks sounds like; each next one is 200 Hz
// higher, in the order of openOffice.
const deskTone = 900

// talk is how long a talk of the stories lasts.
const talk = 400 * time.Millisecond

// callStory is one call: how somebody rings, and what the tracker must say of it.
type callStory struct {
	name string
	tell func(o *office)
	how  call.How
	who  string // the endpoints that were talked with, in order
	rang int    // phones that rang, at least
	// message says that a voicemail was left.
	message bool
	// direction is Inbound, and dialed the line, unless said otherwise.
	direction call.Direction
	dialed    string
}

// stories are the calls of the office's own dialplan.
var stories = []callStory{
	{name: "no-answer", how: call.NoAnswer, rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000001")
		o.rung(pbx.Manager1).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "abandoned-ringing", how: call.AbandonedRinging, rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000002")
		o.rung(pbx.Manager1).Ring()
		o.soon("ringing", c.Ringing())
		o.hangup(c)
	}},
	{name: "busy", how: call.Busy, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000003")
		o.rung(pbx.Manager1).Reject(486, "Busy Here")
		o.soon("the end", c.Done())
	}},
	{name: "declined", how: call.Rejected, rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000004")
		in := o.rung(pbx.Manager1)
		in.Ring()
		in.Reject(603, "Decline")
		o.soon("the end", c.Done())
	}},
	{name: "unregistered", how: call.Unreachable, tell: func(o *office) {
		if err := o.desks[pbx.Manager1].Unregister(o.ctx); err != nil {
			o.t.Fatal(err)
		}
		c := o.rings(pbx.LineDirect, "79161000005")
		o.soon("the end", c.Done())
		if err := o.desks[pbx.Manager1].Register(o.ctx); err != nil {
			o.t.Fatal(err)
		}
	}},
	{name: "answered", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000006")
		in := o.rung(pbx.Manager1)
		in.Ring()
		in.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk) // the length of the talk itself
		o.hangup(c)
	}},
	{name: "answered-agent-hangs-up", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineDirect, "79161000007")
		in := o.rung(pbx.Manager1)
		in.Ring()
		there, err := in.Answer(o.ctx)
		if err != nil {
			o.t.Fatal(err)
		}
		o.answered(c)
		time.Sleep(talk)
		o.hangup(there)
		o.soon("the end", c.Done())
	}},
	{name: "group-answered", how: call.Person, who: "PJSIP/102", rang: 3, tell: func(o *office) {
		c := o.rings(pbx.LineGroup, "79161000008")
		a, b, d := o.rung(pbx.Manager1), o.rung(pbx.Manager2), o.rung(pbx.Colleague)
		a.Ring()
		b.Ring()
		d.Ring()
		o.soon("ringing", c.Ringing())
		b.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "group-unanswered", how: call.NoAnswer, rang: 2, tell: func(o *office) {
		c := o.rings(pbx.LineGroup, "79161000009")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Reject(486, "Busy Here")
		in := o.rung(pbx.Colleague)
		in.Ring()
		in.Reject(603, "Decline")
		o.soon("the end", c.Done())
	}},
	{name: "local-group-answered", how: call.Person, who: "PJSIP/103", rang: 3, tell: func(o *office) {
		c := o.rings(pbx.LineLocalGroup, "79161000010")
		a, b, d := o.rung(pbx.Manager1), o.rung(pbx.Manager2), o.rung(pbx.Colleague)
		a.Ring()
		b.Ring()
		d.Ring()
		o.soon("ringing", c.Ringing())
		d.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "local-group-unanswered", how: call.NoAnswer, rang: 3, tell: func(o *office) {
		c := o.rings(pbx.LineLocalGroup, "79161000011")
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Ring()
		o.rung(pbx.Colleague).Ring()
		o.soon("the end", c.Done())
	}},
	{name: "menu-abandoned", how: call.AbandonedIVR, tell: func(o *office) {
		c := o.rings(pbx.LineMenu, "79161000012")
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "menu-ended", how: call.IVREnded, tell: func(o *office) {
		c := o.rings(pbx.LineMenu, "79161000013")
		o.answered(c)
		if err := c.SendDTMF(o.ctx, "9"); err != nil {
			o.t.Fatal(err)
		}
		o.soon("the end", c.Done())
	}},
	{name: "menu-answered", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineMenu, "79161000014")
		o.answered(c)
		if err := c.SendDTMF(o.ctx, "1"); err != nil {
			o.t.Fatal(err)
		}
		in := o.rung(pbx.Manager1)
		in.Ring()
		in.Answer(o.ctx)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "queue-abandoned", how: call.AbandonedQueue, rang: 2, tell: func(o *office) {
		c := o.rings(pbx.LineQueue, "79161000015")
		o.answered(c)
		o.rung(pbx.Manager1).Ring()
		o.rung(pbx.Manager2).Ring()
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "queue-timeout", how: call.QueueTimeout, rang: 2, tell: func(o *office) {
		c := o.rings(pbx.LineQueue, "79161000016")
		// The queue rings both for 5 s, twice.
		for range 2 {
			o.rung(pbx.Manager1).Ring()
			o.rung(pbx.Manager2).Ring()
		}
		o.soon("the end", c.Done())
	}},
	{name: "queue-answered", how: call.Person, who: "PJSIP/102", rang: 2, tell: func(o *office) {
		c := o.rings(pbx.LineQueue, "79161000017")
		o.answered(c)
		a, b := o.rung(pbx.Manager1), o.rung(pbx.Manager2)
		a.Ring()
		b.Ring()
		b.Answer(o.ctx)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "voicemail-left", how: call.Voicemail, rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineMailbox, "79161000018")
		o.rung(pbx.Manager1).Ring()
		o.answered(c)
		if err := c.SendDTMF(o.ctx, "#"); err != nil { // skips the greeting
			o.t.Fatal(err)
		}
		time.Sleep(4 * time.Second) // the message: voicemail drops shorter ones
		if err := c.SendDTMF(o.ctx, "#"); err != nil {
			o.t.Fatal(err)
		}
		o.soon("the end", c.Done())
	}},
	{name: "voicemail-greeting", how: call.Voicemail, rang: 1, tell: func(o *office) {
		c := o.rings(pbx.LineMailbox, "79161000019")
		o.rung(pbx.Manager1).Ring()
		o.answered(c)
		o.hangup(c)
	}},
	{name: "outbound-answered", direction: call.Outbound, how: call.Person, who: "PJSIP/101", dialed: "79161000020", tell: func(o *office) {
		c, in := o.calls(pbx.Manager1, "79161000020")
		if _, err := in.Answer(o.ctx); err != nil {
			o.t.Fatal(err)
		}
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "outbound-unanswered", direction: call.Outbound, how: call.AbandonedRinging, rang: 1, dialed: "79161000021", tell: func(o *office) {
		c, in := o.calls(pbx.Manager1, "+79161000021")
		o.soon("ringing", c.Ringing())
		o.hangup(c)
		o.soon("the cancel", in.Cancelled())
	}},
	{name: "outbound-busy", direction: call.Outbound, how: call.Busy, dialed: "79161000022", tell: func(o *office) {
		c, in := o.calls(pbx.Manager2, "79161000022")
		in.Reject(486, "Busy Here")
		o.soon("the end", c.Done())
	}},
	{name: "internal", direction: call.Internal, how: call.Person, who: "PJSIP/102", rang: 1, dialed: "102", tell: func(o *office) {
		c, err := o.desks[pbx.Manager1].Dial(o.ctx, pbx.Manager2, softphone.DialOptions{})
		if err != nil {
			o.t.Fatal(err)
		}
		in := o.rung(pbx.Manager2)
		in.Ring()
		in.Answer(o.ctx)
		o.answered(c)
		time.Sleep(talk)
		o.hangup(c)
	}},
	{name: "two-calls-of-one-caller", how: call.Person, who: "PJSIP/101", rang: 1, tell: func(o *office) {
		first := o.rings(pbx.LineDirect, "79161000023")
		one := o.rung(pbx.Manager1)
		one.Ring()
		second := o.rings(pbx.LineDirect, "79161000023")
		two := o.rung(pbx.Manager1)
		two.Ring()
		two.Answer(o.ctx)
		o.answered(second)
		o.hangup(first)
		time.Sleep(talk)
		o.hangup(second)
		if end := o.end(call.Inbound); end.How != call.AbandonedRinging {
			o.t.Errorf("the call that gave up: how = %s", end.How)
		}
	}},
}

// calls lets a desk call somebody outside, whose phone rings.
func (o *office) calls(desk, number string) (*softphone.Call, *softphone.Incoming) {
	o.t.Helper()
	c, err := o.desks[desk].Dial(o.ctx, number, softphone.DialOptions{})
	if err != nil {
		o.t.Fatal(err)
	}
	in, err := o.outside.ExpectRing(o.ctx)
	if err != nil {
		o.t.Fatal(err)
	}
	in.Ring()
	return c, in
}

// TestStories plays every call on a real Asterisk while a tracker follows, and
// with -record keeps what Asterisk sent.
func TestStories(t *testing.T) {
	t.Parallel()
	openOffice(t, pbx.Release(*release), "", nil).play(stories)
}

// play tells stories one after the other.
func (o *office) play(stories []callStory) {
	t := o.t
	defer func() { o.t = t }()
	for _, s := range stories {
		ok := t.Run(s.name, func(t *testing.T) {
			o.t = t
			o.frames.taken()
			s.tell(o)
			if s.direction == "" {
				s.direction = call.Inbound
			}
			s.check(t, o.end(s.direction))
			o.quiet()
			if t.Failed() {
				o.keep(s.name)
			}
			if *record {
				path := filepath.Join("../../testdata/calls", s.name+".jsonl")
				if err := os.WriteFile(path, o.frames.taken(), 0o644); err != nil {
					t.Fatal(err)
				}
			}
		})
		if !ok && o.ctx.Err() != nil {
			break // what follows would only fail with it
		}
	}
}

// keep saves what the PBX sent in a story that came out otherwise.
func (o *office) keep(name string) {
	f, err := os.CreateTemp("", "ringback-"+name+"-*.jsonl")
	if err != nil {
		o.t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(o.frames.taken()); err != nil {
		o.t.Fatal(err)
	}
	o.t.Log("what the PBX sent is kept in", f.Name())
}

// check holds the end of a call against its story.
func (s *callStory) check(t *testing.T, end call.Call) {
	t.Helper()
	if end.How != s.how {
		t.Errorf("how = %s, want %s", end.How, s.how)
	}
	if s.dialed != "" && end.Dialed != s.dialed {
		t.Errorf("dialed %q, want %q", end.Dialed, s.dialed)
	}
	if s.message && !end.Message {
		t.Error("the voicemail was not seen")
	}
	var who []string
	for _, talk := range end.Talks {
		who = append(who, talk.Who.Endpoint)
	}
	if got := strings.Join(who, " "); got != s.who {
		t.Errorf("talked with %q, want %q", got, s.who)
	}
	rang := 0
	for _, l := range end.Legs {
		if l.Rang {
			rang++
		}
	}
	if rang < s.rang {
		t.Errorf("rang: %d phones, want %d: %+v", rang, s.rang, end.Legs)
	}
	if t.Failed() {
		t.Logf("%+v", end)
	}
}

// quiet waits until the last channel and bridge of a story are gone: so long
// does its recording last.
func (o *office) quiet() {
	o.t.Helper()
	for tick := time.NewTicker(time.Millisecond); !o.idle.Load(); {
		select {
		case <-tick.C:
		case <-o.ctx.Done():
			left, err := o.pbx.CLI(o.t.Context(), "core show channels concise")
			o.t.Fatalf("the tracker still follows something although the call is over; on the PBX live %q, %v", left, err)
		}
	}
}

// end waits for the end of the call that the story is about.
func (o *office) end(direction call.Direction) call.Call {
	o.t.Helper()
	for {
		select {
		case f := <-o.facts:
			if f.Kind == call.Ended && f.Call.Direction == direction {
				return f.Call
			}
		case <-o.ctx.Done():
			o.t.Fatal("the call did not end in time")
		}
	}
}
