package ari

import (
	"errors"
	"sync"
	"time"
)

// ErrOverflow ends a session whose events came faster, for longer, than they
// could be handled: the frames that waited have reached the bound.
var ErrOverflow = errors.New("events waited for more memory than allowed: the session is dropped, a snapshot starts the next")

// batchSize is how many bytes of frames travel together from reader to
// decoder: one lock and one wake-up serve a hundred frames when they come fast.
const batchSize = 64 << 10

// batch is some frames in their order, one behind the other.
type batch struct {
	data   []byte
	frames []span
}

// span is where a frame ends in its batch's data, and when it was read.
type span struct {
	end   int
	heard time.Time // our clock
}

func (b *batch) add(text []byte, heard time.Time) {
	b.data = append(b.data, text...)
	b.frames = append(b.frames, span{len(b.data), heard})
}

// each calls f for every frame, in order, until f answers false.
func (b *batch) each(f func(frame []byte, heard time.Time) bool) bool {
	start := 0
	for _, at := range b.frames {
		if !f(b.data[start:at.end:at.end], at.heard) {
			return false
		}
		start = at.end
	}
	return true
}

// inbox holds the frames that were read and not yet handled. Its bound is in
// bytes: the reader must never wait, because Asterisk drops a client that does
// not read for 100 ms (websocket_write_timeout).
type inbox struct {
	mu      sync.Mutex
	filled  sync.Cond
	limit   int64
	size    int64
	batches []*batch // oldest first; the last one is still being filled
	taken   *batch   // is being handled
	spare   *batch
	err     error // why nothing more comes
	gauge   func(bytes int64)
}

func newInbox(limit int64, gauge func(int64)) *inbox {
	q := &inbox{limit: limit, gauge: gauge}
	q.filled.L = &q.mu
	return q
}

// put copies a frame, read at heard, into the inbox. It never waits for
// whoever takes.
func (q *inbox) put(frame []byte, heard time.Time) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.size+int64(len(frame)) > q.limit {
		return ErrOverflow
	}
	last := len(q.batches) - 1
	if last < 0 || len(q.batches[last].data)+len(frame) > batchSize {
		q.batches = append(q.batches, q.empty())
		last++
	}
	q.batches[last].add(frame, heard)
	q.size += int64(len(frame))
	q.gauge(q.size)
	q.filled.Signal()
	return nil
}

// empty is a batch to fill: the last one that was given back, or a new one.
func (q *inbox) empty() *batch {
	b := q.spare
	q.spare = nil
	if b == nil {
		b = new(batch)
	}
	return b
}

// close says that nothing more comes, and why. The first reason stays.
func (q *inbox) close(err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.err == nil {
		q.err = err
	}
	q.filled.Signal()
}

// reason is what close was told.
func (q *inbox) reason() error {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.err
}

// take waits for frames and takes them out. What came before close is still
// given; then take answers the reason of close.
func (q *inbox) take() (*batch, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.batches) == 0 && q.err == nil {
		q.filled.Wait()
	}
	if len(q.batches) == 0 {
		return nil, q.err
	}
	b := q.batches[0]
	q.batches[0] = nil
	q.batches = q.batches[1:]
	q.size -= int64(len(b.data))
	q.gauge(q.size)
	q.taken = b
	return b, nil
}

// handled is when the oldest frame was read that has not been given back; now,
// where there is none.
func (q *inbox) handled(now time.Time) time.Time {
	q.mu.Lock()
	defer q.mu.Unlock()
	switch {
	case q.taken != nil:
		return q.taken.frames[0].heard
	case len(q.batches) > 0:
		return q.batches[0].frames[0].heard
	}
	return now
}

// give returns a batch that is done with, to be filled again.
func (q *inbox) give(b *batch) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken = nil
	if cap(b.data) > 2*batchSize {
		return // it held one giant frame
	}
	b.data, b.frames = b.data[:0], b.frames[:0]
	q.spare = b
}
