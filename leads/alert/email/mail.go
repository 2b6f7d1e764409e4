package email

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	netmail "net/mail"
	"regexp"
	"strings"

	"github.com/wneessen/go-mail"

	"ringback/leads/alert"
	"ringback/leads/text"
)

// compose writes the mail of a message. It is the same whenever it is written:
// date and id are the message's own, not this moment's.
func (c *Channel) compose(to *netmail.Address, m *alert.Message) ([]byte, error) {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	msg.FromMailAddress(c.from)
	msg.ToMailAddress(to)
	msg.Subject(subject(m))
	msg.SetDateWithValue(m.At.UTC())
	msg.SetMessageIDWithValue(idOf(m, c.from.Address))
	// RFC 3834, and Exchange's own word for it: nobody's absence is to be told to
	// us.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(mail.TypeTextPlain, body(m))
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("email: message %s: %w", m.ID, err)
	}
	return b.Bytes(), nil
}

// idOf is the message's id for the whole world: that of a lead begins anew with
// every database. It is hashed because it may hold what a Message-ID may not.
func idOf(m *alert.Message, from string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d", m.ID, m.Opened.UnixMilli()))
	_, domain, _ := strings.Cut(from, "@")
	return fmt.Sprintf("ringback.%x@%s", sum[:12], domain)
}

// subject is that of the message, which promises of an older daemon do not have:
// the first line of the text then, without its full stop. What would be read as
// an encoded word (RFC 2047) is taken apart: a reader would decode it to whatever
// its writer wants.
func subject(m *alert.Message) string {
	line := m.Subject
	if line == "" {
		line, _, _ = strings.Cut(m.Text, "\n")
	}
	return strings.ReplaceAll(strings.TrimSuffix(alert.Line(line, 120), "."), "=?", "= ?")
}

// dialable is a number that a mail program on a phone can ring.
var dialable = regexp.MustCompile(`^\+[0-9]{3,15}$`)

// body is the text, and what helps to act on it from a mail program.
func body(m *alert.Message) string {
	words := text.In(m.Language)
	var b strings.Builder
	for line := range strings.Lines(m.Text) {
		b.WriteString(alert.Line(line, 1000) + "\n")
	}
	if dialable.MatchString(m.Number) {
		b.WriteString("\n" + words.Say("alerts.mail_call", "link", "tel:"+m.Number) + "\n")
	}
	b.WriteString("\n-- \n" + words.Say("alerts.mail_end") + "\n")
	return b.String()
}
