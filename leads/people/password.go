package people

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"ringback/leads"
	"ringback/leads/db"
)

// argon is what a password is hashed with. The parameters stand with each hash,
// so that they can be raised: whoever logs in is hashed anew.
type argon struct {
	memory uint32 // KiB
	time   uint32
	lanes  uint8
}

// current is what OWASP's Password Storage Cheat Sheet asks at least of
// argon2id (RFC 9106): 19 MiB, twice. The daemon lives in 64 MB beside a PBX, so
// there is no room for the 64 MiB of the RFC's own second choice.
var current = argon{memory: 19 << 10, time: 2, lanes: 1}

// The most that a hash in the database is believed to need.
const (
	mostMemory = 64 << 10
	mostTime   = 16
)

const (
	saltBytes = 16
	hashBytes = 32
)

// phc is how a hash is written; see the PHC string format.
const phc = "$argon2id$v=19$m=%d,t=%d,p=%d$%s$%s"

func (a argon) hash(password string) string {
	salt := make([]byte, saltBytes)
	_, _ = rand.Read(salt) // it never fails
	sum := argon2.IDKey(plain(password), salt, a.time, a.memory, a.lanes, hashBytes)
	return fmt.Sprintf(phc, a.memory, a.time, a.lanes, base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(sum))
}

// matches says whether the password is that of a hash, and with what it was
// hashed. Without a hash nothing matches, and it takes as long.
func matches(hash, password string) (bool, argon) {
	var a argon
	var both string
	n, err := fmt.Sscanf(hash, "$argon2id$v=19$m=%d,t=%d,p=%d$%s", &a.memory, &a.time, &a.lanes, &both)
	salt, sum := parts(both)
	if err != nil || n != 4 || len(sum) != hashBytes || a.memory > mostMemory || a.time > mostTime || a.time == 0 || a.lanes == 0 {
		argon2.IDKey(plain(password), make([]byte, saltBytes), current.time, current.memory, current.lanes, hashBytes)
		return false, current
	}
	return subtle.ConstantTimeCompare(argon2.IDKey(plain(password), salt, a.time, a.memory, a.lanes, hashBytes), sum) == 1, a
}

// parts are the salt and the hash in the text after the parameters.
func parts(both string) (salt, sum []byte) {
	for i := range both {
		if both[i] == '$' {
			salt, _ = base64.RawStdEncoding.DecodeString(both[:i])
			sum, _ = base64.RawStdEncoding.DecodeString(both[i+1:])
			return salt, sum
		}
	}
	return nil, nil
}

// plain is a password as it is hashed: two keyboards may write one letter in two
// ways (RFC 8265 §4.2).
func plain(password string) []byte { return norm.NFC.Bytes([]byte(password)) }

// hasher lets one password be hashed at a time: each takes 19 MB for some 30 ms.
type hasher struct {
	turn chan struct{}
	// Those wait in two rooms, so that strangers never fill that of the others.
	strangers, familiar chan struct{}
}

// mostWaiting is how many wait for their turn in a room; who comes then is sent
// away.
const mostWaiting = 16

func newHasher() hasher {
	return hasher{make(chan struct{}, 1), make(chan struct{}, mostWaiting), make(chan struct{}, mostWaiting)}
}

// ErrBusy says that too many want to come in at once.
var ErrBusy = errors.New("too many log in at this moment: try again in some seconds")

// take waits in a room for the turn; give gives it back.
func (h hasher) take(ctx context.Context, room chan struct{}) (give func(), err error) {
	select {
	case room <- struct{}{}:
	default:
		return nil, ErrBusy
	}
	defer func() { <-room }()
	select {
	case h.turn <- struct{}{}:
		return func() { <-h.turn }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// What comes of a login.
var (
	// ErrWrong says that login and password do not go together, or nobody has
	// such a login, or has no password yet: who asks is not told which.
	ErrWrong = errors.New("login or password is wrong")
	// ErrLocked says that the account is locked: only who knows the password learns it.
	ErrLocked = errors.New("the account is locked")
)

// WaitError says that there were too many wrong passwords.
type WaitError struct {
	// For is how long to wait until the next is looked at.
	For time.Duration
}

func (e *WaitError) Error() string {
	return fmt.Sprintf("too many wrong passwords: wait %s", e.For)
}

// LogIn begins a session of whoever knows the password, and gives the secret of
// its cookie. Else the error is ErrWrong, ErrLocked, ErrBusy or a *WaitError.
func (r *Register) LogIn(ctx context.Context, login, password string, from From) (secret string, err error) {
	a, err := r.prove(ctx, login, password, from)
	if err != nil {
		return "", err
	}
	if a.locked != 0 {
		return "", ErrLocked
	}
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		if err := a.stands(tx, login); err != nil {
			return err
		}
		if secret, err = r.begin(tx, login, from); err != nil {
			return err
		}
		return tell(tx, login, leads.AccountLoggedIn, leads.ByPage)
	})
	if errors.Is(err, ErrWrong) || errors.Is(err, ErrLocked) {
		return "", err
	}
	if err != nil {
		return "", fmt.Errorf("people: login of %s: %w", login, err)
	}
	r.log.Info("somebody has logged in", "login", login, "address", from.Address)
	return secret, nil
}

