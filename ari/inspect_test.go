package ari_test

import (
	"context"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/pbx"
)

// TestInspect looks at real PBXes: what doctor says rests on their answers.
func TestInspect(t *testing.T) {
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			r := startRelease(t, release)
			r.expectType(ari.Connected, "")
			info, err := r.client.Info(r.ctx)
			if err != nil || fmt.Sprint(info.Release()) != string(release) {
				t.Errorf("release %d of %q, %v", info.Release(), info.Version, err)
			}
			endpoints, err := r.client.Endpoints(r.ctx)
			if err != nil || len(endpoints) != 5 {
				t.Errorf("endpoints: %+v, %v", endpoints, err)
			}
			for name, want := range map[string]ari.EndpointSettings{
				pbx.Manager1: {Context: "from-internal", LogsIn: true}, pbx.OfficeTrunk: {Context: "from-trunk"},
			} {
				if got, err := r.client.EndpointSettings(r.ctx, name); err != nil || got != want {
					t.Errorf("settings of %s: %+v, %v", name, got, err)
				}
			}
			if _, err := r.client.EndpointSettings(r.ctx, "999"); ari.HTTPStatus(err) != http.StatusNotFound {
				t.Errorf("settings of nobody: %v", err)
			}
			r.knows()
			r.leavesNothing()
		})
	}
}

// knows asks what the dialplan knows, of the hostile too.
func (r *real) knows() {
	for place, want := range map[[2]string]bool{
		{"from-internal", "101"}: true, {"from-internal", "12"}: false, {"from-internal", "79161234567"}: true,
		{"from-internal", "+79161234567"}: true, {"from-internal", " 79161234567"}: false, {"from-trunk", pbx.LineDirect}: true,
		{"from-trunk", "s"}: false, {"nowhere", "101"}: false, {"", "101"}: false, {"from-internal", ""}: false,
		{"from-internal", "101@from-internal"}: false, {"from-internal/n", "101"}: false, {"from-internal", "101\r\nX"}: false,
		{"from-internal", "../../channels"}: false, {"from-internal", strings.Repeat("1", 300)}: true,
	} {
		if got, err := r.client.Knows(r.ctx, place[0], place[1]); err != nil || got != want {
			r.t.Errorf("%q knows %.40q: %t, %v", place[0], place[1], got, err)
		}
	}
}

// leavesNothing listens under another name, provokes events, and wants the PBX to
// forget it all.
func (r *real) leavesNothing() {
	cfg := r.cfg
	cfg.App = "passing-by"
	client := r.newClient(cfg)
	events := make(chan ari.Event, 1000)
	stop := r.run(ari.NewStream(client, ari.StreamOptions{}), func(ev *ari.Event) { events <- *ev })
	expect := func(is func(ari.Event) bool) {
		r.t.Helper()
		for {
			select {
			case ev := <-events:
				if is(ev) {
					return
				}
			case <-r.ctx.Done():
				r.t.Fatal("an event did not come")
			}
		}
	}
	expect(func(ev ari.Event) bool { return ev.Type == ari.Connected })
	r.do(client.CreateBridge(r.ctx, "empty"))
	expect(func(ev ari.Event) bool { return ev.Type == ari.BridgeCreated && ev.Bridge.ID == "empty" })
	r.do(client.DestroyBridge(r.ctx, "empty"))
	r.do(client.SetGlobal(r.ctx, "PASSING", "by"))
	expect(func(ev ari.Event) bool {
		return ev.Type == ari.ChannelVarset && ev.Variable == "PASSING" && ev.Value == "by" && ev.Channel.ID == ""
	})
	r.do(client.SetGlobal(r.ctx, "PASSING", ""))
	r.do(client.SetEventFilter(r.ctx, []string{"ChannelVarset", "Dial", "DeviceStateChanged"}))
	app, err := client.Application(r.ctx)
	if want := []ari.Type{ari.ChannelVarset, ari.Dial}; err != nil || len(app.Disallowed) != 3 || !reflect.DeepEqual(app.Withheld(), want) {
		r.t.Errorf("application: %+v, withheld %v, %v", app, app.Withheld(), err)
	}
	r.do(client.Unsubscribe(r.ctx))
	stop()
	for {
		_, err := client.Application(r.ctx)
		if ari.HTTPStatus(err) == http.StatusNotFound {
			break
		}
		r.do(err) // it hears of our end a moment after it
	}
	if globals, err := r.pbx.CLI(r.ctx, "dialplan show globals"); err != nil || strings.Contains(globals, "PASSING") {
		r.t.Errorf("globals: %s, %v", globals, err)
	}
	if st := r.stream.Status(); st.State != ari.Watching {
		r.t.Errorf("the other application is %v: %v", st.State, st.Err)
	}
}

func TestReleaseOfAVersion(t *testing.T) {
	for version, want := range map[string]int{"22.10.1~dfsg": 22, "16": 16, "certified/18.9-cert3": 18, "GIT-20-1a2b3c4": 20, "11.25.3": 11, "": 0, "GIT-master": 0, "SVN": 0} {
		if got := (ari.Info{Version: version}).Release(); got != want {
			t.Errorf("%q is of release %d, want %d", version, got, want)
		}
	}
}

func TestWithheld(t *testing.T) {
	for name, c := range map[string]struct {
		app  ari.Application
		want int
	}{
		"no filter":          {ari.Application{}, 0},
		"what nobody uses":   {ari.Application{Disallowed: []string{"DeviceStateChanged", "Other", ""}}, 0},
		"one that is needed": {ari.Application{Disallowed: []string{"ChannelDestroyed"}}, 1},
		"allowed as well":    {ari.Application{Allowed: []string{"Dial"}, Disallowed: []string{"Dial"}}, 23 + 1},
	} {
		if got := c.app.Withheld(); len(got) != c.want {
			t.Errorf("%s: %d types are withheld: %v", name, len(got), got)
		}
	}
}

func TestAhead(t *testing.T) {
	client, fake := newClient(t)
	for _, ahead := range []time.Duration{0, time.Hour, -3 * time.Minute} {
		fake.SetClock(ahead)
		if got, err := client.Ahead(context.Background()); err != nil || (got-ahead).Abs() > time.Second {
			t.Errorf("ahead by %v: measured %v, %v", ahead, got, err)
		}
	}
	fake.Answer("GET /asterisk/ping", aritest.Answer{Status: 404, Body: "{}"})
	if got, err := client.Ahead(context.Background()); err == nil || got != 0 {
		t.Errorf("a PBX without a clock: %v, %v", got, err)
	}
}
