package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/text"
)

// Session is one login of a person at one device.
type Session struct {
	ID    int64
	Login string
	// Begun, Seen and Ends are when it began, when it was last used (to the
	// minute), and when it ends however much it is used.
	Begun, Seen, Ends time.Time
	// Device is how the browser names itself, Address where it was: hostile text.
	Device, Address string
	// Language is what the person has chosen; empty: nothing.
	Language text.Language
	// Form is what forms of this session carry, so that no other page can send
	// them.
	Form string
}

// ErrNoSession says that there is no such session, or not any more.
var ErrNoSession = errors.New("there is no such session")

// From is where somebody sits who wants to come in.
type From struct {
	// Address is the IP address; empty: it cannot be told, and nobody who can come in
	// is slowed down for it.
	Address string
	// Familiar is what the browser keeps of an earlier login, as it says; empty:
	// nothing.
	Familiar string
	// Device is how the browser names itself.
	Device string
}

// Session finds the session of a cookie; ErrNoSession where it is over, or the
// person gone or locked.
func (r *Register) Session(ctx context.Context, secret string) (*Session, error) {
	if !isSecret("", secret) {
		return nil, ErrNoSession
	}
	hash := hashOf(secret)
	now := r.db.Now()
	var s Session
	var begun, last, ends, locked int64
	var language sql.NullString
	err := r.read.QueryRowContext(ctx, `SELECT s.id, s.login, s.begun, s.seen, s.ends, s.device, s.address, COALESCE(a.locked, 0), a.language
		FROM sessions s LEFT JOIN accounts a ON a.login = s.login WHERE s.hash = $1`, hash).
		Scan(&s.ID, &s.Login, &begun, &last, &ends, &s.Device, &s.Address, &locked, &language)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrNoSession
	case err != nil:
		return nil, fmt.Errorf("people: session: %w", err)
	}
	s.Begun, s.Seen, s.Ends = db.Time(begun), db.Time(last), db.Time(ends)
	if locked != 0 || !now.Before(s.Ends) || now.Sub(s.Seen) >= r.cfg.Idle || r.person(s.Login) == nil {
		return nil, ErrNoSession
	}
	s.Language = text.Language(language.String)
	s.Form = r.form(hash)
	r.note("session", s.ID, last, "UPDATE sessions SET seen = $1 WHERE id = $2")
	return &s, nil
}

// Sessions are those of a person that are not over, the one used last first.
func (r *Register) Sessions(ctx context.Context, login string) ([]Session, error) {
	now := r.db.Now()
	rows, err := r.read.QueryContext(ctx, `SELECT id, begun, seen, ends, device, address FROM sessions WHERE login = $1 AND seen > $2 AND ends > $3 ORDER BY seen DESC`,
		login, db.Millis(now.Add(-r.cfg.Idle)), db.Millis(now))
	if err != nil {
		return nil, fmt.Errorf("people: sessions: %w", err)
	}
	defer rows.Close()
	var list []Session
	for rows.Next() {
		s := Session{Login: login}
		var begun, last, ends int64
		if err := rows.Scan(&s.ID, &begun, &last, &ends, &s.Device, &s.Address); err != nil {
			return nil, fmt.Errorf("people: sessions: %w", err)
		}
		s.Begun, s.Seen, s.Ends = db.Time(begun), db.Time(last), db.Time(ends)
		list = append(list, s)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("people: sessions: %w", err)
	}
	return list, nil
}

// End ends one session of a person; of nobody else.
func (r *Register) End(ctx context.Context, login string, id int64) error {
	err := r.db.Do(ctx, func(tx *db.Tx) error {
		ended, err := tx.Exec("DELETE FROM sessions WHERE id = $1 AND login = $2", id, login)
		if err != nil {
			return err
		}
		if n, err := ended.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return tell(tx, login, leads.AccountEnded, leads.ByPage)
	})
	if err != nil {
		return fmt.Errorf("people: end of a session: %w", err)
	}
	return nil
}

// EndOthers ends all sessions of a person but one (0: all of them), and the
// links that they have got so far.
func (r *Register) EndOthers(ctx context.Context, login string, but int64) error {
	how := leads.ByPage
	if but == 0 { // nobody ends by a page the session by which they do that
		how = leads.ByCommand
	}
	return r.change(ctx, login, "end of sessions", func(tx *db.Tx) error {
		if err := endAll(tx, login, but); err != nil {
			return err
		}
		return tell(tx, login, leads.AccountEndedAll, how)
	})
}

func endAll(tx *db.Tx, login string, but int64) error {
	if _, err := tx.Exec("DELETE FROM sessions WHERE login = $1 AND id <> $2", login, but); err != nil {
		return err
	}
	_, err := tx.Exec(`INSERT INTO accounts (login, links_from) VALUES ($1, $2) ON CONFLICT (login) DO UPDATE SET links_from = excluded.links_from`,
		login, db.Millis(tx.Now()))
	return err
}

// The bounds of what is kept of sessions.
const (
	mostSessions = 50  // of one person: the one not used for longest ends
	mostDevice   = 300 // bytes
)

// begin begins a session, and removes those that are over.
func (r *Register) begin(tx *db.Tx, login string, from From) (secret string, err error) {
	now := tx.Now()
	_, err = tx.Exec("DELETE FROM sessions WHERE ends <= $1", db.Millis(now))
	if err == nil {
		_, err = tx.Exec("DELETE FROM sessions WHERE seen <= $1", db.Millis(now.Add(-r.cfg.Idle)))
	}
	if err == nil {
		_, err = tx.Exec("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE login = $1 ORDER BY seen DESC LIMIT 1000 OFFSET $2)", login, mostSessions-1)
	}
	if err != nil {
		return "", err
	}
	secret, hash := newSecret("")
	_, err = tx.Exec("INSERT INTO sessions (hash, login, begun, seen, ends, device, address) VALUES ($1, $2, $3, $3, $4, $5, $6)",
		hash, login, db.Millis(now), db.Millis(now.Add(r.cfg.Session)), cut(from.Device, mostDevice), from.Address)
	return secret, err
}

// cut shortens text to so many bytes of UTF-8.
func cut(s string, most int) string { return strings.ToValidUTF8(s[:min(len(s), most)], "") }
