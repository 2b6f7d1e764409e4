package people

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// ErrNoInvite says that an invitation was used, is over, or never was.
var ErrNoInvite = errors.New("this invitation was used already, or its time is over")

// Invitation is what an invitation lets a person do, once.
type Invitation int64

const (
	ToSetPassword Invitation = 0
	ToComeIn      Invitation = 1 // without a password: in the demo, to whoever sits before it
)

// Invite makes the secret of an invitation. Those made before are good for
// nothing more; the password that the person has stays until it is used.
func (r *Register) Invite(ctx context.Context, login string, to Invitation) (secret string, ends time.Time, err error) {
	secret, hash := newSecret("")
	err = r.change(ctx, login, "invitation", func(tx *db.Tx) error {
		now := tx.Now()
		ends = now.Add(InviteFor)
		if locked, err := Locked(tx, login); err != nil || locked {
			return cmp.Or(err, ErrLocked)
		}
		if _, err := tx.Exec("DELETE FROM invites WHERE login = $1", login); err != nil {
			return err
		}
		if _, err := tx.Exec("DELETE FROM invites WHERE ends <= $1", db.Millis(now)); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO invites (hash, login, ends, purpose) VALUES ($1, $2, $3, $4)", hash, login, db.Millis(ends), to)
		if err != nil {
			return err
		}
		return tell(tx, login, leads.AccountInvited, leads.ByCommand)
	})
	if err == nil {
		r.log.Info("somebody was invited", "login", login)
	}
	return secret, ends, err
}

// Invited is whom an invitation invites, and to what; ErrNoInvite: nobody.
func (r *Register) Invited(ctx context.Context, secret string) (login string, to Invitation, err error) {
	if !isSecret("", secret) {
		return "", 0, ErrNoInvite
	}
	var locked int64
	err = r.read.QueryRowContext(ctx, `SELECT i.login, i.purpose, COALESCE(a.locked, 0) FROM invites i LEFT JOIN accounts a ON a.login = i.login
		WHERE i.hash = $1 AND i.ends > $2`, hashOf(secret), db.Millis(r.db.Now())).Scan(&login, &to, &locked)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", 0, ErrNoInvite
	case err != nil:
		return "", 0, fmt.Errorf("people: invitation: %w", err)
	case locked != 0 || r.person(login) == nil:
		return "", 0, ErrNoInvite
	}
	return login, to, nil
}

// Accept begins a session of whom the invitation invites. By one to set a
// password it sets it, and ends the sessions that they had; by the other the
// password is not looked at. The error is ErrNoInvite, one of Fit, or ErrBusy.
func (r *Register) Accept(ctx context.Context, invite, password string, from From) (secret string, err error) {
	login, to, err := r.Invited(ctx, invite)
	if err != nil {
		return "", err
	}
	hash := ""
	if to == ToSetPassword {
		if err := r.Fit(login, password); err != nil {
			return "", err
		}
		if hash, err = r.hash(ctx, password); err != nil {
			return "", err
		}
	}
	err = r.change(ctx, login, "invitation", func(tx *db.Tx) error {
		if err := use(tx, invite); err != nil {
			return err
		}
		did := leads.AccountCameIn
		if to == ToSetPassword {
			did = leads.AccountPassword
			if err := setPassword(tx, login, hash, 0); err != nil {
				return err
			}
		}
		if secret, err = r.begin(tx, login, from); err != nil {
			return err
		}
		return tell(tx, login, did, leads.ByPage)
	})
	if err != nil {
		return "", err
	}
	r.slow.forgive(login)
	r.log.Info("somebody has come in by an invitation", "login", login, "address", from.Address)
	return secret, nil
}

// use takes the invitation away; ErrNoInvite when somebody was quicker.
func use(tx *db.Tx, invite string) error {
	used, err := tx.Exec("DELETE FROM invites WHERE hash = $1", hashOf(invite))
	if err != nil {
		return err
	}
	if n, err := used.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, ErrNoInvite)
	}
	return nil
}
