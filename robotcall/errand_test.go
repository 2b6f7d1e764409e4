package robotcall

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/routing"
)

// reception is Anna's office: leads of hers, and her phone, which she picks up
// unless a test says otherwise. She acts when she has heard the menu.
type reception struct {
	*exchangeRoom
	book     *leads.Book
	managers *Managers
	job      jobs.Job
	calls    int
	shown    []string // the caller ids that were set
	presses  []func() // what Anna does after each menu
	menuEnds string   // the last of its sounds
	heard    []string // all that was played to her
	endpoint func() (ari.Endpoint, error)
	life     context.Context // of the daemon, until stop
	stop     func()
}

// annasPBX is the switchboard with her phone.
type annasPBX struct {
	*switchboard
	r *reception
}

func (p annasPBX) Endpoint(context.Context, string, string) (ari.Endpoint, error) {
	return p.r.endpoint()
}

func (p annasPBX) SetVariable(_ context.Context, _, name, value string) error {
	if name == "CALLERID(num)" {
		p.r.shown = append(p.r.shown, value)
	}
	return nil
}

// Play takes no time, and what follows the menu is Anna's.
func (p annasPBX) Play(ctx context.Context, id, playback, language string, media ...string) error {
	if err := p.switchboard.Play(ctx, id, playback, language, media...); err != nil {
		return err
	}
	p.r.heard = append(p.r.heard, media...)
	p.r.dialer.Step("main", &ari.Event{Type: ari.PlaybackFinished, PlaybackID: playback, Playback: "done"})
	if strings.HasSuffix(media[len(media)-1], p.r.menuEnds) && len(p.r.presses) > 0 { // the end of the menu
		act := p.r.presses[0]
		p.r.presses = p.r.presses[1:]
		act()
	}
	return nil
}

// newReception has so many leads, all of which ask for a call.
func newReception(t *testing.T, missed int) *reception {
	t.Helper()
	r := &reception{exchangeRoom: newRoom(t), menuEnds: "vm-message"}
	r.life, r.stop = context.WithCancel(t.Context())
	t.Cleanup(r.stop)
	r.endpoint = func() (ari.Endpoint, error) { return ari.Endpoint{State: "online"}, nil }
	exchange := &Exchange{Name: "main", PBX: annasPBX{r.pbx, r}, Connect: Connect{Context: "out"}}
	r.dialer = New(Config{DB: r.db, Pace: NewPacer(anyHour()), Exchanges: []*Exchange{exchange}})
	r.watch()
	r.pbx.originate = func(id string) error {
		r.pbx.set(id, "Up", "Stasis")
		r.event(ari.StasisStart, id)
		return nil
	}
	office := &leads.Office{Plans: map[string]*number.Plan{"main": {Country: "RU"}}, Directory: &routing.Directory{
		Lines:    []routing.Line{{Name: "sales", PBX: "main", Numbers: []string{"+74951000001"}}},
		Managers: []routing.Manager{{Login: "anna", Devices: []routing.Device{{PBX: "main", Endpoint: "PJSIP/101"}}}},
		Pools: []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "anna", CallerID: "+74951000009",
			Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()}},
	}}
	r.book = leads.NewBook(leads.BookConfig{DB: r.db, Office: office})
	r.managers = NewManagers(ManagersConfig{DB: r.db, Dialer: r.dialer, Guard: r.guard, Book: r.book, Office: office, Ring: 20 * time.Second})
	for range missed {
		r.missed()
	}
	r.read("SELECT id FROM jobs WHERE kind = 'call'", &r.job.ID)
	r.job.Kind, r.job.Lane, r.job.Payload, r.job.Attempt = leads.KindCall, "anna", []byte(`{"manager":"anna"}`), 1
	return r
}

// missed is a call of a new client that nobody answers, and a rung that asks
// for a call to Anna.
func (r *reception) missed() {
	r.t.Helper()
	r.calls++
	c := call.Call{PBX: "main", ID: fmt.Sprint(r.calls), Direction: call.Inbound, Caller: fmt.Sprintf("+7916000000%d", r.calls), Dialed: "+74951000001",
		HungUp: true, Started: time.Now().Add(-20 * time.Second), Ended: time.Now(), How: call.AbandonedRinging}
	r.tell(call.Ended, c)
	r.write(func(tx *db.Tx) error {
		l, err := leads.Find(tx, int64(r.calls))
		if err != nil {
			return err
		}
		if err := leads.Climbed(tx, l, leads.RungDue{Ladder: l.Ladder}, time.Time{}); err != nil {
			return err
		}
		_, err = leads.AskForCall(tx, l, fmt.Sprint("lead", l.ID))
		return err
	})
}

