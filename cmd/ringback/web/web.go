package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ringback/ari"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/view"
)

// Config is what is shown and who may see it.
type Config struct {
	DB *db.DB
	// Office knows the names of people.
	Office *leads.Office
	// Book and Desk do what the API asks for; Plan reads the numbers it names.
	Book *leads.Book
	Desk *appointments.Desk
	Plan *number.Plan
	// PBXes tells how the watching of every PBX stands, in the order of the
	// configuration.
	PBXes func() []ari.Status
	// Mode is the daemon's; in mode observe the page says that nobody is told.
	Mode string
	// Zone is the zone of times on pages; nil: UTC.
	Zone *time.Location
	// PublicURL is where people reach the pages: its host is known to be ours,
	// and unless it is a loopback address (or empty) everybody needs a token.
	PublicURL string
	// Tokens may see everything; none: the API answers nobody. Only their
	// hashes are kept.
	Tokens  []string
	Version string
	// Registry is what /metrics tells, and takes ringback_http_….
	Registry *prometheus.Registry
	// Log takes what went wrong here; nil: nobody is told.
	Log *slog.Logger
}

// Server answers requests.
type Server struct {
	cfg     Config
	view    *view.View
	guard   guard
	disk    *probe
	m       metrics
	handler http.Handler
	http    *http.Server
	// patterns are the routes that answer GET.
	patterns []string
}

// New makes a Server; it answers once Serve is called. It fails when the
// registry has another's metrics, or the public URL is none.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	s := &Server{view: view.New(c.DB.Reader()), disk: newProbe(c.DB.Health)}
	public, err := url.Parse(c.PublicURL)
	if err != nil {
		return nil, fmt.Errorf("web: public URL: %w", err)
	}
	s.guard.public = public.Hostname()
	for _, text := range c.Tokens {
		s.guard.tokens = append(s.guard.tokens, newToken(text))
	}
	c.Tokens = nil
	s.cfg = c
	if s.m, err = newMetrics(c.Registry); err != nil {
		return nil, err
	}
	s.handler = s.routes()
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	return s, nil
}

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	secure(w.Header()) // here, because the mux answers some requests by itself
	s.handler.ServeHTTP(w, r)
}

// routes is the map of the site. Every route is named in metrics by its
// pattern.
func (s *Server) routes() http.Handler {
	mux := http.NewServeMux()
	at := func(pattern string, fn http.HandlerFunc) {
		s.patterns = append(s.patterns, pattern)
		mux.Handle(pattern, s.route(pattern, fn))
	}

	at("/healthz", s.alive)
	at("/readyz", s.ready)
	at("/style.css", style)
	at("/metrics", s.known(promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}).ServeHTTP))

	at("/{$}", s.known(s.front))
	at("/leads/{id}", s.known(s.lead))
	at("/contacts/{id}", s.known(s.contact))
	at("/", s.known(s.nothingHere))

	at("/api/v1/calls", s.bearer(s.calls))
	at("/api/v1/contacts", s.bearer(s.contacts))
	at("/api/v1/status", s.bearer(s.status))
	at("/api/v1/leads", s.bearer(s.leads))
	at("/api/v1/leads/{id}", s.bearer(s.oneLead))
	at("/api/", s.bearer(noSuchAPI))

	// Whatever changes something wants the token that a program sends: no page
	// from elsewhere can make a browser send it.
	api := func(pattern string, by methods) {
		if by[http.MethodGet] != nil {
			s.patterns = append(s.patterns, pattern)
		}
		mux.Handle(pattern, s.routeOf(pattern, s.allBearers(by)))
	}
	api("/api/v1/contacts/{id}", methods{http.MethodGet: s.oneContact, http.MethodPatch: s.changeContact})
	api("/api/v1/leads/{id}/acknowledge", methods{http.MethodPost: s.acknowledge})
	api("/api/v1/leads/{id}/hand-on", methods{http.MethodPost: s.handOn})
	api("/api/v1/leads/{id}/settle", methods{http.MethodPost: s.settle})
	api("/api/v1/appointments", methods{http.MethodGet: s.appointments, http.MethodPost: s.book})
	api("/api/v1/appointments/{id}", methods{http.MethodGet: s.appointment, http.MethodPatch: s.change, http.MethodDelete: s.cancel})
	api("/api/v1/reminders", methods{http.MethodGet: s.reminders, http.MethodPost: s.remind})
	api("/api/v1/reminders/{id}", methods{http.MethodGet: s.reminder})
	api("/api/v1/consents", methods{http.MethodGet: s.consents, http.MethodPost: s.consent})
	return mux
}

// The bounds of one connection. Nothing here is slow on purpose, so whoever
// needs longer is stuck or means harm.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 16 << 10
)

// Serve answers requests on ln until Shutdown, and closes it. The error is nil
// after a Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	if err := s.http.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// Shutdown takes no more requests and finishes those in hand. What is not
// finished when ctx ends is cut off, and the error says so.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("web: requests were cut off: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}
