package web

import (
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count requests by route and answer.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) (metrics, error) {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_http_requests_total",
			Help: "HTTP requests answered, by route and status code."}, []string{"route", "code"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "ringback_http_request_seconds",
			Help:    "How long HTTP requests took to answer, by route.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5}}, []string{"route"}),
	}
	for _, c := range []prometheus.Collector{m.requests, m.seconds} {
		if err := reg.Register(c); err != nil {
			return m, fmt.Errorf("web: metrics: %w", err)
		}
	}
	return m, nil
}

// routeMetrics are the series of one route. The answers that every route can
// give are there at zero before they happen.
type routeMetrics struct {
	requests *prometheus.CounterVec
	seconds  prometheus.Observer
}

func (m metrics) of(route string) routeMetrics {
	r := routeMetrics{requests: m.requests.MustCurryWith(prometheus.Labels{"route": route}), seconds: m.seconds.WithLabelValues(route)}
	for _, code := range []int{http.StatusOK, http.StatusMethodNotAllowed, http.StatusInternalServerError} {
		r.requests.WithLabelValues(text(code))
	}
	if strings.HasPrefix(route, "/api/") {
		r.requests.WithLabelValues(text(http.StatusUnauthorized))
	}
	return r
}

// answer notes what was answered.
type answer struct {
	http.ResponseWriter
	code int
}

func (a *answer) WriteHeader(code int) {
	if a.code == 0 {
		a.code = code
	}
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(p []byte) (int, error) {
	if a.code == 0 {
		a.code = http.StatusOK
	}
	return a.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// methods are what a route answers, by method. HEAD is answered as GET is.
type methods map[string]http.HandlerFunc

// of finds what answers a method; nil when nothing does.
func (by methods) of(method string) http.HandlerFunc {
	if method == http.MethodHead {
		method = http.MethodGet
	}
	return by[method]
}

// allowed lists the methods.
func (by methods) allowed() string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if by[method] == nil {
			continue
		}
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	return strings.Join(list, ", ")
}

// route answers a route of which nothing can be changed.
func (s *Server) route(pattern string, fn http.HandlerFunc) http.Handler {
	return s.routeOf(pattern, methods{http.MethodGet: fn})
}

// routeOf is what every request of a route passes: the methods that it has, a
// count, and a net under panics.
func (s *Server) routeOf(pattern string, by methods) http.Handler {
	m := s.m.of(pattern)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		a := &answer{ResponseWriter: w}
		defer func() {
			if p := recover(); p != nil {
				s.cfg.Log.Error("answering a request panicked", "route", pattern, "panic", p, "stack", string(debug.Stack()))
				if a.code != 0 {
					panic(http.ErrAbortHandler) // half an answer must not look like a whole one
				}
				s.fail(a, r)
			}
			m.requests.WithLabelValues(text(a.code)).Inc()
			m.seconds.Observe(time.Since(start).Seconds())
		}()
		fn := by.of(r.Method)
		switch {
		case fn != nil:
			fn(a, r)
		case len(by) == 1 && by[http.MethodGet] != nil:
			a.Header().Set("Allow", by.allowed())
			refuse(a, r, http.StatusMethodNotAllowed, "Nothing can be changed here: only GET is answered.")
		default:
			a.Header().Set("Allow", by.allowed())
			refuse(a, r, http.StatusMethodNotAllowed, "This is not answered here: "+by.allowed()+" are.")
		}
	})
}

// secure forbids a browser everything that plain pages do not need.
func secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
}

// refuse says no in the language of the asker: JSON under /api, else text.
func refuse(w http.ResponseWriter, r *http.Request, code int, why string) {
	if strings.HasPrefix(r.URL.Path, "/api/") {
		problem(w, code, why)
		return
	}
	http.Error(w, why, code)
}

// fail answers what went wrong here: why stands in the log, not in the answer.
func (s *Server) fail(w http.ResponseWriter, r *http.Request) {
	refuse(w, r, http.StatusInternalServerError, "Something went wrong here; the log of ringback says what.")
}
