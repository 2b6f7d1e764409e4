package view

import (
	"context"
	"encoding/base64"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ringback/leads"
	"ringback/leads/db"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// book is a database to look at.
type book struct {
	*View
	db *db.DB
	t  testing.TB
}

func newBook(t testing.TB) *book {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "book.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return &book{New(d.Reader()), d, t}
}

func (b *book) exec(query string, args ...any) { b.t.Helper(); b.execAll([]string{query}, args...) }

// execAll runs statements in one transaction, each with the same arguments.
func (b *book) execAll(queries []string, args ...any) {
	b.t.Helper()
	err := b.db.Do(context.Background(), func(tx *db.Tx) error {
		for _, query := range queries {
			if _, err := tx.Exec(query, args...); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.t.Fatal(err)
	}
}

// fill writes n contacts with a number, a lead (every tenth is open) and ten
// calls each. Calls begin in pairs at the same instant.
func (b *book) fill(n int) {
	b.t.Helper()
	const upTo = "WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < $1) "
	b.exec(upTo+"INSERT INTO contacts (name, created, manager) SELECT '+4930' || (1000000 + i), 1, 'anna' FROM i", n)
	b.exec(upTo+"INSERT INTO numbers (number, contact) SELECT '+4930' || (1000000 + i), i FROM i", n)
	b.exec(upTo+`INSERT INTO leads (contact, pool, line, manager, missed, first_missed, last_missed, opened, closed, outcome, closed_by)
		SELECT i, 'sales', 'main', 'anna', 2, i * 1000, i * 1000 + 5, i * 1000 + 9, CASE WHEN i % 10 = 0 THEN NULL ELSE i * 1000 + 99 END,
		CASE WHEN i % 10 = 0 THEN '' ELSE 'called_back' END, CASE WHEN i % 10 = 0 THEN '' ELSE 'anna' END FROM i`, n)
	b.exec(upTo+`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason,
		wait_ms, talk_ms, rang, answered_by, source, contact, lead)
		SELECT 'main', i || '.0', 'inbound', '+4930' || (1000001 + i / 10), 'Caller', '+4930555', 'main', 'sales', i / 2 * 1000, i * 1000 + 500,
		'missed', 'no_answer', 500, 0, '101 102', '', 'ari', 1 + (i - 1) / 10, 1 + (i - 1) / 10 FROM i`, 10*n)
}

func TestEveryListIsReadByAnIndex(t *testing.T) {
	b := newBook(t)
	b.fill(50)
	queries := map[string]struct {
		query string
		args  []any
	}{
		"calls of a contact":  {callsOfContactQuery, []any{1, 50}},
		"open leads":          {openLeadsQuery, []any{1, 1, 50}},
		"closed leads":        {closedLeadsQuery, []any{1, 50}},
		"all leads":           {allLeadsQuery, []any{1, 50}},
		"count of open leads": {countOpenQuery, nil},
		"one lead":            {leadQuery, []any{1}},
		"open leads of":       {openLeadsOfQuery, []any{1}},
		"contacts":            {contactsQuery, []any{1, 50}},
		"one contact":         {contactQuery, []any{1}},
		"numbers":             {numbersQuery, []any{1, 50}},
		"timeline of a lead":  {leadTimelineQuery, []any{1, 9, 50}},
		"timeline of contact": {contactTimelineQuery, []any{1, 9, 50}},
		"appointments":        {appointmentsQuery, []any{5, 50}},
		"appointment":         {appointmentQuery, []any{1}},
		"timeline of appoint": {appointmentTimelineQuery, []any{1, 9, 50}},
		"reminders":           {remindersQuery, []any{5, 50}},
		"doings":              {doingsQuery, []any{9, 50}},
		"doings of":           {doingsOfQuery, []any{9, 50, "anna"}},
		"reminders of":        {remindersOfQuery, []any{1, 50}},
		"reminder":            {reminderQuery, []any{1}},
		"calls of a report":   {countedCallsQuery, []any{1, 50, "inbound"}},
		"leads of a report":   {countedLeadsQuery, []any{1, 50}},
	}
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			b.exec("ANALYZE")
		}
		for name, q := range queries {
			plan, err := collect(t.Context(), b.db.Reader(), func(row scanner) (string, error) {
				var id, parent, unused int
				var detail string
				err := row.Scan(&id, &parent, &unused, &detail)
				return detail, err
			}, "EXPLAIN QUERY PLAN "+q.query, q.args...)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			for _, step := range plan {
				whole := strings.HasPrefix(step, "SCAN") && !strings.Contains(step, " USING INDEX leads_open")
				if whole || strings.Contains(step, "TEMP B-TREE") || strings.Contains(step, "AUTOMATIC") {
					t.Errorf("%s (analyzed: %v) reads or sorts more than it shows: %s", name, analyzed, strings.Join(plan, " / "))
					break
				}
			}
		}
	}
}

// walk follows the cursors of a list to its end; between is called after every
// page.
func walk[T any](t *testing.T, list func(Page) (List[T], error), limit int, between func()) []T {
	t.Helper()
	var all []T
	page := Page{Limit: limit}
	for {
		got, err := list(page)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Items) > limit {
			t.Fatalf("a page has %d rows, its limit is %d", len(got.Items), limit)
		}
		if all = append(all, got.Items...); len(all) > 10_000 {
			t.Fatal("a walk does not come to an end")
		}
		if got.Next == "" {
			return all
		}
		page.Cursor = got.Next
		between()
	}
}

