package jobs

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/leads/db"
)

// Outcomes of an attempt that do not end the job; the others are States.
const (
	outcomeAgain = "again" // the work asked to try again
	outcomeFault = "fault" // our own side failed; tried again after a pause
)

// outcomes are the values of the label outcome.
var outcomes = []string{
	string(Done), string(Failed), string(Expired), string(Doubtful), string(Cancelled), outcomeAgain, outcomeFault,
}

// metrics are what the Runner says of itself. Kinds are a closed set.
type metrics struct {
	done *prometheus.CounterVec
	late *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, d *db.DB, works []*Work) (*metrics, error) {
	m := &metrics{
		done: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ringback_jobs_done_total",
			Help: "Attempts at jobs by what became of them; again and fault come back, the others are final.",
		}, []string{"kind", "outcome"}),
		late: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "ringback_jobs_late_seconds",
			Help:    "How long after its due time a job was begun.",
			Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5, 30, 300, 3600},
		}, []string{"kind"}),
	}
	kinds := make([]string, 0, len(works))
	for _, w := range works {
		kinds = append(kinds, w.Kind)
		m.late.WithLabelValues(w.Kind)
		for _, o := range outcomes {
			m.done.WithLabelValues(w.Kind, o)
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.done, m.late, &backlog{db: d, kinds: kinds}} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) began(kind string, late time.Duration) {
	m.late.WithLabelValues(kind).Observe(max(0, late.Seconds()))
}

func (m *metrics) ended(kind, outcome string) { m.done.WithLabelValues(kind, outcome).Inc() }

// backlog counts, when it is asked, the jobs that are due and not begun.
type backlog struct {
	db    *db.DB
	kinds []string
}

var backlogDesc = prometheus.NewDesc("ringback_jobs_due", "Jobs that are due and not yet begun.", []string{"kind"}, nil)

func (b *backlog) Describe(out chan<- *prometheus.Desc) { out <- backlogDesc }

// Collect says nothing when the database does not answer within two seconds:
// an absent value is seen, an invented one is not.
func (b *backlog) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	counts := make(map[string]int)
	rows, err := b.db.Reader().QueryContext(ctx,
		"SELECT kind, COUNT(*) FROM jobs WHERE state = 'waiting' AND due <= $1 GROUP BY kind", db.Millis(b.db.Now()))
	if err != nil {
		return
	}
	defer rows.Close()
	for rows.Next() {
		var kind string
		var n int
		if rows.Scan(&kind, &n) != nil {
			return
		}
		counts[kind] = n
	}
	if rows.Err() != nil {
		return
	}
	for _, kind := range b.kinds {
		out <- prometheus.MustNewConstMetric(backlogDesc, prometheus.GaugeValue, float64(counts[kind]), kind)
	}
}
