package robotcall

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/dials"
)

// switchboard is a PBX that does what a real one cannot be made to do on
// command: be away for a moment, answer late, end a channel just then.
type switchboard struct {
	mu        sync.Mutex
	live      map[string]ari.Channel
	trouble   error // of the next question about a channel
	hungUp    []string
	played    []string
	originate func(id string) error
	onward    func(id string) error // Continue
	lacks     []string              // sounds, as "ru sound:vm-for"
}

func newSwitchboard() *switchboard { return &switchboard{live: map[string]ari.Channel{}} }

func (s *switchboard) set(id, state, app string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.live[id] = ari.Channel{ID: id, Name: "PJSIP/101-1", State: state, AppName: app, AppData: "ringback"}
}

func (s *switchboard) App() string { return "ringback" }

func (s *switchboard) Originate(_ context.Context, id string, _ ari.OriginateRequest) (ari.Channel, error) {
	if s.originate != nil {
		if err := s.originate(id); err != nil {
			return ari.Channel{}, err
		}
	}
	s.set(id, "Down", "")
	return ari.Channel{ID: id}, nil
}

func (s *switchboard) Channel(_ context.Context, id string) (ari.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.trouble; err != nil {
		s.trouble = nil
		return ari.Channel{}, err
	}
	c, ok := s.live[id]
	if !ok {
		return c, &ari.RequestError{Status: http.StatusNotFound}
	}
	return c, nil
}

func (s *switchboard) Channels(context.Context) ([]ari.Channel, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var list []ari.Channel
	for _, c := range s.live {
		list = append(list, c)
	}
	return list, nil
}

func (s *switchboard) Hangup(_ context.Context, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hungUp = append(s.hungUp, id)
	delete(s.live, id)
	return nil
}

func (s *switchboard) Continue(_ context.Context, id, _, _ string) error {
	if s.onward != nil {
		return s.onward(id)
	}
	return nil
}

func (s *switchboard) Play(_ context.Context, _, playback, _ string, _ ...string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.played = append(s.played, playback)
	return nil
}

func (s *switchboard) Endpoint(context.Context, string, string) (ari.Endpoint, error) {
	return ari.Endpoint{State: "online"}, nil
}
func (s *switchboard) Variable(context.Context, string, string) (string, error)  { return "1", nil }
func (s *switchboard) SetVariable(context.Context, string, string, string) error { return nil }
func (s *switchboard) StopPlayback(context.Context, string) error                { return nil }
func (s *switchboard) HasMedia(_ context.Context, uri, language string) (bool, error) {
	return !slices.Contains(s.lacks, language+" "+uri), nil
}

// exchangeRoom is a Dialer at a switchboard.
type exchangeRoom struct {
	t      *testing.T
	pbx    *switchboard
	db     *db.DB
	guard  *Guard
	dialer *Dialer
}

func newRoom(t *testing.T) *exchangeRoom {
	r := &exchangeRoom{t: t, pbx: newSwitchboard(), db: openDB(t)}
	rules := anyHour()
	r.guard = NewGuard(rules, r.db, nil)
	r.dialer = New(Config{DB: r.db, Pace: NewPacer(rules), Exchanges: []*Exchange{{Name: "main", PBX: r.pbx, Connect: Connect{Context: "out"}}}})
	return r
}

// pass books legs to phones of Anna's.
func (r *exchangeRoom) pass(devices ...string) []Pass {
	r.t.Helper()
	var legs []Request
	for _, device := range devices {
		legs = append(legs, Request{Kind: dials.Manager, PBX: "main", Device: device, Who: "anna", Job: 1})
	}
	passes, d, err := r.guard.Admit(r.t.Context(), legs...)
	if err != nil || !d.Allowed {
		r.t.Fatalf("%+v, %v", d, err)
	}
	return passes
}

func (r *exchangeRoom) rows() []dials.Dial {
	r.t.Helper()
	var rows []dials.Dial
	err := r.db.Do(r.t.Context(), func(tx *db.Tx) (err error) { rows, err = dials.OfJob(tx, 1); return err })
	if err != nil {
		r.t.Fatal(err)
	}
	return rows
}

