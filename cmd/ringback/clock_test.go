package main

import (
	"testing"
	"time"

	"ringback/ari"
)

// TestClockOfThePBX puts the times of a PBX whose clock is wrong onto ours, and
// leaves those of one that is nearly right as it wrote them.
func TestClockOfThePBX(t *testing.T) {
	for _, ahead := range []time.Duration{0, 300 * time.Millisecond, 90 * time.Second, -time.Hour} {
		var c clock
		now := time.Now()
		opening := ari.Event{Type: ari.Connected, At: now.Add(ahead), Since: now.Add(ahead - time.Minute),
			Snapshot: &ari.Snapshot{Channels: []ari.Channel{{ID: "1", Created: now.Add(ahead - time.Second)}}}}
		c.ours(&opening, ahead)
		later := ari.Event{Type: ari.ChannelCreated, At: now.Add(ahead + time.Second), Channel: ari.Channel{Created: now.Add(ahead + time.Second)}}
		c.ours(&later, ahead)
		want := time.Duration(0) // how far off our clock the times are then
		if ahead.Abs() < time.Second {
			want = ahead
		}
		for what, at := range map[string][2]time.Time{
			"opening": {opening.At, now}, "since": {opening.Since, now.Add(-time.Minute)},
			"live channel": {opening.Snapshot.Channels[0].Created, now.Add(-time.Second)},
			"event":        {later.At, now.Add(time.Second)}, "channel": {later.Channel.Created, now.Add(time.Second)},
		} {
			if off := at[0].Sub(at[1]) - want; off.Abs() > 100*time.Millisecond {
				t.Errorf("PBX %v ahead: %s is off by %v", ahead, what, off)
			}
		}
	}
}
