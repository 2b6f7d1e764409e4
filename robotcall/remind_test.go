package robotcall_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/robotcall"
	"ringback/routing"
)

// reminding is an office whose daemon calls clients, and nobody else.
type reminding struct {
	*office
	desk   *appointments.Desk
	asked  int
	end    context.CancelFunc
	parts  sync.WaitGroup
	opened bool
	plus   atomic.Bool // the dialplan knows numbers with a plus alone
	dead   atomic.Bool // nothing is written and nothing is asked any more, as after kill -9
}

// lifeline is the PBX as long as the daemon lives.
type lifeline struct {
	robotcall.PBX
	r *reminding
}

func (l lifeline) Originate(ctx context.Context, channel string, req ari.OriginateRequest) (ari.Channel, error) {
	if l.r.plus.Load() {
		req.Endpoint = strings.Replace(req.Endpoint, "Local/7", "Local/no-such-extension-7", 1)
	}
	return l.PBX.Originate(ctx, channel, req)
}

var errKilled = errors.New("killed")

func (l lifeline) Hangup(ctx context.Context, channel string) error {
	if l.r.dead.Load() {
		return errKilled
	}
	return l.PBX.Hangup(ctx, channel)
}

func openReminding(t *testing.T, way string) *reminding {
	t.Helper()
	o := openOffice(t, func(_ *routing.Directory, x *robotcall.Exchange) { x.Connect.Context = way })
	o.stop() // its daemon rings managers
	o.rules.Hours = routing.Hours{}
	r := &reminding{office: o}
	o.exchange.PBX = lifeline{o.exchange.PBX, r}
	t.Cleanup(r.leave)
	r.begin()
	return r
}

// begin begins a life of the daemon; it returns when the PBX is watched.
func (r *reminding) begin() {
	r.t.Helper()
	var err error
	r.dead.Store(false)
	hook := func(b db.Boundary) error {
		if r.dead.Load() && !b.After {
			return errKilled
		}
		return nil
	}
	if r.db, err = db.Open(r.ctx, db.Config{Path: r.database, Hook: hook}); err != nil {
		r.t.Fatal(err)
	}
	log := slog.New(slog.NewTextHandler(testLog{r.t}, nil))
	book := leads.NewBook(leads.BookConfig{DB: r.db, Office: r.routing, Log: log})
	rules := appointments.DefaultConfig()
	rules.Grace, rules.Media = 0, map[string][]string{"en": {"sound:hello-world", "{day}", "{time}"}}
	r.desk = appointments.NewDesk(appointments.DeskConfig{Office: r.routing, Book: book, Plan: r.exchange.Plan, Reminders: rules, Window: r.rules.CallHours,
		Tell: func(tx *db.Tx, n appointments.Notice) error {
			return leads.Note(tx, leads.Entry{Contact: leads.Ref(n.Appointment.Contact), Kind: "told", Who: n.To, Detail: string(n.Why) + " " + string(n.Outcome) + " " + string(n.Reason)})
		}})
	dialer := robotcall.New(robotcall.Config{DB: r.db, Pace: robotcall.NewPacer(&r.rules), Exchanges: []*robotcall.Exchange{r.exchange}, Log: log})
	reminders := robotcall.NewReminders(robotcall.RemindersConfig{DB: r.db, Dialer: dialer, Guard: robotcall.NewGuard(&r.rules, r.db, nil), Rules: &r.rules,
		Desk: r.desk, Office: r.routing, Ring: 10 * time.Second, Log: log})
	runner, err := jobs.NewRunner(r.db, []jobs.Work{reminders.Work()}, jobs.Options{Log: log, Grace: time.Second})
	if err != nil {
		r.t.Fatal(err)
	}
	tracker := call.New(call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: robotcall.ChannelPrefix})
	stream := ari.NewStream(r.client, ari.StreamOptions{Log: log})
	ctx, end := context.WithCancel(r.ctx)
	r.end, r.opened = end, true
	watching := make(chan struct{})
	var once sync.Once
	for _, part := range []func() error{
		func() error { return book.Run(ctx) },
		func() error { return runner.Run(ctx) },
		func() error { return dialer.Run(ctx) },
		func() error {
			return stream.Run(ctx, func(ev *ari.Event) {
				book.Tell(tracker.Step(ev))
				dialer.Step("main", ev)
				if ev.Type == ari.Connected {
					once.Do(func() { close(watching) })
				}
			})
		},
	} {
		r.parts.Go(func() {
			if err := part(); err != nil && ctx.Err() == nil {
				r.t.Error(err)
			}
		})
	}
	r.closed(watching, "the PBX was not watched in time")
}

// leave ends the life of the daemon.
func (r *reminding) leave() {
	if !r.opened {
		return
	}
	r.opened = false
	r.end()
	r.parts.Wait()
	r.do(r.db.Close())
}

// killed ends the life of the daemon without a word.
func (r *reminding) killed() {
	r.dead.Store(true)
	r.leave()
}

