package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/leads/text"
)

// TestPBXIsNotThere starts daemons that cannot watch their PBX: each runs, says
// once what is wrong and what to do, and is not ready.
func TestPBXIsNotThere(t *testing.T) {
	t.Parallel()
	on := bareAsterisk(t, nil)
	off := bareAsterisk(t, map[string]string{"ari.conf": "[general]\nenabled = no\n"})
	foreign := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "nginx")
		http.NotFound(w, r)
	}))
	defer foreign.Close()
	rude, tries := hangsUp(t)
	cases := []struct {
		name, url, password string
		trouble             ari.Trouble
		hint                string
	}{
		{"wrong_password", on.ARIURL, "guess", ari.Unauthorized, "wrong username or password"},
		{"nothing_listens", "http://" + freeAddress(t), "guess", ari.Refused, "is Asterisk running"},
		{"ari_disabled", off.ARIURL, off.ARIPassword, ari.Disabled, "set enabled=yes in ari.conf"},
		{"wrong_path", on.ARIURL + "/deep", on.ARIPassword, ari.Disabled, "compare the url with prefix in http.conf"},
		{"no_asterisk", foreign.URL, "guess", ari.NotAsterisk, "does not look like Asterisk"},
		{"hangs_up", "http://" + rude, "guess", ari.Cut, ""},
	}
	t.Run("with", func(t *testing.T) {
		for _, c := range cases {
			t.Run(c.name, func(t *testing.T) {
				t.Parallel()
				door, log := newCompany(t, account{"main", c.url, "ringback", c.password}).hold(t)
				waitFor(t, "the log says what is wrong", func() bool {
					return log.count("waiting for PBX", "pbx=main", "trouble="+string(c.trouble), c.hint) == 1
				})
				if c.name == "hangs_up" {
					waitFor(t, "four tries", func() bool { return tries.Load() >= 4 })
				}
				var told struct {
					Problems []struct{ What, Why, Hint string }
				}
				if err := json.Unmarshal([]byte(door.isReady(t, false)), &told); err != nil || len(told.Problems) != 1 ||
					told.Problems[0].What != "pbx main" || told.Problems[0].Why != string(c.trouble) || !strings.Contains(told.Problems[0].Hint, c.hint) {
					t.Errorf("not ready because of %+v (%v)", told.Problems, err)
				}
				if status, _ := door.get(t, "/healthz"); status != http.StatusOK {
					t.Errorf("/healthz answers %d", status)
				}
				if connected := door.metric(t, `ringback_ari_connected{pbx="main"}`); connected != 0 {
					t.Errorf("connected is %v", connected)
				}
				said := text.In(text.English).Say("page.trouble." + string(c.trouble))
				if status, page := door.get(t, "/"); status != http.StatusOK || !strings.Contains(page, said) {
					t.Errorf("the page answers %d and does not say %q", status, said)
				}
				if log.count("waiting for PBX") != 1 || strings.Contains(log.String(), c.password) {
					t.Error("the log says it several times, or the password")
				}
			})
		}
	})
	t.Run("down_at_start", func(t *testing.T) {
		if err := on.Stop(); err != nil {
			t.Fatal(err)
		}
		door, log := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword}).hold(t)
		waitFor(t, "the log says that it waits", func() bool { return log.count("waiting for PBX", "trouble=refused") == 1 })
		door.isReady(t, false)
		if err := on.Restart(patient(t)); err != nil {
			t.Fatal(err)
		}
		door.isReady(t, true)
		if door.metric(t, `ringback_ari_connected{pbx="main"}`) != 1 || log.count("msg=\"watching PBX\"") != 1 || log.count("trouble=refused") != 1 {
			t.Error("it is not told once each that the PBX is away and there")
		}
	})
}

// bareAsterisk is a PBX without phones.
func bareAsterisk(t *testing.T, files map[string]string) *pbx.Instance {
	t.Helper()
	on, err := pbx.Start(t.Context(), asterisk(t), pbx.Options{Dir: t.TempDir(), Files: files})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := on.Stop(); err != nil {
			t.Error(err)
		}
	})
	return on
}

// freeAddress is one where nothing listens.
func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// hangsUp listens and closes whatever connects, and counts.
func hangsUp(t *testing.T) (address string, tries *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	tries = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tries.Add(1)
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String(), tries
}