func (r *exchangeRoom) answered(p Pass) {
	r.t.Helper()
	if err := r.db.Do(r.t.Context(), func(tx *db.Tx) error { return dials.MarkAnswered(tx, p.dial.Channel) }); err != nil {
		r.t.Fatal(err)
	}
}

// watch lets the Dialer hear that the PBX is watched, with these channels.
func (r *exchangeRoom) watch(live ...ari.Channel) {
	r.dialer.Step("main", &ari.Event{Type: ari.Connected, Snapshot: &ari.Snapshot{Channels: live}})
}

// progress tells how far dialing has come: of a leg that the dialplan on the other
// half of a channel of ours dials, or of a channel that nobody dials.
func (r *exchangeRoom) progress(ours string, leg ari.Channel, status string) {
	var dials ari.Channel
	if ours != "" {
		dials.ID = ours + otherHalf
	}
	r.dialer.Step("main", &ari.Event{Type: ari.Dial, Channel: dials, Peer: leg, DialStatus: status})
}

func (r *exchangeRoom) event(kind ari.Type, id string) {
	r.dialer.Step("main", &ari.Event{Type: kind, Channel: ari.Channel{ID: id}, Application: "ringback"})
}

var order = Order{Ring: 20 * time.Second}

// While the PBX is away nobody can tell what became of a call: its row stays
// open, and nothing is hung up.
func TestResumeWaitsForThePBX(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p := r.pass("PJSIP/101")
		r.answered(p[0])
		ctx, cancel := context.WithTimeout(t.Context(), 11*time.Minute)
		defer cancel()
		voice, reports := r.dialer.Resume(ctx, r.rows(), order)
		if voice != nil || !reports[0].Open {
			t.Errorf("%v, %+v", voice, reports)
		}
		if row := r.rows()[0]; !row.Ended.IsZero() || len(r.pbx.hungUp) > 0 {
			t.Errorf("%+v, hung up %v", row, r.pbx.hungUp)
		}
	})
}

// A question that fails is asked again; a conversation is not cut for it.
func TestResumeLeavesAConversationAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p := r.pass("PJSIP/101")
		r.answered(p[0])
		r.pbx.set(p[0].dial.Channel, "Up", "Dial")
		r.pbx.trouble = errors.New("timeout")
		r.watch()
		voice, reports := r.dialer.Resume(t.Context(), r.rows(), order)
		if voice != nil || !reports[0].Connected || len(r.pbx.hungUp) > 0 {
			t.Errorf("%v, %+v, hung up %v", voice, reports, r.pbx.hungUp)
		}
	})
}

// What is said first after a restart is heard: what the list of live channels
// told before is no news.
func TestResumeSpeaks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p := r.pass("PJSIP/101")
		id := p[0].dial.Channel
		r.pbx.set(id, "Up", "Stasis")
		var voice *Voice
		done := make(chan struct{})
		go func() { defer close(done); voice, _ = r.dialer.Resume(t.Context(), r.rows(), order) }()
		synctest.Wait()
		r.watch(r.pbx.live[id])
		<-done
		said := make(chan error, 1)
		go func() { said <- voice.Say(t.Context(), "sound:hello") }()
		synctest.Wait()
		select {
		case err := <-said:
			t.Fatalf("it was said before the PBX had played it: %v", err)
		default:
		}
		r.dialer.Step("main", &ari.Event{Type: ari.PlaybackFinished, PlaybackID: r.pbx.played[0], Playback: "done"})
		if err := <-said; err != nil {
			t.Error(err)
		}
	})
}

// A call that is placed while the PBX is being watched anew is not in the list
// of live channels, and is not lost for that.
func TestPlacedDuringAReconnect(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p := r.pass("PJSIP/101")
		r.pbx.originate = func(string) error { r.watch(); return nil }
		go func() { time.Sleep(time.Second); r.event(ari.StasisStart, p[0].dial.Channel) }()
		voice, reports := r.dialer.Ring(t.Context(), p, order)
		if voice == nil || len(r.pbx.hungUp) > 0 {
			t.Errorf("%+v, hung up %v", reports, r.pbx.hungUp)
		}
	})
}

