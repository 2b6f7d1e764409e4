package ari_test

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
)

const replacedFrame = `{"type":"ApplicationReplaced","application":"ringback"}`

// holds makes the fake say that it knows our application, and which Asterisk it
// is.
func (w *watch) holds(version string) {
	w.pbx.Answer("GET /applications/ringback", aritest.Answer{Status: http.StatusOK, Body: `{"name":"ringback"}`})
	w.pbx.Answer("GET /asterisk/info", aritest.Answer{Status: http.StatusOK, Body: `{"system":{"version":"` + version + `"}}`})
}

// rob takes the name from a session.
func (w *watch) rob(s *aritest.Session) {
	w.t.Helper()
	w.send(s, replacedFrame)
	<-s.Done()
	synctest.Wait()
	w.wantState(ari.Stolen, ari.Replaced)
}

func (w *watch) sessions() int { return len(w.pbx.Requests("GET /events")) }

func TestStreamDoesNotFightForItsName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.holds("22.10.1~dfsg")
		w.start(ari.StreamOptions{})
		w.rob(w.session())
		w.wantSeen("RingbackConnected", "ApplicationReplaced", "RingbackDisconnected")
		w.wantMetric("ringback_ari_application_replaced_total", 1)
		w.wantMetric("ringback_ari_connected", 0)
		if log := w.log.String(); !strings.Contains(log, "level=ERROR") || !strings.Contains(log, "NOT being watched") {
			t.Errorf("not loud:\n%s", log)
		}
		time.Sleep(24*time.Hour + time.Second)
		synctest.Wait()
		w.wantState(ari.Stolen, ari.Replaced)
		if n := w.sessions(); n != 1 {
			t.Errorf("%d sessions while another client has the name", n)
		}
		if said, want := strings.Count(w.log.String(), "still NOT being watched"), 24*60/5; said != want {
			t.Errorf("said %d times in a day, want %d", said, want)
		}
		w.pbx.Forget("GET /applications/ringback")
		free := time.Now()
		w.session()
		if took := time.Since(free); took > 31*time.Second {
			t.Errorf("came back %v after the other had gone", took)
		}
		w.wantState(ari.Watching, "")
		w.stop()
	})
}

// A PBX that does not tell who has a name: one theft must not blind us for good,
// and two that want the name must fight less and less.
func TestStreamStandsBackLongerEachTimeWhereThePBXDoesNotTell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.holds("16.28.0~dfsg-0+deb11u4")
		w.start(ari.StreamOptions{})
		s := w.session()
		want := 5 * time.Minute
		for range 9 {
			w.rob(s)
			began := time.Now()
			s = w.session()
			if away := time.Since(began); (away - want).Abs() > time.Second {
				t.Errorf("away for %v, want %v", away, want)
			}
			want = min(2*want, 6*time.Hour)
			time.Sleep(want) // as long as the other stands back
		}
		time.Sleep(12 * time.Hour)
		w.rob(s)
		began := time.Now()
		w.session()
		if away := time.Since(began); (away - 5*time.Minute).Abs() > time.Second {
			t.Errorf("after a day of peace away for %v", away)
		}
		if n := strings.Count(w.log.String(), "taking the name of our ARI application back"); n != 10 {
			t.Errorf("said %d times that the name is taken back, want 10", n)
		}
		w.stop()
	})
}

// Nothing is taken back on the strength of an answer that did not come.
func TestStreamStandsBackWhileThePBXIsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWatch(t)
		w.holds("22.10.1")
		w.start(ari.StreamOptions{})
		w.rob(w.session())
		w.pbx.SetDown(true)
		time.Sleep(time.Hour)
		synctest.Wait()
		w.wantState(ari.Stolen, ari.Replaced)
		w.pbx.Forget("GET /applications/ringback") // the PBX began anew
		w.pbx.SetDown(false)
		s := w.session()
		w.wantState(ari.Watching, "")
		w.rob(s)
		w.holds("22.10.1")
		time.Sleep(time.Minute)
		w.stop() // ends the standing back
	})
}

func TestHoldingKnowsWhichAsteriskTells(t *testing.T) {
	for version, want := range map[string]ari.Holding{
		"22.10.1": ari.Held, "22.10.1~dfsg+~cs6.15.60671435-1": ari.Held, "22.5.0": ari.Held, "20.15.0": ari.Held, "21.10.2": ari.Held,
		"23.0.0": ari.Held, "GIT-22.6-1a2b3c4": ari.Held, "certified/22.8-cert1": ari.Held, "24": ari.Held,
		"22.4.1": ari.Untold, "22": ari.Untold, "21.9.0": ari.Untold, "20.14.0": ari.Untold, "19.99.0": ari.Untold, "16.28.0~dfsg": ari.Untold,
		"certified/18.9-cert17": ari.Untold, "GIT-master-1a2b3c4": ari.Untold, "": ari.Untold, "99999999999999999999": ari.Untold, "SVN-trunk-r23": ari.Untold,
	} {
		w := newWatch(t)
		w.holds(version)
		if got, err := w.client.Holding(t.Context()); got != want || err != nil {
			t.Errorf("%q: %v (%v), want %v", version, got, err, want)
		}
		w.pbx.Forget("GET /applications/ringback")
		if got, err := w.client.Holding(t.Context()); got != ari.Free || err != nil {
			t.Errorf("%q does not know the name: %v (%v)", version, got, err)
		}
		w.pbx.SetDown(true)
		w.client.Close() // connections that stand would still be answered
		if got, err := w.client.Holding(t.Context()); got == ari.Free || err == nil {
			t.Errorf("%q is down: %v, %v", version, got, err)
		}
	}
}
