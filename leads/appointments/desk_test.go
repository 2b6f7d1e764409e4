package appointments_test

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ringback/leads"
	. "ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/leads/posted"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const client = "+79161234567"

// house is a Desk in a bubble, where days take no time. Its clock begins on
// Saturday 2000-01-01 at midnight, UTC.
type house struct {
	*testing.T
	db      *db.DB
	cfg     DeskConfig
	desk    *Desk
	start   time.Time
	stop    func()
	calls   []made
	notices []Notice
	// answer is what clients say; nil: nobody is called, as Heard.
	answer func(c *Call) (Outcome, string)
}

// made is a reminder whose time had come.
type made struct {
	at   time.Duration // since the start
	call *Call
	why  Reason
}

func story(t *testing.T, set func(c *DeskConfig), tell func(h *house)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := &house{T: t, start: time.Now()}
		var err error
		if h.db, err = db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")}); err != nil {
			t.Fatal(err)
		}
		office := &leads.Office{Directory: &routing.Directory{
			Lines:    []routing.Line{{Name: "clinic", PBX: "main", Numbers: []string{"+74951000001"}}},
			Managers: []routing.Manager{{Login: "anna"}, {Login: "boss"}},
			Pools:    []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "boss", Pick: routing.RoundRobin}},
		}}
		rules := DefaultConfig()
		rules.Media = map[string][]string{"en": {"sound:custom/reminder", "{date}"}}
		h.cfg = DeskConfig{Office: office, Book: leads.NewBook(leads.BookConfig{DB: h.db, Office: office}), Plan: &number.Plan{Country: "RU"}, Reminders: rules,
			Tell: func(tx *db.Tx, n Notice) error {
				tx.AfterCommit(func() { h.notices = append(h.notices, n) })
				return nil
			}}
		if set != nil {
			set(&h.cfg)
		}
		h.desk = NewDesk(h.cfg)
		h.run()
		tell(h)
		h.stop()
		if err := h.db.Close(); err != nil {
			t.Error(err)
		}
	})
}

// run keeps the promises.
func (h *house) run() {
	runner, err := jobs.NewRunner(h.db, []jobs.Work{{Kind: KindReminder, Do: h.remind,
		Expired: func(tx *db.Tx, j jobs.Job) error { return h.desk.NotMade(tx, dueOf(j), TooLate, "") }}}, jobs.Options{})
	if err != nil {
		h.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runner.Run(ctx) }()
	h.stop = func() {
		cancel()
		if err := <-done; err != nil {
			h.Error(err)
		}
	}
}

func dueOf(j jobs.Job) int64 {
	var due Due
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		panic(err)
	}
	return due.Reminder
}

// remind does what package robotcall would.
func (h *house) remind(ctx context.Context, j jobs.Job) jobs.Result {
	m := made{at: time.Since(h.start)}
	var detail string
	err := h.db.Do(ctx, func(tx *db.Tx) (err error) {
		m.call, m.why, detail, err = h.desk.Ready(tx, dueOf(j))
		return err
	})
	if err != nil {
		h.Error(err)
	}
	if m.call == nil && m.why == "" {
		return jobs.Result{}
	}
	h.calls = append(h.calls, m)
	return jobs.Result{Note: func(tx *db.Tx) error {
		if m.why != "" {
			return h.desk.NotMade(tx, dueOf(j), m.why, detail)
		}
		if h.answer == nil {
			return h.desk.Made(tx, dueOf(j), m.call.Number, Heard, "")
		}
		o, detail := h.answer(m.call)
		return h.desk.Made(tx, dueOf(j), m.call.Number, o, detail)
	}}
}

// in is an instant after the start, as programs write it in Moscow.
func (h *house) in(d time.Duration) string {
	return h.start.Add(d).In(time.FixedZone("", 3*3600)).Format(time.RFC3339)
}

// wanted is an appointment with Anna.
func (h *house) wanted(in time.Duration) Wanted {
	return Wanted{Number: "89161234567", Manager: "anna", StartsAt: h.in(in), Place: "Lenina 5"}
}

