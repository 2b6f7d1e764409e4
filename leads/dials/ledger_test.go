package dials_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/number"
)

func stand(t *testing.T, d *db.DB, number string) (w dials.Word) {
	t.Helper()
	do(t, d, func(tx *db.Tx) (err error) {
		w, err = dials.Consent(tx, number)
		return err
	})
	return w
}

func TestTheNewestWordCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t)
		if w := stand(t, d, client); w.Kind != dials.Silent || !w.At.IsZero() {
			t.Errorf("who never spoke: %+v", w)
		}
		do(t, d, func(tx *db.Tx) error {
			return dials.Record(tx, dials.Word{Number: client, Kind: dials.Agreed, At: tx.Now(), Who: "anna", How: "form"})
		})
		if w := stand(t, d, client); w.Kind != dials.Agreed || w.Who != "anna" || w.How != "form" || !w.At.Equal(time.Now()) {
			t.Errorf("who agreed: %+v", w)
		}
		time.Sleep(time.Hour)
		refused := time.Now()
		do(t, d, func(tx *db.Tx) error { return dials.Refuse(tx, client, "caller", "key", "9\r\npressed") })
		if w := stand(t, d, client); w.Kind != dials.Refused || w.Note != "9 pressed" {
			t.Errorf("who refused: %+v", w)
		}
		time.Sleep(time.Hour)
		// What is entered later may have been said earlier.
		do(t, d, func(tx *db.Tx) error {
			return dials.Record(tx, dials.Word{Number: client, Kind: dials.Agreed, At: refused.Add(-time.Minute)},
				dials.Word{Number: client, Kind: dials.Agreed, At: refused})
		})
		if w := stand(t, d, client); w.Kind != dials.Refused {
			t.Errorf("an older word beat a newer one, or an agreement a refusal of the same instant: %+v", w)
		}
		if w := stand(t, d, "+79160000000"); w.Kind != dials.Silent {
			t.Errorf("another number: %+v", w)
		}
	})
}

func TestWhatTheLedgerDoesNotTake(t *testing.T) {
	d := openT(t)
	now := time.Now()
	good := dials.Word{Number: client, Kind: dials.Agreed, At: now}
	for want, w := range map[string]dials.Word{
		"not a telephone number": {Number: "89161234567", Kind: dials.Agreed, At: now},
		"\"\" is not a tele":     {Kind: dials.Agreed, At: now},
		"neither agreed nor":     {Number: client, Kind: "maybe", At: now},
		"too long ago":           {Number: client, Kind: dials.Refused},
		"has not come yet":       {Number: client, Kind: dials.Refused, At: now.Add(time.Hour)},
	} {
		err := d.Do(t.Context(), func(tx *db.Tx) error { return dials.Record(tx, good, w) })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v gives %v, want %q", w, err, want)
		}
	}
	if w := stand(t, d, client); w.Kind != dials.Silent {
		t.Errorf("half of what was wrong was written: %+v", w)
	}
}

var home = number.Plan{Country: "RU"}

func TestReadConsents(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct{ text, want string }{
		{"number,kind\n8 916 123-45-67,agreed\n", "+79161234567 agreed 2026-03-01T12:00:00Z \"\" \"\" \"\""},
		{"\ufeffKind;Number;at\nREFUSED;+4930123456;2026-02-01\n", "+4930123456 refused 2026-02-01T23:59:59Z \"\" \"\" \"\""},
		{"number,kind,at\n+4930123456,agreed,2026-02-01\n", "+4930123456 agreed 2026-02-01T00:00:00Z \"\" \"\" \"\""},
		{"number,kind,at\n+4930123456,refused,2026-03-01\n", "+4930123456 refused 2026-03-01T12:00:00Z \"\" \"\" \"\""},
		{"note,how,who,at,kind,number\n\"a, \"\"b\"\"\",key,caller,2026-02-01T10:00:00+03:00,refused,+79161234567\n",
			`+79161234567 refused 2026-02-01T07:00:00Z "caller" "key" "a, \"b\""`},
		{"number,kind,note\n+79161234567,agreed,\n", "+79161234567 agreed 2026-03-01T12:00:00Z \"\" \"\" \"\""},
		{"number,kind\n", ""},
	} {
		words, err := dials.ReadConsents([]byte(c.text), &home, now)
		var got []string
		for _, w := range words {
			got = append(got, fmt.Sprintf("%s %s %s %q %q %q", w.Number, w.Kind, w.At.UTC().Format(time.RFC3339), w.Who, w.How, w.Note))
		}
		if err != nil || strings.Join(got, "\n") != c.want {
			t.Errorf("%q gives %s (%v), want %s", c.text, got, err, c.want)
		}
	}
}

