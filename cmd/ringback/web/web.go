package web

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ringback/ari"
	"ringback/cmd/ringback/web/api"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/cmd/ringback/web/page"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/number"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/leads/told"
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
	// Feed is what other programs are told; nil: one without hooks.
	Feed *feed.Feed
	// PBXes tells how the watching of every PBX stands, in the order of the
	// configuration.
	PBXes func() []ari.Status
	// Mode is the daemon's; in mode observe the page says that nobody is told.
	Mode string
	// Zone is the zone of times on pages; nil: UTC.
	Zone *time.Location
	// PublicURL is where people reach the pages: see door.Config.
	PublicURL string
	// TLS, where there is one, is how connections are encrypted; Proxies are those
	// that stand before us, and are believed.
	TLS     *tls.Config
	Proxies []netip.Prefix
	// Tokens may see everything. Only their hashes are kept.
	Tokens []string
	// Caller rings people and clients; nil: nobody is rung from a page. Hub tells
	// open pages; nil: one of the pages' own.
	Caller interface {
		page.Caller
		api.Caller
	}
	Hub *page.Hub
	// People are those who may log in; Language is the company's.
	People   *people.Register
	Language text.Language
	// Told, Reaching and Try are as package page has them.
	Told     *told.Desk
	Reaching func(login string) []string
	Try      page.Try
	// Introduce and Blocked are as package page has them.
	Introduce page.Introduce
	Blocked   func() map[string]time.Time
	Version   string
	// Registry is what /metrics tells, and takes ringback_http_….
	Registry *prometheus.Registry
	// Log takes what went wrong here; nil: nobody is told.
	Log *slog.Logger
}

// Server answers requests.
type Server struct {
	cfg     Config
	door    *door.Door
	health  *health.Check
	people  *page.Site
	routes  []door.Route
	handler http.Handler
	http    *http.Server
}

// New makes a Server; it answers once Serve is called. It fails when the
// registry has another's metrics, or the public URL is none.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{health: health.New(c.DB.Health, c.PBXes)}
	var err error
	if c.Feed == nil {
		if c.Feed, err = feed.New(context.Background(), feed.Config{DB: c.DB}); err != nil {
			return nil, fmt.Errorf("web: %w", err)
		}
	}
	s.door, err = door.New(door.Config{PublicURL: c.PublicURL, TLS: c.TLS != nil, Proxies: c.Proxies, Tokens: c.Tokens, People: c.People,
		Directory: c.Office.Directory, Language: c.Language, Registry: c.Registry, Log: c.Log})
	if err != nil {
		return nil, fmt.Errorf("web: %w", err)
	}
	c.Tokens = nil
	s.cfg = c
	s.open(view.New(c.DB.Reader()))
	s.http = &http.Server{
		Handler: s, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, TLSConfig: c.TLS, ErrorLog: slog.NewLogLogger(c.Log.Handler(), slog.LevelDebug),
	}
	s.http.RegisterOnShutdown(s.door.Close)
	return s, nil
}

// open makes the routes.
func (s *Server) open(shown *view.View) {
	c := &s.cfg
	programs := api.New(api.Config{DB: c.DB, View: shown, Office: c.Office, Book: c.Book, Desk: c.Desk, Plan: c.Plan, Caller: c.Caller, Feed: c.Feed, Health: s.health,
		PBXes: c.PBXes, Mode: c.Mode, Version: c.Version, Door: s.door})
	s.people = page.New(page.Config{DB: c.DB, View: shown, Office: c.Office, Book: c.Book, Health: s.health, PBXes: c.PBXes, Mode: c.Mode, Zone: c.Zone,
		Version: c.Version, People: c.People, Plan: c.Plan, Caller: c.Caller, Hub: c.Hub, Told: c.Told, Reaching: c.Reaching, Try: c.Try, Introduce: c.Introduce, Blocked: c.Blocked, Feed: c.Feed, Door: s.door})
	s.routes = slices.Concat(s.own(), programs.Routes(), s.people.Routes())
	mux := http.NewServeMux()
	s.door.Mount(mux, s.routes)
	s.handler = mux
}

// Routes is the map of all that is answered.
func (s *Server) Routes() []door.Route { return slices.Clone(s.routes) }

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.door.Secure(w.Header()) // here, because the mux answers some requests by itself
	s.handler.ServeHTTP(w, r)
}

// own is what machines ask of the daemon itself.
func (s *Server) own() []door.Route {
	get := http.MethodGet
	return []door.Route{
		{Method: get, Path: "/healthz", Access: door.Anyone, Answer: alive},
		{Method: get, Path: "/readyz", Access: door.Anyone, Answer: s.ready},
		{Method: get, Path: "/metrics", Access: door.Machine, Scope: "metrics:read", Answer: promhttp.HandlerFor(s.cfg.Registry, promhttp.HandlerOpts{}).ServeHTTP},
	}
}

// alive answers while the process does.
func alive(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = w.Write([]byte("ok\n"))
}

// readiness is the answer of /readyz. Strangers learn only whether.
type readiness struct {
	Ready    bool             `json:"ready"`
	Problems []health.Problem `json:"problems,omitempty"`
}

// ready answers 200 only while every PBX is watched and the database writes.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	problems := s.health.Problems(r.Context())
	code := http.StatusOK
	if len(problems) > 0 {
		code = http.StatusServiceUnavailable
	}
	told := readiness{Ready: len(problems) == 0}
	if s.door.Knows(r) {
		told.Problems = problems
	}
	door.JSON(w, code, "application/json", told)
}

// The bounds of one connection. Nothing here is slow on purpose, so whoever
// needs longer is stuck or means harm.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	writeTimeout   = 30 * time.Second
	idleTimeout    = 30 * time.Second
	maxHeaderBytes = 16 << 10
)

// Serve answers requests on ln until Shutdown, and closes it. The error is nil
// after a Shutdown.
func (s *Server) Serve(ln net.Listener) error {
	ln = &gate{Listener: ln, free: s.speaksForMany, of: map[netip.Addr]int{}}
	serve := s.http.Serve
	if s.cfg.TLS != nil {
		serve = func(ln net.Listener) error { return s.http.ServeTLS(ln, "", "") }
	}
	if err := serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("web: serve %s: %w", ln.Addr(), err)
	}
	return nil
}

// speaksForMany says whether the connections of an address are those of many: it is
// one of our proxies, or this machine, at which others stand.
func (s *Server) speaksForMany(ip netip.Addr) bool {
	return ip.IsLoopback() || slices.ContainsFunc(s.cfg.Proxies, func(p netip.Prefix) bool { return p.Contains(ip) })
}

// Shutdown takes no more requests and finishes those in hand. What is not
// finished when ctx ends is cut off, and the error says so.
func (s *Server) Shutdown(ctx context.Context) error {
	defer s.people.Close()
	if err := s.http.Shutdown(ctx); err != nil {
		return fmt.Errorf("web: requests were cut off: %w", errors.Join(err, s.http.Close()))
	}
	return nil
}