// talk lets the client of a lead talk with somebody, until the end is called.
func (r *reception) talk(lead int) (end func()) {
	c := call.Call{PBX: "main", ID: fmt.Sprint("talk", lead), Direction: call.Outbound, Caller: "109", Dialed: fmt.Sprintf("+7916000000%d", lead),
		Started: time.Now(), Talks: []call.Talk{{Channel: "x", Who: call.Party{Endpoint: "PJSIP/109"}, Start: time.Now()}}}
	r.tell(call.Reached, c)
	return func() {
		c.Ended, c.How, c.Talks[0].End = time.Now(), call.Person, time.Now()
		r.tell(call.Ended, c)
	}
}

func (r *reception) tell(kind call.Kind, c call.Call) {
	r.t.Helper()
	for _, err := range r.book.Record(r.t.Context(), []call.Fact{{Kind: kind, At: time.Now(), Call: c}}) {
		if err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *reception) write(fn func(tx *db.Tx) error) {
	r.t.Helper()
	if err := r.db.Do(r.t.Context(), fn); err != nil {
		r.t.Fatal(err)
	}
}

func (r *reception) read(query string, into any) {
	r.t.Helper()
	if err := r.db.Reader().QueryRow(query).Scan(into); err != nil {
		r.t.Fatalf("%s: %v", query, err)
	}
}

// do does the job of the call, and writes down what became of it.
func (r *reception) do() jobs.Result {
	r.t.Helper()
	res := r.managers.do(r.life, r.job)
	if res.Note != nil {
		r.write(res.Note)
	}
	return res
}

// wantAsking compares the leads that ask for a call, and whether another is
// promised.
func (r *reception) wantAsking(promised bool, want ...string) {
	r.t.Helper()
	var asking string
	r.read("SELECT COALESCE(group_concat(id, ' '), '') FROM (SELECT id FROM leads WHERE call_due > 0 AND closed IS NULL ORDER BY id)", &asking)
	var next int
	r.read(fmt.Sprintf("SELECT COUNT(*) FROM jobs WHERE kind = 'call' AND key = 'call:anna:after:%d'", r.job.ID), &next)
	if asking != strings.Join(want, " ") || (next > 0) != promised {
		r.t.Errorf("there ask %q and another call is promised: %v; want %q, %v", asking, next > 0, want, promised)
	}
}

// wantNotes compares what the timelines say of calls: "1: answered: later".
func (r *reception) wantNotes(want ...string) {
	r.t.Helper()
	var all string
	r.read("SELECT COALESCE(group_concat(lead || ': ' || detail, '\n'), '') FROM (SELECT * FROM timeline WHERE kind = 'robot_call' ORDER BY lead, id)", &all)
	if all != strings.Join(want, "\n") {
		r.t.Errorf("the timelines say\n%s\nwant\n%s", all, strings.Join(want, "\n"))
	}
}

// press is a key that Anna presses on the phone that rang last.
func (r *reception) press(key string) func() {
	return func() {
		r.dialer.Step("main", &ari.Event{Type: ari.ChannelDtmfReceived, Channel: ari.Channel{ID: r.channel()}, Digit: key})
	}
}

// hangsUp is Anna hanging up.
func (r *reception) hangsUp() {
	r.pbx.mu.Lock()
	delete(r.pbx.live, r.channel())
	r.pbx.mu.Unlock()
	r.dialer.Step("main", &ari.Event{Type: ari.ChannelDestroyed, Channel: ari.Channel{ID: r.channel()}, Cause: 16})
}

func (r *reception) channel() (id string) {
	r.read("SELECT channel FROM dials WHERE kind = 'manager' ORDER BY id DESC LIMIT 1", &id)
	return id
}

// book writes the row of a call that a former life has placed.
func (r *reception) booked(kind dials.Kind, lead int64, end dials.Outcome) dials.Dial {
	r.t.Helper()
	d := dials.Dial{Channel: ChannelPrefix + string(kind), Call: "former", PBX: "main", Kind: kind, Device: "PJSIP/101", Who: "anna", Job: r.job.ID, Lead: lead}
	r.write(func(tx *db.Tx) error {
		if err := dials.Insert(tx, &d); err != nil || end == "" {
			return err
		}
		return dials.End(tx, d.Channel, end, "")
	})
	return d
}

func inReception(t *testing.T, missed int, tell func(r *reception)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { tell(newReception(t, missed)) })
}

// A call waits for a talk that may settle its lead, and is not forgotten for it.
func TestCallWaitsForTheTalk(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		end := r.talk(1)
		if res := r.do(); res.Again != soon {
			t.Errorf("while the client is on the phone: %+v", res)
		}
		r.wantAsking(false, "1")
		end() // too short to settle anything
		r.presses = []func(){r.press(keyLater)}
		r.do()
		r.wantNotes("1: answered: later")
	})
}

