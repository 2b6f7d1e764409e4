package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
)

var (
	loadRate    = flag.Int("rate", 50, "BenchmarkMissedCalls: missed calls a second")
	loadSeconds = flag.Int("seconds", 60, "BenchmarkMissedCalls: for so many seconds")
)

// BenchmarkMissedCalls lets SIPp ring a real Asterisk: each caller has a number
// of their own, hears a phone ring for two seconds and gives up. The daemon is
// the program itself, as a process of its own; whoever is on duty is told at
// once by a webhook. It reports what the daemon's own metrics and the kernel
// tell, and it fails when a missed call has not become exactly one lead and one
// alert. One op is the whole load.
//
//	go test ./cmd/ringback -run '^$' -bench MissedCalls -rate 50 -seconds 60 -timeout 10m
func BenchmarkMissedCalls(b *testing.B) {
	if _, err := exec.LookPath("sipp"); err != nil {
		b.Fatal("SIPp rings here, and it is not installed: apt-get install -y sip-tester")
	}
	for _, filter := range []bool{true, false} {
		b.Run(fmt.Sprintf("event_filter=%v", filter), func(b *testing.B) {
			for range b.N {
				newRig(b, filter).measure(b)
			}
		})
	}
}

// rig is a PBX with one line and one phone that is never picked up, the daemon
// beside it, and who is told by it.
type rig struct {
	testing.TB
	dir    string
	pbx    *pbx.Instance
	daemon *exec.Cmd
	site   string // the daemon's web server
	more   string // of its configuration: further keys
	caller string // host:port from which the callers ring
	calls  int
	alerts *receiver
}

const (
	rigLine  = "74951000001"
	rigToken = "token-of-the-benchmark-0123456789"
)

func newRig(b *testing.B, filter bool) *rig {
	root, err := install()
	if err != nil {
		b.Fatal(err)
	}
	r := &rig{TB: b, dir: b.TempDir(), calls: *loadRate * *loadSeconds, alerts: newReceiver()}
	b.Cleanup(r.alerts.Close)
	r.caller = freeUDP(b, "127.0.0.2")
	r.startPBX(root, r.startPhone())
	r.startDaemon(ari.Config{URL: r.pbx.ARIURL, Username: r.pbx.ARIUser, Password: ari.NewSecret(r.pbx.ARIPassword)}, filter)
	return r
}

// startPhone starts the phone that rings, and returns where.
func (r *rig) startPhone() string {
	r.Helper()
	at := freeUDP(r, "127.0.0.3")
	sipp, said := r.sipp("phone.xml", at)
	if err := sipp.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		sipp.Process.Kill()
		sipp.Wait()
		if r.Failed() {
			r.Logf("the phone said:\n%s", said)
		}
	})
	return at
}

func (r *rig) startPBX(root pbx.Root, phone string) {
	r.Helper()
	var err error
	r.pbx, err = pbx.Start(r.Context(), root, pbx.Options{
		Dir:        filepath.Join(r.dir, "asterisk"),
		Trunks:     []pbx.Trunk{{Name: "trunk", Address: r.caller}},
		Extensions: "[from-trunk]\nexten => " + rigLine + ",1,Dial(PJSIP/101,30)\n same => n,Hangup()\n[from-internal]\n",
		Files: map[string]string{
			"+pjsip.conf": "[101](phone)\naors = 101\n[101]\ntype = aor\ncontact = sip:" + phone + "\n",
			"logger.conf": "[logfiles]\nfull = notice,warning,error\n",
		},
	})
	if err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		if err := r.pbx.Stop(); err != nil {
			r.Error(err)
		}
	})
}

