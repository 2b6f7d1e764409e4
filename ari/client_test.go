package ari_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	v5 "github.com/CyCoreSystems/ari/v5"

	"ringback/ari"
	"ringback/ari/aritest"
)

func newClient(t *testing.T) (*ari.Client, *aritest.PBX) {
	t.Helper()
	pbx := aritest.New()
	client, err := ari.NewClient(pbx.Config())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		pbx.Close()
	})
	return client, pbx
}

func TestClientSendsWhatAsteriskExpects(t *testing.T) {
	client, pbx := newClient(t)
	pbx.Answer("POST /channels", aritest.Answer{Status: 200, Body: `{"id":"rb-1","name":"PJSIP/101-1","state":"Down"}`})
	ctx := context.Background()
	text := "Пропущен звонок\n\"Jack\" <b>&\\ \x00line 2"
	for _, c := range []struct {
		do   func() error
		want string // method, path and body
	}{
		{func() error { return client.SendMessage(ctx, "pjsip:101", "sip:ringback@pbx", text, nil) },
			`PUT /endpoints/sendMessage {"to":"pjsip:101","from":"sip:ringback@pbx","body":"Пропущен звонок\n\"Jack\" <b>&\\ line 2"}`},
		{func() error {
			return client.SendMessage(ctx, "pjsip:101", "x", "", map[string]string{"Content-Type": "text/plain"})
		}, `PUT /endpoints/sendMessage {"to":"pjsip:101","from":"x","body":"","variables":{"Content-Type":"text/plain"}}`},
		{func() error { return client.SetEventFilter(ctx, []string{"A", "B"}) },
			`PUT /applications/ringback/eventFilter {"disallowed":[{"type":"A"},{"type":"B"}]}`},
		{func() error { return client.SetEventFilter(ctx, nil) }, `PUT /applications/ringback/eventFilter {"disallowed":[]}`},
		{func() error {
			_, err := client.Originate(ctx, "rb-1", v5.OriginateRequest{Endpoint: "PJSIP/101", Timeout: 20, App: "ringback", CallerID: "<1>"})
			return err
		}, `POST /channels {"endpoint":"PJSIP/101","timeout":20,"callerId":"<1>","app":"ringback","channelId":"rb-1"}`},
		{func() error {
			_, err := client.Originate(ctx, "rb-1", v5.OriginateRequest{Endpoint: "Local/1@x", Timeout: 20, Context: "c", Extension: "e"})
			return err
		}, `POST /channels {"endpoint":"Local/1@x","timeout":20,"context":"c","extension":"e","channelId":"rb-1","otherChannelId":"rb-1;2"}`},
		{func() error { return client.Continue(ctx, "rb-1", "from-internal", "7495") },
			`POST /channels/rb-1/continue {"context":"from-internal","extension":"7495","priority":1}`},
		{func() error { return client.SetVariable(ctx, "a/b?c", "TIMEOUT(absolute)", "60") },
			`POST /channels/a/b?c/variable {"variable":"TIMEOUT(absolute)","value":"60"}`},
		{func() error { return client.Play(ctx, "rb-1", "p1", "ru", "sound:hello", "digits:12") },
			`POST /channels/rb-1/play/p1 {"media":["sound:hello","digits:12"],"lang":"ru"}`},
		{func() error { return client.StopPlayback(ctx, "p1") }, `DELETE /playbacks/p1 `},
		{func() error { return client.Hangup(ctx, "rb-1") }, `DELETE /channels/rb-1 `},
	} {
		if err := c.do(); err != nil {
			t.Errorf("%s: %v", c.want, err)
		}
		all := pbx.Requests("")
		last := all[len(all)-1]
		if got := last.Method + " " + last.Path + " " + strings.TrimSuffix(last.Body, "\n"); got != c.want {
			t.Errorf("\n got %s\nwant %s", got, c.want)
		}
		if len(last.Query) > 0 {
			t.Errorf("%s put %v into its address", c.want, last.Query)
		}
		if last.Body != "" && last.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s went as %q", c.want, last.Header.Get("Content-Type"))
		}
	}
}

