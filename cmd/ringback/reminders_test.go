package main

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
)

var (
	reminderCount  = flag.Int("reminders", 40, "BenchmarkReminders: reminders that are due at once")
	reminderWindow = flag.Duration("window", 45*time.Minute, "BenchmarkReminders: when they are of no use any more")
)

// habit is how the phones of some clients behave. Their numbers end in one of
// its digits.
type habit struct {
	name, digits string
	outcome      string        // of the reminder
	pause        time.Duration // between two attempts, as robotcall's table of retries has it
	attempts     int           // at most
}

var habits = []habit{
	{"answers", "012345", "confirmed", 0, 1},
	{"busy", "67", "not_reached", 5 * time.Minute, 4},
	{"silent", "8", "not_reached", 30 * time.Minute, 3},
	{"refuses", "9", "not_reached", 2 * time.Hour, 2},
}

func habitOf(number string) habit {
	i := slices.IndexFunc(habits, func(h habit) bool { return strings.Contains(h.digits, number[len(number)-1:]) })
	return habits[i]
}

// TestReminders has 40 reminders due at once, to clients who pick up, are busy,
// let it ring and refuse: the caps hold at the phones, nobody is called
// twice, and every reminder ends with what became of it.
func TestReminders(t *testing.T) {
	t.Parallel()
	b := openTestBranch(t, time.Minute)
	clients := watchClients(b.outside)
	c := newCompany(t, accountAt("main", b))
	const atOnce, aSecond, clientsOfAll = 8, 10, 40
	c.more += fmt.Sprintf(reminderRules, atOnce, aSecond)
	door, _ := c.hold(t)
	door.isReady(t, true)
	remind(t, door, clientsOfAll, time.Minute)
	var ended []apiReminder
	waitFor(t, "every reminder has an end", func() bool {
		ended = list[apiReminder](t, door, "reminders")
		return !slices.ContainsFunc(ended, func(r apiReminder) bool { return r.Outcome == "" })
	})
	calls := clients.all()
	if most := mostAtOnce(calls); most > atOnce {
		t.Errorf("%d clients were called at once, allowed are %d", most, atOnce)
	}
	if most := mostWithin(calls, time.Second); most > aSecond {
		t.Errorf("%d calls began within a second, allowed are %d", most, aSecond)
	}
	judgeReminders(t, ended, calls, clientsOfAll)
	for _, call := range calls {
		if call.ended.IsZero() {
			t.Errorf("%s is still rung", call.number)
		}
	}
	waitFor(t, "no channel is left", func() bool { return channelsOf(t, b) == "" })
}

// BenchmarkReminders is TestReminders with as many as one likes, the caps that a
// configuration has by itself, and SIPp in the place of the clients: four
// processes, one for each habit, whose own notes of each message tell what came when. It fails
// when a cap was exceeded, a client was called against the table of retries, or
// a reminder has no end. One op is the whole load.
//
//	go test ./cmd/ringback -run '^$' -bench Reminders -reminders 2000 -timeout 90m
func BenchmarkReminders(b *testing.B) {
	for range b.N {
		r := &rig{TB: b, dir: b.TempDir(), alerts: newReceiver()}
		b.Cleanup(r.alerts.Close)
		r.measureReminders(b)
	}
}

// The caps of a configuration that names none.
const (
	reminderAtOnce  = 5
	reminderASecond = 2
)

