package call

import (
	"fmt"
	"testing"
	"time"

	"ringback/ari"
)

var sceneBegins = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// scene is a PBX whose events a test makes up one by one: what no real one can be
// made to do at command.
type scene struct {
	tr  *Tracker
	now time.Time
	all []Fact
}

func newScene() *scene {
	return &scene{tr: New(sceneOptions), now: sceneBegins}
}

var sceneOptions = Options{PBX: "main", Inbound: []string{"from-trunk"}, OwnPrefix: "ringback-"}

func (s *scene) step(ev ari.Event) {
	ev.At = s.now
	s.all = append(s.all, s.tr.Step(&ev)...)
}
func (s *scene) ch(id, name, state, ctx string) ari.Channel {
	return ari.Channel{ID: id, Name: name, State: state, Context: ctx, Created: s.now}
}
func (s *scene) on(t ari.Type, c ari.Channel) { s.step(ari.Event{Type: t, Channel: c, Cause: 16}) }
func (s *scene) app(c *ari.Channel, app, data string, line int) {
	c.AppName, c.AppData, c.Priority = app, data, line
	s.step(ari.Event{Type: ari.ChannelDialplan, Channel: *c, Application: app, AppData: data})
}
func (s *scene) dial(c, p ari.Channel, ds, status string) {
	s.step(ari.Event{Type: ari.Dial, Channel: c, Peer: p, DialString: ds, DialStatus: status})
}
func (s *scene) up(c *ari.Channel) { c.State = "Up"; s.on(ari.ChannelStateChange, *c) }
func (s *scene) restart(live ...ari.Channel) {
	last := s.all[len(s.all)-1].Call
	s.tr = New(sceneOptions)
	s.tr.Resume([]Call{last})
	s.step(ari.Event{Type: ari.Connected, Since: s.now, Snapshot: &ari.Snapshot{Channels: live}})
}

// The robot rings a phone that somebody pages: the two calls are not one.
func TestOwnCallWhilePaged(t *testing.T) {
	s := newScene()
	in := s.ch("1.0", "PJSIP/103-00000001", "Ring", "from-internal")
	s.on(ari.ChannelCreated, in)
	s.app(&in, "Page", "PJSIP/101&PJSIP/102,,60", 1)
	p := s.ch("1.1", "PJSIP/101-00000002", "Down", "")
	s.on(ari.ChannelCreated, p)
	s.dial(ari.Channel{}, p, "", "")
	s.now = s.now.Add(20 * time.Second)
	own := s.ch("ringback-77", "PJSIP/101-00000003", "Down", "")
	s.on(ari.ChannelCreated, own)
	s.dial(ari.Channel{}, own, "", "")
	if s.tr.open["ringback-77"] == nil {
		t.Errorf("the daemon's own call is a leg of the pager's: %+v", s.tr.open["1.0"].call.Legs)
	}
}

// Who hung up is known after a restart too.
func TestRestartInClickToCall(t *testing.T) {
	for _, again := range []bool{false, true} {
		s := newScene()
		a := s.ch("1.0", "PJSIP/101-00000001", "Down", "")
		s.on(ari.ChannelCreated, a)
		s.dial(ari.Channel{}, a, "", "")
		s.up(&a)
		a.Context = "from-internal"
		s.app(&a, "Dial", "PJSIP/79161234567@trunk", 1)
		c := s.ch("1.1", "PJSIP/trunk-00000002", "Down", "from-trunk")
		s.on(ari.ChannelCreated, c)
		s.dial(a, c, "79161234567@trunk", "")
		c.State = "Ringing"
		s.on(ari.ChannelStateChange, c)
		if again {
			s.restart(a, c)
		}
		s.on(ari.ChannelHangupRequest, a)
		s.on(ari.ChannelDestroyed, c)
		s.on(ari.ChannelDestroyed, a)
		last := s.all[len(s.all)-1].Call
		t.Logf("restart=%v: %s hungup=%v", again, last.How, last.HungUp)
		if last.How != AbandonedRinging {
			t.Error("other reason after a restart")
		}
	}
}

// A talk does not grow by a restart after its end.
func TestTalkThatEndedBeforeARestart(t *testing.T) {
	s := newScene()
	in, p := s.ch("1.0", "PJSIP/trunk-1", "Ring", "from-trunk"), s.ch("1.1", "PJSIP/101-2", "Down", "from-internal")
	s.on(ari.ChannelCreated, in)
	s.app(&in, "Answer", "", 1)
	s.up(&in)
	s.app(&in, "Playback", "welcome", 2)
	s.app(&in, "Dial", "PJSIP/101,,g", 3)
	s.on(ari.ChannelCreated, p)
	s.dial(in, p, "", "")
	s.up(&p)
	b := ari.Bridge{ID: "b", Type: "mixing"}
	for _, c := range []ari.Channel{p, in} {
		s.step(ari.Event{Type: ari.ChannelEnteredBridge, Channel: c, Bridge: b})
	}
	s.now = s.now.Add(time.Second)
	s.on(ari.ChannelHangupRequest, p)
	for _, c := range []ari.Channel{p, in} {
		s.step(ari.Event{Type: ari.ChannelLeftBridge, Channel: c, Bridge: b})
	}
	s.on(ari.ChannelDestroyed, p)
	s.app(&in, "Background", "menu", 4)
	s.now = s.now.Add(time.Minute)
	s.restart(in)
	s.on(ari.ChannelHangupRequest, in)
	s.on(ari.ChannelDestroyed, in)
	if long := s.all[len(s.all)-1].Call.Talks[0].Length(s.now); long != time.Second {
		t.Errorf("a talk of 1 s is told as %v", long)
	}
}

