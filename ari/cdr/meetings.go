package cdr

import (
	"cmp"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// Types of events, as Asterisk names them in main/cel.c.
const (
	chanStart   = "CHAN_START"
	chanEnd     = "CHAN_END"
	hangup      = "HANGUP"
	appStart    = "APP_START"
	bridgeEnter = "BRIDGE_ENTER"
	bridgeExit  = "BRIDGE_EXIT"
	parkStart   = "PARK_START"
	blind       = "BLINDTRANSFER"
	attended    = "ATTENDEDTRANSFER"
)

// bridge is what an event tells of the bridge that a channel enters or leaves.
type bridge struct {
	ID         string `json:"bridge_id"`
	Technology string `json:"bridge_technology"`
}

func bridgeOf(e *Event) bridge {
	var b bridge
	if e.Type == bridgeEnter || e.Type == bridgeExit {
		_ = json.Unmarshal([]byte(e.Extra), &b) // hostile text tells of no bridge
	}
	return b
}

// meeting is a time in which two channels of phones or trunks heard each other.
type meeting struct {
	a, b     string // ids
	from, to time.Time
}

// meetings reads out of the events who heard whom: who shared a bridge, directly
// or through pairs of Local channels. Those in a holding bridge do not hear each
// other.
type meetings struct {
	names   map[string]string // of channels, by id, as each is called now
	bridges map[string]string // by channel: the bridge that it is in
	open    map[[2]string]time.Time
	over    []meeting
}

// rebuilt is how soon a bridge that Asterisk rebuilds stands again.
const rebuilt = time.Second

func (g *group) meetings() []meeting {
	if g.found != nil {
		return g.found.over
	}
	m := &meetings{names: map[string]string{}, bridges: map[string]string{}, open: map[[2]string]time.Time{}}
	g.found = m
	for _, e := range g.events {
		m.read(e)
	}
	if n := len(g.events); n > 0 {
		clear(m.bridges)
		m.compare(g.events[n-1].At)
	}
	slices.SortFunc(m.over, func(a, b meeting) int {
		return cmp.Or(a.from.Compare(b.from), a.to.Compare(b.to), strings.Compare(a.a, b.a), strings.Compare(a.b, b.b))
	})
	return m.over
}

func (m *meetings) read(e *Event) {
	renamed := m.names[e.UniqueID] != e.Channel
	m.names[e.UniqueID] = e.Channel // a masquerade hands the name on
	switch e.Type {
	case bridgeEnter:
		delete(m.bridges, e.UniqueID)
		if b := bridgeOf(e); b.ID != "" && b.Technology != "holding_bridge" {
			m.bridges[e.UniqueID] = b.ID
		}
	case bridgeExit:
		// In a swap the exit may come after the entrance into the next bridge.
		if b := bridgeOf(e); b.ID == "" || m.bridges[e.UniqueID] == b.ID {
			delete(m.bridges, e.UniqueID)
		}
	case chanEnd:
		delete(m.bridges, e.UniqueID)
	default:
		if !renamed {
			return
		}
	}
	m.compare(e.At)
}

// compare ends the meetings that are no more, and begins the new ones.
func (m *meetings) compare(at time.Time) {
	now := m.connected()
	for pair, from := range m.open {
		if !now[pair] {
			delete(m.open, pair)
			m.over = append(m.over, meeting{pair[0], pair[1], from, at})
		}
	}
	for pair := range now {
		if _, known := m.open[pair]; known {
			continue
		}
		m.open[pair] = at
		again := func(o meeting) bool { return o.a == pair[0] && o.b == pair[1] && at.Sub(o.to) < rebuilt }
		if i := slices.IndexFunc(m.over, again); i >= 0 {
			m.open[pair] = m.over[i].from
			m.over = slices.Delete(m.over, i, i+1)
		}
	}
}

// connected are the pairs that hear each other now.
func (m *meetings) connected() map[[2]string]bool {
	circle := m.circles()
	members := map[string][]string{}
	for id, bridge := range m.bridges {
		if _, ok := call.Endpoint(m.names[id]); ok && !strings.HasSuffix(m.names[id], "<ZOMBIE>") {
			members[circle[bridge]] = append(members[circle[bridge]], id)
		}
	}
	now := map[[2]string]bool{}
	for _, ids := range members {
		slices.Sort(ids)
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				now[[2]string{a, b}] = true
			}
		}
	}
	return now
}

// circles gives each bridge the name of one that stands for all that are connected
// with it: a Local pair carries the sound of one bridge into another.
func (m *meetings) circles() map[string]string {
	circle, ends := map[string]string{}, map[string]string{}
	for id, bridge := range m.bridges {
		circle[bridge] = bridge
		if call.OtherHalf(m.names[id]) != "" {
			ends[m.names[id]] = bridge
		}
	}
	for name, one := range ends {
		two, ok := ends[call.OtherHalf(name)]
		if !ok || circle[one] == circle[two] {
			continue
		}
		from, to := circle[one], circle[two]
		for bridge := range circle {
			if circle[bridge] == from {
				circle[bridge] = to
			}
		}
	}
	return circle
}
