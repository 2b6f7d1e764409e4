package robotcall

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/leads/number"
	"ringback/routing"
)

// begun is when the appointment of a bench has begun.
const begun = 49 * time.Hour

// TestACallThatWasMadeIsNotMadeAgain has a process that died after a call had
// ended and before what became of it was noted: the next one goes by the rows.
func TestACallThatWasMadeIsNotMadeAgain(t *testing.T) {
	for _, c := range []struct {
		name    string
		ended   []dials.Outcome // of the calls so far, a minute apart, the last a minute ago
		again   time.Duration   // when it is tried again; 0: never
		outcome appointments.Outcome
		since   time.Duration // what has passed since
		expired bool          // the job's time ran out before anybody looked
	}{
		{"answered", []dials.Outcome{dials.Answered}, 0, appointments.Heard, 0, false},
		{"nobody knows", []dials.Outcome{dials.Unknown}, 0, appointments.Unsure, 0, false},
		{"no such number", []dials.Outcome{dials.Invalid}, 0, appointments.NotReached, 0, false},
		{"busy just now", []dials.Outcome{dials.Busy}, 4 * time.Minute, "", 0, false},
		{"not answered", []dials.Outcome{dials.NoAnswer}, 29 * time.Minute, "", 0, false},
		{"busy once too often", []dials.Outcome{dials.Busy, dials.Busy, dials.Busy, dials.Busy}, 0, appointments.NotReached, 0, false},
		{"answered, and it has begun", []dials.Outcome{dials.Answered}, 0, appointments.Heard, begun, false},
		{"answered, and its time ran out", []dials.Outcome{dials.Answered}, 0, appointments.Heard, begun, true},
		{"nobody knows, and it has begun", []dials.Outcome{dials.Unknown}, 0, appointments.Unsure, begun, false},
		{"nobody knows, and its time ran out", []dials.Outcome{dials.Unknown}, 0, appointments.Unsure, begun, true},
		{"busy, and it has begun", []dials.Outcome{dials.Busy}, 0, appointments.NotReached, begun, false},
		{"busy, and its time ran out", []dials.Outcome{dials.Busy}, 0, appointments.NotReached, begun, true},
		{"the trunk had no room, and it has begun", []dials.Outcome{dials.Congestion}, 0, appointments.NotMade, begun, false},
		{"the trunk had no room, and its time ran out", []dials.Outcome{dials.Congestion}, 0, appointments.NotMade, begun, true},
		{"it went on, and its time ran out", []dials.Outcome{""}, 0, appointments.Unsure, begun, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, j := remindersOf(t)
				for _, outcome := range c.ended {
					r.write(t, func(tx *db.Tx) error {
						d := dials.Dial{Channel: string(outcome) + tx.Now().String(), PBX: "main", Kind: dials.Reminder, Number: "+79161234567", Job: j.ID, Reminder: 1}
						d.Call = d.Channel
						if err := dials.Insert(tx, &d); err != nil {
							return err
						}
						if outcome == "" {
							return nil
						}
						return dials.End(tx, d.Channel, outcome, "")
					})
					time.Sleep(time.Minute)
				}
				time.Sleep(c.since)
				if c.expired {
					r.write(t, func(tx *db.Tx) error { return r.expired(tx, j) })
				} else {
					res := r.Reminders.do(t.Context(), j)
					if res.Again.Round(time.Second) != c.again {
						t.Errorf("tried again in %v, want %v", res.Again, c.again)
					}
					if res.Note != nil {
						r.write(t, res.Note)
					}
				}
				var got appointments.Outcome
				var detail string
				r.write(t, func(tx *db.Tx) error { return tx.QueryRow("SELECT outcome, detail FROM reminders").Scan(&got, &detail) })
				if got == appointments.NotMade && strings.Contains(detail, string(dials.Congestion)) {
					t.Errorf("that it was not made is told with %q", detail)
				}
				if got != c.outcome {
					t.Errorf("it became %q, want %q", got, c.outcome)
				}
			})
		})
	}
}

// mute is a PBX that has every recording and cannot play any.
type mute struct {
	PBX
	leg   *leg
	asked int // for recordings
}

func (m *mute) Play(_ context.Context, _, playback, _ string, _ ...string) error {
	m.leg.put(notice{kind: playbackOver, text: playback, failed: true})
	return nil
}

func (m *mute) HasMedia(context.Context, string, string) (bool, error) {
	m.asked++
	return true, nil
}

func (m *mute) Hangup(context.Context, string) error { return nil }

