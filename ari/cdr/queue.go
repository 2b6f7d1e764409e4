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
		rows := s.inQueue(c)
		took := false
		for i, q := range log {
			if q.Event == "CONNECT" {
				took = true
				s.connected(rows, q.At, over(log[i:]))
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

// queueTalk is a time in which the caller was in a queue and talked there.
type queueTalk struct {
	start time.Time
	end   time.Time // the latest until then
}

// inQueue are the caller's talks in queues by the records of one channel, in the
// order of their beginning.
func (s *story) inQueue(c *channel) []queueTalk {
	var rows []queueTalk
	for _, p := range s.way() {
		if p.row.UniqueID == c.id && p.row.Peer != "" && stageOf(p.row) == "queue" && s.talked(p.row) {
			rows = append(rows, queueTalk{p.row.Start, p.row.End})
		}
	}
	slices.SortFunc(rows, func(a, b queueTalk) int { return a.start.Compare(b.start) })
	for i := 1; i < len(rows); i++ {
		rows[i].end = later(rows[i].end, rows[i-1].end)
	}
	return rows
}

// connected gives a talk in a queue the length that the queue has measured.
func (s *story) connected(rows []queueTalk, from, to time.Time) {
	for i := range s.with {
		t := &s.with[i]
		if t.End.Before(from) || !t.amid(rows, from.Add(rounding)) {
			continue
		}
		t.Start = from.Add(time.Second) // it has whole seconds
		if !to.IsZero() && to.Before(t.End) {
			t.End = to
		}
		if t.Start.After(t.End) {
			t.Start = t.End
		}
	}
}

// amid says that the talk was in the time of a row that had begun by then.
func (t *talk) amid(rows []queueTalk, by time.Time) bool {
	if t.End.Before(by) {
		by = t.End
	}
	n, _ := slices.BinarySearchFunc(rows, by, func(row queueTalk, by time.Time) int {
		if row.start.After(by) {
			return 1
		}
		return -1
	})
	return n > 0 && !t.Start.After(rows[n-1].end.Add(time.Second))
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