// A request that is under way when another phone has answered is carried out,
// and its phone is hung up then.
func TestTheOtherPhoneDoesNotRingOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.watch()
		p := r.pass("PJSIP/101", "PJSIP/102")
		first, second := p[0].dial.Channel, p[1].dial.Channel
		r.pbx.originate = func(id string) error {
			if id == second {
				time.Sleep(2 * time.Second) // the PBX is slow
			}
			return nil
		}
		go func() { time.Sleep(time.Second); r.event(ari.StasisStart, first) }()
		voice, _ := r.dialer.Ring(t.Context(), p, order)
		if voice == nil || voice.leg.id != first {
			t.Fatal("the first phone did not get the call")
		}
		if _, rings := r.pbx.live[second]; rings || !slices.Contains(r.pbx.hungUp, second) {
			t.Errorf("the second phone rings on; hung up were %v", r.pbx.hungUp)
		}
	})
}

// Phones that are rung in turn keep nobody waiting who has answered: those behind
// them are not rung, and there is nothing to wait for.
func TestThePhonesBehindAreNotWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.watch()
		p := r.pass("PJSIP/101", "PJSIP/102", "PJSIP/103")
		in := order
		in.InTurn = true
		r.pbx.originate = func(id string) error {
			go r.event(ari.StasisStart, id)
			return nil
		}
		began := time.Now()
		voice, reports := r.dialer.Ring(t.Context(), p, in)
		if voice == nil || voice.leg.id != p[0].dial.Channel {
			t.Fatalf("the first phone did not get the call: %+v", reports)
		}
		if silent := time.Since(began); silent > 0 {
			t.Errorf("whoever has answered hears nothing for %s", silent)
		}
	})
}

// What became of a call says the leg that the dialplan has dialed, also where the
// end of our own is heard first, and by half a second.
func TestTheFarEndHasTheLastWord(t *testing.T) {
	far := ari.Channel{ID: "177.5"}
	for name, c := range map[string]struct {
		own, far time.Duration // when each end is heard; 0: never
		want     dials.Outcome
	}{
		"far_first": {2 * time.Second, time.Second, dials.Rejected},
		"own_first": {time.Second, 1500 * time.Millisecond, dials.Rejected},
		"own_alone": {time.Second, 0, dials.Congestion},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(t)
				r.watch()
				p := r.pass("Local/79161234567@out")
				id := p[0].dial.Channel
				time.AfterFunc(time.Second/2, func() {
					r.dialer.Step("main", &ari.Event{Type: ari.Dial, Channel: ari.Channel{ID: id + otherHalf}, Peer: far})
					r.dialer.Step("main", &ari.Event{Type: ari.Dial, Channel: ari.Channel{ID: id + otherHalf}, Peer: far, DialStatus: "CHANUNAVAIL"})
				})
				time.AfterFunc(c.own, func() { r.event(ari.ChannelDestroyed, id) })
				if c.far > 0 {
					time.AfterFunc(c.far, func() {
						r.dialer.Step("main", &ari.Event{Type: ari.ChannelDestroyed, Channel: far, Cause: 21, TechCause: 603})
					})
				}
				if voice, reports := r.dialer.Ring(t.Context(), p, order); voice != nil || reports[0].Outcome != c.want {
					t.Errorf("%+v", reports)
				}
			})
		})
	}
}

