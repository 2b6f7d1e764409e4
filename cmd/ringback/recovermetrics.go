package main

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/routing"
)

// recoveryMetrics count what call records have told.
type recoveryMetrics struct {
	calls    *prometheus.CounterVec
	readable *prometheus.GaugeVec
}

func newRecoveryMetrics(reg prometheus.Registerer) *recoveryMetrics {
	m := &recoveryMetrics{calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_recovered_calls_total",
		Help: "Calls that nobody watched to their end and that were recorded later, by PBX, verdict, and whether call records told of them (cdr) or nothing did (ari); records is the kind of those that were asked (csv, mysql and so on; empty: there are none)."},
		[]string{"pbx", "source", "records", "verdict"})}
	m.readable = prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "ringback_records_readable",
		Help: "1 while the call records of a PBX could be read when they were last needed, 0 when not."}, []string{"pbx"})
	reg.MustRegister(m.calls, m.readable)
	return m
}

func (m *recoveryMetrics) recovered(pbx string, source call.Source, records cdr.Source, verdict routing.Verdict) {
	kind := ""
	if records != nil {
		kind, _, _ = strings.Cut(records.Name(), " ") // no path, no address
	}
	m.calls.WithLabelValues(pbx, source.String(), kind, string(verdict)).Inc()
}
