package view

import (
	"slices"
	"time"

	"ringback/leads"
	"ringback/routing"
)

// ShortCall is how soon a caller hangs up of whom a report says that the call was
// short: too soon for anybody to pick up.
const ShortCall = 5 * time.Second

// Figures are what is counted of inbound calls that began in a time, and of the
// leads whose first miss began in it.
type Figures struct {
	Answered int
	Missed   int
	// ShortMissed are those of Missed whose caller hung up within ShortCall.
	ShortMissed int
	// Ignored do not count by the configuration; ShortIgnored are those of them
	// which its short_abandon leaves out.
	Ignored, ShortIgnored int

	reasons [reasonCount]int

	// Leads is how many people were to be called back. Of these: Tried, whom
	// somebody rang; CalledBack, with whom somebody talked who rang them; GotThrough,
	// who rang again and were answered; Reached, with whom anybody has talked since,
	// either way; Settled and NotNeeded, of whom somebody said so; Open, who still
	// wait.
	Leads, Tried, CalledBack, GotThrough, Reached, Settled, NotNeeded, Open int

	toTry, toReach []time.Duration
}

// Inbound is how many calls count: answered or missed.
func (f *Figures) Inbound() int { return f.Answered + f.Missed }

// Short are the calls whose caller hung up too soon for anybody to pick up.
func (f *Figures) Short() int { return f.ShortMissed + f.ShortIgnored }

// MissedRate is the share of calls that were missed, from 0 to 1, the short ones
// among them; -1 where there was no call.
func (f *Figures) MissedRate() float64 {
	return share(f.Missed+f.ShortIgnored, f.Inbound()+f.ShortIgnored)
}

// MissedRateBeyondShort is the same of calls that were not short.
func (f *Figures) MissedRateBeyondShort() float64 {
	return share(f.Missed-f.ShortMissed, f.Inbound()-f.ShortMissed)
}

// ReachedRate is the share of leads that were reached; -1 where there are none.
func (f *Figures) ReachedRate() float64 { return share(f.Reached, f.Leads) }

func share(part, whole int) float64 {
	if whole == 0 {
		return -1
	}
	return float64(part) / float64(whole)
}

// Spread says how long something took: half of the times are no longer than
// Median, nine of ten no longer than P90.
type Spread struct {
	Of          int // how many times there are; 0: none
	Median, P90 time.Duration
}

// ToTry is how long after the first miss somebody first rang; ToReach how long
// after it a talk began.
func (f *Figures) ToTry() Spread   { return spread(f.toTry) }
func (f *Figures) ToReach() Spread { return spread(f.toReach) }

func spread(times []time.Duration) Spread {
	if len(times) == 0 {
		return Spread{}
	}
	slices.Sort(times) // which is quick the second time
	rank := func(percent int) time.Duration { return times[(len(times)*percent+99)/100-1] }
	return Spread{len(times), rank(50), rank(90)}
}

// ReasonCount is how many calls were missed for a reason.
type ReasonCount struct {
	Reason routing.Reason
	Calls  int
}

// MissedBy are the reasons for which calls were missed, the most frequent first.
func (f *Figures) MissedBy() (list []ReasonCount) {
	for _, reason := range routing.Reasons[routing.Missed] {
		if n := f.reasons[reasonNumber[reason]]; n > 0 {
			list = append(list, ReasonCount{reason, n})
		}
	}
	slices.SortStableFunc(list, func(a, b ReasonCount) int { return b.Calls - a.Calls })
	return list
}

// reasonCount is more than there are reasons; 0 is for one that is not known.
const reasonCount = 40

var reasonNumber = func() map[routing.Reason]int {
	all := map[routing.Reason]int{}
	for _, v := range []routing.Verdict{routing.Answered, routing.Missed, routing.Ignored} {
		for _, reason := range routing.Reasons[v] {
			all[reason] = len(all) + 1
		}
	}
	return all
}()

// count adds n calls that are alike.
func (f *Figures) count(c *callKind, n int) {
	switch c.verdict {
	case routing.Answered:
		f.Answered += n
	case routing.Missed:
		f.Missed += n
		f.reasons[c.reason] += n
		if c.short {
			f.ShortMissed += n
		}
	case routing.Ignored:
		f.Ignored += n
		if c.short {
			f.ShortIgnored += n
		}
	}
}

// owe adds a lead.
func (f *Figures) owe(l *leadFigures) {
	f.Leads++
	if l.tried >= 0 {
		f.Tried++
		f.toTry = append(f.toTry, l.tried)
	}
	if l.reached >= 0 {
		f.Reached++
		f.toReach = append(f.toReach, l.reached)
	}
	switch l.outcome {
	case leads.CalledBack:
		f.CalledBack++
	case leads.ClientGotThrough:
		f.GotThrough++
	case leads.Settled:
		f.Settled++
	case leads.NotNeeded:
		f.NotNeeded++
	case "":
		f.Open++
	}
}