func (h *house) do(fn func(tx *db.Tx) error) {
	h.Helper()
	if err := h.db.Do(h.Context(), fn); err != nil {
		h.Fatal(err)
	}
}

func (h *house) create(w Wanted) (a *Appointment) {
	h.Helper()
	h.do(func(tx *db.Tx) (err error) {
		a, _, err = h.desk.Create(tx, w)
		return err
	})
	return a
}

func (h *house) change(id int64, c Changes) (a *Appointment) {
	h.Helper()
	h.do(func(tx *db.Tx) (err error) {
		a, err = h.desk.Change(tx, id, c)
		return err
	})
	return a
}

func (h *house) find(id int64) (a *Appointment) {
	h.Helper()
	h.do(func(tx *db.Tx) (err error) {
		a, err = Find(tx, id)
		return err
	})
	return a
}

func (h *house) pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// wantCalls wants that clients were called at these times, and no others.
func (h *house) wantCalls(want ...time.Duration) {
	h.Helper()
	var got []time.Duration
	for _, c := range h.calls {
		got = append(got, c.at)
	}
	if !slices.Equal(got, want) {
		h.Errorf("called at %v, want %v", got, want)
	}
}

// count counts rows.
func (h *house) count(query string, args ...any) (n int) {
	h.Helper()
	h.do(func(tx *db.Tx) error { return tx.QueryRow(query, args...).Scan(&n) })
	return n
}

func ptr[T any](v T) *T { return &v }

func TestAClientIsCalledAfterTheGraceAndADayBefore(t *testing.T) {
	story(t, nil, func(h *house) {
		a := h.create(h.wanted(72 * time.Hour))
		h.pass(80 * time.Hour)
		h.wantCalls(5*time.Minute, 48*time.Hour)
		c := h.calls[1].call
		if c == nil || c.Number != client || c.Manager != "anna" || c.Line != "clinic" || c.PBX != "main" || c.Starts.Format(time.RFC3339) != h.in(72*time.Hour) ||
			!c.Expires.Equal(a.Starts) || !slices.Equal(c.Media, h.cfg.Reminders.Media["en"]) {
			h.Errorf("the call: %+v", c)
		}
		if len(h.notices) != 2 || h.notices[0].Why != WhyMade || h.notices[0].To != "anna" || h.notices[0].Name != client {
			h.Errorf("notices: %+v", h.notices)
		}
		if n := h.count("SELECT COUNT(*) FROM timeline WHERE appointment = $1", a.ID); n != 5 {
			h.Errorf("%d entries in the timeline, want booked, two promised, two made", n)
		}
	})
}

func TestAChangeWithinTheGraceRestartsIt(t *testing.T) {
	story(t, nil, func(h *house) {
		a := h.create(h.wanted(72 * time.Hour))
		h.pass(3 * time.Minute)
		h.change(a.ID, Changes{StartsAt: ptr(h.in(96 * time.Hour))})
		h.pass(100 * time.Hour)
		h.wantCalls(8*time.Minute, 72*time.Hour)
		if n := h.count("SELECT COUNT(*) FROM reminders WHERE occasion = 'created' AND outcome = 'heard'"); n != 1 {
			h.Errorf("%d calls told that it was made", n)
		}
	})
}

func TestAMovedAppointmentIsToldAgain(t *testing.T) {
	story(t, nil, func(h *house) {
		h.answer = func(*Call) (Outcome, string) { return SaidYes, "key 1" }
		a := h.create(h.wanted(72 * time.Hour))
		h.pass(time.Hour)
		if got := h.find(a.ID).State; got != Confirmed {
			h.Fatalf("after the client confirmed it is %s", got)
		}
		if got := h.change(a.ID, Changes{StartsAt: ptr(h.in(73 * time.Hour))}).State; got != Booked {
			h.Errorf("after it was moved it is %s", got)
		}
		h.pass(80 * time.Hour)
		h.wantCalls(5*time.Minute, 65*time.Minute, 49*time.Hour)
		h.change(h.create(h.wanted(200*time.Hour)).ID, Changes{Manager: ptr("boss"), Category: ptr("visit")})
		if n := h.count("SELECT COUNT(*) FROM reminders WHERE outcome = 'withdrawn'"); n != 1 {
			h.Errorf("%d reminders were withdrawn, want one: who is not told of a change is not called for it", n)
		}
	})
}

