package main

import (
	"bufio"
	"fmt"
	"math"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// costs is the processor time that daemon and PBX have used so far.
type costs struct{ daemon, pbx time.Duration }

func (r *rig) costs() costs {
	return costs{processorTime(r, r.daemon.Process.Pid), processorTime(r, r.pbx.PID())}
}

// processorTime reads user and system time of a process with all its threads
// (proc(5): fields 14 and 15 of stat, in hundredths of a second).
func processorTime(b testing.TB, pid int) time.Duration {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Fatal(err)
	}
	// The second field is the program's name, which may hold anything.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// peakRSS is the most memory that a process has had, in megabytes.
func peakRSS(b testing.TB, pid int) float64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			kb, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				b.Fatal(err)
			}
			return float64(kb) * 1024 / 1e6
		}
	}
	b.Fatal("the kernel does not tell VmHWM")
	return 0
}

// metrics reads all series of the daemon.
func (r *rig) metrics() map[string]float64 {
	r.Helper()
	res, err := http.Get(r.site + "/metrics")
	if err != nil {
		r.Fatal(err)
	}
	defer res.Body.Close()
	all := map[string]float64{}
	for lines := bufio.NewScanner(res.Body); lines.Scan(); {
		line := lines.Text()
		space := strings.LastIndexByte(line, ' ')
		if value, err := strconv.ParseFloat(line[space+1:], 64); err == nil && line[0] != '#' {
			all[line[:space]] = value
		}
	}
	return all
}

// bucket is how many of what was measured, in seconds, were not above a limit.
type bucket struct{ le, below float64 }

// bucketsOf are those of a histogram, from the least limit on.
func bucketsOf(metrics map[string]float64, histogram string) (buckets []bucket) {
	for series, n := range metrics {
		labels, ok := strings.CutPrefix(series, histogram+"_bucket{")
		if !ok {
			continue
		}
		_, le, _ := strings.Cut(labels, `le="`)
		le, _, _ = strings.Cut(le, `"`)
		limit, err := strconv.ParseFloat(le, 64)
		if err != nil {
			return nil
		}
		buckets = append(buckets, bucket{limit, n})
	}
	slices.SortFunc(buckets, func(a, b bucket) int { return int(math.Copysign(1, a.le-b.le)) })
	return buckets
}

// histogram says in one line how many fell into each bucket that is not empty.
func histogram(metrics map[string]float64, name string) string {
	var parts []string
	last := 0.
	for _, b := range bucketsOf(metrics, name) {
		if n := b.below - last; n > 0 && math.IsInf(b.le, 1) {
			parts = append(parts, fmt.Sprintf("above: %.0f", n))
		} else if n > 0 {
			parts = append(parts, fmt.Sprintf("≤ %v ms: %.0f", math.Round(b.le*1e6)/1000, n))
		}
		last = b.below
	}
	return strings.Join(parts, ", ")
}

// quantile reads a quantile, in seconds, from a histogram's buckets, with equal
// steps inside a bucket.
func quantile(metrics map[string]float64, histogram string, q float64) float64 {
	buckets := bucketsOf(metrics, histogram)
	if len(buckets) == 0 || buckets[len(buckets)-1].below == 0 {
		return math.NaN()
	}
	wanted := q * buckets[len(buckets)-1].below
	var last bucket
	for _, b := range buckets {
		if b.below >= wanted {
			return last.le + (b.le-last.le)*(wanted-last.below)/(b.below-last.below)
		}
		last = b
	}
	return math.NaN()
}

// diskWatch measures now and then what a write of one page takes until it is on
// the disk.
type diskWatch struct {
	end  chan struct{}
	took chan times
}

// watchDisk begins in a folder, twenty times a second.
func watchDisk(dir string) *diskWatch {
	w := &diskWatch{end: make(chan struct{}), took: make(chan times, 1)}
	go func() {
		var took times
		defer func() { w.took <- took }()
		f, err := os.Create(filepath.Join(dir, "fsync"))
		if err != nil {
			return
		}
		defer f.Close()
		page := make([]byte, 4096)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-w.end:
				return
			case <-tick.C:
			}
			start := time.Now()
			if _, err := f.WriteAt(page, int64(len(took)%256)*int64(len(page))); err != nil {
				return
			}
			if err := f.Sync(); err != nil {
				return
			}
			took = append(took, time.Since(start))
		}
	}()
	return w
}

func (w *diskWatch) stop() times {
	close(w.end)
	took := <-w.took
	slices.Sort(took)
	return took
}

// times are sorted.
type times []time.Duration

// at is a percentile; zero when nothing was measured.
func (t times) at(percent int) time.Duration {
	if len(t) == 0 {
		return 0
	}
	return t[len(t)*percent/100]
}

// lastWords keeps the end of what a program says.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (l *lastWords) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, p...)
	l.text = l.text[max(0, len(l.text)-4000):]
	return len(p), nil
}

func (l *lastWords) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text)
}

// freeUDP is an address on this host that nobody has taken.
func freeUDP(b testing.TB, host string) string {
	b.Helper()
	c, err := net.ListenPacket("udp4", host+":0")
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().String()
}

func TestQuantile(t *testing.T) {
	metrics := map[string]float64{
		`x_bucket{channel="hook",le="0.001"}`: 50, `x_bucket{channel="hook",le="0.002"}`: 90, `x_bucket{channel="hook",le="+Inf"}`: 100,
		`x_count{channel="hook"}`: 100, `x_bucket2{le="5"}`: 7,
	}
	for q, want := range map[float64]float64{.25: .0005, .5: .001, .7: .0015, .9: .002, .99: math.Inf(1)} {
		if got := quantile(metrics, "x", q); math.Abs(got-want) > 1e-9 && got != want {
			t.Errorf("the quantile %v is %v, want %v", q, got, want)
		}
	}
	if got := quantile(metrics, "nothing", .5); !math.IsNaN(got) {
		t.Errorf("of nothing measured it is %v", got)
	}
	if got, want := histogram(metrics, "x"), "≤ 1 ms: 50, ≤ 2 ms: 40, above: 10"; got != want {
		t.Errorf("the histogram is %q, want %q", got, want)
	}
}
