package people

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/text"
	"ringback/routing"
)

// Config is what a Register works with.
type Config struct {
	DB *db.DB
	// Directory says who there is.
	Directory *routing.Directory
	// Idle and Session end sessions, Link the links of alerts; 0: the Default….
	Idle, Session, Link time.Duration
	// Log takes who came in and who was locked out; nil: nobody is told.
	Log *slog.Logger
}

// How long things are good for.
const (
	DefaultIdle    = 14 * 24 * time.Hour // a session that nobody uses
	DefaultSession = 90 * 24 * time.Hour // a session, used or not
	DefaultLink    = 72 * time.Hour      // the link of an alert
	InviteFor      = 72 * time.Hour      // an invitation
)

// Register is the accounts of people and programs. Its methods may be called from any
// goroutine.
type Register struct {
	cfg    Config
	db     *db.DB
	read   *sql.DB
	log    *slog.Logger
	key    []byte // signs links and forms
	hasher hasher
	slow   *slowdown
	seen   seen
	chosen chosen
}

// Open makes a Register; at its first start ever, also the key by which links
// are signed.
func Open(ctx context.Context, c Config) (*Register, error) {
	if c.Idle == 0 {
		c.Idle = DefaultIdle
	}
	if c.Session == 0 {
		c.Session = DefaultSession
	}
	if c.Link == 0 {
		c.Link = DefaultLink
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	r := &Register{cfg: c, db: c.DB, read: c.DB.Reader(), log: c.Log, hasher: newHasher(), slow: newSlowdown(), seen: seen{told: map[string]time.Time{}}, chosen: chosen{of: map[string]text.Language{}}}
	err := r.read.QueryRowContext(ctx, "SELECT secret FROM keys WHERE name = 'links'").Scan(&r.key)
	if errors.Is(err, sql.ErrNoRows) {
		r.key = make([]byte, sha256.Size)
		_, _ = rand.Read(r.key) // it never fails
		err = r.db.Do(ctx, func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO keys (name, secret) VALUES ('links', $1)", r.key)
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("people: the key of links: %w", err)
	}
	return r, r.readChosen(ctx)
}

// Close waits until what is written by the way has been written.
func (r *Register) Close() { r.seen.group.Wait() }

// SessionFor is how long a session lasts at most.
func (r *Register) SessionFor() time.Duration { return r.cfg.Session }

// person is who is configured under a login; nil: nobody.
func (r *Register) person(login string) *routing.Manager {
	if login == "" {
		return nil
	}
	return r.cfg.Directory.Manager(login)
}

// ErrNobody says that the configuration names no such person.
var ErrNobody = errors.New("there is no such person in the configuration")

// secretBytes are of a secret that nobody can guess.
const secretBytes = 32

// newSecret makes a secret and what is kept of it.
func newSecret(prefix string) (secret string, hash []byte) {
	raw := make([]byte, secretBytes)
	_, _ = rand.Read(raw) // it never fails
	secret = prefix + base64.RawURLEncoding.EncodeToString(raw)
	return secret, hashOf(secret)
}

// hashOf is what is kept of a secret. A secret of so many random bits needs no
// slow hash.
func hashOf(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// isSecret says whether text can be a secret at all: whatever else comes is not
// looked up.
func isSecret(prefix, text string) bool {
	rest, ok := strings.CutPrefix(text, prefix)
	return ok && len(rest) == base64.RawURLEncoding.EncodedLen(secretBytes)
}

// Account is what is known of a person beside the configuration.
type Account struct {
	Login   string    `json:"login"`
	Name    string    `json:"name"`
	Role    string    `json:"role"`
	HasWord bool      `json:"has_password"`
	Changed time.Time `json:"password_set,omitzero"`
	Locked  time.Time `json:"locked,omitzero"`
	// Sessions is how many there are, Seen when one was last used.
	Sessions int           `json:"sessions"`
	Seen     time.Time     `json:"last_seen,omitzero"`
	Language text.Language `json:"language,omitempty"`
}

// Accounts lists everybody who is configured, in that order.
func (r *Register) Accounts(ctx context.Context) ([]Account, error) {
	list := make([]Account, 0, len(r.cfg.Directory.Managers))
	now := r.db.Now()
	for i := range r.cfg.Directory.Managers {
		m := &r.cfg.Directory.Managers[i]
		a := Account{Login: m.Login, Name: m.Name, Role: string(cmp.Or(m.Role, routing.Plain))}
		row, err := r.account(ctx, m.Login)
		if err != nil {
			return nil, err
		}
		a.HasWord, a.Changed, a.Locked, a.Language = row.password != "", db.Time(row.changed), db.Time(row.locked), row.language
		var seen int64
		err = r.read.QueryRowContext(ctx, "SELECT COUNT(*), COALESCE(MAX(seen), 0) FROM sessions WHERE login = $1 AND seen > $2 AND ends > $3",
			m.Login, db.Millis(now.Add(-r.cfg.Idle)), db.Millis(now)).Scan(&a.Sessions, &seen)
		if err != nil {
			return nil, fmt.Errorf("people: sessions of %s: %w", m.Login, err)
		}
		a.Seen = db.Time(seen)
		list = append(list, a)
	}
	return list, nil
}

// account is a row of accounts; one that is not there is that of a person who
// has done nothing yet.
type account struct {
	password                   string
	changed, locked, linksFrom int64
	language                   text.Language
}

func (r *Register) account(ctx context.Context, login string) (a account, err error) {
	err = r.read.QueryRowContext(ctx, "SELECT password, changed, locked, links_from, language FROM accounts WHERE login = $1", login).
		Scan(&a.password, &a.changed, &a.locked, &a.linksFrom, &a.language)
	if errors.Is(err, sql.ErrNoRows) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("people: account: %w", err)
	}
	return a, nil
}

// Lock lets a person in no more: neither by password, nor by sessions, links and
// invitations that there are.
func (r *Register) Lock(ctx context.Context, login string) error {
	return r.change(ctx, login, "lock", func(tx *db.Tx) error {
		now := db.Millis(tx.Now())
		_, err := tx.Exec(`INSERT INTO accounts (login, locked) VALUES ($1, $2) ON CONFLICT (login) DO UPDATE SET locked = excluded.locked`, login, now)
		if err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM invites WHERE login = $1", login); err != nil {
			return err
		}
		if err := endAll(tx, login, 0); err != nil {
			return err
		}
		return tell(tx, login, leads.AccountLocked, leads.ByCommand)
	})
}

// Locked says whether a person is locked, to what they do by another way than the
// pages.
func Locked(tx *db.Tx, login string) (bool, error) {
	var locked int
	if err := tx.QueryRow("SELECT COUNT(*) FROM accounts WHERE login = $1 AND locked <> 0", login).Scan(&locked); err != nil {
		return false, fmt.Errorf("people: %s: lock: %w", login, err)
	}
	return locked > 0, nil
}

// tell writes down what became of somebody's account, or of a token; how is
// leads.ByPage and the like.
func tell(tx *db.Tx, whose, what, how string, changes ...leads.Change) error {
	return leads.Note(tx, leads.Entry{Kind: leads.EntryAccount, Who: whose, Channel: how, Detail: what, Changes: changes})
}

// Unlock lets a person in again who was locked, and forgets wrong passwords.
func (r *Register) Unlock(ctx context.Context, login string) error {
	err := r.change(ctx, login, "unlock", func(tx *db.Tx) error {
		if _, err := tx.Exec("UPDATE accounts SET locked = 0 WHERE login = $1", login); err != nil {
			return err
		}
		return tell(tx, login, leads.AccountUnlocked, leads.ByCommand)
	})
	if err == nil {
		r.slow.forgive(login)
	}
	return err
}

// change writes something about a person who exists.
func (r *Register) change(ctx context.Context, login, what string, fn func(tx *db.Tx) error) error {
	if r.person(login) == nil {
		return fmt.Errorf("people: %q: %w", login, ErrNobody)
	}
	if err := r.db.Do(ctx, fn); err != nil {
		return fmt.Errorf("people: %s: %s: %w", login, what, err)
	}
	return nil
}

// seen writes when something was last used, at most once a minute and by the
// way: who asks does not wait for it.
type seen struct {
	mu    sync.Mutex
	told  map[string]time.Time
	group sync.WaitGroup
}

// seenEvery is how exactly it is known when something was last used.
const seenEvery = time.Minute

// mostTold bounds what is remembered: who is forgotten is written once more.
const mostTold = 1024

// note writes that the row of the table was used just now, if what it says is
// older than a minute.
func (r *Register) note(what string, id int64, before int64, update string) {
	now := r.db.Now()
	if now.Sub(db.Time(before)) < seenEvery {
		return
	}
	key := fmt.Sprintf("%s %d", what, id)
	r.seen.mu.Lock()
	last, known := r.seen.told[key]
	if known && now.Sub(last) < seenEvery {
		r.seen.mu.Unlock()
		return
	}
	if len(r.seen.told) >= mostTold {
		clear(r.seen.told)
	}
	r.seen.told[key] = now
	r.seen.mu.Unlock()
	r.seen.group.Go(func() {
		err := r.db.Do(context.Background(), func(tx *db.Tx) error {
			_, err := tx.Exec(update, db.Millis(tx.Now()), id)
			return err
		})
		if err != nil && !errors.Is(err, db.ErrClosed) {
			r.log.Warn("when something was last used was not noted", "what", what, "err", err)
		}
	})
}
