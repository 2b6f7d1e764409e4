package call_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/call"
)

// kept is how the calls that are open come back from where they were kept.
func kept(t testing.TB, open map[string]call.Call) []call.Call {
	t.Helper()
	var list []call.Call
	for _, c := range open {
		text, err := json.Marshal(c)
		if err != nil {
			t.Fatal(err)
		}
		var back call.Call
		if err := json.Unmarshal(text, &back); err != nil {
			t.Fatal(err)
		}
		list = append(list, back)
	}
	return list
}

// resumed kills the watching before each event that matters, and goes on with a new
// tracker from the newest facts and a snapshot.
func (r *recording) resumed(t *testing.T, check func(k int, tr *call.Tracker, all *told)) {
	before, w, done := call.New(trunk), newWorld(), 0
	var first *told
	for _, k := range r.cuts() {
		first = tell(t, before, r.events[done:k], first)
		for ; done < k; done++ {
			w.see(&r.events[done])
		}
		tr := call.New(trunk)
		tr.Resume(kept(t, first.open))
		all := tell(t, tr, []ari.Event{w.connected(r.events[k].At)}, &told{maps.Clone(first.open), maps.Clone(first.ended)})
		check(k, tr, tell(t, tr, r.events[k:], all))
	}
}

// TestResumeAtEveryEvent kills the watching at any time. What is forgotten of a call by
// that may make internal calls and who rang coarser: each inbound call comes to the same
// end with the same talks. Two talks with the same phone may become one, because nobody
// saw what lay between them.
func TestResumeAtEveryEvent(t *testing.T) {
	for _, r := range recordings(t) {
		if strings.HasPrefix(r.name, "races/") {
			continue // decided within milliseconds, by what is not kept
		}
		whole := tell(t, call.New(trunk), r.events, nil)
		came := inbound(whole)
		r.resumed(t, func(k int, tr *call.Tracker, all *told) {
			now := inbound(all)
			for id, want := range came {
				if now[id] != want {
					t.Errorf("%s, cut before event %d (%s):\n got %s\nwant %s", r.name, k, r.events[k].Type, now[id], want)
				}
			}
			for id, got := range now {
				// A phone that has just transferred by Asterisk's exchange of channels stands
				// in the trunk's dialplan for the moment that it still lives.
				parting := all.ended[id].At.Sub(r.events[k].At) < near
				if came[id] == "" && !parting {
					t.Errorf("%s, cut before event %d (%s): %s is inbound", r.name, k, r.events[k].Type, got)
				}
			}
			if tr.Open() > 0 {
				t.Errorf("%s, cut before event %d: %d calls stay open", r.name, k, tr.Open())
			}
		})
	}
}

// joined is the call with one talk for each phone.
func joined(c call.Call) call.Call {
	var talks []call.Talk
	for _, talk := range c.Talks {
		if !slices.ContainsFunc(talks, func(t call.Talk) bool { return t.Channel == talk.Channel }) {
			talks = append(talks, talk)
		}
	}
	c.Talks = talks
	return c
}

// TestGapThatHidesTheEnd loses the end of a recording: a call that was known
// to have talked, or whose hangup was still seen, is what it was; everything
// else is unconfirmed, and nothing stays open.
func TestGapThatHidesTheEnd(t *testing.T) {
	for _, r := range recordings(t) {
		whole := tell(t, call.New(trunk), r.events, nil)
		for _, k := range r.cuts() {
			tr := call.New(trunk)
			before := tell(t, tr, r.events[:k], nil)
			var since time.Time
			if k > 0 {
				since = r.events[k-1].At
			}
			gap := newWorld().connected(r.events[len(r.events)-1].At.Add(time.Minute))
			gap.Since = since
			open := maps.Clone(before.open)
			all := tell(t, tr, []ari.Event{gap}, before)
			if !tr.Idle() {
				t.Fatalf("%s, cut before event %d: %d calls stay open", r.name, k, tr.Open())
			}
			for id, c := range open {
				f := all.ended[id]
				want := call.Unconfirmed
				switch {
				case c.Progress.Over:
					want = whole.ended[id].Call.How
				case c.Progress.Transferred:
					want = call.LostInTransfer // whether they were reached there, nobody saw
				case len(c.Talks) > 0 && c.Progress.Stage != "talking":
					want = f.Call.How // and so it is after a short talk, wherever the call was then
				case len(c.Talks) > 0:
					want = call.Person
				}
				if f.Kind != call.Lost || f.Call.How != want || want == call.Unconfirmed && len(c.Talks) > 0 {
					t.Errorf("%s, cut before event %d: call %s is %s with %s, want lost with %s", r.name, k, id, f.Kind, f.Call.How, want)
				}
				for _, talk := range f.Call.Talks {
					if talk.End.IsZero() || talk.End.After(since) && talk.End.After(talk.Start) {
						t.Errorf("%s, cut before event %d: the talk ends at %v, but nothing was seen after %v", r.name, k, talk.End, since)
					}
				}
			}
		}
	}
}

// TestFoundInMidLife finds calls by a trunk after the dialplan has sent them on:
// the trunk by which calls came in before tells that they are inbound.
func TestFoundInMidLife(t *testing.T) {
	opts := trunk
	opts.Trunks = []string{"PJSIP/trunk"}
	events := recorded(t, "menu-abandoned")
	for k := range events {
		if k > 0 && events[k-1].Type == ari.ChannelHangupRequest {
			break // who hung up nobody saw
		}
		w := newWorld()
		for i := range events[:k] {
			w.see(&events[i])
		}
		for id, c := range w.channels {
			c.Context, c.Exten = "open", "37"
			w.channels[id] = c
		}
		if len(w.channels) == 0 {
			continue
		}
		tr := call.New(opts)
		all := tell(t, tr, append([]ari.Event{w.connected(events[k].At)}, events[k:]...), nil)
		for id, f := range all.ended {
			if f.Call.Direction != call.Inbound || f.Call.How != call.AbandonedIVR {
				t.Errorf("found before event %d, call %s is %s, %s", k, id, f.Call.Direction, f.Call.How)
			}
		}
		if len(all.ended) != 1 {
			t.Errorf("found before event %d: %d calls", k, len(all.ended))
		}
	}
}

// TestTalkIsNotCreditedWithTheDowntime kills the watching in mid-talk for hours:
// of the talk counts what was seen.
func TestTalkIsNotCreditedWithTheDowntime(t *testing.T) {
	events := recorded(t, "outbound-answered")
	var open map[string]call.Call
	for k := range events {
		open = tell(t, call.New(trunk), events[:k], nil).open
		if slices.ContainsFunc(slices.Collect(maps.Values(open)), func(c call.Call) bool { return len(c.Talks) > 0 }) {
			break
		}
	}
	if len(open) == 0 {
		t.Fatal("nobody talks")
	}
	for id, c := range open {
		for _, watched := range []time.Duration{0, 2 * time.Second} {
			tr := call.New(trunk)
			tr.Resume([]call.Call{c})
			gap := newWorld().connected(c.Talks[0].Start.Add(5 * time.Hour))
			gap.Since = c.Talks[0].Start.Add(watched)
			if watched == 0 {
				gap.Since = gap.Since.Add(-time.Minute) // a gap that was noted to begin too early
			}
			f := tell(t, tr, []ari.Event{gap}, nil).ended[id]
			if f.Kind != call.Lost || f.Call.Talks[0].Length(gap.At) != watched {
				t.Errorf("watched for %v of the talk, which is told to have lasted %v", watched, f.Call.Talks[0].Length(gap.At))
			}
		}
	}
}