// Nor is a message forgotten.
func TestMessageBeforeARestart(t *testing.T) {
	s := newScene()
	in := s.ch("1.0", "PJSIP/trunk-1", "Ring", "from-trunk")
	s.on(ari.ChannelCreated, in)
	s.app(&in, "VoiceMail", "101@default", 1)
	s.up(&in)
	s.step(ari.Event{Type: ari.ChannelVarset, Channel: in, Variable: "VMSTATUS", Value: "SUCCESS"})
	s.app(&in, "Wait", "60", 2)
	s.now = s.now.Add(30 * time.Second)
	s.restart(in)
	s.on(ari.ChannelHangupRequest, in)
	s.on(ari.ChannelDestroyed, in)
	if last := s.all[len(s.all)-1].Call; !last.Message {
		t.Errorf("%s, and the message is forgotten", last.How)
	}
}

// A dialplan that dials a busy phone in circles costs no more than a bounded one,
// and what became of the call is known all the same.
func TestDialInCircles(t *testing.T) {
	s := newScene()
	in := s.ch("1.0", "PJSIP/trunk-1", "Ring", "from-trunk")
	s.on(ari.ChannelCreated, in)
	s.app(&in, "Dial", "PJSIP/101", 1)
	for i := range 10 * maxLegs {
		p := s.ch(fmt.Sprintf("2.%d", i), fmt.Sprintf("PJSIP/101-%08x", i), "Down", "")
		s.on(ari.ChannelCreated, p)
		s.dial(in, p, "", "")
		s.dial(in, p, "", "BUSY")
		s.step(ari.Event{Type: ari.ChannelDestroyed, Channel: p, Cause: 17})
	}
	s.on(ari.ChannelDestroyed, in)
	if last := s.all[len(s.all)-1]; last.Kind != Ended || last.Call.How != Busy || len(last.Call.Legs) > maxLegs {
		t.Errorf("%s: %s, with %d legs", last.Kind, last.Call.How, len(last.Call.Legs))
	}
}

// A phone whose call is over goes on to call somebody: that is a call of its own,
// and nothing is told of the one that has ended.
func TestCallAfterTheEnd(t *testing.T) {
	s := newScene()
	a, b := s.ch("1.0", "PJSIP/101-1", "Ring", "from-internal"), s.ch("1.1", "PJSIP/102-2", "Down", "from-internal")
	s.on(ari.ChannelCreated, a)
	s.app(&a, "Dial", "PJSIP/102", 1)
	s.on(ari.ChannelCreated, b)
	s.dial(a, b, "102", "")
	s.dial(a, b, "", "ANSWER")
	s.on(ari.ChannelDestroyed, a)
	c := s.ch("1.2", "PJSIP/trunk-3", "Down", "from-trunk")
	s.on(ari.ChannelCreated, c)
	b.Exten = "79161234567"
	s.dial(b, c, "79161234567@trunk", "")
	s.on(ari.ChannelDestroyed, c)
	s.on(ari.ChannelDestroyed, b)
	ended := map[string]bool{}
	for _, f := range s.all {
		if ended[f.Call.ID] {
			t.Errorf("%s of call %s is told after its end", f.Kind, f.Call.ID)
		}
		ended[f.Call.ID] = f.Kind == Ended
	}
	if len(ended) != 2 || s.all[len(s.all)-1].Call.Direction != Outbound {
		t.Errorf("%d calls; the last is %s", len(ended), s.all[len(s.all)-1].Call.Direction)
	}
}

// A small office has one context for all: what begins at a phone of the house does
// not come from outside, and what is dialed there does not lead there.
func TestOneContextForAll(t *testing.T) {
	for _, known := range []bool{false, true} {
		s := newScene()
		opts := sceneOptions
		if known {
			opts.Phones = []string{"PJSIP/101", "PJSIP/102"}
		}
		s.tr = New(opts)
		a, b := s.ch("1.0", "PJSIP/101-1", "Ring", "from-trunk"), s.ch("1.1", "PJSIP/102-2", "Down", "from-trunk")
		s.on(ari.ChannelCreated, a)
		s.app(&a, "Dial", "PJSIP/102", 1)
		s.on(ari.ChannelCreated, b)
		s.dial(a, b, "102", "")
		s.on(ari.ChannelDestroyed, b)
		s.on(ari.ChannelDestroyed, a)
		last, want := s.all[len(s.all)-1].Call, Internal
		if !known {
			want = Inbound
		}
		if last.Direction != want || last.Legs[0].Outside == known {
			t.Errorf("known %v: %s, to %+v", known, last.Direction, last.Legs[0])
		}
	}
}

