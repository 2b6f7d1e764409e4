package feed

import (
	"context"
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what was posted, by hook, and tell what waits.
type metrics struct {
	feed                        *Feed
	delivered, refused, givenUp *prometheus.CounterVec
	waiting, oldest, lost       *prometheus.Desc
}

// hookMetrics are those of one hook.
type hookMetrics struct{ delivered, refused, givenUp prometheus.Counter }

func newMetrics(reg prometheus.Registerer, f *Feed, hooks []Hook) (*metrics, error) {
	label := []string{"hook"}
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, label)
	}
	m := &metrics{feed: f,
		delivered: counter("ringback_hook_delivered_total", "Events that a hook's receiver has taken."),
		refused:   counter("ringback_hook_failed_attempts_total", "Posts that a hook's receiver has not taken; they are tried again."),
		givenUp:   counter("ringback_hook_given_up_total", "Events that were given up after a day of trying; they can be replayed."),
		waiting:   prometheus.NewDesc("ringback_hook_waiting", "Events that a hook is still to be posted.", label, nil),
		oldest:    prometheus.NewDesc("ringback_hook_oldest_waiting_seconds", "Age of the oldest event that a hook is still to be posted; 0: none waits.", label, nil),
		lost:      prometheus.NewDesc("ringback_hook_given_up", "Events that were given up and not replayed.", label, nil),
	}
	for _, h := range hooks {
		m.of(h.Name) // every series is there at zero
	}
	if reg == nil || len(hooks) == 0 {
		return m, nil
	}
	return m, errors.Join(reg.Register(m.delivered), reg.Register(m.refused), reg.Register(m.givenUp), reg.Register(m))
}

func (m *metrics) of(hook string) hookMetrics {
	return hookMetrics{m.delivered.WithLabelValues(hook), m.refused.WithLabelValues(hook), m.givenUp.WithLabelValues(hook)}
}

// Describe and Collect tell what waits when somebody asks.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.waiting, m.oldest, m.lost} {
		ch <- d
	}
}

// Collect is a part of prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	states, err := m.feed.States(ctx)
	if err != nil {
		m.feed.log.Error("what waits for hooks could not be counted", "err", err)
		return
	}
	for _, s := range states {
		age := 0.0
		if !s.Oldest.IsZero() {
			age = max(0, m.feed.db.Now().Sub(s.Oldest).Seconds())
		}
		ch <- prometheus.MustNewConstMetric(m.waiting, prometheus.GaugeValue, float64(s.Waiting), s.Hook)
		ch <- prometheus.MustNewConstMetric(m.oldest, prometheus.GaugeValue, age, s.Hook)
		ch <- prometheus.MustNewConstMetric(m.lost, prometheus.GaugeValue, float64(s.GivenUp), s.Hook)
	}
}
