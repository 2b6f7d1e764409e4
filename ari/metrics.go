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
	blindBegin *prometheus.GaugeVec
	blindEnd   *prometheus.GaugeVec
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
		blindBegin: gauge("blind_begin_timestamp_seconds", "When the newest time began in which the PBX was not watched, in seconds since 1970; 0: there was none."),
		blindEnd:   gauge("blind_end_timestamp_seconds", "When that time ended, in seconds since 1970; 0: it goes on, or there was none."),
		replaced:   counter("application_replaced_total", "Times another client took the name of our ARI application.", pbx),
		queue:      gauge("queue_bytes", "Bytes of frames that were read and not yet handled."),
	}
	reg.MustRegister(m.connected, m.events, m.skipped, m.reconnects, m.blind, m.blindBegin, m.blindEnd, m.replaced, m.queue)
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
	blindBegin prometheus.Gauge
	blindEnd   prometheus.Gauge
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
		blindBegin: m.blindBegin.WithLabelValues(pbx),
		blindEnd:   m.blindEnd.WithLabelValues(pbx),
		replaced:   m.replaced.WithLabelValues(pbx),
		queue:      m.queue.WithLabelValues(pbx),
	}
}

// blindSince notes that the PBX is not watched since then.
func (m pbxMetrics) blindSince(at time.Time) {
	m.connected.Set(0)
	m.blindBegin.Set(unixSeconds(at))
	m.blindEnd.Set(0)
}

// watched notes that the PBX is watched again, after a gap. A clock that went
// backwards in it counts nothing.
func (m pbxMetrics) watched(since, until time.Time) {
	m.connected.Set(1)
	m.blind.Add(max(0, until.Sub(since).Seconds()))
	m.blindBegin.Set(unixSeconds(since))
	m.blindEnd.Set(unixSeconds(until))
}

func unixSeconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
