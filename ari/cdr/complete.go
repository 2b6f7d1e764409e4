package cdr

import (
	"slices"
	"time"

	"ringback/ari/call"
)

// Complete is a call of which the tracker had seen a part, with what the records
// tell of the rest: talks and legs of both, the end by the records. What was seen
// is known better than what the records say of the same.
func (j Judge) Complete(known call.Call, told Told) call.Call {
	c := told.Call
	c.ID, c.PBX, c.Own, c.From, c.Origin = known.ID, known.PBX, known.Own, known.From, known.Origin
	c.Started, c.Caller, c.CallerName = known.Started, known.Caller, known.CallerName
	c.Message = c.Message || known.Message
	c.HungUp = c.HungUp || known.HungUp
	c.Stops = slices.Clone(known.Stops)
	c.Progress = known.Progress
	if known.Dialed != "" {
		c.Dialed = known.Dialed
	}
	if known.Direction != call.Internal {
		c.Direction = known.Direction
	}
	if c.Ended.Before(c.Started) {
		c.Ended = c.Started
	}
	c.Legs = legsOfBoth(known.Legs, told.Legs)
	further := false
	c.Talks, further = talksOfBoth(known, told)
	c.How = howOfBoth(known, told.Call, further)
	c.Unseen = c.How == call.Unconfirmed
	c.Source = call.Records
	return c
}

// howOfBoth is how the call ended: as it was seen where the hangup was, and
// otherwise as the records tell. A queue says while it is watched why it let a
// caller go, and its record does not; further says that the records tell of talks
// that were not seen.
func howOfBoth(known, told call.Call, further bool) call.How {
	p := known.Progress
	seen := known.How != "" && known.How != call.Unconfirmed
	switch {
	case known.HungUp && seen:
		return known.How
	case told.How == call.Person && len(told.Talks) == 0:
		return call.Unconfirmed
	case p.Transferred && len(known.Talks) > 0 && !further:
		return call.LostInTransfer // the records do not tell of everything that comes after a transfer
	}
	return told.How
}

// legsOfBoth lists the phones that were seen to be dialed, then those that only the
// records tell of. A phone that was still being rung became what the records say.
func legsOfBoth(known, told []call.Leg) []call.Leg {
	legs := slices.Clone(known)
	for _, l := range told {
		i := slices.IndexFunc(legs, func(k call.Leg) bool { return k.Channel == l.Channel })
		if i < 0 {
			i = slices.IndexFunc(legs, func(k call.Leg) bool { return k.Endpoint == l.Endpoint && together(k.Dialed, l.Dialed) })
		}
		switch {
		case i < 0 && len(legs) < maxLegs:
			legs = append(legs, l)
		case i >= 0 && legs[i].Outcome == call.LegDialing:
			legs[i].Outcome = l.Outcome
			legs[i].Rang = legs[i].Rang || l.Outcome == call.LegAnswered
			legs[i].Over = max(legs[i].Over, l.Over)
		}
	}
	return legs
}

// together says that two moments of a call may be the same.
func together(a, b call.After) bool {
	return (a.Length() - b.Length()).Abs() <= rounding
}

// talksOfBoth lists the talks that were seen, then those that only the records tell
// of: further says that there are some. A talk that ran when the watching ended
// lasted as long as its record, and one that ran when it began is as old.
func talksOfBoth(known call.Call, told Told) (talks []call.Talk, further bool) {
	talks = slices.Clone(known.Talks)
	taken := map[int]string{} // of those that were seen: by which channel of the records
	for _, t := range told.Talks {
		i := -1
		for k := range known.Talks {
			if by, ok := taken[k]; told.same(talks[k], t) && (!ok || by == t.Channel) {
				i = k
				break
			}
		}
		if i >= 0 && !t.Start.After(talks[i].Start.Add(-time.Second)) {
			talks[i].Start = t.Start // it ran already when it was first seen
		}
		switch {
		case i < 0:
			further = true
			if len(talks) < maxTalks {
				talks = append(talks, t)
			}
		case talks[i].End.IsZero() || i == len(known.Talks)-1 && talks[i].End.Before(t.End):
			talks[i].End = t.End
			fallthrough
		default:
			taken[i] = t.Channel
		}
	}
	for i := range talks {
		talks[i].End = later(talks[i].Start, talks[i].End) // zero: no record tells of it
	}
	slices.SortStableFunc(talks, func(a, b call.Talk) int { return a.Start.Compare(b.Start) })
	return talks, further
}

// same says that a talk that was seen is the one of which a record tells: with the
// same channel, or where no record tells its id with the same phone, in the time in
// which the record says that it was dialed and up.
func (told *Told) same(seen, t call.Talk) bool {
	if seen.Channel == t.Channel {
		return true
	}
	if _, named := call.Endpoint(t.Channel); !named || seen.Who.Endpoint != t.Who.Endpoint || t.End.Before(seen.Start.Add(-time.Second)) {
		return false
	}
	from := t.Start
	if i := slices.IndexFunc(told.Legs, func(l call.Leg) bool { return l.Channel == t.Channel }); i >= 0 {
		from = told.Started.Add(told.Legs[i].Dialed.Length())
	}
	return !from.After(seen.Start.Add(rounding))
}
