package hook

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strconv"
	"sync/atomic"
	"time"
)

// Receiver is a program that is posted to.
type Receiver struct {
	target    *url.URL
	key       []byte
	transport *http.Transport
}

const (
	// maxConns is how many requests are under way at a time.
	maxConns = 4
	// maxHeader bounds the header of an answer, maxAnswer what is read of its
	// body: the body says nothing to us, but read to its end the connection can
	// be used again.
	maxHeader = 16 << 10
	maxAnswer = 4 << 10
)

// New makes a Receiver of an address, which begins with http:// or https:// and
// holds no user and password, and a signing key: "whsec_" and base64, or any
// other text, whose bytes are taken as they are. The error says what is wrong
// with either, and repeats neither.
func New(address, secret string) (*Receiver, error) {
	target, err := url.Parse(address)
	switch {
	case err != nil:
		return nil, errors.New("hook: the url cannot be read")
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return nil, errors.New("hook: the url must be an address such as https://crm.example.com/ringback")
	case target.User != nil:
		return nil, errors.New("hook: the url must not hold a user or password")
	}
	key, err := readSecret(secret)
	if err != nil {
		return nil, err
	}
	return &Receiver{target: target, key: key, transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           maxConns,
		MaxConnsPerHost:        maxConns,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: maxHeader,
	}}, nil
}

// Close lets go of the connections that no request uses.
func (r *Receiver) Close() { r.transport.CloseIdleConnections() }

// Shown is as much of the address as may be shown.
func (r *Receiver) Shown() string { return r.target.Scheme + "://" + r.target.Host }

// Answer is what became of a post.
type Answer struct {
	// Status is the HTTP status; 0: there was no answer, and Err says why.
	Status int
	// After is how long the receiver asks to be left alone; 0: it does not.
	After time.Duration
	Err   error
	// Left says that something may have left the house.
	Left bool
}

// Taken says that the receiver has taken what was posted.
func (a Answer) Taken() bool { return a.Status >= 200 && a.Status <= 299 }

// Passing says that the receiver was there, and that what keeps it from taking
// it may pass by itself.
func (a Answer) Passing() bool {
	switch a.Status {
	case http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return a.Status >= 500
}

// Post posts a body of JSON once. Receivers remove doubles by the id: it is the
// same whenever the same thing is posted again. Redirects are answers, and not
// followed.
func (r *Receiver) Post(ctx context.Context, id string, body []byte) Answer {
	var connected atomic.Bool
	req, err := r.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From here on something may have left the house.
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), id, body)
	if err != nil {
		return Answer{Err: err}
	}
	// Not by an http.Client: it would read the Location of a redirect, and put
	// the whole address into its errors.
	resp, err := r.transport.RoundTrip(req)
	if err != nil {
		return Answer{Err: err, Left: connected.Load()}
	}
	defer resp.Body.Close()
	// The answer's status is known; a body that breaks off changes nothing.
	_, _ = io.CopyN(io.Discard, resp.Body, maxAnswer)
	return Answer{Status: resp.StatusCode, After: retryAfter(resp.Header.Get("Retry-After")), Left: true}
}

// retryAfter reads how many seconds a receiver asks to be left alone (RFC 9110
// §10.2.3). One that names a date is not listened to: its clock is its own.
func retryAfter(header string) time.Duration {
	seconds, err := strconv.Atoi(header)
	if err != nil || seconds < 0 {
		return 0
	}
	return time.Duration(min(seconds, 24*60*60)) * time.Second
}

// request makes the signed request.
func (r *Receiver) request(ctx context.Context, id string, body []byte) (*http.Request, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, r.target.String(), bytes.NewReader(body))
	if err != nil {
		return nil, errors.New("hook: the request could not be made") // err would show the address
	}
	now := strconv.FormatInt(time.Now().Unix(), 10)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "Ringback")
	req.Header.Set("Webhook-Id", id)
	req.Header.Set("Webhook-Timestamp", now)
	req.Header.Set("Webhook-Signature", sign(r.key, id, now, body))
	// An empty list is not sent. It allows net/http to try again at once when
	// the receiver has just closed the idle connection that was to be used.
	req.Header["Idempotency-Key"] = []string{}
	return req, nil
}
