package search

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/leads/db"
)

func TestAQuestionFitsWhatPeopleWrite(t *testing.T) {
	const name, number = "Алёна Сёмина-Łukasz Müller", "+79161234567"
	for question, want := range map[string]bool{
		"8 916 123": true, "+7 (916) 123-45-67": true, "123-45-67": true, "4567": true, "8‑916": true, "89161234567": true, "7916": true, "80916": false, "9999": false,
		"алена": true, "АЛЁНА": true, "семина": true, "лён": true, "lukasz": true, "muller": true, "MÜLLER": true, "алена 4567": true, "семина al": false, "миллер": false,
		"алена ми": true, "алена 9999": false, "на-lu": true,
	} {
		q, err := Ask(question)
		if err != nil {
			t.Errorf("%q: %v", question, err)
			continue
		}
		if got := q.Fits(name, []string{number}); got != want {
			t.Errorf("%q fits: %v, want %v", question, got, want)
		}
	}
	for _, question := range []string{"", "  ", "12", "+7", "ан", "1-2", "а б", "\x00\xff", "- ()"} {
		if _, err := Ask(question); !errors.Is(err, ErrShort) {
			t.Errorf("%q: %v, want %v", question, err, ErrShort)
		}
	}
}

func TestZerosOfADialingPrefixAreNoOthers(t *testing.T) {
	const number = "+49301000099"
	for question, want := range map[string]bool{"0049 30": true, "030 1000": true, "810 49 30": true, "1000099": true, "000000": false, "00 0009": false} {
		q, err := Ask(question)
		if err != nil {
			t.Fatal(err)
		}
		if got := q.Fits("", []string{number}); got != want {
			t.Errorf("%q fits %s: %v, want %v", question, number, got, want)
		}
	}
}

// office is a database with contacts, and what keeps its search.
type office struct {
	t      *testing.T
	db     *db.DB
	keeper *Keeper
}

func newOffice(t *testing.T) *office {
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
	return &office{t, d, NewKeeper(d, nil)}
}

func (o *office) exec(query string, args ...any) {
	o.t.Helper()
	if err := o.db.Do(o.t.Context(), func(tx *db.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
		o.t.Fatal(err)
	}
}

// finds asks the index, when it has learned what waits.
func (o *office) finds(question string, want ...int64) {
	o.t.Helper()
	if err := o.keeper.Learn(o.t.Context()); err != nil {
		o.t.Fatal(err)
	}
	if got := o.find(question); !slices.Equal(got, want) {
		o.t.Errorf("%q finds %v, want %v", question, got, want)
	}
}

func (o *office) find(question string) (list []int64) {
	o.t.Helper()
	q, err := Ask(question)
	if err != nil {
		o.t.Fatal(err)
	}
	rows, err := o.db.Reader().Query("SELECT rowid FROM search WHERE search MATCH $1 ORDER BY rowid", q.Match())
	if err != nil {
		o.t.Fatalf("%q: %v", question, err)
	}
	defer rows.Close()
	for rows.Next() {
		var id int64
		if err := rows.Scan(&id); err != nil {
			o.t.Fatal(err)
		}
		list = append(list, id)
	}
	if err := rows.Err(); err != nil {
		o.t.Fatal(err)
	}
	return list
}

func TestWhateverIsWrittenOfAContactIsFound(t *testing.T) {
	o := newOffice(t)
	o.exec("INSERT INTO contacts (name, created) VALUES ('+79161234567', 1), ('Ольга', 1)")
	o.exec("INSERT INTO numbers (number, contact) VALUES ('+79161234567', 1), ('+79031112233', 2), ('+4930123456', 2)")
	o.finds("123456", 1, 2)
	o.finds("030 12", 2)
	o.finds("ольга", 2)
	o.exec("UPDATE contacts SET name = 'Пётр \"Quote\" * OR' WHERE id = 1")
	o.finds("петр", 1)
	o.finds(`"quote" * or`, 1)
	o.finds("4567", 1)
	o.exec("UPDATE numbers SET contact = 1 WHERE number = '+79031112233'") // as when two are merged
	o.finds("1112233", 1)
	o.exec("DELETE FROM numbers WHERE number = '+4930123456'")
	o.finds("4930")
	o.exec("UPDATE contacts SET name = 'Ольга Петровна' WHERE id = 2")
	o.finds("ольга", 2)
	o.exec("DELETE FROM contacts WHERE id = 2")
	o.finds("ольга")
	for _, hostile := range []string{strings.Repeat("a", 5000), "x\x00y zzz", `";DROP TABLE contacts;--`, "a\u202eb ccc", "(((", "NEAR(a b)"} {
		o.exec("UPDATE contacts SET name = $1 WHERE id = 1", hostile)
		o.finds("1234567", 1)
		if _, err := Ask(hostile); err == nil {
			o.find(hostile)
		}
	}
}

func TestManyContactsAreLearnedInSmallSteps(t *testing.T) {
	o := newOffice(t)
	o.exec("WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 130) INSERT INTO contacts (name, created) SELECT 'Client No. ' || i, 1 FROM i")
	o.exec("INSERT INTO numbers (number, contact) SELECT '+4930' || (1000000 + id), id FROM contacts")
	n, err := o.keeper.step(t.Context())
	if err != nil || n != batch {
		t.Fatalf("%d were learned in one step (%v)", n, err)
	}
	if got := o.find("client no."); len(got) != batch || got[0] != 130-batch+1 {
		t.Errorf("after one step these are found: %v", got)
	}
	ctx, stop := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- o.keeper.Run(ctx) }()
	for deadline := time.Now().Add(20 * time.Second); len(o.find("client no.")) < 130; {
		if time.Now().After(deadline) {
			t.Fatalf("only %d are found", len(o.find("client no.")))
		}
		<-time.After(10 * time.Millisecond)
	}
	stop()
	if err := <-over; err != nil {
		t.Error(err)
	}
}
