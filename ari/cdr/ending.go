package cdr

import (
	"encoding/json"
	"slices"
	"strings"
	"time"

	"ringback/ari/call"
)

// end tells what became of the call, by the last of its records that says so.
func (s *story) end() {
	s.told.HungUp = s.root.hungUp()
	how, gaveUp := s.last()
	s.told.How, s.told.Unseen = how, how == call.Unconfirmed
	if gaveUp {
		s.told.HungUp = true
	}
}

// hungUp says that the far end of a channel hung up, where the events tell; Busy and
// Congestion refuse a call, and the driver hangs up by itself.
func (c *channel) hungUp() bool {
	if n := len(c.rows); n > 0 && (strings.EqualFold(c.rows[n-1].App, "busy") || strings.EqualFold(c.rows[n-1].App, "congestion")) {
		return false
	}
	for _, e := range c.events {
		var extra struct {
			Source string `json:"hangupsource"`
		}
		if e.Type == hangup && json.Unmarshal([]byte(e.Extra), &extra) == nil && extra.Source == e.Channel {
			return true
		}
	}
	return false
}

// watched says that the events tell of the whole life of a channel.
func (c *channel) watched() bool { return c.began() != nil && c.ended() != nil }

// parted is what became of a caller who had talked, by the events: the talk was the
// end, the other hung up and the dialplan went on, or the caller was sent elsewhere
// and reached nobody there.
func (s *story) parted() call.How {
	t, _ := s.lastTalk()
	other := s.byID[t.Channel]
	for _, e := range s.events {
		sent := e.Type == blind || e.Type == attended || e.Type == parkStart
		if sent && (e.UniqueID == t.Channel || e.UniqueID == s.root.id) && !e.At.Before(t.Start) {
			return call.LostInTransfer
		}
	}
	if s.told.Ended.Sub(t.End) < rebuilt || other != nil && other.hungUp() {
		return call.Person
	}
	return call.LostInTransfer
}

// step is a record on the caller's way: the first channel's own, or one of the
// Local channel behind which the caller was; top is the first channel's.
type step struct{ row, top *Record }

// way lists the records on the caller's way. Where a Local pair has answered, what
// its far half came to is what the caller came to.
func (s *story) way() []step {
	if s.steps == nil {
		for _, r := range s.root.rows {
			trail := trail{map[*channel]bool{s.root: true}, map[*Record]bool{}}
			s.steps = append(s.steps, s.through(r, r, &trail)...)
		}
	}
	return s.steps
}

// trail is where a way has led: the channels behind which it is, and the records
// that it has come to, each of which counts once.
type trail struct {
	behind map[*channel]bool
	been   map[*Record]bool
}

func (s *story) through(r, top *Record, way *trail) []step {
	far := s.byName[call.OtherHalf(r.Peer)]
	if far == nil || way.behind[far] || r.Disposition != Answered || r.Answer.IsZero() || strings.EqualFold(r.App, "followme") {
		return []step{{r, top}}
	}
	way.behind[far] = true
	defer delete(way.behind, far)
	var steps []step
	leads := false
	for _, next := range far.rows {
		if next.End.Before(r.Start) || next.Start.After(r.End) {
			continue
		}
		leads = true
		if !way.been[next] {
			way.been[next] = true
			steps = append(steps, s.through(next, top, way)...)
		}
	}
	if !leads {
		return []step{{r, top}}
	}
	return steps
}

