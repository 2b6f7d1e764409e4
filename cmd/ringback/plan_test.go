package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
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

// planConfig is a company that reminds at any hour.
const planConfig = `
mode: %s
country: RU
zone: Europe/Moscow
asterisk:
  - name: main
    url: "http://127.0.0.1:8088"
    username: ringback
    password_env: RINGBACK_TEST_PASSWORD
    inbound: {contexts: [from-trunk]}
    connect: {context: from-internal}
lines:
  - {name: sales, numbers: ["+74951000001"]}
managers:
  - {login: anna, devices: ["101"]}
  - {login: boris}
  - {login: boss, devices: ["109"]}
pools:
  - {name: default, managers: [anna, boris], supervisor: boss}
robot:
  hours: {week: {mon-sun: "00:00-24:00"}}
reminders:
  grace: 0s
  on_create: no
  before: [1h]
  required: [place]
  line: sales
  media: {en: ["sound:custom/reminder"]}
database: ringback.db
`

// planned is a folder with a configuration and a database beside it.
func planned(t *testing.T, mode string) (file string, d *db.DB) {
	t.Helper()
	t.Setenv("RINGBACK_TEST_PASSWORD", "secret")
	file = filepath.Join(t.TempDir(), "ringback.yaml")
	if err := os.WriteFile(file, fmt.Appendf(nil, planConfig, mode), 0o600); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(filepath.Dir(file), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return file, d
}

// book writes appointments that are reminded of within the next hours.
func bookAppointments(t *testing.T, d *db.DB, wanted ...appointments.Wanted) {
	t.Helper()
	directory := &routing.Directory{Lines: []routing.Line{{Name: "sales", PBX: "main", Numbers: []string{"+74951000001"}}},
		Managers: []routing.Manager{{Login: "anna"}}, Pools: []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "anna"}}}
	office := &leads.Office{Directory: directory}
	reminders := appointments.DefaultConfig()
	reminders.OnCreate, reminders.Grace, reminders.Before, reminders.Line = false, 0, []time.Duration{time.Hour}, "sales"
	desk := appointments.NewDesk(appointments.DeskConfig{Office: office, Plan: &number.Plan{Country: "RU"}, Reminders: reminders,
		Book: leads.NewBook(leads.BookConfig{DB: d, Office: office})})
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		for _, w := range wanted {
			if _, _, err := desk.Create(tx, w); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// owe writes a lead of a manager whose ladder stands before its first rung.
func owe(t *testing.T, d *db.DB, id int64, manager string, due time.Time) {
	t.Helper()
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		for _, change := range []string{
			fmt.Sprintf("INSERT INTO contacts (id, name, created) VALUES (%d, 'x', 1)", id),
			fmt.Sprintf(`INSERT INTO leads (id, contact, pool, line, manager, missed, first_missed, last_missed, opened, ladder)
				VALUES (%d, %d, 'default', 'sales', '%s', 1, 1, 1, 1, 1)`, id, id, manager),
		} {
			if _, err := tx.Exec(change); err != nil {
				return err
			}
		}
		payload, err := json.Marshal(leads.RungDue{Ladder: 1})
		if err != nil {
			return err
		}
		return jobs.Enqueue(tx, jobs.Job{Kind: leads.KindRung, Key: fmt.Sprint("rung:", id), Lead: id, Due: due, Payload: payload})
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestPlan(t *testing.T) {
	file, d := planned(t, "act")
	starts := time.Now().Add(3 * time.Hour).Truncate(time.Second)
	booking := func(number string, change func(*appointments.Wanted)) appointments.Wanted {
		w := appointments.Wanted{Number: number, Manager: "anna", StartsAt: starts.Format(time.RFC3339), Place: "Mira 1"}
		if change != nil {
			change(&w)
		}
		return w
	}
	bookAppointments(t, d,
		booking("+79160000001", nil),
		booking("+79160000002", nil), // has refused
		booking("+78091234567", nil), // premium rate
		booking("+79160000004", func(w *appointments.Wanted) { w.Place = "" }),   // something is missing
		booking("+79160000005", func(w *appointments.Wanted) { w.Manager = "" }), // nobody is responsible
		booking("+79160000006", func(w *appointments.Wanted) {
			w.Zone = "Asia/Tokyo"
			w.StartsAt = starts.Add(30 * 24 * time.Hour).Format(time.RFC3339)
		}))
	err := d.Do(t.Context(), func(tx *db.Tx) error { return dials.Refuse(tx, "+79160000002", "client", "key", "") })
	if err != nil {
		t.Fatal(err)
	}
	owe(t, d, 101, "anna", time.Now().Add(time.Minute))
	owe(t, d, 102, "boris", time.Now().Add(time.Minute)) // has no phone
	owe(t, d, 103, "anna", time.Now().Add(20*time.Hour)) // later
	owe(t, d, 104, "anna", time.Now().Add(12*time.Hour-time.Minute))
	status, out, errs := command(t, "plan", "--config", file, "--json")
	if status != 0 || errs != "" {
		t.Fatalf("status %d, %s", status, errs)
	}
	var got []string
	for line := range strings.Lines(out) {
		var l planLine
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatal(err)
		}
		when := "never"
		if l.At != nil {
			when = l.At.Sub(l.Due).Round(100 * time.Millisecond).String()
		}
		got = append(got, fmt.Sprintf("%v %s %s %s %v %s %s", l.Dialed, l.Kind, l.Number, l.Manager, l.Leads, when, l.Reason))
		if (l.Reason == "") != (l.Why == "") {
			t.Errorf("words of %q: %q", l.Reason, l.Why)
		}
	}
	want := `true manager  anna [101] 0s 
true reminder +79160000001 anna [] 0s 
false manager  boris [102] never no_phone
false reminder +79160000002 anna [] never refused
false reminder +78091234567 anna [] never type
false reminder +79160000004 anna [] never missing_field
false reminder +79160000005  [] never no_manager`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("planned is\n%s\nwant\n%s", text, want)
	}
	status, out, errs = command(t, "plan", "--config", file, "--hours", "30")
	if status != 0 || errs != "" {
		t.Fatalf("status %d, %s", status, errs)
	}
	for _, want := range []string{"Would be dialed until", ": 4\n", "client +79160000001  reminder 1", "manager anna", "lead 103",
		"Would not be dialed: 5", "never       they refused to be called", "missing field place"} {
		if !strings.Contains(out, want) {
			t.Errorf("it says\n%s\nand misses %q", out, want)
		}
	}
}

