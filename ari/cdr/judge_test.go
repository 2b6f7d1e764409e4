package cdr_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/ari/cdr"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

// house is a PBX whose trunk has been seen before.
var house = cdr.Judge{Options: call.Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: "ringback-",
	Trunks: []string{"PJSIP/trunk"}, Phones: []string{"PJSIP/101", "PJSIP/102"}}}

// came is a record of a caller from outside who began at noon; answer and end are
// seconds after, a negative answer is none.
func came(peer, app, data string, start, answer, end int, d cdr.Disposition) cdr.Record {
	r := cdr.Record{UniqueID: "1795348800.1", LinkedID: "1795348800.1", Began: noon, Start: at(start), End: at(end), Source: "79161234567",
		CallerID: `"Ivan" <79161234567>`, Dialed: "74951000001", Context: "from-trunk", Channel: "PJSIP/trunk-00000001", Peer: peer,
		App: app, AppData: data, Disposition: d, Sequence: int64(start)}
	if answer >= 0 {
		r.Answer = at(answer)
	}
	return r
}

func only(t *testing.T, j cdr.Judge, log cdr.Log) cdr.Told {
	t.Helper()
	told := j.Calls(log)
	if len(told) != 1 {
		t.Fatalf("%d calls: %+v", len(told), told)
	}
	return told[0]
}

// far makes of a record one of the far half of a Local pair.
func far(r cdr.Record) cdr.Record {
	r.Channel, r.UniqueID = "Local/1@m-1;2", "1795348800.3"
	return r
}

// TestTalksAreNoLongerThanProven holds the length of a talk against what its records
// prove: the time of the answer may be that of a greeting.
func TestTalksAreNoLongerThanProven(t *testing.T) {
	const phone, trunk = "PJSIP/101-00000002", "PJSIP/trunk-00000002"
	for name, test := range map[string]struct {
		records []cdr.Record
		length  time.Duration
	}{
		"picked up after some ringing":            {[]cdr.Record{came(phone, "Dial", "PJSIP/101,30", 0, 8, 50, cdr.Answered)}, 42 * time.Second},
		"answered at once, by whom nobody knows":  {[]cdr.Record{came(phone, "Dial", "PJSIP/101,30", 0, 0, 50, cdr.Answered)}, 30 * time.Second},
		"answered at once, and soon over":         {[]cdr.Record{came(phone, "Dial", "PJSIP/101,30", 0, 0, 7, cdr.Answered)}, 7 * time.Second},
		"a trunk, answered at once":               {[]cdr.Record{came(trunk, "Dial", "PJSIP/79161112233@trunk,30", 0, 0, 50, cdr.Answered)}, 0},
		"longer than a greeting and the ringing":  {[]cdr.Record{came(trunk, "Dial", "PJSIP/79161112233@trunk,30", 0, 0, 300, cdr.Answered)}, 210 * time.Second},
		"nobody knows how long it rang":           {[]cdr.Record{came(trunk, "Dial", "PJSIP/79161112233@trunk", 0, 0, 300, cdr.Answered)}, 0},
		"the time of ringing was cut off":         {[]cdr.Record{came(trunk, "Dial", "PJSIP/101&"+strings.Repeat("PJSIP/102&", 9)+"PJSIP/103,30", 0, 0, 300, cdr.Answered)}, 0},
		"the second, and a trunk":                 {[]cdr.Record{came(phone, "Dial", "PJSIP/101,4", 0, 0, 4, cdr.NoAnswer), came(trunk, "Dial", "PJSIP/79161112233@trunk,10", 4, 4, 32, cdr.Answered)}, 18 * time.Second},
		"a pair, and a trunk behind it":           {[]cdr.Record{came("Local/1@m-1;1", "Dial", "Local/1@m/n,12", 0, 0, 25, cdr.Answered), far(came(trunk, "Dial", "PJSIP/79161112233@trunk", 0, 1, 25, cdr.Answered))}, 24 * time.Second},
		"a pair, answered before its trunk":       {[]cdr.Record{came("Local/1@m-1;1", "Dial", "Local/1@m/n", 0, 0, 25, cdr.Answered), far(came(phone, "Dial", "PJSIP/101,4", 0, 0, 4, cdr.NoAnswer)), far(came(trunk, "Dial", "PJSIP/79161112233@trunk,10", 4, 4, 25, cdr.Answered))}, 11 * time.Second},
		"a queue with a limit":                    {[]cdr.Record{came(trunk, "Queue", "sales,t,,,20", 0, 0, 300, cdr.Answered)}, 220 * time.Second},
		"the second phone, after a greeting":      {[]cdr.Record{came("PJSIP/102-00000003", "Dial", "PJSIP/102,5", 0, 3, 8, cdr.NoAnswer), came(phone, "Dial", "PJSIP/101,5", 8, 8, 40, cdr.Answered)}, 30 * time.Second},
		"the second phone, and nobody greeted":    {[]cdr.Record{came("PJSIP/102-00000003", "Dial", "PJSIP/102,5", 0, -1, 5, cdr.NoAnswer), came(phone, "Dial", "PJSIP/101,15", 5, 11, 40, cdr.Answered)}, 29 * time.Second},
		"put through, which needs no ringing":     {[]cdr.Record{came("PJSIP/102-00000003", "Dial", "PJSIP/102,5", 0, 4, 20, cdr.Answered), came(phone, "Dial", "PJSIP/102,5", 20, 20, 60, cdr.Answered)}, 40 * time.Second},
		"a clock that was set back in the record": {[]cdr.Record{came(phone, "Dial", "PJSIP/101,30", 60, 68, 10, cdr.Answered)}, 0},
	} {
		told := only(t, house, cdr.Log{Records: test.records})
		var most time.Duration
		for _, talk := range told.Talks {
			most = max(most, talk.Length(told.Ended))
		}
		if told.How != call.Person || most != test.length || len(told.Talks) == 0 {
			t.Errorf("%s: %s, %v: %+v", name, told.How, most, told.Talks)
		}
	}
}

