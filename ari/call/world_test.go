package call_test

import (
	"maps"
	"slices"
	"time"

	"ringback/ari"
)

// world is what lives on the PBX as the events tell it: what a snapshot would
// have shown.
type world struct {
	channels map[string]ari.Channel
	bridges  map[string]*ari.Bridge
	gone     map[string]bool // some events come after the end of their channel
}

func newWorld() *world {
	return &world{channels: map[string]ari.Channel{}, bridges: map[string]*ari.Bridge{}, gone: map[string]bool{}}
}

func (w *world) see(ev *ari.Event) {
	if ev.Type == ari.Connected {
		return
	}
	for _, c := range []ari.Channel{ev.Channel, ev.Peer} {
		if c.ID != "" && !w.gone[c.ID] {
			w.channels[c.ID] = c
		}
	}
	switch ev.Type {
	case ari.ChannelDestroyed:
		delete(w.channels, ev.Channel.ID)
		w.gone[ev.Channel.ID] = true
	case ari.ChannelEnteredBridge:
		b := w.bridges[ev.Bridge.ID]
		if b == nil {
			b = &ari.Bridge{ID: ev.Bridge.ID, Type: ev.Bridge.Type}
			w.bridges[b.ID] = b
		}
		if !slices.Contains(b.Channels, ev.Channel.ID) {
			b.Channels = append(b.Channels, ev.Channel.ID)
		}
	case ari.ChannelLeftBridge:
		if b := w.bridges[ev.Bridge.ID]; b != nil {
			b.Channels = slices.DeleteFunc(b.Channels, func(id string) bool { return id == ev.Channel.ID })
		}
	case ari.BridgeDestroyed:
		delete(w.bridges, ev.Bridge.ID)
	}
}

// connected is the snapshot; what is seen later does not change it. The channels stand in
// no useful order.
func (w *world) connected(at time.Time) ari.Event {
	s := &ari.Snapshot{}
	for _, id := range slices.Sorted(maps.Keys(w.channels)) {
		s.Channels = append(s.Channels, w.channels[id])
	}
	slices.Reverse(s.Channels)
	for _, id := range slices.Sorted(maps.Keys(w.bridges)) {
		b := *w.bridges[id]
		b.Channels = slices.Clone(b.Channels)
		s.Bridges = append(s.Bridges, b)
	}
	return ari.Event{Type: ari.Connected, At: at, Snapshot: s}
}
