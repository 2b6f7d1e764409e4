package cdr

import (
	"time"

	"ringback/ari/call"
)

// Told is a call as the records tell it.
type Told struct {
	call.Call
	// Rows is how many records and events tell of it: when there are more of them
	// than at the last reading, the PBX had not written all of it.
	Rows int
}

// Judge makes calls of records.
type Judge struct {
	// Options tell how the PBX is set up, as they tell a tracker.
	Options call.Options
	// IsLine says that a number, as the PBX writes it, is one of the company's own.
	IsLine func(dialed string) bool
	// Offset is what is added to the PBX's times to have ours.
	Offset time.Duration
}

// Calls gives the calls that the records tell of, in the order of their
// beginning. All records of one linked id are one call; where several came in
// from outside, each of those is one.
func (j Judge) Calls(log Log) []Told { return nil }

// Complete is a call of which the tracker had seen a part, with what the records
// tell of the rest: talks and legs of both, the end by the records.
func (j Judge) Complete(known call.Call, told Told) call.Call { return told.Call }
