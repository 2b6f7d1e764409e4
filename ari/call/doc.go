// Package call follows calls. It promises that every call that begins ends
// once, as one fact that says what the PBX showed of it. It is a pure state
// machine: no I/O and no clock, the same events always give the same facts,
// and a fact that an event repeats changes nothing.
//
// The tracker does not judge: which talk is long enough and which miss counts
// is policy and belongs to package routing.
package call
