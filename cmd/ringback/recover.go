package main

import (
	"context"
	"log/slog"
	"slices"
	"sync"
	"time"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/leads"
	"ringback/routing"
)

// recovery gives the calls of one PBX that nobody watched to their end their
// verdict, by the PBX's own call records: those of which the tracker saw nothing,
// a part, or all but the end. Without records it lets what is known be told.
type recovery struct {
	pbx     string
	source  cdr.Source    // nil: there are no call records
	wait    time.Duration // what the PBX may take to write them
	options call.Options
	isLine  func(dialed string) bool
	book    *leads.Book
	log     *slog.Logger
	metrics *recoveryMetrics
	wake    chan struct{}

	mu       sync.Mutex
	fresh    []*leads.Gap         // not written down yet
	gaps     []*leads.Gap         // written down, and being read for
	unseen   map[string]*unseen   // calls that nobody saw whole, by their ids
	followed map[string]time.Time // calls that the tracker has had since the newest gap ended, and when they ended
	offset   time.Duration        // what is added to the PBX's times to have ours
	aheads   []time.Duration      // what the PBX's clock was ahead of ours in the last day
	first    time.Time            // nothing older opens a lead

	// What follows belongs to run's goroutine.
	rows     map[string]int  // what told of each call at the last reading
	final    time.Time       // what began before, by the PBX's clock, has been read for all gaps
	finalBy  time.Duration   // the offset then
	waiting  map[string]bool // calls of which the records have not told the same twice, or not for long enough
	failing  time.Time       // since when the records cannot be read
	coarser  string          // why a part of them could not be read the last time
	readings int             // since something new has come
	closed   []*leads.Gap    // finished, and to be looked at once more
}

// unseen is a call whose records are awaited.
type unseen struct {
	fact  call.Fact
	since time.Time
}

const (
	// overlap is how much older than a gap the calls are that are looked at again:
	// what is known of them already changes nothing.
	overlap = time.Minute
	// firstPause and lastPause are between two readings: the longer nothing new has
	// come, the longer.
	firstPause, lastPause = 500 * time.Millisecond, 5 * time.Second
	// readTimeout bounds one reading.
	readTimeout = time.Minute
	// pieceLength bounds how much of a long gap is in memory at once. The newest piece
	// is an hour longer at most, and not shorter than that: it is read until nothing
	// new comes.
	pieceLength, newestLength = 6 * time.Hour, time.Hour
	// recordsPatience is how long a call whose end nobody saw waits for records that
	// cannot be read, before its lead is opened all the same.
	recordsPatience = time.Minute
	// lookAgain is when a gap that was read is looked at once more: the PBX may write
	// in batches, every five minutes unless cdr.conf says otherwise, and nobody has
	// set cdr.wait.
	lookAgain = 6 * time.Minute
	// clockMemory is how far back the clocks of the PBX are remembered.
	clockMemory = 24 * time.Hour
	// writtenBy is when the end of a call that the tracker has told is on the disk.
	writtenBy = time.Minute
)

func newRecovery(w *watched, wait time.Duration, book *leads.Book, metrics *recoveryMetrics, log *slog.Logger, isLine func(string) bool) *recovery {
	return &recovery{pbx: w.opts.PBX, source: w.records, wait: wait, options: w.opts, isLine: isLine, book: book, log: log, metrics: metrics,
		wake: make(chan struct{}, 1), rows: map[string]int{}, unseen: map[string]*unseen{}, followed: map[string]time.Time{}}
}

// connected is told, before a session's first event is, that the PBX is watched
// again, which calls the tracker follows now, and what is added to the PBX's
// times to have ours. A gap without beginning is the first start ever.
func (r *recovery) connected(g *leads.Gap, following []string, offset time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.offset = offset
	clear(r.followed)
	for _, id := range following {
		r.followed[id] = time.Time{}
	}
	if g == nil {
		return
	}
	if r.source != nil {
		g.Source = r.source.Name()
	}
	r.fresh = append(r.fresh, g)
	if !slices.Contains(r.aheads, g.Ahead) {
		r.aheads = append(r.aheads, g.Ahead)
	}
	r.kick()
}

