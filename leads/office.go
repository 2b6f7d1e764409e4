package leads

import (
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
	"ringback/leads/number"
	"ringback/routing"
)

// Office is what the configuration knows of the company: its lines, pools and
// people, and how each of its PBXes writes numbers.
type Office struct {
	Directory *routing.Directory
	// Plans reads numbers, by the name of the PBX; a PBX without one has no
	// home country.
	Plans map[string]*number.Plan
}

// Judged is a call with its verdict: what replay prints and the Book records.
type Judged struct {
	Call       string
	PBX        string
	Direction  call.Direction
	Caller     number.Number
	CallerName string
	Dialed     number.Number
	Line       string
	Pool       *routing.Pool
	Verdict    routing.Verdict // empty unless inbound, or the daemon's own
	Reason     routing.Reason
	Started    time.Time
	Ended      time.Time
	Wait, Talk time.Duration
	Rang       []string
	AnsweredBy string
	Voicemail  bool
	// Explanation says in words why the verdict is what it is; empty while the
	// call runs.
	Explanation string
	// Source is where the end of the call is known from.
	Source call.Source
	// GaveUp says that the caller hung up, as the PBX shows it.
	GaveUp bool
	// From is the phone that placed an outbound or internal call.
	From call.Party
	// Spoke is the phone of the longest talk, Long how long that was: who
	// reached the contact, in an outbound call.
	Spoke call.Party
	Long  time.Duration
	// Parted is when the last talk ended; zero where nobody talked. The call may
	// have gone on: to a menu, or unseen.
	Parted time.Time
}

// Judge gives a call its verdict. It is the same for a call that still runs: the
// verdict then is what it would be if the call ended now.
func (o *Office) Judge(c call.Call, now time.Time) Judged {
	plan := o.plan(c.PBX)
	j := Judged{Call: c.ID, PBX: c.PBX, Direction: c.Direction, CallerName: c.CallerName,
		Caller: plan.Read(c.Caller), Dialed: plan.Read(c.Dialed),
		Started: c.Started, Ended: c.Ended, Voicemail: c.Message, From: c.From, Source: c.Source}
	running := j.Ended.IsZero()
	if running {
		j.Ended = now
	}
	if j.Started.IsZero() || !running && j.Started.After(j.Ended) {
		// The PBX has not said when, or its clock was set back meanwhile. The year
		// 1 lies before every talk there was, and a call of less than no length
		// would be too short to count: either would lose a miss.
		j.Started = j.Ended
	}
	line := o.Directory.Line(c.PBX, c.Dialed, j.Dialed.Value)
	if c.Direction != call.Inbound {
		line = o.Directory.Line(c.PBX, c.Caller, j.Caller.Value)
	}
	if line != nil {
		j.Line = line.Name
	}
	j.Pool = o.Directory.PoolOf(line)
	inside, outside := o.talks(c, plan, &j)
	for _, l := range c.Legs {
		if l.Rang {
			j.Rang = appendNew(j.Rang, oneWord(o.Name(c.PBX, plan, l.Party)))
		}
	}
	j.Reason = routing.Reason(c.How)
	j.GaveUp = j.Reason.GaveUp()
	if c.Direction == call.Inbound && j.Pool != nil {
		j.Verdict, j.Reason = j.Pool.Judge(routing.Ending{
			Shown: j.Reason, Talk: inside, OutsideTalk: outside, Rang: len(j.Rang) > 0,
			Started: j.Started, Ended: j.Ended, Application: c.Application, Context: c.Context,
			Line: j.Line, Caller: j.Caller.Value, Message: c.Message, Own: c.Own,
		})
	}
	if robot(&c) && j.Long == 0 {
		j.Verdict, j.Reason = routing.Ignored, routing.Own
	}
	if j.Verdict == routing.Missed && !running {
		j.AnsweredBy = "" // while it runs it is whoever talks now, however short as yet
	}
	if !running {
		j.Explanation = o.explain(&c, &j)
	}
	return j
}

// robot says that nobody but the daemon has called: a manager was rung, or a
// client. Once a key has connected the two, a phone of the house calls the client.
func robot(c *call.Call) bool {
	return c.Own && (c.Direction == call.Internal || c.Direction == call.Outbound && (c.From.Outside || c.From.Endpoint == ""))
}

// talks sums up a call's talks: how long the caller waited for the first person
// reached, who that was, how long all talks lasted, and the longest with phones
// of the house and with legs that left by a trunk. Times at which several persons
// shared the bridge count once. Of a call that reached nobody the first who
// picked up is who answered.
func (o *Office) talks(c call.Call, plan *number.Plan, j *Judged) (inside, outside time.Duration) {
	j.Wait = nonNegative(j.Ended.Sub(j.Started))
	var until time.Time
	reached, answered := false, false
	for i, t := range c.Talks {
		length := nonNegative(t.Length(j.Ended))
		end := t.Start.Add(length)
		if i == 0 {
			until = t.Start
		}
		if from := later(t.Start, until); end.After(from) {
			j.Talk += end.Sub(from)
			until = end
		}
		// A talk that happened is never zero: zero means none.
		length = max(length, time.Millisecond)
		if t.Who.Outside {
			outside = max(outside, length)
		} else {
			inside = max(inside, length)
		}
		j.Parted = later(j.Parted, end)
		if length > j.Long {
			j.Spoke, j.Long = t.Who, length
		}
		now := !reached && (c.Direction != call.Inbound || j.Pool == nil || j.Pool.Reached(length, t.Who.Outside))
		// Of a call inside the house somebody of the house has answered, whoever was
		// put through to them.
		inHouse := c.Direction == call.Internal && !t.Who.Outside && !answered
		if now {
			j.Wait, reached = nonNegative(t.Start.Sub(j.Started)), true
		}
		if now || inHouse || j.AnsweredBy == "" {
			j.AnsweredBy = o.Name(c.PBX, plan, t.Who)
			answered = answered || !t.Who.Outside
		}
	}
	return inside, outside
}

// Name is how call lists name a party: the extension where the configuration
// knows it, otherwise the endpoint, and an outside leg by its number.
func (o *Office) Name(pbx string, plan *number.Plan, p call.Party) string {
	if p.Outside {
		if number := plan.Read(p.Number); number.Value != "" {
			return number.Value
		}
	}
	if _, device := o.Directory.Holder(pbx, p.Endpoint); device != nil {
		return device.ShownAs()
	}
	_, name, ok := strings.Cut(p.Endpoint, "/")
	if !ok {
		return p.Endpoint
	}
	return name
}

var noPlan = &number.Plan{}

func (o *Office) plan(pbx string) *number.Plan {
	if p := o.Plans[pbx]; p != nil {
		return p
	}
	return noPlan
}

// person is the login behind a phone, or empty.
func (o *Office) person(pbx string, p call.Party) string {
	if m, _ := o.Directory.Holder(pbx, p.Endpoint); m != nil && !p.Outside {
		return m.Login
	}
	return ""
}

// oneWord takes the spaces out of a phone's name: the phones that rang stand in
// the database separated by spaces, and an outside leg's number may be any text.
func oneWord(s string) string { return strings.Join(strings.Fields(s), "-") }

func appendNew(list []string, s string) []string {
	if s == "" || slices.Contains(list, s) {
		return list
	}
	return append(list, s)
}

func nonNegative(d time.Duration) time.Duration { return max(d, 0) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