// stands says whether what was proved still holds where it is acted upon: a
// password that was replaced meanwhile, or an account that was locked, lets
// nobody in any more.
func (a *account) stands(tx *db.Tx, login string) error {
	var password string
	var locked int64
	if err := tx.QueryRow("SELECT password, locked FROM accounts WHERE login = $1", login).Scan(&password, &locked); err != nil {
		return err
	}
	switch {
	case password != a.password:
		return ErrWrong
	case locked != 0:
		return ErrLocked
	}
	return nil
}

// prove finds the account of whoever knows its password.
func (r *Register) prove(ctx context.Context, login, password string, from From) (account, error) {
	guesser, room := r.guesser(login, from), r.hasher.strangers
	if guesser[0].kind == aBrowser {
		room = r.hasher.familiar
	}
	if wait := r.slow.wait(guesser, r.db.Now()); wait > 0 {
		return account{}, &WaitError{wait}
	}
	give, err := r.hasher.take(ctx, room)
	if err != nil {
		return account{}, err
	}
	defer give()
	if wait := r.slow.wait(guesser, r.db.Now()); wait > 0 {
		return account{}, &WaitError{wait}
	}
	a, err := r.account(ctx, login)
	if err != nil {
		return account{}, err
	}
	if r.person(login) == nil {
		a = account{}
	}
	if len(password) > MostPassword {
		password = "" // nobody has such a one, and nobody has none
	}
	right, with := matches(a.password, password)
	if !right {
		if r.slow.wrong(guesser, r.db.Now()) {
			r.log.Warn("too many wrong passwords: who tries on has to wait", "login", cut(login, 64), "address", from.Address)
		}
		return account{}, ErrWrong
	}
	r.slow.right(guesser)
	if with != current {
		hash := current.hash(password)
		err = r.change(ctx, login, "hash of the password", func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE accounts SET password = $1 WHERE login = $2 AND password = $3", hash, login, a.password)
			return err
		})
		a.password = hash
	}
	return a, err
}

// ChangePassword gives a person a new password who knows the old one. All
// their other sessions end.
func (r *Register) ChangePassword(ctx context.Context, login, old, password string, keep int64, from From) error {
	if err := r.Fit(login, password); err != nil {
		return err
	}
	a, err := r.prove(ctx, login, old, from)
	if err != nil {
		return err
	}
	hash, err := r.hash(ctx, password)
	if err != nil {
		return err
	}
	return r.change(ctx, login, "password", func(tx *db.Tx) error {
		if err := a.stands(tx, login); err != nil {
			return err
		}
		if err := setPassword(tx, login, hash, keep); err != nil {
			return err
		}
		return tell(tx, login, leads.AccountPassword, leads.ByPage)
	})
}

// hash hashes a new password, when it is its turn. Whoever gives one is no stranger:
// they have proved the old one, or have an invitation.
func (r *Register) hash(ctx context.Context, password string) (string, error) {
	give, err := r.hasher.take(ctx, r.hasher.familiar)
	if err != nil {
		return "", err
	}
	defer give()
	return current.hash(password), nil
}

func setPassword(tx *db.Tx, login, hash string, keep int64) error {
	_, err := tx.Exec(`INSERT INTO accounts (login, password, changed) VALUES ($1, $2, $3)
		ON CONFLICT (login) DO UPDATE SET password = excluded.password, changed = excluded.changed`, login, hash, db.Millis(tx.Now()))
	if err != nil {
		return err
	}
	return endAll(tx, login, keep)
}