// startDaemon builds the program, starts it and waits until it watches the PBX.
func (r *rig) startDaemon(at ari.Config, filter bool) {
	r.Helper()
	program := filepath.Join(r.dir, "ringback")
	if out, err := exec.Command("go", "build", "-buildvcs=false", "-o", program, ".").CombinedOutput(); err != nil {
		r.Fatalf("%v: %s", err, out)
	}
	listen := "127.0.0.1:" + strconv.Itoa(freeTCP(r))
	files := map[string]string{
		"tokens": rigToken, "ari.password": at.Password.Reveal(), "hook.secret": "a secret of the benchmark's own 0123456789",
		"ringback.yaml": fmt.Sprintf(`country: RU
mode: act
missed: {suspicious: 0s}
listen: %s
database: ringback.db
token_file: tokens
asterisk: [{name: main, url: %q, username: %s, password_file: ari.password, event_filter: %v, inbound: {contexts: [from-trunk]}, connect: {context: outside}}]
lines: [{name: sales, pbx: main, numbers: [%q]}]
managers: [{login: anna, name: Anna}, {login: boris, name: Boris}, {login: vera, name: Vera}]
pools: [{name: default, managers: [anna, boris], supervisor: vera, ladder: {settle: 0s}}]
channels: {webhooks: [{name: hook, url: %q, secret_file: hook.secret}]}
%s`, listen, at.URL, at.Username, filter, rigLine, r.alerts.URL, r.more),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(r.dir, name), []byte(text), 0o600); err != nil {
			r.Fatal(err)
		}
	}
	log, err := os.Create(filepath.Join(r.dir, "daemon.log"))
	if err != nil {
		r.Fatal(err)
	}
	r.daemon, r.site = exec.Command(program, "serve", "--config", filepath.Join(r.dir, "ringback.yaml")), "http://"+listen
	r.daemon.Stderr = log
	if err := r.daemon.Start(); err != nil {
		r.Fatal(err)
	}
	r.Cleanup(func() {
		r.daemon.Process.Signal(syscall.SIGTERM)
		if err := r.daemon.Wait(); err != nil {
			r.Errorf("the daemon ended with %v", err)
		}
		log.Close()
		if text, _ := os.ReadFile(log.Name()); r.Failed() {
			r.Logf("the daemon said:\n%s", text)
		}
	})
	r.until("the daemon watches", 30*time.Second, func() bool {
		res, err := http.Get(r.site + "/readyz")
		if err != nil {
			return false // it does not listen yet
		}
		res.Body.Close()
		return res.StatusCode == http.StatusOK
	})
}

// measure lets everybody ring and reports what it cost.
func (r *rig) measure(b *testing.B) {
	b.Helper()
	disk := watchDisk(r.dir)
	before, events := r.costs(), r.metrics()
	r.ring()
	r.until("every caller has a lead, and somebody knows", 30*time.Second, func() bool {
		return r.metrics()[`ringback_leads_opened_total{pool="default"}`] >= float64(r.calls) && r.alerts.count() >= r.calls
	})
	after, m := r.costs(), r.metrics()
	fsyncs := disk.stop()
	r.account()

	calls := float64(r.calls)
	heard := 0.
	for _, series := range []string{`ringback_ari_events_total{pbx="main"}`, `ringback_ari_frames_skipped_total{pbx="main",reason="other"}`} {
		heard += m[series] - events[series]
	}
	cpu := after.daemon - before.daemon
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(calls, "calls")
	b.ReportMetric(heard/calls, "events/call")
	b.ReportMetric((m["ringback_db_commit_seconds_count"]-events["ringback_db_commit_seconds_count"])/calls, "commits/call")
	for name, series := range map[string]string{"commit": "ringback_commit_seconds", "alert": "ringback_alert_handover_seconds"} {
		b.ReportMetric(1000*quantile(m, series, .50), name+"-p50-ms")
		b.ReportMetric(1000*quantile(m, series, .99), name+"-p99-ms")
	}
	b.ReportMetric(1000*fsyncs.at(50).Seconds(), "fsync-p50-ms")
	b.ReportMetric(1000*fsyncs.at(99).Seconds(), "fsync-p99-ms")
	b.ReportMetric(float64(cpu.Microseconds())/heard, "cpu-µs/event")
	b.ReportMetric(float64(cpu.Microseconds())/1000/calls, "cpu-ms/call")
	b.ReportMetric(float64((after.pbx-before.pbx).Microseconds())/1000/calls, "asterisk-cpu-ms/call")
	b.ReportMetric(peakRSS(r, r.daemon.Process.Pid), "peak-rss-MB")
	b.ReportMetric(m["go_memstats_heap_inuse_bytes"]/1e6, "heap-MB")
}

