package softphone

import (
	"context"
	"sync"
	"time"
)

// Heard is a tone that came out of the phone.
type Heard struct {
	Hz    int
	Since time.Time
	Until time.Time // zero while it lasts
}

const (
	// A tone is heard once it has lasted for hearFrames, 200 ms, and is gone
	// once it was missing for missFrames, 100 ms.
	hearFrames = 10
	missFrames = 5
	frameTime  = 20 * time.Millisecond
)

// ear follows which tones a call hears.
type ear struct {
	mu      sync.Mutex
	runs    map[int]int // frames in a row that hold the tone, 0 deleted
	misses  map[int]int // frames in a row without it, for tones that are heard
	heard   []Heard
	changed chan struct{} // closed and replaced whenever heard changes
}

func newEar() *ear {
	return &ear{runs: map[int]int{}, misses: map[int]int{}, changed: make(chan struct{})}
}

// frame takes the next 20 ms; nil is silence.
func (e *ear) frame(samples []int16, now time.Time) {
	present := map[int]bool{}
	for _, hz := range listen(samples) {
		present[hz] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, hz := range tones {
		switch open := e.open(hz); {
		case present[hz] && open != nil:
			e.misses[hz] = 0
		case present[hz]:
			if e.runs[hz]++; e.runs[hz] >= hearFrames {
				e.heard = append(e.heard, Heard{Hz: hz, Since: now.Add(-hearFrames * frameTime)})
				e.runs[hz], e.misses[hz] = 0, 0
				e.announce()
			}
		case open != nil:
			if e.misses[hz]++; e.misses[hz] >= missFrames {
				open.Until = now.Add(-missFrames * frameTime)
				e.announce()
			}
		default:
			e.runs[hz] = 0
		}
	}
}

// open is the interval of a tone that is being heard, or nil.
func (e *ear) open(hz int) *Heard {
	for i := len(e.heard) - 1; i >= 0; i-- {
		if h := &e.heard[i]; h.Hz == hz {
			if h.Until.IsZero() {
				return h
			}
			return nil
		}
	}
	return nil
}

func (e *ear) announce() {
	close(e.changed)
	e.changed = make(chan struct{})
}

// close ends every tone: the call is over.
func (e *ear) close(now time.Time) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for i := range e.heard {
		if e.heard[i].Until.IsZero() {
			e.heard[i].Until = now
		}
	}
	e.announce()
}

func (e *ear) all() []Heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Heard(nil), e.heard...)
}

// until waits until the tone is heard (or, with wanted false, is not), or over
// is closed.
func (e *ear) until(ctx context.Context, over <-chan struct{}, hz int, wanted bool) error {
	for {
		e.mu.Lock()
		is, changed := e.open(hz) != nil, e.changed
		e.mu.Unlock()
		if is == wanted {
			return nil
		}
		select {
		case <-changed:
		case <-over:
			return errCallOver
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
