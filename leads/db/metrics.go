package db

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what the database says of itself.
type metrics struct {
	seconds prometheus.Histogram
	size    prometheus.Histogram
	ran     prometheus.Counter
	errors  *prometheus.CounterVec
	reg     prometheus.Registerer
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ringback_db_commit_seconds",
			Help:    "How long commits took, the disk's fsync included.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}),
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "ringback_db_group_size",
			Help:    "How many transactions shared one commit.",
			Buckets: []float64{1, 2, 4, 8, 16, 32, 64, 128, 256},
		}),
		ran: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "ringback_db_statements_total",
			Help: "Statements of transactions that were committed.",
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringback_db_errors_total",
			Help: "Transactions that were not kept: refused by their own function, panicked, or the database was unavailable.",
		}, []string{"reason"}),
	}
	for _, reason := range []string{"refused", "panic", "unavailable"} {
		m.errors.WithLabelValues(reason)
	}
	if reg == nil {
		return m, nil
	}
	m.reg = reg
	for _, c := range m.all() {
		if err := reg.Register(c); err != nil {
			m.unregister()
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.seconds, m.size, m.ran, m.errors}
}

func (m *metrics) unregister() {
	if m.reg == nil {
		return
	}
	for _, c := range m.all() {
		m.reg.Unregister(c)
	}
}

func (m *metrics) committed(took time.Duration, parts, statements int) {
	m.seconds.Observe(took.Seconds())
	m.size.Observe(float64(parts))
	m.ran.Add(float64(statements))
}

func (m *metrics) failed(reason string, n int) {
	m.errors.WithLabelValues(reason).Add(float64(n))
}

// part counts a function that failed by itself.
func (m *metrics) part(err error) {
	if p := new(panicked); errors.As(err, &p) {
		m.failed("panic", 1)
		return
	}
	m.failed("refused", 1)
}