// ring has every caller ring once and give up, and returns when all have.
func (r *rig) ring() {
	r.Helper()
	var numbers strings.Builder
	numbers.WriteString("SEQUENTIAL\n")
	for n := range r.calls {
		fmt.Fprintf(&numbers, "%s;\n", callerNumber(n))
	}
	list := filepath.Join(r.dir, "callers.csv")
	if err := os.WriteFile(list, []byte(numbers.String()), 0o600); err != nil {
		r.Fatal(err)
	}
	sipp, said := r.sipp("callers.xml", r.caller, "-inf", list, "-m", strconv.Itoa(r.calls), "-r", strconv.Itoa(*loadRate), "-l", "100000",
		"-trace_stat", "-stf", filepath.Join(r.dir, "callers.stat"), r.pbx.SIPAddr)
	if err := sipp.Run(); err != nil {
		r.Fatalf("SIPp: %v\n%s", err, said) // it ends so when a single call did not go as in its scenario
	}
}

// callerNumber is the number of the n-th caller, a Russian mobile phone's.
func callerNumber(n int) string { return fmt.Sprintf("7916%07d", n) }

// sipp is SIPp with a scenario, at an address of ours. What it says is kept. A
// message that it did not expect ends no call: on a busy machine answers are
// late, are asked for again, and come twice. One that it waits for in vain does.
func (r *rig) sipp(scenario, at string, more ...string) (*exec.Cmd, *lastWords) {
	r.Helper()
	file, err := filepath.Abs(filepath.Join("../../testdata/load", scenario))
	if err != nil {
		r.Fatal(err)
	}
	host, port, err := net.SplitHostPort(at)
	if err != nil {
		r.Fatal(err)
	}
	cmd := exec.CommandContext(context.Background(), "sipp", append([]string{"-sf", file, "-i", host, "-p", port, "-nostdin",
		"-default_behaviors", "all,-abortunexp"}, more...)...)
	cmd.Dir = r.dir
	said := new(lastWords)
	cmd.Stdout, cmd.Stderr = said, said
	return cmd, said
}

// account holds the database and the receiver against the callers: nobody lost,
// nobody doubled.
func (r *rig) account() {
	r.Helper()
	missing := map[string]bool{}
	for n := range r.calls {
		missing["+"+callerNumber(n)] = true
	}
	leads := 0
	for cursor := ""; ; {
		var page struct {
			Items []apiLead
			Next  string
		}
		r.get("/api/v1/leads?limit=500&cursor="+cursor, &page)
		for _, l := range page.Items {
			leads++
			if l.Contact == nil || !missing[l.Contact.Number] || l.Missed != 1 {
				r.Fatalf("lead %d is nobody's, or a double: %+v", l.ID, l)
			}
			delete(missing, l.Contact.Number)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	told, posts := r.alerts.told()
	if leads != r.calls || len(missing) > 0 || told != r.calls || posts != r.calls {
		r.Fatalf("%d callers: %d leads, %d without one, %d of whom somebody was told by %d posts", r.calls, leads, len(missing), told, posts)
	}
}

func (r *rig) get(path string, into any) {
	r.Helper()
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, r.site+path, nil)
	if err != nil {
		r.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+rigToken)
	req.Close = true
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		r.Fatalf("%s: %v", path, err)
	}
}

// until waits until something holds. It looks the more seldom the longer that may
// take: looking costs the daemon, too.
func (r *rig) until(what string, patience time.Duration, holds func() bool) {
	r.Helper()
	tick := time.NewTicker(patience / 600)
	defer tick.Stop()
	late := time.After(patience)
	for !holds() {
		select {
		case <-tick.C:
		case <-late:
			r.Fatalf("not within %v: %s; %d leads, %d alerts of %d", patience, what,
				int(r.metrics()[`ringback_leads_opened_total{pool="default"}`]), r.alerts.count(), r.calls)
		}
	}
}

// receiver takes the alerts that the daemon posts.
type receiver struct {
	*httptest.Server
	mu      sync.Mutex
	numbers map[string]bool
	posts   int
}

func newReceiver() *receiver {
	v := &receiver{numbers: map[string]bool{}}
	v.Server = httptest.NewServer(v)
	return v
}

var postedNumber = regexp.MustCompile(`"number":"([^"]*)"`)

func (v *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	number := postedNumber.FindSubmatch(body)
	if err != nil || number == nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.numbers[string(number[1])] = true
	v.posts++
}

func (v *receiver) count() int {
	told, _ := v.told()
	return told
}

// told says of how many numbers somebody was told, and by how many posts.
func (v *receiver) told() (numbers, posts int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.numbers), v.posts
}