// last goes the caller's way: the last talk, ringing, queue or voicemail counts.
// gaveUp says that the caller hung up meanwhile.
func (s *story) last() (how call.How, gaveUp bool) {
	var (
		stage   = ""
		left    call.How
		parting step // that of the last talk
		away    bool // sent elsewhere since
		steps   = s.way()
	)
	for i, p := range steps {
		if s.talked(p.row) {
			stage, parting, away = "talk", p, s.strayed(p.row)
			continue
		}
		at := stageOf(p.row)
		if stage == "talk" {
			if p.beside(parting) {
				continue // the others that were rung together with who answered
			}
			away = away || at != "" || !p.goesOn(parting)
		}
		switch {
		case at == "":
			if stage == "queue" {
				stage, left = "left", call.QueueTimeout
			}
		case at == "ring" && (stage == "queue" || stage == "left"):
			if stage == "queue" {
				left = call.QueueTimeout
			}
			stage = "left"
		default:
			stage = at
		}
		gaveUp = i == len(steps)-1 && (at == stage || stage == "left" && at == "ring") && s.gaveUpIn(p.row, at)
	}
	if t, seen := s.lastTalk(); seen && (stage != "talk" || away) && s.fetched(t) {
		stage, away = "talk", false
	}
	if s.root.watched() {
		gaveUp = s.told.HungUp && gaveUp
	}
	return s.how(stage, left, away, gaveUp)
}

// beside says that a step's phones were rung together with those of another, one of
// which has answered: nobody is rung again while the two talk.
func (p step) beside(answered step) bool {
	a, b := p.top, answered.top
	if a.App != b.App || a.AppData != b.AppData || a == b {
		return false
	}
	return !a.End.After(b.End) && (a.Start.Before(b.End) || a.Start.Equal(b.Start))
}

// goesOn says that the caller comes from a talk to this step also when whom they
// talked with has hung up.
func (p step) goesOn(talk step) bool {
	if p.top == talk.top {
		return talk.row.goesOn()
	}
	return talk.top.goesOn()
}

// how names what the last stage comes to.
func (s *story) how(stage string, left call.How, away, gaveUp bool) (call.How, bool) {
	talked, said := len(s.with) > 0, s.leftQueue()
	switch {
	case talked && s.told.Direction == call.Outbound:
		return call.Person, false
	case talked && s.root.watched():
		return s.parted(), false
	case stage == "talk" && !away:
		return call.Person, false
	case talked:
		return call.LostInTransfer, gaveUp
	case stage == "mail":
		return call.Voicemail, gaveUp
	case stage == "queue" && said != "", stage == "" && said != "":
		return said, said == call.AbandonedQueue
	case stage == "left" && said != "" && !gaveUp:
		return said, said == call.AbandonedQueue
	case stage == "queue" && gaveUp:
		return call.AbandonedQueue, true
	case stage == "queue":
		return call.QueueTimeout, false
	case stage == "left" && gaveUp:
		return call.AbandonedRinging, true
	case stage == "left":
		return left, false
	case stage == "ring" && gaveUp:
		return call.AbandonedRinging, true
	case stage == "ring":
		return s.rangOut(), false
	}
	return s.unrung(gaveUp)
}

// unrung tells the end of a call for which no phone was rung.
func (s *story) unrung(gaveUp bool) (call.How, bool) {
	if len(s.root.rows) == 0 {
		return call.Unconfirmed, false
	}
	last := s.root.rows[len(s.root.rows)-1]
	app := strings.ToLower(last.App)
	switch {
	case gaveUp || s.told.HungUp:
		return call.AbandonedIVR, true
	case app == "busy", last.Disposition == Busy:
		return call.Busy, false
	case app == "congestion":
		return call.Failed, false
	case last.Disposition == Failed, last.Disposition == Congestion:
		return call.Failed, false
	}
	return call.IVREnded, false
}

// rangOut sums up the phones that were rung when nobody was talked with.
func (s *story) rangOut() call.How {
	has := func(o call.Outcome) bool {
		return slices.ContainsFunc(s.told.Legs, func(l call.Leg) bool { return l.Outcome == o })
	}
	said := func(d Disposition) bool {
		return slices.ContainsFunc(s.root.rows, func(r *Record) bool { return stageOf(r) == "ring" && r.Disposition == d })
	}
	switch {
	case has(call.LegDialing), has(call.LegAnswered):
		return call.NoAnswer
	case has(call.LegBusy), said(Busy):
		return call.Busy
	case has(call.LegUnreachable):
		return call.Unreachable
	case has(call.LegCongested), said(Congestion):
		return call.Failed
	}
	return call.Unreachable
}

