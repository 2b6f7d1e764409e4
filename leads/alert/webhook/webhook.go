// Package webhook posts alerts to a program, as Standard Webhooks describe
// (https://github.com/standard-webhooks/standard-webhooks). It promises that
// the id is the same whenever the same alert is posted again, so that the
// receiver can remove doubles; that what is signed is exactly what is sent; that
// nothing goes where a redirect points; and that of the address, which may hold
// a token, no more than scheme and host is ever shown.
package webhook

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"

	"ringback/leads/alert"
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
type Channel struct {
	target    *url.URL
	shown     string
	key       []byte
	transport *http.Transport
}

var _ alert.Channel = (*Channel)(nil)

const (
	// maxConns is how many requests are under way at a time.
	maxConns = 4
	// maxHeader bounds the header of an answer, maxAnswer what is read of its
	// body: the body says nothing to us, but read to its end the connection can
	// be used again.
	maxHeader = 16 << 10
	maxAnswer = 4 << 10
)

// New makes a Channel. The error says what is wrong with the address or the
// secret, and repeats neither.
func New(c Config) (*Channel, error) {
	target, err := url.Parse(c.URL)
	switch {
	case err != nil:
		return nil, errors.New("webhook: the url cannot be read")
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return nil, errors.New("webhook: the url must be an address such as https://crm.example.com/ringback")
	case target.User != nil:
		return nil, errors.New("webhook: the url must not hold a user or password")
	}
	key, err := readSecret(c.Secret)
	if err != nil {
		return nil, err
	}
	return &Channel{
		target: target, shown: target.Scheme + "://" + target.Host, key: key,
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           maxConns,
			MaxConnsPerHost:        maxConns,
			IdleConnTimeout:        30 * time.Second,
			MaxResponseHeaderBytes: maxHeader,
		},
	}, nil
}

// Close lets go of the connections that no request uses.
func (c *Channel) Close() { c.transport.CloseIdleConnections() }

// Send posts the message. 2xx is Sent. What may pass by itself is Unreachable:
// no connection, 408, 425, 429 and 5xx. Any other answer is Refused, redirects
// too, which are not followed. It is TimedOut when the request may have arrived
// and no answer came.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	var connected atomic.Bool
	req, err := c.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From here on something may have left the house.
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), m)
	if err != nil {
		return alert.Refused, err.Error()
	}
	// Not by an http.Client: it would read the Location of a redirect, and put
	// the whole address into its errors.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		outcome := alert.Unreachable
		if connected.Load() {
			outcome = alert.TimedOut
		}
		return outcome, fmt.Sprintf("%s: %s", c.shown, alert.Reason(err))
	}
	defer resp.Body.Close()
	// The answer's status is known; a body that breaks off changes nothing.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	outcome := outcomeOf(resp.StatusCode)
	if outcome == alert.Sent {
		return alert.Sent, ""
	}
	return outcome, fmt.Sprintf("%s answered %d %s", c.shown, resp.StatusCode, http.StatusText(resp.StatusCode))
}

func outcomeOf(status int) alert.Outcome {
	switch {
	case status >= 200 && status <= 299:
		return alert.Sent
	case status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		return alert.Unreachable
	}
	return alert.Refused
}

// request makes the signed request of a message.
func (c *Channel) request(ctx context.Context, m alert.Message) (*http.Request, error) {
	body, err := payload(&m)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("the request could not be made") // err would show the address
	}
	id := idOf(&m)
	now := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Ringback")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", now)
	req.Header.Set("Webhook-Signature", sign(c.key, id, now, body))
	// An empty list is not sent. It allows net/http to try again at once when
	// the receiver has just closed the idle connection that was to be used.
	req.Header["Idempotency-Key"] = []string{}
	return req, nil
}

// idOf is the message's id for the whole world: that of a lead begins anew with
// every database, and receivers remember ids for longer than that.
func idOf(m *alert.Message) string {
	return fmt.Sprintf("%s:%d", m.ID, m.Opened.UnixMilli())
}
