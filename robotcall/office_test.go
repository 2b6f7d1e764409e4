package robotcall_test

import (
	"context"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/robotcall"
	"ringback/routing"
)

// release is the Asterisk that is rung: go test ./robotcall -release 16
var release = flag.String("release", string(pbx.Asterisk22), "ring on this release of Asterisk, 22 or 16")

// What the far ends sound like.
const (
	annasTone  = 700
	borisTone  = 900
	clientTone = 1900
)

// Clients who ring and give up.
const (
	firstClient  = "+79161234567"
	secondClient = "+79161234568"
)

// office is a real PBX with real phones, whose missed calls become leads, and
// whose managers are rung for them at once.
type office struct {
	t       *testing.T
	ctx     context.Context
	options pbx.Options
	pbx     *pbx.Instance
	client  *ari.Client
	outside *softphone.Phone
	desks   map[string]*softphone.Phone

	db       *db.DB
	database string
	routing  *leads.Office
	exchange *robotcall.Exchange
	rules    robotcall.Rules
	prompts  robotcall.Prompts
	life     *life
}

// life is one run of what the daemon does.
type life struct {
	book     *leads.Book
	end      context.CancelFunc
	parts    sync.WaitGroup
	dialer   *robotcall.Dialer
	managers *robotcall.Managers
}

