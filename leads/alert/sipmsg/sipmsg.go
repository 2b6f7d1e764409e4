// Package sipmsg shows alerts on desk phones, as SIP MESSAGE (RFC 3428). It
// promises that a phone that is away is told from one that the PBX does not
// know, which Asterisk itself does not tell apart when it is asked to send, and
// that it says "timed out" exactly when the phone may show the text although
// nobody confirmed it.
package sipmsg

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"ringback/ari"
	"ringback/leads/alert"
	"ringback/routing"
)

// PBX is what a Channel needs of a PBX; *ari.Client is one.
type PBX interface {
	// Endpoint tells whether a phone is registered; 404 when there is none of
	// that name.
	Endpoint(ctx context.Context, tech, resource string) (ari.Endpoint, error)
	// SendMessage hands a text to the PBX, which does not tell what the phone
	// answers.
	SendMessage(ctx context.Context, to, from, body string, vars map[string]string) error
}

// Config says by which PBXes phones are reached.
type Config struct {
	// PBXes by name. A device that names none is on the only one.
	PBXes map[string]PBX
	// From is whom the phone shows as the sender: a name, or a SIP address
	// such as "Ringback" <sip:ringback@pbx>.
	From string
}

// Channel sends to every phone of the person at once. A crash in mid-work is in
// doubt: phones do not remove doubles.
type Channel struct{ cfg Config }

var _ alert.Channel = (*Channel)(nil)

// New makes a Channel.
func New(c Config) *Channel { return &Channel{cfg: c} }

// Send shows the message on all phones of the person. It is Sent when the PBX
// has taken it for one of them; otherwise the outcome is that of the phone that
// leaves most open: TimedOut, then Unreachable, then Refused.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	if len(m.Devices) == 0 {
		return alert.Refused, fmt.Sprintf("%s has no phone", m.To)
	}
	type answer struct {
		outcome alert.Outcome
		detail  string
	}
	// A phone on a PBX that hangs must not use up the time of another one.
	answers := make([]answer, len(m.Devices))
	done := make(chan struct{})
	body := body(cmp.Or(m.Short, m.Text)) // an older daemon has promised no short text
	for i := range m.Devices {
		go func() {
			defer func() { done <- struct{}{} }()
			answers[i].outcome, answers[i].detail = c.sendTo(ctx, &m.Devices[i], body)
		}()
	}
	for range m.Devices {
		<-done
	}
	best := alert.Refused
	var details []string
	for _, a := range answers {
		if weight[a.outcome] > weight[best] {
			best = a.outcome
		}
		if a.detail != "" {
			details = append(details, a.detail)
		}
	}
	return best, strings.Join(details, "; ")
}

// weight orders the outcomes of several phones.
var weight = map[alert.Outcome]int{alert.Refused: 0, alert.Unreachable: 1, alert.TimedOut: 2, alert.Sent: 3}

// sendTo shows the text on one phone. The phone's state is asked first, because
// sending to a phone that is not registered fails like sending to one that does
// not exist (measured on Asterisk 22).
func (c *Channel) sendTo(ctx context.Context, d *routing.Device, body string) (alert.Outcome, string) {
	pbx, name := c.pbx(d)
	if pbx == nil {
		return alert.Refused, fmt.Sprintf("phone %s is on a PBX that is not configured: %q", d.ShownAs(), d.PBX)
	}
	tech, resource, _ := strings.Cut(d.Address(), "/")
	scheme := schemes[strings.ToUpper(tech)]
	if scheme == "" {
		return alert.Refused, fmt.Sprintf("phone %s takes no SIP messages: it is no SIP phone", d.ShownAs())
	}
	switch phone, err := pbx.Endpoint(ctx, tech, resource); {
	case unknown(err):
		return alert.Refused, fmt.Sprintf("PBX %s has no phone %s", name, d.Address())
	case err != nil:
		return alert.Unreachable, fmt.Sprintf("PBX %s: %s", name, trouble(err))
	case phone.State == "offline":
		return alert.Unreachable, fmt.Sprintf("phone %s is not registered", d.ShownAs())
	}
	if ctx.Err() != nil {
		return alert.Unreachable, fmt.Sprintf("PBX %s: no time was left", name)
	}
	err := pbx.SendMessage(ctx, scheme+resource, c.cfg.From, body, nil)
	switch status := ari.HTTPStatus(err); {
	case err == nil:
		return alert.Sent, ""
	case unknown(err):
		return alert.Unreachable, fmt.Sprintf("phone %s is not registered any more", d.ShownAs())
	case status == http.StatusBadRequest:
		return alert.Refused, fmt.Sprintf("PBX %s refused the message", name)
	case ari.NothingDone(err), status == http.StatusServiceUnavailable:
		return alert.Unreachable, fmt.Sprintf("PBX %s: %s", name, trouble(err))
	default:
		return alert.TimedOut, fmt.Sprintf("PBX %s: %s", name, trouble(err))
	}
}

// schemes are how ARI names phones of a technology when it sends to them.
var schemes = map[string]string{"PJSIP": "pjsip:", "SIP": "sip:"}

// pbx finds where a device is registered; nil when that is not configured.
func (c *Channel) pbx(d *routing.Device) (PBX, string) {
	if d.PBX != "" || len(c.cfg.PBXes) != 1 {
		return c.cfg.PBXes[d.PBX], d.PBX
	}
	for name, only := range c.cfg.PBXes {
		return only, name
	}
	return nil, ""
}

// unknown says that Asterisk knows no such endpoint. A 404 without a reason is
// not ARI's: its HTTP server runs, ARI does not.
func unknown(err error) bool {
	var refusal *ari.RequestError
	return errors.As(err, &refusal) && refusal.Status == http.StatusNotFound && refusal.Message != ""
}

// trouble says in one word what is wrong with a PBX, without its own words,
// which may be anybody's.
func trouble(err error) string {
	if t := ari.TroubleOf(err); t != ari.NoTrouble {
		return strings.ReplaceAll(string(t), "_", " ")
	}
	return "it failed"
}

// maxBody bounds a text in bytes: a MESSAGE outside of a session must not
// exceed 1300 bytes (RFC 3428 section 8), and Asterisk's headers take some 400.
const maxBody = 900

// body makes a text fit for a MESSAGE: valid UTF-8, lines that end in "\n", no
// other control characters, and not too long.
func body(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\r\n", "\n")
	text = strings.Map(func(r rune) rune {
		if r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0) {
			return ' '
		}
		return r
	}, text)
	if len(text) > maxBody {
		text = strings.ToValidUTF8(text[:maxBody-len("…")], "") + "…"
	}
	return text
}
