// Package alert tells people of their leads. It promises that every rung of a
// lead's ladder is climbed once, the last one again until somebody was told,
// that a settled lead is silent, that channels do not wait for each other, and
// that every message leaves one entry in the lead's timeline, whatever became
// of it.
//
// It does not know its channels: each is a package of its own below this one.
package alert