// TestAnotherZoneIsToldAgain: the client reads another time on the clock, and is
// called at other hours.
func TestAnotherZoneIsToldAgain(t *testing.T) {
	for name, c := range map[string]struct {
		change func(h *house) Changes
		entry  string
	}{
		"another time on the clock":     {func(*house) Changes { return Changes{Zone: ptr("Asia/Vladivostok")} }, EntryMoved},
		"the same time, in other hours": {func(*house) Changes { return Changes{Zone: ptr("Europe/Moscow")} }, EntryChanged},
		"the same instant, written otherwise": {func(h *house) Changes {
			return Changes{StartsAt: ptr(h.start.Add(72 * time.Hour).UTC().Format(time.RFC3339))}
		}, EntryMoved},
	} {
		story(t, nil, func(h *house) {
			a := h.create(h.wanted(72 * time.Hour))
			h.pass(time.Hour)
			h.change(a.ID, c.change(h))
			h.pass(80 * time.Hour)
			h.wantCalls(5*time.Minute, 65*time.Minute, 48*time.Hour)
			if n := h.count("SELECT COUNT(*) FROM timeline WHERE kind = $1", c.entry); n != 1 {
				h.Errorf("%s: %d entries %s", name, n, c.entry)
			}
			if got, want := h.calls[len(h.calls)-1].call.Starts.Format(time.RFC3339), h.find(a.ID).Local().Format(time.RFC3339); got != want {
				h.Errorf("%s: the client hears %s, want %s", name, got, want)
			}
		})
	}
	story(t, nil, func(h *house) { // with a zone nobody hears how the start was written
		w := h.wanted(72 * time.Hour)
		w.Zone = "Europe/Moscow"
		a := h.create(w)
		h.pass(time.Hour)
		h.change(a.ID, Changes{StartsAt: ptr(h.start.Add(72 * time.Hour).UTC().Format(time.RFC3339))})
		h.pass(80 * time.Hour)
		h.wantCalls(5*time.Minute, 48*time.Hour)
		if h.find(a.ID).Shift != 0 {
			h.Error("how it is written now was not kept")
		}
	})
}

// TestWhatIsBookedAfterAllIsRemindedOf has a client who asks to cancel, and a
// house that settles it otherwise.
func TestWhatIsBookedAfterAllIsRemindedOf(t *testing.T) {
	for _, state := range []State{Booked, Confirmed} {
		story(t, nil, func(h *house) {
			h.answer = func(*Call) (Outcome, string) { return SaidNo, "key 2" }
			a := h.create(h.wanted(72 * time.Hour))
			h.pass(time.Hour)
			if got := h.find(a.ID).State; got != CancelBid {
				h.Fatalf("it is %s", got)
			}
			h.change(a.ID, Changes{Manager: ptr("boss")})
			h.change(a.ID, Changes{State: &state})
			h.change(a.ID, Changes{State: &state})
			h.pass(80 * time.Hour)
			h.wantCalls(5*time.Minute, 48*time.Hour)
		})
	}
}

func TestACancelledAppointmentIsSilent(t *testing.T) {
	story(t, nil, func(h *house) {
		a := h.create(h.wanted(72 * time.Hour))
		for range 2 {
			h.do(func(tx *db.Tx) error { _, err := h.desk.Cancel(tx, a.ID); return err })
		}
		h.pass(80 * time.Hour)
		h.wantCalls()
		if len(h.notices) > 0 || h.find(a.ID).State != Cancelled {
			h.Errorf("%s, notices %+v", h.find(a.ID).State, h.notices)
		}
		err := h.db.Do(h.Context(), func(tx *db.Tx) error { _, err := h.desk.Change(tx, a.ID, Changes{}); return err })
		if !errors.Is(err, ErrCancelled) {
			h.Errorf("a change of what was cancelled: %v", err)
		}
	})
}

