package scenarios

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
)

// conversation is a time in which two phones, in the house or outside, were
// connected, by the call event log alone.
type conversation struct {
	A, B     string // names of the channels, as they were called when it began
	AID, BID string // A is the one whose channel began first
	From, To time.Time
}

// swap is how long two may be apart while Asterisk moves one of them to another
// bridge: that is no end of a conversation.
const swap = 50 * time.Millisecond

// conversations reads out of call events who was connected with whom: who
// shared a bridge, directly or through pairs of Local channels. It knows nothing
// of how the tracker comes to its talks, and is its witness.
//
// Those who are merely held (parked, waiting) share a bridge and do not hear
// each other. What still lasts with the last event ends with it.
func conversations(events []pbx.CallEvent) []conversation {
	log := eventLog{order: map[string]int{}, names: map[string]string{}, bridges: map[string]string{}, open: map[[2]string]conversation{}}
	for i := range events {
		log.read(&events[i])
	}
	if len(events) > 0 {
		log.bridges = nil
		log.compare(events[len(events)-1].At)
	}
	slices.SortStableFunc(log.found, func(a, b conversation) int { return a.From.Compare(b.From) })
	return log.found
}

// eventLog is what was read so far.
type eventLog struct {
	order   map[string]int    // of the channels, by id: when each was first seen
	names   map[string]string // by id, as each is called now
	bridges map[string]string // by the id of a channel: the bridge that it is in
	open    map[[2]string]conversation
	found   []conversation
}

func (l *eventLog) read(e *pbx.CallEvent) {
	if _, seen := l.order[e.ID]; !seen {
		l.order[e.ID] = len(l.order)
	}
	// A masquerade hands the name on, and leaves the id behind with another.
	l.names[e.ID] = e.Channel
	switch e.Event {
	case "BRIDGE_ENTER":
		var bridge struct {
			ID         string `json:"bridge_id"`
			Technology string `json:"bridge_technology"`
		}
		delete(l.bridges, e.ID)
		if json.Unmarshal([]byte(e.Extra), &bridge) == nil && bridge.Technology != "holding_bridge" {
			l.bridges[e.ID] = bridge.ID
		}
	case "BRIDGE_EXIT":
		var bridge struct {
			ID string `json:"bridge_id"`
		}
		// In a swap the exit may come after the entrance into the next one.
		if json.Unmarshal([]byte(e.Extra), &bridge) == nil && l.bridges[e.ID] == bridge.ID {
			delete(l.bridges, e.ID)
		}
	case "CHAN_END":
		delete(l.bridges, e.ID)
	}
	l.compare(e.At)
}

// compare ends the conversations that are no more, and begins the new ones.
func (l *eventLog) compare(at time.Time) {
	now := l.connected()
	for pair, c := range l.open {
		if _, goesOn := now[pair]; !goesOn {
			c.To = at
			l.found = append(l.found, c)
			delete(l.open, pair)
		}
	}
	for pair, c := range now {
		if _, known := l.open[pair]; known {
			continue
		}
		c.From = at
		// The same two again, a moment later: they were moved.
		if i := slices.IndexFunc(l.found, func(f conversation) bool {
			return f.A == c.A && f.B == c.B && f.AID == c.AID && f.BID == c.BID && at.Sub(f.To) < swap
		}); i >= 0 {
			c.From = l.found[i].From
			l.found = slices.Delete(l.found, i, i+1)
		}
		l.open[pair] = c
	}
}

// connected are the pairs of phones that hear each other now. The key is their
// names: who takes over a channel by masquerade is another.
func (l *eventLog) connected() map[[2]string]conversation {
	members := map[string][]string{} // ids of the channels in each circle of connected bridges
	circle := l.circles()
	for id, bridge := range l.bridges {
		if phone(l.names[id]) {
			members[circle[bridge]] = append(members[circle[bridge]], id)
		}
	}
	now := map[[2]string]conversation{}
	for _, ids := range members {
		slices.SortFunc(ids, func(a, b string) int { return l.order[a] - l.order[b] })
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				now[[2]string{l.names[a], l.names[b]}] = conversation{A: l.names[a], B: l.names[b], AID: a, BID: b}
			}
		}
	}
	return now
}

// circles gives each bridge the name of one that stands for all to which it is
// connected: a Local pair carries the sound of the bridge of its ;1 into that of
// its ;2.
func (l *eventLog) circles() map[string]string {
	circle, ends := map[string]string{}, map[string]string{}
	for id, bridge := range l.bridges {
		circle[bridge] = bridge
		if name := l.names[id]; strings.HasPrefix(name, "Local/") {
			ends[name] = bridge
		}
	}
	for name, one := range ends {
		two, ok := ends[strings.TrimSuffix(name, ";1")+";2"]
		if !ok || !strings.HasSuffix(name, ";1") || circle[one] == circle[two] {
			continue
		}
		from, to := circle[one], circle[two]
		for bridge := range maps.Keys(circle) {
			if circle[bridge] == from {
				circle[bridge] = to
			}
		}
	}
	return circle
}

// phone tells whether somebody is at the channel's other end; a conference's
// announcer, a recorder and a Local channel are nobody.
func phone(channel string) bool {
	return strings.HasPrefix(channel, "PJSIP/") || strings.HasPrefix(channel, "SIP/")
}
