package main

import (
	"fmt"
	"strings"
	"time"

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

// longest is how long a step may have to wait for the ladder.
func (p pace) longest() time.Duration {
	office := routing.DefaultLadder()
	return p.of(office.Settle + office.Rungs[len(office.Rungs)-1].After)
}

// String says it to who watches.
func (p pace) String() string {
	if p == realPace {
		return fmt.Sprintf("All times are those of an office: the story ends after some %.0f minutes. With --fast it takes about one.", p.longest().Minutes())
	}
	return fmt.Sprintf("(--fast: the times of the ladder are %d times shorter than in an office: %s.)", int(p), strings.Trim(p.ladder(), "{}"))
}
