// Package gateway tells people by any service that takes a message over HTTP: a
// gateway for short messages, say, or WhatsApp. It promises that whatever a
// caller is called stays one value at its place in the address, the header or the
// body, without the care of who wrote the template; that an answer counts as
// success by the match rule alone, also one of 200; that nothing goes where a
// redirect points; and that neither a secret nor a person's own link is in what it
// says of a failure.
package gateway

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"ringback/leads/alert"
)

// Need names what must be known of a person to reach them.
type Need string

const (
	Mobile  Need = "mobile"  // their mobile number
	Email   Need = "email"   // their address
	Nothing Need = "nothing" // the gateway knows by itself
)

// Needs lists them; the first is that of a gateway that does not say.
var Needs = []Need{Mobile, Email, Nothing}

// Type names what a body is written in, and so how what is put into it is
// escaped.
type Type string

const (
	Form Type = "form" // application/x-www-form-urlencoded
	JSON Type = "json"
	XML  Type = "xml"
	Text Type = "text" // plain: nothing is escaped
)

// Types lists them; the first is that of a body that does not say.
var Types = []Type{Form, JSON, XML, Text}

// mime are the types as a header names them.
var mime = map[Type]string{Form: "application/x-www-form-urlencoded", JSON: "application/json", XML: "text/xml; charset=utf-8", Text: "text/plain; charset=utf-8"}

// Config says how a gateway is spoken to. URL, Headers and Body are templates:
// see Fields for what can be put into them.
type Config struct {
	Method  string // GET, POST or PUT; empty: POST
	URL     string
	Headers map[string]string
	Type    Type // empty: Form
	Body    string
	Needs   Need // empty: Mobile
	// Match says what a success looks like, Retry which of the other answers may
	// be different in a minute; 408, 425, 429 and 5xx are so anyway.
	Match, Retry Match
	// Secrets are what {{secret "name"}} puts in.
	Secrets map[string]string
}

// Fault is one thing that is wrong with a Config.
type Fault struct {
	Key  string // of the Config, as configurations write it: url, headers.X, match.json.field
	Text string
}

// Channel speaks to one gateway. A crash in mid-work is in doubt: gateways do
// not remove doubles.
type Channel struct {
	cfg       Config
	call      *call
	host      string
	match     *rule
	retry     *rule // nil: there is none
	secrets   []string
	transport *http.Transport
	// until is before when the gateway wants to be left alone, in milliseconds.
	until atomic.Int64
}

var _ alert.Channel = (*Channel)(nil)

const (
	maxConns  = 4
	maxHeader = 16 << 10
	maxAnswer = 64 << 10
	// maxRest bounds how long a gateway may ask to be left alone.
	maxRest = time.Hour
)

// New makes a Channel, or says all that is wrong with the Config, after it has
// written every kind of message with it.
func New(c Config) (*Channel, []Fault) {
	var faults []Fault
	ch := &Channel{cfg: c, transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: maxConns,
		MaxConnsPerHost: maxConns, IdleConnTimeout: 30 * time.Second, MaxResponseHeaderBytes: maxHeader}}
	for _, secret := range c.Secrets {
		if len(secret) > 3 { // of a shorter one nobody could say where it stands by chance
			ch.secrets = append(ch.secrets, secret, url.QueryEscape(secret))
		}
	}
	ch.call, faults = newCall(&c)
	if ch.call != nil {
		ch.host = ch.call.host
	}
	var more []Fault
	ch.match, more = newRule("match", c.Match, "2xx")
	faults = append(faults, more...)
	if !c.Retry.Empty() {
		ch.retry, more = newRule("retry", c.Retry, "")
		faults = append(faults, more...)
	}
	if len(faults) > 0 {
		return nil, faults
	}
	return ch, nil
}

// Close lets go of the connections that no request uses.
func (c *Channel) Close() { c.transport.CloseIdleConnections() }