// openOffice opens an office; change may change the company before it opens,
// and brief what managers hear.
func openOffice(t *testing.T, change func(*routing.Directory, *robotcall.Exchange), brief ...func(robotcall.Prompts)) *office {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	t.Cleanup(cancel)
	root, err := pbx.Install(ctx, pbx.Release(*release), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, ctx: ctx, desks: map[string]*softphone.Phone{}}
	o.outside = o.phone(softphone.Options{User: "outside", Listen: "127.0.0.2:0", Tone: clientTone})
	o.options = pbx.Office(o.outside.Addr(), 2*time.Second)
	o.options.Dir = t.TempDir()
	o.options.Extensions += foreignDialplans
	if o.pbx, err = pbx.Start(ctx, root, o.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.pbx.Stop(); err != nil {
			t.Error(err)
		}
	})
	o.outside.SetServer(o.pbx.SIPAddr)
	for user, tone := range map[string]int{pbx.Manager1: annasTone, pbx.Manager2: borisTone} {
		o.desks[user] = o.desk(user, softphone.Options{Tone: tone})
	}
	o.client, err = ari.NewClient(ari.Config{Name: "main", URL: o.pbx.ARIURL, Username: o.pbx.ARIUser, Password: ari.NewSecret(o.pbx.ARIPassword)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(o.client.Close)
	o.exchange = &robotcall.Exchange{Name: "main", PBX: o.client, Connect: robotcall.Connect{Context: "from-internal"}, Plan: &number.Plan{Country: "RU"}}
	directory := company()
	if change != nil {
		change(directory, o.exchange)
	}
	o.routing = &leads.Office{Directory: directory, Plans: map[string]*number.Plan{"main": o.exchange.Plan}}
	o.rules, o.prompts = robotcall.DefaultRules("RU"), robotcall.Prompts{}
	for _, shorten := range brief {
		shorten(o.prompts)
	}
	o.database = filepath.Join(t.TempDir(), "ringback.db")
	o.live()
	return o
}

// foreignDialplans are ways out that behave unlike the office's.
const foreignDialplans = `
; knows only its country's own way, and catches whatever else is dialed
[catch-all]
exten => _8XXXXXXXXXX,1,Dial(PJSIP/7${EXTEN:1}@trunk,30)
 same => n,Hangup()
exten => _X.,1,Progress()
 same => n,Playback(hello-world,noanswer)
 same => n,Congestion(1)
; answers by itself and talks before it dials
[talkative]
exten => _X.,1,Answer()
 same => n,Playback(demo-thanks)
 same => n,Dial(PJSIP/${EXTEN}@trunk,30)
 same => n,Hangup()
; the same behind another Local channel
[nested]
exten => _X.,1,Dial(Local/${EXTEN}@talkative/n,30)
 same => n,Hangup()
; refuses without dialing
[refusing]
exten => _X.,1,Hangup(21)
; lets both sides of a call transfer by key, as FreePBX does inside the house
[generous]
exten => _10X,1,Dial(PJSIP/${EXTEN},30,Tt)
 same => n,Hangup()
exten => _7XXXXXXXXXX,1,Dial(PJSIP/${EXTEN}@trunk,30,Tt)
 same => n,Hangup()
; answers, says that it cannot, and dials nobody
[sorry]
exten => _X.,1,Answer()
 same => n,Playback(hello-world)
 same => n,Hangup()
`

// company is two managers and their supervisor; whoever is missed on line 1 is
// Anna's, and she is rung at once.
func company() *routing.Directory {
	pool := routing.Pool{Name: routing.DefaultPool, Managers: []string{"anna", "boris"}, Supervisor: "clara", Pick: routing.RoundRobin,
		Missed: routing.Thresholds{MinTalk: time.Second, ExternalAfter: time.Second, ReachedAfter: time.Second},
		Ladder: routing.Ladder{AcknowledgedFor: time.Hour, Rungs: []routing.Rung{{Tell: routing.TellCall}}}}
	return &routing.Directory{
		Lines: []routing.Line{{Name: "sales", PBX: "main", Numbers: []string{"+" + pbx.LineDirect, pbx.LineDirect}}},
		Managers: []routing.Manager{
			{Login: "anna", Devices: []routing.Device{{PBX: "main", Endpoint: "PJSIP/" + pbx.Manager1}}},
			{Login: "boris", Devices: []routing.Device{{PBX: "main", Endpoint: "PJSIP/" + pbx.Manager2}}},
			{Login: "clara"},
		},
		Pools: []routing.Pool{pool},
	}
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

// desk is a registered phone.
func (o *office) desk(user string, opts softphone.Options) *softphone.Phone {
	o.t.Helper()
	account, _ := o.options.Phone(user)
	opts.Server, opts.User, opts.Password = o.pbx.SIPAddr, user, account.Password
	p := o.phone(opts)
	if err := p.Register(o.ctx); err != nil {
		o.t.Fatal(err)
	}
	return p
}

// live begins a life of the daemon; it returns when the PBX is watched.
func (o *office) live() {
	o.t.Helper()
	var err error
	if o.db, err = db.Open(o.ctx, db.Config{Path: o.database}); err != nil {
		o.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{o.t}, nil))
	book := leads.NewBook(leads.BookConfig{DB: o.db, Office: o.routing, Log: log})
	guard := robotcall.NewGuard(&o.rules, o.db, nil)
	dialer := robotcall.New(robotcall.Config{DB: o.db, Pace: robotcall.NewPacer(&o.rules), Exchanges: []*robotcall.Exchange{o.exchange}, Log: log})
	managers := robotcall.NewManagers(robotcall.ManagersConfig{DB: o.db, Dialer: dialer, Guard: guard, Book: book, Office: o.routing,
		Prompts: o.prompts, Ring: 10 * time.Second, Log: log})
	ladder := alert.New(alert.Config{Office: o.routing, Book: book, Mode: alert.Act, Calls: true, Busy: managers.Busy, Log: log})
	runner, err := jobs.NewRunner(o.db, append(ladder.Works(), managers.Work(), managers.Clicks()), jobs.Options{Log: log, Grace: time.Second})
	if err != nil {
		o.t.Fatal(err)
	}
	tracker := call.New(call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix})
	stream := ari.NewStream(o.client, ari.StreamOptions{Log: log})
	ctx, end := context.WithCancel(o.ctx)
	l := &life{book: book, end: end, dialer: dialer, managers: managers}
	o.life = l
	watching := make(chan struct{})
	var once sync.Once
	run := func(part func() error) {
		l.parts.Go(func() {
			if err := part(); err != nil && ctx.Err() == nil {
				o.t.Error(err)
			}
		})
	}
	run(func() error { return book.Run(ctx) })
	run(func() error { return runner.Run(ctx) })
	run(func() error { return dialer.Run(ctx) })
	run(func() error {
		return stream.Run(ctx, func(ev *ari.Event) {
			book.Tell(tracker.Step(ev))
			dialer.Step("main", ev)
			if ev.Type == ari.Connected {
				once.Do(func() { close(watching) })
			}
		})
	})
	o.t.Cleanup(o.stop)
	select {
	case <-watching:
	case <-ctx.Done():
		o.t.Fatal("the PBX was not watched in time")
	}
}

// stop ends the life of the daemon.
func (o *office) stop() {
	if o.life == nil {
		return
	}
	o.life.end()
	o.life.parts.Wait()
	o.life = nil
	if err := o.db.Close(); err != nil {
		o.t.Error(err)
	}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(string(p))
	return len(p), nil
}