// book makes an appointment for tomorrow with a client who was not called before.
func (r *reminding) book() (number string) {
	r.t.Helper()
	r.asked++
	number = fmt.Sprintf("+7916123%04d", r.asked)
	r.do(r.db.Do(r.ctx, func(tx *db.Tx) error {
		_, _, err := r.desk.Create(tx, appointments.Wanted{Number: number, Manager: "anna", StartsAt: tx.Now().Add(23 * time.Hour).Format(time.RFC3339)})
		return err
	}))
	return number
}

// wantOutcome waits until the newest reminder has ended so, and the house was
// told.
func (r *reminding) wantOutcome(outcome, state, told string) {
	r.t.Helper()
	r.eventually("what became of the reminder", outcome+", "+state+", "+told, `SELECT r.outcome || ', ' || a.state || ', ' ||
		COALESCE((SELECT GROUP_CONCAT(who || ' ' || detail) FROM timeline t WHERE t.kind = 'told' AND t.contact = a.contact), '')
		FROM reminders r JOIN appointments a ON a.id = r.appointment ORDER BY r.id DESC LIMIT 1`)
}

// TestReminders rings clients of one office.
func TestReminders(t *testing.T) {
	r := openReminding(t, "from-internal")
	for _, c := range []struct {
		name string
		tell func(r *reminding)
	}{
		{"what is composed in English is there", composedIsThere},
		{"a key says what the client wants", pressed},
		{"a client hangs up in the middle", hungUp},
		{"a client is busy", busyClient},
		{"the dialplan wants a plus", wantsPlus},
		{"a recording is missing", missingRecording},
		{"a client is connected", connectedClient},
		{"a client is connected, and they talk", connectedClientTalks},
		{"the daemon is killed while a client listens", killedWhileHeard},
		{"the daemon is stopped while a client listens", stoppedWhileHeard},
		{"nobody is there to be connected with", nobodyThere},
	} {
		if !t.Run(c.name, func(t *testing.T) {
			r.t = t
			c.tell(r)
		}) {
			break
		}
	}
	r.t = t
}

// composedIsThere: Asterisk has every sound that dates, times and numbers are put
// together from.
func composedIsThere(r *reminding) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	used := map[string]bool{}
	for i := range 24 * 60 {
		b := robotcall.Booked{Starts: start.Add(time.Duration(i) * (24*time.Hour + time.Minute)), Fields: map[string]string{"n": fmt.Sprint(i * i * 300)}}
		media, err := robotcall.Compose("en", []string{"{day}", "{date}", "{time}", "{number:n}"}, b, start)
		r.do(err)
		for _, uri := range media {
			used[uri] = true
		}
	}
	for uri := range used {
		if has, err := r.exchange.PBX.HasMedia(r.ctx, uri, "en"); err != nil || !has {
			r.t.Errorf("%s: %v %v", uri, has, err)
		}
	}
	if len(used) < 70 {
		r.t.Errorf("only %d sounds were looked up", len(used))
	}
}

// pressed: what each key does, and what none and a wrong one do.
func pressed(r *reminding) {
	for _, c := range []struct {
		press                []string // each after a voice was heard
		outcome, state, told string
	}{
		{[]string{"1"}, "confirmed", "confirmed", "anna reminder_answered confirmed "},
		{[]string{"2"}, "cancel_asked", "cancel_asked", "anna reminder_answered cancel_asked "},
		{[]string{"9"}, "opted_out", "booked", "anna reminder_answered opted_out "},
		{[]string{"5", "*", "1"}, "confirmed", "confirmed", "anna reminder_answered confirmed "},
		{nil, "heard", "booked", "anna appointment heard "},
	} {
		number := r.book()
		client := r.clientRung()
		for _, key := range c.press {
			r.hears(client, softphone.Voice)
			r.presses(client, key)
		}
		r.over(client)
		r.wantOutcome(c.outcome, c.state, c.told)
		r.eventually("the call is in the book", "answered", "SELECT outcome FROM dials WHERE number = $1", number)
	}
	r.eventually("who opted out is in the ledger", "refused +79161230003", "SELECT kind || ' ' || number FROM consents")
}

// hungUp: who hangs up in the middle has heard it.
func hungUp(r *reminding) {
	r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.do(client.Hangup(r.ctx))
	r.wantOutcome("heard", "booked", "anna appointment heard ")
}

// busyClient: who is busy is called again later.
func busyClient(r *reminding) {
	began := time.Now().UnixMilli()
	number := r.book()
	in, err := r.outside.ExpectRing(r.ctx)
	r.do(err)
	r.do(in.Reject(486, "Busy Here"))
	r.eventually("it is tried again in five minutes", "1", `SELECT COUNT(*) FROM jobs WHERE kind = 'reminder' AND state = 'waiting' AND attempt = 1
		AND due BETWEEN $1 + 300000 AND $1 + 360000`, began)
	r.eventually("the history says so", "1", "SELECT COUNT(*) FROM timeline WHERE kind = 'reminder_tried' AND detail LIKE 'busy%'")
	r.eventually("the call is in the book", "busy", "SELECT outcome FROM dials WHERE number = $1", number)
}