// Send makes one request. What the match rule takes is Sent. What may pass by
// itself is Unreachable: no connection, 408, 425, 429, 5xx but 504, what the
// retry rule names, and all for as long as a Retry-After has asked for rest. It is
// TimedOut when the request may have arrived and no answer came, also behind a
// proxy (504). Any other answer is Refused.
func (c *Channel) Send(ctx context.Context, m alert.Message) (alert.Outcome, string) {
	if lacks := c.lacks(&m); lacks != "" {
		return alert.Refused, fmt.Sprintf("%s has no %s", m.To, lacks)
	}
	if rest := time.Until(time.UnixMilli(c.until.Load())); rest > 0 {
		return alert.Unreachable, fmt.Sprintf("%s wants to be left alone for %s", c.host, rest.Round(time.Second))
	}
	var connected atomic.Bool
	req, err := c.call.request(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// From here on something may have left the house.
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	}), &m)
	if err != nil {
		return alert.Refused, c.clean(&m, err.Error())
	}
	// Not by an http.Client: it would follow redirects, and put the whole address
	// into its errors.
	resp, err := c.transport.RoundTrip(req)
	if err != nil {
		outcome := alert.Unreachable
		if connected.Load() {
			outcome = alert.TimedOut
		}
		return outcome, fmt.Sprintf("%s: %s", c.host, alert.Reason(err))
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil && resp.StatusCode < 300 {
		return alert.TimedOut, fmt.Sprintf("%s answered %d, and broke off", c.host, resp.StatusCode)
	}
	return c.judge(&m, resp, body)
}

// lacks is what would have to be known of the person, and is not.
func (c *Channel) lacks(m *alert.Message) Need {
	switch {
	case (c.cfg.Needs == "" || c.cfg.Needs == Mobile) && m.Mobile == "":
		return Mobile
	case c.cfg.Needs == Email && m.Email == "":
		return Email
	}
	return ""
}

// judge says what an answer means.
func (c *Channel) judge(m *alert.Message, resp *http.Response, body []byte) (alert.Outcome, string) {
	why := c.match.misses(resp.StatusCode, body)
	if why == "" {
		return alert.Sent, ""
	}
	detail := fmt.Sprintf("%s answered %d: %s", c.host, resp.StatusCode, why)
	if said := alert.Line(string(body), 160); said != "" {
		detail += ": " + c.clean(m, said, sentHeaders(resp.Request)...)
	}
	passing := c.retry != nil && c.retry.misses(resp.StatusCode, body) == ""
	switch status := resp.StatusCode; {
	case status == http.StatusGatewayTimeout:
		return alert.TimedOut, detail
	case passing, status == http.StatusRequestTimeout, status == http.StatusTooEarly, status == http.StatusTooManyRequests, status >= 500:
		c.rest(resp.Header.Get("Retry-After"))
		return alert.Unreachable, detail
	}
	return alert.Refused, detail
}

// rest heeds a Retry-After (RFC 9110 §10.2.3).
func (c *Channel) rest(after string) {
	var until time.Time
	if seconds, err := strconv.Atoi(after); err == nil {
		until = time.Now().Add(min(time.Duration(max(seconds, 0))*time.Second, maxRest))
	} else if at, err := http.ParseTime(after); err == nil {
		until = at
	}
	if limit := time.Now().Add(maxRest); until.After(limit) {
		until = limit
	}
	if !until.IsZero() {
		c.until.Store(until.UnixMilli())
	}
}

// clean is what somebody else said, unless it repeats what nobody else is to
// read: a secret, the person's link, a number, what was sent.
func (c *Channel) clean(m *alert.Message, said string, more ...string) string {
	private := slices.Concat([]string{m.Link, m.Email, digits(m.Mobile), digits(m.Number)}, c.secrets, more)
	for i := range m.Leads {
		private = append(private, m.Leads[i].Link)
	}
	if m.Name != m.Number {
		private = append(private, m.Name)
	}
	bare := digits(said)
	for i, p := range private {
		if p != "" && (strings.Contains(said, p) || (i == 2 || i == 3) && strings.Contains(bare, p)) {
			return "(its words repeat what is not to be shown)"
		}
	}
	return said
}

// sentHeaders are what stands last in each header of a request: a password in
// base64, say.
func sentHeaders(r *http.Request) []string {
	var list []string
	for _, values := range r.Header {
		for _, v := range values {
			if words := strings.Fields(v); len(words) > 1 {
				list = append(list, words[len(words)-1])
			}
		}
	}
	return list
}

// digits are those of a number, without its plus sign and what parts them.
func digits(number string) string {
	return strings.Map(func(c rune) rune {
		if c < '0' || c > '9' {
			return -1
		}
		return c
	}, number)
}
