package sipmsg

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"go.uber.org/goleak"

	"ringback/ari"
	"ringback/leads/alert"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// client is an ari.Client that lets go of its connections when the test ends.
func client(t *testing.T, c ari.Config) *ari.Client {
	t.Helper()
	if c.Name == "" {
		c.Name = "main"
	}
	if c.Username == "" {
		c.Username = "u"
	}
	pbx, err := ari.NewClient(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pbx.Close)
	return pbx
}

// ask answers GET /ari/endpoints/…, take answers PUT /ari/endpoints/sendMessage.
type fakeARI struct{ ask, take http.HandlerFunc }

func (f fakeARI) start(t *testing.T) *ari.Client {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// As soon as the body is read the server notices that the client is gone.
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Errorf("read a request: %v", err)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		if r.Method == http.MethodPut {
			f.take(w, r)
			return
		}
		f.ask(w, r)
	}))
	t.Cleanup(srv.Close)
	return client(t, ari.Config{URL: srv.URL})
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "Asterisk/22.10.1")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func hang(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

const (
	online   = `{"technology":"PJSIP","resource":"101","state":"online","channel_ids":[]}`
	offline  = `{"technology":"PJSIP","resource":"101","state":"offline","channel_ids":[]}`
	notFound = `{"message":"Endpoint not found"}`
)

func to(devices ...string) alert.Message {
	m := alert.Message{ID: "notify:1", To: "anna", Text: "Missed call: +79161234567.\nhttps://ring.example.com/contacts/3"}
	for _, d := range devices {
		m.Devices = append(m.Devices, routing.Device{Endpoint: d})
	}
	return m
}

// send sends within a time that is to be short where the PBX hangs.
func send(t *testing.T, ch *Channel, m alert.Message, within time.Duration, want alert.Outcome, says string) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	outcome, detail := ch.Send(ctx, m)
	if outcome == want && strings.Contains(detail, says) && (detail == "") == (says == "") {
		return true
	}
	t.Errorf("the outcome is %s (%q), want %s (%q)", outcome, detail, want, says)
	return false
}

// short is long enough for what does not hang, on a busy machine too.
const long, short = time.Minute, 2 * time.Second

func TestWhatThePBXAnswers(t *testing.T) {
	taken := answer(202, "")
	tests := []struct {
		name      string
		ask, take http.HandlerFunc
		within    time.Duration
		want      alert.Outcome
		says      string
	}{
		{"taken", answer(200, online), taken, long, alert.Sent, ""},
		{"state unknown, taken", answer(200, `{"technology":"PJSIP","resource":"101","state":"unknown"}`), taken, long, alert.Sent, ""},
		{"offline", answer(200, offline), nil, long, alert.Unreachable, "phone 101 is not registered"},
		{"no such phone", answer(404, notFound), nil, long, alert.Refused, "PBX main has no phone PJSIP/101"},
		{"ARI switched off", answer(404, "<html>"), nil, long, alert.Unreachable, "ari disabled"},
		{"wrong password", answer(401, ""), nil, long, alert.Unreachable, "unauthorized"},
		{"starting", answer(503, ""), nil, long, alert.Unreachable, "starting"},
		{"hangs when asked", hang, nil, short, alert.Unreachable, "no answer"},
		{"gone meanwhile", answer(200, online), answer(404, notFound), long, alert.Unreachable, "not registered any more"},
		{"read-only account", answer(200, online), answer(403, ""), long, alert.Unreachable, "forbidden"},
		{"refused", answer(200, online), answer(400, ""), long, alert.Refused, "refused the message"},
		{"shutting down", answer(200, online), answer(503, ""), long, alert.Unreachable, "starting"},
		{"failed", answer(200, online), answer(500, ""), long, alert.TimedOut, "cut"},
		{"hangs when sent", answer(200, online), hang, short, alert.TimedOut, "no answer"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			pbx := fakeARI{test.ask, test.take}.start(t)
			ch := New(Config{PBXes: map[string]PBX{"main": pbx}, From: "ringback"})
			send(t, ch, to("PJSIP/101"), test.within, test.want, test.says)
		})
	}
	t.Run("down", func(t *testing.T) {
		free, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		free.Close()
		ch := New(Config{PBXes: map[string]PBX{"main": client(t, ari.Config{URL: "http://" + free.Addr().String()})}})
		send(t, ch, to("101"), long, alert.Unreachable, "PBX main: refused")
	})
}

// The words of what answers instead of a PBX never get into the timeline.
func TestDetailsHoldNothingForeign(t *testing.T) {
	pbx := fakeARI{answer(200, online), answer(400, `{"message":"evil\r\n<script>"}`)}.start(t)
	_, detail := New(Config{PBXes: map[string]PBX{"main": pbx}}).Send(t.Context(), to("101"))
	if strings.Contains(detail, "evil") {
		t.Errorf("the detail is %q", detail)
	}
}

