// Package appointments keeps what is booked with clients and the calls that
// remind of it. It promises that the same thing posted twice is there once,
// that every change and its reminders are one transaction, that a reminder is
// checked against what is booked now before it is made, and that of every
// reminder somebody of the house hears: what the client answered, or why no
// call was made.
//
// It places no calls: package robotcall does, and tells what became of them.
package appointments