func TestCallsThatWouldBeNearAreOne(t *testing.T) {
	for in, want := range map[time.Duration][]time.Duration{
		24*time.Hour + 64*time.Minute: {5 * time.Minute}, // a day before is 59 minutes after
		24*time.Hour + 65*time.Minute: {5 * time.Minute, 65 * time.Minute},
		2 * time.Hour:                 {5 * time.Minute}, // the day before is past
		5 * time.Minute:               nil,               // the grace ends when it begins
		30 * 24 * time.Hour:           {5 * time.Minute, 29 * 24 * time.Hour},
	} {
		story(t, nil, func(h *house) {
			h.create(h.wanted(in))
			h.pass(in + time.Hour)
			h.wantCalls(want...)
		})
	}
}

func TestACallWithinTheGraceWaitsForItsEnd(t *testing.T) {
	story(t, func(c *DeskConfig) { c.Reminders.OnCreate = false }, func(h *house) {
		h.create(h.wanted(24*time.Hour + 2*time.Minute))
		h.create(h.wanted(24 * time.Hour)) // a day before is past
		h.pass(25 * time.Hour)
		h.wantCalls(5 * time.Minute)
	})
}

// nineToNine opens at 9 and closes at 21, UTC.
func nineToNine(_, _ string, at time.Time) (opens, closes time.Time) {
	day := at.Truncate(24 * time.Hour)
	switch {
	case at.Before(day.Add(9 * time.Hour)):
		at = day.Add(9 * time.Hour)
	case !at.Before(day.Add(21 * time.Hour)):
		at = day.Add(33 * time.Hour)
	}
	return at, at.Truncate(24 * time.Hour).Add(21 * time.Hour)
}

func TestClientsAreCalledInTheirHours(t *testing.T) {
	hours := func(c *DeskConfig) { c.Window = nineToNine }
	story(t, hours, func(h *house) { // made at midnight, for 8 in the morning of the day after tomorrow
		h.create(h.wanted(56 * time.Hour))
		h.pass(80 * time.Hour)
		h.wantCalls(9*time.Hour, 33*time.Hour)
		if got := h.calls[1].call.Expires.Sub(h.start); got != 45*time.Hour {
			h.Errorf("the call is good until %v", got)
		}
	})
	story(t, hours, func(h *house) { // until 8 in the morning nobody may be called
		h.create(h.wanted(8 * time.Hour))
		if len(h.notices) != 1 || h.notices[0].Why != WhyNotReminded || h.notices[0].Reason != OutsideHours || h.notices[0].To != "anna" {
			h.Errorf("notices: %+v", h.notices)
		}
		h.pass(80 * time.Hour)
		h.wantCalls()
	})
}

