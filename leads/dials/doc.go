// Package dials keeps what the daemon has dialed, and who may be dialed. It
// promises that a call out that is in the book stays there under its channel's
// id with the first end it was given, and that what somebody said about being
// called (that they agree, that they refuse) is never changed and never lost:
// the newest word counts.
//
// Who dials asks package robotcall's Guard, the only one that books a Dial.
package dials
