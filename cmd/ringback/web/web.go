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
	"ringback/leads/db"
	"ringback/leads/view"
	"ringback/routing"
)

// Deps is what the pages show and who may see it.
type Deps struct {
	DB        *db.DB
	Directory *routing.Directory // names of people
	// PBXes tells how the watching of every PBX stands, in the order of the
	// configuration.
	PBXes func() []ari.Status
	// Zone is the zone of times on pages; nil: UTC.
	Zone *time.Location
	// PublicURL is where people reach the pages: its host is known to be ours.
	PublicURL string
	// Tokens are those that may see everything; none: the API answers nobody.
	Tokens []Token
	// Observe says that nobody is alerted: the page says so.
	Observe bool
	Version string
	// Registry is what /metrics tells, and takes ringback_http_…; it must be set.
	Registry *prometheus.Registry
	// Log takes what went wrong here; nil: nobody is told.
	Log *slog.Logger
}

// site answers requests.
type site struct {
	Deps
	view  *view.View
	guard guard
	m     metrics
}

// New makes the handler of everything. It panics when it was made for the same
// registry already, as prometheus does.
func New(d Deps) http.Handler {
	if d.Log == nil {
		d.Log = slog.New(slog.DiscardHandler)
	}
	if d.Zone == nil {
		d.Zone = time.UTC
	}
	s := &site{Deps: d, view: view.New(d.DB.Reader()), m: newMetrics(d.Registry)}
	s.guard = guard{tokens: d.Tokens}
	if u, err := url.Parse(d.PublicURL); err == nil {
		s.guard.public = u.Hostname()
	}
	return s.routes()
}

// routes is the map of the site. Every route is named in metrics by its
// pattern.
func (s *site) routes() http.Handler {
	mux := http.NewServeMux()
	at := func(pattern string, fn http.HandlerFunc) { mux.Handle(pattern, s.route(pattern, fn)) }

	at("/healthz", s.alive)
	at("/readyz", s.ready)
	at("/style.css", style)
	at("/metrics", s.known(promhttp.HandlerFor(s.Registry, promhttp.HandlerOpts{}).ServeHTTP))

	at("/{$}", s.known(s.front))
	at("/leads/{id}", s.known(s.lead))
	at("/contacts/{id}", s.known(s.contact))
	at("/", s.known(s.nothingHere))

	at("/api/v1/calls", s.bearer(s.calls))
	at("/api/v1/leads", s.bearer(s.leads))
	at("/api/v1/contacts", s.bearer(s.contacts))
	at("/api/", s.bearer(noSuchAPI))
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
	stopTimeout    = 5 * time.Second
)

// Serve answers requests on ln until ctx ends, then finishes those in hand, for
// no longer than 5 s. It closes ln. Nil after an end that was asked for.
func Serve(ctx context.Context, ln net.Listener, h http.Handler, log *slog.Logger) error {
	server := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout,
		IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ln) }()
	select {
	case err := <-ended:
		return fmt.Errorf("web: serve %s: %w", ln.Addr(), err)
	case <-ctx.Done():
	}
	stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	err := server.Shutdown(stop)
	if errors.Is(err, context.DeadlineExceeded) {
		log.Warn("requests were cut off: they did not end in time")
		err = server.Close()
	}
	<-ended
	if err != nil {
		return fmt.Errorf("web: stop serving %s: %w", ln.Addr(), err)
	}
	return nil
}
