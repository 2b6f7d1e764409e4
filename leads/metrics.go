package leads

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari/call"
	"ringback/routing"
)

type bookMetrics struct {
	calls   *prometheus.CounterVec
	opened  *prometheus.CounterVec
	closed  *prometheus.CounterVec
	waiting prometheus.Gauge
	refused prometheus.Counter
	broken  prometheus.Counter
	strayed *prometheus.CounterVec
	commit  prometheus.Histogram
}

// newBookMetrics makes the Book's metrics with every label set at zero, so that
// a rate is right from the first call on.
func newBookMetrics(reg prometheus.Registerer, office *Office) bookMetrics {
	m := bookMetrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_calls_total",
			Help: "Inbound calls that have ended, by PBX, line, pool, verdict and reason."}, []string{"pbx", "line", "pool", "verdict", "reason"}),
		opened: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_leads_opened_total",
			Help: "Leads opened, by pool."}, []string{"pool"}),
		closed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_leads_closed_total",
			Help: "Leads closed, by pool and outcome."}, []string{"pool", "outcome"}),
		waiting: prometheus.NewGauge(prometheus.GaugeOpts{Name: "ringback_facts_waiting",
			Help: "Facts in memory that wait for the database."}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "ringback_facts_refused_total",
			Help: "Facts that found the queue full and were not taken."}),
		broken: prometheus.NewCounter(prometheus.CounterOpts{Name: "ringback_facts_broken_total",
			Help: "Facts that the database refused for their own sake."}),
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "ringback_commit_seconds",
			Help:    "From reading the end of a call from the PBX to having it on the disk, with the lead that follows from it.",
			Buckets: Latencies}),
		strayed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "ringback_calls_outside_contexts_total",
			Help: "Calls to a configured line that began outside of inbound.contexts, and were taken for internal ones."}, []string{"pbx"}),
	}
	if reg != nil {
		reg.MustRegister(m.calls, m.opened, m.closed, m.waiting, m.refused, m.broken, m.strayed, m.commit)
	}
	m.begin(office)
	return m
}

// begin sets every label that the configuration knows to zero.
func (m *bookMetrics) begin(office *Office) {
	for i := range office.Directory.Pools {
		pool := office.Directory.Pools[i].Name
		m.opened.WithLabelValues(pool)
		for _, how := range Outcomes {
			m.closed.WithLabelValues(pool, string(how))
		}
	}
	for pbx := range office.Plans {
		m.strayed.WithLabelValues(pbx)
		m.beginLine(pbx, "", routing.DefaultPool)
		for i := range office.Directory.Lines {
			line := &office.Directory.Lines[i]
			pool := office.Directory.PoolOf(line)
			if pool != nil && (line.PBX == "" || line.PBX == pbx) {
				m.beginLine(pbx, line.Name, pool.Name)
			}
		}
	}
}

func (m *bookMetrics) beginLine(pbx, line, pool string) {
	for verdict, reasons := range routing.Reasons {
		for _, reason := range reasons {
			m.calls.WithLabelValues(pbx, line, pool, string(verdict), string(reason))
		}
	}
}

// Latencies are the buckets, in seconds, of what follows from the end of a
// call. They lie close where the daemon is at home, so that a p50 and a p99 read
// from them are good to a few tenths of a millisecond, and end where a person
// would begin to notice.
var Latencies = []float64{.0005, .001, .0015, .002, .003, .004, .005, .006, .008, .01, .015, .02, .03, .05, .1, .2, .5, 1, 2, 5, 10}

// committed notes how long the end of a call took to the disk. Only what the
// PBX itself has told counts: a replay has not heard it, and a call that was
// lost ended long before.
func (m *bookMetrics) committed(k call.Kind, heard time.Time) {
	if k == call.Ended && !heard.IsZero() {
		m.commit.Observe(time.Since(heard).Seconds())
	}
}

func (m *bookMetrics) called(j *Judged) {
	if j.Direction == call.Inbound && j.Pool != nil {
		m.calls.WithLabelValues(j.PBX, j.Line, j.Pool.Name, string(j.Verdict), string(j.Reason)).Inc()
	}
}