func TestClientReadsWhatAsteriskSays(t *testing.T) {
	client, pbx := newClient(t)
	ctx := context.Background()
	pbx.Answer("GET /asterisk/info", aritest.Answer{Status: 200, Body: `{"build":{},"system":{"version":"22.10.1","entity_id":"02:42"},"config":{"name":"pbx1"},"status":{"startup_time":"2026-11-22T08:00:00.000+00:00"}}`})
	pbx.Answer("GET /channels", aritest.Answer{Status: 200, Body: `[{"id":"1","dialplan":{"app_name":"Queue"}}]`})
	pbx.Answer("GET /channels/1", aritest.Answer{Status: 200, Body: `{"id":"1"}`})
	pbx.Answer("GET /bridges", aritest.Answer{Status: 200, Body: `[{"id":"b"}]`})
	pbx.Answer("GET /endpoints/PJSIP/101", aritest.Answer{Status: 200, Body: `{"technology":"PJSIP","resource":"101","state":"online","channel_ids":["1"]}`})
	info, err := client.Info(ctx)
	if want := (ari.Info{Version: "22.10.1", SystemName: "pbx1", EntityID: "02:42", Started: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)}); err != nil || info != want {
		t.Errorf("Info: %+v, %v", info, err)
	}
	channels, err := client.Channels(ctx)
	if err != nil || len(channels) != 1 || channels[0].AppName != "Queue" {
		t.Errorf("Channels: %+v, %v", channels, err)
	}
	if channel, err := client.Channel(ctx, "1"); err != nil || channel.ID != "1" {
		t.Errorf("Channel: %+v, %v", channel, err)
	}
	if bridges, err := client.Bridges(ctx); err != nil || len(bridges) != 1 {
		t.Errorf("Bridges: %+v, %v", bridges, err)
	}
	endpoint, err := client.Endpoint(ctx, "PJSIP", "101")
	if want := (ari.Endpoint{Technology: "PJSIP", Resource: "101", State: "online", ChannelIDs: []string{"1"}}); err != nil || !reflect.DeepEqual(endpoint, want) {
		t.Errorf("Endpoint: %+v, %v", endpoint, err)
	}
	pbx.SetClock(-time.Hour)
	if clock, err := client.Ping(ctx); err != nil || time.Until(clock) > -59*time.Minute {
		t.Errorf("Ping: %v, %v", clock, err)
	}
}

func TestClientTellsRefusalsApart(t *testing.T) {
	client, pbx := newClient(t)
	ctx := context.Background()
	pbx.Answer("POST /channels", aritest.Answer{Status: 409, Body: `{"message":"Channel with given unique ID already exists"}`})
	pbx.Answer("DELETE /channels/gone", aritest.Answer{Status: 404, Body: `{"message":"Channel not found"}`})
	pbx.Answer("PUT /endpoints/sendMessage", aritest.Answer{Status: 500, Body: `{"error":"` + strings.Repeat("я", 4000) + `"}`})
	_, err := client.Originate(ctx, "rb-1", v5.OriginateRequest{Endpoint: "PJSIP/101", Timeout: 20, App: "ringback"})
	var re *ari.RequestError
	if !errors.As(err, &re) || re.Status != 409 || re.Message != "Channel with given unique ID already exists" || !ari.NothingDone(err) {
		t.Errorf("%+v, %v", re, err)
	}
	if want := `ari: pbx main: POST /channels: 409 Conflict: "Channel with given unique ID already exists"`; err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
	if err := client.Hangup(ctx, "gone"); err != nil {
		t.Errorf("hanging up what is gone: %v", err)
	}
	if _, err := client.Channel(ctx, "none"); ari.HTTPStatus(err) != 404 {
		t.Errorf("no such channel: %v", err)
	}
	err = client.SendMessage(ctx, "pjsip:101", "x", "secret text", nil)
	if ari.HTTPStatus(err) != 500 || ari.NothingDone(err) || len(err.Error()) > 1000 || strings.Contains(err.Error(), "secret text") {
		t.Errorf("server error: %v", err)
	}
	for name, err := range map[string]error{
		"header injection": client.SendMessage(ctx, "pjsip:101\r\nX: y", "x", "", nil),
		"no channel id":    second(client.Originate(ctx, "", v5.OriginateRequest{Endpoint: "PJSIP/1", Timeout: 1, App: "x"})),
		"no timeout":       second(client.Originate(ctx, "a", v5.OriginateRequest{Endpoint: "PJSIP/1", App: "x"})),
		"nowhere":          second(client.Originate(ctx, "a", v5.OriginateRequest{Endpoint: "PJSIP/1", Timeout: 1})),
		"two places":       second(client.Originate(ctx, "a", v5.OriginateRequest{Endpoint: "PJSIP/1", Timeout: 1, App: "x", Context: "c"})),
		"no media":         client.Play(ctx, "a", "p", ""),
	} {
		if err == nil || ari.HTTPStatus(err) != 0 || !ari.NothingDone(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	pbx.SetDown(true)
	client.Close()
	_, err = client.Info(ctx)
	if want := "ari: pbx main: GET /asterisk/info: dial tcp: connection refused"; !ari.NothingDone(err) || ari.TroubleOf(err) != ari.Refused || err.Error() != want {
		t.Errorf("PBX down: %v, want %s", err, want)
	}
}

// A redirect would carry the credentials to wherever it points.
func TestClientFollowsNoRedirect(t *testing.T) {
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests++
		http.Redirect(w, r, "/ari/elsewhere", http.StatusFound)
	}))
	defer server.Close()
	client, err := ari.NewClient(ari.Config{Name: "main", URL: server.URL, Username: "u", Password: ari.NewSecret("p")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if _, err := client.Info(context.Background()); ari.HTTPStatus(err) != http.StatusFound || requests != 1 {
		t.Errorf("%d requests: %v", requests, err)
	}
}

func second(_ ari.Channel, err error) error { return err }

func TestClientEveryRequestEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client, pbx := newClient(t)
		pbx.Answer("PUT /endpoints/sendMessage", aritest.Answer{Status: 202, Wait: make(chan struct{})})
		start := time.Now()
		err := client.SendMessage(context.Background(), "pjsip:101", "x", "hello", nil)
		if took := time.Since(start); took != 5*time.Second || ari.TroubleOf(err) != ari.NoAnswer || ari.NothingDone(err) {
			t.Errorf("after %v: %v", took, err)
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		start = time.Now()
		err = client.SendMessage(ctx, "pjsip:101", "x", "hello", nil)
		if took := time.Since(start); took != time.Second || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v", took, err)
		}
		client.Close()
		pbx.Close()
		synctest.Wait()
	})
}

