package email

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"net/textproto"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"

	"ringback/leads/alert"
)

// talk is a conversation with the server.
type talk struct {
	*smtp.Client
	release func() bool
	data    io.WriteCloser
}

// Close ends the conversation; a server that was told everything is told so,
// and not waited for.
func (t *talk) Close() {
	t.release()
	_, _ = t.Text.Cmd("QUIT")
	_ = t.Client.Close()
}

// errNoTLS and errNoLogin are what a server lacks that must be had.
var (
	errNoTLS   = errors.New("the server offers no STARTTLS")
	errNoLogin = errors.New("the server offers no login by PLAIN or LOGIN")
)

// dial calls the server and logs in. The conversation ends with ctx.
func (c *Channel) dial(ctx context.Context) (*talk, error) {
	var dialer net.Dialer
	raw, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port)))
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(ctx, func() { _ = raw.SetDeadline(time.Unix(1, 0)) })
	var conn net.Conn = &bounded{Conn: raw, left: maxAnswers}
	trust := &tls.Config{ServerName: c.cfg.Host, MinVersion: tls.VersionTLS12, RootCAs: c.roots}
	if c.cfg.TLS == Implicit {
		conn = tls.Client(conn, trust)
	}
	client, err := smtp.NewClient(conn, c.cfg.Host)
	if err == nil {
		if err = c.greet(client, trust); err == nil {
			return &talk{Client: client, release: release}, nil
		}
	}
	release()
	_ = raw.Close()
	return nil, err
}

// greet says hello, encrypts and logs in.
func (c *Channel) greet(client *smtp.Client, trust *tls.Config) error {
	// All that is sent is ASCII: a server further on that is older need not
	// refuse it.
	client.SkipSMTPUTF8(true)
	if err := client.Hello(ownName()); err != nil {
		return err
	}
	// Whoever asks for nothing in particular gets encryption: only what was asked
	// for in so many words goes in the clear.
	if c.cfg.TLS != Implicit && c.cfg.TLS != NoTLS {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return errNoTLS
		}
		if err := client.StartTLS(trust); err != nil {
			return err
		}
	}
	if c.cfg.Username == "" {
		return nil
	}
	login := c.login(client)
	if login == nil {
		return errNoLogin
	}
	return client.Auth(login)
}

// ownName is how this machine calls itself to the server.
func ownName() string {
	if name, err := os.Hostname(); err == nil && name != "" && !strings.ContainsFunc(name, func(c rune) bool { return c <= ' ' || c >= 0x7f }) {
		return name
	}
	return "localhost"
}

// login chooses how to log in; nil when the server offers nothing that fits.
// Plain passwords are enough: the way is encrypted, or does not leave this
// machine.
func (c *Channel) login(client *smtp.Client) smtp.Auth {
	_, offered := client.Extension("AUTH")
	ways, inClear := strings.Fields(strings.ToUpper(offered)), c.cfg.TLS == NoTLS
	switch {
	case slices.Contains(ways, "PLAIN"):
		return smtp.PlainAuth("", c.cfg.Username, c.cfg.Password, c.cfg.Host, inClear)
	case slices.Contains(ways, "LOGIN"):
		return smtp.LoginAuth(c.cfg.Username, c.cfg.Password, c.cfg.Host, inClear)
	}
	return nil
}

// offer names sender and receiver.
func (t *talk) offer(from, to *netmail.Address) (err error) {
	if err = t.Mail(angled(from)); err != nil {
		return err
	}
	if err = t.Rcpt(angled(to)); err != nil {
		return err
	}
	t.data, err = t.Data()
	return err
}

// angled is an address as SMTP writes it.
func angled(a *netmail.Address) string { return (&netmail.Address{Address: a.Address}).String() }

// write hands the mail over but for its end: what breaks off here was never
// sent.
func (t *talk) write(text []byte) error {
	_, err := t.data.Write(text)
	return err
}

// end ends the mail and waits for the answer.
func (t *talk) end() error {
	err := t.data.Close()
	var answer *textproto.Error
	if errors.As(err, &answer) && answer.Code/100 == 2 {
		return nil
	}
	return err
}

// outcome says what an error means for the message, and in plain words why;
// unanswered is what it means that the server said nothing, or nothing of use.
func (c *Channel) outcome(unanswered alert.Outcome, err error) (alert.Outcome, string) {
	if err == nil {
		return alert.Sent, ""
	}
	shown := net.JoinHostPort(c.cfg.Host, strconv.Itoa(c.cfg.Port))
	var answer *textproto.Error
	switch {
	case errors.Is(err, errNoTLS), errors.Is(err, errNoLogin):
		return alert.Refused, fmt.Sprintf("%s: %v", shown, err)
	case !errors.As(err, &answer):
		return unanswered, fmt.Sprintf("%s: %s", shown, alert.Reason(err))
	case answer.Code/100 == 5:
		return alert.Refused, fmt.Sprintf("%s refused it: %s", shown, c.words(answer))
	case answer.Code/100 == 4:
		return alert.Unreachable, fmt.Sprintf("%s cannot take it now: %s", shown, c.words(answer))
	}
	return unanswered, fmt.Sprintf("%s gave no answer to the question: %s", shown, c.words(answer))
}

// words are what the server said, unless the password is in it.
func (c *Channel) words(answer *textproto.Error) string {
	said := alert.Line(answer.Msg, 160)
	secrets := []string{c.cfg.Password, base64.StdEncoding.EncodeToString([]byte(c.cfg.Password)),
		base64.StdEncoding.EncodeToString([]byte("\x00" + c.cfg.Username + "\x00" + c.cfg.Password))}
	if c.cfg.Password != "" && slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(answer.Msg, s) }) {
		said = "(its words repeat the password)"
	}
	return strings.TrimSpace(fmt.Sprintf("%d %s", answer.Code, said))
}

// maxAnswers bounds all that a server says in one conversation: certificates
// and a line for each command.
const maxAnswers = 256 << 10

// bounded is a connection on which the other side may say only so much.
type bounded struct {
	net.Conn
	left int
}

// Read fails once too much was said.
func (b *bounded) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errors.New("email: the server says too much")
	}
	n, err := b.Conn.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}
