package people

import (
	"crypto/hmac"
	"encoding/base64"
	"encoding/binary"
	"time"

	"ringback/leads/db"
)

// FamiliarFor is how long a browser is familiar in which a person has logged in; no
// browser keeps a cookie for longer than 400 days (RFC 6265bis §5.5).
const FamiliarFor = 365 * 24 * time.Hour

// Familiar is what a browser keeps in which a person has logged in. By it the
// person's wrong passwords there are counted by themselves, and their login is
// looked at whatever strangers try. It lets nobody in.
func (r *Register) Familiar(login string) string {
	said := binary.BigEndian.AppendUint64(nil, uint64(db.Millis(r.db.Now())))[8-timeBytes:]
	said = append(said, login...)
	return base64.RawURLEncoding.EncodeToString(append(said, r.sign("familiar", said)[:signBytes]...))
}

// familiar is how a browser is counted that keeps such a text, which may be
// anybody's; false: it is not familiar with the login.
func (r *Register) familiar(login, text string) (guessed, bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text[:min(len(text), mostLink)])
	if err != nil || len(raw) <= timeBytes+signBytes || r.person(login) == nil {
		return guessed{}, false
	}
	said, sign := raw[:len(raw)-signBytes], raw[len(raw)-signBytes:]
	if string(said[timeBytes:]) != login || !hmac.Equal(r.sign("familiar", said)[:signBytes], sign) {
		return guessed{}, false
	}
	made := db.Time(int64(binary.BigEndian.Uint64(append(make([]byte, 8-timeBytes), said[:timeBytes]...))))
	return guessed{aBrowser, string(said)}, r.db.Now().Before(made.Add(FamiliarFor))
}