func (r *recovery) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// told takes the facts that the records may know better, and gives back those
// that are to be recorded at once. The facts are the tracker's: what is kept is
// copied by their calls already.
func (r *recovery) told(facts []call.Fact) []call.Fact {
	if len(facts) == 0 || r.source == nil {
		return facts
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	kept := facts[:0]
	for _, f := range facts {
		if len(r.gaps)+len(r.fresh) > 0 {
			ended := time.Time{}
			if !f.Call.Ended.IsZero() {
				ended = time.Now()
			}
			r.followed[f.Call.ID] = ended
		}
		if !r.knownBetter(&f) {
			kept = append(kept, f)
			continue
		}
		r.unseen[f.Call.ID] = &unseen{fact: f, since: time.Now()}
		r.kick()
	}
	return kept
}

// knownBetter says that the records may tell more of a call than was seen: of one
// that was found in progress, also how long the talk had lasted by then.
func (r *recovery) knownBetter(f *call.Fact) bool {
	if f.Kind == call.Lost {
		return true
	}
	return f.Kind == call.Ended && f.Call.Gap && !f.Call.Own && f.Call.Direction != call.Internal && r.book.Verdict(f.Call) != routing.Answered
}

// noted says that every gap is written down: until then the mark of what was
// watched must not move.
func (r *recovery) noted() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.fresh) == 0
}

// run reads the records whenever there is something to find in them, until ctx
// ends. What it has not finished then is found again by the next process: gaps
// and open calls are rows.
func (r *recovery) run(ctx context.Context) error {
	switch err := r.begin(ctx); {
	case ctx.Err() != nil: // it is stopped before it began
		return nil
	case err != nil:
		return err
	}
	for {
		worked := time.Now()
		var due <-chan time.Time
		if next := r.work(ctx); next > 0 {
			due = time.After(next)
		}
		select {
		case <-due:
		case <-r.wake:
			r.readings = 0
			if pause(ctx, firstPause-time.Since(worked)) != nil { // many calls may end at once
				return nil
			}
		case <-ctx.Done():
			return nil
		}
	}
}

// begin reads what a process before has left.
func (r *recovery) begin(ctx context.Context) error {
	last, first, err := r.book.LastWatched(ctx, r.pbx)
	if err != nil {
		return err
	}
	gaps, err := r.book.UnreadGaps(ctx, r.pbx)
	if err != nil {
		return err
	}
	if r.source != nil {
		read, err := r.book.GapsReadSince(ctx, r.pbx, last.Until.Add(-lookAgain))
		if err != nil {
			return err
		}
		for _, g := range read {
			if tooEarly(g) {
				r.closed = append(r.closed, g)
			}
		}
	}
	aheads, err := r.book.Aheads(ctx, r.pbx, time.Now().Add(-clockMemory))
	if err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.first = first; first.IsZero() {
		r.first = time.Now()
	}
	r.aheads = append(append(aheads, last.Ahead), r.aheads...)
	r.gaps = append(gaps, r.gaps...)
	return nil
}

// work does what there is to do, and says after which pause there is more: 0
// when there is none.
func (r *recovery) work(ctx context.Context) time.Duration {
	if !r.noteGaps(ctx) {
		return firstPause
	}
	now := time.Now()
	next := r.reopen(now)
	r.mu.Lock()
	idle := len(r.gaps)+len(r.unseen) == 0
	for id, ended := range r.followed {
		if !ended.IsZero() && now.Sub(ended) > writtenBy && r.book.Settled().After(ended) {
			delete(r.followed, id) // the database knows it
		}
	}
	r.mu.Unlock()
	if idle {
		r.rows, r.final = map[string]int{}, time.Time{}
		return next
	}
	if r.source == nil {
		r.finish(ctx, time.Now())
		return firstPause
	}
	r.read(ctx)
	r.readings++
	return min(firstPause<<min(r.readings-1, 10), lastPause)
}

