package main

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/pbx"
)

var (
	loadRate    = flag.Int("rate", 50, "BenchmarkMissedCalls: missed calls a second")
	loadSeconds = flag.Int("seconds", 60, "BenchmarkMissedCalls: for so many seconds")
	loadHeld    = flag.Int("held", 0, "BenchmarkMissedCalls: calls in progress on a second PBX meanwhile")
)

// BenchmarkMissedCalls lets SIPp ring a real Asterisk: each caller has a number
// of their own, hears a phone ring for two seconds and gives up. The daemon is
// the program itself, as a process of its own; whoever is on duty is told at
// once by a webhook. It reports what the daemon's own metrics and the kernel
// tell, and it fails when a missed call has not become exactly one lead and one
// alert. One op is the whole load. With -held a second PBX, which is a fake, has
// told of so many calls before, which ring on meanwhile.
//
//	go test ./cmd/ringback -run '^$' -bench MissedCalls -rate 50 -seconds 60 -timeout 10m
//	go test ./cmd/ringback -run '^$' -bench MissedCalls/event_filter=true -rate 100 -seconds 600 -held 10000 -timeout 30m
func BenchmarkMissedCalls(b *testing.B) {
	for _, filter := range []bool{true, false} {
		b.Run(fmt.Sprintf("event_filter=%v", filter), func(b *testing.B) {
			for range b.N {
				newRig(b, filter).measure(b)
			}
		})
	}
}

const rigLine = "74951000001"

func newRig(b *testing.B, filter bool) *rig {
	root, err := install()
	if err != nil {
		b.Fatal(err)
	}
	r := &rig{TB: b, dir: b.TempDir(), calls: *loadRate * *loadSeconds, alerts: newReceiver()}
	b.Cleanup(r.alerts.Close)
	r.caller = freeUDP(b, "127.0.0.2")
	r.startOffice(root, r.startPhone("phone.xml", freeUDP(r, "127.0.0.3")))
	if *loadHeld > 0 {
		r.crowd = newCrowd(b)
	}
	r.startDaemon(ari.Config{URL: r.pbx.ARIURL, Username: r.pbx.ARIUser, Password: ari.NewSecret(r.pbx.ARIPassword)}, filter)
	if r.crowd != nil {
		r.hold(r.crowd, "crowd", crowdFirst, *loadHeld)
	}
	return r
}

// startOffice starts a PBX with one line that rings one phone.
func (r *rig) startOffice(root pbx.Root, phone string) {
	r.Helper()
	r.startPBX(root, pbx.Options{
		Trunks:     []pbx.Trunk{{Name: "trunk", Address: r.caller}},
		Extensions: "[from-trunk]\nexten => " + rigLine + ",1,Dial(PJSIP/101,30)\n same => n,Hangup()\n[from-internal]\n",
		Files:      map[string]string{"+pjsip.conf": "[101](phone)\naors = 101\n[101]\ntype = aor\ncontact = sip:" + phone + "\n"},
	})
}

// startDaemon starts it with one line and one webhook, at an ARI, and waits until
// it watches the PBX, and the crowd's, if there is one.
func (r *rig) startDaemon(at ari.Config, filter bool) {
	r.Helper()
	second := ""
	if r.crowd != nil {
		second = fmt.Sprintf(", {name: crowd, url: %q, username: %s, password_file: crowd.password, inbound: {contexts: [from-trunk]}, connect: {context: outside}}",
			r.crowd.at.URL, r.crowd.at.Username)
	}
	r.write(map[string]string{
		"crowd.password": aritest.Password,
		"ari.password":   at.Password.Reveal(), "hook.secret": "a secret of the benchmark's own 0123456789",
		"ringback.yaml": fmt.Sprintf(`country: RU
mode: act
missed: {suspicious: 0s}
listen: 127.0.0.1:0
database: ringback.db
token_file: tokens
asterisk: [{name: main, url: %q, username: %s, password_file: ari.password, event_filter: %v, inbound: {contexts: [from-trunk]}, connect: {context: outside}}%s]
lines: [{name: sales, pbx: main, numbers: [%q]}]
managers: [{login: anna, name: Anna}, {login: boris, name: Boris}, {login: vera, name: Vera}]
pools: [{name: default, managers: [anna, boris], supervisor: vera, ladder: {settle: 0s}}]
channels: {webhooks: [{name: hook, url: %q, secret_file: hook.secret}]}
%s`, at.URL, at.Username, filter, second, rigLine, r.alerts.URL, r.more),
	})
	r.launch()
	r.watches()
}

