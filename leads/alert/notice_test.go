package alert

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/leads/text"
	"ringback/routing"
)

// TestTheHouseHearsOfEveryReminder follows an appointment to the people of the
// house, whose texts hold what is booked and nothing that could pass for more.
func TestTheHouseHearsOfEveryReminder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sip := newRecorder(nil)
		h := newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt})
		h.office.Directory.Managers[0].Name = "Anna Petrova"
		h.open()
		zone := time.FixedZone("", 3*3600)
		rules := appointments.DefaultConfig()
		rules.OnCreate = false
		desk := appointments.NewDesk(appointments.DeskConfig{Office: &h.office, Book: h.book, Plan: &number.Plan{Country: "RU"}, Reminders: rules,
			Tell: New(Config{Office: &h.office, Channels: h.channels, Mode: Act, PublicURL: "https://ring.example.com/"}).Notice})
		made := func(w appointments.Wanted, end func(tx *db.Tx, reminder int64) error) {
			t.Helper()
			w.Number, w.StartsAt, w.Place = client, h.start.Add(72*time.Hour).In(zone).Format(time.RFC3339), "Lenina 5"
			err := h.db.Do(t.Context(), func(tx *db.Tx) error {
				if _, _, err := desk.Create(tx, w); err != nil {
					return err
				}
				var id int64
				if err := tx.QueryRow("SELECT MAX(id) FROM reminders").Scan(&id); err != nil {
					return err
				}
				return end(tx, id)
			})
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		made(appointments.Wanted{Manager: "anna", Name: "Иван [admin]", Category: "visit", Fields: map[string]string{"room": "12", "doctor": "Orlova"}},
			func(tx *db.Tx, id int64) error { return desk.Made(tx, id, client, appointments.SaidYes, "key 1") })
		made(appointments.Wanted{}, func(tx *db.Tx, id int64) error {
			return desk.NotMade(tx, id, appointments.NoManager, "")
		})
		made(appointments.Wanted{Manager: "anna"}, func(tx *db.Tx, id int64) error { return desk.Made(tx, id, client, appointments.NotReached, "busy") })

		sip.told(t, "0s anna reminder_answered 0", "0s chief not_reminded 0", "0s anna appointment 0")
		for i, want := range []string{
			"Confirmed by phone: +79161234567 (Иван [admin]).\nTue 2000-01-04 03:00, Lenina 5, visit.\ndoctor: Orlova\nroom: 12\nWith Anna Petrova, 101.\nhttps://ring.example.com/contacts/1",
			"Not reminded (nobody is responsible): +79161234567 (Иван [admin]).\nTue 2000-01-04 03:00, Lenina 5.\nhttps://ring.example.com/contacts/1",
			"Could not be reached: +79161234567 (Иван [admin]).\nTue 2000-01-04 03:00, Lenina 5.\nWith Anna Petrova, 101.\nhttps://ring.example.com/contacts/1",
		} {
			if got := sip.messages()[i].Text; got != want {
				t.Errorf("message %d says\n%s\nwant\n%s", i, got, want)
			}
		}
		made(appointments.Wanted{Manager: "boris"}, func(tx *db.Tx, id int64) error { return desk.Made(tx, id, client, appointments.WantsTalk, "key 3") })
		h.at(time.Minute)
		wantText(t, sip.messages()[4], "Asks to be called: +79161234567 (Иван [admin]), line sales, 00:00.\nhttps://ring.example.com/contacts/1")
		var n int
		if err := h.db.Reader().QueryRow("SELECT COUNT(*) FROM timeline WHERE kind = 'alert_sent' AND appointment IS NOT NULL AND channel = 'sip'").Scan(&n); err != nil || n != 4 {
			t.Errorf("%d messages in the history of appointments, %v", n, err)
		}
	})
}

// TestANoticeStaysOnItsLines has texts that others wrote, and a phone that is away at
// first.
func TestANoticeStaysOnItsLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t)
		sip := newRecorder(func(ctx context.Context, n int, _ Message) (Outcome, string) {
			if n == 1 {
				return Unreachable, "away"
			}
			return Sent, ""
		})
		h.channels = []Named{{Name: "sip", Channel: sip, Crash: jobs.InDoubt}}
		h.open()
		ladder := New(Config{Office: &h.office, Channels: h.channels, Mode: Act, PublicURL: "https://ring.example.com"})
		err := h.db.Do(t.Context(), func(tx *db.Tx) error {
			return ladder.Notice(tx, appointments.Notice{ID: "notice:1", Why: appointments.WhyNotReminded, To: "anna", Outcome: appointments.NotMade,
				Reason: appointments.MissingSound, Detail: "sound:x\ny", Name: "Eve\nMissed call: +70000000000\u202e", Appointment: &appointments.Appointment{
					Number: "+79161234567\r\nBcc: x", Place: "a\nb", Fields: map[string]string{"note": strings.Repeat("z", 100)}}})
		})
		if err != nil {
			t.Fatal(err)
		}
		h.at(time.Hour)
		if len(sip.messages()) != 2 {
			t.Fatalf("%d tries", len(sip.messages()))
		}
		want := "Not reminded (the PBX lacks a recording: sound:x y): +79161234567  Bcc: x (Eve Missed call: +70000000000).\na b.\nnote: " +
			strings.Repeat("z", maxShown) + "…\nhttps://ring.example.com"
		if got := sip.messages()[1].Text; got != want {
			t.Errorf("the message says\n%s\nwant\n%s", got, want)
		}
	})
}