// TestWhatIsNotAsItMustBeIsNotCalled changes something after the promise was
// made: the check is right before the call.
func TestWhatIsNotAsItMustBeIsNotCalled(t *testing.T) {
	for want, c := range map[Reason]struct {
		set  func(c *DeskConfig)
		tell func(h *house, a *Appointment)
	}{
		NoManager:     {nil, func(h *house, a *Appointment) { h.change(a.ID, Changes{Manager: ptr("")}) }},
		SharedNumber:  {nil, func(h *house, _ *Appointment) { h.exec("UPDATE contacts SET shared = 1") }},
		OtherCategory: {func(c *DeskConfig) { c.Reminders.Categories = []string{"visit"} }, nil},
		MissingField:  {func(c *DeskConfig) { c.Reminders.Required = []string{"place", "room"} }, nil},
		NoMedia:       {nil, func(h *house, a *Appointment) { h.change(a.ID, Changes{Language: ptr("ru")}) }},
		NoLine: {nil, func(h *house, _ *Appointment) { // where the daemon reads them
			h.do(func(*db.Tx) error { h.cfg.Office.Directory.Lines = nil; return nil })
		}},
		Past:      {nil, func(h *house, _ *Appointment) { h.exec("UPDATE appointments SET starts = 1") }},
		BadNumber: {nil, func(h *house, _ *Appointment) { h.exec("UPDATE appointments SET number = '112'") }},
	} {
		story(t, c.set, func(h *house) {
			a := h.create(h.wanted(10 * time.Hour))
			if c.tell != nil {
				c.tell(h, a)
			}
			h.pass(6 * time.Minute)
			if len(h.calls) != 1 || h.calls[0].why != want {
				h.Errorf("%s: %+v", want, h.calls)
			}
			to := "anna"
			if want == NoManager {
				to = "boss"
			}
			if len(h.notices) != 1 || h.notices[0].Reason != want || h.notices[0].To != to || h.notices[0].Why != WhyNotReminded {
				h.Errorf("%s: notices %+v", want, h.notices)
			}
		})
	}
}

func (h *house) exec(query string) {
	h.Helper()
	h.do(func(tx *db.Tx) error { _, err := tx.Exec(query); return err })
}

func TestWhatTheClientSaysIsDone(t *testing.T) {
	for said, check := range map[Outcome]func(h *house, a *Appointment){
		SaidNo: func(h *house, a *Appointment) {
			h.wantCalls(5 * time.Minute) // and not again the day before
			if a.State != CancelBid {
				h.Errorf("it is %s", a.State)
			}
		},
		OptedOut: func(h *house, _ *Appointment) {
			h.do(func(tx *db.Tx) error {
				word, err := dials.Consent(tx, client)
				if word.Kind != dials.Refused {
					h.Errorf("the ledger: %+v", word)
				}
				return err
			})
		},
		WantsTalk: func(h *house, _ *Appointment) {
			if n := h.count("SELECT COUNT(*) FROM leads WHERE manager = 'anna' AND closed IS NULL AND missed = 0"); n != 1 {
				h.Errorf("%d leads for Anna", n)
			}
		},
	} {
		story(t, nil, func(h *house) {
			h.answer = func(*Call) (Outcome, string) { return said, "key" }
			a := h.create(h.wanted(72 * time.Hour))
			h.pass(71 * time.Hour)
			check(h, h.find(a.ID))
			if n := h.notices[0]; n.Why != WhyAnswered || n.Outcome != said || n.Appointment.Place != "Lenina 5" {
				h.Errorf("%s: notice %+v", said, n)
			}
		})
	}
}

// TestTheNumberOfWhoWantsToTalk is that at which the client was reminded, not the
// first of theirs.
func TestTheNumberOfWhoWantsToTalk(t *testing.T) {
	const first = "+79160000001"
	story(t, nil, func(h *house) {
		h.answer = func(*Call) (Outcome, string) { return WantsTalk, "key 3" }
		a := h.create(h.wanted(72 * time.Hour))
		h.do(func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO numbers (number, contact) VALUES ($1, $2)", first, a.Contact)
			return err
		})
		h.pass(71 * time.Hour)
		h.do(func(tx *db.Tx) error {
			who, err := leads.WhoRang(tx, &leads.Lead{ID: 1, Contact: leads.Ref(a.Contact)})
			if who.Number != client {
				h.Errorf("they are to be called at %s", who.Number)
			}
			return err
		})
	})
}

