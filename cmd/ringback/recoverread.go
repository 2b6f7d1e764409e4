package main

import (
	"context"
	"slices"
	"time"

	"ringback/ari/call"
	"ringback/ari/cdr"
	"ringback/routing"
)

// read reads the records from the oldest that are not final, piece by piece, and
// records what is certain by them.
func (r *recovery) read(ctx context.Context) {
	now := time.Now()
	settled := true
	r.waiting = map[string]bool{}
	for q := r.question(); ; q.since = q.until {
		q.cut(now)
		log, err := r.readPiece(ctx, q)
		if ctx.Err() != nil {
			return
		}
		if r.complain(err, now); err != nil {
			r.giveUp(ctx, now.Add(-max(r.wait, recordsPatience)))
			return
		}
		certain, err := r.judge(ctx, q, log, now)
		if err != nil {
			return
		}
		settled = settled && certain
		if q.newest {
			break
		}
		if settled {
			r.final, r.finalBy = q.until, q.offset
		}
		if !r.noted() {
			return // another gap has to be written down first
		}
	}
	r.giveUp(ctx, now.Add(-r.wait))
	if settled {
		r.finish(ctx, now.Add(-r.wait))
	}
}

// readPiece reads the records of a piece, and some beside it: what tells of one
// call has not always the same linked id.
func (r *recovery) readPiece(ctx context.Context, q question) (cdr.Log, error) {
	ctx, done := context.WithTimeout(ctx, readTimeout)
	defer done()
	var log cdr.Log
	var err error
	if q.newest {
		log, err = r.source.Read(ctx, q.since.Add(-overlap), q.until, q.ids)
	} else {
		log, err = r.source.Read(ctx, q.since.Add(-overlap), q.until.Add(overlap), nil)
	}
	if log.Unreadable > 0 {
		r.log.Debug("call records could not be read in part", "pbx", r.pbx, "source", r.source.Name(), "rows", log.Unreadable)
	}
	r.complainOfParts(log.Coarser)
	return log, err
}

// judgeFor makes calls of what a question is answered with.
func (r *recovery) judgeFor(q question) cdr.Judge {
	return cdr.Judge{Options: r.options, IsLine: r.isLine, Offset: q.offset}
}

// judge makes calls of the records of a piece and records those that are certain:
// all of them, or some have to be read again.
func (r *recovery) judge(ctx context.Context, q question, log cdr.Log, now time.Time) (all bool, err error) {
	if r.options.Trunks, err = r.book.Trunks(ctx, r.pbx); err != nil {
		return false, err
	}
	told := r.judgeFor(q).Calls(log)
	facts, all, err := r.certain(ctx, q, told, now)
	if err != nil {
		return false, err
	}
	return all, r.record(ctx, facts)
}

// certain are the ends of the calls that the records tell now as they did at the
// reading before, and who was not answered only when the PBX has had the time to
// write all of it. Of the calls of an older piece it is so when they ended long
// enough ago. All says that none has to wait.
func (r *recovery) certain(ctx context.Context, q question, told []cdr.Told, now time.Time) (facts []call.Fact, all bool, err error) {
	known, err := r.known(ctx, q, told)
	if err != nil {
		return nil, false, err
	}
	written := now.Add(-max(r.wait, cdr.DefaultWait))
	waiting := 0
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range told {
		t := &told[i]
		u := r.unseen[t.ID]
		if u == nil && (!q.has(t) || known[t.ID] || !r.missedBy(q, t)) || u != nil && !q.newest {
			continue
		}
		c := t.Call
		if u != nil {
			c = r.judgeFor(q).Complete(u.fact.Call, *t)
		}
		grown := r.rows[t.ID] != t.Rows
		r.rows[t.ID] = t.Rows
		switch {
		case !q.newest && !t.Ended.After(written): // long ago
		case grown, r.book.Verdict(c) != routing.Answered && !r.writtenFor(&c, u, now):
			r.waiting[t.ID] = true
			waiting++
			continue
		}
		facts = append(facts, call.Fact{Kind: call.Ended, At: c.Ended, Call: c})
	}
	if waiting > 0 {
		r.readings = min(r.readings, 1) // more will be certain soon
	}
	slices.SortStableFunc(facts, func(a, b call.Fact) int { return a.At.Compare(b.At) })
	return facts, waiting == 0, nil
}

// writtenFor says that the PBX has had the time to write all of a call.
func (r *recovery) writtenFor(c *call.Call, u *unseen, now time.Time) bool {
	over := now
	if g := r.gapOf(c); g != nil {
		over = g.Until // by then it was
	}
	if u != nil {
		over = u.since
	}
	return now.Sub(over) >= r.wait
}

// known are the calls of the time of those that the database knows to have ended.
func (r *recovery) known(ctx context.Context, q question, told []cdr.Told) (map[string]bool, error) {
	if len(told) == 0 {
		return nil, nil
	}
	aside := overlap + q.drift
	return r.book.Known(ctx, r.pbx, told[0].Started.Add(-aside), told[len(told)-1].Started.Add(aside))
}

// missedBy says that a call that the records tell, and that the database does not
// know to have ended, was in a gap.
func (r *recovery) missedBy(q question, t *cdr.Told) bool {
	switch {
	case q.from.IsZero() || t.Ended.Before(q.from) || t.Started.Before(r.first.Add(-time.Second)): // records tell whole seconds, cut off
		return false
	}
	if _, followed := r.followed[t.ID]; followed {
		return false // its end is told by the tracker
	}
	return t.Direction != call.Internal && !t.Own
}

// record writes ends down, and counts them to their gaps.
func (r *recovery) record(ctx context.Context, facts []call.Fact) error {
	if len(facts) == 0 {
		return nil
	}
	if err := r.book.Recover(ctx, facts); err != nil {
		return err
	}
	r.mu.Lock()
	for i := range facts {
		c := &facts[i].Call
		if r.unseen[c.ID] != nil {
			delete(r.unseen, c.ID)
			r.followed[c.ID] = time.Now()
		}
		verdict := r.book.Verdict(*c)
		r.metrics.recovered(r.pbx, c.Source, r.source, verdict)
		if g := r.gapOf(c); g != nil {
			g.Count(c, verdict)
		}
	}
	gaps := slices.Clone(r.gaps)
	r.mu.Unlock()
	r.log.Info("calls that nobody watched to their end have their verdict", "pbx", r.pbx, "calls", len(facts))
	return r.book.SaveGaps(ctx, gaps)
}
