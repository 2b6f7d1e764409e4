package cdr

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// talk is a talk as the rows tell it, with the name of the channel talked with.
type talk struct {
	call.Talk
	name string
	// since is the sequence of the row that tells of it: within a second it says
	// what came first.
	since int64
	// by is the record of somebody who came to the caller; nil: the caller's own.
	by *Record
}

const (
	// quick is how soon after its beginning a call is taken to have been answered by
	// the PBX and not by whom it rang: only the first moves the time of the answer
	// away from that of the talk.
	quick = rounding
	// greeting is how long a caller is taken to have been played to at most before
	// phones were rung.
	greeting = time.Minute
	// farHalf ends the name of that half of a Local pair which runs the dialplan.
	farHalf = ";2"
	// assumed is how long a talk in the house is told to have lasted at most where it
	// is not known when the phone was picked up.
	assumed = 30 * time.Second
)

// talks are those that the channel had with phones and trunks, in the order of
// their beginning: by the events where they tell all of it, else by the records.
func (g *group) talks(c *channel) []talk {
	var list []talk
	if _, ok := call.Endpoint(c.name); ok && c.watched() {
		list = g.talksSeen(c)
	} else {
		seen, known := map[*channel]bool{c: true}, map[*Record][]talk{}
		for _, r := range c.rows {
			list = append(list, g.talksIn(c, r, seen, known)...)
		}
		list = append(list, g.talksTo(c)...)
	}
	slices.SortStableFunc(list, func(a, b talk) int {
		return cmp.Or(a.Start.Compare(b.Start), cmp.Compare(a.since, b.since), strings.Compare(a.name, b.name))
	})
	return list
}

// talksSeen are the talks by the bridges.
func (g *group) talksSeen(c *channel) []talk {
	var list []talk
	for _, m := range g.meetings() {
		other := m.b
		switch c.id {
		case m.a:
		case m.b:
			other = m.a
		default:
			continue
		}
		o := g.byID[other]
		list = append(list, talk{Talk: call.Talk{Channel: o.id, Who: g.party(o, o.name, nil), Start: m.from, End: m.to}, name: o.name})
	}
	return list
}

// talksIn are the talks that one record of a channel proves: with the phone at its
// other end, or with those behind the Local pair there. seen holds the channels on
// the way, so that a loop of pairs has an end; known is what was found in records
// already, of which several lead to the same.
func (g *group) talksIn(c *channel, r *Record, seen map[*channel]bool, known map[*Record][]talk) []talk {
	if r.Peer == "" || r.Disposition != Answered || r.Answer.IsZero() {
		return nil
	}
	if _, ok := call.Endpoint(r.Peer); ok {
		from := later(r.Start, r.Answer)
		if from.After(r.End) {
			from = r.End
		}
		t := talk{Talk: call.Talk{Channel: g.idOf(r.Peer), Who: g.party(g.byName[r.Peer], r.Peer, r), Start: g.proven(c, r, from), End: r.End}, name: r.Peer, since: r.Sequence}
		return []talk{t}
	}
	far := g.byName[call.OtherHalf(r.Peer)]
	if far == nil || seen[far] {
		return nil
	}
	if list, done := known[r]; done {
		return list
	}
	seen[far] = true
	defer delete(seen, far)
	var list []talk
	for _, behind := range far.rows {
		for _, t := range g.talksIn(far, behind, seen, known) {
			if strings.EqualFold(r.App, "followme") && !r.Start.After(behind.Answer) {
				continue // who picked up is asked whether they want the call
			}
			if len(list) < maxTalks && t.narrow(r) {
				t.since = max(t.since, r.Sequence)
				list = append(list, t)
			}
		}
	}
	known[r] = list
	return list
}

// narrow cuts a talk to the time in which the nearer half of the way was up too; it
// is false when there is none.
func (t *talk) narrow(r *Record) bool {
	from, to := later(t.Start, later(r.Start, r.Answer)), t.End
	if r.End.Before(to) {
		to = r.End
	}
	if from.After(to) && t.Start.Equal(t.End) && !r.End.Before(t.End.Add(-rounding)) {
		from = to // its length is not known, its end is
	}
	if from.After(to) {
		return false
	}
	t.Start, t.End = from, to
	return true
}

