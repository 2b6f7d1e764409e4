package cdr

import (
	"slices"
	"strings"

	"ringback/ari/call"
)

// group is the rows that tell of each other, by channel.
type group struct {
	*desk
	channels []*channel
	byID     map[string]*channel
	byName   map[string]*channel
	peers    map[string][]*Record // by the name of the channel at their other end
	events   []*Event
	found    *meetings // in the events; nil: not looked for yet
}

// channel is what the rows tell of one channel.
type channel struct {
	id, name string
	rows     []*Record // of which it is the one that called, in their order
	events   []*Event
}

func (g *group) channel(id, name string) *channel {
	c := g.byID[id]
	if c == nil {
		c = &channel{id: id, name: name}
		g.byID[id] = c
		g.channels = append(g.channels, c)
	}
	if g.byName[name] == nil {
		g.byName[name] = c
	}
	return c
}

func (g *group) takeRecord(r *Record) {
	if r.UniqueID == "" {
		return
	}
	c := g.channel(r.UniqueID, r.Channel)
	c.rows = append(c.rows, r)
	if r.Peer != "" {
		g.peers[r.Peer] = append(g.peers[r.Peer], r)
	}
}

func (g *group) takeEvent(e *Event) {
	g.events = append(g.events, e)
	if e.UniqueID == "" {
		return
	}
	c := g.channel(e.UniqueID, e.Channel)
	c.events = append(c.events, e)
}

// calls are those of the group: each that came in from outside, and each that a
// phone or the PBX itself has placed.
func (g *group) calls() []Told {
	var told []Told
	for _, c := range g.channels {
		if g.placed(c) {
			continue
		}
		if _, ok := call.Endpoint(c.name); !ok {
			continue
		}
		s := &story{group: g, root: c}
		if g.cameIn(c) {
			told = append(told, s.tellInbound())
		} else {
			told = append(told, s.tellOther())
		}
	}
	for _, c := range g.channels {
		if g.originated(c) {
			told = append(told, (&story{group: g, root: c}).tellOther())
		}
	}
	return told
}

// placed says that the PBX placed the channel: it did not come in.
func (g *group) placed(c *channel) bool {
	if e := c.began(); e != nil && e.LinkedID != "" && e.LinkedID != e.UniqueID {
		return true
	}
	for _, e := range c.events {
		if outgoing(e.App) {
			return true
		}
	}
	for _, r := range c.rows {
		if outgoing(r.App) || r.Dialed == "" {
			return true
		}
	}
	return g.wasDialed(c) || len(c.rows) == 0 && c.began() == nil
}

// wasDialed says that a record has dialed the channel: its own begin later then, if
// it has gone on in the dialplan.
func (g *group) wasDialed(c *channel) bool {
	endpoint, ok := call.Endpoint(c.name)
	if !ok || len(c.rows) == 0 {
		return false
	}
	_, name, _ := strings.Cut(endpoint, "/")
	return slices.ContainsFunc(g.peers[c.name], func(r *Record) bool {
		return ringsPhones(r.App) && strings.Contains(r.AppData, name) && byTime(r, c.rows[0]) < 0
	})
}

// originated says that a call begins with the channel although nobody came in by
// it: a call file, a page's "call" button, another program.
func (g *group) originated(c *channel) bool {
	if len(c.rows) == 0 || strings.HasSuffix(c.name, farHalf) || len(g.peers[c.name]) > 0 {
		return false
	}
	if _, ok := call.Endpoint(c.name); ok && !g.placed(c) || !ok && call.OtherHalf(c.name) == "" {
		return false
	}
	linked := c.rows[0].LinkedID
	if e := c.began(); e != nil {
		linked = e.LinkedID
	}
	return linked == c.id || linked == ""
}

// began is the event of the channel's beginning; nil where the log has none.
func (c *channel) began() *Event {
	for _, e := range c.events {
		if e.Type == chanStart {
			return e
		}
	}
	return nil
}

// ended is the event of the channel's end; nil where the log has none.
func (c *channel) ended() *Event {
	for _, e := range c.events {
		if e.Type == chanEnd {
			return e
		}
	}
	return nil
}

// cameIn says that a channel that was not placed came in from outside.
func (g *group) cameIn(c *channel) bool {
	endpoint, _ := call.Endpoint(c.name)
	switch e := c.began(); {
	case g.phones[endpoint]:
		return false
	case len(g.inbound) == 0:
		return true
	case e != nil:
		return g.inbound[e.Context]
	case g.trunks[endpoint]:
		return true
	}
	for _, r := range c.rows {
		if g.inbound[r.Context] || r.DID != "" {
			return true
		}
	}
	return false
}

// outside says that an endpoint that was dialed leads out of the house.
func (g *group) outside(endpoint string) bool {
	return len(g.inbound) > 0 && g.trunks[endpoint] && !g.phones[endpoint]
}
