package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

// process is the program, run as people run it.
type process struct {
	cmd       *exec.Cmd
	out, errs logbook
	ended     chan struct{}
}

// start runs the program with a few variables of the environment more. What
// still runs at the end of the test is killed.
func start(t *testing.T, env []string, args ...string) *process {
	t.Helper()
	p := &process{cmd: exec.Command(program(t), args...), ended: make(chan struct{})}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	p.errs.showIfFailed(t, "ringback "+args[0])
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = p.cmd.Wait() // how it ended stands in ProcessState
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

// kill ends the process as kill -9 does.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	<-p.ended
}

// stop sends a signal and returns the exit status and how long it took.
func (p *process) stop(t *testing.T, by os.Signal) (status int, took time.Duration) {
	t.Helper()
	began := time.Now()
	if err := p.cmd.Process.Signal(by); err != nil {
		t.Fatal(err)
	}
	return p.status(t), time.Since(began)
}

// status waits for the end.
func (p *process) status(t *testing.T) int {
	t.Helper()
	select {
	case <-p.ended:
	case <-time.After(patience):
		t.Fatalf("ringback does not end")
	}
	return p.cmd.ProcessState.ExitCode()
}

var pageAt = regexp.MustCompile(`msg="ringback runs".* listen=(\S+)`)

// serve runs the daemon as a process until it watches its PBX.
func (c *company) serve(t *testing.T, env ...string) (*process, site) {
	t.Helper()
	p := start(t, env, "serve", "--log-level=debug", "--config", c.write(t))
	var at []string
	waitFor(t, "the daemon runs", func() bool {
		at = pageAt.FindStringSubmatch(p.errs.String())
		return at != nil
	})
	door := c.site(at[1])
	door.isReady(t, true)
	return p, door
}

// crm takes webhooks: it counts how often each was delivered, and can let
// a delivery wait.
type crm struct {
	url string

	mu    sync.Mutex
	got   map[string]int // by webhook-id
	about map[string]int // by type and lead
	held  chan struct{}  // not nil: deliveries wait until it is closed
	came  chan struct{}  // gets a token for each delivery that has come
}

func newCRM(t *testing.T) *crm {
	r := &crm{got: map[string]int{}, about: map[string]int{}, came: make(chan struct{}, 1000)}
	server := httptest.NewServer(r)
	r.url = server.URL
	t.Cleanup(func() { r.hold(nil); server.Close() })
	return r
}

func (r *crm) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var told struct {
		Type string
		Data struct{ Lead int64 }
	}
	if err != nil || json.Unmarshal(body, &told) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.mu.Lock()
	held, id := r.held, req.Header.Get("webhook-id")
	if r.got[id]++; r.got[id] == 1 {
		r.about[fmt.Sprintf("%s %d", told.Type, told.Data.Lead)]++
	}
	r.mu.Unlock()
	r.came <- struct{}{}
	if held != nil {
		select {
		case <-held:
		case <-req.Context().Done():
		}
	}
}

// hold lets deliveries wait for a channel, or no longer.
func (r *crm) hold(until chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.held != nil && until == nil {
		close(r.held)
	}
	r.held = until
}

// comes waits for the next delivery.
func (r *crm) comes(t *testing.T) {
	t.Helper()
	select {
	case <-r.came:
	case <-time.After(patience):
		t.Fatal("no webhook comes")
	}
}

// times tells how often alerts of a kind about a lead came, those not counted
// that a receiver knows by their id.
func (r *crm) times(kind string, lead int64) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.about[fmt.Sprintf("%s %d", kind, lead)]
}

// repeated tells how many deliveries came more than once.
func (r *crm) repeated() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, times := range r.got {
		if times > 1 {
			n++
		}
	}
	return n
}

// withWebhook lets every alert go to the crm too.
func (c *company) withWebhook(t *testing.T, r *crm) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(c.dir, "crm.secret"), []byte("whsec_c2VjcmV0LW9mLXRoZS13ZWJob29rLTEyMzQ1Njc4"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.more += "channels:\n  sip: {from: ringback}\n  webhooks:\n    - {name: crm, url: " + r.url + "/hook?key=in-the-query, secret_file: crm.secret, timeout: 20s}\n"
}

