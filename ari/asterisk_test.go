package ari_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v5 "github.com/CyCoreSystems/ari/v5"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// real is a stream over a real Asterisk.
type real struct {
	t       *testing.T
	ctx     context.Context
	pbx     *pbx.Instance
	options pbx.Options
	cfg     ari.Config
	client  *ari.Client
	stream  *ari.Stream
	log     *syncBuffer
	rec     *syncBuffer
	events  chan ari.Event
}

// lines takes a log line by line.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// robotPlan is where robot calls of the test lead: a leg that answers and waits,
// and a place to continue into.
const robotPlan = `
[robot]
exten => far,1,Answer()
 same => n,Wait(30)
exten => onward,1,Wait(30)
`

func startReal(t *testing.T) *real { t.Helper(); return startRelease(t, pbx.Asterisk22) }

func startRelease(t *testing.T, release pbx.Release) *real {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	root, err := pbx.Install(ctx, release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	r := &real{t: t, ctx: ctx, log: new(syncBuffer), rec: new(syncBuffer), events: make(chan ari.Event, 10000)}
	r.options = pbx.Office("127.0.0.2:5060", 0)
	r.options.Dir = t.TempDir()
	r.options.Extensions += robotPlan
	if r.pbx, err = pbx.Start(ctx, root, r.options); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.pbx.Stop(); err != nil {
			t.Error(err)
		}
	})
	r.cfg = ari.Config{Name: "main", URL: r.pbx.ARIURL, Username: r.pbx.ARIUser, Password: ari.NewSecret(r.pbx.ARIPassword)}
	r.client = r.newClient(r.cfg)
	r.stream = ari.NewStream(r.client, ari.StreamOptions{
		Log: slog.New(slog.NewTextHandler(r.log, nil)), Recorder: ari.NewRecorder(r.rec), EventFilter: true, ReplacedPause: time.Second,
	})
	r.run(r.stream, func(ev *ari.Event) { r.events <- *ev })
	return r
}

func (r *real) newClient(cfg ari.Config) *ari.Client {
	r.t.Helper()
	client, err := ari.NewClient(cfg)
	if err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(client.Close)
	return client
}

// run runs a stream until the function it returns is called, or the test ends.
func (r *real) run(s *ari.Stream, handle func(*ari.Event)) (stop func()) {
	ctx, cancel := context.WithCancel(r.ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = s.Run(ctx, handle)
	}()
	stop = func() { cancel(); <-done }
	r.t.Cleanup(stop)
	return stop
}

// expect waits for an event and passes others over.
func (r *real) expect(what string, is func(ari.Event) bool) ari.Event {
	r.t.Helper()
	for {
		select {
		case ev := <-r.events:
			if is(ev) {
				return ev
			}
		case <-r.ctx.Done():
			r.t.Fatalf("waited in vain for %s; log:\n%s", what, r.log)
		}
	}
}

func (r *real) expectType(t ari.Type, channel string) ari.Event {
	r.t.Helper()
	return r.expect(t.String()+" "+channel, func(ev ari.Event) bool { return ev.Type == t && ev.Channel.ID == channel })
}