// TestAnsweredByAMachine tells no talk where the PBX has answered and nobody else.
func TestAnsweredByAMachine(t *testing.T) {
	for how, r := range map[call.How]cdr.Record{
		call.IVREnded:         came("", "Hangup", "", 0, 0, 90, cdr.Answered),
		call.AbandonedIVR:     came("", "BackGround", "menu", 0, 0, 90, cdr.Answered),
		call.Voicemail:        came("", "VoiceMail", "101@default,u", 0, 0, 90, cdr.Answered),
		call.AbandonedQueue:   came("PJSIP/101-00000002", "Queue", "sales", 0, 0, 90, cdr.NoAnswer),
		call.AbandonedRinging: came("PJSIP/101-00000002", "Dial", "PJSIP/101,200", 0, 0, 90, cdr.NoAnswer),
		call.NoAnswer:         came("PJSIP/101-00000002", "Dial", "PJSIP/101,90", 0, -1, 90, cdr.NoAnswer),
		call.Busy:             came("PJSIP/101-00000002", "Dial", "PJSIP/101,90", 0, -1, 1, cdr.Busy),
		call.Unreachable:      came("", "Dial", "PJSIP/101,90", 0, -1, 0, cdr.Failed),
		call.Failed:           came("", "Congestion", "", 0, -1, 0, cdr.Congestion),
	} {
		told := only(t, house, cdr.Log{Records: []cdr.Record{r}})
		if told.How != how || len(told.Talks) > 0 || told.Direction != call.Inbound || told.Caller != r.Source || told.CallerName != "Ivan" || told.Dialed != r.Dialed {
			t.Errorf("want %s: %+v", how, told.Call)
		}
	}
}

