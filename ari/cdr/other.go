package cdr

import (
	"slices"
	"strings"

	"ringback/ari/call"
)

// tellOther tells a call that a phone or the PBX itself has placed: out of the house
// when one of its legs left by a trunk.
func (s *story) tellOther() Told {
	s.begin(call.Internal)
	s.parties()
	s.told.Caller = s.name()
	if n := len(s.root.rows); n > 0 {
		s.told.Dialed = s.root.rows[0].Dialed
	}
	s.with = s.talks(s.root)
	seen := map[*channel]bool{}
	s.legsOf(s.root, seen)
	s.legsOf(s.byName[call.OtherHalf(s.root.name)], seen) // by it the PBX has rung who calls
	s.placedFor()
	client := slices.IndexFunc(s.told.Legs, func(l call.Leg) bool { return l.Outside })
	if client >= 0 {
		s.told.Direction = call.Outbound
		if number := s.told.Legs[client].Number; number != "" {
			s.told.Dialed = number
		}
	}
	s.told.Talks = s.talksOut()
	s.with = slices.DeleteFunc(s.with, func(talk) bool { return len(s.told.Talks) == 0 })
	s.end()
	return s.sum()
}

// placedFor finds out who calls where the PBX has placed the first channel: the
// phone that it rang first.
func (s *story) placedFor() {
	_, ok := call.Endpoint(s.root.name)
	if ok && !s.told.From.Outside && !s.outside(s.told.From.Endpoint) {
		return
	}
	if ok { // it rang somebody outside
		s.told.Legs = append(s.told.Legs, call.Leg{Party: s.party(s.root, s.root.name, nil), Channel: s.root.id,
			Rang: true, Dialed: 1, Outcome: outcomeOf(s.root.rows[0])})
		s.told.From, s.told.Caller, s.told.Dialed = call.Party{}, "", s.told.Legs[len(s.told.Legs)-1].Number
		return
	}
	if i := slices.IndexFunc(s.told.Legs, func(l call.Leg) bool { return !l.Outside }); i >= 0 {
		s.told.From = s.told.Legs[i].Party
		s.told.Caller = s.name()
	}
}

// name is the phone that calls.
func (s *story) name() string {
	_, name, _ := strings.Cut(s.told.From.Endpoint, "/")
	return name
}

// talksOut are the talks of a call out: with the client, of whom the phone that
// called is told as the other side; or those within the house.
func (s *story) talksOut() []call.Talk {
	var talks []call.Talk
	for _, t := range s.with {
		switch {
		case s.told.Direction == call.Internal:
			talks = append(talks, t.Talk)
		case t.Who.Outside && s.told.From.Endpoint != "":
			t.Who, t.Channel = s.told.From, s.root.id
			talks = append(talks, t.Talk)
		case s.told.From.Endpoint == "": // the PBX rang the client first
			talks = append(talks, t.Talk)
		}
	}
	return talks
}