// TestAnAnswerAboutSomethingElse comes from a client who was listening while the
// appointment was moved.
func TestAnAnswerAboutSomethingElse(t *testing.T) {
	story(t, nil, func(h *house) {
		a := h.create(h.wanted(72 * time.Hour))
		var id int64
		h.do(func(tx *db.Tx) error { return tx.QueryRow("SELECT MIN(id) FROM reminders").Scan(&id) })
		h.change(a.ID, Changes{StartsAt: ptr(h.in(96 * time.Hour))})
		for range 2 {
			h.do(func(tx *db.Tx) error { return h.desk.Made(tx, id, client, SaidYes, "key 1") })
		}
		if h.find(a.ID).State != Booked || len(h.notices) != 1 || !h.notices[0].Stale {
			h.Errorf("%s, notices %+v", h.find(a.ID).State, h.notices)
		}
	})
}

// TestWhoAnsweredIsWhoWasDialed changes the number while its former owner
// listens.
func TestWhoAnsweredIsWhoWasDialed(t *testing.T) {
	const other = "+79160000001"
	for said, query := range map[Outcome]string{
		OptedOut:  "SELECT COUNT(*) FROM consents WHERE kind = 'refused' AND number = $1",
		WantsTalk: "SELECT COUNT(*) FROM leads l JOIN numbers n ON n.contact = l.contact WHERE n.number = $1",
		SaidNo:    "SELECT COUNT(*) FROM timeline t JOIN numbers n ON n.contact = t.contact WHERE t.kind = 'reminder_answered' AND n.number = $1",
	} {
		story(t, nil, func(h *house) {
			a := h.create(h.wanted(72 * time.Hour))
			var id int64
			h.do(func(tx *db.Tx) error { return tx.QueryRow("SELECT MIN(id) FROM reminders").Scan(&id) })
			h.change(a.ID, Changes{Number: ptr(other)})
			h.do(func(tx *db.Tx) error { return h.desk.Made(tx, id, client, said, "key") })
			if is, isNot := h.count(query, client), h.count(query, other); is != 1 || isNot != 0 {
				h.Errorf("%s: %d times of the number that was dialed, %d of the other", said, is, isNot)
			}
			if n := h.notices[0]; n.Appointment.Number != client || n.Name != client || !n.Stale {
				h.Errorf("%s: notice %+v of %+v", said, n, n.Appointment)
			}
			if got := h.find(a.ID); got.Number != other || got.State != Booked {
				h.Errorf("%s: the appointment has %s and is %s", said, got.Number, got.State)
			}
		})
	}
}

func TestTheSameRefIsTheSameAppointment(t *testing.T) {
	story(t, nil, func(h *house) {
		w := h.wanted(72 * time.Hour)
		w.Ref = "crm-17"
		first, again := h.create(w), h.create(w)
		if first.ID != again.ID || h.count("SELECT COUNT(*) FROM appointments") != 1 {
			h.Errorf("ids %d and %d", first.ID, again.ID)
		}
		w.Place = "elsewhere"
		err := h.db.Do(h.Context(), func(tx *db.Tx) error { _, _, err := h.desk.Create(tx, w); return err })
		if !errors.Is(err, ErrRef) {
			h.Errorf("the same ref with another place: %v", err)
		}
		err = h.db.Do(h.Context(), func(tx *db.Tx) error {
			_, err := h.desk.Change(tx, first.ID, Changes{Version: 7, Place: ptr("x")})
			return err
		})
		if !errors.Is(err, ErrVersion) {
			h.Errorf("a change of another version: %v", err)
		}
	})
}