// measure lets everybody ring and reports what it cost.
func (r *rig) measure(b *testing.B) {
	b.Helper()
	disk := watchDisk(r.dir)
	before, events := r.costs(), r.metrics()
	memory := []string{memoryOf(events)}
	r.ring(func() { memory = append(memory, memoryOf(r.metrics())) })
	r.until("every caller has a lead, and somebody knows", 30*time.Second, func() bool {
		return r.metrics()[`ringback_leads_opened_total{pool="default"}`] >= float64(r.calls) && r.alerts.count() >= r.calls
	})
	after, m := r.costs(), r.metrics()
	fsyncs, peak := disk.stop(), peakRSS(r, r.daemon.Process.Pid)
	r.account()
	r.holds(*loadHeld)

	b.Logf("memory, resident and heap in use, MB: %s", strings.Join(append(memory, memoryOf(m)), " · "))
	b.Logf("commit: %s", histogram(m, "ringback_commit_seconds"))
	b.Logf("alert: %s", histogram(m, "ringback_alert_handover_seconds"))
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
	b.ReportMetric(peak, "peak-rss-MB")
	b.ReportMetric(m["go_memstats_heap_inuse_bytes"]/1e6, "heap-MB")
}

// memoryOf is what the daemon took when the metrics were read.
func memoryOf(m map[string]float64) string {
	return fmt.Sprintf("%.0f %.0f", m["process_resident_memory_bytes"]/1e6, m["go_memstats_heap_inuse_bytes"]/1e6)
}

// ring has every caller ring once and give up, and returns when all have. Ten
// times meanwhile it looks.
func (r *rig) ring(look func()) {
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
	sipp, said := r.sipp("callers.xml", r.caller, "-inf", list, "-s", rigLine, "-d", "2000", "-m", strconv.Itoa(r.calls), "-r", strconv.Itoa(*loadRate),
		"-l", "100000", r.pbx.SIPAddr)
	if err := sipp.Start(); err != nil {
		r.Fatal(err)
	}
	over := make(chan error, 1)
	go func() { over <- sipp.Wait() }()
	r.Cleanup(func() { _ = sipp.Process.Kill() }) // it has ended, unless the test failed
	tick := time.NewTicker(time.Duration(*loadSeconds) * time.Second / 10)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			look()
		case err := <-over:
			if err != nil {
				r.Fatalf("SIPp: %v\n%s", err, said) // it ends so when a single call did not go as in its scenario
			}
			return
		}
	}
}

// callerNumber is the number of the n-th caller, a Russian mobile phone's.
func callerNumber(n int) string { return fmt.Sprintf("7916%07d", n) }

// account holds the database and the receiver against the callers: nobody lost,
// nobody doubled.
func (r *rig) account() {
	r.Helper()
	missing := map[string]bool{}
	for n := range r.calls {
		missing["+"+callerNumber(n)] = true
	}
	leads := all[apiLead](r, "leads")
	for _, l := range leads {
		if l.Contact == nil || !missing[l.Contact.Number] || l.Missed != 1 {
			r.Fatalf("lead %d is nobody's, or a double: %+v", l.ID, l)
		}
		delete(missing, l.Contact.Number)
	}
	told, posts := r.alerts.told()
	if len(leads) != r.calls || len(missing) > 0 || told != r.calls || posts != r.calls {
		r.Fatalf("%d callers: %d leads, %d without one, %d of whom somebody was told by %d posts", r.calls, len(leads), len(missing), told, posts)
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
