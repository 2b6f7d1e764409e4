package people

import (
	"path/filepath"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"ringback/leads/db"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// house is a Register on a real database.
type house struct {
	*Register
	t  *testing.T
	db *db.DB
}

const good = "correct horse battery"

func newHouse(t *testing.T) *house {
	t.Helper()
	return openHouse(t, filepath.Join(t.TempDir(), "book.db"))
}

func openHouse(t *testing.T, file string) *house {
	t.Helper()
	h := &house{t: t}
	var err error
	if h.db, err = db.Open(t.Context(), db.Config{Path: file}); err != nil {
		t.Fatal(err)
	}
	directory := &routing.Directory{Managers: []routing.Manager{{Login: "anna", Name: "Anna"}, {Login: "boris"}, {Login: "vera", Role: routing.Admin}}}
	if h.Register, err = Open(t.Context(), Config{DB: h.db, Directory: directory}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.close() })
	return h
}

func (h *house) close() {
	h.Close()
	if err := h.db.Close(); err != nil {
		h.t.Error(err)
	}
}

// joins has somebody set their password by an invitation.
func (h *house) joins(login, password string) (secret string) {
	h.t.Helper()
	invite, _, err := h.Invite(h.t.Context(), login, ToSetPassword)
	if err != nil {
		h.t.Fatal(err)
	}
	if secret, err = h.Accept(h.t.Context(), invite, password, From{Address: "192.0.2.1", Device: "Firefox"}); err != nil {
		h.t.Fatal(err)
	}
	return secret
}

// in says whether a cookie still lets somebody in.
func (h *house) in(secret string) bool {
	h.t.Helper()
	_, err := h.Session(h.t.Context(), secret)
	if err != nil && err != ErrNoSession {
		h.t.Fatal(err)
	}
	return err == nil
}

// logIn logs in from an address, and gives what came of it.
func (h *house) logIn(login, password, address string) error {
	_, err := h.LogIn(h.t.Context(), login, password, From{Address: address})
	return err
}

// dump is every value of every table of people.
func (h *house) dump() string {
	h.t.Helper()
	var all strings.Builder
	for _, table := range []string{"accounts", "invites", "sessions", "tokens", "timeline"} {
		rows, err := h.db.Reader().Query("SELECT * FROM " + table)
		if err != nil {
			h.t.Fatal(err)
		}
		columns, err := rows.Columns()
		if err != nil {
			h.t.Fatal(err)
		}
		for rows.Next() {
			values := make([][]byte, len(columns))
			into := make([]any, len(columns))
			for i := range values {
				into[i] = &values[i]
			}
			if err := rows.Scan(into...); err != nil {
				h.t.Fatal(err)
			}
			for _, v := range values {
				all.Write(append(v, '\n'))
			}
		}
		if err := rows.Err(); err != nil {
			h.t.Fatal(err)
		}
	}
	return all.String()
}