// With two leads the one whose client is on the phone gets the next call.
func TestTheOtherIsNotForgotten(t *testing.T) {
	inReception(t, 2, func(r *reception) {
		r.talk(1)
		r.presses = []func(){r.press(keyLater)}
		r.do()
		r.wantNotes("2: answered: later")
		r.wantAsking(true, "1")
	})
}

// After a crash between the end of a call and its record, what rang is noted, and
// what has asked since has its own call.
func TestACallWhoseRecordWasLost(t *testing.T) {
	inReception(t, 2, func(r *reception) {
		r.booked(dials.Manager, 1, dials.NoAnswer)
		r.write(func(tx *db.Tx) error { // the first had been told of before
			return leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Kind: leads.EntryRobotCall, Who: "anna", Detail: "answered: no key was pressed"})
		})
		time.Sleep(time.Second)
		r.missed()
		r.do()
		r.wantNotes("1: answered: no key was pressed", "2: PJSIP/101: no_answer", "3: PJSIP/101: no_answer")
		r.wantAsking(true, "3")
		if len(r.pbx.played) > 0 {
			t.Error("Anna was rung again")
		}
	})
}

// A manager who was connected by a life that died then has taken the lead on.
func TestConnectedByADeadProcess(t *testing.T) {
	inReception(t, 2, func(r *reception) {
		former := r.booked(dials.Manager, 1, "")
		r.answered(Pass{dial: former})
		r.booked(dials.Connect, 1, "")
		r.pbx.set(former.Channel, "Up", "Dial")
		r.do()
		r.wantNotes("1: answered: connect")
		r.wantAsking(true, "2")
		var by string
		r.read("SELECT ack_by FROM leads WHERE id = 1", &by)
		if by != "anna" {
			t.Errorf("the lead is acknowledged by %q", by)
		}
	})
}

// Whoever is connected about the first hears of the others in a next call; whoever
// hangs up has heard how many there are, and is not rung again.
func TestWhatWasNotTold(t *testing.T) {
	for name, c := range map[string]struct {
		does   func(r *reception) []func()
		notes  []string
		asking []string
	}{
		"connected": {func(r *reception) []func() { return []func(){r.press(keyConnect)} },
			[]string{"1: answered: connect"}, []string{"2", "3"}},
		"hung up": {func(r *reception) []func() { return []func(){r.hangsUp} },
			[]string{"1: answered: hung up without a key", "2: answered: hung up, before this was told", "3: answered: hung up, before this was told"}, nil},
		"no key": {func(r *reception) []func() { return nil },
			[]string{"1: answered: no key was pressed", "2: answered: no key was pressed, before this was told", "3: answered: no key was pressed, before this was told"}, nil},
		"all told": {func(r *reception) []func() {
			return []func(){r.press(keyLater), r.press(keySettled), r.press(keyLater)}
		}, []string{"1: answered: later", "2: answered: settled", "3: answered: later"}, nil},
		"the daemon is stopped": {func(r *reception) []func() { return []func(){r.press(keyLater), r.stop} },
			[]string{"1: answered: later", "2: answered: cut short, as the daemon was stopped", "3: answered: cut short, as the daemon was stopped"}, []string{"2", "3"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newReception(t, 3)
				r.presses = c.does(r)
				r.do()
				r.wantNotes(c.notes...)
				r.wantAsking(len(c.asking) > 0, c.asking...)
			})
		})
	}
}

// A phone that rings when the daemon stops is rung again by its next life.
func TestStoppedWhileItRings(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.pbx.originate = func(string) error { r.stop(); return nil }
		r.do()
		r.wantNotes("1: not answered before the daemon was stopped")
		r.wantAsking(true, "1")
	})
}

// The pool's caller id is sent as it is written.
func TestShownNumberAsWritten(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.presses = []func(){r.press(keyConnect)}
		r.do()
		if !slices.Equal(r.shown, []string{"+74951000009"}) {
			t.Errorf("the client was shown %q", r.shown)
		}
	})
}

// A lead without a line is shown under what the client had dialed, and never
// under a number that is empty.
func TestShownNumberWithoutALine(t *testing.T) {
	for dialed, want := range map[string]string{"+74951000001": `"Missed calls: 1" <74951000001>`, "s": `"Missed calls: 1"`, "100": `"Missed calls: 1"`} {
		inReception(t, 1, func(r *reception) {
			directory := r.managers.cfg.Office.Directory
			directory.Lines, directory.Pools[0].CallerID = nil, ""
			r.write(func(tx *db.Tx) error {
				if _, err := tx.Exec("UPDATE calls SET dialed = $1", dialed); err != nil {
					return err
				}
				e, err := r.managers.errand(tx, r.job)
				if err == nil && e.callerID() != want {
					t.Errorf("%s: the phone shows %s", dialed, e.callerID())
				}
				return err
			})
		})
	}
}

