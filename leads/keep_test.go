package leads_test

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/history"
)

// fakeStart is when a bubble of testing/synctest begins.
var fakeStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

const year = 365 * 24 * time.Hour

// shelf is a database of three years, and what is to be kept of it.
type shelf struct {
	t             *testing.T
	path          string
	calls, events time.Duration
}

func newShelf(t *testing.T, size history.Size, calls, events time.Duration) *shelf {
	t.Helper()
	size.Until = fakeStart
	s := &shelf{t: t, path: filepath.Join(t.TempDir(), "book.db"), calls: calls, events: events}
	if err := history.Copy(t.Context(), size, s.path); err != nil {
		t.Fatal(err)
	}
	return s
}

// live opens the database and removes what is too old until the time is over,
// or until the database dies, which it tells.
func (s *shelf) live(hook func(db.Boundary) error, hours time.Duration) (died bool) {
	s.t.Helper()
	synctest.Test(s.t, func(t *testing.T) {
		d, err := db.Open(t.Context(), db.Config{Path: s.path, Hook: hook})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
		keeper := leads.NewKeeper(leads.KeepConfig{Calls: s.calls, Events: s.events, DB: d, Book: book})
		ctx, stop := context.WithTimeout(t.Context(), hours)
		defer stop()
		err = keeper.Run(ctx)
		if died = errors.Is(err, db.ErrClosed); err != nil && !died {
			t.Error(err)
		}
	})
	return died
}

// read asks the database for one column of text.
func (s *shelf) read(query string, args ...any) (list []string) {
	s.t.Helper()
	s.open(func(d *db.DB) { list = s.column(d, query, args...) })
	return list
}

// open opens the database for a moment.
func (s *shelf) open(do func(*db.DB)) {
	s.t.Helper()
	d, err := db.Open(s.t.Context(), db.Config{Path: s.path})
	if err != nil {
		s.t.Fatal(err)
	}
	defer d.Close()
	do(d)
}

func (s *shelf) column(d *db.DB, query string, args ...any) (list []string) {
	s.t.Helper()
	rows, err := d.Reader().Query(query, args...)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text sql.NullString
		if err := rows.Scan(&text); err != nil {
			s.t.Fatal(err)
		}
		list = append(list, text.String)
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return list
}

func (s *shelf) write(query string) {
	s.t.Helper()
	s.open(func(d *db.DB) {
		if err := d.Do(s.t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(query); return err }); err != nil {
			s.t.Fatal(err)
		}
	})
}

// contents are the rows of every table from which something may be removed.
func (s *shelf) contents() map[string][]string {
	all := map[string][]string{}
	s.open(func(d *db.DB) {
		for table, columns := range map[string]string{
			"calls": "id || ' ' || ifnull(lead, 0)", "leads": "id", "contacts": "id", "numbers": "number", "timeline": "id || ' ' || ifnull(call, 0)",
			"attempts": "id", "dials": "id", "consents": "id", "appointments": "id", "reminders": "id", "jobs": "id", "clicks": "id", "blind": "id"} {
			all[table] = s.column(d, "SELECT "+columns+" FROM "+table+" ORDER BY 1")
		}
		if broken := s.column(d, "SELECT \"table\" FROM pragma_foreign_key_check"); len(broken) > 0 {
			s.t.Errorf("references lead nowhere: %s", strings.Join(broken, ", "))
		}
	})
	return all
}

// kept says in other words than the Keeper which rows stay; $1 is the instant up
// to which calls go, $2 that of entries. All calls here begin in the order of
// their ids, and every lead but the open ones is closed before $1 with its calls.
var kept = map[string]string{
	"leads": "SELECT id FROM leads WHERE closed IS NULL OR closed >= $1 OR id = (SELECT MAX(id) FROM leads)",
	"calls": `SELECT id FROM calls k WHERE ended >= $1 OR lead IN (SELECT id FROM leads WHERE closed IS NULL OR closed >= $1)
		OR id IN (SELECT call FROM attempts WHERE lead IN (SELECT id FROM leads WHERE closed IS NULL OR closed >= $1))`,
}

