package leads_test

import (
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/routing"
)

// TestTalksAreSummedUp holds what becomes of the talks of a call, which began
// at second 0 and ended at second 100.
func TestTalksAreSummedUp(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	sec := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	talk := func(who call.Party, from, to float64) call.Talk {
		return call.Talk{Channel: who.Endpoint, Who: who, Start: sec(from), End: sec(to)}
	}
	running := talk(boris, 40, 0)
	running.End = time.Time{}
	for _, c := range []struct {
		name       string
		talks      []call.Talk
		wait, talk float64
		by         string
		spoke      call.Party
		long       float64
		parted     float64
	}{
		{"none", nil, 100, 0, "", call.Party{}, 0, -1},
		{"one", []call.Talk{talk(anna, 10, 40)}, 10, 30, "101", anna, 30, 40},
		{"handed on", []call.Talk{talk(anna, 10, 20), talk(boris, 30, 90)}, 10, 70, "101", boris, 60, 90},
		{"a conference counts once", []call.Talk{talk(anna, 10, 40), talk(boris, 20, 30), talk(clara, 35, 60)}, 10, 50, "101", anna, 30, 60},
		{"the first outlasts the second", []call.Talk{talk(anna, 10, 90), talk(boris, 20, 30)}, 10, 80, "101", anna, 80, 90},
		{"one that was never seen to end", []call.Talk{running}, 40, 60, "102", boris, 60, 100},
		{"outside", []call.Talk{talk(mobile, 10, 40)}, 10, 30, "+79990001122", mobile, 30, 40},
		{"backwards", []call.Talk{talk(anna, 40, 10)}, 40, 0, "101", anna, 0.001, 40},
		{"no longer than a moment", []call.Talk{talk(anna, 10, 10)}, 10, 0, "101", anna, 0.001, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := call.Call{PBX: main, ID: "1.1", Direction: call.Inbound, Caller: client, Dialed: sales, Started: start, Ended: sec(100), How: call.Person, Talks: c.talks}
			office := newOffice()
			office.Directory.Pools[0].Missed = routing.Thresholds{} // any talk is one
			j := office.Judge(in, sec(1000))
			if j.Wait.Seconds() != c.wait || j.Talk.Seconds() != c.talk || j.AnsweredBy != c.by || j.Spoke != c.spoke || j.Long.Seconds() != c.long {
				t.Errorf("waited %v, talked %v, answered by %q, spoke with %v for %v", j.Wait, j.Talk, j.AnsweredBy, j.Spoke, j.Long)
			}
			if c.parted < 0 && !j.Parted.IsZero() || c.parted >= 0 && !j.Parted.Equal(sec(c.parted)) {
				t.Errorf("parted at %v", j.Parted)
			}
			if want := map[bool]routing.Verdict{true: routing.Answered, false: routing.Missed}[c.talks != nil]; j.Verdict != want {
				t.Errorf("the call is judged %s", j.Verdict)
			}
		})
	}
}

func TestWhoTheCallIsFor(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*call.Call)
		line   string
		pool   string
		caller string
	}{
		{"a line of a pool", func(c *call.Call) { c.Dialed = support }, "support", "support", client},
		{"as the trunk spells it", func(c *call.Call) { c.Dialed = "84951000002" }, "support", "support", client},
		{"no line", func(c *call.Call) { c.Dialed = "s" }, "", "default", client},
		{"a call out shows its line", func(c *call.Call) {
			c.Direction, c.Caller, c.Dialed = call.Outbound, support, client
		}, "support", "support", support},
		{"a PBX without a plan knows no country", func(c *call.Call) { c.PBX, c.Caller = "new", "89161234567" }, "sales", "default", "89161234567"},
		{"but reads whole numbers", func(c *call.Call) { c.PBX = "new" }, "sales", "default", client},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := call.Call{PBX: main, ID: "1.1", Direction: call.Inbound, Caller: client, Dialed: sales, How: call.NoAnswer}
			c.change(&in)
			j := newOffice().Judge(in, time.Now())
			if j.Line != c.line || j.Pool == nil || j.Pool.Name != c.pool || j.Caller.Value != c.caller {
				t.Errorf("line %q, pool %v, caller %q", j.Line, j.Pool, j.Caller.Value)
			}
			if verdict := map[call.Direction]routing.Verdict{call.Inbound: routing.Missed}[in.Direction]; j.Verdict != verdict {
				t.Errorf("the call is judged %q", j.Verdict)
			}
		})
	}
}

