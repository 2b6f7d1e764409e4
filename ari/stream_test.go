package ari_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari"
	"ringback/ari/aritest"
)

func TestStreamPutsTheSnapshotBeforeWhatCameMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		hold := make(chan struct{})
		w.pbx.Answer("GET /channels", aritest.Answer{Status: 200, Body: `[{"id":"old","name":"PJSIP/1"}]`, Wait: hold})
		w.pbx.Answer("GET /bridges", aritest.Answer{Status: 200, Body: `[{"id":"b","channels":["old"]}]`})
		w.start(ari.StreamOptions{})
		s := w.session()
		w.send(s, created("a"), created("b"))
		w.wantState(ari.Waiting, "")
		if len(w.all()) > 0 {
			t.Fatalf("before the snapshot came %s", w.seen())
		}
		close(hold)
		synctest.Wait()
		w.send(s, created("c"))
		w.wantSeen("RingbackConnected", "ChannelCreated a", "ChannelCreated b", "ChannelCreated c")
		w.wantState(ari.Watching, "")
		first := w.all()[0]
		want := &ari.Snapshot{
			Channels: []ari.Channel{{ID: "old", Name: "PJSIP/1"}},
			Bridges:  []ari.Bridge{{ID: "b", Channels: []string{"old"}}},
		}
		if !reflect.DeepEqual(first.Snapshot, want) || time.Since(first.At).Abs() > time.Millisecond || !first.Since.IsZero() {
			t.Errorf("the session began with %+v", first)
		}
		w.wantMetric("ringback_ari_connected", 1)
		w.wantMetric("ringback_ari_events_total", 3)
		w.stop()
		w.wantMetric("ringback_ari_connected", 0)
		if last := w.all()[len(w.all())-1]; last.Type != ari.Disconnected || last.Err == nil {
			t.Errorf("the end is %+v", last)
		}
	})
}

func TestStreamAsksForWhatItNeeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{EventFilter: true})
		w.session()
		r := w.pbx.Requests("GET /events")[0]
		if r.Query.Get("app") != "ringback" || len(r.Query) != 1 {
			t.Errorf("the websocket asked for %v", r.Query)
		}
		sources := w.pbx.Requests("POST /applications/ringback/subscription")
		if len(sources) != 1 || sources[0].Query.Get("eventSource") != "channel:,bridge:" {
			t.Errorf("subscribed to %+v", sources)
		}
		filter := w.pbx.Requests("PUT /applications/ringback/eventFilter")
		if len(filter) != 1 || !strings.Contains(filter[0].Body, `{"disallowed":[{"type":`) || !strings.Contains(filter[0].Body, "DeviceStateChanged") ||
			strings.Contains(filter[0].Body, "Varset") {
			t.Errorf("filter: %+v", filter)
		}
		w.stop()
	})
}

func TestStreamWatchesThoughTheFilterIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.Answer("PUT /applications/ringback/eventFilter", aritest.Answer{Status: 403, Body: `{"message":"no"}`})
		w.start(ari.StreamOptions{EventFilter: true})
		w.session()
		w.wantState(ari.Watching, "")
		if !strings.Contains(w.log.String(), "does not thin") {
			t.Errorf("no warning:\n%s", w.log.String())
		}
		w.stop()
	})
}

