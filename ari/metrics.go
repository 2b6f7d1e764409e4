package ari

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Why a frame was skipped: the values of the label reason.
const (
	skipMalformed = "malformed" // not one JSON object with a type
	skipOversized = "oversized" // over 1 MB
	skipOther     = "other"     // a type that Ringback does not use
)

// Metrics are the counters of all streams of the process. Every series has the
// label pbx.
type Metrics struct {
	connected  *prometheus.GaugeVec
	events     *prometheus.CounterVec
	skipped    *prometheus.CounterVec
	reconnects *prometheus.CounterVec
	blind      *prometheus.CounterVec
	replaced   *prometheus.CounterVec
	queue      *prometheus.GaugeVec
}

// NewMetrics registers the metrics once, for all PBXes. Each Stream then
// initialises the series of its PBX, so that a zero is there before anything
// happens. It panics when they are registered already, as prometheus does.
func NewMetrics(reg prometheus.Registerer) *Metrics {
	const prefix = "ringback_ari_"
	pbx := []string{"pbx"}
	counter := func(name, help string, labels []string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
	}
	gauge := func(name, help string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: prefix + name, Help: help}, pbx)
	}
	m := &Metrics{
		connected:  gauge("connected", "1 while the PBX is being watched, 0 while nothing of it is seen."),
		events:     counter("events_total", "Events of the PBX that were handled.", pbx),
		skipped:    counter("frames_skipped_total", "Frames of the PBX that were not handled, by reason: malformed, oversized, other (a type not used).", []string{"pbx", "reason"}),
		reconnects: counter("reconnects_total", "Sessions with the PBX that began after an earlier one had ended.", pbx),
		blind:      counter("blind_seconds_total", "Seconds in which the PBX could not be watched, counted when they are over.", pbx),
		replaced:   counter("application_replaced_total", "Times another client took the name of our ARI application.", pbx),
		queue:      gauge("queue_bytes", "Bytes of frames that were read and not yet handled."),
	}
	reg.MustRegister(m.connected, m.events, m.skipped, m.reconnects, m.blind, m.replaced, m.queue)
	return m
}

// pbxMetrics are the series of one PBX.
type pbxMetrics struct {
	connected  prometheus.Gauge
	events     prometheus.Counter
	malformed  prometheus.Counter
	oversized  prometheus.Counter
	other      prometheus.Counter
	reconnects prometheus.Counter
	blind      prometheus.Counter
	replaced   prometheus.Counter
	queue      prometheus.Gauge
}

func (m *Metrics) of(pbx string) pbxMetrics {
	return pbxMetrics{
		connected:  m.connected.WithLabelValues(pbx),
		events:     m.events.WithLabelValues(pbx),
		malformed:  m.skipped.WithLabelValues(pbx, skipMalformed),
		oversized:  m.skipped.WithLabelValues(pbx, skipOversized),
		other:      m.skipped.WithLabelValues(pbx, skipOther),
		reconnects: m.reconnects.WithLabelValues(pbx),
		blind:      m.blind.WithLabelValues(pbx),
		replaced:   m.replaced.WithLabelValues(pbx),
		queue:      m.queue.WithLabelValues(pbx),
	}
}

// blindFor counts a gap; a clock that went backwards counts nothing.
func (m pbxMetrics) blindFor(gap time.Duration) {
	if gap > 0 {
		m.blind.Add(gap.Seconds())
	}
}