func TestWhatIsTooOldIsRemovedAndNothingElse(t *testing.T) {
	s := newShelf(t, history.Small, year, 2*year)
	callsUntil, eventsUntil := db.Millis(fakeStart.Add(-year)), db.Millis(fakeStart.Add(-2*year))
	s.write("INSERT INTO blind (pbx, since, until, ahead, cause, source) VALUES ('main', 1, 2, 0, 'start', ''), ('main', 3, 4, 0, 'start', '')")
	s.write("INSERT INTO clicks (who, how, lead, contact, number, shown, clicked) VALUES ('anna', 'page', 1, 1, '+7', '', 1), ('anna', 'page', 1, 1, '+7', '', 2)")
	s.write("INSERT INTO chat_alerts (chat, message, lead, login, manager, link, text) SELECT 1, id, id, 'anna', 'anna', '', '' FROM leads")
	want := map[string][]string{}
	for table, query := range kept {
		want[table] = s.read(query+" ORDER BY id", callsUntil)
	}
	ofOpen := map[string]string{ // of what is owed everything stays as it is
		"calls":   "SELECT k.id || k.call || ifnull(k.lead, '') FROM calls k JOIN leads l ON l.id = k.lead WHERE l.closed IS NULL ORDER BY k.id",
		"entries": "SELECT t.id || t.kind || ifnull(t.call, '') FROM timeline t JOIN leads l ON l.id = t.lead WHERE l.closed IS NULL ORDER BY t.id",
		"people":  "SELECT c.id || n.number FROM contacts c JOIN numbers n ON n.contact = c.id JOIN leads l ON l.contact = c.id WHERE l.closed IS NULL ORDER BY c.id",
	}
	owed := map[string][]string{}
	for what, query := range ofOpen {
		if owed[what] = s.read(query); len(owed[what]) == 0 {
			t.Fatalf("%s: nothing is owed to begin with", what)
		}
	}
	old := s.read("SELECT COUNT(*) FROM leads WHERE closed IS NULL AND opened < $1", eventsUntil)
	if slices.Equal(old, []string{"0"}) {
		t.Fatal("no lead is open that is older than what is kept")
	}
	before := s.contents()
	// A contact goes with its last call, when nobody has named it.
	named := s.read("SELECT id FROM contacts WHERE named = 1 OR id NOT IN (SELECT contact FROM calls WHERE contact > 0 UNION SELECT contact FROM leads)")

	if s.live(nil, 30*time.Minute) {
		t.Fatal("the database died")
	}
	after := s.contents()
	for table := range kept {
		got := s.read("SELECT id FROM " + table + " ORDER BY id")
		if !slices.Equal(got, want[table]) {
			t.Errorf("%s: %d stay, want %d", table, len(got), len(want[table]))
		}
	}
	if lost := s.read("SELECT message FROM chat_alerts WHERE lead NOT IN (SELECT id FROM leads)"); len(lost) > 0 {
		t.Errorf("%d alerts in chats are of leads that are gone", len(lost))
	}
	for what, query := range ofOpen {
		if got := s.read(query); !slices.Equal(got, owed[what]) {
			t.Errorf("%s of what is owed: %d, there were %d", what, len(got), len(owed[what]))
		}
	}
	for _, table := range []string{"consents", "appointments", "reminders", "jobs"} {
		if !slices.Equal(after[table], before[table]) {
			t.Errorf("%s: %d of %d stay", table, len(after[table]), len(before[table]))
		}
	}
	stay := s.read("SELECT contact FROM calls UNION SELECT contact FROM leads UNION SELECT contact FROM appointments UNION SELECT MAX(id) FROM contacts")
	for _, id := range before["contacts"] {
		needed := slices.Contains(named, id) || slices.Contains(stay, id)
		if slices.Contains(after["contacts"], id) != needed {
			t.Errorf("contact %s: it should stay: %v", id, needed)
		}
	}
	for what, query := range map[string]string{
		"old entries": `SELECT COUNT(*) FROM timeline t LEFT JOIN leads l ON l.id = t.lead WHERE at < $2 AND (l.id IS NULL OR l.closed IS NOT NULL)
			AND $1 > 0`,
		"old dials":       "SELECT COUNT(*) FROM dials WHERE booked < $2 AND $1 > 0",
		"old clicks":      "SELECT COUNT(*) - 1 FROM clicks WHERE $1 > $2 - 1 AND $2 > 0",
		"old blind times": "SELECT COUNT(*) - 1 FROM blind WHERE $1 > $2 - 1 AND $2 > 0",
	} {
		if got := s.read(query, callsUntil, eventsUntil); got[0] != "0" {
			t.Errorf("%s: %s", what, got[0])
		}
	}
	if len(after["contacts"]) == len(before["contacts"]) || len(after["attempts"]) == len(before["attempts"]) || len(after["dials"]) == len(before["dials"]) {
		t.Error("no contact, attempt or dial went")
	}
	if s.live(nil, 5*time.Hour) {
		t.Fatal("the database died")
	}
	again := s.contents()
	for table := range again {
		if !slices.Equal(again[table], after[table]) {
			t.Errorf("%s: %d were left, and %d a few hours later", table, len(after[table]), len(again[table]))
		}
	}
}