func (r *rig) measureReminders(b *testing.B) {
	root, err := install()
	if err != nil {
		b.Fatal(err)
	}
	logs := r.startClients(root)
	r.more = fmt.Sprintf(reminderRules, reminderAtOnce, reminderASecond)
	r.startDaemon(ari.Config{URL: r.pbx.ARIURL, Username: r.pbx.ARIUser, Password: ari.NewSecret(r.pbx.ARIPassword)}, true)
	door := r.door()
	before, began := r.costs(), time.Now()
	remind(b, door, *reminderCount, *reminderWindow)
	b.Logf("%d reminders were asked for within %v", *reminderCount, time.Since(began).Round(time.Millisecond))
	r.until("every reminder has an end", *reminderWindow+2*time.Minute, func() bool { return r.waiting() == 0 })
	took, after := time.Since(began), r.costs()

	ended := all[apiReminder](r, "reminders")
	var calls []rung
	for _, log := range logs {
		calls = append(calls, readSIPp(b, log)...)
	}
	r.judge(b, ended, calls)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(took.Minutes(), "min")
	b.ReportMetric(float64(len(calls)), "calls")
	b.ReportMetric(float64(mostAtOnce(calls)), "most-at-once")
	b.ReportMetric(float64(mostWithin(calls, time.Second)), "most-in-a-second")
	b.ReportMetric(float64((after.daemon-before.daemon).Microseconds())/1000/float64(len(calls)), "cpu-ms/call")
	b.ReportMetric(peakRSS(b, r.daemon.Process.Pid), "peak-rss-MB")
}

func (r *rig) judge(b *testing.B, ended []apiReminder, calls []rung) {
	if most := mostAtOnce(calls); most > reminderAtOnce {
		b.Errorf("%d clients were called at once, allowed are %d", most, reminderAtOnce)
	}
	if most := mostWithin(calls, time.Second); most > reminderASecond {
		b.Errorf("%d calls began within a second, allowed are %d", most, reminderASecond)
	}
	judgeReminders(b, ended, calls, *reminderCount)
	tally := map[string]int{}
	for _, reminder := range ended {
		tally[habitOf(reminder.Number).name+": "+reminder.Outcome]++
	}
	for _, call := range calls {
		tally[habitOf(call.number).name+": calls"]++
		if call.ended.IsZero() {
			b.Errorf("%s is still rung", call.number)
		}
	}
	b.Logf("%v", tally)
}

// waiting is how many reminders have no end yet.
func (r *rig) waiting() int {
	waiting := *reminderCount
	for series, n := range r.metrics() {
		if strings.HasPrefix(series, `ringback_jobs_done_total{kind="reminder"`) && !strings.Contains(series, `"again"`) && !strings.Contains(series, `"fault"`) {
			waiting -= int(n)
		}
	}
	return waiting
}

// startClients starts SIPp for each habit, and a PBX that reaches each by a
// trunk of its own; it returns the files of their messages.
func (r *rig) startClients(root pbx.Root) (logs []string) {
	options := pbx.Options{Extensions: "[outside]\n",
		Sounds: map[string][]byte{filepath.Base(pbx.Recording) + ".sln": pbx.Tone(pbx.RecordingTone, 2*time.Second)}}
	scenarios := map[string]string{"answers": "answers.xml", "silent": "phone.xml", "busy": "busy.xml", "refuses": "refuses.xml"}
	for i, h := range habits {
		at := freeUDP(r, fmt.Sprintf("127.0.0.%d", 11+i))
		log := filepath.Join(r.dir, h.name+".log")
		r.startPhone(scenarios[h.name], at, "-trace_msg", "-message_file", log)
		logs = append(logs, log)
		options.Trunks = append(options.Trunks, pbx.Trunk{Name: h.name, Address: at})
		options.Extensions += fmt.Sprintf("exten => _7916XXXXXX[%s],1,Dial(PJSIP/${EXTEN}@%s,60)\n same => n,Hangup()\n", h.digits, h.name)
	}
	r.startPBX(root, options)
	return logs
}

const reminderRules = `robot: {hours: {week: {mon-sun: "00:00-24:00"}}, ring: 5s, concurrent: %d, per_second: %d, per_number_day: 10}
`

// apiReminder is what the API tells of a reminder.
type apiReminder struct {
	ID              int64
	Number, Outcome string
	Detail          string
}