// TestWhatCouldNotBePlayedWasNotHeard has a recording that is gone since it was
// asked for.
func TestWhatCouldNotBePlayedWasNotHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, j := remindersOf(t)
		pbx := &mute{}
		v := &visit{Reminders: r.Reminders, job: j, id: 1, exchange: &Exchange{Name: "main", PBX: pbx}}
		r.write(t, func(tx *db.Tx) (err error) {
			v.call, _, _, err = r.cfg.Desk.Ready(tx, 1)
			return err
		})
		pbx.leg = newLeg("ringback-x", v.exchange)
		talk := func() jobs.Result {
			t.Helper()
			if why, detail, err := v.compose(t.Context()); why != "" || err != nil {
				t.Fatal(why, detail, err)
			}
			return v.talk(t.Context(), &Voice{dialer: r.cfg.Dialer, leg: pbx.leg})
		}
		r.write(t, talk().Note)
		var got string
		r.write(t, func(tx *db.Tx) error { return tx.QueryRow("SELECT outcome || ' ' || detail FROM reminders").Scan(&got) })
		if got != "unsure missing_sound: it could not be played" {
			t.Errorf("it became %q", got)
		}
		asked := pbx.asked
		if talk(); pbx.asked != asked+1 {
			t.Errorf("before the next call it was looked for %d times", pbx.asked-asked)
		}
	})
}

// TestWhatAClientSees: a pool's own number goes out as it was written.
func TestWhatAClientSees(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _ := remindersOf(t)
		v := &visit{Reminders: r.Reminders, call: &appointments.Call{Line: "clinic"}}
		for written, want := range map[string]string{"": "<74951000001>", "+74950000000": "<+74950000000>", "84950000000": "<84950000000>"} {
			r.cfg.Office.Directory.Pools[0].CallerID = written
			if got := v.order().CallerID; got != want {
				t.Errorf("%q is shown as %s, want %s", written, got, want)
			}
		}
	})
}

// bench is Reminders with one reminder that is due, and no PBX.
type bench struct {
	*Reminders
	db *db.DB
}

func (b bench) write(t *testing.T, fn func(tx *db.Tx) error) {
	t.Helper()
	if err := b.db.Do(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func remindersOf(t *testing.T) (bench, jobs.Job) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	office := &leads.Office{Directory: &routing.Directory{
		Lines:    []routing.Line{{Name: "clinic", PBX: "main", Numbers: []string{"+74951000001"}}},
		Managers: []routing.Manager{{Login: "anna"}},
		Pools:    []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "anna"}},
	}}
	config := appointments.DefaultConfig()
	config.Before, config.Media = nil, map[string][]string{"en": {"sound:x"}}
	desk := appointments.NewDesk(appointments.DeskConfig{Office: office, Plan: &number.Plan{Country: "RU"}, Reminders: config,
		Tell: func(*db.Tx, appointments.Notice) error { return nil }})
	rules := DefaultRules("RU")
	b := bench{NewReminders(RemindersConfig{DB: d, Rules: &rules, Desk: desk, Office: office, Dialer: New(Config{DB: d})}), d}
	var j jobs.Job
	b.write(t, func(tx *db.Tx) error {
		_, _, err := desk.Create(tx, appointments.Wanted{Number: "+79161234567", Manager: "anna", StartsAt: tx.Now().Add(48 * time.Hour).Format(time.RFC3339)})
		if err != nil {
			return err
		}
		return tx.QueryRow("SELECT id, payload FROM jobs WHERE kind = 'reminder'").Scan(&j.ID, &j.Payload)
	})
	return b, j
}

// TestWhatCannotBePlayedIsSaidWithoutTheNumber: the log says which recording is
// missing and never whose number was said, and nothing where the far end has
// hung up. What is pressed meanwhile counts.
func TestWhatCannotBePlayedIsSaidWithoutTheNumber(t *testing.T) {
	for name, c := range map[string]struct {
		after   noticeKind
		err     error
		pressed string
		log     string
	}{
		"missing": {0, ErrNotPlayed, "", "media=sound:vm-num-i-have,sound:digits/…,sound:custom/x"},
		"pressed": {key, nil, "4", "media=sound:vm-num-i-have"},
		"hung up": {gone, ErrHungUp, "", ""},
	} {
		synctest.Test(t, func(t *testing.T) {
			log := &bytes.Buffer{}
			pbx := &mute{}
			pbx.leg = newLeg("ringback-x", &Exchange{Name: "main", PBX: pbx})
			v := &Voice{dialer: New(Config{Log: slog.New(slog.NewTextHandler(log, nil))}), leg: pbx.leg}
			if c.after != 0 {
				time.AfterFunc(100*time.Millisecond, func() { pbx.leg.put(notice{kind: c.after, text: c.pressed}) })
			}
			pressed, err := v.Ask(t.Context(), "sound:vm-num-i-have", "digits:79161234567", "sound:custom/x")
			if !errors.Is(err, c.err) || pressed != c.pressed {
				t.Errorf("%s: %q, %v", name, pressed, err)
			}
			if !strings.Contains(log.String(), c.log) || (log.Len() > 0) != (c.log != "") || strings.Contains(log.String(), "digits/7") {
				t.Errorf("%s: the log says %s", name, log)
			}
		})
	}
}