// TestQueueLog takes the length of a talk and the reason of a miss from the log of
// queues.
func TestQueueLog(t *testing.T) {
	said := func(seconds int, event string) cdr.QueueEvent {
		return cdr.QueueEvent{At: at(seconds), Call: "1795348800.1", Queue: "sales", Event: event}
	}
	enter := said(1, "ENTERQUEUE")
	talked := came("PJSIP/101-00000002", "Queue", "sales,t", 0, 0, 90, cdr.Answered)
	told := only(t, house, cdr.Log{Records: []cdr.Record{talked}, Queue: []cdr.QueueEvent{enter, said(20, "CONNECT"), said(80, "COMPLETECALLER")}})
	if told.How != call.Person || len(told.Talks) != 1 || told.Talks[0].Length(told.Ended) != 59*time.Second {
		t.Errorf("the queue knows how long the talk was: %+v", told.Call)
	}
	told = only(t, house, cdr.Log{Records: []cdr.Record{talked}, Queue: []cdr.QueueEvent{enter, said(88, "ABANDON")}})
	if told.How == call.Person || len(told.Talks) > 0 {
		t.Errorf("the queue knows of no talk: %+v", told.Call)
	}
	waited := came("", "Hangup", "", 0, 0, 90, cdr.Answered)
	for event, how := range map[string]call.How{"EXITWITHTIMEOUT": call.QueueTimeout, "EXITEMPTY": call.QueueEmpty, "EXITWITHKEY": call.QueueKey, "ABANDON": call.AbandonedQueue} {
		told := only(t, house, cdr.Log{Records: []cdr.Record{waited}, Queue: []cdr.QueueEvent{enter, said(60, event)}})
		if told.How != how {
			t.Errorf("%s is %s, want %s", event, told.How, how)
		}
	}
}

// TestTimesAreOurs adds the offset to all that the PBX's clock has told.
func TestTimesAreOurs(t *testing.T) {
	j := house
	j.Offset = -90 * time.Second
	told := only(t, j, cdr.Log{Records: []cdr.Record{came("PJSIP/101-00000002", "Dial", "PJSIP/101,30", 0, 8, 50, cdr.Answered)}})
	if !told.Started.Equal(at(-90)) || !told.Ended.Equal(at(-40)) || !told.Talks[0].Start.Equal(at(-82)) {
		t.Errorf("%+v", told.Call)
	}
}

// TestNamesReturn keeps apart calls whose channels have the same names: Asterisk
// counts anew when it starts.
func TestNamesReturn(t *testing.T) {
	first, second := came("PJSIP/101-00000002", "Dial", "PJSIP/101,30", 0, -1, 30, cdr.NoAnswer), came("PJSIP/101-00000002", "Dial", "PJSIP/101,30", 600, 610, 700, cdr.Answered)
	second.UniqueID, second.LinkedID = "1795349400.1", "1795349400.1"
	for _, linked := range []bool{true, false} {
		log := cdr.Log{Records: []cdr.Record{first, second}}
		if !linked {
			log.Records[0].LinkedID, log.Records[1].LinkedID = "", ""
		}
		told := house.Calls(log)
		if len(told) != 2 || told[0].How == call.Person || told[1].How != call.Person {
			t.Errorf("%+v", told)
		}
	}
}

// TestTrunkNotSeenBefore takes a call for one from outside by the context in which
// it ended, by the number that FreePBX notes, and by what came in by the same trunk.
func TestTrunkNotSeenBefore(t *testing.T) {
	j := house
	j.Options.Trunks = nil
	moved := came("", "Hangup", "", 0, 0, 9, cdr.Answered)
	moved.Context, moved.Dialed = "menu", "s"
	did := moved
	did.DID = "74951000002"
	other := came("", "Hangup", "", 60, 60, 69, cdr.Answered)
	other.UniqueID, other.LinkedID, other.Channel = "1795348860.5", "1795348860.5", "PJSIP/trunk-00000005"
	for _, log := range []cdr.Log{{Records: []cdr.Record{did}}, {Records: []cdr.Record{moved, other}}} {
		told := j.Calls(log)
		if len(told) != len(log.Records) || told[0].Direction != call.Inbound || told[0].Dialed == "s" {
			t.Errorf("%+v", told)
		}
	}
	if told := only(t, j, cdr.Log{Records: []cdr.Record{did}}); told.Dialed != did.DID {
		t.Errorf("dialed %q", told.Dialed)
	}
}