// A phone that rang, or may have while nobody heard, was no trunk without room.
// What a dialplan lets our own half hear by itself is no ringing.
func TestWhatRangCounts(t *testing.T) {
	far := ari.Channel{ID: "177.5"}
	local, phone := "Local/79161234567@out", "PJSIP/101"
	for name, c := range map[string]struct {
		device string
		heard  func(r *exchangeRoom, id string)
		former bool // a life before has placed it
		want   dials.Outcome
	}{
		"rang":                  {local, func(r *exchangeRoom, id string) { r.progress(id, far, "RINGING") }, false, dials.NoAnswer},
		"early_media":           {local, func(r *exchangeRoom, id string) { r.progress(id, far, "PROGRESS") }, false, dials.NoAnswer},
		"on_its_way":            {local, func(r *exchangeRoom, id string) { r.progress(id, far, "PROCEEDING") }, false, dials.Congestion},
		"the_dialplan_rings":    {local, func(r *exchangeRoom, id string) { r.progress("", ari.Channel{ID: id}, "RINGING") }, false, dials.Congestion},
		"phone_rang":            {phone, func(r *exchangeRoom, id string) { r.progress("", ari.Channel{ID: id}, "RINGING") }, false, dials.NoAnswer},
		"phone":                 {phone, func(*exchangeRoom, string) {}, false, dials.Congestion},
		"nobody_heard":          {phone, func(r *exchangeRoom, id string) { r.watch(ari.Channel{ID: id}) }, false, dials.NoAnswer},
		"nobody_heard_the_far":  {local, func(r *exchangeRoom, id string) { r.watch(ari.Channel{ID: id}) }, false, dials.NoAnswer},
		"placed_by_life_before": {phone, func(*exchangeRoom, string) {}, true, dials.NoAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := newRoom(t)
				r.watch()
				p := r.pass(c.device)
				id := p[0].dial.Channel
				time.AfterFunc(time.Second, func() {
					r.progress(id, far, "")
					c.heard(r, id)
					r.dialer.Step("main", &ari.Event{Type: ari.ChannelDestroyed, Channel: far, Cause: 34, TechCause: 503})
					r.dialer.Step("main", &ari.Event{Type: ari.ChannelDestroyed, Channel: ari.Channel{ID: id}, Cause: 34, TechCause: 503})
				})
				var reports []Report
				if c.former {
					r.pbx.set(id, "Down", "")
					_, reports = r.dialer.Resume(t.Context(), r.rows(), order)
				} else {
					_, reports = r.dialer.Ring(t.Context(), p, order)
				}
				if reports[0].Outcome != c.want {
					t.Errorf("%+v, want %s", reports, c.want)
				}
			})
		})
	}
}

// A dialplan of which nobody heard whether it dials may have: the client is not
// dialed at once in the next way to write the number.
func TestWhatNobodyHeardMayHaveDialed(t *testing.T) {
	for heard, want := range map[bool]dials.Outcome{true: dials.Failed, false: dials.NoAnswer} {
		synctest.Test(t, func(t *testing.T) {
			r := newRoom(t)
			r.watch()
			p := r.pass("Local/79161234567@out")
			id := p[0].dial.Channel
			time.AfterFunc(time.Second, func() {
				if !heard {
					r.dialer.Step("main", &ari.Event{Type: ari.Disconnected})
					r.watch(ari.Channel{ID: id})
				}
				r.event(ari.ChannelDestroyed, id)
			})
			if _, reports := r.dialer.Ring(t.Context(), p, order); reports[0].Outcome != want {
				t.Errorf("all was heard: %v; %+v, want %s", heard, reports, want)
			}
		})
	}
}

// Whoever hangs up at the instant of the connection was not connected, and
// nothing stays open.
func TestHungUpWhileBeingConnected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.watch()
		p := r.pass("PJSIP/101")
		id := p[0].dial.Channel
		go func() { time.Sleep(time.Second); r.event(ari.StasisStart, id) }()
		voice, _ := r.dialer.Ring(t.Context(), p, order)
		r.pbx.onward = func(string) error {
			r.event(ari.ChannelDestroyed, id)
			return &ari.RequestError{Status: http.StatusNotFound}
		}
		pass, d, err := r.guard.Admit(t.Context(), Request{Kind: dials.Connect, PBX: "main", Trunk: "out", Number: "+79161234567", Device: "x@out", Who: "anna", Job: 1, Call: id})
		if err != nil || !d.Allowed {
			t.Fatal(d, err)
		}
		if err := voice.Connect(t.Context(), pass[0], "79161234567", "", nil); !errors.Is(err, ErrHungUp) {
			t.Errorf("connected: %v", err)
		}
		if err := voice.Hangup(t.Context(), ""); err != nil {
			t.Error(err)
		}
		for _, row := range r.rows() {
			if row.Ended.IsZero() {
				t.Errorf("%s is open", row.Kind)
			}
		}
		if len(r.dialer.beyond) > 0 {
			t.Errorf("the Dialer waits for the end of %v", r.dialer.beyond)
		}
	})
}