func TestClientUsesConnectionsAgain(t *testing.T) {
	_, pbx := newClient(t)
	dials := 0
	cfg := pbx.Config()
	cfg.Dial = dialCounter(&dials, pbx.Dial)
	client, err := ari.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	for range 20 {
		if _, err := client.Channels(context.Background()); err != nil {
			t.Fatal(err)
		}
		if err := client.Hangup(context.Background(), "x"); err != nil {
			t.Fatal(err)
		}
	}
	if dials != 1 {
		t.Errorf("%d connections for 40 requests", dials)
	}
}

func TestClientKeepsItsPassword(t *testing.T) {
	client, pbx := newClient(t)
	pbx.SetPassword("other")
	_, err := client.Info(context.Background())
	if ari.TroubleOf(err) != ari.Unauthorized || ari.HTTPStatus(err) != 401 {
		t.Errorf("%v", err)
	}
	cfg := pbx.Config()
	marshalled, merr := json.Marshal(map[string]any{"p": cfg.Password})
	if merr != nil {
		t.Fatal(merr)
	}
	var log strings.Builder
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "cfg", cfg, "p", cfg.Password)
	for _, text := range []string{
		err.Error(), fmt.Sprintf("%+v %v %q", cfg.Password, cfg, cfg.Password), fmt.Sprintf("%#v", cfg.Password), string(marshalled), log.String(),
	} {
		if strings.Contains(text, aritest.Password) {
			t.Errorf("the password shows in %s", text)
		}
	}
	if cfg.Password.Reveal() != aritest.Password {
		t.Error("Reveal does not reveal")
	}
}

func TestConfigCheckSaysEverythingAtOnce(t *testing.T) {
	good := ari.Config{Name: "main", URL: "http://127.0.0.1:8088", Username: "u", Password: ari.NewSecret("hush-hush")}
	for _, url := range []string{"http://127.0.0.1:8088", "http://127.0.0.1:8088/", "https://pbx/prefix/ari", "http://pbx/ari/"} {
		cfg := good
		cfg.URL = url
		if err := cfg.Check(); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, c := range []struct {
		change func(*ari.Config)
		want   string
	}{
		{func(c *ari.Config) { c.URL = "" }, "url: missing"},
		{func(c *ari.Config) { c.URL = "127.0.0.1:8088" }, "url: cannot be read"},
		{func(c *ari.Config) { c.URL = "pbx:8088" }, "url: must begin with http"},
		{func(c *ari.Config) { c.URL = "ws://pbx:8088" }, "url: must begin with http"},
		{func(c *ari.Config) { c.URL = "http://" }, "url: must name a host"},
		{func(c *ari.Config) { c.URL = "http://u:hush-hush@pbx" }, "url: must hold no credentials"},
		{func(c *ari.Config) { c.URL = "http://u:hush-hush%zz@pbx" }, "url: cannot be read"},
		{func(c *ari.Config) { c.URL = "http://pbx/ari?api_key=u:hush-hush" }, "url: must hold no credentials"},
		{func(c *ari.Config) { c.Name = "" }, "name: missing"},
		{func(c *ari.Config) { c.Username = "" }, "username: missing"},
		{func(c *ari.Config) { c.Username = "a:b" }, "username: must not contain a colon"},
		{func(c *ari.Config) { c.App = "a,b" }, "app: must be one plain word"},
		{func(c *ari.Config) { *c = ari.Config{} }, "url: missing: where Asterisk's HTTP server answers, http://127.0.0.1:8088 for instance\nname: missing\nusername: missing"},
	} {
		cfg := good
		c.change(&cfg)
		err := cfg.Check()
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "hush") {
			t.Errorf("%q: %v, want %s", cfg.URL, err, c.want)
		}
		if _, newErr := ari.NewClient(cfg); newErr == nil {
			t.Errorf("%q: NewClient took it", cfg.URL)
		}
	}
}