func TestStreamMarksTheGap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.SetClock(time.Hour) // all times of events are the PBX's
		w.start(ari.StreamOptions{})
		s := w.session()
		time.Sleep(time.Minute)
		w.send(s, created("a"))
		lost := time.Now()
		w.pbx.SetDown(true)
		s.Cut()
		synctest.Wait()
		w.wantState(ari.Waiting, ari.Cut)
		w.wantMetric("ringback_ari_connected", 0)
		time.Sleep(20 * time.Second)
		w.pbx.SetDown(false)
		w.session()
		w.wantState(ari.Watching, "")
		w.wantSeen("RingbackConnected", "ChannelCreated a", "RingbackDisconnected", "RingbackConnected")
		again := w.all()[3]
		near := func(a, b time.Time) bool { return a.Sub(b).Abs() <= 3*time.Millisecond } // the PBX tells its clock in milliseconds, cut off
		if want := lost.Add(time.Hour - time.Second); !near(again.Since, want) {
			t.Errorf("the gap began at %v, want %v", again.Since, want)
		}
		if want := time.Now().Add(time.Hour); !near(again.At, want) {
			t.Errorf("the gap ended at %v, want %v", again.At, want)
		}
		if got := w.stream.Status().ClockOffset; (got - time.Hour).Abs() > time.Millisecond {
			t.Errorf("clock offset %v", got)
		}
		if got, want := w.metric("ringback_ari_blind_seconds_total"), time.Since(lost).Seconds(); got < want-0.1 || got > want+0.1 {
			t.Errorf("blind for %v s, want %v", got, want)
		}
		w.wantMetric("ringback_ari_reconnects_total", 1)
		w.stop()
	})
}

// What happened between an earlier process and this one was not seen either.
func TestStreamKnowsUntilWhenThePBXWasWatchedBefore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.SetClock(time.Hour)
		until := time.Now().Add(-10 * time.Minute)
		w.start(ari.StreamOptions{WatchedUntil: until})
		w.session()
		synctest.Wait()
		if got, want := w.all()[0].Since, until.Add(time.Hour-time.Second); got.Sub(want).Abs() > 3*time.Millisecond {
			t.Errorf("the gap began at %v, want %v", got, want)
		}
		if blind := w.metric("ringback_ari_blind_seconds_total"); blind < 600 || blind > 601 {
			t.Errorf("blind for %v s, want 600", blind)
		}
		w.wantMetric("ringback_ari_reconnects_total", 0)
		w.stop()
	})
}

// Since when nothing is seen is told while it is so, also of the time before this
// process, and afterwards from when to when it was.
func TestStreamTellsSinceWhenItIsBlind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.SetDown(true)
		before := time.Now().Add(-10 * time.Minute)
		wantBlind := func(begin, end time.Time) {
			t.Helper()
			for name, want := range map[string]time.Time{"begin": begin, "end": end} {
				if got := w.metric("ringback_ari_blind_" + name + "_timestamp_seconds"); got != 0 != !want.IsZero() || got != 0 && time.UnixMilli(int64(got*1000)).Sub(want).Abs() > 3*time.Millisecond {
					t.Errorf("%s of the blind time: %.3f, want %.3f", name, got, float64(want.UnixMilli())/1000)
				}
			}
		}
		w.start(ari.StreamOptions{WatchedUntil: before})
		time.Sleep(time.Minute)
		synctest.Wait()
		w.wantState(ari.Waiting, ari.Refused)
		if since := w.stream.Status().Since; !since.Equal(before) {
			t.Errorf("blind since %v, want %v", since, before)
		}
		wantBlind(before, time.Time{})
		w.pbx.SetDown(false)
		s := w.session()
		if since := w.stream.Status().Since; !since.Equal(time.Now()) {
			t.Errorf("watching since %v, want %v", since, time.Now())
		}
		wantBlind(before, time.Now())
		time.Sleep(time.Minute)
		w.pbx.SetDown(true)
		s.Cut()
		synctest.Wait()
		lost := time.Now()
		time.Sleep(time.Minute)
		if since := w.stream.Status().Since; !since.Equal(lost) {
			t.Errorf("blind since %v, want %v", since, lost)
		}
		wantBlind(lost, time.Time{})
		w.stop()
	})
}

