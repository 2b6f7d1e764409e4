package main

import (
	"fmt"
	"strings"
	"time"

	"ringback/config"
	"ringback/leads/appointments"
	"ringback/routing"
)

// pace is how fast the story goes: the times of an office, divided.
type pace int

const (
	realPace pace = 1
	fastPace pace = 20
)

func paceOf(fast bool) pace {
	if fast {
		return fastPace
	}
	return realPace
}

// of is a time of an office at this pace.
func (p pace) of(t time.Duration) time.Duration { return t / time.Duration(p) }

// ladder is the default ladder at this pace, as the configuration says it.
func (p pace) ladder() string {
	office := routing.DefaultLadder()
	var rungs []string
	for _, r := range office.Rungs {
		rungs = append(rungs, fmt.Sprintf("{after: %s, tell: %s}", p.of(r.After), r.Tell))
	}
	return fmt.Sprintf("{settle: %s, rungs: [%s]}", p.of(office.Settle), strings.Join(rungs, ", "))
}

// reached is how long a talk must be to settle a lead; less than the shortest
// talk would be none.
func (p pace) reached() time.Duration {
	office := routing.DefaultThresholds()
	return max(p.of(office.ReachedAfter), office.MinTalk)
}

// ring is how long a phone rings, at least what the configuration allows.
func (p pace) ring() time.Duration { return max(p.of(config.DefaultRing), 5*time.Second) }

// grace is how long an appointment can be corrected.
func (p pace) grace() time.Duration { return p.of(appointments.DefaultConfig().Grace) }

// longest is how long a step may have to wait for the ladder.
func (p pace) longest() time.Duration {
	office := routing.DefaultLadder()
	return p.of(office.Settle + office.Rungs[len(office.Rungs)-1].After)
}

// String says it to who watches.
func (p pace) String() string {
	if p == realPace {
		return fmt.Sprintf("All times are those of an office: the story ends after some %.0f minutes. Without --no-fast it takes less than two.", p.longest().Minutes())
	}
	return fmt.Sprintf("(The times of the ladder are %d times shorter than in an office: %s. With --no-fast they are real.)", int(p), strings.Trim(p.ladder(), "{}"))
}
