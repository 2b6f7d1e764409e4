// Package webhook posts alerts to a program, signed as package hook does it. It
// promises that the id is the same whenever the same alert is posted again, so
// that the receiver can remove doubles.
package webhook

import (
	"context"
	"fmt"
	"net/http"

	"ringback/leads/alert"
	"ringback/leads/hook"
)

// Config says where alerts are posted.
type Config struct {
	// URL begins with http:// or https://, and holds no user and password.
	URL string
	// Secret is the signing key: "whsec_" and base64, or any other text, whose
	// bytes are taken as they are.
	Secret string
}

// Channel posts to one receiver. A crash in mid-work may be repeated: the
// receiver removes doubles by the id.
type Channel struct{ receiver *hook.Receiver }

var _ alert.Channel = (*Channel)(nil)

// New makes a Channel. The error says what is wrong with the address or the
// secret, and repeats neither.
func New(c Config) (*Channel, error) {
	receiver, err := hook.New(c.URL, c.Secret)
	if err != nil {
		return nil, fmt.Errorf("webhook: %w", err)
	}
	return &Channel{receiver}, nil
}

// Close lets go of the connections that no request uses.
func (c *Channel) Close() { c.receiver.Close() }

// Send posts the message. 2xx is Sent. What may pass by itself is Unreachable:
// no connection, 408, 425, 429 and 5xx. Any other answer is Refused, redirects
// too, which are not followed. It is TimedOut when the request may have arrived
// and no answer came.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	body, err := payload(&m)
	if err != nil {
		return alert.Refused, err.Error()
	}
	answer := c.receiver.Post(ctx, idOf(&m), body)
	switch {
	case answer.Taken():
		return alert.Sent, ""
	case answer.Status == 0 && answer.Left:
		return alert.TimedOut, fmt.Sprintf("%s: %s", c.receiver.Shown(), alert.Reason(answer.Err))
	case answer.Status == 0:
		return alert.Unreachable, fmt.Sprintf("%s: %s", c.receiver.Shown(), alert.Reason(answer.Err))
	}
	outcome := alert.Refused
	if answer.Passing() {
		outcome = alert.Unreachable
	}
	return outcome, fmt.Sprintf("%s answered %d %s", c.receiver.Shown(), answer.Status, http.StatusText(answer.Status))
}

// idOf is the message's id for the whole world: that of a lead begins anew with
// every database, and receivers remember ids for longer than that.
func idOf(m *alert.Message) string {
	return fmt.Sprintf("%s:%d", m.ID, m.Opened.UnixMilli())
}
