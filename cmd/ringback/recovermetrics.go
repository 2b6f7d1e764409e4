package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/routing"
)

// recoveryMetrics count what call records have told.
type recoveryMetrics struct {
	calls    *prometheus.CounterVec
	readable *prometheus.GaugeVec
}

func newRecoveryMetrics(reg prometheus.Registerer) *recoveryMetrics {
	m := &recoveryMetrics{calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_recovered_calls_total",
		Help: "Calls that nobody watched to their end and that were recorded later, by PBX, verdict, and whether call records told of them (cdr) or nothing did (ari)."},
		[]string{"pbx", "source", "verdict"})}
	m.readable = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ringback_records_readable",
		Help: "1 while the call records of a PBX could be read when they were last needed, 0 when not."}, []string{"pbx"})
	reg.MustRegister(m.calls, m.readable)
	return m
}

func (m *recoveryMetrics) recovered(pbx string, source call.Source, verdict routing.Verdict) {
	m.calls.WithLabelValues(pbx, source.String(), string(verdict)).Inc()
}
