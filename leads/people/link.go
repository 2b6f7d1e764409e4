package people

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"time"

	"ringback/leads/db"
	"ringback/leads/text"
)

// LinkPath begins the path of every link.
const LinkPath = "/l/"

const (
	timeBytes = 6  // of milliseconds since 1970, good until the year 10889
	signBytes = 16 // of HMAC-SHA256; RFC 2104 §5 lets it be halved
	mostLink  = 256
)

// Link is the path by which a person comes to a lead without a password, good
// for as long as Config.Link from now. Who has it sees that lead with that
// person's eyes, and nothing else.
func (r *Register) Link(login string, lead int64, now time.Time) string {
	said := binary.BigEndian.AppendUint64(nil, uint64(db.Millis(now)))[8-timeBytes:]
	said = binary.AppendUvarint(said, uint64(lead))
	said = append(said, login...)
	return LinkPath + base64.RawURLEncoding.EncodeToString(append(said, r.sign("link", said)[:signBytes]...))
}

// What is wrong with a link.
var (
	ErrForged = errors.New("this is no link of ours")
	ErrOver   = errors.New("the time of this link is over")
)

// Opened is what a link opens.
type Opened struct {
	Login string
	Lead  int64
	// Ends is when the link ends.
	Ends time.Time
	// Language is what the person has chosen; empty: nothing.
	Language text.Language
	// Form is as that of a Session.
	Form string
}

// Open opens a link, given without LinkPath. The error is ErrForged; or ErrOver,
// with what the link opened once: its time is over, or its person has gone, is
// locked, or has ended it with their sessions.
func (r *Register) Open(ctx context.Context, link string) (*Opened, error) {
	if len(link) > mostLink {
		return nil, ErrForged
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(link)
	if err != nil || len(raw) <= timeBytes+signBytes {
		return nil, ErrForged
	}
	said, sign := raw[:len(raw)-signBytes], raw[len(raw)-signBytes:]
	if !hmac.Equal(r.sign("link", said)[:signBytes], sign) {
		return nil, ErrForged
	}
	made := db.Time(int64(binary.BigEndian.Uint64(append(make([]byte, 8-timeBytes), said[:timeBytes]...))))
	lead, n := binary.Uvarint(said[timeBytes:])
	if n <= 0 {
		return nil, ErrForged
	}
	o := &Opened{Login: string(said[timeBytes+n:]), Lead: int64(lead), Ends: made.Add(r.cfg.Link)}
	a, err := r.account(ctx, o.Login)
	switch {
	case err != nil:
		return nil, err
	case !r.db.Now().Before(o.Ends), a.locked != 0, made.Before(db.Time(a.linksFrom)), r.person(o.Login) == nil:
		return o, ErrOver
	}
	o.Language, o.Form = a.language, r.form([]byte(link))
	return o, nil
}

// sign signs what is said for a purpose.
func (r *Register) sign(purpose string, said []byte) []byte {
	mac := hmac.New(sha256.New, r.key)
	mac.Write([]byte(purpose + "\x00"))
	mac.Write(said)
	return mac.Sum(nil)
}

// form is what the forms of a visit carry.
func (r *Register) form(visit []byte) string {
	return base64.RawURLEncoding.EncodeToString(r.sign("form", visit))
}