// talksTo are the talks with somebody who came to the channel: who took it out of
// music or a conference.
func (g *group) talksTo(c *channel) []talk {
	var list []talk
	for _, r := range g.peers[c.name] {
		o := g.byID[r.UniqueID]
		if _, ok := call.Endpoint(o.name); !ok || o == c || r.Disposition != Answered || r.Answer.IsZero() || ringsPhones(r.App) {
			continue
		}
		end := r.End
		if n := len(c.rows); n > 0 && c.rows[n-1].End.Before(end) {
			end = c.rows[n-1].End
		}
		list = append(list, talk{Talk: call.Talk{Channel: o.id, Who: g.party(o, o.name, nil), Start: end, End: end}, name: o.name, since: r.Sequence, by: r})
	}
	return list
}

// proven is from when on the talk of a record is told. The time of the answer is
// that of the channel's first, which may have been a greeting's. That the phone was
// picked up is certain all the same; when, is not. Of a phone of the house the end
// of that time is taken for the talk, so that whoever spoke after a menu or a queue
// is not called back: a pick-up that was over at once cannot be told from it. What
// left by a trunk may be a voicemail: there only what is longer than a greeting and
// the ringing can last is told as a talk. A greeting is in the channel's first record;
// a later one begins where its phone begins to be dialed. The far half of a Local pair
// answers nobody by itself: its answer is that of whom it has dialed.
func (g *group) proven(c *channel, r *Record, from time.Time) time.Time {
	endpoint, _ := call.Endpoint(r.Peer)
	if strings.EqualFold(r.App, "dial") && len(r.AppData) < clippedData && !strings.Contains(r.AppData, endpoint) && talkedBefore(c, r) {
		return from // it was not dialed for them, they were put through to it: the record begins with the talk
	}
	if !g.answeredBefore(c, r) {
		return from
	}
	if !g.outside(endpoint) {
		return later(from, r.End.Add(-assumed))
	}
	if strings.HasSuffix(c.name, farHalf) && !g.answeredEarlier(c, r) {
		return from
	}
	wait, said := r.ringTime()
	if c.rows[0] == r {
		wait += greeting
	}
	if sure := from.Add(wait); said && sure.Before(r.End) {
		return sure
	}
	return r.End
}

// answeredBefore says that a channel may have been answered before a record's
// phone was rung.
func (g *group) answeredBefore(c *channel, r *Record) bool {
	return g.answeredEarlier(c, r) || r.Answer.Sub(c.rows[0].Start) < quick
}

// answeredEarlier says that a channel was answered in a record before.
func (g *group) answeredEarlier(c *channel, r *Record) bool {
	for _, earlier := range c.rows {
		if earlier == r {
			break
		}
		if !earlier.Answer.IsZero() {
			return true
		}
	}
	return false
}

// talkedBefore says that the record before is of a talk, which this one goes on with.
func talkedBefore(c *channel, r *Record) bool {
	i := slices.Index(c.rows, r)
	return i > 0 && c.rows[i-1].Peer != "" && c.rows[i-1].Disposition == Answered && c.rows[i-1].AppData == r.AppData
}

// party is who stands at the end of a channel that was dialed by a record.
func (g *group) party(c *channel, name string, r *Record) call.Party {
	endpoint, _ := call.Endpoint(name)
	p := call.Party{Endpoint: endpoint, Outside: g.outside(endpoint)}
	if !p.Outside {
		return p
	}
	if r != nil {
		p.Number = dialedBy(r, endpoint)
	}
	if p.Number == "" {
		p.Number = g.numberOf(c, name)
	}
	return p
}

// numberOf is the number of somebody outside: whom a record of the group has dialed
// by the channel, or what the channel itself shows.
func (g *group) numberOf(c *channel, name string) string {
	endpoint, _ := call.Endpoint(name)
	for _, r := range g.peers[name] {
		if number := dialedBy(r, endpoint); number != "" {
			return number
		}
	}
	if c == nil {
		return ""
	}
	for _, e := range c.events {
		if e.CallerNumber != "" {
			return e.CallerNumber
		}
	}
	if len(c.rows) > 0 {
		return c.rows[0].Source
	}
	return ""
}

// idOf is the id of a channel that is known by name; the name where no row tells
// its id.
func (g *group) idOf(name string) string {
	if c := g.byName[name]; c != nil {
		return c.id
	}
	return name
}

// ringsPhones says that an application dials phones for who runs it.
func ringsPhones(app string) bool {
	switch strings.ToLower(app) {
	case "dial", "retrydial", "followme", "page", "queue":
		return true
	}
	return false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
