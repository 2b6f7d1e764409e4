package told_test

import (
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/leads/told"
	"ringback/routing"
)

var both = []string{"sip", "email"}

// staffed is a database at an instant that the test sets, and the desk of a pool.
type staffed struct {
	t    testing.TB
	now  time.Time
	db   *db.DB
	desk *told.Desk
}

func newStaffed(t testing.TB, zone string, policy told.Policy) *staffed {
	t.Helper()
	s := &staffed{t: t, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	var err error
	s.db, err = db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "told.db"), Now: func() time.Time { return s.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.db.Close(); err != nil {
			t.Error(err)
		}
	})
	company, err := time.LoadLocation(zone)
	if err != nil {
		t.Fatal(err)
	}
	d := &routing.Directory{Managers: []routing.Manager{{Login: "anna"}, {Login: "far", Hours: routing.Hours{Zone: "Asia/Yekaterinburg"}}, {Login: "boss"}},
		Pools: []routing.Pool{{Name: "default", Managers: []string{"anna"}, Supervisor: "boss"}}}
	s.desk = told.New(told.Config{Directory: d, Zone: company, Policy: policy})
	return s
}

func (s *staffed) do(fn func(tx *db.Tx) error) {
	s.t.Helper()
	if err := s.db.Do(s.t.Context(), fn); err != nil {
		s.t.Fatal(err)
	}
}

func (s *staffed) way(login string, k told.Kind, c told.Choices) (w told.Way) {
	s.t.Helper()
	s.do(func(tx *db.Tx) (err error) {
		if err := s.desk.Save(tx, login, c, both); err != nil {
			return err
		}
		w, err = s.desk.Way(tx, login, k, both)
		return err
	})
	return w
}

// Whoever has chosen nothing is told at once, by everything.
func TestNothingChosen(t *testing.T) {
	s := newStaffed(t, "Europe/Berlin", nil)
	for _, k := range told.Kinds {
		s.do(func(tx *db.Tx) error {
			w, err := s.desk.Way(tx, "anna", k, both)
			if !slices.Equal(w.Channels, both) || w.InTurn || w.Off || !w.Until().IsZero() || w.Language != "en" {
				t.Errorf("%s: %+v", k, w)
			}
			return err
		})
	}
}

func TestWays(t *testing.T) {
	noon := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC) // a Monday; 13:00 in Berlin, 17:00 in Yekaterinburg
	for _, c := range []struct {
		name, login, channels string
		kind                  told.Kind
		policy                told.Policy
		chosen                told.Choices
		quiet, list           time.Time
		off, turn             bool
	}{
		{name: "quiet now", login: "anna", kind: told.NewLead, chosen: told.Choices{Weekdays: "12:30-14:15"}, channels: "sip email", quiet: noon.Add(75 * time.Minute)},
		{name: "quiet in a minute", login: "anna", kind: told.NewLead, chosen: told.Choices{Weekdays: "13:01-14:15"}, channels: "sip email"},
		{name: "quiet until now", login: "anna", kind: told.NewLead, chosen: told.Choices{Weekdays: "12:00-13:00"}, channels: "sip email"},
		{name: "quiet in another zone", login: "far", kind: told.NewLead, chosen: told.Choices{Weekdays: "16:00-19:00"}, channels: "sip email", quiet: noon.Add(2 * time.Hour)},
		{name: "quiet at the weekend", login: "anna", kind: told.NewLead, chosen: told.Choices{Weekend: "00:00-24:00"}, channels: "sip email"},
		{name: "through the quiet", login: "anna", kind: told.NewLead, channels: "sip email",
			chosen: told.Choices{Weekdays: "12:30-14:15", Kinds: map[told.Kind]told.Choice{told.NewLead: {ThroughQuiet: true}}}},
		{name: "windows that touch", login: "anna", kind: told.NewLead, chosen: told.Choices{Weekdays: "12:00-14:00, 14:00-15:00"}, channels: "sip email", quiet: noon.Add(2 * time.Hour)},
		{name: "in a list", login: "anna", kind: told.RangAgain, channels: "sip email", list: noon.Add(time.Hour),
			chosen: told.Choices{DigestAt: "9:00, 14:00", Kinds: map[told.Kind]told.Choice{told.RangAgain: {Digest: true}}}},
		{name: "in tomorrow's", login: "anna", kind: told.RangAgain, channels: "sip email", list: noon.Add(20 * time.Hour),
			chosen: told.Choices{DigestAt: "09:00", Kinds: map[told.Kind]told.Choice{told.RangAgain: {Digest: true}}}},
		{name: "in a list that comes in the quiet", login: "anna", kind: told.RangAgain, channels: "sip email", list: noon.Add(2 * time.Hour),
			chosen: told.Choices{DigestAt: "14:00", Weekdays: "13:30-15:00", Kinds: map[told.Kind]told.Choice{told.RangAgain: {Digest: true}}}},
		{name: "one way", login: "anna", kind: told.NewLead, channels: "email", chosen: told.Choices{Kinds: map[told.Kind]told.Choice{told.NewLead: {Channels: []string{"email"}}}}},
		{name: "in turn", login: "anna", kind: told.NewLead, channels: "email sip", turn: true,
			chosen: told.Choices{Kinds: map[told.Kind]told.Choice{told.NewLead: {Channels: []string{"email", "sip"}, InTurn: true}}}},
		{name: "off", login: "anna", kind: told.RangAgain, channels: "sip email", off: true, chosen: told.Choices{Kinds: map[told.Kind]told.Choice{told.RangAgain: {Off: true}}}},
		{name: "must be immediate", login: "anna", kind: told.NewLead, channels: "sip email", policy: told.Policy{told.NewLead: {Must: told.Immediately}},
			chosen: told.Choices{DigestAt: "14:00", Weekdays: "12:30-14:15", Kinds: map[told.Kind]told.Choice{told.NewLead: {Digest: true}}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newStaffed(t, "Europe/Berlin", c.policy).way(c.login, c.kind, c.chosen)
			if strings.Join(w.Channels, " ") != c.channels || !w.Quiet.Equal(c.quiet) || !w.List.Equal(c.list) || w.Off != c.off || w.InTurn != c.turn {
				t.Errorf("%+v, want %s quiet %v list %v off %v in turn %v", w, c.channels, c.quiet, c.list, c.off, c.turn)
			}
		})
	}
}

