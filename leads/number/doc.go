// Package number reads telephone numbers as a PBX shows them. It promises that
// every spelling of one number becomes the same E.164 value, that nothing which
// is not certainly a number becomes one (an internal 201 is never read as
// +49201), and that what stands as received is one line of bounded length,
// whatever a stranger sent.
//
// Reading is pure: the same Plan and text give the same Number, and a Number's
// Value reads as itself. Numbers are compared by Value, never by parts of it.
package number