func TestAWalkMeetsEveryRowOnceWhileRowsAreAdded(t *testing.T) {
	b := newBook(t)
	b.fill(30)
	added := 0
	add := func() {
		added++
		b.execAll([]string{
			"INSERT INTO contacts (name, created) VALUES ('new', $1)",
			"INSERT INTO leads (pool, line, missed, first_missed, last_missed, opened) VALUES ('new', 'main', 1, $1, $1, $1)",
			`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, source)
				VALUES ('new', 'new.' || $1, 'inbound', '', '', '', '', '', $1, 'ari')`,
		}, 1_000_000+added)
	}
	ctx := t.Context()
	leadsOf := func(state State) func(Page) (List[Lead], error) {
		return func(p Page) (List[Lead], error) { return b.Leads(ctx, state, p) }
	}
	leadID := func(l Lead) int64 { return l.ID }
	for _, limit := range []int{2, 7, 300} {
		once(t, b, "calls", 300, func(c Call) int64 { return c.ID },
			walk(t, func(p Page) (List[Call], error) { return b.Calls(ctx, leads.Everything, CallFilter{}, p) }, limit, add))
		once(t, b, "all leads", 30, leadID, walk(t, leadsOf(All), limit, add))
		once(t, b, "closed leads", 27, leadID, walk(t, leadsOf(Closed), limit, add))
		once(t, b, "open leads", 3, leadID, walk(t, leadsOf(Open), limit, add))
		once(t, b, "contacts", 30, func(c Contact) int64 { return c.ID },
			walk(t, func(p Page) (List[Contact], error) { return b.Contacts(ctx, p) }, limit, add))
	}
	if added == 0 {
		t.Error("nothing was added between pages")
	}
}

// once compares what a walk met with what was there when it began, and takes
// away what was added meanwhile.
func once[T any](t *testing.T, b *book, what string, want int, id func(T) int64, rows []T) {
	t.Helper()
	seen := map[int64]bool{}
	for _, r := range rows {
		if seen[id(r)] {
			t.Errorf("%s: %d was met twice", what, id(r))
		}
		seen[id(r)] = true
	}
	if len(seen) != want {
		t.Errorf("%s: a walk met %d rows, %d were there when it began", what, len(seen), want)
	}
	b.execAll([]string{"DELETE FROM calls WHERE pbx = 'new'", "DELETE FROM leads WHERE pool = 'new'", "DELETE FROM contacts WHERE name = 'new'"})
}

// A lead that rings again while somebody walks through them is still met.
func TestAWalkMeetsWhatRingsAgain(t *testing.T) {
	b := newBook(t)
	b.fill(50)
	ids := func(leads []Lead) (list []int64) {
		for _, l := range leads {
			list = append(list, l.ID)
		}
		return list
	}
	again := func() {
		b.exec("UPDATE leads SET missed = missed + 1, last_missed = last_missed + 1000000 WHERE id = 10")
	}
	walked := walk(t, func(p Page) (List[Lead], error) { return b.Leads(t.Context(), Open, p) }, 2, again)
	if !slices.Equal(ids(walked), []int64{50, 40, 30, 20, 10}) {
		t.Errorf("a walk meets %v", ids(walked))
	}
}

func TestALimitIsKept(t *testing.T) {
	b := newBook(t)
	b.fill(60)
	for limit, want := range map[int]int{0: DefaultLimit, 1: 1, 500: 500} {
		got, err := b.Calls(t.Context(), leads.Everything, CallFilter{}, Page{Limit: limit})
		if err != nil || len(got.Items) != want {
			t.Errorf("limit %d gave %d rows (%v), want %d", limit, len(got.Items), err, want)
		}
		for i := 1; i < len(got.Items); i++ {
			if got.Items[i].Started.After(got.Items[i-1].Started.Time) {
				t.Fatalf("call %d of a page began after the one before it", i)
			}
		}
	}
	for _, limit := range []int{-1, 501} {
		if _, err := b.Calls(t.Context(), leads.Everything, CallFilter{}, Page{Limit: limit}); !errors.Is(err, ErrLimit) {
			t.Errorf("limit %d: %v, want %v", limit, err, ErrLimit)
		}
	}
	if _, err := b.Leads(t.Context(), "half", Page{}); !errors.Is(err, ErrState) {
		t.Errorf("a state that does not exist: %v, want %v", err, ErrState)
	}
}

