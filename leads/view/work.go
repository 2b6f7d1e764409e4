package view

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// Work is how the jobs of one kind stand.
type Work struct {
	Kind    string
	Waiting int
	// Late are those of Waiting whose time came more than a minute ago.
	Late int
	// Next is when the first of them is due; zero: none waits.
	Next time.Time
	Held int // in hand
	// Done, Failed and Doubtful ended within a day: carried out; given up, or too late;
	// perhaps carried out.
	Done, Failed, Doubtful int
	// LastDone and LastFailed are when that was last; zero: not within a day. Error
	// says why it last failed, no longer than leads.MaxListed.
	LastDone, LastFailed time.Time
	Error                string
}

// Channel is the name of the channel that work of this kind tells people by; false:
// it is other work.
func (w *Work) Channel() (string, bool) { return strings.CutPrefix(w.Kind, "notify:") }

const (
	waitingJobsQuery = "SELECT kind, COUNT(*), SUM(CASE WHEN due < $1 THEN 1 ELSE 0 END), MIN(due) FROM jobs WHERE state = 'waiting' GROUP BY kind"
	heldJobsQuery    = "SELECT kind, COUNT(*) FROM jobs WHERE state = 'held' GROUP BY kind"
	endedJobsQuery   = "SELECT kind, state, ended, error FROM jobs WHERE ended > 0 AND ended > $1 ORDER BY ended DESC LIMIT $2"
)

// mostEnded is at how many of the jobs that ended last is looked.
const mostEnded = 2000

// Work tells how the jobs stand, by kind.
func (v *View) Work(ctx context.Context, now time.Time) ([]Work, error) {
	all := map[string]*Work{}
	of := func(kind string) *Work {
		if all[kind] == nil {
			all[kind] = &Work{Kind: kind}
		}
		return all[kind]
	}
	type row struct {
		kind, state, error string
		count, late        int
		at                 int64
	}
	for _, part := range []struct {
		query string
		args  []any
		scan  func(scanner) (row, error)
		take  func(*Work, *row)
	}{
		{waitingJobsQuery, []any{db.Millis(now.Add(-time.Minute))}, func(s scanner) (r row, err error) {
			err = s.Scan(&r.kind, &r.count, &r.late, &r.at)
			return r, err
		}, func(w *Work, r *row) { w.Waiting, w.Late, w.Next = r.count, r.late, db.Time(r.at) }},
		{heldJobsQuery, nil, func(s scanner) (r row, err error) {
			err = s.Scan(&r.kind, &r.count)
			return r, err
		}, func(w *Work, r *row) { w.Held = r.count }},
		{endedJobsQuery, []any{db.Millis(now.AddDate(0, 0, -1)), mostEnded}, func(s scanner) (r row, err error) {
			err = s.Scan(&r.kind, &r.state, &r.at, &r.error)
			return r, err
		}, func(w *Work, r *row) { w.ended(jobs.State(r.state), db.Time(r.at), r.error) }},
	} {
		rows, err := collect(ctx, v.db, part.scan, part.query, part.args...)
		if err != nil {
			return nil, failed("jobs", err)
		}
		for i := range rows {
			part.take(of(rows[i].kind), &rows[i])
		}
	}
	list := make([]Work, 0, len(all))
	for _, kind := range slices.Sorted(maps.Keys(all)) {
		list = append(list, *all[kind])
	}
	return list, nil
}

// ended counts a job that has ended; those that ended last come first.
func (w *Work) ended(as jobs.State, at time.Time, why string) {
	switch as {
	case jobs.Done:
		w.Done++
		w.LastDone = cmp.Or(w.LastDone, at)
	case jobs.Failed, jobs.Expired:
		w.Failed++
		if w.LastFailed.IsZero() {
			w.LastFailed, w.Error = at, leads.Clip(why)
		}
	case jobs.Doubtful:
		w.Doubtful++
	}
}

// Engine is the version of the database's engine.
func (v *View) Engine(ctx context.Context) (version string, err error) {
	if err = v.db.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&version); err != nil {
		return "", failed("version of the database", err)
	}
	return "SQLite " + version, nil
}
