package door

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads"
	"ringback/leads/text"
)

// Access says who may have a route.
type Access int

const (
	// Anyone: nothing of callers is there.
	Anyone Access = iota
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
	Scope  string
	Answer http.HandlerFunc
}

// Visitor is who asks.
type Visitor struct {
	leads.Sight
	// Name is what the person is called; empty: a program.
	Name     string
	Language text.Language
}

type visitorKey struct{}

// VisitorOf is who asks; the Answer of every Route that is not for Anyone has
// one.
func VisitorOf(r *http.Request) *Visitor {
	v, _ := r.Context().Value(visitorKey{}).(*Visitor)
	return v
}

// Config is who is known.
type Config struct {
	// PublicURL is where people reach the pages: its host is known to be ours,
	// and unless it is a loopback address (or empty) everybody needs a token.
	PublicURL string
	// Tokens may see everything. Only their hashes are kept.
	Tokens []string
	// Registry takes ringback_http_….
	Registry *prometheus.Registry
	Log      *slog.Logger
}

// Door lets requests in, or not.
type Door struct {
	cfg   Config
	guard guard
	m     metrics
}

// New makes a Door. It fails when the registry has another's metrics, or the
// public URL is none.
func New(c Config) (*Door, error) {
	d := &Door{}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("door: public URL: %w", err)
	}
	d.guard.public = public.Hostname()
	for _, text := range c.Tokens {
		d.guard.tokens = append(d.guard.tokens, newToken(text))
	}
	c.Tokens = nil
	d.cfg = c
	d.m, err = newMetrics(c.Registry)
	return d, err
}

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

// let answers the route to whom its Access lets in.
func (d *Door) let(w http.ResponseWriter, r *http.Request, route *Route) {
	switch {
	case route.Access == Anyone:
		route.Answer(w, r)
	case route.Access == Program:
		d.program(w, r, route)
	default:
		d.known(w, r, route)
	}
}

// enter answers the route to the visitor.
func enter(w http.ResponseWriter, r *http.Request, route *Route, v *Visitor) {
	route.Answer(w, r.WithContext(context.WithValue(r.Context(), visitorKey{}, v)))
}

// known lets through who presents a token and, while the pages have no public
// address, who sits at this machine.
func (d *Door) known(w http.ResponseWriter, r *http.Request, route *Route) {
	switch {
	case d.guard.lets(r):
		enter(w, r, route, &Visitor{Sight: leads.Everything, Language: text.Accepted(r.Header.Get("Accept-Language"), text.English)})
	case !d.guard.isOurs(hostOf(r)):
		http.Error(w, "This is not the address of this Ringback: ask for the one that public_url in its configuration names.", http.StatusMisdirectedRequest)
	case len(d.guard.tokens) == 0:
		http.Error(w, "This is shown only to holders of a token, and none is configured: "+howToConfigure, http.StatusForbidden)
	default:
		w.Header().Set("WWW-Authenticate", `Basic realm="ringback", charset="UTF-8"`)
		http.Error(w, "A token is needed: any user name, and a token of token_file as password.", http.StatusUnauthorized)
	}
}

const howToConfigure = "name a file with one token a line as token_file in the configuration, and restart."

// program lets through who presents a token as a program does.
func (d *Door) program(w http.ResponseWriter, r *http.Request, route *Route) {
	token, presented := bearer(r)
	switch {
	case presented && d.guard.has(token):
		enter(w, r, route, &Visitor{Sight: leads.Everything, Language: text.English})
	case len(d.guard.tokens) == 0:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback"`)
		Problem(w, http.StatusUnauthorized, "The API answers nobody, because no token is configured: "+howToConfigure)
	case presented:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback", error="invalid_token"`)
		Problem(w, http.StatusUnauthorized, "This token is not one of those in token_file.")
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback"`)
		Problem(w, http.StatusUnauthorized, "A token of token_file is needed, as in: Authorization: Bearer TOKEN")
	}
}

// IDOf reads the id in an address. There is one spelling of each.
func IDOf(r *http.Request) (int64, bool) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	return id, err == nil && id > 0 && strconv.FormatInt(id, 10) == r.PathValue("id")
}