// What leads to nothing is not seen, though the session stands: it is told as
// blind from there on, until a session begins that is followed.
func TestStreamIsBlindToWhatIsIgnored(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		var full time.Time
		w.handle = func(ev *ari.Event) {
			if ev.Channel.ID == "full" {
				full = time.Now()
			}
			if !full.IsZero() {
				w.stream.Ignore(full)
			}
		}
		w.start(ari.StreamOptions{})
		w.pbx.Answer("GET /asterisk/info", aritest.Answer{Status: 200, Body: `{"system":{"version":"22.10.1"}}`})
		s := w.session()
		if v := w.stream.Status().Version; v != "22.10.1" {
			t.Errorf("it is Asterisk %q", v)
		}
		before := w.metric("ringback_ari_blind_seconds_total")
		time.Sleep(time.Minute)
		w.send(s, created("full"))
		since := full
		wantBlind := func() {
			t.Helper()
			w.wantState(ari.Waiting, ari.Overflow)
			w.wantMetric("ringback_ari_connected", 0)
			if st := w.stream.Status(); !st.Since.Equal(since) || !st.Good.Equal(since) {
				t.Errorf("blind since %v, good until %v, want %v", st.Since, st.Good, since)
			}
		}
		wantBlind()
		time.Sleep(time.Minute)
		w.send(s, created("more"))
		w.stream.Renew()
		w.session() // there is no room yet
		wantBlind()
		time.Sleep(time.Minute)
		full = time.Time{}
		w.stream.Renew()
		w.session()
		w.wantState(ari.Watching, "")
		w.wantMetric("ringback_ari_connected", 1)
		if got := w.metric("ringback_ari_blind_seconds_total") - before; got < 120 || got > 125 {
			t.Errorf("blind for %v s, want 2 minutes", got)
		}
		if last := w.all()[len(w.all())-1]; last.Type != ari.Connected || last.Since.Sub(since).Abs() > time.Second+3*time.Millisecond {
			t.Errorf("the session that is followed says that nothing was seen since %v, want %v", last.Since, since)
		}
		w.stop()
	})
}

// A connection that stands and says nothing must be found out by pings, and a
// quiet but living one must not.
func TestStreamFindsADeadConnection(t *testing.T) {
	t.Run("between_frames", func(t *testing.T) { findsDead(t, (*aritest.Session).Freeze) })
	t.Run("amid_a_frame", func(t *testing.T) { findsDead(t, (*aritest.Session).Break) })
}

func findsDead(t *testing.T, freeze func(*aritest.Session)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{})
		s := w.session()
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantState(ari.Watching, "")
		frozen := time.Now()
		freeze(s)
		w.session()
		if took := time.Since(frozen); took > 11*time.Second {
			t.Errorf("found out after %v", took)
		}
		w.wantSeen("RingbackConnected", "RingbackDisconnected", "RingbackConnected")
		if since := w.all()[2].Since; since.After(frozen) || since.Before(frozen.Add(-6*time.Second)) {
			t.Errorf("good until %v, frozen at %v", since, frozen)
		}
		if !strings.Contains(w.log.String(), "trouble=silent") {
			t.Errorf("log:\n%s", w.log.String())
		}
		w.stop()
	})
}

// A PBX that is too busy to answer pings but sends events is alive.
func TestStreamTakesEventsForSignsOfLife(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{})
		s := w.session()
		s.Mute()
		for range 60 {
			time.Sleep(time.Second)
			w.send(s, created("a"))
		}
		w.wantState(ari.Watching, "")
		w.session()
		w.wantMetric("ringback_ari_reconnects_total", 1)
		w.stop()
	})
}

func TestStreamHasItsMetricsFromTheStart(t *testing.T) {
	reg := prometheus.NewRegistry()
	metrics := ari.NewMetrics(reg)
	for _, name := range []string{"main", "branch"} {
		client, err := ari.NewClient(ari.Config{Name: name, URL: "http://127.0.0.1:1", Username: "u"})
		if err != nil {
			t.Fatal(err)
		}
		ari.NewStream(client, ari.StreamOptions{Metrics: metrics})
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	series := 0
	for _, f := range families {
		series += len(f.GetMetric())
	}
	if len(families) != 9 || series != 2*11 {
		t.Errorf("%d metrics with %d series at the start: %v", len(families), series, families)
	}
}

func TestStreamSkipsBadFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{})
		s := w.session()
		w.send(s, created("a"), `{"type":"ChannelCreated","channel":{"id":"cut`, ``, `[]`, "\x00\xff", `{"type":"ChannelCrea`)
		w.send(s, `{"type":"RingbackConnected"}`, `{"type":"RingbackDisconnected"}`) // not the PBX's to say
		w.send(s, `{"type":"DeviceStateChanged"}`, `{"type":"FromTheFuture","x":[{}]}`)
		if err := s.SendSize(1 << 20); err != nil { // still allowed
			t.Fatal(err)
		}
		for _, size := range []int{1<<20 + 1, 5 << 20} {
			if err := s.SendSize(size); err != nil {
				t.Fatal(err)
			}
		}
		w.send(s, created("b"))
		w.wantSeen("RingbackConnected", "ChannelCreated a", "ChannelCreated b")
		w.wantMetric("ringback_ari_frames_skipped_total/malformed", 7)
		w.wantMetric("ringback_ari_frames_skipped_total/oversized", 2)
		w.wantMetric("ringback_ari_frames_skipped_total/other", 3)
		w.stop()
	})
}

