package door

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/routing"
)

// Access says who may have a route.
type Access int

const (
	// Forgotten: nobody; whoever adds a Route says who may have it.
	Forgotten Access = iota
	// Anyone: nothing of callers is there.
	Anyone
	// Machine: who presents a token, or sits at this machine.
	Machine
	// Program: who presents a token with the route's Scope.
	Program
	// Person: who is logged in; programs may look at pages too.
	Person
	// Linked: a Person, and who came by the link of an alert.
	Linked
	// Leader: a Person who leads others.
	Leader
	// Admin: a Person who administers.
	Admin
)

// Route is one thing that is answered.
type Route struct {
	Method string
	Path   string // as http.ServeMux reads it
	Access Access
	// Scope is what a token must allow; empty: nothing but to be one.
	Scope string
	// Stream says that the answer goes on: it has no time to be written in, ends
	// with the daemon and after StreamFor, and is counted when it begins.
	Stream bool
	Answer http.HandlerFunc
}

// Visitor is who asks.
type Visitor struct {
	leads.Sight
	// Name is what the person is called; empty: a program.
	Name     string
	Role     routing.Role
	Language text.Language
	// Form is what every form of theirs carries in the field FormField, and every
	// script in the header FormHeader: what changes something is else refused.
	Form string
	// Session is which of their sessions it is; 0: they came by a link, or it is a
	// program.
	Session int64
	// Token is the name of a program's token; empty: it is one of token_file, or a
	// person.
	Token string
}

// Where forms and scripts put the Visitor's Form.
const (
	FormField  = "csrf"
	FormHeader = "X-CSRF-Token"
)

type visitorKey struct{}

// VisitorOf is who asks; the Answer of every Route that is not for Anyone has
// one.
func VisitorOf(r *http.Request) *Visitor {
	v, _ := r.Context().Value(visitorKey{}).(*Visitor)
	return v
}

// Config is who is known.
type Config struct {
	// PublicURL is where people reach the pages: its host is known to be ours, its
	// scheme says whether cookies travel by https alone, and while it is a loopback
	// address (or empty) who sits here needs no token for what machines ask.
	PublicURL string
	// TLS says that connections are encrypted by ourselves.
	TLS bool
	// Proxies stand before us: what they say of whom they ask for is believed.
	Proxies []netip.Prefix
	// Tokens may see everything. Only their hashes are kept.
	Tokens []string
	// People are those who may log in, Directory who they are.
	People    *people.Register
	Directory *routing.Directory
	// Language is the company's.
	Language text.Language
	// Registry takes ringback_http_….
	Registry *prometheus.Registry
	Log      *slog.Logger
}

// Door lets requests in, or not.
type Door struct {
	cfg    Config
	guard  guard
	secure bool // cookies travel by https alone
	cross  *http.CrossOriginProtection
	m      metrics
	show   func(http.ResponseWriter, *http.Request, Refusal) // nil: nobody is shown a page

	closing chan struct{}
	closed  sync.Once
}

// StreamFor is how long a stream goes on. A browser then asks anew, and is looked at
// anew: a session may be over. How many there are whoever answers them bounds.
const StreamFor = 10 * time.Minute

// New makes a Door. It fails when the registry has another's metrics, or the
// public URL is none.
func New(c Config) (*Door, error) {
	d := &Door{cross: http.NewCrossOriginProtection(), closing: make(chan struct{})}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("door: public URL: %w", err)
	}
	d.guard.public = public.Hostname()
	if public.Host != "" {
		// A proxy may ask for us under another name than its visitors asked it for.
		if err := d.cross.AddTrustedOrigin(public.Scheme + "://" + public.Host); err != nil {
			return nil, fmt.Errorf("door: public URL: %w", err)
		}
	}
	d.secure = c.TLS || strings.EqualFold(public.Scheme, "https")
	for _, text := range c.Tokens {
		d.guard.tokens = append(d.guard.tokens, newToken(text))
	}
	c.Tokens = nil
	d.cfg = c
	d.m, err = newMetrics(c.Registry)
	return d, err
}

// Close ends the streams, and lets none begin.
func (d *Door) Close() { d.closed.Do(func() { close(d.closing) }) }

// Mount has a mux answer the routes. Every path is named in metrics by its
// pattern.
func (d *Door) Mount(mux *http.ServeMux, routes []Route) {
	of := map[string]map[string]Route{}
	for _, r := range routes {
		if of[r.Path] == nil {
			of[r.Path] = map[string]Route{}
		}
		of[r.Path][r.Method] = r
	}
	for path, by := range of {
		d.mount(mux, path, by)
	}
}

// Knows says whether somebody may know how the house does.
func (d *Door) Knows(r *http.Request) bool { return d.guard.lets(r) }

// enter answers the route to the visitor; nil: whoever it is.
func (d *Door) enter(w http.ResponseWriter, r *http.Request, route *Route, v *Visitor) {
	r = of(v, r)
	if route.Stream {
		d.stream(w, r, route)
		return
	}
	route.Answer(w, r)
}

// of is a request of a visitor; nil: of whoever it is.
func of(v *Visitor, r *http.Request) *http.Request {
	if v == nil {
		return r
	}
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

// stream answers what goes on.
func (d *Door) stream(w http.ResponseWriter, r *http.Request, route *Route) {
	ctx, cancel := context.WithTimeout(r.Context(), StreamFor)
	defer cancel()
	go func() {
		select {
		case <-d.closing:
			cancel()
		case <-ctx.Done():
		}
	}()
	control := http.NewResponseController(w)
	if err := control.SetReadDeadline(time.Time{}); err != nil { // else what watches the connection ends the context
		d.Broken(w, r, fmt.Errorf("door: stream: %w", err))
		return
	}
	if err := control.SetWriteDeadline(time.Time{}); err != nil {
		d.Broken(w, r, fmt.Errorf("door: stream: %w", err))
		return
	}
	if a, ok := w.(*answer); ok {
		a.stream = true
	}
	route.Answer(w, r.WithContext(ctx))
}

// IDOf reads the id in an address. There is one spelling of each.
func IDOf(r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == r.PathValue("id")
}
