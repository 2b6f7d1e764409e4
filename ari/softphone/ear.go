package softphone

import (
	"context"
	"sync"
	"time"
)

// Heard is a sound that came out of the phone.
type Heard struct {
	Hz    int // one of Tones, or Voice
	Since time.Time
	Until time.Time // zero while it lasts
}

// Voice stands in place of a tone for what is neither silence nor made of tones:
// people's speech, announcements, noise.
const Voice = -1

const frameTime = 20 * time.Millisecond

// patience is how many frames an ear takes to believe in a sound.
type patience struct {
	begin int // so many that hold it are its beginning,
	gap   int // with fewer than so many in a row without it between them;
	end   int // so many in a row without it are its end
}

var (
	// A tone is heard after 200 ms without a gap, and gone after 100 ms.
	toneTakes = patience{begin: 10, gap: 1, end: 5}
	// A voice is heard after 300 ms of it; it breathes between its words, and is
	// gone after a second.
	voiceTakes = patience{begin: 15, gap: 10, end: 50}
)

// ear follows what a call hears.
type ear struct {
	mu      sync.Mutex
	sounds  map[int]*sound
	heard   []Heard
	changed chan struct{} // closed and replaced whenever heard changes
}

// sound is one that may be heard.
type sound struct {
	patience
	with, without int       // frames with it since it began, and in a row without
	since         time.Time // when the first of them began
}

func newEar() *ear {
	e := &ear{sounds: map[int]*sound{Voice: {patience: voiceTakes}}, changed: make(chan struct{})}
	for _, hz := range tones {
		e.sounds[hz] = &sound{patience: toneTakes}
	}
	return e
}

// frame takes the next 20 ms; nil is silence.
func (e *ear) frame(samples []int16, now time.Time) {
	present := map[int]bool{}
	for _, hz := range listen(samples) {
		present[hz] = true
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for hz, s := range e.sounds {
		if present[hz] {
			e.with(hz, s, now)
		} else {
			e.without(hz, s, now)
		}
	}
}

func (e *ear) with(hz int, s *sound, now time.Time) {
	if s.with == 0 {
		s.since = now.Add(-frameTime)
	}
	s.with++
	s.without = 0
	if s.with == s.begin {
		e.heard = append(e.heard, Heard{Hz: hz, Since: s.since})
		e.announce()
	}
}

func (e *ear) without(hz int, s *sound, now time.Time) {
	s.without++
	switch open := e.open(hz); {
	case open == nil && s.without >= s.gap:
		s.with = 0
	case open != nil && s.without >= s.end:
		s.with = 0
		open.Until = now.Add(-time.Duration(s.without) * frameTime)
		e.announce()
	}
}

// open is the interval of a sound that is being heard, or nil.
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

// close ends every sound: the call is over.
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

// until waits until the sound is heard (or, with wanted false, is not), or over
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
