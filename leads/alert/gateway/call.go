package gateway

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"

	"ringback/leads/alert"
	"ringback/leads/text"
)

// Fields are what templates can put in, as {{.Mobile}}. Beside them there are
// {{secret "name"}}, {{digits .Mobile}} (without the plus sign), {{oneline .Text}},
// {{basic "user" "password"}} for an Authorization header, and if and range.
type Fields struct {
	ID, Why, Language    string
	To, Mobile, Email    string // who is told: login, number in E.164, address
	Text, Short, Subject string
	Link                 string
	Number, Name         string // of the caller
	Line, Pool, Manager  string
	Lead, Contact        int64
	Missed               int
}

func fieldsOf(m *alert.Message) Fields {
	return Fields{ID: m.ID, Why: string(m.Why), Language: string(m.Language), To: m.To, Mobile: m.Mobile, Email: m.Email, Text: m.Text, Short: m.Short,
		Subject: m.Subject, Link: m.Link, Number: m.Number, Name: m.Name, Line: m.Line, Pool: m.Pool, Manager: m.Manager, Lead: m.Lead,
		Contact: m.Contact, Missed: m.Missed}
}

// call writes requests.
type call struct {
	method, start, host string
	path, query, body   *template.Template // query and body: nil without one
	headers             map[string]*template.Template
	bodyType            Type
}

// webStart is the part of an address in which nothing may be put in.
var webStart = regexp.MustCompile(`^https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\])(:[0-9]{1,5})?(/|$)`)

// headerName is a token of RFC 9110.
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// ownHeaders are written by the connection itself.
var ownHeaders = []string{"Host", "Content-Length", "Transfer-Encoding", "Connection", "Trailer", "Upgrade"}

// newCall reads the templates, and writes samples with them.
func newCall(c *Config) (*call, []Fault) {
	r := reading{functions: c.functions(), out: &call{method: c.Method, headers: map[string]*template.Template{}, bodyType: c.Type}}
	if r.out.method == "" {
		r.out.method = http.MethodPost
	}
	if r.out.bodyType == "" {
		r.out.bodyType = Form
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut}, r.out.method) {
		r.fault("method", "%q is not known here: use GET, POST or PUT", c.Method)
	}
	r.address(c.URL)
	if c.Body != "" {
		r.out.body = r.template("body", places[r.out.bodyType], c.Body)
		if r.out.method == http.MethodGet {
			r.fault("body", "a GET has none: say method: POST")
		}
	}
	r.headers(c.Headers)
	if len(r.faults) > 0 {
		return nil, r.faults
	}
	for _, m := range samples() {
		if err := r.out.try(&m); err != nil {
			r.fault(err.(*writeError).key, "%s", plain(err))
			break
		}
	}
	return r.out, r.faults
}

// reading is a call that is being read, and what is wrong with it so far.
type reading struct {
	functions template.FuncMap
	out       *call
	faults    []Fault
}

func (r *reading) fault(key, format string, args ...any) {
	r.faults = append(r.faults, Fault{key, fmt.Sprintf(format, args...)})
}

func (r *reading) template(key string, p place, from string) *template.Template {
	t, err := compile(key, p, from, r.functions)
	if err != nil {
		r.fault(key, "%s", plain(err))
	}
	return t
}

// address reads where the request goes.
func (r *reading) address(from string) {
	r.out.start = webStart.FindString(from)
	if r.out.start == "" {
		r.fault("url", "must begin with an address such as https://sms.example.com/, in which nothing is put in")
	} else {
		u, _ := url.Parse(r.out.start) // it has the form of one
		r.out.host = u.Host
	}
	path, query, asks := cutQuery(from[len(r.out.start):])
	r.out.path = r.template("url", inPath, path)
	if asks {
		r.out.query = r.template("url", inQuery, query)
	}
}

func (r *reading) headers(from map[string]string) {
	for _, name := range slices.Sorted(maps.Keys(from)) {
		if !headerName.MatchString(name) || slices.Contains(ownHeaders, http.CanonicalHeaderKey(name)) {
			r.fault("headers", "%q is no header that can be set", name)
			continue
		}
		r.out.headers[http.CanonicalHeaderKey(name)] = r.template("headers."+name, inHeader, from[name])
	}
}

// cutQuery parts the path of an address from its query, at the first question
// mark that is not the template's.
func cutQuery(address string) (path, query string, asks bool) {
	for depth, i := 0, 0; i < len(address); i++ {
		switch {
		case strings.HasPrefix(address[i:], "{{"):
			depth++
		case strings.HasPrefix(address[i:], "}}"):
			depth--
		case depth == 0 && address[i] == '?':
			return address[:i], address[i+1:], true
		}
	}
	return address, "", false
}

