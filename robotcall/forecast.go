package robotcall

import (
	"container/heap"
	"time"

	"ringback/leads/dials"
)

// Ahead is a call that is promised for later, and when it would be placed.
type Ahead struct {
	Request
	Due time.Time
	// History is what is known today.
	History dials.History

	// At is when it would be placed, zero for never. Reason is what puts it off
	// or forbids it; empty: nothing does.
	At     time.Time
	Reason Reason
}

// forecast plays the calls that are to come, as if each took the same time and
// nothing else happened.
type forecast struct {
	rules *Rules
	now   time.Time
	until time.Time
	long  time.Duration

	queue    turns
	numbers  map[string][]time.Time // when calls were placed in the play
	persons  map[string][]time.Time
	lanes    []time.Time // until when each of the robot's calls to clients goes on
	nextFree time.Time   // when the pace allows the next
}

// Forecast fills in when each of the calls would be placed between now and
// until, if each took long: what closes first goes first, within the pace, the
// calls at a time and all other rules. What is put off beyond until is not
// followed further.
func (r *Rules) Forecast(calls []*Ahead, now, until time.Time, long time.Duration) {
	f := forecast{rules: r, now: now, until: until, long: long, numbers: map[string][]time.Time{}, persons: map[string][]time.Time{},
		lanes: make([]time.Time, max(r.Concurrent, 1)), nextFree: now}
	for _, a := range calls {
		at := a.Due
		if at.Before(now) {
			at = now
		}
		heap.Push(&f.queue, turn{a, at})
	}
	for f.queue.Len() > 0 {
		f.step(heap.Pop(&f.queue).(turn))
	}
}

// step decides about one call, and puts it back where it is put off.
func (f *forecast) step(t turn) {
	lane := f.free()
	if t.Kind == dials.Reminder {
		for _, free := range []time.Time{f.nextFree, f.lanes[lane]} {
			if free.After(t.at) {
				t.at = free
			}
		}
	}
	d := f.rules.Decide(t.Request, f.known(t), t.at)
	if d.Reason != "" && (t.Reason == "" || d.Until.IsZero()) {
		t.Reason = d.Reason
	}
	switch {
	case d.Allowed:
		t.At = t.at
		f.placed(t, lane)
	case d.Until.After(f.until):
		t.At = d.Until
	case !d.Until.IsZero():
		heap.Push(&f.queue, turn{t.Ahead, d.Until})
	}
}

// free is the lane that is free first.
func (f *forecast) free() (first int) {
	for i, until := range f.lanes {
		if until.Before(f.lanes[first]) {
			first = i
		}
	}
	return first
}

// known is the history of a call when its turn comes: of what is going on now
// nobody knows how long it will.
func (f *forecast) known(t turn) dials.History {
	h := t.History
	if t.at.After(f.now) {
		h.NumberBusy, h.PersonBusy, h.Open, h.OpenOnTrunk, h.Begun, h.BegunOnTrunk = false, false, 0, 0, nil, nil
	}
	busy := func(past []time.Time) bool {
		return len(past) > 0 && past[len(past)-1].Add(f.long).After(t.at)
	}
	numbers, persons := f.numbers[t.Number], f.persons[t.Who]
	h.NumberBusy, h.PersonBusy = h.NumberBusy || busy(numbers), h.PersonBusy || busy(persons)
	h.ToNumber, h.ToPerson = append(numbers[:len(numbers):len(numbers)], h.ToNumber...), append(persons[:len(persons):len(persons)], h.ToPerson...)
	return h
}

// placed notes a call of the play.
func (f *forecast) placed(t turn, lane int) {
	if t.Kind == dials.Manager {
		f.persons[t.Who] = append(f.persons[t.Who], t.at)
		return
	}
	f.numbers[t.Number] = append(f.numbers[t.Number], t.at)
	f.lanes[lane], f.nextFree = t.at.Add(f.long), t.at.Add(share(f.rules.PerSecond))
}

// turn is a call and when it is asked for next.
type turn struct {
	*Ahead
	at time.Time
}

// turns are a heap: what is asked for first, and of one instant what closes
// first.
type turns []turn

func (q turns) Len() int      { return len(q) }
func (q turns) Swap(i, j int) { q[i], q[j] = q[j], q[i] }
func (q turns) Less(i, j int) bool {
	a, b := q[i], q[j]
	switch {
	case !a.at.Equal(b.at):
		return a.at.Before(b.at)
	case a.Expires.IsZero() != b.Expires.IsZero():
		return !a.Expires.IsZero()
	}
	return a.Expires.Before(b.Expires)
}

func (q *turns) Push(x any) { *q = append(*q, x.(turn)) }

func (q *turns) Pop() any {
	last := (*q)[len(*q)-1]
	*q = (*q)[:len(*q)-1]
	return last
}
