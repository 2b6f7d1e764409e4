package people

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// Token is what a program comes in with.
type Token struct {
	ID     int64     `json:"-"`
	Name   string    `json:"name"`
	Scopes []string  `json:"scopes"`
	Made   time.Time `json:"made"`
	Ends   time.Time `json:"expires,omitzero"` // zero: never
	Used   time.Time `json:"last_used,omitzero"`
}

// Allows says whether a token's holder may do what needs the scope; the empty
// one is to have a token at all.
func (t *Token) Allows(scope string) bool { return scope == "" || slices.Contains(t.Scopes, scope) }

// TokenPrefix begins every token, so that whoever finds one knows what it is.
const TokenPrefix = "rb_"

// Scopes are all that a token may allow.
var Scopes = []string{
	"appointments:read", "appointments:write", "calls:read", "consents:read", "consents:write", "contacts:read", "contacts:write",
	"events:read", "events:replay", "leads:read", "leads:write", "metrics:read", "status:read",
}

var (
	ErrNoToken       = errors.New("there is no such token")
	ErrNameTaken     = errors.New("there is a token of this name: revoke it first, or choose another")
	ErrTokenIsPerson = errors.New("a token is not named like a person's login: say which program it is for")
	ErrTokenName     = errors.New("a token's name is of letters, digits, and . _ - between them, 64 at most")
	ErrScope         = errors.New("there is no such scope: there are " + strings.Join(Scopes, ", "))
)

// FileToken is how those of token_file are called, which have no names.
const FileToken = "token_file"

var tokenName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)

// MakeToken makes a token, and gives the text that is shown this once. It ends
// after so long; 0: never.
func (r *Register) MakeToken(ctx context.Context, name string, scopes []string, after time.Duration) (secret string, t *Token, err error) {
	if !tokenName.MatchString(name) {
		return "", nil, ErrTokenName
	}
	if name == FileToken {
		return "", nil, ErrNameTaken
	}
	if r.cfg.Directory.Manager(name) != nil {
		return "", nil, ErrTokenIsPerson
	}
	t = &Token{Name: name, Scopes: slices.Clone(scopes)}
	slices.Sort(t.Scopes)
	t.Scopes = slices.Compact(t.Scopes)
	if len(t.Scopes) == 0 {
		return "", nil, ErrScope
	}
	for _, scope := range t.Scopes {
		if !slices.Contains(Scopes, scope) {
			return "", nil, fmt.Errorf("%q: %w", scope, ErrScope)
		}
	}
	secret, hash := newSecret(TokenPrefix)
	err = r.db.Do(ctx, func(tx *db.Tx) error {
		t.Made = tx.Now()
		if after > 0 {
			t.Ends = t.Made.Add(after)
		}
		t.ID, err = tx.Insert("INSERT INTO tokens (name, hash, scopes, made, ends) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (name) DO NOTHING",
			name, hash, strings.Join(t.Scopes, ","), db.Millis(t.Made), db.Millis(t.Ends))
		if err == nil && t.ID == 0 {
			err = ErrNameTaken
		}
		if err != nil {
			return err
		}
		return tell(tx, leads.Program(name), leads.AccountToken, leads.ByCommand, leads.Change{Field: "scopes", To: strings.Join(t.Scopes, ", ")})
	})
	if err != nil {
		return "", nil, fmt.Errorf("people: token %s: %w", name, err)
	}
	r.log.Info("a token was made", "name", name, "scopes", strings.Join(t.Scopes, ","))
	return secret, t, nil
}

const tokenColumns = "id, name, scopes, made, ends, used FROM tokens"

func scanToken(scan func(...any) error) (*Token, error) {
	var t Token
	var scopes string
	var made, ends, used int64
	err := scan(&t.ID, &t.Name, &scopes, &made, &ends, &used)
	t.Scopes, t.Made, t.Ends, t.Used = strings.Split(scopes, ","), db.Time(made), db.Time(ends), db.Time(used)
	return &t, err
}

// Token finds the token of a program; ErrNoToken where there is none, or it is over.
func (r *Register) Token(ctx context.Context, secret string) (*Token, error) {
	if !isSecret(TokenPrefix, secret) {
		return nil, ErrNoToken
	}
	t, err := scanToken(r.read.QueryRowContext(ctx, "SELECT "+tokenColumns+" WHERE hash = $1", hashOf(secret)).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, ErrNoToken
	case err != nil:
		return nil, fmt.Errorf("people: token: %w", err)
	case !t.Ends.IsZero() && !r.db.Now().Before(t.Ends):
		return nil, ErrNoToken
	}
	r.note("token", t.ID, db.Millis(t.Used), "UPDATE tokens SET used = $1 WHERE id = $2")
	return t, nil
}

// Tokens lists all tokens by name, also those that are over.
func (r *Register) Tokens(ctx context.Context) ([]*Token, error) {
	rows, err := r.read.QueryContext(ctx, "SELECT "+tokenColumns+" ORDER BY name")
	if err != nil {
		return nil, fmt.Errorf("people: tokens: %w", err)
	}
	defer rows.Close()
	list := []*Token{}
	for rows.Next() {
		t, err := scanToken(rows.Scan)
		if err != nil {
			return nil, fmt.Errorf("people: tokens: %w", err)
		}
		list = append(list, t)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("people: tokens: %w", err)
	}
	return list, nil
}

// Revoke ends a token; ErrNoToken where there is none of the name.
func (r *Register) Revoke(ctx context.Context, name string) error {
	err := r.db.Do(ctx, func(tx *db.Tx) error {
		res, err := tx.Exec("DELETE FROM tokens WHERE name = $1", name)
		if err != nil {
			return err
		}
		if n, err := res.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoToken)
		}
		return tell(tx, leads.Program(name), leads.AccountRevoked, leads.ByCommand)
	})
	if err != nil {
		return fmt.Errorf("people: token %s: %w", name, err)
	}
	r.log.Info("a token was revoked", "name", name)
	return nil
}