func TestBadInputIsRefusedWithAllThatIsWrong(t *testing.T) {
	story(t, nil, func(h *house) {
		for name, change := range map[string]func(w *Wanted){
			"number":    func(w *Wanted) { w.Number = "112" },
			"contact":   func(w *Wanted) { w.Number, w.Contact = "", 99 },
			"starts_at": func(w *Wanted) { w.StartsAt = "2026-02-30T10:00:00+03:00" },
			"manager":   func(w *Wanted) { w.Manager = "nobody" },
			"line":      func(w *Wanted) { w.Line = "nowhere" },
			"zone":      func(w *Wanted) { w.Zone = "Mars/Olympus" },
			"language":  func(w *Wanted) { w.Language = "tlh" },
			"place":     func(w *Wanted) { w.Place = "a\nb" },
			"category":  func(w *Wanted) { w.Category = strings.Repeat("ж", 257) },
			"fields":    func(w *Wanted) { w.Fields = map[string]string{"Room": "1"} },
			"fields.a":  func(w *Wanted) { w.Fields = map[string]string{"a": "\u202e"} },
			"ref":       func(w *Wanted) { w.Ref = strings.Repeat("r", 129) },
			"name":      func(w *Wanted) { w.Name = "\xff" },
		} {
			for _, when := range []string{"", h.in(-time.Second), h.in(3 * 365 * 24 * time.Hour), "tomorrow", "2000-01-02T10:00:00"} {
				w := h.wanted(72 * time.Hour)
				change(&w)
				if name != "starts_at" {
					w.StartsAt = when // wrong too: both are told
				}
				err := h.db.Do(h.Context(), func(tx *db.Tx) error { _, _, err := h.desk.Create(tx, w); return err })
				var wrong posted.Problems
				if !errors.As(err, &wrong) || !slices.ContainsFunc(wrong, func(p posted.Problem) bool { return p.Field == name }) ||
					!slices.ContainsFunc(wrong, func(p posted.Problem) bool { return p.Field == "starts_at" }) {
					h.Errorf("%s and starts_at %q: %v", name, when, err)
				}
			}
		}
		for _, table := range []string{"appointments", "contacts", "reminders", "jobs", "timeline"} {
			if n := h.count("SELECT COUNT(*) FROM " + table); n != 0 {
				h.Errorf("%d rows in %s", n, table)
			}
		}
	})
}

// The zone of an appointment is one in which the client may be by their number.
func TestAZoneFarFromTheNumberIsRefused(t *testing.T) {
	refused := func(h *house, name string, err error) {
		var wrong posted.Problems
		if !errors.As(err, &wrong) || len(wrong) != 1 || wrong[0].Field != "zone" {
			h.Errorf("%s: %v", name, err)
		}
	}
	story(t, nil, func(h *house) {
		w := h.wanted(72 * time.Hour)
		w.Number, w.Zone = "+74951234567", "Pacific/Auckland"
		create := func() (a *Appointment, err error) {
			err = h.db.Do(h.Context(), func(tx *db.Tx) (err error) { a, _, err = h.desk.Create(tx, w); return err })
			return a, err
		}
		_, err := create()
		refused(h, "an appointment", err)
		w.Zone = "Europe/Kirov" // the clock of Moscow
		a, err := create()
		if err != nil {
			h.Fatal(err)
		}
		err = h.db.Do(h.Context(), func(tx *db.Tx) error {
			_, err := h.desk.Change(tx, a.ID, Changes{Zone: ptr("Asia/Vladivostok")})
			return err
		})
		refused(h, "another zone", err)
		err = h.db.Do(h.Context(), func(tx *db.Tx) error {
			_, err := h.desk.Change(tx, a.ID, Changes{Number: ptr("+493012345678")})
			return err
		})
		refused(h, "another number", err)
		err = h.db.Do(h.Context(), func(tx *db.Tx) error {
			_, _, err := h.desk.Ask(tx, Asked{Number: "+74951234567", Zone: "Pacific/Auckland", Manager: "anna", Media: []string{"sound:custom/ready"}})
			return err
		})
		refused(h, "a single call", err)
	})
}