// Of the phones of one person, the timeline names those that were not rung.
func TestPhonesThatAreLeftOut(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		anna := &r.managers.cfg.Office.Directory.Managers[0]
		anna.Devices = append(anna.Devices, routing.Device{PBX: "main", Endpoint: "PJSIP/102"}, routing.Device{PBX: "main", Endpoint: "PJSIP/103"})
		asked := 0
		r.endpoint = func() (ari.Endpoint, error) {
			switch asked++; asked {
			case 2:
				return ari.Endpoint{State: "offline"}, nil
			case 3:
				return ari.Endpoint{}, errors.New("away for a moment")
			}
			return ari.Endpoint{State: "online"}, nil
		}
		r.presses = []func(){r.press(keyLater)}
		r.do()
		r.wantNotes("1: answered: later; not rung: phone 102 is not registered; PBX main does not tell of phone 103")
	})
}

// Who has quiet by the time that a call which was asked for has its turn is not
// rung; one that goes on is gone on with.
func TestQuietSinceItWasAskedFor(t *testing.T) {
	for _, why := range []string{"", "quiet"} {
		inReception(t, 1, func(r *reception) {
			r.managers.cfg.Disturbs = func(*db.Tx, string) (string, error) { return why, nil }
			rung := 0
			r.pbx.originate = func(string) error { rung++; return nil }
			r.presses = []func(){r.press(keyLater)}
			r.do()
			if want := map[string]int{"": 1}[why]; rung != want {
				t.Errorf("%q: rung %d times, want %d", why, rung, want)
			}
			if why != "" {
				r.wantNotes("1: not rung: quiet")
				r.wantAsking(false)
			}
		})
	}
	inReception(t, 1, func(r *reception) {
		r.managers.cfg.Disturbs = func(*db.Tx, string) (string, error) { return "quiet", nil }
		r.booked(dials.Manager, 1, dials.NoAnswer)
		r.do()
		r.wantNotes("1: PJSIP/101: no_answer")
	})
}

// A lead is taken on when the two are connected, and not by a key alone.
func TestAConnectionThatFails(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.pbx.onward = func(string) error { return &ari.RequestError{Status: http.StatusInternalServerError} }
		r.presses = []func(){r.press(keyConnect)}
		r.do()
		r.wantNotes("1: answered: not connected: it failed")
		var until int64
		r.read("SELECT ack_until FROM leads", &until)
		if until != 0 {
			t.Error("nobody talks, and the ladder rests")
		}
		var open int
		r.read("SELECT COUNT(*) FROM dials WHERE ended = 0", &open)
		if open != 0 {
			t.Errorf("%d dials are open", open)
		}
	})
}

// What cannot be tried now is tried again as long as it is worth it.
func TestTriedAgain(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		r.endpoint = func() (ari.Endpoint, error) { return ari.Endpoint{}, errors.New("cut") }
		if res := r.do(); res.Again != soon {
			t.Errorf("while the PBX is away: %+v", res)
		}
		r.endpoint = func() (ari.Endpoint, error) {
			return ari.Endpoint{State: "online", ChannelIDs: []string{"x"}}, nil
		}
		r.job.Attempt = 1000
		if res := r.do(); res.Again != soon {
			t.Errorf("while Anna is on the phone: %+v", res)
		}
		r.endpoint = func() (ari.Endpoint, error) { return ari.Endpoint{State: "online"}, nil }
		r.booked(dials.Manager, 1, dials.Congestion)
		r.presses = []func(){r.press(keyLater)}
		r.do()
		r.wantNotes("1: answered: later")
	})
}

// Where nothing was placed, the PBX is asked again.
func TestNothingWasPlaced(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		var id string
		r.pbx.originate = func(channel string) error {
			id = channel
			go r.dialer.Step("main", &ari.Event{Type: ari.ChannelDestroyed, Channel: ari.Channel{ID: id}, Cause: 34})
			return nil
		}
		if res := r.do(); res.Again != time.Minute {
			t.Errorf("where a trunk had no room: %+v", res)
		}
		r.wantNotes()
		r.wantAsking(false, "1")
	})
}

// A call that was not placed in time is over for what asked for it in time.
func TestExpiredCall(t *testing.T) {
	inReception(t, 1, func(r *reception) {
		time.Sleep(leads.CallWorth - time.Minute)
		r.missed()
		r.talk(1) // also where it was held up by that
		time.Sleep(time.Minute)
		r.write(func(tx *db.Tx) error { return r.managers.Work().Expired(tx, r.job) })
		r.wantNotes("1: not rung: its time ran out")
		r.wantAsking(true, "2")
	})
}