// reopen takes the gaps up again that are to be looked at once more, and says after
// which pause the next is; 0: none is.
func (r *recovery) reopen(now time.Time) (next time.Duration) {
	if len(r.closed) == 0 {
		return 0
	}
	g := r.closed[0]
	if rest := g.Finished.Add(lookAgain).Sub(now); rest > 0 && rest <= lookAgain {
		return rest
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.closed, r.gaps = r.closed[1:], append(r.gaps, g)
	r.final = time.Time{} // its time is read again
	return 0
}

// noteGaps writes new gaps down; false: it could not.
func (r *recovery) noteGaps(ctx context.Context) bool {
	for {
		r.mu.Lock()
		if len(r.fresh) == 0 {
			r.mu.Unlock()
			return true
		}
		g := r.fresh[0]
		r.mu.Unlock()
		if err := r.book.NoteGap(ctx, g); err != nil {
			r.log.Debug("not written down when the PBX was not watched", "pbx", r.pbx, "err", err)
			return false
		}
		r.mu.Lock()
		r.fresh, r.gaps = r.fresh[1:], append(r.gaps, g)
		r.mu.Unlock()
	}
}

// gapOf is the gap in which a call ended, by clocks that may have been set: the
// oldest, if it ended before all of them. nil: none is being read for.
func (r *recovery) gapOf(c *call.Call) (found *leads.Gap) {
	for _, g := range r.gaps {
		if found == nil || !c.Ended.Before(g.Since.Add(-overlap)) {
			found = g
		}
	}
	return found
}

// giveUp tells what is known of the calls that have waited since before for
// records that do not come.
func (r *recovery) giveUp(ctx context.Context, before time.Time) {
	r.mu.Lock()
	var facts []call.Fact
	for _, u := range r.unseen {
		if u.since.Before(before) && !r.waiting[u.fact.Call.ID] {
			facts = append(facts, u.fact)
		}
	}
	r.mu.Unlock()
	slices.SortFunc(facts, func(a, b call.Fact) int { return a.Call.Started.Compare(b.Call.Started) })
	if err := r.record(ctx, facts); err != nil {
		r.log.Debug("calls that no record tells of wait on", "pbx", r.pbx, "err", err)
	}
}

// finish ends the gaps that ended before, now that the records were read.
func (r *recovery) finish(ctx context.Context, before time.Time) {
	now := time.Now()
	r.mu.Lock()
	var done []*leads.Gap
	for _, g := range r.gaps {
		if g.Until.Before(before) {
			finished := *g
			finished.Finished, finished.Error = now, ""
			done = append(done, &finished)
		}
	}
	r.mu.Unlock()
	if len(done) == 0 {
		return
	}
	if err := r.book.SaveGaps(ctx, done); err != nil {
		return
	}
	r.mu.Lock()
	r.gaps = slices.DeleteFunc(r.gaps, func(g *leads.Gap) bool {
		return slices.ContainsFunc(done, func(d *leads.Gap) bool { return d.ID == g.ID })
	})
	r.mu.Unlock()
	for _, g := range done {
		if r.source != nil && tooEarly(g) {
			r.closed = append(r.closed, g)
		}
		r.log.Info("what happened while the PBX was not watched has been read", "pbx", r.pbx, "since", g.Since, "until", g.Until,
			"source", g.Source, "recovered", g.Recovered, "missed", g.Missed, "unconfirmed", g.Unconfirmed)
	}
}

// tooEarly says that a gap was read so soon after it that it is to be looked at once
// more.
func tooEarly(g *leads.Gap) bool { return g.Finished.Sub(g.Until) < lookAgain }

// complain says once when the records cannot be read, and when they can again, and
// writes it to the gaps.
func (r *recovery) complain(err error, now time.Time) {
	why := ""
	switch {
	case err == nil && !r.failing.IsZero():
		r.failing = time.Time{}
		r.log.Info("the call records can be read again", "pbx", r.pbx, "source", r.source.Name())
	case err != nil && r.failing.IsZero():
		r.failing = now
		r.log.Error("the call records cannot be read: what was missed while the PBX was not watched is not known yet",
			"pbx", r.pbx, "source", r.source.Name(), "err", err, "do", "run ringback doctor")
	}
	readable := 1.
	if err != nil {
		why, readable = err.Error(), 0
	}
	r.metrics.readable.WithLabelValues(r.pbx).Set(readable)
	var gaps []*leads.Gap
	r.mu.Lock()
	for _, g := range r.gaps {
		if (g.Error == "") != (why == "") {
			g.Error = why
			gaps = append(gaps, g)
		}
	}
	r.mu.Unlock()
	if len(gaps) == 0 {
		return
	}
	if err := r.book.SaveGaps(context.Background(), gaps); err != nil {
		r.log.Debug("not written down that the call records cannot be read", "pbx", r.pbx, "err", err)
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// complainOfParts says once why not all of the records can be read.
func (r *recovery) complainOfParts(err error) {
	if err == nil || r.coarser == err.Error() {
		return
	}
	r.coarser = err.Error()
	r.log.Warn("a part of the call records cannot be read", "pbx", r.pbx, "source", r.source.Name(), "err", err, "do", "run ringback doctor")
}