func TestReadConsentsSaysWhatIsWrong(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		text string
		want []string
	}{
		{"", []string{"names no columns: use number, kind, at"}},
		{"number,kind\n123,agreed\n\n+79161234567,yes\n+79161234567,agreed\n+79161234567,agreed,3\n", []string{
			`line 2: "123" is not a telephone number`, `line 4: "yes" is neither`, "line 6: holds 3 values for 2 columns"}},
		{"number,kind,at\n+79161234567,agreed,yesterday\n+79161234567,refused,2999-01-01\n+79161234567,agreed,0026-01-01\n", []string{
			`line 2: at: "yesterday" is not a time such as`, "line 3: 2999-01-01T00:00:00Z has not come yet", "line 4: 0026-01-01 is too long ago"}},
		{"number,consent\n", []string{`line 1: consent: is not a column`, "line 1: kind: is missing among the columns"}},
	} {
		words, err := dials.ReadConsents([]byte(c.text), &home, now)
		if err == nil || words != nil {
			t.Errorf("%q gives %v, %v", c.text, words, err)
			continue
		}
		for _, want := range c.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%.80q: %v\nmisses %q", c.text, err, want)
			}
		}
	}
}

// A refusal counts against an agreement of the same day, and against one that
// another clock has set a little ahead.
func TestARefusalIsNotOverruled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t)
		time.Sleep(10 * time.Hour)
		words, err := dials.ReadConsents([]byte("number,kind,at\n"+client+",refused,2000-01-01\n"+client+",agreed,2000-01-01T09:00:00Z\n"), &home, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		do(t, d, func(tx *db.Tx) error { return dials.Record(tx, words...) })
		if w := stand(t, d, client); w.Kind != dials.Refused {
			t.Errorf("by a day: %+v", w)
		}
		const other = "+79160000000"
		do(t, d, func(tx *db.Tx) error {
			return dials.Record(tx, dials.Word{Number: other, Kind: dials.Agreed, At: tx.Now().Add(4 * time.Minute)})
		})
		time.Sleep(time.Minute)
		do(t, d, func(tx *db.Tx) error { return dials.Refuse(tx, other, "client", "key", "") })
		time.Sleep(time.Hour)
		if w := stand(t, d, other); w.Kind != dials.Refused {
			t.Errorf("by a clock that is ahead: %+v", w)
		}
	})
}

// An export that is read back changes nothing, however often.
func TestExportIsImport(t *testing.T) {
	d := openT(t)
	now := time.Now()
	do(t, d, func(tx *db.Tx) error {
		for i := range 1200 {
			w := dials.Word{Number: fmt.Sprintf("+7916%07d", i), Kind: dials.Agreed, At: now.Add(-time.Duration(i) * time.Hour), Who: "a,b", How: "\"x\"", Note: "ü; -"}
			if err := dials.Record(tx, w); err != nil {
				return err
			}
		}
		return nil
	})
	export := func() string {
		var b bytes.Buffer
		if err := dials.ExportConsents(t.Context(), d.Reader(), &b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	first := export()
	if n := strings.Count(first, "\n"); n != 1201 {
		t.Fatalf("%d lines", n)
	}
	words, err := dials.ReadConsents([]byte(first), &home, now)
	if err != nil || len(words) != 1200 {
		t.Fatalf("%d words, %v", len(words), err)
	}
	do(t, d, func(tx *db.Tx) error { return dials.Record(tx, words...) })
	if export() != first {
		t.Error("reading it back changed the ledger")
	}
	page, next, err := dials.Consents(t.Context(), d.Reader(), 0, 1000)
	rest, end, err2 := dials.Consents(t.Context(), d.Reader(), next, 1000)
	if err := errors.Join(err, err2); err != nil || len(page) != 1000 || len(rest) != 200 || end != 0 {
		t.Errorf("pages of %d and %d, then %d: %v", len(page), len(rest), end, err)
	}
}
