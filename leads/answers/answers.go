// Package answers keeps what was answered to requests that carry a key of their
// own, so that a program which does not know whether it was heard can ask again.
// It promises that what such a request changes is done once, whatever dies in the
// middle: that it was done is written in the transaction that does it.
package answers

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

const (
	// Keep is how long an answer is kept.
	Keep = 24 * time.Hour
	// most is how many are kept, the newest ones; MaxBody how long each may be.
	most    = 100_000
	MaxBody = 64 << 10
	// whole is how many of the newest keep a body of more than small bytes; of what
	// is older such a one is left out, so that all of them stay below 300 MB.
	whole = 2000
	small = 1 << 10
	// swept is how many old ones go with every new one: two would do.
	swept = 5
)

// Request is what was asked, by the digests of it.
type Request struct {
	Key   string // of who asks, and their key
	Asked string // of all that they ask for
}

// Digest is the digest of some texts, in their order.
func Digest(parts ...string) string {
	sum := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(sum, "%d:%s", len(part), part)
	}
	return hex.EncodeToString(sum.Sum(nil))
}

// Answer is what was answered.
type Answer struct {
	Code     int // 0: it was done, and what was answered is not kept
	Kind     string
	Location string
	Body     []byte
	// About is where what was done can be looked at.
	About string
}

// ErrOther is in the error of a key that was used for something else.
var ErrOther = errors.New("this Idempotency-Key was used for another request")

// Find gives the answer to a request that was made before; nil: it was not, or
// longer ago than Keep. The error has ErrOther in it where the key was used for
// something else.
func Find(ctx context.Context, reader *sql.DB, r Request) (*Answer, error) {
	var a Answer
	var asked string
	var at int64
	err := reader.QueryRowContext(ctx, "SELECT asked, at, about, code, kind, location, body FROM answers WHERE key = $1", r.Key).
		Scan(&asked, &at, &a.About, &a.Code, &a.Kind, &a.Location, &a.Body)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("answers: %w", err)
	case time.Since(db.Time(at)) > Keep:
		return nil, nil
	case asked != r.Asked:
		return nil, fmt.Errorf("answers: %w", ErrOther)
	}
	return &a, nil
}

// Done notes, in the transaction that does it, that a request was done, and
// removes a few answers that are too old. Its error has ErrOther in it where the
// key was used meanwhile.
func Done(tx *db.Tx, r Request, about string) error {
	now := tx.Now()
	_, err := tx.Exec(`DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE at < $1 ORDER BY at LIMIT $2)`, db.Millis(now.Add(-Keep)), swept)
	if err == nil {
		_, err = tx.Exec("DELETE FROM answers WHERE key = $1 AND at < $2", r.Key, db.Millis(now.Add(-Keep)))
	}
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	id, err := tx.Insert("INSERT INTO answers (key, asked, at, about) VALUES ($1, $2, $3, $4) ON CONFLICT (key) DO NOTHING", r.Key, r.Asked, db.Millis(now), about)
	switch {
	case err != nil:
		return fmt.Errorf("answers: %w", err)
	case id == 0:
		return fmt.Errorf("answers: %w", ErrOther)
	}
	if _, err := tx.Exec("DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE id <= $1 ORDER BY id LIMIT $2)", id-most, swept); err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	_, err = tx.Exec("UPDATE answers SET code = 0, kind = '', location = '', body = NULL WHERE id > $1 AND id <= $2 AND LENGTH(body) > $3", id-whole-swept, id-whole, small)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}

// Write keeps the answer to a request that was done. One that is too long is not
// kept: who asks again is told where to look.
func Write(tx *db.Tx, r Request, a Answer) error {
	if len(a.Body) > MaxBody {
		return nil
	}
	_, err := tx.Exec("UPDATE answers SET code = $1, kind = $2, location = $3, body = $4 WHERE key = $5", a.Code, a.Kind, a.Location, a.Body, r.Key)
	if err != nil {
		return fmt.Errorf("answers: %w", err)
	}
	return nil
}