// functions are what templates can call.
func (c *Config) functions() template.FuncMap {
	return template.FuncMap{
		"secret": func(name string) (string, error) {
			secret, there := c.Secrets[name]
			if !there {
				return "", fmt.Errorf("secret %q is not listed under secrets", name)
			}
			return secret, nil
		},
		"digits":  digits,
		"oneline": func(s string) string { return strings.Join(strings.Fields(s), " ") },
		"basic": func(user, password string) string {
			return "Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+password))
		},
	}
}

// writeError is what is wrong with what a template has written.
type writeError struct {
	key string
	err error
}

func (e *writeError) Error() string { return e.key + ": " + e.err.Error() }
func (e *writeError) Unwrap() error { return e.err }

// maxWritten bounds what a template writes.
const maxWritten = 64 << 10

// bounded takes only so much.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxWritten {
		return 0, errors.New("it writes too much")
	}
	return b.Buffer.Write(p)
}

func write(key string, t *template.Template, fields Fields) (string, error) {
	if t == nil {
		return "", nil
	}
	var b bounded
	if err := t.Execute(&b, fields); err != nil {
		return "", &writeError{key, err}
	}
	return b.String(), nil
}

// request writes the request of a message.
func (c *call) request(ctx context.Context, m *alert.Message) (*http.Request, error) {
	fields := fieldsOf(m)
	path, err := write("url", c.path, fields)
	if err != nil {
		return nil, err
	}
	query, err := write("url", c.query, fields)
	if err != nil {
		return nil, err
	}
	body, err := write("body", c.body, fields)
	if err != nil {
		return nil, err
	}
	target := c.start + path
	if c.query != nil {
		target += "?" + query
	}
	var reader io.Reader
	if c.body != nil {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, c.method, target, reader)
	if err != nil || req.URL.Host != c.host || strings.ContainsAny(target, "# ") {
		return nil, &writeError{"url", errors.New("it is no address any more once it is filled in")} // err would show it
	}
	req.Header.Set("User-Agent", "Ringback")
	req.Header["Idempotency-Key"] = nil // net/http is not to try again by itself
	if c.body != nil {
		req.Header.Set("Content-Type", mime[c.bodyType])
	}
	for name, t := range c.headers {
		value, err := write("headers."+name, t, fields)
		if err != nil {
			return nil, err
		}
		req.Header.Set(name, value)
	}
	req.GetBody = nil
	return req, nil
}

// try writes a message and reads it as the gateway would.
func (c *call) try(m *alert.Message) error {
	req, err := c.request(context.Background(), m)
	if err != nil {
		return err
	}
	if c.body == nil {
		return nil
	}
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return &writeError{"body", err}
	}
	switch c.bodyType {
	case JSON:
		if !json.Valid(body) {
			return &writeError{"body", errors.New("what it writes is no JSON")}
		}
	case XML:
		d := xml.NewDecoder(bytes.NewReader(body))
		for err == nil {
			_, err = d.Token()
		}
		if err != io.EOF {
			return &writeError{"body", fmt.Errorf("what it writes is no XML: %w", err)}
		}
	case Form:
		if _, err := url.ParseQuery(string(body)); err != nil {
			return &writeError{"body", errors.New("what it writes is no form")}
		}
	}
	return nil
}

// samples are messages of every kind: one with all fields and a hostile name,
// one of a withheld number, a digest.
func samples() []alert.Message {
	full := alert.Message{ID: "notify:7:1:0:sms", Why: alert.NewLead, To: "anna", Mobile: "+79161234567", Email: "anna@example.com", Lead: 7, Contact: 3,
		Number: "+79160000000", Name: `"><]]>&'\ {{.}} %00 Ёж 🦔`, Line: "sales & co", Pool: "sales", Manager: "anna", Missed: 2,
		LastMissed: time.Unix(1e9, 0), Link: "https://ring.example.com/l/x?a=b&c=d", Language: text.Russian,
		Text: "a \"quoted\" line\n<b>&amp;</b>\\\t", Short: "short\n\"'&<>", Subject: "subject: 100% \u2028"}
	withheld := alert.Message{ID: "1", Why: alert.Overdue, To: "anna", Mobile: "+79161234567", Email: "anna@example.com"}
	digest := withheld
	digest.Why, digest.Text = alert.Digest, strings.Repeat("line\n", 50)
	return []alert.Message{full, withheld, digest}
}

// inTemplate is how the template package begins its errors.
var inTemplate = regexp.MustCompile(`template: [^:]*:(\d+:?\d*:)? ?|executing "[^"]*" at <[^>]*>: |error calling \w+: `)

// plain is an error without the template package's own names.
func plain(err error) string {
	var at *writeError
	if errors.As(err, &at) {
		err = at.err
	}
	return inTemplate.ReplaceAllString(err.Error(), "")
}
