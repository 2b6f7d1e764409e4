// Package email sends alerts by mail. It promises that nothing goes to another
// machine unencrypted; that the same message sent again is the same mail, byte
// for byte; that a name from outside stays in its line; that it says "timed out"
// exactly when the mail may arrive although the server has not said so; and that
// the password is in no error.
package email

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/textproto"
	"strings"
	"time"

	"ringback/leads/alert"
)

// TLS says how the way to the server is encrypted.
type TLS string

const (
	StartTLS TLS = "starttls" // on the plain port, before anything is said
	Implicit TLS = "implicit" // from the first byte on
	NoTLS    TLS = "none"     // not at all: only to this machine itself
)

// Port is where servers listen for it.
func (t TLS) Port() int {
	switch t {
	case Implicit:
		return 465 // RFC 8314
	case NoTLS:
		return 25
	}
	return 587 // RFC 6409
}

// Config says by which server mail is sent.
type Config struct {
	Host string
	Port int // 0: that of TLS
	TLS  TLS // "": StartTLS
	// Username and Password log in; without a name nobody does.
	Username, Password string
	// From is the sender: an address, with or without a name.
	From string
}

// Channel sends by one server, each mail on a connection of its own. A crash in
// mid-work is in doubt: mail servers do not remove doubles.
type Channel struct {
	cfg  Config
	from *mail.Address
	// roots are whom to trust for the server's certificate; nil: whom the
	// system trusts.
	roots *x509.CertPool
}

var _ alert.Channel = (*Channel)(nil)

// New makes a Channel. The error says what is wrong with the configuration.
func New(c Config) (*Channel, error) {
	if c.TLS == "" {
		c.TLS = StartTLS
	}
	if c.Port == 0 {
		c.Port = c.TLS.Port()
	}
	from, err := Address(c.From)
	switch {
	case err != nil:
		return nil, fmt.Errorf("email: the sender %w", err)
	case c.TLS != StartTLS && c.TLS != Implicit && c.TLS != NoTLS:
		return nil, fmt.Errorf("email: %.20q is no way to encrypt", string(c.TLS))
	case c.TLS == NoTLS && !thisMachine(c.Host):
		return nil, errors.New("email: mail to another machine must be encrypted")
	}
	return &Channel{cfg: c, from: from}, nil
}

// thisMachine says whether a host is certain to be the machine that asks.
func thisMachine(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// Address reads an address, with or without a name. Only ASCII is taken, as not
// every server between here and there can carry more.
func Address(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Address, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return nil, fmt.Errorf("is no address such as anna@example.com: %.80q", text)
	}
	return a, nil
}

// Timeout bounds one Send: servers look at a mail for a while before they take
// it, and a mail of which nobody knows is worse than one that is late.
const Timeout = time.Minute

// Send mails the message. It is Sent when the server has taken it. A refusal
// that the server calls temporary (4xx) is Unreachable, as is a server that does
// not answer; any other refusal is Refused. It is TimedOut when the whole mail
// was handed over and no answer came.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	if m.Email == "" {
		return alert.Refused, fmt.Sprintf("%s has no email address", m.To)
	}
	to, err := Address(m.Email)
	if err != nil {
		return alert.Refused, fmt.Sprintf("the email address of %s %v", m.To, err)
	}
	text, err := c.compose(to, &m)
	if err != nil {
		return alert.Refused, fmt.Sprintf("the mail could not be written: %v", err)
	}
	unanswered, err := c.deliver(ctx, to, text)
	var answer *textproto.Error
	if err != nil && ctx.Err() != nil && !errors.As(err, &answer) {
		err = ctx.Err() // it is what broke the connection
	}
	return c.outcome(unanswered, err)
}

// deliver hands a mail over. With an error comes what it means if the error is
// no answer of the server.
func (c *Channel) deliver(ctx context.Context, to *mail.Address, text []byte) (alert.Outcome, error) {
	talk, err := c.dial(ctx)
	if err != nil {
		return alert.Unreachable, err
	}
	defer talk.Close()
	if err := talk.offer(c.from, to); err != nil {
		return alert.Unreachable, err
	}
	if err := talk.write(text); err != nil {
		return alert.Unreachable, err
	}
	return alert.TimedOut, talk.end()
}