func TestOnlyOwnCursorsAreTaken(t *testing.T) {
	b := newBook(t)
	b.fill(10)
	calls, err := b.Calls(t.Context(), leads.Everything, CallFilter{}, Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	contacts, err := b.Contacts(t.Context(), Page{Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	text := base64.RawURLEncoding.EncodeToString
	for _, cursor := range []string{
		contacts.Next, calls.Next + "A", calls.Next + "=", " " + calls.Next, calls.Next + "\n", "%", "0",
		text([]byte("calls.1")), text([]byte("calls.1.2.3")), text([]byte("calls.+1.2")), text([]byte("calls.01.2")), text([]byte("calls.1.x")),
		text([]byte("calls.99999999999999999999.1")), text([]byte("calls.1.2;DROP TABLE calls")), text([]byte("leads-open.1.2")), strings.Repeat("QQ", 10_000),
	} {
		if _, err := b.Calls(t.Context(), leads.Everything, CallFilter{}, Page{Cursor: cursor}); !errors.Is(err, ErrCursor) {
			t.Errorf("cursor %.40q: %v, want %v", cursor, err, ErrCursor)
		}
	}
}

func FuzzCursor(f *testing.F) {
	f.Add("calls", place{7, 9}.write("calls"))
	f.Add("calls", "Y2FsbHMuMS4x")
	f.Fuzz(func(t *testing.T, list, cursor string) {
		p, err := readCursor(list, cursor)
		if err == nil && cursor != "" && p.write(list) != cursor {
			t.Errorf("%q is read as %v, whose cursor is %q", cursor, p, p.write(list))
		}
	})
}

func TestCardsOfWhatIsNotThere(t *testing.T) {
	b := newBook(t)
	if _, err := b.Lead(t.Context(), 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a lead that does not exist: %v", err)
	}
	if _, err := b.Contact(t.Context(), 1); !errors.Is(err, ErrNotFound) {
		t.Errorf("a contact that does not exist: %v", err)
	}
}

func TestACardTellsEverything(t *testing.T) {
	b := newBook(t)
	b.fill(20)
	b.exec("INSERT INTO numbers (number, contact) VALUES ('+4930000', 20)")
	b.exec("INSERT INTO leads (contact, pool, line, missed, first_missed, last_missed, opened) VALUES (20, 'service', 'main', 1, 50000, 50000, 50000)")
	b.exec("INSERT INTO timeline (lead, contact, at, kind, who) VALUES (20, 20, 1, 'missed', ''), (20, 20, 2, 'assigned', 'anna'), (NULL, 20, 3, 'answered', '')")
	card, err := b.Contact(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(card.Numbers, " "); got != "+4930000 +49301000020" {
		t.Errorf("numbers %q", got)
	}
	if len(card.Open) != 2 || card.Open[0].Pool != "service" || card.OpenLeads != 2 {
		t.Errorf("open leads %+v, want service before sales", card.Open)
	}
	if len(card.Calls) != 10 || card.Calls[0].Started.Before(card.Calls[9].Started.Time) {
		t.Errorf("%d calls, want 10 and the newest first", len(card.Calls))
	}
	if len(card.Timeline) != 3 || card.Timeline[0].Kind != "answered" || card.Timeline[0].Lead != nil {
		t.Errorf("timeline %+v", card.Timeline)
	}
	lead, err := b.Lead(t.Context(), 20)
	if err != nil {
		t.Fatal(err)
	}
	if lead.State != Open || len(lead.Timeline) != 2 || lead.Timeline[0].Who != "anna" {
		t.Errorf("lead %+v", lead)
	}
	// The number is the newest missed call's: fill gives the lead's last call
	// the number of the next contact.
	if lead.Contact == nil || lead.Contact.Number != "+49301000021" || lead.Contact.Name != "+49301000020" {
		t.Errorf("contact of the lead: %+v", lead.Contact)
	}
}

// TestAnOldCallGivesTheSightOfAContact has one call of anna's lie behind all that a
// card shows.
func TestAnOldCallGivesTheSightOfAContact(t *testing.T) {
	b := newBook(t)
	b.exec("INSERT INTO contacts (name, created) VALUES ('A', 1)")
	for i := range 2 * DefaultLimit {
		by := "boris"
		if i == 0 {
			by = "anna"
		}
		b.exec(`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, source, contact, manager)
			VALUES ('main', $1, 'outbound', '101', '', '+4930001234', '', '', $1, $1, '', '', 'ari', 1, $2)`, i, by)
	}
	for login, sees := range map[string]bool{"anna": true, "boris": true, "clara": false, "": false} {
		card, err := b.ContactInSight(t.Context(), leads.Sight{Login: login}, 1, "")
		if (err == nil) != sees || !sees && !errors.Is(err, ErrNotFound) {
			t.Errorf("%q: %v", login, err)
		}
		if login == "anna" && err == nil && len(card.Calls) > 0 {
			t.Errorf("anna sees %d calls of boris", len(card.Calls))
		}
	}
}