// What the rules put off beyond the hours that were asked for would not be
// dialed in them, and the plan says when it may be.
func TestPlanOfWhatIsPutOff(t *testing.T) {
	file, d := planned(t, "act")
	err := d.Do(t.Context(), func(tx *db.Tx) error {
		for i := range 15 {
			one := dials.Dial{Channel: fmt.Sprint("ringback-", i), Call: fmt.Sprint(i), Kind: dials.Manager, Who: "anna"}
			if err := dials.Insert(tx, &one); err != nil {
				return err
			}
			if err := dials.End(tx, one.Channel, dials.NoAnswer, ""); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	owe(t, d, 101, "anna", time.Now())
	status, out, errs := command(t, "plan", "--config", file, "--hours", "1", "--json")
	var l planLine
	if err := json.Unmarshal([]byte(out), &l); err != nil {
		t.Fatal(err)
	}
	if late := time.Until(*l.At); status != 0 || errs != "" || l.Dialed || l.Reason != "person_often" || late < 2*time.Hour || late > 3*time.Hour {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
}

// What is due only later says why: it was tried, the client sleeps, the pool is
// closed. What is in hand is shown too.
func TestPlanOfWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // it is Saturday, 3 o'clock in Moscow
		file, d := planned(t, "act")
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text = bytes.Replace(text, []byte(`{week: {mon-sun: "00:00-24:00"}}`), []byte(`{zone: Europe/Moscow, week: {mon-sun: "09:00-21:00"}}`), 1)
		text = bytes.Replace(text, []byte(`supervisor: boss}`), []byte(`supervisor: boss, hours: {week: {mon-sun: "10:00-18:00"}}}`), 1)
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, number := range []string{"+79160000001", "+79160000002", "+79160000003"} {
			bookAppointments(t, d, appointments.Wanted{Number: number, Manager: "anna", StartsAt: "2000-01-01T10:00:00+03:00", Place: "Mira 1"})
		}
		owe(t, d, 101, "anna", time.Now().Add(7*time.Hour+20*time.Second)) // at the opening
		err = d.Do(t.Context(), func(tx *db.Tx) error {
			for _, change := range []string{
				"UPDATE jobs SET error = 'busy', attempt = 1, due = due + 60000 WHERE id = 2",
				"UPDATE jobs SET state = 'held', attempt = 2, error = 'busy' WHERE id = 3",
			} {
				if _, err := tx.Exec(change); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		status, out, errs := command(t, "plan", "--config", file)
		want := `In hand now: 1

CALL                 ABOUT
client +79160000003  reminder 3

Would be dialed until Sat 1 Jan 15:00:00, if each takes 25s and nobody does anything before: 3

AT                  CALL                 ABOUT       WAITS BECAUSE
Sat 1 Jan 09:00:00  client +79160000001  reminder 1  it is not within robot.hours where they are
Sat 1 Jan 09:01:00  client +79160000002  reminder 2  busy
Sat 1 Jan 10:03:20  manager anna         lead 101    its pool is closed until then
`
		if status != 0 || errs != "" || out != want {
			t.Errorf("status %d, %s\n%s\nwant\n%s", status, errs, out, want)
		}
		_, out, _ = command(t, "plan", "--config", file, "--json")
		for _, want := range []string{`"reason":"hours","why":"it is not`, `"reason":"put_off","why":"busy"`, `"reason":"pool_closed"`,
			`"dialed":false,"in_hand":true,"kind":"reminder","number":"+79160000003"`} {
			if strings.Count(out, want) != 1 {
				t.Errorf("%s is missing in\n%s", want, out)
			}
		}
	})
}

// In mode observe nobody is rung, and the plan says so.
func TestPlanOfAnObserver(t *testing.T) {
	file, d := planned(t, "observe")
	owe(t, d, 101, "anna", time.Now())
	status, out, errs := command(t, "plan", "--config", file)
	if status != 0 || errs != "" || !strings.Contains(out, "nobody does anything before: 0\n") || !strings.Contains(out, "mode is observe: nobody is rung") {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
}

func TestPlanWithoutADatabase(t *testing.T) {
	file, d := planned(t, "act")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(filepath.Dir(file), "ringback.db")); err != nil {
		t.Fatal(err)
	}
	status, out, errs := command(t, "plan", "--config", file)
	if status != 1 || out != "" || !strings.Contains(errs, "there is no database at "+filepath.Dir(file)) {
		t.Errorf("status %d: %s%s", status, out, errs)
	}
	if status, _, errs := command(t, "plan", "--hours", "0"); status != 2 || !strings.Contains(errs, "--hours is from 1") {
		t.Errorf("status %d: %s", status, errs)
	}
}
