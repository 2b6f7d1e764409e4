package ari

import "time"

// State is what a Stream is doing.
type State uint8

const (
	// Waiting: the PBX cannot be reached, or the session is still opening.
	Waiting State = iota
	// Watching: a session is open and its Connected event was handed on.
	Watching
	// Stolen: another client has taken the name of our application; the stream
	// stands back until nobody holds it (see StreamOptions.ReplacedPause).
	Stolen
	// Ended: Run has returned.
	Ended
)

func (s State) String() string {
	switch s {
	case Waiting:
		return "waiting"
	case Watching:
		return "watching"
	case Stolen:
		return "replaced"
	}
	return "ended"
}

// Status is a Stream seen from outside, for readiness and pages.
type Status struct {
	PBX   string
	State State
	// Since is since when all of the PBX is seen, or, unless State is Watching,
	// since when nothing of it is: perhaps since before this process began.
	Since time.Time
	// Err is why the PBX is not being watched; nil while it is. Trouble is its
	// kind.
	Err     error
	Trouble Trouble
	// Version is Asterisk's own, as "22.10.1", of the newest session; empty: not
	// known yet.
	Version string
	// Events were handled since the start, the last one at LastEvent.
	Events    uint64
	LastEvent time.Time
	// Good is until when everything was seen, by our clock; of a stream that is
	// watching, before the present session.
	Good time.Time
	// ClockOffset is what the PBX's clock is ahead of ours, as measured when
	// the session began (0 before 16, which does not tell its clock).
	ClockOffset time.Duration
}