// A channel that was chosen and does not reach anybody any more does not make
// somebody deaf.
func TestAWayThatIsGone(t *testing.T) {
	s := newStaffed(t, "UTC", nil)
	s.way("anna", told.NewLead, told.Choices{Kinds: map[told.Kind]told.Choice{told.NewLead: {Channels: []string{"email"}}}})
	s.do(func(tx *db.Tx) error {
		w, err := s.desk.Way(tx, "anna", told.NewLead, []string{"sip"})
		if !slices.Equal(w.Channels, []string{"sip"}) {
			t.Errorf("told by %v", w.Channels)
		}
		return err
	})
}

// What must be heard of cannot be chosen away, neither where it is saved nor, if
// it was saved by an older daemon, where it is asked.
func TestNobodyIsDeaf(t *testing.T) {
	s := newStaffed(t, "UTC", nil)
	for _, k := range told.Kinds {
		err := s.db.Do(t.Context(), func(tx *db.Tx) error {
			return s.desk.Save(tx, "anna", told.Choices{Kinds: map[told.Kind]told.Choice{k: {Off: true}}}, both)
		})
		if refused := errors.As(err, new(posted.Problems)); refused == s.desk.CanBeOff(k) {
			t.Errorf("%s switched off: %v", k, err)
		}
	}
	s.do(func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO choices (login, text) VALUES ($1, $2) ON CONFLICT (login) DO UPDATE SET text = excluded.text`, "anna", `{"kinds":{"new_lead":{"off":true}}}`)
		if err != nil {
			return err
		}
		w, err := s.desk.Way(tx, "anna", told.NewLead, both)
		if w.Off {
			t.Error("a new lead is a secret")
		}
		return err
	})
}

// The end of the quiet times is what a clock that is looked at every minute
// shows, also where the clocks change.
func TestQuietByTheMinute(t *testing.T) {
	windows := map[string][2]int{"": {}, "22:00-07:00": {1320, 1860}, "00:00-24:00": {0, 1440}, "12:30-14:00": {750, 840}, "01:30-03:15": {90, 195}}
	texts := []string{"", "22:00-07:00", "12:30-14:00", "01:30-03:15"}
	s := newStaffed(t, "America/New_York", nil)
	zone, _ := time.LoadLocation("America/New_York")
	rapid.Check(t, func(r *rapid.T) {
		week, end := rapid.SampledFrom(texts).Draw(r, "weekdays"), rapid.SampledFrom(append(texts, "00:00-24:00")).Draw(r, "weekend")
		s.now = time.Date(2026, time.Month(rapid.SampledFrom([]int{3, 11}).Draw(r, "month")), 1, 0, 0, 0, 0, time.UTC).
			Add(time.Duration(rapid.IntRange(0, 10*86400).Draw(r, "second")) * time.Second)
		quiet := func(at time.Time) bool {
			local := at.In(zone)
			minute := local.Hour()*60 + local.Minute()
			y, m, d := local.Date()
			in := func(day, minute int) bool {
				of := windows[week]
				if wd := time.Date(y, m, day, 12, 0, 0, 0, time.UTC).Weekday(); wd == time.Saturday || wd == time.Sunday {
					of = windows[end]
				}
				return minute >= of[0] && minute < of[1]
			}
			return in(d, minute) || in(d-1, minute+1440)
		}
		want := s.now
		for quiet(want) {
			want = want.Truncate(time.Minute).Add(time.Minute)
		}
		got := s.way("anna", told.NewLead, told.Choices{Weekdays: week, Weekend: end}).Quiet
		if got.IsZero() {
			got = s.now
		}
		if !got.Equal(want) {
			r.Fatalf("quiet %q and %q at %s until %s, want %s", week, end, s.now.In(zone), got.In(zone), want.In(zone))
		}
	})
}

func TestAbsences(t *testing.T) {
	s := newStaffed(t, "UTC", nil)
	go8, hour := s.now, time.Hour
	away := func(want string) {
		t.Helper()
		all, err := told.AwayAll(t.Context(), s.db.Reader(), s.now)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range all {
			until := "open"
			if !a.Until.IsZero() {
				until = a.Until.Sub(go8).String()
			}
			got = append(got, a.Login+" "+a.From.Sub(go8).String()+" "+until)
		}
		if strings.Join(got, ", ") != want {
			t.Errorf("away are %q, want %q", strings.Join(got, ", "), want)
		}
	}
	leave := func(from, until time.Duration) (id int64) {
		a := told.Absence{Login: "anna", From: go8.Add(from), By: "anna"}
		if until > 0 {
			a.Until = go8.Add(until)
		}
		s.do(func(tx *db.Tx) (err error) { id, err = told.GoAway(tx, a); return err })
		return id
	}
	leave(0, 3*hour)
	leave(10*hour, 12*hour)
	away("anna 0s 3h0m0s, anna 10h0m0s 12h0m0s")
	second := leave(10*hour, 12*hour) // the same again
	away("anna 0s 3h0m0s, anna 10h0m0s 12h0m0s")
	leave(0, 11*hour) // it says anew until when, and leaves what is planned
	away("anna 0s 11h0m0s, anna 10h0m0s 12h0m0s")
	leave(0, 1*hour)
	leave(2*hour, 3*hour)
	leave(2*hour, 4*hour) // of two plans none takes the other's place
	away("anna 0s 1h0m0s, anna 2h0m0s 3h0m0s, anna 2h0m0s 4h0m0s, anna 10h0m0s 12h0m0s")
	absent := func(want bool) {
		t.Helper()
		s.do(func(tx *db.Tx) error {
			got, err := told.Absent(tx, "anna")
			if got != want {
				t.Errorf("absent %s later: %v", s.now.Sub(go8), got)
			}
			return err
		})
	}
	for at, want := range map[time.Duration]bool{2*hour - 1e6: false, 2 * hour: true, 4*hour - 1e6: true, 4 * hour: false} {
		s.now = go8.Add(at)
		absent(want)
	}
	s.now = go8.Add(11 * hour)
	s.do(func(tx *db.Tx) error {
		if was, err := told.Forget(tx, "anna", second); was || err != nil {
			t.Errorf("an absence that lasts was withdrawn: %v", err)
		}
		was, err := told.ComeBack(tx, "anna")
		if !was {
			t.Error("anna was not away")
		}
		return err
	})
	absent(false)
	leave(20*hour, 30*hour)
	leave(30*hour, 40*hour) // which only touches
	planned := "anna 20h0m0s 30h0m0s, anna 30h0m0s 40h0m0s"
	away(planned)
	leave(11*hour, 0) // until they are back: what is planned for later stays
	away("anna 11h0m0s open, " + planned)
	s.now = go8.Add(10000 * hour)
	absent(true)
}

// Every question goes by an index.
func TestPlans(t *testing.T) {
	s := newStaffed(t, "UTC", nil)
	for _, q := range []string{
		"SELECT COUNT(*) FROM absences WHERE login = $1 AND until_at > $2 AND from_at <= $2", "SELECT id FROM absences WHERE until_at > $1 ORDER BY from_at, id",
		"SELECT id, ref, message, digest FROM held WHERE login = $1 AND until_at <= $2 ORDER BY until_at, id", "SELECT text FROM choices WHERE login = $1",
	} {
		rows, err := s.db.Reader().Query("EXPLAIN QUERY PLAN "+q, 1, 2)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(detail, "SCAN") {
				t.Errorf("%s: %s", q, detail)
			}
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAWeekWithoutABreakIsRefusedWhenever chooses it while it is not quiet, or will
// not be for much longer.
func TestAWeekWithoutABreakIsRefusedWhenever(t *testing.T) {
	s := newStaffed(t, "Europe/Berlin", nil)
	monday := s.now
	for _, c := range []struct {
		chosen told.Choices
		wrong  bool
	}{
		{told.Choices{Weekdays: "00:00-24:00"}, true},
		{told.Choices{Weekdays: "00:00-24:00", Weekend: "00:00-24:00"}, true},
		{told.Choices{Weekend: "00:00-24:00"}, false},
		{told.Choices{Weekdays: "17:00-24:00, 00:00-09:00", Weekend: "00:00-24:00"}, false}, // 64 hours at the weekend
	} {
		for hours := time.Duration(0); hours < 7*24; hours += 5 {
			s.now = monday.Add(hours * time.Hour)
			err := s.db.Do(t.Context(), func(tx *db.Tx) error { return s.desk.Save(tx, "anna", c.chosen, both) })
			if errors.As(err, new(posted.Problems)) != c.wrong {
				t.Errorf("%+v, chosen on %s: %v", c.chosen, s.now.Format("Monday 15:04"), err)
			}
		}
	}
}