// wantsPlus: what the dialplan does not know is tried in the next way at once,
// as one call, and the next client is called in the way that went.
func wantsPlus(r *reminding) {
	r.plus.Store(true)
	defer r.plus.Store(false)
	for _, ways := range []string{"failed Local/7%s@from-internal, answered Local/+7%[1]s@from-internal 1", "answered Local/+7%s@from-internal 1"} {
		number := r.book()
		client := r.clientRung()
		r.hears(client, softphone.Voice)
		r.presses(client, "1")
		r.over(client)
		r.wantOutcome("confirmed", "confirmed", "anna reminder_answered confirmed ")
		r.eventually("the ways that were tried", fmt.Sprintf(ways, number[2:]), `SELECT GROUP_CONCAT(outcome || ' ' || device, ', ') || ' ' || COUNT(DISTINCT call)
			FROM (SELECT * FROM dials WHERE number = $1 ORDER BY id)`, number)
	}
}

// missingRecording: what the PBX does not have is asked for before the first
// call.
func missingRecording(r *reminding) {
	r.do(r.db.Do(r.ctx, func(tx *db.Tx) error {
		_, _, err := r.desk.Ask(tx, appointments.Asked{Number: firstClient, Manager: "anna", Media: []string{"sound:hello-world", "sound:custom/none"}})
		return err
	}))
	r.eventually("why it was not made", "not_made missing_sound: sound:custom/none in en", "SELECT outcome || ' ' || detail FROM reminders ORDER BY id DESC LIMIT 1")
	r.eventually("nobody was dialed", "0", "SELECT COUNT(*) FROM dials WHERE number = $1", firstClient)
}

// connectedClient: who wants to talk with somebody is connected with the
// manager's phone, and the call outlives the daemon.
func connectedClient(r *reminding) {
	number := r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.presses(client, "3")
	anna := r.rung(pbx.Manager1)
	r.hears(anna, clientTone)
	r.hears(client, annasTone)
	r.leave()
	r.begin()
	r.wantOutcome("person_asked", "booked", "anna reminder_answered person_asked ")
	r.eventually("Anna owes a call, in case it comes to nothing", "anna", "SELECT manager FROM leads WHERE missed = 0")
	r.do(anna.Hangup(r.ctx))
	r.over(client)
	r.eventually("the dials have ended", "connect answered, reminder answered", `SELECT GROUP_CONCAT(kind || ' ' || outcome, ', ')
		FROM (SELECT * FROM dials WHERE ended > 0 AND reminder = (SELECT reminder FROM dials WHERE number = $1) ORDER BY kind)`, number)
}

// connectedClientTalks: what the tracker sees of the talk settles the lead.
func connectedClientTalks(r *reminding) {
	number := r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.presses(client, "3")
	anna := r.rung(pbx.Manager1)
	r.hears(anna, clientTone)
	time.Sleep(time.Second + 200*time.Millisecond) // a talk that counts takes a second
	r.do(anna.Hangup(r.ctx))
	r.over(client)
	r.eventually("the lead is closed", "called_back anna", `SELECT outcome || ' ' || closed_by FROM leads
		WHERE contact = (SELECT contact FROM numbers WHERE number = $1)`, number)
}

// killedWhileHeard: the next life goes on with the call that is there, and
// places no other.
func killedWhileHeard(r *reminding) {
	number := r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.killed()
	r.begin()
	r.pressesUntil(client, "1", "confirmed", "SELECT outcome FROM reminders ORDER BY id DESC LIMIT 1")
	r.over(client)
	r.eventually("there was one call", "1", "SELECT COUNT(*) FROM dials WHERE number = $1", number)
}

// stoppedWhileHeard: a stop that has waited long enough ends the call, and the
// manager hears that it was cut short. The client is not called again.
func stoppedWhileHeard(r *reminding) {
	number := r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.leave()
	r.over(client)
	r.begin()
	r.wantOutcome("unsure", "booked", "anna appointment unsure ")
	r.eventually("there was one call", "1", "SELECT COUNT(*) FROM dials WHERE number = $1", number)
}

// nobodyThere: Anna's phone is away, so she is to call back.
func nobodyThere(r *reminding) {
	r.do(r.desks[pbx.Manager1].Close())
	number := r.book()
	client := r.clientRung()
	r.hears(client, softphone.Voice)
	r.presses(client, "3")
	r.over(client)
	r.wantOutcome("person_asked", "booked", "anna reminder_answered person_asked ")
	r.eventually("Anna owes them a call", "anna", `SELECT manager FROM leads WHERE closed IS NULL
		AND contact = (SELECT contact FROM numbers WHERE number = $1)`, number)
	r.eventually("nobody was dialed for it", "reminder", `SELECT GROUP_CONCAT(kind) FROM dials WHERE reminder = (SELECT reminder FROM dials WHERE number = $1)`, number)
}
