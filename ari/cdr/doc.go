// Package cdr reads the call records that a PBX keeps by itself, and makes of
// them the calls that nobody watched. ARI does not replay: what happened while
// the daemon was away is known from here or not at all.
//
// It promises: every call that the records hold is told, as one call with one
// end, whatever Asterisk has split it into; nobody is said to have been reached
// of whom the records do not prove it; a record that cannot be read is counted
// and skipped, and hides no other; a file of any size is read from its end, in
// bounded memory. It changes nothing on the PBX.
package cdr
