package call_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"ringback/ari"
	"ringback/ari/call"
)

var rewrite = flag.Bool("update", false, "write testdata/calls/without-varset.want anew: read the difference!")

// TestWithoutVarset filters ChannelVarset out, as an administrator may to spare the
// PBX: the golden file says which inbound calls are told more coarsely then.
func TestWithoutVarset(t *testing.T) {
	changes := map[string][]string{}
	for _, r := range recordings(t) {
		thin := slices.DeleteFunc(slices.Clone(r.events), func(ev ari.Event) bool { return ev.Type == ari.ChannelVarset })
		whole, got := tell(t, call.New(trunk), r.events, nil), tell(t, call.New(trunk), thin, nil)
		for id, f := range whole.ended {
			if f.Call.Direction != call.Inbound {
				continue
			}
			if full, coarse := reason(f.Call), reason(got.ended[id].Call); full != coarse {
				change := full + " → " + coarse
				changes[change] = append(changes[change], r.name)
			}
		}
	}
	var table bytes.Buffer
	fmt.Fprintln(&table, "# Inbound calls of the recordings that are told otherwise without ChannelVarset.")
	for _, change := range slices.Sorted(maps.Keys(changes)) {
		slices.Sort(changes[change])
		fmt.Fprintf(&table, "%d %s: %s\n", len(changes[change]), change, strings.Join(changes[change], " "))
	}
	file := recordingsDir + "without-varset.want"
	if *rewrite {
		if err := os.WriteFile(file, table.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(want, table.Bytes()) {
		t.Errorf("%v, got\n%s", err, &table)
	}
}

// reason is what a verdict says of a call.
func reason(c call.Call) string {
	s := string(c.How)
	if c.Message {
		s += ", message"
	}
	return s
}

// TestIDs plays each recording with ids that carry no system name, and with ids of another
// system: what became of the calls stays the same.
func TestIDs(t *testing.T) {
	for _, r := range recordings(t) {
		whole := tell(t, call.New(trunk), r.events, nil)
		for _, id := range []func(string) string{
			func(id string) string { return strings.TrimPrefix(id, "office-") },
			func(id string) string { return "branch-7-" + strings.TrimPrefix(id, "office-") },
		} {
			got := tell(t, call.New(trunk), renamed(r.events, id), nil)
			for old, f := range whole.ended {
				want, now := f.Call, got.ended[id(old)].Call
				if want.ID = id(old); summary(now) != summary(want) || reason(now) != reason(want) {
					t.Errorf("%s:\n got %s\nwant %s", r.name, summary(now), summary(want))
				}
			}
			if len(got.ended) != len(whole.ended) {
				t.Errorf("%s: %d calls, want %d", r.name, len(got.ended), len(whole.ended))
			}
		}
	}
}

// TestWithoutLinkedID kills the watching of a PBX that does not show linked ids: the calls
// that were known come to the same end.
func TestWithoutLinkedID(t *testing.T) {
	for _, r := range recordings(t) {
		if strings.HasPrefix(r.name, "races/") {
			continue
		}
		bare := recording{r.name, slices.Clone(r.events)}
		for i := range bare.events {
			bare.events[i].Channel.LinkedID, bare.events[i].Peer.LinkedID = "", ""
		}
		whole := inbound(tell(t, call.New(trunk), r.events, nil))
		bare.resumed(t, func(k int, _ *call.Tracker, all *told) {
			got := inbound(all)
			for id, want := range whole {
				if got[id] != want {
					t.Errorf("%s, cut before event %d (%s):\n got %s\nwant %s", r.name, k, r.events[k].Type, got[id], want)
				}
			}
		})
	}
}