// TestTwoPBXes lets one daemon watch two PBXes, of which each goes away in its
// own manner: what the other says is heard all the same.
func TestTwoPBXes(t *testing.T) {
	t.Parallel()
	main, north := openTestBranch(t, lineRings), openTestBranch(t, lineRings)
	c := newCompany(t, accountAt("main", main), accountAt("north", north))
	c.lines += `
  - {name: north, pbx: north, numbers: ["` + pbx.LineDirect + `"]}`
	door, log := c.hold(t)
	door.isReady(t, true)

	t.Run("each_by_its_name", func(t *testing.T) {
		missedAt(t, main, firstClient)
		at := door.callOf(t, firstClient, "is judged", judged)
		if at.PBX != "main" || at.Line != "sales" {
			t.Errorf("the call at main is %+v", at)
		}
		missedAt(t, north, secondClient) // the next turn
		at = door.callOf(t, secondClient, "is judged", judged)
		if at.PBX != "north" || at.Line != "north" {
			t.Errorf("the call at north is %+v", at)
		}
		for desk, number := range map[string]string{pbx.Manager1: firstClient, pbx.Manager2: secondClient} {
			if m, err := main.desks[desk].ExpectMessage(patient(t)); err != nil || !strings.Contains(m.Body, number) {
				t.Errorf("phone %s shows %q (%v)", desk, m.Body, err)
			}
		}
		for _, name := range []string{"main", "north"} {
			if door.metric(t, `ringback_ari_connected{pbx="`+name+`"}`) != 1 || door.metric(t, `ringback_ari_events_total{pbx="`+name+`"}`) < 5 {
				t.Errorf("the metrics do not tell of %s", name)
			}
		}
	})
	t.Run("restarted_in_mid_life", func(t *testing.T) { northDies(t, main, north, door, log) })
	t.Run("application_taken", func(t *testing.T) { mainIsTaken(t, main, north, door, log) })
}

func judged(c apiCall) bool { return c.Verdict != "" }

// missedAt lets a client ring the direct line and give up.
func missedAt(t *testing.T, b *branch, number string) {
	t.Helper()
	c, _, err := b.rings(patient(t), client(number), pbx.LineDirect, pbx.Manager1)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Hangup(patient(t)); err != nil {
		t.Fatal(err)
	}
}

// northDies kills a PBX under a ringing call. When it is back, the call that
// went with it is somebody's to call back.
func northDies(t *testing.T, main, north *branch, door site, log *logbook) {
	lost, _, err := north.rings(patient(t), client(thirdClient), pbx.LineDirect, pbx.Manager1)
	if err != nil {
		t.Fatal(err)
	}
	door.callOf(t, thirdClient, "is known", func(c apiCall) bool { return c.Ended == nil })
	north.pbx.Kill()
	if said := door.isReady(t, false); !strings.Contains(said, `"pbx north"`) || strings.Contains(said, `"pbx main"`) {
		t.Errorf("not ready because of %s", said)
	}
	waitFor(t, "the log says that north is gone", func() bool { return log.count("lost sight of PBX", "pbx=north") == 1 })
	const meanwhile = "+79165550001"
	missedAt(t, main, meanwhile)
	if v := door.verdictOf(t, meanwhile); v != "missed abandoned_ringing" {
		t.Errorf("while north is away, a call at main is %s", v)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_ = lost.Hangup(ended) // nobody is there to confirm it
	if err := north.pbx.Restart(patient(t)); err != nil {
		t.Fatal(err)
	}
	if err := north.desks[pbx.Manager1].Register(patient(t)); err != nil { // Asterisk may have forgotten it
		t.Fatal(err)
	}
	door.isReady(t, true)
	if v := door.verdictOf(t, thirdClient); v != "missed unconfirmed" {
		t.Errorf("the call that north took along is %s", v)
	}
	if owed := door.leadsOf(t, thirdClient); len(owed) != 1 || owed[0].State != "open" || owed[0].Missed != 1 {
		t.Errorf("for it is owed %+v", owed)
	}
	if door.metric(t, `ringback_ari_reconnects_total{pbx="north"}`) != 1 || door.metric(t, `ringback_ari_reconnects_total{pbx="main"}`) != 0 ||
		door.metric(t, `ringback_ari_blind_seconds_total{pbx="north"}`) <= 0 {
		t.Error("the metrics do not tell of the gap")
	}
}

// mainIsTaken lets another program take the daemon's application: the daemon
// says so loudly, and leaves it to the other.
func mainIsTaken(t *testing.T, main, north *branch, door site, log *logbook) {
	thief, err := ari.NewClient(ari.Config{Name: "thief", URL: main.pbx.ARIURL, Username: main.pbx.ARIUser, Password: ari.NewSecret(main.pbx.ARIPassword), App: "ringback"})
	if err != nil {
		t.Fatal(err)
	}
	defer thief.Close()
	stream := ari.NewStream(thief, ari.StreamOptions{Log: slog.New(slog.DiscardHandler)})
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = stream.Run(ctx, func(*ari.Event) {})
	}()
	defer func() { stop(); <-done }()
	if said := door.isReady(t, false); !strings.Contains(said, `"pbx main"`) || !strings.Contains(said, "replaced") || strings.Contains(said, `"pbx north"`) {
		t.Errorf("not ready because of %s", said)
	}
	waitFor(t, "the log says it loudly", func() bool {
		return log.count("level=ERROR", "pbx=main", "another client has taken our ARI application") == 1
	})
	if door.metric(t, `ringback_ari_application_replaced_total{pbx="main"}`) != 1 {
		t.Error("the metric does not tell of it")
	}
	const meanwhile = "+79165550002"
	missedAt(t, north, meanwhile)
	if v := door.verdictOf(t, meanwhile); v != "missed abandoned_ringing" {
		t.Errorf("a call at north is %s", v)
	}
	if stream.Status().State != ari.Watching || log.count("msg=\"watching PBX\"", "pbx=main") != 1 {
		t.Error("the daemon fights for its name")
	}
}
