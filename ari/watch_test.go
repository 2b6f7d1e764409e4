package ari_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari"
	"ringback/ari/aritest"
)

// watch is a stream over a fake PBX inside a synctest bubble.
type watch struct {
	t      *testing.T
	pbx    *aritest.PBX
	client *ari.Client
	stream *ari.Stream
	reg    *prometheus.Registry
	log    syncBuffer
	rec    syncBuffer
	handle func(*ari.Event) // further work with each event

	mu     sync.Mutex
	events []ari.Event
	cancel context.CancelFunc
	done   chan error
}

func newWatch(t *testing.T) *watch {
	w := &watch{t: t, pbx: aritest.New(), reg: prometheus.NewRegistry(), done: make(chan error, 1)}
	client, err := ari.NewClient(w.pbx.Config())
	if err != nil {
		t.Fatal(err)
	}
	w.client = client
	t.Cleanup(func() { // what a failed test left behind would deadlock its bubble
		if w.cancel != nil {
			w.cancel()
		}
		w.client.Close()
		w.pbx.Close()
	})
	return w
}

// start runs the stream until stop.
func (w *watch) start(opt ari.StreamOptions) {
	opt.Log = slog.New(slog.NewTextHandler(&w.log, nil))
	opt.Metrics = ari.NewMetrics(w.reg)
	opt.Recorder = ari.NewRecorder(&w.rec)
	w.stream = ari.NewStream(w.client, opt)
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	go func() { w.done <- w.stream.Run(ctx, w.take) }()
}

func (w *watch) take(ev *ari.Event) {
	w.mu.Lock()
	w.events = append(w.events, *ev)
	w.mu.Unlock()
	if w.handle != nil {
		w.handle(ev)
	}
}

// all are the events so far.
func (w *watch) all() []ari.Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

func (w *watch) stop() {
	w.t.Helper()
	w.cancel()
	if err := <-w.done; !errors.Is(err, context.Canceled) {
		w.t.Errorf("Run returned %v", err)
	}
	if got := w.stream.Status().State; got != ari.Ended {
		w.t.Errorf("state after Run: %v", got)
	}
	w.client.Close()
	w.pbx.Close()
	synctest.Wait()
	if strings.Contains(w.log.String(), aritest.Password) {
		w.t.Errorf("the password is in the log:\n%s", w.log.String())
	}
}

func (w *watch) session() *aritest.Session {
	w.t.Helper()
	s, err := w.pbx.Session(context.Background())
	if err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
	return s
}

func (w *watch) send(s *aritest.Session, frames ...string) {
	w.t.Helper()
	if err := s.Send(frames...); err != nil {
		w.t.Fatal(err)
	}
	synctest.Wait()
}

// seen are the events so far: a type each, and the channel's id where there is
// one.
func (w *watch) seen() string {
	var b strings.Builder
	for _, ev := range w.all() {
		fmt.Fprintf(&b, "%v %s\n", ev.Type, ev.Channel.ID)
	}
	return strings.ReplaceAll(b.String(), " \n", "\n")
}

func (w *watch) wantSeen(want ...string) {
	w.t.Helper()
	if got := w.seen(); got != strings.Join(want, "\n")+"\n" {
		w.t.Errorf("events:\n%swant:\n%s", got, strings.Join(want, "\n"))
	}
}

func (w *watch) wantState(state ari.State, trouble ari.Trouble) {
	w.t.Helper()
	if st := w.stream.Status(); st.State != state || st.Trouble != trouble || (st.Err == nil) != (trouble == "") {
		w.t.Errorf("status %v, trouble %q, error %v; want %v, %q", st.State, st.Trouble, st.Err, state, trouble)
	}
}

// metric is the value of one series: "ringback_ari_connected", or with the
// value of its label reason, "ringback_ari_frames_skipped_total/malformed".
func (w *watch) metric(name string) float64 {
	w.t.Helper()
	families, err := w.reg.Gather()
	if err != nil {
		w.t.Fatal(err)
	}
	name, reason, _ := strings.Cut(name, "/")
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["pbx"] == "main" && labels["reason"] == reason {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	w.t.Fatalf("no metric %s/%s", name, reason)
	return 0
}

func (w *watch) wantMetric(name string, want float64) {
	w.t.Helper()
	if got := w.metric(name); got != want {
		w.t.Errorf("%s = %v, want %v", name, got, want)
	}
}

func created(id string) string {
	return `{"type":"ChannelCreated","timestamp":"2026-11-22T08:18:28.104+0000","channel":{"id":"` + id + `","state":"Ring"}}`
}

// syncBuffer is a bytes.Buffer for several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}
