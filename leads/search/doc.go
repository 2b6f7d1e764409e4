// Package search knows contacts by any part of a number or a name. It promises
// that whoever writes a contact need not know of it, that a contact is found a
// second or two after it was written, however it was written, and that nothing of
// this stands in the way of a missed call.
package search
