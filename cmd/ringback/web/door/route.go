package door

import (
	"encoding/json"
	"fmt"
	"net/http"
	"runtime/debug"
	"strconv"
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
			return m, fmt.Errorf("door: metrics: %w", err)
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
		r.requests.WithLabelValues(strconv.Itoa(code))
	}
	if strings.HasPrefix(route, "/api/") {
		r.requests.WithLabelValues(strconv.Itoa(http.StatusUnauthorized))
	}
	return r
}

// answer notes what was answered.
type answer struct {
	http.ResponseWriter
	m      routeMetrics
	begun  time.Time
	code   int
	stream bool // it is counted when it begins
}

func (a *answer) WriteHeader(code int) {
	a.begin(code)
	a.ResponseWriter.WriteHeader(code)
}

func (a *answer) Write(p []byte) (int, error) {
	a.begin(http.StatusOK)
	return a.ResponseWriter.Write(p)
}

func (a *answer) begin(code int) {
	if a.code != 0 {
		return
	}
	a.code = code
	if a.stream {
		a.count()
	}
}

// end counts what was not counted when it began.
func (a *answer) end() {
	if !a.stream || a.code == 0 {
		a.count()
	}
}

// torn counts what has broken off as what went wrong here, whatever it began as.
func (a *answer) torn() {
	if !a.stream || a.code == 0 {
		a.code = http.StatusInternalServerError
		a.count()
	}
}

func (a *answer) count() {
	a.m.requests.WithLabelValues(strconv.Itoa(a.code)).Inc()
	a.m.seconds.Observe(time.Since(a.begun).Seconds())
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// mount is what every request of a path passes: the methods that it has, who may
// have them, a count, and a net under panics. Several routes of one path differ by
// method.
func (d *Door) mount(mux *http.ServeMux, path string, by map[string]Route) {
	m := d.m.of(path)
	mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		a := &answer{ResponseWriter: w, m: m, begun: time.Now()}
		defer func() {
			switch p := recover(); p {
			case nil:
			case http.ErrAbortHandler: // whoever tore the answer off has said why
				a.torn()
				panic(p)
			default:
				d.cfg.Log.Error("answering a request panicked", "route", path, "panic", p, "stack", string(debug.Stack()))
				if a.code != 0 {
					a.torn()
					panic(http.ErrAbortHandler) // half an answer must not look like a whole one
				}
				d.fail(a, r)
			}
			a.end()
		}()
		method := r.Method
		if method == http.MethodHead { // answered as GET is
			method = http.MethodGet
		}
		route, ok := by[method]
		switch {
		case ok:
			d.let(a, r, &route)
		case len(by) == 1 && by[http.MethodGet].Answer != nil:
			a.Header().Set("Allow", allowed(by))
			d.refuse(a, r, http.StatusMethodNotAllowed, "refused.only_get")
		case method == http.MethodGet && readsPages(r):
			a.Header().Set("Allow", allowed(by))
			d.refuse(a, r, http.StatusMethodNotAllowed, "refused.not_shown")
		default:
			a.Header().Set("Allow", allowed(by))
			d.refuse(a, r, http.StatusMethodNotAllowed, "refused.methods", "methods", allowed(by))
		}
	})
}

// allowed lists the methods of a path.
func allowed(by map[string]Route) string {
	var list []string
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if by[method].Answer == nil {
			continue
		}
		list = append(list, method)
		if method == http.MethodGet {
			list = append(list, http.MethodHead)
		}
	}
	return strings.Join(list, ", ")
}

// policy is what pages may load: what we serve, and no script that stands in a
// page itself.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
	"frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'"

// Secure forbids a browser everything that our pages do not need.
func (d *Door) Secure(h http.Header) {
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for browsers that do not know frame-ancestors
	// Not no-referrer: a browser then calls the origin of our own forms null, and
	// without https there is nothing else to know them by.
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()")
	h.Set("Cache-Control", "no-store")
	if d.secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// fail answers what went wrong here: why stands in the log, not in the answer.
func (d *Door) fail(w http.ResponseWriter, r *http.Request) {
	d.refuse(w, r, http.StatusInternalServerError, "refused.broken")
}

// Broken answers an error of our own. One that comes from an asker who has gone
// is not worth a line.
func (d *Door) Broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		d.cfg.Log.Error("a request could not be answered", "route", r.Pattern, "err", err)
	}
	d.fail(w, r)
}

// Torn breaks off an answer that has begun, for an error of our own: half of it must
// not look like a whole one.
func (d *Door) Torn(r *http.Request, err error) {
	if r.Context().Err() == nil {
		d.cfg.Log.Error("an answer broke off", "route", r.Pattern, "err", err)
	}
	panic(http.ErrAbortHandler)
}

// Problem refuses as RFC 9457 describes.
func Problem(w http.ResponseWriter, code int, why string) {
	JSON(w, code, "application/problem+json", struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(code), code, why})
}

// JSON answers with v. Whoever no longer reads is nobody's fault.
func JSON(w http.ResponseWriter, code int, kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
