// Package alert tells people of their leads. It promises that every rung of a
// lead's ladder is climbed once, the last one again until somebody was told,
// that a settled lead is silent and one that somebody has taken on rests, that
// nobody is told while they or the contact are on the phone, that channels do
// not wait for each other, and that every rung and every message leaves one
// entry in the lead's timeline, whatever became of it.
//
// It asks for robot calls to managers, and leaves the calling to others.
//
// It does not know its channels: each is a package of its own below this one.
package alert
