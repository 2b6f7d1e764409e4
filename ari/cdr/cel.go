package cdr

import (
	"context"
	"slices"
	"strings"
	"time"
)

// eventColumns are those that a table of CEL is asked for. cel_odbc and FreePBX
// write extra where cel_pgsql has eventextra.
var eventColumns = []string{
	"id", "eventtype", "eventtime", "cid_name", "cid_num", "cid_dnid", "exten", "context", "channame", "appname", "appdata",
	"uniqueid", "linkedid", "peer", "eventextra", "extra",
}

func describeEvents(ctx context.Context, ask asker, d *dialect, name string) (*table, error) {
	t, err := describe(ctx, ask, d, name, eventColumns)
	if err != nil {
		return nil, err
	}
	for _, err := range []error{
		t.need("which tells what happened", "eventtype"),
		t.need("which tells when", "eventtime"),
		t.need("which tells to whom", "uniqueid"),
	} {
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

// readEvents reads the events of the same calls as the records, which are
// written by the clock records. The log of events grows by dozens a call, and
// FreePBX has no index on their time: where rows are numbered, the first of the
// interval is searched for.
func (s *sqlSource) readEvents(ctx context.Context, ask asker, q *query, records clock) (events []Event, unreadable int, err error) {
	t, err := describeEvents(ctx, ask, s.dialect, s.config.Events)
	if err != nil {
		return nil, 0, err
	}
	at, err := t.eventClock(ctx, ask, records)
	if err != nil {
		return nil, 0, err
	}
	questions, err := t.eventSpan(ctx, ask, q, at)
	if err != nil {
		return nil, 0, err
	}
	err = t.eachOf(ctx, ask, questions, q, func(r row) (kept bool) {
		event, ok := r.event()
		switch {
		case !ok:
			unreadable++
		case q.matters(event.UniqueID, event.LinkedID):
			events = append(events, event)
			return true
		}
		return false
	})
	if err != nil {
		return nil, 0, err
	}
	settleEvents(events, at.ahead)
	return q.wantedEvents(events), unreadable, nil
}

// eventSpan are the questions for the events of a query, by their numbers where
// they have any.
func (t *table) eventSpan(ctx context.Context, ask asker, q *query, at clock) ([]*question, error) {
	order := t.first("id", "eventtime")
	questions := t.span(q, at)
	if order == "id" {
		first, err := t.numberAt(ctx, ask, at.earliest(q.since))
		if err != nil {
			return nil, err
		}
		recent := t.ask().and(condition{t.of("id") + " >= %s", first})
		if !q.until.IsZero() {
			behind, err := t.numberAt(ctx, ask, at.latest(q.until.Add(longest)))
			if err != nil {
				return nil, err
			}
			recent.and(condition{t.of("id") + " < %s", behind})
		}
		questions = append(t.older(condition{t.of("id") + " < %s", first}, at, q), recent)
	}
	for _, question := range questions {
		question.by(order, rising)
	}
	return questions, nil
}

// eventClock learns from the newest rows how the table's times are written.
// Where no beginning of a channel is among them, they are like the records'.
func (t *table) eventClock(ctx context.Context, ask asker, records clock) (clock, error) {
	c := clock{column: "eventtime"}
	var sample []Event
	err := t.ask().by(t.first("id", "eventtime"), falling).atMost(10*sampled).each(ctx, ask, func(r row) {
		_, c.counted = r.number(c.column)
		if event, ok := r.event(); ok {
			sample = append(sample, event)
		}
	})
	if c.ahead, c.known = settleEvents(sample, 0); !c.known && !c.counted && !records.counted {
		c.ahead, c.known = records.ahead, records.known
	}
	return c, err
}

// numberAt is the least number of the rows that are written at a time or after
// it. They are numbered in the order of time: it is found by halving.
func (t *table) numberAt(ctx context.Context, ask asker, at time.Time) (int64, error) {
	var number int64
	var written time.Time
	look := func(q *question, how string) error {
		return q.by("id", how).atMost(1).each(ctx, ask, func(r row) {
			n, _ := r.number("id")
			number, written = int64(n), r.time("eventtime")
		})
	}
	if err := look(t.ask(), falling); err != nil {
		return 0, err
	}
	high := number + 1
	if err := look(t.ask(), rising); err != nil {
		return 0, err
	}
	low := number
	for low < high {
		middle := low + (high-low)/2
		number, written = high, at
		if err := look(t.ask().and(condition{t.of("id") + " >= %s", middle}), rising); err != nil {
			return 0, err
		}
		if written.Before(at) {
			low = number + 1
		} else {
			high = middle
		}
	}
	return low, nil
}

// event makes an Event of a row, with the time as it is written; not ok where it
// is not known what happened to whom, or when.
func (r row) event() (Event, bool) {
	e := Event{
		Type: strings.ToUpper(r.word("eventtype")), At: r.time("eventtime"),
		UniqueID: r.text("uniqueid"), LinkedID: r.text("linkedid"), Channel: r.text("channame"), Peer: r.text("peer"),
		CallerName: r.text("cid_name"), CallerNumber: r.text("cid_num"), DNID: r.text("cid_dnid"),
		Exten: r.word("exten"), Context: r.word("context"), App: r.word("appname"), AppData: r.text("appdata"),
		Extra: r.text("eventextra", "extra"),
	}
	return e, e.Type != "" && e.UniqueID != "" && !e.At.IsZero()
}

// settleEvents brings the times of events to UTC as settle does those of records,
// and puts them into their order. The beginnings of channels tell the zone.
func settleEvents(events []Event, fallback time.Duration) (newest time.Duration, witnessed bool) {
	byTime := func(a, b Event) int { return a.At.Compare(b.At) }
	slices.SortStableFunc(events, byTime)
	times := make([]Record, len(events))
	for i, e := range events {
		times[i] = Record{UniqueID: e.UniqueID, Start: e.At}
		if e.Type == chanStart {
			times[i].Began = began(e.UniqueID)
		}
	}
	newest, witnessed = settle(times, fallback)
	for i := range events {
		events[i].At = times[i].Start
	}
	slices.SortStableFunc(events, byTime)
	return newest, witnessed
}