// Asterisk drops a client that does not read for 100 ms: however long an event
// takes to be handled, the websocket is read.
func TestStreamReadsWhileEventsAreHandled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		release := make(chan struct{})
		w.handle = func(ev *ari.Event) {
			if ev.Channel.ID == "0" {
				<-release
			}
		}
		w.start(ari.StreamOptions{})
		s := w.session()
		want := []string{"RingbackConnected"}
		var frames []string
		for i := range 5000 {
			id := fmt.Sprint(i)
			frames = append(frames, created(id))
			want = append(want, "ChannelCreated "+id)
		}
		start := time.Now()
		w.send(s, frames...) // over net.Pipe this ends only when all is read
		if time.Since(start) > 0 || len(w.all()) != 2 {
			t.Fatalf("read in %v, %d events", time.Since(start), len(w.all()))
		}
		if got := w.metric("ringback_ari_queue_bytes"); got < 400_000 {
			t.Errorf("queue of %v bytes", got)
		}
		close(release)
		synctest.Wait()
		w.wantSeen(want...)
		w.wantMetric("ringback_ari_queue_bytes", 0)
		w.stop()
	})
}

func TestStreamDropsTheSessionWhenTheQueueIsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		release := make(chan struct{})
		w.handle = func(ev *ari.Event) {
			if ev.Channel.ID == "0" {
				<-release
			}
		}
		w.start(ari.StreamOptions{QueueBytes: 2000})
		s := w.session()
		w.send(s, created("0"))
		fits := 2000 / len(created("1"))
		want := []string{"RingbackConnected", "ChannelCreated 0"}
		for range fits {
			w.send(s, created("1"))
			want = append(want, "ChannelCreated 1")
		}
		if err := s.Send(created("2"), created("3")); err == nil {
			t.Error("the session took more than the bound")
		}
		<-s.Done()
		close(release)
		w.session()
		w.wantSeen(append(want, "RingbackDisconnected", "RingbackConnected")...)
		if err := w.all()[len(want)].Err; err == nil || !strings.Contains(err.Error(), "more memory than allowed") {
			t.Errorf("the session ended with %v", err)
		}
		if !strings.Contains(w.log.String(), "trouble=overflow") {
			t.Errorf("log:\n%s", w.log.String())
		}
		w.stop()
	})
}

func TestStreamWaitsForThePBXAndSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.SetDown(true)
		w.start(ari.StreamOptions{})
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		w.wantState(ari.Waiting, ari.Refused)
		w.pbx.SetDown(false)
		start := time.Now()
		w.session()
		if waited := time.Since(start); waited > 30*time.Second {
			t.Errorf("noticed the PBX after %v", waited)
		}
		w.wantState(ari.Watching, "")
		log := w.log.String()
		if strings.Count(log, "waiting for PBX") != 1 || strings.Count(log, "watching PBX") != 1 || !strings.Contains(log, "http://fake:8088/ari") {
			t.Errorf("log:\n%s", log)
		}
		if blind := w.metric("ringback_ari_blind_seconds_total"); blind < 600 {
			t.Errorf("blind for %v s", blind)
		}
		w.stop()
	})
}

func TestStreamBacksOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.Answer("GET /channels", aritest.Answer{Status: 500, Body: `{"message":"Internal"}`})
		start := time.Now()
		w.start(ari.StreamOptions{})
		var pauses []time.Duration
		last := start
		for range 12 {
			w.session()
			pauses = append(pauses, time.Since(last))
			last = time.Now()
		}
		if len(w.all()) > 0 {
			t.Errorf("without a snapshot came %s", w.seen())
		}
		limit := 250 * time.Millisecond
		for i, p := range pauses[1:] {
			if p < limit/2 || p > limit+time.Millisecond {
				t.Errorf("pause %d: %v, want between %v and %v", i, p, limit/2, limit)
			}
			limit = min(2*limit, 2*time.Second)
		}
		w.stop()
	})
}

// A session that lasted makes the next pause short again.
func TestStreamComesBackSoonAfterALongSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.SetDown(true)
		w.start(ari.StreamOptions{})
		time.Sleep(10 * time.Minute)
		w.pbx.SetDown(false)
		s := w.session()
		time.Sleep(time.Minute)
		cut := time.Now()
		s.Leave()
		w.session()
		if waited := time.Since(cut); waited > 250*time.Millisecond {
			t.Errorf("came back after %v", waited)
		}
		w.stop()
	})
}

func TestStreamNamesTheTrouble(t *testing.T) {
	for _, c := range []struct {
		name    string
		prepare func(*aritest.PBX)
		trouble ari.Trouble
		hint    string
		patient bool
	}{
		{"wrong password", func(p *aritest.PBX) { p.SetPassword("other") }, ari.Unauthorized, "wrong username or password", true},
		{"ARI disabled", func(p *aritest.PBX) { p.Answer("GET /events", aritest.Answer{Status: 404}) }, ari.Disabled, "enabled=yes in ari.conf", false},
		{"no rights", func(p *aritest.PBX) { p.Answer("GET /events", aritest.Answer{Status: 403}) }, ari.Forbidden, "read_only=no", true},
		{"starting", func(p *aritest.PBX) { p.Answer("GET /events", aritest.Answer{Status: 503}) }, ari.Starting, "still starting", false},
		{"a web page", func(p *aritest.PBX) { p.Answer("GET /events", aritest.Answer{Status: 200, Body: "<html>"}) }, ari.NotAsterisk, "not look like Asterisk", true},
		{"a redirect", func(p *aritest.PBX) { p.Answer("GET /events", aritest.Answer{Status: 302}) }, ari.NotAsterisk, "not look like Asterisk", true},
		{"no list", func(p *aritest.PBX) { p.Answer("GET /channels", aritest.Answer{Status: 200, Body: "<html>"}) }, ari.NotAsterisk, "not look like Asterisk", true},
		{"hangs", func(p *aritest.PBX) {
			p.Answer("GET /events", aritest.Answer{Status: 200, Wait: make(chan struct{})})
		}, ari.NoAnswer, "no answer in time", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWatch(t)
				c.prepare(w.pbx)
				w.start(ari.StreamOptions{})
				time.Sleep(4 * time.Second)
				synctest.Wait()
				if tries := len(w.pbx.Requests("GET /events")); c.patient && tries > 1 {
					t.Errorf("%d tries in 4 s, though a person has to act first", tries)
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				w.wantState(ari.Waiting, c.trouble)
				if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, c.hint) {
					t.Errorf("want one line with %q:\n%s", c.hint, log)
				}
				// Where nobody has to act first, the PBX is seen within seconds of its
				// return; a try that hangs takes 5 s by itself.
				least, most := 500, 4000
				if c.patient {
					least, most = 60, 250
				}
				if tries := len(w.pbx.Requests("GET /events")); tries < least || tries > most {
					t.Errorf("%d tries in an hour", tries)
				}
				w.stop()
			})
		})
	}
}