// missed lets a client ring line 1, which is Anna's phone, and give up; before
// runs while it rings.
func (o *office) missed(number string, before ...func()) {
	o.t.Helper()
	c, err := o.outside.Dial(o.ctx, pbx.LineDirect, softphone.DialOptions{CallerID: number[1:]})
	o.do(err)
	in, err := o.desks[pbx.Manager1].ExpectRing(o.ctx)
	o.do(err)
	o.do(in.Ring())
	o.closed(c.Ringing(), "the client heard no ringing")
	for _, act := range before {
		act()
	}
	o.do(c.Hangup(o.ctx))
	o.closed(in.Cancelled(), "the phone was not told that the client gave up")
}

// clientRung waits until the client's phone rings, and picks up.
func (o *office) clientRung() *softphone.Call {
	o.t.Helper()
	in, err := o.outside.ExpectRing(o.ctx)
	o.do(err)
	c, err := in.Answer(o.ctx)
	o.do(err)
	return c
}

func (o *office) closed(c <-chan struct{}, otherwise string) {
	o.t.Helper()
	select {
	case <-c:
	case <-o.ctx.Done():
		o.t.Fatal(otherwise)
	}
}

func (o *office) do(err error) {
	o.t.Helper()
	if err != nil {
		o.t.Fatal(err)
	}
}

// rung waits until a desk rings, and picks up.
func (o *office) rung(desk string) *softphone.Call {
	o.t.Helper()
	in, err := o.desks[desk].ExpectRing(o.ctx)
	o.do(err)
	c, err := in.Answer(o.ctx)
	o.do(err)
	return c
}

// hears waits until a call hears a sound.
func (o *office) hears(c *softphone.Call, hz int) {
	o.t.Helper()
	o.do(c.Hears(o.ctx, hz))
}

// pressesUntil presses a key, which may come too soon, until the database says
// that it was heard.
func (o *office) pressesUntil(c *softphone.Call, keys, want, query string) {
	o.t.Helper()
	for {
		var got string
		if err := o.db.Reader().QueryRowContext(o.ctx, query).Scan(&got); err == nil && got == want {
			return
		}
		_ = c.SendDTMF(o.ctx, keys) // the call may be over by now, if the key was heard
		select {
		case <-time.After(500 * time.Millisecond):
		case <-o.ctx.Done():
			o.t.Fatalf("the key %s was not heard\n%s", keys, o.story())
		}
	}
}

// presses a key.
func (o *office) presses(c *softphone.Call, keys string) {
	o.t.Helper()
	o.do(c.SendDTMF(o.ctx, keys))
}

// over waits until the other side has hung up.
func (o *office) over(c *softphone.Call) {
	o.t.Helper()
	o.closed(c.Done(), "the call was not hung up")
}

func nowMillis() string { return fmt.Sprint(time.Now().UnixMilli()) }

// eventually waits until the database says so; query gives one row of one text.
func (o *office) eventually(what, want, query string, args ...any) {
	o.t.Helper()
	for {
		var got string
		err := o.db.Reader().QueryRowContext(o.ctx, query, args...).Scan(&got)
		if err == nil && got == want {
			return
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-o.ctx.Done():
			o.t.Fatalf("%s: the database says %q (%v), wanted %q\n%s", what, got, err, want, o.story())
		}
	}
}

// story is the timeline and the dials, for failures.
func (o *office) story() string {
	rows, err := o.db.Reader().Query(`SELECT 'timeline', kind || ' ' || who || ' ' || channel || ' ' || detail FROM timeline
		UNION ALL SELECT 'call', call || ' ' || direction || ' ' || caller || ' ' || dialed || ' by ' || answered_by || ' ' || verdict || ' talk ' || talk_ms FROM calls
		UNION ALL SELECT 'job', kind || ' ' || key || ' ' || state || ' ' || error FROM jobs
		UNION ALL SELECT 'dial', kind || ' ' || device || ' ' || number || ' ' || outcome || ' ' || detail || ' key ' || key FROM dials`)
	if err != nil {
		return err.Error()
	}
	defer rows.Close()
	text := ""
	for rows.Next() {
		var kind, line string
		if err := rows.Scan(&kind, &line); err != nil {
			return err.Error()
		}
		text += fmt.Sprintf("%s: %s\n", kind, line)
	}
	return text
}
