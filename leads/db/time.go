package db

import "time"

// Millis is t as the database keeps it: milliseconds since 1970 UTC. The zero
// time is 0, which so means "never" in every column of times.
func Millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Time is the time that Millis made ms from, in UTC; 0 is the zero time.
func Time(ms int64) time.Time {
	if ms == 0 {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