func (r *real) do(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

func TestAsterisk(t *testing.T) {
	r := startReal(t)
	opened := r.expectType(ari.Connected, "")
	if len(opened.Snapshot.Channels) > 0 || time.Since(opened.At).Abs() > 10*time.Second {
		t.Errorf("the session began with %+v", opened)
	}
	if offset := r.stream.Status().ClockOffset; offset.Abs() > 100*time.Millisecond {
		t.Errorf("the clock of the same machine is off by %v", offset)
	}
	if strings.Contains(r.log.String(), "WARN") {
		t.Errorf("log:\n%s", r.log)
	}
	r.asks()
	r.robotCall()
	r.message()
	r.troubles()
	r.replaced()
	r.killed()
	r.recording()
}

func (r *real) asks() {
	info, err := r.client.Info(r.ctx)
	r.do(err)
	if !strings.HasPrefix(info.Version, "22.") || time.Since(info.Started) > 5*time.Minute {
		r.t.Errorf("info: %+v", info)
	}
	endpoint, err := r.client.Endpoint(r.ctx, "PJSIP", pbx.Manager1)
	r.do(err)
	if endpoint.State != "offline" || endpoint.Resource != pbx.Manager1 {
		r.t.Errorf("an unregistered phone: %+v", endpoint)
	}
	if _, err := r.client.Endpoint(r.ctx, "PJSIP", "nobody"); ari.HTTPStatus(err) != http.StatusNotFound {
		r.t.Errorf("an unknown phone: %v", err)
	}
	if _, err := r.client.Channel(r.ctx, "none"); ari.HTTPStatus(err) != http.StatusNotFound {
		r.t.Errorf("an unknown channel: %v", err)
	}
}

// robotCall places a call, plays to it, hands it to the dialplan and ends it.
func (r *real) robotCall() {
	const id = "rb-test-1"
	order := v5.OriginateRequest{
		Endpoint: "Local/far@robot", Timeout: 10, App: r.client.App(), AppArgs: "attempt,17",
		CallerID: `"Иван <b>" <+79161234567>`, Variables: map[string]string{"GREETING": "Привет"},
	}
	_, err := r.client.Originate(r.ctx, id, order)
	r.do(err)
	start := r.expectType(ari.StasisStart, id)
	if len(start.Args) != 2 || start.Args[1] != "17" || start.Application != r.client.App() {
		r.t.Errorf("StasisStart: %+v", start)
	}
	if _, err := r.client.Originate(r.ctx, id, order); ari.HTTPStatus(err) != http.StatusConflict || !ari.NothingDone(err) {
		r.t.Errorf("the same id again: %v", err)
	}
	live, err := r.client.Channels(r.ctx)
	r.do(err)
	other := ""
	for _, c := range live {
		if c.ID == id+";2" {
			other = c.Name
		}
	}
	if len(live) != 2 || !strings.HasSuffix(other, ";2") {
		r.t.Errorf("live: %+v", live)
	}
	r.do(r.client.SetVariable(r.ctx, id, "TIMEOUT(absolute)", "20"))
	r.do(r.client.SetVariable(r.ctx, id, "RB_TEXT", "две\nстроки \"x\""))
	set := r.expect("RB_TEXT", func(ev ari.Event) bool { return ev.Type == ari.ChannelVarset && ev.Variable == "RB_TEXT" })
	if set.Value != "две\nстроки \"x\"" || set.Channel.ID != id {
		r.t.Errorf("variable: %+v", set)
	}
	for exten, want := range map[string]string{"onward": "1", "nowhere": "0"} {
		if known, err := r.client.Variable(r.ctx, id, "DIALPLAN_EXISTS(robot,"+exten+",1)"); err != nil || known != want {
			r.t.Errorf("extension %s: %q, %v", exten, known, err)
		}
	}
	// The company's own, where administrators put it who have one language.
	own := filepath.Join(r.options.Dir, "data/sounds/custom")
	for _, name := range []string{"anywhere.sln", "deep/anywhere.sln"} {
		r.do(os.MkdirAll(filepath.Dir(filepath.Join(own, name)), 0o700))
		r.do(os.WriteFile(filepath.Join(own, name), pbx.Tone(440, 100*time.Millisecond), 0o600))
	}
	for uri, in := range map[string]map[string]bool{ // by language
		"sound:vm-goodbye":                 {"": true, "en": true, "en_GB": true, "ru": true, "ru_RU": true, "ru_RU_f": true, "de": false, "r": false},
		"sound:digits/1":                   {"en": true, "ru": true, "de": false},
		"sound:" + pbx.Recording:           {"en": true, "ru": false}, // sounds/en/custom
		"sound:custom/anywhere":            {"": true, "en": true, "ru": true},
		"sound:custom/deep/anywhere":       {"en": true, "ru": true, "de": true},
		"sound:anywhere":                   {"en": false},
		"sound:deep/anywhere":              {"en": false},
		"sound:no-such-sound":              {"en": false},
		"recording:none":                   {"en": false},
		"digits:12":                        {"de": true},
		"sound:http://127.0.0.1/hello.wav": {"de": true},
	} {
		for language, want := range in {
			if has, err := r.client.HasMedia(r.ctx, uri, language); err != nil || has != want {
				r.t.Errorf("%s in %q: %t, %v", uri, language, has, err)
			}
		}
	}
	r.do(r.client.Play(r.ctx, id, "p1", "", "digits:1", "sound:no-such-sound"))
	playback := func(state string) {
		r.expect("playback "+state, func(ev ari.Event) bool { return ev.PlaybackID == "p1" && ev.Playback == state })
	}
	playback("playing")
	playback("failed")
	r.do(r.client.StopPlayback(r.ctx, "p1"))
	r.do(r.client.Play(r.ctx, id, "p2", "ru", "sound:custom/anywhere"))
	r.expect("playback of our own", func(ev ari.Event) bool { return ev.PlaybackID == "p2" && ev.Playback == "done" })
	r.do(r.client.Continue(r.ctx, id, "robot", "onward"))
	r.expectType(ari.StasisEnd, id)
	r.do(r.client.Hangup(r.ctx, id))
	r.expectType(ari.ChannelDestroyed, id)
	r.do(r.client.Hangup(r.ctx, id)) // gone is gone
}

// message sends a text to a phone and reads it there.
func (r *real) message() {
	account, _ := r.options.Phone(pbx.Manager1)
	phone, err := softphone.New(r.ctx, softphone.Options{Server: r.pbx.SIPAddr, User: account.User, Password: account.Password})
	r.do(err)
	defer func() { r.do(phone.Close()) }()
	const text = "Пропущен: \"Jack\" <b>&\\ +79161234567\nхорошая линия: 1\r\n😀 100%"
	to := "pjsip:" + pbx.Manager1
	if err := r.client.SendMessage(r.ctx, to, "sip:ringback@127.0.0.1", text, nil); !ari.NothingDone(err) {
		r.t.Errorf("to a phone that is not registered: %v", err)
	}
	r.do(phone.Register(r.ctx))
	r.do(r.client.SendMessage(r.ctx, to, "sip:ringback@127.0.0.1", text, map[string]string{"X-Lead": "17"}))
	got, err := phone.ExpectMessage(r.ctx)
	r.do(err)
	if got.Body != text {
		r.t.Errorf("the phone shows %q, sent was %q", got.Body, text)
	}
	for state := ""; state != "online"; { // Asterisk says so a moment after it has taken the registration
		endpoint, err := r.client.Endpoint(r.ctx, "PJSIP", pbx.Manager1)
		r.do(err)
		state = endpoint.State
	}
}

// troubles are what a wrong configuration meets at a real PBX.
func (r *real) troubles() {
	wrong := r.cfg
	wrong.Password = ari.NewSecret("wrong")
	elsewhere := r.cfg
	elsewhere.URL = strings.TrimSuffix(r.cfg.URL, "/ari") + "/prefix"
	for name, c := range map[string]struct {
		cfg  ari.Config
		want ari.Trouble
	}{
		"wrong password": {wrong, ari.Unauthorized},
		"no ARI there":   {elsewhere, ari.Disabled},
	} {
		_, err := r.newClient(c.cfg).Info(r.ctx)
		if got := ari.TroubleOf(err); got != c.want {
			r.t.Errorf("%s: a request says %q: %v", name, got, err)
		}
		log := make(lines, 100)
		s := ari.NewStream(r.newClient(c.cfg), ari.StreamOptions{Log: slog.New(slog.NewTextHandler(log, nil))})
		stop := r.run(s, func(*ari.Event) {})
		select {
		case line := <-log:
			if !strings.Contains(line, "trouble="+string(c.want)) || strings.Contains(line, r.pbx.ARIPassword) {
				r.t.Errorf("%s: the log says %s", name, line)
			}
		case <-r.ctx.Done():
			r.t.Errorf("%s: the log says nothing", name)
		}
		stop()
	}
}

// replaced lets a second client take the name, and go.
func (r *real) replaced() {
	thief := ari.NewStream(r.newClient(r.cfg), ari.StreamOptions{Log: slog.New(slog.DiscardHandler)})
	connected := make(chan bool, 1)
	stop := r.run(thief, func(ev *ari.Event) {
		if ev.Type == ari.Connected {
			connected <- true
		}
	})
	if ev := r.expectType(ari.ApplicationReplaced, ""); ev.Application != r.client.App() {
		r.t.Errorf("%+v", ev)
	}
	r.expectType(ari.Disconnected, "")
	<-connected
	if holding, err := r.client.Holding(r.ctx); holding != ari.Held || err != nil {
		r.t.Errorf("while another client has the name: %v, %v", holding, err)
	}
	stop()
	if ev := r.expectType(ari.Connected, ""); ev.Since.IsZero() || ev.At.Sub(ev.Since) < time.Second {
		r.t.Errorf("the gap is from %v to %v", ev.Since, ev.At)
	}
}

// TestWhoHoldsTheName asks both ends of the releases of Asterisk who holds a
// name: what Client.Holding makes of their answers rests on it.
func TestWhoHoldsTheName(t *testing.T) {
	for release, want := range map[pbx.Release]struct{ held, left ari.Holding }{
		pbx.Asterisk22: {ari.Held, ari.Free},
		pbx.Asterisk16: {ari.Untold, ari.Untold},
	} {
		t.Run(string(release), func(t *testing.T) {
			r := startRelease(t, release)
			r.expectType(ari.Connected, "")
			other := r.cfg
			other.App = "other"
			client := r.newClient(other)
			wants := func(when string, want ari.Holding) {
				t.Helper()
				for { // Asterisk hears of a client's end a moment after it
					got, err := client.Holding(r.ctx)
					r.do(err)
					if got == want {
						return
					}
					if r.ctx.Err() != nil {
						t.Fatalf("%s: %v, want %v", when, got, want)
					}
				}
			}
			wants("before anybody came", ari.Free)
			connected := make(chan bool, 1)
			stop := r.run(ari.NewStream(client, ari.StreamOptions{Log: slog.New(slog.DiscardHandler)}), func(ev *ari.Event) {
				if ev.Type == ari.Connected {
					connected <- true
				}
			})
			<-connected
			wants("while somebody listens", want.held)
			stop()
			wants("after they left", want.left)
		})
	}
}

// killed loses the PBX and finds it again.
func (r *real) killed() {
	r.pbx.Kill()
	r.expectType(ari.Disconnected, "")
	r.do(r.pbx.Restart(r.ctx))
	r.expectType(ari.Connected, "")
	if st := r.stream.Status(); st.State != ari.Watching && st.State != ari.Waiting {
		r.t.Errorf("status: %+v", st)
	}
}

// recording demands that all that came can be read again.
func (r *real) recording() {
	sc := ari.NewScanner(strings.NewReader(r.rec.String()), "recording")
	counts := map[ari.Type]int{}
	for {
		var ev ari.Event
		err := sc.Next(&ev)
		if err == io.EOF {
			break
		}
		r.do(err)
		counts[ev.Type]++
		if ev.At.IsZero() {
			r.t.Errorf("line %d has no time: %+v", sc.Line(), ev)
		}
	}
	if counts[ari.Connected] != 3 || counts[ari.Disconnected] != 2 || counts[ari.ChannelVarset] == 0 {
		r.t.Errorf("recorded: %v", counts)
	}
	if strings.Contains(r.rec.String(), `"DeviceStateChanged"`) {
		r.t.Error("the event filter does not work")
	}
}