// remind asks for reminders of so many clients.
func remind(t testing.TB, door site, n int, window time.Duration) {
	t.Helper()
	for i := range n {
		body, err := json.Marshal(map[string]any{"ref": fmt.Sprint(i), "number": "+" + callerNumber(i), "manager": "anna",
			"media": []string{"sound:" + pbx.Recording}, "expires": time.Now().Add(window).Format(time.RFC3339)})
		if err != nil {
			t.Fatal(err)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+door.address+"/api/v1/reminders", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+door.token)
		req.Header.Set("Content-Type", "application/json")
		req.Close = true // no idle connection stays behind
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusCreated {
			t.Fatalf("reminder %d: %s", i, res.Status)
		}
	}
}

// judgeReminders holds what the daemon says, and what the phones have seen,
// against the habits of the clients and the table of retries.
func judgeReminders(t testing.TB, ended []apiReminder, calls []rung, n int) {
	t.Helper()
	attempts := map[string][]rung{}
	for _, c := range calls {
		attempts[c.number] = append(attempts[c.number], c)
	}
	if len(ended) != n {
		t.Fatalf("%d reminders of %d", len(ended), n)
	}
	for _, r := range ended {
		h, of := habitOf(r.Number), attempts[r.Number]
		if r.Outcome != h.outcome || len(of) == 0 {
			t.Errorf("%s, who %s, was called %d times and is %s (%s)", r.Number, h.name, len(of), r.Outcome, r.Detail)
		}
		slices.SortFunc(of, func(a, b rung) int { return a.began.Compare(b.began) })
		for i := 1; i < len(of); i++ {
			if pause := of[i].began.Sub(of[i-1].ended); pause < h.pause {
				t.Errorf("%s, who %s, was called again after %v", r.Number, h.name, pause)
			}
		}
		if len(of) > h.attempts {
			t.Errorf("%s, who %s, was called %d times", r.Number, h.name, len(of))
		}
	}
}

// clients notes what the phone outside sees of the calls to it.
type clients struct {
	mu    sync.Mutex
	calls []*rung
}

// watchClients lets a phone be that of clients of each habit.
func watchClients(outside *softphone.Phone) *clients {
	c := &clients{}
	react := map[string]func(context.Context, *softphone.Incoming) (ended time.Time){
		"answers": picksUp, "silent": letsRing, "busy": refuses(486, "Busy Here"), "refuses": refuses(603, "Decline"),
	}
	outside.Always(func(ctx context.Context, in *softphone.Incoming) {
		call := &rung{number: "+" + in.To, began: in.At}
		c.mu.Lock()
		c.calls = append(c.calls, call)
		c.mu.Unlock()
		ended := react[habitOf(call.number).name](ctx, in)
		c.mu.Lock()
		call.ended = ended
		c.mu.Unlock()
	})
	return c
}

// picksUp hears the recording, presses 1 and waits to be hung up. What goes wrong
// the reminder tells.
func picksUp(ctx context.Context, in *softphone.Incoming) time.Time {
	if in.Ring() != nil {
		return time.Now()
	}
	call, err := in.Answer(ctx)
	if err != nil {
		return time.Now()
	}
	if call.Hears(ctx, pbx.RecordingTone) == nil && call.SendDTMF(ctx, "1") == nil {
		await(ctx, call.Done())
	}
	return call.Ended()
}

func letsRing(ctx context.Context, in *softphone.Incoming) time.Time {
	if in.Ring() == nil {
		await(ctx, in.Cancelled())
	}
	return time.Now()
}

func refuses(status int, reason string) func(context.Context, *softphone.Incoming) time.Time {
	return func(_ context.Context, in *softphone.Incoming) time.Time {
		_ = in.Reject(status, reason) // the caller may give up at this instant
		return time.Now()
	}
}

func (c *clients) all() []rung {
	c.mu.Lock()
	defer c.mu.Unlock()
	var all []rung
	for _, call := range c.calls {
		all = append(all, *call)
	}
	return all
}

// channelsOf lists what is alive on a PBX, one channel a line.
func channelsOf(t testing.TB, b *branch) string {
	t.Helper()
	live, err := b.pbx.CLI(t.Context(), "core show channels concise")
	if err != nil {
		t.Fatal(err)
	}
	return live
}