func TestASingleCall(t *testing.T) {
	story(t, func(c *DeskConfig) { c.Window = nineToNine }, func(h *house) {
		asked := Asked{Ref: "o-1", Number: client, Manager: "anna", Media: []string{"sound:custom/ready"}, Keys: &Keys{Confirm: "5"}}
		ask := func(a Asked) (id int64, made bool, err error) {
			err = h.db.Do(h.Context(), func(tx *db.Tx) (err error) { id, made, err = h.desk.Ask(tx, a); return err })
			return id, made, err
		}
		id, made, err := ask(asked)
		again, madeAgain, errAgain := ask(asked)
		if err != nil || errAgain != nil || !made || madeAgain || id != again {
			h.Errorf("%d %v %v, again %d %v %v", id, made, err, again, madeAgain, errAgain)
		}
		for field, change := range map[string]func(a *Asked){
			"manager": func(a *Asked) { a.Manager = "" }, "media": func(a *Asked) { a.Media = nil }, "keys.confirm": func(a *Asked) { a.Keys = &Keys{Confirm: "12"} },
			"keys.cancel": func(a *Asked) { a.Keys = &Keys{Confirm: "1", Cancel: "1"} }, "expires": func(a *Asked) { a.Expires = h.in(8 * time.Hour) },
		} {
			bad := asked
			bad.Ref = field
			change(&bad)
			_, _, err := ask(bad)
			var wrong posted.Problems
			if !errors.As(err, &wrong) || wrong[0].Field != field {
				h.Errorf("%s: %v", field, err)
			}
		}
		h.pass(48 * time.Hour)
		h.wantCalls(9 * time.Hour)
		c := h.calls[0].call
		if c.Keys.Means("5") != "confirm" || c.Keys.Means("1") != "" || !c.Starts.IsZero() || c.Language != "en" {
			h.Errorf("the call: %+v", c)
		}
		if len(h.notices) != 1 || h.notices[0].Appointment.ID != 0 || h.notices[0].Name != client {
			h.Errorf("notices: %+v", h.notices)
		}
	})
}

func TestAFileIsTakenAsAWholeOrNotAtAll(t *testing.T) {
	story(t, nil, func(h *house) {
		file := func(lines ...string) (made int, err error) {
			read := ReadCSV([]byte(strings.Join(lines, "\r\n")))
			err = h.db.Do(h.Context(), func(tx *db.Tx) (err error) { made, err = h.desk.Import(tx, read); return err })
			return made, err
		}
		const head = "\ufeffref;number;starts_at;manager;fields.room"
		good := "a;89161234567;" + h.in(30*time.Hour) + ";anna;12"
		made, err := file(head, good, "b;+7 916 123-45-68;"+h.in(31*time.Hour)+";anna;", good)
		if err != nil || made != 2 || h.count("SELECT COUNT(*) FROM appointments") != 2 {
			h.Errorf("%d made, %v", made, err)
		}
		_, err = file(head, "c;89161234569;"+h.in(30*time.Hour)+";anna;", "d;112;tomorrow;anna;", "a;89161234567;"+h.in(30*time.Hour)+";anna;13", "e;;;", "f;89161234568;never;anna;")
		// One line that cannot be read hides none of the others.
		parts := []string{"line 3: starts_at: ", "line 3: number: ", "line 4: ref: ", "line 5: holds 4 values for 5 columns", "line 6: starts_at: "}
		if err == nil || len(strings.Split(err.Error(), "; ")) != len(parts) {
			h.Fatalf("%v", err)
		}
		for i, one := range strings.Split(err.Error(), "; ") {
			if !strings.HasPrefix(one, parts[i]) {
				h.Errorf("%v: %q should be %q", err, one, parts[i])
			}
		}
		for contact, want := range map[string]string{"x": "line 2: contact: is not the id of a contact", "-7": "line 2: contact: is not the id of a contact"} {
			for _, number := range []string{"", "89161234567"} {
				if _, err := file("contact,number,starts_at,manager", contact+","+number+","+h.in(30*time.Hour)+",anna"); err == nil || err.Error() != want {
					h.Errorf("contact %s: %v", contact, err)
				}
			}
		}
		if n := h.count("SELECT COUNT(*) FROM appointments"); n != 2 {
			h.Errorf("%d appointments after a file that was refused", n)
		}
		for _, bad := range []string{"", "number,nummer", "number,number", "number,fields.A\n1,2", "number,starts_at\n\"1"} {
			if _, err := file(bad); err == nil {
				h.Errorf("%q was taken", bad)
			}
		}
	})
}
