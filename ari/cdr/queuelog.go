package cdr

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// queueLog reads app_queue's log and what it was rotated to. Its times are epochs.
// Nothing in it is escaped, so that a caller's number with a line end in it could
// write a line of its own: it may say why a queue was left, and never that
// somebody was reached.
type queueLog struct{ path string }

// read gives the lines of the time in which calls that are asked for can have
// been, in their order, and how many are none.
func (l queueLog) read(ctx context.Context, q *query) (events []QueueEvent, unreadable int, err error) {
	since := q.bound.Truncate(time.Second)
	err = readLog(ctx, l.path, since.Add(-margin), func(files []logFile) error {
		events, unreadable = nil, 0
		same := newCopies()
		for i := range files {
			p := queuePass{query: q, since: since, copies: &same}
			same.next()
			if err := p.read(ctx, &files[i]); err != nil {
				return err
			}
			events = append(events, p.events...)
			unreadable += p.unreadable
		}
		slices.SortStableFunc(events, func(a, b QueueEvent) int { return a.At.Compare(b.At) })
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("cdr: read the queues' log %s: %w", l.path, err)
	}
	return events, unreadable, nil
}

// queuePass is one reading of one file.
type queuePass struct {
	*query
	since      time.Time
	copies     *copies
	events     []QueueEvent
	unreadable int
	old        int // lines in a row that are from long before
}

func (p *queuePass) read(ctx context.Context, f *logFile) error {
	if f.shut != nil {
		return f.shut
	}
	if f.zipped() {
		return f.forward(ctx, func(text []byte, _, _ edge) (from int, more bool) {
			from = bytes.LastIndexByte(text, '\n') + 1
			for line := range bytes.Lines(text[:from]) {
				p.take(line)
			}
			return max(from, len(text)-maxRow), true
		})
	}
	err := backwardLines(ctx, f, func(line []byte) bool {
		p.take(line)
		return p.old < enough
	})
	slices.Reverse(p.events)
	return err
}

// backwardLines gives the whole lines of a file, the last first, as long as they
// are wanted. One that is longer than maxRow is cut.
func backwardLines(ctx context.Context, f *logFile, wanted func(line []byte) bool) error {
	return f.backward(ctx, f.info.Size(), func(text []byte, head, tail edge) (again int, more bool) {
		if tail == growing {
			text = text[:bytes.LastIndexByte(text, '\n')+1]
		}
		for len(text) > 0 {
			from := bytes.LastIndexByte(text[:len(text)-1], '\n') + 1
			if from == 0 && head == cut {
				break
			}
			if !wanted(text[from:]) {
				return 0, false
			}
			text = text[:from]
		}
		return min(len(text), maxRow), true
	})
}

// take keeps a line if it is late enough.
func (p *queuePass) take(line []byte) {
	line = bytes.TrimRight(line, "\r\n")
	if len(line) == 0 {
		return
	}
	e, ok := queueLine(line)
	switch {
	case !ok:
		p.unreadable++
	case e.At.Before(p.since):
		if e.At.Before(p.since.Add(-margin)) {
			p.old++
		}
	case !p.has(e.At, longest) && !p.named[e.Call]:
		p.old = 0
	default:
		p.old = 0
		if !p.copies.has(line) {
			p.events = append(p.events, e)
		}
	}
}

// queueLine reads "1795328308|1795328307.12|sales|NONE|ENTERQUEUE||+79161234567|1".
func queueLine(line []byte) (e QueueEvent, ok bool) {
	fields := strings.Split(strings.ToValidUTF8(string(line), "\uFFFD"), "|")
	if len(fields) < 5 || len(fields[0]) < 9 || len(fields[0]) > 11 || strings.ContainsRune(fields[4], 0) || fields[4] == "" {
		return QueueEvent{}, false
	}
	seconds, err := strconv.ParseInt(fields[0], 10, 64)
	if err != nil || seconds < 0 {
		return QueueEvent{}, false
	}
	return QueueEvent{
		At: time.Unix(seconds, 0).UTC(), Call: fields[1], Queue: fields[2], Agent: fields[3], Event: fields[4], Data: fields[5:],
	}, true
}

// newest is when the last line was written; zero: there is none.
func (l queueLog) newest(ctx context.Context) (at time.Time, err error) {
	err = readLog(ctx, l.path, time.Time{}, func(files []logFile) error {
		for i := range slices.Backward(files) {
			f := &files[i]
			if f.zipped() || f.shut != nil {
				continue // older than those that are not
			}
			err := backwardLines(ctx, f, func(line []byte) bool {
				e, ok := queueLine(line)
				at = e.At
				return !ok
			})
			if err != nil || !at.IsZero() {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("cdr: read the queues' log %s: %w", l.path, err)
	}
	return at, nil
}