func TestNothingIsRemovedThatIsKeptForEver(t *testing.T) {
	s := newShelf(t, history.Size{Calls: 1000, Contacts: 300, Leads: 250}, 0, 0)
	before := s.contents()
	s.live(nil, 5*time.Hour)
	if after := s.contents(); !maps.EqualFunc(after, before, slices.Equal) {
		t.Error("something was removed")
	}
}

// TestRemovingGoesOnAfterADeath lets the database die at every boundary of a
// commit, and compares what is left in the end.
func TestRemovingGoesOnAfterADeath(t *testing.T) {
	size := history.Size{Calls: 600, Contacts: 180, Leads: 150}
	whole := newShelf(t, size, year, 2*year)
	whole.live(nil, time.Hour)
	want := whole.contents()
	for n, deaths := 1, 0; ; n++ {
		s := newShelf(t, size, year, 2*year)
		at := db.Boundary{Commit: n / 2, After: n%2 == 1}
		died := s.live(func(b db.Boundary) error {
			if b == at {
				return errors.New("killed")
			}
			return nil
		}, time.Hour)
		if died {
			deaths++
			s.contents()
			s.live(nil, time.Hour)
		} else if n > 1 {
			if deaths < 20 {
				t.Errorf("it died only %d times", deaths)
			}
			return
		}
		for table, rows := range s.contents() {
			if !slices.Equal(rows, want[table]) {
				t.Fatalf("killed %v: %s has %d rows in the end, want %d", at, table, len(rows), len(want[table]))
			}
		}
	}
}

// TestFactsGoBeforeRemoving sees that nothing is removed while the Book has
// something to write.
func TestFactsGoBeforeRemoving(t *testing.T) {
	s := newShelf(t, history.Size{Calls: 1000, Contacts: 300, Leads: 250}, year, year)
	before := s.contents()
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), db.Config{Path: s.path})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
		book.Tell(missed(1)) // and nobody writes it: Run does not run
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Minute)
		defer stop()
		if err := leads.NewKeeper(leads.KeepConfig{Calls: s.calls, Events: s.events, DB: d, Book: book}).Run(ctx); err != nil {
			t.Fatal(err)
		}
	})
	if after := s.contents(); !maps.EqualFunc(after, before, slices.Equal) {
		t.Error("something was removed while a fact waited")
	}
}

// TestAStepThatIsRunAgainRemovesNoMore has something fail in every transaction
// that removes: the group is run again, and each step removes what one may.
func TestAStepThatIsRunAgainRemovesNoMore(t *testing.T) {
	s := newShelf(t, history.Size{Calls: 1000, Contacts: 300, Leads: 1}, year, year)
	s.calls = time.Hour // nearly all of it is too old
	synctest.Test(t, func(t *testing.T) {
		d, err := db.Open(t.Context(), db.Config{Path: s.path})
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		keeper := leads.NewKeeper(leads.KeepConfig{Calls: s.calls, DB: d, Book: leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})})
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		go keeper.Run(ctx)
		for left := 1000; left > 900; {
			gate := make(chan struct{})
			go d.Do(ctx, func(*db.Tx) error { <-gate; return nil })
			time.Sleep(time.Second) // the Keeper's next step waits at the gate
			go d.Do(ctx, func(*db.Tx) error { return errors.New("refused") })
			synctest.Wait()
			close(gate)
			synctest.Wait()
			now := len(s.column(d, "SELECT id FROM calls"))
			if left-now > 100 {
				t.Fatalf("one step removed %d calls", left-now)
			}
			left = now
		}
	})
}