// stageOf is what a record without a talk says of the caller: phones were rung,
// a queue, a voicemail; empty: a menu, an announcement, nothing.
func stageOf(r *Record) string {
	switch app := strings.ToLower(r.App); app {
	case "queue":
		return "queue"
	case "dial", "retrydial", "followme", "page":
		return "ring"
	case "voicemail", "minivmgreet", "minivmrecord", "record":
		return "mail"
	default:
		if _, ok := call.Endpoint(r.Peer); ok || call.OtherHalf(r.Peer) != "" {
			return "ring" // another application has run since in the same record
		}
	}
	return ""
}

// talked says that a record is of a talk.
func (s *story) talked(r *Record) bool {
	if r.Peer == "" {
		return false
	}
	if _, ok := call.Endpoint(r.Peer); ok {
		return slices.ContainsFunc(s.with, func(t talk) bool { return t.name == r.Peer && t.touches(r) })
	}
	behind := map[string]bool{}
	s.behind(r, behind, map[*channel]bool{s.root: true})
	return slices.ContainsFunc(s.with, func(t talk) bool { return behind[t.name] && t.touches(r) })
}

// behind are the phones to which the Local pair of a record leads.
func (s *story) behind(r *Record, names map[string]bool, seen map[*channel]bool) {
	far := s.byName[call.OtherHalf(r.Peer)]
	if far == nil || seen[far] {
		return
	}
	seen[far] = true
	for _, row := range far.rows {
		names[row.Peer] = true
		s.behind(row, names, seen)
	}
}

// touches says that the talk was in the time of the record.
func (t *talk) touches(r *Record) bool {
	return !t.Start.After(r.End.Add(time.Second)) && !t.End.Before(r.Start)
}

func (s *story) lastTalk() (talk, bool) {
	if len(s.with) == 0 {
		return talk{}, false
	}
	return slices.MaxFunc(s.with, func(a, b talk) int { return a.End.Compare(b.End) }), true
}

// fetched says that the last talk came after all else that the records tell: a
// colleague took the caller out of music or of parking, or came to a conference.
func (s *story) fetched(t talk) bool {
	if len(s.root.rows) == 0 {
		return true
	}
	last := s.root.rows[len(s.root.rows)-1]
	return t.by != nil && !t.End.Before(last.Start) &&
		(byTime(t.by, last) > 0 || t.by.App == last.App && t.by.AppData == last.AppData)
}

// strayed says that whoever talked in a record was sent elsewhere at its end, of
// which there is no other: the record stands where phones dial, and not where its
// own phone was dialed.
func (s *story) strayed(r *Record) bool {
	_, direct := call.Endpoint(r.Peer)
	for _, other := range s.root.rows {
		if other.Dialed == r.Dialed && other.Context == r.Context && strings.Contains(other.AppData, r.Dialed) {
			return false // there they came to
		}
	}
	return direct && s.house[r.Context] && len(r.AppData) < clippedData && strings.EqualFold(r.App, "dial") && !strings.Contains(r.AppData, r.Dialed)
}

// gaveUpIn says that the caller hung up in the last record: the dialplan did not go
// on, and the time of ringing was not over.
func (s *story) gaveUpIn(r *Record, stage string) bool {
	if s.root.watched() {
		return s.told.HungUp
	}
	switch stage {
	case "ring":
		limit, said := r.ringTime()
		return (r.Disposition == NoAnswer || r.Disposition == Answered) && strings.EqualFold(r.App, "dial") && (!said || r.End.Sub(later(r.Start, r.Answer)) < limit)
	case "queue":
		return true
	case "":
		switch strings.ToLower(r.App) {
		case "background", "waitexten", "read", "wait", "musiconhold", "confbridge", "meetme", "park", "echo", "bridgewait":
			return true
		}
	}
	return false
}
