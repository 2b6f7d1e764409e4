// Package routing decides who, whose turn and what next. It promises to be
// pure: no I/O, no clock, no memory between calls; the same configuration,
// facts and time always give the same answer.
package routing