func TestStreamGivesUpASessionThatEndsWhileItOpens(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.Answer("GET /channels", aritest.Answer{Status: http.StatusOK, Body: "[]", Wait: make(chan struct{})})
		w.start(ari.StreamOptions{})
		s := w.session()
		start := time.Now()
		s.Cut()
		w.session()
		if took := time.Since(start); took > time.Second {
			t.Errorf("waited %v for the snapshot of a dead session", took)
		}
		if len(w.all()) > 0 {
			t.Errorf("events: %s", w.seen())
		}
		w.stop()
	})
}

// An event was heard when its frame was read, however long it waited then.
func TestStreamNotesWhenItHeard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		hold := make(chan struct{})
		w.pbx.Answer("GET /channels", aritest.Answer{Status: 200, Body: "[]", Wait: hold})
		w.start(ari.StreamOptions{})
		s := w.session()
		var sent []time.Time
		for _, id := range []string{"a", "b"} {
			time.Sleep(time.Second)
			sent = append(sent, time.Now())
			w.send(s, created(id))
		}
		time.Sleep(time.Second)
		close(hold)
		synctest.Wait()
		events := w.all()
		if len(events) != 3 || !events[0].Heard.IsZero() || !events[1].Heard.Equal(sent[0]) || !events[2].Heard.Equal(sent[1]) {
			t.Errorf("sent at %v, heard %+v", sent, events)
		}
		w.stop()
	})
}

// What the recorder wrote is what the daemon saw.
func TestStreamRecordsWhatItHandsOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.pbx.Answer("GET /channels", aritest.Answer{Status: 200, Body: "[\n {\"id\":\"old\"}\n]"})
		w.start(ari.StreamOptions{})
		s := w.session()
		w.send(s, created("a"), `{"type":"DeviceStateChanged"}`, "{\n \"type\": \"StasisEnd\",\n \"channel\": {\"id\":\"b\"}\n}")
		s.Cut()
		w.session()
		w.stop()
		var replayed []ari.Event
		sc := ari.NewScanner(strings.NewReader(w.rec.String()), "recording")
		for {
			var ev ari.Event
			if err := sc.Next(&ev); err != nil {
				if err.Error() != "EOF" {
					t.Fatal(err)
				}
				break
			}
			if ev.Type != ari.Other {
				replayed = append(replayed, ev)
			}
		}
		seen := w.all()
		for i := range seen {
			seen[i].Heard = time.Time{} // which a recording does not tell
		}
		if !reflect.DeepEqual(replayed, seen) {
			t.Errorf("replayed\n%+v\nseen\n%+v", replayed, seen)
		}
		w.wantSeen("RingbackConnected", "ChannelCreated a", "StasisEnd b", "RingbackDisconnected", "RingbackConnected", "RingbackDisconnected")
	})
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left on device") }

func TestStreamGoesOnWhenTheRecordingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		var log syncBuffer
		rec := ari.NewRecorder(fullDisk{})
		w.stream = ari.NewStream(w.client, ari.StreamOptions{Recorder: rec, Log: slog.New(slog.NewTextHandler(&log, nil))})
		ctx, cancel := context.WithCancel(context.Background())
		w.cancel = cancel
		go func() { w.done <- w.stream.Run(ctx, w.take) }()
		s := w.session()
		w.send(s, created("a"), created("b"))
		w.wantSeen("RingbackConnected", "ChannelCreated a", "ChannelCreated b")
		if strings.Count(log.String(), "recording failed") != 1 || rec.Err() == nil {
			t.Errorf("%v, log:\n%s", rec.Err(), log.String())
		}
		w.stop()
	})
}

// A session ends with a proper close when the daemon stops.
func TestStreamTakesLeave(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{})
		s := w.session()
		start := time.Now()
		w.stop()
		if end := s.End(); websocket.CloseStatus(end) != websocket.StatusGoingAway || time.Since(start) > 0 {
			t.Errorf("after %v: %v", time.Since(start), end)
		}
	})
}

// A PBX that is dead does not hold the daemon's stop up.
func TestStreamStopsOnADeadConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.start(ari.StreamOptions{})
		w.session().Freeze()
		start := time.Now()
		w.stop()
		if took := time.Since(start); took > 2*time.Second {
			t.Errorf("stopping took %v", took)
		}
	})
}