// TestComplete lets the records end a talk that ran when the watching ended, and
// does not believe them where the hangup was seen.
func TestComplete(t *testing.T) {
	anna := call.Party{Endpoint: "PJSIP/101"}
	known := call.Call{PBX: "main", ID: "1795348800.1", Direction: call.Inbound, Caller: "79161234567", Dialed: "74951000001",
		Started: noon.Add(300 * time.Millisecond), How: call.Person, Unseen: true,
		Legs:  []call.Leg{{Party: anna, Channel: "1795348800.2", Rang: true, Outcome: call.LegAnswered, Dialed: 100}},
		Talks: []call.Talk{{Channel: "1795348800.2", Who: anna, Start: at(9), End: at(12)}}}
	told := only(t, house, cdr.Log{Records: []cdr.Record{came("PJSIP/101-00000002", "Dial", "PJSIP/101,30", 0, 0, 50, cdr.Answered)}})
	c := house.Complete(known, told)
	if c.How != call.Person || len(c.Talks) != 1 || c.Talks[0].Length(c.Ended) != 41*time.Second || len(c.Legs) != 1 || c.Started != known.Started || c.Unseen || c.Source != call.Records {
		t.Errorf("%+v", c)
	}
	known.Talks, known.How, known.HungUp = nil, call.AbandonedRinging, true
	if c := house.Complete(known, told); c.How != call.AbandonedRinging {
		t.Errorf("the hangup was seen: %s", c.How)
	}
}

// TestTalkThatRanWhenItWasFirstSeen lets the records tell since when: a talk that
// begins while it is watched began when that was seen, and not some tenths before.
func TestTalkThatRanWhenItWasFirstSeen(t *testing.T) {
	anna := call.Party{Endpoint: "PJSIP/101"}
	told := only(t, house, cdr.Log{Records: []cdr.Record{came("PJSIP/101-00000002", "Dial", "PJSIP/101,30", 0, 8, 13, cdr.Answered)}})
	for first, length := range map[time.Time]time.Duration{at(11): 5 * time.Second, at(8).Add(700 * time.Millisecond): 4300 * time.Millisecond} {
		c := house.Complete(call.Call{PBX: "main", ID: "1795348800.1", Direction: call.Inbound, Started: noon, How: call.Person, Unseen: true,
			Talks: []call.Talk{{Channel: "1795348800.2", Who: anna, Start: first, End: at(12)}}}, told)
		if len(c.Talks) != 1 || c.Talks[0].Length(c.Ended) != length {
			t.Errorf("first seen at %v: %+v, want %v", first, c.Talks, length)
		}
	}
}

