package number

import (
	"testing"
	"time"
)

func TestMayBeIn(t *testing.T) {
	at := time.Date(2026, 11, 23, 0, 0, 0, 0, time.UTC)
	for _, c := range []struct {
		e164, zone string
		want       bool
	}{
		{"+74951234567", "Europe/Moscow", true},
		{"+74951234567", "Europe/Istanbul", true}, // another name of the same clock
		{"+74951234567", "Pacific/Auckland", false},
		{"+74951234567", "Europe/Athens", false}, // the same clock in summer alone
		{"+74951234567", "Mars/Olympus", false},
		{"+79161234567", "Asia/Kamchatka", true},
		{"+79161234567", "Pacific/Auckland", false},
		{"+493012345678", "Europe/Madrid", true},
		{"+493012345678", "Europe/Moscow", false},
		{"+12125550123", "America/Los_Angeles", true}, // a mobile has moved
		{"+12125550123", "Europe/Berlin", false},
		{"+881612345678", "Asia/Tokyo", true}, // of a satellite nobody knows
	} {
		if got := MayBeIn(c.e164, c.zone, at); got != c.want {
			t.Errorf("%s in %s: %v", c.e164, c.zone, got)
		}
	}
}
