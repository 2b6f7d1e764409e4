package db

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// Who peeks sees what is committed, at one instant, beside the one who writes,
// and changes nothing.
func TestPeek(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ring?back.db")
	d, err := Open(t.Context(), Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	add := func(name string) {
		t.Helper()
		err := d.Do(t.Context(), func(tx *Tx) error {
			_, err := tx.Exec("INSERT INTO contacts (name, created) VALUES ($1, 1)", name)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	count := func(tx *Tx) (n int) {
		if err := tx.QueryRow("SELECT COUNT(*) FROM contacts").Scan(&n); err != nil {
			t.Error(err)
		}
		return n
	}
	add("one")
	err = Peek(t.Context(), path, func(tx *Tx) error {
		before := count(tx)
		add("two")
		if after := count(tx); before != 1 || after != 1 || tx.Now().IsZero() {
			t.Errorf("%d rows, then %d, at %s", before, after, tx.Now())
		}
		if _, err := tx.Query("SELECT id FROM contacts"); err != nil { // left open
			t.Error(err)
		}
		if _, err := tx.Exec("DELETE FROM contacts"); err == nil {
			t.Error("who peeks may write")
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	mine := errors.New("mine")
	if err := Peek(t.Context(), path, func(tx *Tx) error { return mine }); !errors.Is(err, mine) {
		t.Errorf("the function's error came back as %v", err)
	}
	if err := Peek(t.Context(), path, func(tx *Tx) error { panic("oops") }); err == nil || !strings.Contains(err.Error(), "oops") {
		t.Errorf("the function's panic came back as %v", err)
	}
	add("three")
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	// Without a daemon too.
	if err := Peek(t.Context(), path, func(tx *Tx) error {
		if n := count(tx); n != 3 {
			t.Errorf("%d rows after the daemon has gone", n)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

func TestPeekRefuses(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("text"), []byte(strings.Repeat("no database\n", 500)), 0o600); err != nil {
		t.Fatal(err)
	}
	old, err := open(t.Context(), Config{Path: at("old")}, fstest.MapFS{"0001_a.sql": {Data: []byte("CREATE TABLE a (id INTEGER)")}})
	if err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{"none": "there is no database at", "text": "is not a database", "old": "is of version 1"} {
		err := Peek(t.Context(), at(name), func(*Tx) error { t.Errorf("%s was read", name); return nil })
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", name, err, want)
		}
	}
	if _, err := os.Stat(at("none")); err == nil {
		t.Error("a database was made where there was none")
	}
}
