package cdr

import (
	"slices"
	"time"

	"ringback/ari/call"
)

// queued takes over what the log of queues tells of the caller: it knows when an
// agent took the call and when that was over.
func (s *story) queued() {
	if s.root.watched() {
		return // the events tell it too
	}
	for _, c := range s.callers() {
		log := s.queue[c.id]
		took := false
		for i, q := range log {
			if q.Event == "CONNECT" {
				took = true
				s.connected(c, q.At, over(log[i:]))
			}
		}
		if len(log) > 0 && !took {
			s.unconnected(c)
		}
	}
}

// unconnected takes back the talks in queues of which the queue knows nothing: an
// agent has picked up, and the caller was gone before they heard each other.
func (s *story) unconnected(c *channel) {
	s.with = slices.DeleteFunc(s.with, func(t talk) bool {
		return slices.ContainsFunc(c.rows, func(r *Record) bool {
			return stageOf(r) == "queue" && r.Peer == t.name && t.touches(r)
		})
	})
}

// callers are the channels by which the caller came to queues: the first, and the
// far halves of Local pairs.
func (s *story) callers() []*channel {
	list := []*channel{s.root}
	for _, p := range s.way() {
		if c := s.byID[p.row.UniqueID]; c != nil && !slices.Contains(list, c) {
			list = append(list, c)
		}
	}
	return list
}

// over is when a queue says that the talk which it has begun was over.
func over(log []QueueEvent) (at time.Time) {
	for _, q := range log {
		switch q.Event {
		case "COMPLETECALLER", "COMPLETEAGENT", "BLINDTRANSFER", "ATTENDEDTRANSFER", "TRANSFER":
			return q.At
		}
	}
	return time.Time{}
}

// connected gives a talk in a queue the length that the queue has measured.
func (s *story) connected(c *channel, from, to time.Time) {
	for i := range s.with {
		t := &s.with[i]
		for _, p := range s.way() {
			if p.row.UniqueID != c.id || p.row.Peer == "" || !s.talked(p.row) || stageOf(p.row) != "queue" {
				continue
			}
			if t.touches(p.row) && !t.End.Before(from) && !from.Before(p.row.Start.Add(-rounding)) {
				t.Start = from.Add(time.Second) // it has whole seconds
				if !to.IsZero() && to.Before(t.End) {
					t.End = to
				}
				if t.Start.After(t.End) {
					t.Start = t.End
				}
			}
		}
	}
}

// leftQueue is why the last queue let the caller go, by its own log.
func (s *story) leftQueue() (how call.How) {
	for _, c := range s.callers() {
		for _, q := range s.queue[c.id] {
			switch q.Event {
			case "ABANDON":
				how = call.AbandonedQueue
			case "EXITWITHTIMEOUT":
				how = call.QueueTimeout
			case "EXITEMPTY", "JOINEMPTY", "JOINUNAVAIL", "LEAVEUNAVAIL":
				how = call.QueueEmpty
			case "FULL", "JOINFULL":
				how = call.QueueFull
			case "EXITWITHKEY":
				how = call.QueueKey
			case "ENTERQUEUE", "CONNECT":
				how = ""
			}
		}
	}
	return how
}