func TestWhatIsSent(t *testing.T) {
	type message struct{ To, From, Body string }
	got := make(chan message, 1)
	asked := make(chan string, 1)
	pbx := fakeARI{
		ask: func(w http.ResponseWriter, r *http.Request) {
			asked <- r.URL.Path
			answer(200, online)(w, r)
		},
		take: func(w http.ResponseWriter, r *http.Request) {
			var m message
			if err := json.NewDecoder(r.Body).Decode(&m); err != nil {
				t.Errorf("the request cannot be read: %v", err)
			}
			got <- m
			w.WriteHeader(http.StatusAccepted)
		},
	}.start(t)
	ch := New(Config{PBXes: map[string]PBX{"main": pbx}, From: "ringback"})
	for endpoint, want := range map[string][2]string{
		"101":       {"/ari/endpoints/PJSIP/101", "pjsip:101"},
		"PJSIP/101": {"/ari/endpoints/PJSIP/101", "pjsip:101"},
		"pjsip/101": {"/ari/endpoints/pjsip/101", "pjsip:101"},
		"SIP/anna":  {"/ari/endpoints/SIP/anna", "sip:anna"},
	} {
		if !send(t, ch, to(endpoint), long, alert.Sent, "") {
			continue
		}
		if path, m := <-asked, <-got; path != want[0] || m.To != want[1] || m.From != "ringback" || m.Body != to().Text {
			t.Errorf("for %s asked %s and sent %+v, want %v", endpoint, path, m, want)
		}
	}
	send(t, ch, to("DAHDI/1"), long, alert.Refused, "no SIP phone")
	send(t, ch, to(), long, alert.Refused, "anna has no phone")
}

func TestSeveralPhones(t *testing.T) {
	states := map[string]*ari.Client{
		"good":    fakeARI{answer(200, online), answer(202, "")}.start(t),
		"away":    fakeARI{answer(200, offline), nil}.start(t),
		"nowhere": fakeARI{answer(404, notFound), nil}.start(t),
		"stuck":   fakeARI{answer(200, online), hang}.start(t),
	}
	pbxes := map[string]PBX{}
	for name, pbx := range states {
		pbxes[name] = pbx
	}
	ch := New(Config{PBXes: pbxes})
	tests := []struct {
		pbxes []string
		want  alert.Outcome
		says  string
	}{
		{[]string{"away", "good"}, alert.Sent, "not registered"},
		{[]string{"stuck", "good"}, alert.Sent, "no answer"},
		{[]string{"good", "nowhere"}, alert.Sent, "has no phone"},
		{[]string{"away", "stuck"}, alert.TimedOut, "phone 101 is not registered; PBX "},
		{[]string{"nowhere", "away"}, alert.Unreachable, "has no phone PJSIP/101; phone 101 is not registered"},
		{[]string{"nowhere", "nowhere"}, alert.Refused, "has no phone"},
		{[]string{"elsewhere"}, alert.Refused, `"elsewhere"`},
		{[]string{""}, alert.Refused, "not configured"}, // there are several
	}
	for _, test := range tests {
		t.Run(strings.Join(test.pbxes, " and "), func(t *testing.T) {
			t.Parallel()
			m, within := to(), long
			for _, pbx := range test.pbxes {
				m.Devices = append(m.Devices, routing.Device{PBX: pbx, Endpoint: "101"})
				if pbx == "stuck" {
					within = short
				}
			}
			send(t, ch, m, within, test.want, test.says)
		})
	}
}

// A phone whose PBX hangs takes nothing of another phone's time.
func TestPhonesDoNotWaitForEachOther(t *testing.T) {
	rang := make(chan struct{})
	good := fakeARI{answer(200, online), func(w http.ResponseWriter, r *http.Request) {
		close(rang)
		w.WriteHeader(http.StatusAccepted)
	}}.start(t)
	stuck := fakeARI{hang, nil}.start(t)
	ch := New(Config{PBXes: map[string]PBX{"good": good, "stuck": stuck}})
	m := to()
	m.Devices = []routing.Device{{PBX: "stuck", Endpoint: "101"}, {PBX: "good", Endpoint: "102"}}
	ctx, cancel := context.WithTimeout(t.Context(), long)
	go func() {
		<-rang // else the deadline ends the test
		cancel()
	}()
	outcome, detail := ch.Send(ctx, m)
	select {
	case <-rang:
	default:
		t.Errorf("the second phone was not reached: %s (%s)", outcome, detail)
	}
	cancel()
}

func TestBodyFitsAMessage(t *testing.T) {
	tests := map[string]string{
		"one\r\ntwo\nthree":            "one\ntwo\nthree",
		"a\rb\x00c\x1b[2Jd\u0085e\x7f": "a b c [2Jd e ",
		"Пропущен: Иван\nслово":        "Пропущен: Иван\nслово",
		"broken \xff\xfe":              "broken \uFFFD",
	}
	for text, want := range tests {
		if got := body(text); got != want {
			t.Errorf("%q became %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{strings.Repeat("я", 5000), strings.Repeat("x", maxBody+1), strings.Repeat("\xffa", 10000)} {
		got := body(text)
		if len(got) > maxBody || len(got) < maxBody-8 || !utf8.ValidString(got) || !strings.HasSuffix(got, "…") {
			t.Errorf("a text of %d bytes became one of %d that ends in %q", len(text), len(got), got[len(got)-8:])
		}
	}
	if whole := strings.Repeat("x", maxBody); body(whole) != whole {
		t.Error("a text that fits was cut")
	}
}
