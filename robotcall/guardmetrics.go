package robotcall

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
	"ringback/leads/dials"
)

// guardMetrics count the calls out. Kinds, outcomes and reasons are closed sets.
type guardMetrics struct {
	ended   *prometheus.CounterVec
	refused *prometheus.CounterVec
}

// newGuardMetrics makes them with every label set at zero.
func newGuardMetrics(d *db.DB, reg prometheus.Registerer) guardMetrics {
	m := guardMetrics{
		ended: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_dials_total",
			Help: "Calls out that have ended, each leg by itself, by for whom they were and what became of them."}, []string{"kind", "outcome"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_dials_refused_total",
			Help: "Calls out that the rules did not let pass when they were asked for, for now or for good."}, []string{"kind", "reason"}),
	}
	for _, kind := range dials.Kinds {
		for _, outcome := range dials.Outcomes {
			m.ended.WithLabelValues(string(kind), string(outcome))
		}
		for reason := range Words {
			m.refused.WithLabelValues(string(kind), string(reason))
		}
	}
	if reg == nil {
		return m
	}
	reg.MustRegister(m.ended, m.refused, &openDials{d})
	d.Listen(dials.TopicEnded, func(note any) {
		if end, ok := note.(dials.Dial); ok {
			m.ended.WithLabelValues(string(end.Kind), string(end.Outcome)).Inc()
		}
	})
	return m
}

// openDials counts, when it is asked, the calls out whose end is not known.
type openDials struct{ db *db.DB }

var openDialsDesc = prometheus.NewDesc("ringback_dials_open", "Calls out that are booked and have not ended, each leg by itself.", nil, nil)

func (o *openDials) Describe(out chan<- *prometheus.Desc) { out <- openDialsDesc }

// Collect says nothing when the database does not answer within two seconds.
func (o *openDials) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if n, err := dials.CountOpen(ctx, o.db.Reader()); err == nil {
		out <- prometheus.MustNewConstMetric(openDialsDesc, prometheus.GaugeValue, float64(n))
	}
}
