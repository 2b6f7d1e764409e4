package call_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// near is how far apart two events are at most that might as well have come the other
// way round; transfers travel another path inside Asterisk, and may stray further.
const (
	near   = 20 * time.Millisecond
	astray = 50 * time.Millisecond
)

// channelsOf are the channels that an event tells of.
func channelsOf(ev *ari.Event) []string {
	var ids []string
	for _, id := range []string{ev.Channel.ID, ev.Peer.ID, ev.ReplaceChannel.ID} {
		if id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

// apart says that two events have no channel in common.
func apart(a, b *ari.Event) bool {
	of := channelsOf(b)
	return !slices.ContainsFunc(channelsOf(a), func(id string) bool { return slices.Contains(of, id) })
}

// isNoise says that a tracker has no use for the event, whenever it comes.
func isNoise(ev *ari.Event) bool {
	switch ev.Type {
	case ari.ChannelVarset:
		return !strings.HasSuffix(ev.Variable, "STATUS")
	case ari.ChannelConnectedLine, ari.ChannelHold, ari.ChannelUnhold, ari.BridgeCreated:
		return true
	}
	return false
}

func isTransfer(ev *ari.Event) bool {
	return ev.Type == ari.BridgeBlindTransfer || ev.Type == ari.BridgeAttendedTransfer
}

// moved is the list with its event i in the place of event k.
func moved(events []ari.Event, i, k int) []ari.Event {
	ev := events[i]
	return slices.Insert(slices.Delete(slices.Clone(events), i, i+1), k, ev)
}

// swaps are the orders in which the events of a recording might as well have come: each
// pair of neighbours of different channels the other way round, each transfer elsewhere.
func (r *recording) swaps(calls map[string]string, try func(what string, events []ari.Event)) {
	events := slices.DeleteFunc(slices.Clone(r.events), func(ev ari.Event) bool { return isNoise(&ev) })
	for i := range events {
		ev := &events[i]
		if i > 0 && apart(ev, &events[i-1]) && ev.At.Sub(events[i-1].At) <= near {
			try(fmt.Sprintf("event %d (%s) before %d (%s)", i, ev.Type, i-1, events[i-1].Type), moved(events, i, i-1))
		}
		for k := range events {
			if away := ev.At.Sub(events[k].At).Abs(); isTransfer(ev) && away <= astray && k != i && !overtakes(events[i:max(i, k+1)], calls) {
				try(fmt.Sprintf("event %d (%s) in the place of %d (%s)", i, ev.Type, k, events[k].Type), moved(events, i, k))
			}
		}
	}
}

// overtakes says that one of the calls is over between two events. A transfer that is
// told only then tells nothing.
func overtakes(events []ari.Event, calls map[string]string) bool {
	return slices.ContainsFunc(events, func(ev ari.Event) bool {
		_, over := calls[ev.Channel.ID]
		return ev.Type == ari.ChannelDestroyed && over
	})
}

// TestOrder plays each recording in the other orders in which its events might have come:
// what became of an inbound call stays the same.
func TestOrder(t *testing.T) {
	played := 0
	for _, r := range recordings(t) {
		// In these the order itself decides: in the second the caller hangs up in the
		// instant in which the phones fall silent.
		if strings.HasPrefix(r.name, "races/") || strings.HasSuffix(r.name, "/paged-unanswered") {
			continue
		}
		whole := inbound(tell(t, call.New(trunk), r.events, nil))
		r.swaps(whole, func(what string, events []ari.Event) {
			played++
			got := inbound(tell(t, call.New(trunk), events, nil))
			for _, id := range slices.Sorted(maps.Keys(whole)) {
				if got[id] != whole[id] {
					t.Errorf("%s, %s:\n got %s\nwant %s", r.name, what, got[id], whole[id])
				}
			}
			if len(got) != len(whole) {
				t.Errorf("%s, %s: %d calls came in, want %d", r.name, what, len(got), len(whole))
			}
		})
	}
	t.Logf("%d orders of %d recordings", played, len(recordings(t)))
}

// inbound tells of each inbound call what became of it. Who passed each other in a bridge
// have not talked.
func inbound(to *told) map[string]string {
	calls := map[string]string{}
	for id, f := range to.ended {
		if f.Call.Direction == call.Inbound {
			c := joined(f.Call)
			c.Talks = slices.DeleteFunc(c.Talks, func(talk call.Talk) bool { return talk.Length(talk.End) < near })
			calls[id] = fmt.Sprint(summary(c), ", hung up ", c.HungUp)
		}
	}
	return calls
}

// TestBlondeTransferWithoutItsEvent keeps Asterisk's word of the transfer back: it
// may come too late.
func TestBlondeTransferWithoutItsEvent(t *testing.T) {
	for name, want := range map[string]call.How{"blonde-transfer": call.Person, "blonde-transfer-lost": call.LostInTransfer,
		"attended-transfer": call.Person, "local-group-answered": call.Person, "queue-of-locals": call.Person} {
		events := recorded(t, name)
		events = slices.DeleteFunc(events, func(ev ari.Event) bool { return ev.Type == ari.BridgeAttendedTransfer })
		for _, f := range tell(t, call.New(trunk), events, nil).ended {
			if f.Call.Direction == call.Inbound && f.Call.How != want {
				t.Errorf("%s: %s, want %s", name, f.Call.How, want)
			}
		}
	}
}