func TestPhonesAreNamedAsTheConfigurationNamesThem(t *testing.T) {
	office := newOffice()
	office.Directory.Managers[0].Devices[0].Extension = "8101"
	for want, c := range map[string]struct {
		pbx   string
		phone call.Party
	}{
		"8101":         {main, anna},
		"101":          {branch, anna}, // another PBX's phone of that name
		"102":          {main, boris},
		"100":          {branch, chief}, // a device of any PBX
		"trunk":        {main, call.Party{Endpoint: "PJSIP/trunk", Outside: true}},
		"+79990001122": {main, mobile},
		"odd":          {main, call.Party{Endpoint: "odd"}},
	} {
		if got := office.Name(c.pbx, office.Plans[c.pbx], c.phone); got != want {
			t.Errorf("%v at %s is named %q, want %q", c.phone, c.pbx, got, want)
		}
	}
}

// A call rings the same phone more than once in a hunt group.
func TestPhonesThatRangAreListedOnce(t *testing.T) {
	in := call.Call{PBX: main, ID: "1.1", Direction: call.Inbound, Caller: client, Dialed: sales, How: call.NoAnswer, Legs: []call.Leg{
		{Party: anna, Rang: true}, {Party: boris, Rang: true}, {Party: anna, Rang: true}, {Party: clara}}}
	if got := strings.Join(newOffice().Judge(in, time.Now()).Rang, " "); got != "101 102" {
		t.Errorf("rang: %s", got)
	}
	if listed := newOffice().Judge(in, time.Now()).Listed(); listed.Source != "ari" || len(listed.Rang) != 2 {
		t.Errorf("listed: %+v", listed)
	}
}

// A call in which only the robot speaks is the daemon's own, whatever the PBX
// shows of it; one that a key has connected is somebody's who calls out.
func TestCallsOfTheRobot(t *testing.T) {
	start := time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)
	trunk := call.Party{Endpoint: "PJSIP/trunk", Outside: true, Number: client}
	for _, c := range []struct {
		name      string
		direction call.Direction
		from      call.Party
		talk      time.Duration
		want      routing.Reason
	}{
		{"a manager is rung", call.Internal, anna, 0, routing.Own},
		{"a client is rung through the dialplan", call.Outbound, call.Party{}, 0, routing.Own},
		{"a client is rung by the trunk", call.Outbound, trunk, 0, routing.Own},
		{"a client is rung and given to a person", call.Outbound, call.Party{}, time.Minute, routing.Person},
		{"a manager is connected", call.Outbound, anna, time.Minute, routing.Person},
		{"a manager is connected, and nobody picks up", call.Outbound, anna, 0, routing.NoAnswer},
	} {
		t.Run(c.name, func(t *testing.T) {
			out := call.Call{PBX: main, ID: "ringback-1", Own: true, Direction: c.direction, From: c.from, Caller: sales, Dialed: client,
				Started: start, Ended: start.Add(2 * time.Minute), How: call.NoAnswer}
			if c.talk > 0 {
				out.How, out.Talks = call.Person, []call.Talk{{Channel: "1", Who: anna, Start: start, End: start.Add(c.talk)}}
			}
			verdict := routing.Verdict("")
			if c.want == routing.Own {
				verdict = routing.Ignored
			}
			if j := newOffice().Judge(out, start.Add(time.Hour)); j.Reason != c.want || j.Verdict != verdict {
				t.Errorf("judged %q %q, wanted %q %q", j.Verdict, j.Reason, verdict, c.want)
			}
		})
	}
}