// The rows that a former life has left end with their channels; what rings or
// waits for a script is hung up, and what was connected goes on.
func TestSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t) // whose jobs are all over: there are none
		ringing, talking, gone := r.pass("PJSIP/101")[0], "", ""
		r.pbx.set(ringing.dial.Channel, "Ringing", "")
		for _, name := range []string{"boris", "clara"} {
			p, _, err := r.guard.Admit(t.Context(), Request{Kind: dials.Manager, PBX: "main", Device: "PJSIP/102", Who: name, Job: 1})
			if err != nil {
				t.Fatal(err)
			}
			r.answered(p[0])
			gone, talking = talking, p[0].dial.Channel
		}
		r.pbx.set(talking, "Up", "Dial")
		r.pbx.set("ringback-unknown", "Up", "Stasis")
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = r.dialer.Run(ctx) }()
		r.watch()
		synctest.Wait()
		want := map[string]dials.Outcome{ringing.dial.Channel: dials.Unknown, gone: dials.Answered, talking: ""}
		for _, row := range r.rows() {
			if row.Outcome != want[row.Channel] {
				t.Errorf("%s: %q, want %q", row.Device, row.Outcome, want[row.Channel])
			}
		}
		slices.Sort(r.pbx.hungUp)
		if !slices.Equal(r.pbx.hungUp, slices.Sorted(slices.Values([]string{ringing.dial.Channel, "ringback-unknown"}))) {
			t.Errorf("hung up %v", r.pbx.hungUp)
		}
		r.event(ari.ChannelDestroyed, talking)
		synctest.Wait()
		if row := r.rows()[0]; row.Channel != talking || row.Outcome != dials.Answered {
			t.Errorf("after its end: %+v", row)
		}
		stop()
		<-ended
	})
}

// Calls on a PBX that is not configured any more are nobody's to follow.
func TestPBXThatIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		p, _, err := r.guard.Admit(t.Context(), Request{Kind: dials.Manager, PBX: "old", Device: "PJSIP/101", Who: "anna", Job: 1})
		if err != nil {
			t.Fatal(err)
		}
		if voice, reports := r.dialer.Resume(t.Context(), []dials.Dial{p[0].dial}, order); voice != nil || reports[0].Outcome != dials.Unknown {
			t.Errorf("%+v", reports)
		}
		if row := r.rows()[0]; row.Outcome != dials.Unknown {
			t.Errorf("%+v", row)
		}
	})
}

// A key counts for what was just asked: not while something is told, and not
// for what comes after.
func TestTellIsDeaf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRoom(t)
		r.watch()
		p := r.pass("PJSIP/101")
		id := p[0].dial.Channel
		go func() { time.Sleep(time.Second); r.event(ari.StasisStart, id) }()
		voice, _ := r.dialer.Ring(t.Context(), p, order)
		press := func() {
			r.dialer.Step("main", &ari.Event{Type: ari.ChannelDtmfReceived, Channel: ari.Channel{ID: id}, Digit: "4"})
		}
		over := func() {
			r.dialer.Step("main", &ari.Event{Type: ari.PlaybackFinished, PlaybackID: r.pbx.played[len(r.pbx.played)-1], Playback: "done"})
		}
		told := make(chan error, 1)
		go func() { told <- voice.Tell(t.Context(), "sound:thanks") }()
		synctest.Wait()
		press()
		synctest.Wait()
		select {
		case <-told:
			t.Fatal("a key has cut it short")
		default:
		}
		press()
		over()
		if err := <-told; err != nil {
			t.Fatal(err)
		}
		pressed := make(chan string, 1)
		go func() { k, _ := voice.Ask(t.Context(), "sound:next"); pressed <- k }()
		synctest.Wait()
		over()
		if k := <-pressed; k != "" {
			t.Errorf("the key %s was taken for an answer", k)
		}
	})
}