// TestProcess runs the daemon as a process, and ends it in every manner.
func TestProcess(t *testing.T) {
	t.Parallel()
	// Lines ring for longer than a daemon is away.
	b := openTestBranch(t, time.Minute)
	t.Run("terminated_with_work_in_hand", func(t *testing.T) { terminated(t, b) })
	t.Run("terminated_while_a_webhook_hangs", func(t *testing.T) { hangs(t, b) })
	t.Run("killed", func(t *testing.T) { killed(t, b) })
	t.Run("recorded", func(t *testing.T) { recorded(t, b) })
}

// terminated ends the daemon gracefully during a call and while a webhook is
// slow: that one is finished, and the call is followed on.
func terminated(t *testing.T, b *branch) {
	hooks := newCRM(t)
	c := newCompany(t, accountAt("main", b))
	c.withWebhook(t, hooks)
	systemd := listenAsSystemd(t)
	p, door := c.serve(t, systemd.env(600*time.Millisecond)...)
	systemd.hears(t, "READY=1")
	systemd.hears(t, "WATCHDOG=1")
	systemd.hears(t, "WATCHDOG=1")

	slow := make(chan struct{})
	hooks.hold(slow)
	missedAt(t, b, firstClient)
	hooks.comes(t)
	expectAlert(t, b, pbx.Manager1, firstClient)
	ringing, rung, err := b.rings(patient(t), client(secondClient), pbx.LineDirect, pbx.Manager1)
	if err != nil {
		t.Fatal(err)
	}
	door.callOf(t, secondClient, "is known", func(c apiCall) bool { return c.Ended == nil })
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	systemd.hears(t, "STOPPING=1")
	waitFor(t, "it listens no more", func() bool {
		conn, err := net.Dial("tcp", door.address)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	waitFor(t, "it watches no more", func() bool { return p.errs.count("stopped watching PBX") == 1 })
	select {
	case <-p.ended:
		t.Error("it did not wait for the webhook")
	case <-time.After(500 * time.Millisecond):
	}
	hooks.hold(nil)
	if status := p.status(t); status != 0 || time.Since(began) > stopWithin || p.errs.count("ringback has stopped") != 1 {
		t.Errorf("status %d after %v", status, time.Since(began))
	}
	holdsNoSecret(t, p, b, c)

	p, door = c.serve(t)
	lead := door.leadsOf(t, firstClient)
	if len(lead) != 1 {
		t.Fatalf("the lead is %+v", lead)
	}
	if _, card := door.get(t, fmt.Sprintf("/leads/%d", lead[0].ID)); !strings.Contains(card, "crm") {
		t.Errorf("the card does not tell of the webhook: %s", card)
	}
	answer(t, ringing, rung[0])
	talk(t, minTalk)
	hangUp(t, ringing)
	if v := door.verdictOf(t, secondClient); v != "answered person" {
		t.Errorf("the call that ran meanwhile is %s", v)
	}
	if hooks.times("alert.new_lead", lead[0].ID) != 1 || hooks.repeated() != 0 {
		t.Errorf("webhooks came as %v", hooks.got)
	}
	if status, took := p.stop(t, os.Interrupt); status != 0 || took > stopWithin {
		t.Errorf("status %d after %v", status, took)
	}
}

// hangs ends the daemon gracefully while a webhook is never answered: it is not
// waited for beyond its time.
func hangs(t *testing.T, b *branch) {
	hooks := newCRM(t)
	c := newCompany(t, accountAt("main", b))
	c.withWebhook(t, hooks)
	p, _ := c.serve(t)
	hooks.hold(make(chan struct{}))
	missedAt(t, b, firstClient)
	hooks.comes(t)
	expectAlert(t, b, pbx.Manager1, firstClient)
	if status, took := p.stop(t, syscall.SIGTERM); status != 0 || took > stopWithin || p.errs.count("an alert was not delivered", "channel=crm", "outcome=timed_out") != 1 {
		t.Errorf("status %d after %v", status, took)
	}
	hooks.hold(nil)
	p, door := c.serve(t)
	afterDeath(t, door, map[string]string{firstClient: "missed abandoned_ringing"})
	p.stop(t, syscall.SIGTERM)
}

// expectAlert wants the next message on a desk to be about a number.
func expectAlert(t *testing.T, b *branch, desk, number string) {
	t.Helper()
	m, err := b.desks[desk].ExpectMessage(patient(t))
	if err != nil || !strings.Contains(m.Body, number) {
		t.Fatalf("phone %s shows %q (%v), wanted %s", desk, m.Body, err, number)
	}
}

// answer lets a phone pick up what rings.
func answer(t *testing.T, c *softphone.Call, in *softphone.Incoming) {
	t.Helper()
	if _, err := in.Answer(patient(t)); err != nil {
		t.Fatal(err)
	}
	if err := c.WaitAnswer(patient(t)); err != nil {
		t.Fatal(err)
	}
}

// minTalk is a little more than what makes a talk.
const minTalk = 3200 * time.Millisecond

// talk lets the people on the phone talk.
func talk(t *testing.T, long time.Duration) {
	t.Helper()
	select {
	case <-time.After(long):
	case <-t.Context().Done():
	}
}

// hangUp ends a call.
func hangUp(t *testing.T, c *softphone.Call) {
	t.Helper()
	if err := c.Hangup(patient(t)); err != nil {
		t.Fatal(err)
	}
}

// holdsNoSecret looks through what others can see of a process.
func holdsNoSecret(t *testing.T, p *process, b *branch, c *company) {
	t.Helper()
	seen := p.out.String() + p.errs.String() + strings.Join(p.cmd.Args, " ")
	for what, secret := range map[string]string{"password": b.pbx.ARIPassword, "token": c.token, "webhook's secret": "c2VjcmV0LW9m",
		"webhook's address": "in-the-query", "number": firstClient[1:], "second number": secondClient[1:]} {
		if strings.Contains(seen, secret) {
			t.Errorf("the %s is in the log or the process list", what)
		}
	}
}

// killed ends the daemon as a power cut does, while phones ring, while people
// talk and while a webhook is being sent, and again when all is over.
func killed(t *testing.T, b *branch) {
	hooks := newCRM(t)
	c := newCompany(t, accountAt("main", b))
	c.withWebhook(t, hooks)
	p, door := c.serve(t)

	const sending, lives, dies, talks, talked = "+79165551001", "+79165551002", "+79165551003", "+79165551004", "+79165551005"
	hooks.hold(make(chan struct{})) // before the others ring: whoever is on the phone is told later
	missedAt(t, b, sending)
	hooks.comes(t)
	expectAlert(t, b, pbx.Manager1, sending)
	calls := map[string]*softphone.Call{}
	phones := map[string]*softphone.Incoming{}
	for _, number := range []string{lives, dies, talks, talked} {
		call, rung, err := b.rings(patient(t), client(number), pbx.LineDirect, pbx.Manager1)
		if err != nil {
			t.Fatal(err)
		}
		calls[number], phones[number] = call, rung[0]
	}
	for _, number := range []string{talks, talked} {
		answer(t, calls[number], phones[number])
		door.callOf(t, number, "is a talk", func(c apiCall) bool { return c.AnsweredBy == pbx.Manager1 })
	}
	for _, number := range []string{lives, dies} {
		door.callOf(t, number, "is known", func(c apiCall) bool { return c.Ended == nil })
	}
	talk(t, minTalk+watchedEvery+time.Second) // a talk counts as far as it is known to have been watched

	p.kill()
	hooks.hold(nil)
	hangUp(t, calls[dies])
	hangUp(t, calls[talked])
	p, door = c.serve(t)
	hooks.comes(t) // what was in hand, again
	hangUp(t, calls[lives])
	hangUp(t, calls[talks])
	wanted := map[string]string{sending: "missed abandoned_ringing", lives: "missed abandoned_ringing", dies: "missed unconfirmed",
		talks: "answered person", talked: "answered person"}
	afterDeath(t, door, wanted)
	hooks.comes(t)
	hooks.comes(t)
	alertsOnce(t, b, door, hooks, sending, lives, dies)
	if n := hooks.repeated(); n != 1 {
		t.Errorf("%d webhooks came again, wanted the one that was in hand: %v", n, hooks.got)
	}

	noted(t, door, "sip", 2)
	noted(t, door, "crm", 3)
	p.kill()
	p, door = c.serve(t)
	afterDeath(t, door, wanted)
	if status, _ := p.stop(t, syscall.SIGTERM); status != 0 {
		t.Errorf("status %d", status)
	}
	if len(hooks.came) != 0 {
		t.Error("a webhook came after the second death")
	}
}

// noted waits until a daemon has noted so many messages of a channel as sent.
func noted(t *testing.T, door site, channel string, messages float64) {
	t.Helper()
	waitFor(t, "the messages by "+channel+" are noted as sent", func() bool {
		return door.metric(t, `ringback_jobs_done_total{kind="notify:`+channel+`",outcome="done"}`) == messages
	})
}

// afterDeath wants each caller to have one call with this verdict, and each
// missed one a lead.
func afterDeath(t *testing.T, door site, wanted map[string]string) {
	t.Helper()
	for number, verdict := range wanted {
		if v := door.verdictOf(t, number); v != verdict {
			t.Errorf("the call of %s is %s, wanted %s", number, v, verdict)
		}
		owed := door.leadsOf(t, number)
		if missed := strings.HasPrefix(verdict, "missed"); missed && (len(owed) != 1 || owed[0].Missed != 1 || owed[0].State != "open") || !missed && len(owed) > 0 {
			t.Errorf("%s is owed %+v", number, owed)
		}
	}
}

// alertsOnce wants each lead to have been told once by each channel.
func alertsOnce(t *testing.T, b *branch, door site, hooks *crm, numbers ...string) {
	t.Helper()
	desks := map[string]string{"anna": pbx.Manager1, "boris": pbx.Manager2}
	for i, number := range numbers {
		lead := door.leadsOf(t, number)[0]
		if i > 0 { // the first was taken from the phone already
			expectAlert(t, b, desks[lead.Manager], number)
		}
		if n := hooks.times("alert.new_lead", lead.ID); n != 1 {
			t.Errorf("the webhook heard %d times of the lead of %s", n, number)
		}
	}
	for _, desk := range desks {
		if m, err := b.desks[desk].ExpectMessage(gone(t)); err == nil {
			t.Errorf("phone %s shows too: %q", desk, m.Body)
		}
	}
}

// gone is a context that has ended: what is there already is taken.
func gone(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// recorded records a call while the daemon watches it: both see it, and replay
// gives it the verdict that the daemon gave it.
func recorded(t *testing.T, b *branch) {
	c := newCompany(t, accountAt("main", b))
	_, door := c.serve(t)
	file := filepath.Join(t.TempDir(), "call.jsonl")
	config := filepath.Join(c.dir, "ringback.yaml")
	r := start(t, nil, "record", "--config", config, file)
	waitFor(t, "the recording has begun", func() bool { return r.errs.count(`msg="watching PBX"`) == 1 })
	missedAt(t, b, thirdClient)
	seen := door.callOf(t, thirdClient, "is judged", judged)
	waitFor(t, "the recording holds the call's end", func() bool {
		text, err := os.ReadFile(file)
		return err == nil && bytes.Contains(text, []byte(`"ChannelDestroyed"`)) && bytes.Contains(text, []byte(seen.Call))
	})
	if status, _ := r.stop(t, os.Interrupt); status != 0 || r.errs.count("events recorded") != 1 {
		t.Errorf("record ends with status %d", status)
	}
	door.isReady(t, true)
	if n := door.metric(t, `ringback_ari_application_replaced_total{pbx="main"}`); n != 0 {
		t.Error("record took the daemon's place")
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the recording is %v (%v)", info, err)
	}
	status, out, errs := command(t, "replay", "--config", config, file)
	var line map[string]any
	if err := json.Unmarshal([]byte(out), &line); err != nil || status != 0 || errs != "" {
		t.Fatalf("status %d, %v, printed %q, and on stderr %q", status, err, out, errs)
	}
	for key, want := range map[string]any{"call": seen.Call, "pbx": "main", "direction": "inbound", "caller": thirdClient, "dialed": "+" + pbx.LineDirect,
		"line": "sales", "verdict": "missed", "reason": "abandoned_ringing", "started": seen.Started.Format("2006-01-02T15:04:05.000Z"),
		"ended": seen.Ended.Format("2006-01-02T15:04:05.000Z"), "wait_s": seen.WaitS, "talk_s": 0.0, "answered_by": "", "source": "ari"} {
		if line[key] != want {
			t.Errorf("replay tells %s as %v, the daemon as %v", key, line[key], want)
		}
	}
	full := &world{ctx: patient(t), stdout: fullDisk{}, stderr: io.Discard}
	if status := run(full, []string{"record", "--config", config, "-"}); status != 1 || full.ctx.Err() != nil {
		t.Errorf("record on a full disk ends with status %d", status)
	}
	if again := start(t, nil, "record", "--config", config, file); again.status(t) != 1 || again.errs.count("file exists") != 1 {
		t.Error("a recording was written over")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, syscall.ENOSPC }