// FuzzCalls feeds the judge hostile rows: it never breaks, tells each call once, and
// tells of no talk without a record that says ANSWERED.
func FuzzCalls(f *testing.F) {
	f.Add("PJSIP/trunk-1|PJSIP/101-2|Dial|PJSIP/101,30|ANSWERED|0|5|60\nLocal/1@a-1;2|Local/1@a-1;1|Dial|Local/1@a|ANSWERED|0|0|9", uint8(0))
	f.Add("PJSIP/trunk-1|Local/1@a-1;1|Queue|q|ANSWERED|0|0|9\nLocal/1@a-1;2|Local/2@a-2;1|Dial|x|ANSWERED|0|0|9\nLocal/2@a-2;2|Local/1@a-1;1|Dial|x|ANSWERED|0|0|9", uint8(1))
	f.Add("PJSIP/trunk-1||VoiceMail||NO ANSWER|9||1", uint8(2))
	f.Fuzz(func(t *testing.T, text string, ids uint8) {
		var log cdr.Log
		answered := false
		for i, line := range strings.Split(text, "\n") {
			fields := append(strings.Split(line, "|"), make([]string, 8)...)
			number := func(s string) (n int) { fmt.Sscanf(s, "%d", &n); return n % 100000 }
			r := came(fields[1], fields[2], fields[3], number(fields[5]), -1, number(fields[7]), cdr.Disposition(fields[4]))
			if fields[6] != "" {
				r.Answer = at(number(fields[6]))
			}
			r.Channel, r.UniqueID, r.Sequence = fields[0], fmt.Sprint(i%int(ids/2+1)), int64(i)
			if ids%2 == 0 {
				r.LinkedID = "0"
			}
			answered = answered || r.Disposition == cdr.Answered
			log.Records = append(log.Records, r)
			log.Events = append(log.Events, cdr.Event{Type: fields[2], At: r.Start, UniqueID: r.UniqueID, LinkedID: r.LinkedID, Channel: r.Channel, Extra: fields[3]})
			log.Queue = append(log.Queue, cdr.QueueEvent{At: r.End, Call: r.UniqueID, Event: fields[2]})
		}
		for _, j := range []cdr.Judge{house, {}} {
			seen := map[string]bool{}
			for _, told := range j.Calls(log) {
				if seen[told.ID] {
					t.Fatalf("call %s is told twice", told.ID)
				}
				seen[told.ID] = true
				if told.Ended.Before(told.Started) || told.How == "" {
					t.Fatalf("%+v", told.Call)
				}
				j.Complete(call.Call{ID: told.ID, Talks: told.Talks}, told)
			}
			log.Events = nil
			for _, told := range j.Calls(log) {
				if len(told.Talks) > 0 && !answered {
					t.Fatalf("nobody answered, and there was a talk: %+v", told.Call)
				}
			}
		}
	})
}

// within fails where something takes longer than any machine needs for what grows
// with the rows alone.
func within(t *testing.T, what string, most time.Duration, do func()) {
	t.Helper()
	began := time.Now()
	if do(); time.Since(began) > most {
		t.Errorf("%s: %v", what, time.Since(began))
	}
}

// TestCostOfLongCalls tells calls of which thousands of rows tell, and those through
// many Local pairs, in a time that grows with the rows alone.
func TestCostOfLongCalls(t *testing.T) {
	var long cdr.Log
	for i := range 2400 {
		long.Records = append(long.Records, came(fmt.Sprintf("PJSIP/101-%08x", i), "Queue", "sales,t", 20*i, 0, 20*i+9, cdr.Answered))
		if i%2 == 0 {
			long.Queue = append(long.Queue, cdr.QueueEvent{At: at(20*i + 3), Call: "1795348800.1", Event: "CONNECT"},
				cdr.QueueEvent{At: at(20*i + 7), Call: "1795348800.1", Event: "COMPLETECALLER"})
		}
	}
	within(t, "a call that came to a queue 2400 times", 10*time.Second, func() {
		told := only(t, house, long)
		if first := told.Talks[0]; told.How != call.Person || !first.Start.Equal(at(4)) || !first.End.Equal(at(7)) {
			t.Errorf("%s, %+v", told.How, first)
		}
	})
	nested := cdr.Log{Records: []cdr.Record{came("Local/1@a-0000;1", "Dial", "Local/1@a", 0, 3, 60, cdr.Answered)}}
	for i := range 26 {
		for turn := range 2 {
			r := came(fmt.Sprintf("Local/1@a-%04d;1", i+1), "Dial", "Local/1@a", 0, 3, 60, cdr.Answered)
			r.Channel, r.UniqueID, r.Sequence = fmt.Sprintf("Local/1@a-%04d;2", i), fmt.Sprintf("1795348800.%d", i+2), int64(turn)
			if i == 25 {
				r.Peer, r.AppData = "PJSIP/101-00000002", "PJSIP/101"
			}
			nested.Records = append(nested.Records, r)
		}
	}
	within(t, "26 pairs in each other", 10*time.Second, func() {
		if told := only(t, house, nested); told.How != call.Person || len(told.Talks) == 0 || told.Talks[0].Length(told.Ended) != 57*time.Second {
			t.Errorf("%+v", told.Call)
		}
	})
}
