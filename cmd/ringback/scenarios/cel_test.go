package scenarios

import (
	"encoding/json"
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
	log := eventLog{order: map[string]int{}, names: map[string]string{}, bridges: map[string]string{}, open: map[conversation]time.Time{}}
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
	order   map[string]int             // of the channels, by id: when each was first seen
	names   map[string]string          // by id, as each is called now
	bridges map[string]string          // by the id of a channel: the bridge that it is in
	open    map[conversation]time.Time // since when; those of the keys are zero
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
	for c, from := range l.open {
		if !slices.Contains(now, c) {
			delete(l.open, c)
			c.From, c.To = from, at
			l.found = append(l.found, c)
		}
	}
	for _, c := range now {
		if _, known := l.open[c]; known {
			continue
		}
		l.open[c] = at
		// The same two again, a moment later: they were moved.
		if i := slices.IndexFunc(l.found, func(f conversation) bool {
			return f.AID == c.AID && f.BID == c.BID && f.A == c.A && f.B == c.B && at.Sub(f.To) < swap
		}); i >= 0 {
			l.open[c] = l.found[i].From
			l.found = slices.Delete(l.found, i, i+1)
		}
	}
}

// connected are the pairs of phones that hear each other now.
func (l *eventLog) connected() (now []conversation) {
	members := map[string][]string{} // ids of the channels in each circle of connected bridges
	circle := l.circles()
	for id, bridge := range l.bridges {
		if endpoint(l.names[id]) {
			members[circle[bridge]] = append(members[circle[bridge]], id)
		}
	}
	for _, ids := range members {
		slices.SortFunc(ids, func(a, b string) int { return l.order[a] - l.order[b] })
		for i, a := range ids {
			for _, b := range ids[i+1:] {
				now = append(now, conversation{A: l.names[a], B: l.names[b], AID: a, BID: b})
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
		for bridge := range circle {
			if circle[bridge] == from {
				circle[bridge] = to
			}
		}
	}
	return circle
}

// endpoint tells whether somebody is at the channel's other end; a conference's
// announcer, a recorder and a Local channel are nobody, nor is what a masquerade
// leaves behind.
func endpoint(channel string) bool {
	return (strings.HasPrefix(channel, "PJSIP/") || strings.HasPrefix(channel, "SIP/")) && !strings.HasSuffix(channel, "<ZOMBIE>")
}

// Real call event logs of both releases: a call through Local channels that
// stay (/n), one through such that vanish, one through two pairs in a row, one
// without anybody, and then with the phone 102: a pickup, a parked call, a
// conference of two, a supervisor who barges in (and shares no bridge), a
// transfer with a word before, and one while 102 still rings.
func TestConversations(t *testing.T) {
	want := []string{
		"trunk 101", "trunk 101", "trunk 101", "trunk 102", "trunk 102", "trunk 102", "trunk 101",
		"trunk 101", "101 102", "trunk 102", "trunk 101", "trunk 102",
	}
	for _, release := range []string{"22", "16"} {
		t.Run(release, func(t *testing.T) {
			file, err := os.Open(filepath.Join("../../../testdata/cel", release+".csv"))
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			events, err := pbx.ReadCEL(file)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range conversations(events) {
				a, b := strings.Split(c.A, "-")[0], strings.Split(c.B, "-")[0]
				got = append(got, strings.TrimPrefix(a, "PJSIP/")+" "+strings.TrimPrefix(b, "PJSIP/"))
				t.Log(c.A, c.B, c.To.Sub(c.From))
			}
			if !slices.Equal(got, want) {
				t.Errorf("the log tells of\n  %s\nand there were\n  %s", strings.Join(got, "\n  "), strings.Join(want, "\n  "))
			}
		})
	}
}

// What the recorded calls do not show.
func TestConversationsBy(t *testing.T) {
	type row struct{ event, id, channel, bridge, technology string }
	for name, story := range map[string]struct {
		rows []row
		want []string
	}{
		"two who wait hear music": {
			[]row{
				{"BRIDGE_ENTER", "1", "PJSIP/a-1", "lot", "holding_bridge"},
				{"BRIDGE_ENTER", "2", "PJSIP/b-1", "lot", "holding_bridge"},
			},
			nil,
		},
		"one takes over the other's channel": {
			[]row{
				{"BRIDGE_ENTER", "1", "SIP/a-1", "x", "simple_bridge"},
				{"BRIDGE_ENTER", "2", "SIP/b-1", "x", "simple_bridge"},
				{"HOLD", "2", "SIP/c-1", "", ""},
				{"BRIDGE_EXIT", "2", "SIP/c-1", "x", "simple_bridge"},
			},
			[]string{"SIP/a-1 SIP/b-1 1s", "SIP/a-1 SIP/c-1 1s"},
		},
		"the exit comes after the next entrance": {
			[]row{
				{"BRIDGE_ENTER", "1", "PJSIP/a-1", "x", "softmix"},
				{"BRIDGE_ENTER", "2", "PJSIP/b-1", "y", "softmix"},
				{"BRIDGE_ENTER", "1", "PJSIP/a-1", "y", "softmix"},
				{"BRIDGE_EXIT", "1", "PJSIP/a-1", "x", "softmix"},
				{"BRIDGE_ENTER", "3", "CBAnn/room-1;2", "y", "softmix"},
				{"CHAN_END", "1", "PJSIP/a-1", "", ""},
			},
			[]string{"PJSIP/a-1 PJSIP/b-1 3s"},
		},
		"half a pair leads nowhere": {
			[]row{
				{"BRIDGE_ENTER", "1", "PJSIP/a-1", "x", "simple_bridge"},
				{"BRIDGE_ENTER", "2", "Local/b@c-1;1", "x", "simple_bridge"},
				{"BRIDGE_ENTER", "3", "PJSIP/b-1", "y", "simple_bridge"},
				{"BRIDGE_ENTER", "4", "Local/b@c-2;2", "y", "simple_bridge"},
			},
			nil,
		},
		"it lasts as long as the log": {
			[]row{
				{"BRIDGE_ENTER", "1", "PJSIP/a-1", "x", "simple_bridge"},
				{"BRIDGE_ENTER", "2", "PJSIP/b-1", "x", "simple_bridge"},
				{"HOLD", "2", "PJSIP/b-1", "", ""},
			},
			[]string{"PJSIP/a-1 PJSIP/b-1 1s"},
		},
	} {
		var events []pbx.CallEvent
		for i, r := range story.rows {
			extra := ""
			if r.bridge != "" {
				extra = `{"bridge_id":"` + r.bridge + `","bridge_technology":"` + r.technology + `"}`
			}
			events = append(events, pbx.CallEvent{Event: r.event, At: time.Unix(int64(i), 0), ID: r.id, Channel: r.channel, Extra: extra})
		}
		var got []string
		for _, c := range conversations(events) {
			got = append(got, c.A+" "+c.B+" "+c.To.Sub(c.From).String())
		}
		if !slices.Equal(got, story.want) {
			t.Errorf("%s: the log tells of %q, and there were %q", name, got, story.want)
		}
	}
}