// TestANoticeIsNotLost: it has no rung that would come again.
func TestANoticeIsNotLost(t *testing.T) {
	const told, double, chief = "0s anna reminder_answered 0", "0s anna reminder_answered 0 double", "0s chief reminder_answered 0"
	var h *house
	for _, c := range []struct {
		name     string
		sip, crm func(context.Context, int, Message) (Outcome, string)
		removed  bool // after a second the daemon knows crm alone
		to       string
		sips     []string
		crms     []string
	}{
		{"it arrives", nil, nil, false, "anna", []string{told}, []string{told}},
		{"one channel is enough", always(Refused, "no"), nil, false, "anna", []string{told}, []string{told}},
		{"no channel takes it", once(always(Refused, "no")), once(always(Refused, "no")), false, "anna", []string{told, chief}, []string{told, chief}},
		{"the supervisor cannot be told either", always(Refused, "no"), always(Refused, "no"), false, "anna", []string{told, chief}, []string{told, chief}},
		{"nobody is above the supervisor", always(Refused, "no"), always(Refused, "no"), false, "chief", []string{chief}, []string{chief}},
		{"it may have arrived", once(always(TimedOut, "?")), always(Refused, "no"), false, "anna", []string{told, double}, []string{told}},
		{"it may have arrived twice", always(TimedOut, "?"), once(always(Refused, "no")), false, "anna",
			[]string{told, double, chief, "0s chief reminder_answered 0 double"}, []string{told, chief}},
		{"the daemon died", once(killed(&h)), nil, false, "anna", []string{told, "1s anna reminder_answered 0 double"}, nil},
		{"its channel is gone", always(Unreachable, "away"), nil, true, "anna", []string{told}, []string{"1s anna reminder_answered 0"}},
		{"the daemon died, and its channel is gone", killed(&h), nil, true, "anna", []string{told}, []string{"1s anna reminder_answered 0 double"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sip, crm := newRecorder(c.sip), newRecorder(c.crm)
				h = newHouse(t, Named{Name: "sip", Channel: sip, Crash: jobs.InDoubt}, Named{Name: "crm", Channel: crm})
				if c.removed || c.crms == nil {
					h.channels = h.channels[:1]
				}
				h.open()
				ladder := New(Config{Office: &h.office, Channels: h.channels, Mode: Act})
				err := h.db.Do(t.Context(), func(tx *db.Tx) error {
					return ladder.Notice(tx, appointments.Notice{ID: "notice:1", Why: appointments.WhyAnswered, To: c.to, Pool: routing.DefaultPool,
						Outcome: appointments.SaidNo, Appointment: &appointments.Appointment{Number: client, Manager: c.to}})
				})
				if err != nil {
					t.Fatal(err)
				}
				h.at(time.Second)
				if c.removed {
					h.channels = []Named{{Name: "crm", Channel: crm}}
				}
				if c.removed || h.dying.Load() {
					h.stop()
					h.open()
				}
				h.at(24 * time.Hour)
				sip.told(t, c.sips...)
				crm.told(t, c.crms...)
				for _, m := range crm.messages() {
					if m.To == "chief" && c.to == "anna" && (!strings.Contains(m.Text, "\nanna could not be told.\n") || len(m.Devices) > 0 || m.Email != "") {
						t.Errorf("the supervisor hears %q at %v %s", m.Text, m.Devices, m.Email)
					}
				}
			})
		})
	}
}

func TestEveryEndOfAReminderHasWords(t *testing.T) {
	for _, l := range text.Languages {
		words := text.In(l)
		for _, o := range appointments.Outcomes {
			if o != appointments.Waiting && o != appointments.Withdrawn && !words.Has("alerts.reminder."+string(o)) {
				t.Errorf("%s: no words for the outcome %s", l, o)
			}
		}
		for _, why := range appointments.Reasons {
			if !words.Has("alerts.reason." + string(why)) {
				t.Errorf("%s: no words for the reason %s", l, why)
			}
		}
	}
}
