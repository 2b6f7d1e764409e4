package cdr

import (
	"cmp"
	"slices"
	"strings"
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
//
// Records say less than what is seen live. Nobody is said to have been talked
// with of whom they do not prove it, and no talk to have lasted longer than they
// prove: a call that the PBX had answered before a phone was rung (a greeting, a
// menu, a queue) has a talk of no length, unless the channel event log, the log of
// queues or the length itself tell more.
func (j Judge) Calls(log Log) []Told {
	d := newDesk(j, &log)
	var told []Told
	for _, g := range d.groups() {
		told = append(told, g.calls()...)
	}
	slices.SortStableFunc(told, func(a, b Told) int {
		return cmp.Or(a.Started.Compare(b.Started), compareIDs(a.ID, b.ID))
	})
	return told
}

// byTime is the order in which Asterisk has begun two records.
func byTime(a, b *Record) int {
	return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.Sequence, b.Sequence), a.End.Compare(b.End),
		strings.Compare(a.UniqueID, b.UniqueID), strings.Compare(a.Channel, b.Channel), strings.Compare(a.Peer, b.Peer),
		strings.Compare(a.App, b.App), strings.Compare(a.AppData, b.AppData), a.Answer.Compare(b.Answer),
		strings.Compare(string(a.Disposition), string(b.Disposition)), strings.Compare(a.Dialed, b.Dialed), strings.Compare(a.Context, b.Context))
}