// What runs inside ExecIf or AGI shows in the channel alone.
func TestApplicationInsideAnother(t *testing.T) {
	for _, c := range []struct {
		app  string
		want How
	}{{"Busy", Busy}, {"Congestion", Failed}, {"VoiceMail", Voicemail}, {"Queue", AbandonedQueue}} {
		s := newScene()
		in := s.ch("1.0", "PJSIP/trunk-1", "Ring", "from-trunk")
		s.on(ari.ChannelCreated, in)
		s.app(&in, "ExecIf", "1?"+c.app+"()", 1)
		in.AppName, in.AppData = c.app, ""
		s.up(&in)
		s.on(ari.ChannelHangupRequest, in)
		s.on(ari.ChannelDestroyed, in)
		if how := s.all[len(s.all)-1].Call.How; how != c.want {
			t.Errorf("%s inside ExecIf: %s, want %s", c.app, how, c.want)
		}
	}
}

// TestEndBeforeTheSnapshot ends a call that began unseen between the beginning of
// a session and its snapshot, which does not show it: its events alone tell of it,
// and that they do not tell all. One that begins later is seen whole.
func TestEndBeforeTheSnapshot(t *testing.T) {
	s := newScene()
	unseen := s.ch("1.0", "PJSIP/trunk-00000001", "Ring", "from-trunk")
	s.now = s.now.Add(2 * time.Second)
	s.step(ari.Event{Type: ari.Connected, Since: s.now.Add(-3 * time.Second), Snapshot: &ari.Snapshot{}})
	s.app(&unseen, "Hangup", "", 3)
	s.on(ari.ChannelDestroyed, unseen)
	seen := s.ch("2.0", "PJSIP/trunk-00000002", "Ring", "from-trunk")
	s.on(ari.ChannelCreated, seen)
	s.on(ari.ChannelDestroyed, seen)
	gaps := map[string]bool{}
	for _, f := range s.all {
		if f.Kind == Ended {
			gaps[f.Call.ID] = f.Call.Gap
		}
	}
	if len(gaps) != 2 || !gaps["1.0"] || gaps["2.0"] {
		t.Errorf("of these calls a part was not seen: %v", gaps)
	}
}

// TestLegInItsCallersDialplan finds a phone that talks where its caller stands in
// the dialplan: Asterisk 16 sends it there for Dial's option M. What is known of it,
// or of trunks, tells that it is of the house.
func TestLegInItsCallersDialplan(t *testing.T) {
	for _, c := range []struct {
		peer    string
		known   bool // its dialing was seen
		outside bool
	}{{"PJSIP/101", true, false}, {"PJSIP/101", false, false}, {"PJSIP/trunk", true, true}, {"PJSIP/trunk", false, true}} {
		s := newScene()
		in, p := s.ch("1.0", "PJSIP/trunk-00000001", "Ring", "from-trunk"), s.ch("1.1", c.peer+"-00000002", "Down", "from-internal")
		if c.outside {
			p.Context = "from-trunk"
		}
		s.on(ari.ChannelCreated, in)
		s.app(&in, "Dial", c.peer+",8,M(accept)", 1)
		if c.known {
			s.on(ari.ChannelCreated, p)
			s.dial(in, p, "101", "")
		}
		for _, c := range []*ari.Channel{&in, &p} {
			c.State = "Up"
		}
		p.Context, p.AppName, p.LinkedID = "from-trunk", "AppDial", in.ID
		last := s.all[len(s.all)-1].Call
		opts := sceneOptions
		opts.Trunks = []string{"PJSIP/trunk"}
		s.tr = New(opts)
		s.tr.Resume([]Call{last})
		s.step(ari.Event{Type: ari.Connected, Since: s.now, Snapshot: &ari.Snapshot{Channels: []ari.Channel{in, p},
			Bridges: []ari.Bridge{{ID: "b", Type: "mixing", Channels: []string{in.ID, p.ID}}}}})
		s.now = s.now.Add(24 * time.Second)
		s.on(ari.ChannelHangupRequest, in)
		s.on(ari.ChannelDestroyed, p)
		s.on(ari.ChannelDestroyed, in)
		last = s.all[len(s.all)-1].Call
		if last.How != Person || len(last.Talks) != 1 || last.Talks[0].Who.Outside != c.outside || len(last.Legs) != 1 || last.Legs[0].Outside != c.outside {
			t.Errorf("%+v: %s, %+v, %+v", c, last.How, last.Talks, last.Legs)
		}
	}
}
