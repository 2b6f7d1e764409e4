package cdr

import (
	"math"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// story is one call as the rows of its group tell it.
type story struct {
	*group
	root *channel // the first of the call
	told call.Call
	with []talk
	used map[*Record]bool

	steps []step // see way
}

// tellInbound tells a call that came in from outside.
func (s *story) tellInbound() Told {
	s.begin(call.Inbound)
	s.parties()
	s.with = s.talks(s.root)
	s.legsOf(s.root, map[*channel]bool{})
	s.queued()
	for _, t := range s.with {
		s.told.Talks = append(s.told.Talks, t.Talk)
	}
	s.end()
	return s.sum()
}

// begin tells what every call has.
func (s *story) begin(d call.Direction) {
	c := s.root
	endpoint, _ := call.Endpoint(c.name)
	s.told = call.Call{PBX: s.Options.PBX, ID: c.id, Direction: d, Source: call.Records,
		Own:  s.Options.OwnPrefix != "" && strings.HasPrefix(c.id, s.Options.OwnPrefix),
		From: call.Party{Endpoint: endpoint, Outside: d == call.Inbound && len(s.inbound) > 0}}
	s.used = map[*Record]bool{}
	for i, r := range c.rows {
		s.used[r] = true
		if i == 0 || r.Start.Before(s.told.Started) {
			s.told.Started = r.Start
		}
		s.told.Ended = later(s.told.Ended, r.End)
		s.told.Application, s.told.Context = r.App, r.Context
	}
	if e := c.began(); e != nil {
		s.told.Started, s.told.Origin = e.At, e.Context
	} else if n := len(c.rows); n > 0 && !c.rows[0].Began.IsZero() && s.told.Started.IsZero() {
		s.told.Started = c.rows[0].Began.Add(s.Offset)
	}
	if e := c.ended(); e != nil {
		s.told.Ended = e.At
	} else if n := len(c.events); n > 0 {
		s.told.Ended = later(s.told.Ended, c.events[n-1].At)
	}
	if s.told.Ended.Before(s.told.Started) {
		s.told.Ended = s.told.Started
	}
}

// parties tells who called, and which number: an event tells what came in, a record
// only where in the dialplan the call was last.
func (s *story) parties() {
	c := s.root
	if len(c.rows) > 0 {
		r := c.rows[0]
		s.told.Caller, s.told.CallerName = r.Source, nameIn(r.CallerID)
	}
	for _, r := range c.rows {
		switch {
		case r.DID != "":
			s.told.Dialed = r.DID
		case s.told.Dialed != "":
			continue
		case s.IsLine != nil && s.IsLine(r.Dialed), s.inbound[r.Context] && r.Dialed != "s":
			s.told.Dialed = r.Dialed
		}
		if r.DID != "" {
			break
		}
	}
	if e := c.began(); e != nil {
		s.told.Dialed = e.Exten
		if e.CallerNumber != "" || len(c.rows) == 0 {
			s.told.Caller, s.told.CallerName = e.CallerNumber, e.CallerName
		}
	}
	s.told.From.Number = ""
	if s.told.From.Outside {
		s.told.From.Number = s.told.Caller
	}
}

// nameIn is the name in a caller id as CDR writes it: "name" <number>.
func nameIn(clid string) string {
	i := strings.LastIndexByte(clid, '<')
	if i < 0 {
		return ""
	}
	name := strings.TrimSpace(clid[:i])
	if len(name) >= 2 && name[0] == '"' && name[len(name)-1] == '"' {
		name = name[1 : len(name)-1]
	}
	return name
}

// legsOf tells the phones that a channel's records have dialed, directly or behind
// Local pairs.
func (s *story) legsOf(c *channel, seen map[*channel]bool) {
	if c == nil || seen[c] {
		return
	}
	seen[c] = true
	for _, r := range c.rows {
		s.used[r] = true
		if r.Peer == "" {
			continue
		}
		if _, ok := call.Endpoint(r.Peer); ok {
			if ringsPhones(r.App) || s.talkedWith(r.Peer) && s.told.Direction == call.Inbound {
				s.leg(r)
			}
			continue
		}
		s.legsOf(s.byName[call.OtherHalf(r.Peer)], seen)
	}
}

func (s *story) talkedWith(name string) bool {
	return slices.ContainsFunc(s.with, func(t talk) bool { return t.name == name })
}

// leg tells what became of the phone of one record.
func (s *story) leg(r *Record) {
	c := s.byName[r.Peer]
	if c == s.root {
		return
	}
	l := call.Leg{Party: s.party(c, r.Peer, r), Channel: s.idOf(r.Peer), Dialed: s.after(r.Start), Over: s.after(r.End), Outcome: outcomeOf(r)}
	l.Rang = l.Outcome == call.LegAnswered || l.Outcome == call.LegDialing
	if l.Outcome == call.LegAnswered && !r.Answer.IsZero() {
		l.Over = s.after(r.Answer)
	}
	for i := range s.told.Legs {
		if known := &s.told.Legs[i]; known.Channel == l.Channel {
			if l.Outcome == call.LegAnswered {
				l.Dialed = min(l.Dialed, known.Dialed)
				*known = l
			}
			return
		}
	}
	if len(s.told.Legs) < maxLegs {
		s.told.Legs = append(s.told.Legs, l)
	}
}

// maxLegs and maxTalks bound what is told of a dialplan that dials in circles.
const (
	maxLegs  = 64
	maxTalks = 64
)

// outcomeOf reads what became of a dialed phone. CDR does not tell one that
// declined, or was not there, from one that rang.
func outcomeOf(r *Record) call.Outcome {
	switch r.Disposition {
	case Answered:
		return call.LegAnswered
	case Busy:
		return call.LegBusy
	case Congestion:
		return call.LegCongested
	case Failed:
		return call.LegUnreachable
	}
	return call.LegDialing
}

// after is a moment as one of the call.
func (s *story) after(at time.Time) call.After {
	since := at.Sub(s.told.Started).Milliseconds()
	return call.After(min(max(since, 1), math.MaxUint32))
}

// sum hands the call out, with how much tells of it.
func (s *story) sum() Told {
	if len(s.told.Talks) > maxTalks {
		s.told.Talks = s.told.Talks[:maxTalks]
	}
	return Told{Call: s.told, Rows: len(s.used) + len(s.root.events) + len(s.desk.queue[s.root.id])}
}
