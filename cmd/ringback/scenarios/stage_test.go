package scenarios

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/robotcall"
)

// stage is one real PBX on which scripts are played, with two watchers: what
// one is told by every event, the other must find out by the filtered ones.
type stage struct {
	ctx     context.Context
	pbx     *pbx.Instance
	client  *ari.Client
	plays   []*play
	full    *watcher
	thinned *watcher
	frames  *frames
	// thinFrames are those of the filtered events: less to keep.
	thinFrames *frames
}

// frames is where the Recorder writes.
type frames struct {
	mu  sync.Mutex
	all []byte
}

func (f *frames) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, p...)
	return len(p), nil
}

// begin forgets what was before the story, where only one is played.
func (f *frames) begin(p *play) {
	if p.private.index == 0 {
		f.taken()
	}
}

// taken is what was sent, without the mark: the last of the story may come after it.
func (f *frames) taken() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	all := f.all
	f.all = nil
	return slices.Concat(slices.DeleteFunc(slices.Collect(bytes.Lines(all)), func(frame []byte) bool {
		return bytes.Contains(frame, []byte(mark))
	})...)
}

// features are the keys by which a phone transfers and parks.
const features = `[general]
transferdigittimeout = 3
featuredigittimeout = 1000
[featuremap]
blindxfer => #1
atxfer => *2
parkcall => #7
`

// open starts a PBX for the scripts; ctx ends it all.
func open(t *testing.T, ctx context.Context, release pbx.Release, scripts []*script) *stage {
	t.Helper()
	root, err := pbx.Install(ctx, release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	st := &stage{ctx: ctx, frames: &frames{}, thinFrames: &frames{}}
	opts := pbx.Options{Dir: t.TempDir(), Files: files(scripts), LinkedID: release == pbx.Asterisk22}
	if release == pbx.Asterisk22 {
		opts.SystemName = "office"
	}
	opts.Files["features.conf"] = features + opts.Files["+features.conf"]
	delete(opts.Files, "+features.conf")
	opts.Extensions = "[messages]\nexten => _X.,1,Hangup()\n"
	for _, s := range scripts {
		p := newPlay(t, st, s)
		st.plays = append(st.plays, p)
		opts.Extensions += p.dialplan()
		opts.Trunks = append(opts.Trunks, pbx.Trunk{Name: s.private.name("trunk"), Address: p.exchange.Addr(),
			Context: s.private.name("from-trunk"), Driver: s.trunkDriver()})
		for _, desk := range p.desks {
			opts.Phones = append(opts.Phones, pbx.Phone{User: desk.user, Password: desk.password, Mailbox: desk.user,
				Context: s.private.name("from-internal"), Driver: desk.driver})
		}
	}
	if st.pbx, err = pbx.Start(ctx, root, opts); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.pbx.Stop(); err != nil {
			t.Error(err)
		}
	})
	for _, p := range st.plays {
		p.exchange.SetServer(st.server(p.trunkDriver()))
	}
	inbound := make([]string, len(scripts))
	for i, s := range scripts {
		inbound[i] = s.private.name("from-trunk")
	}
	st.full = st.watch(t, ari.DefaultApp, inbound, false)
	st.client = st.full.client
	st.thinned = st.watch(t, "thinned", inbound, true)
	return st
}

// server is where a driver of the PBX listens.
func (st *stage) server(driver pbx.Driver) string {
	if driver == "SIP" {
		return st.pbx.ChanSIPAddr
	}
	return st.pbx.SIPAddr
}

// watcher follows the PBX as the daemon does.
type watcher struct {
	client *ari.Client

	mu     sync.Mutex
	ended  []call.Fact
	late   []string // facts that were told after the end of their call
	idle   bool
	marked bool           // the mark has come and gone
	rings  map[string]int // how often each endpoint has begun to ring, as far as the PBX knows
	moved  chan struct{}  // closed and replaced by every event
}

func (st *stage) watch(t *testing.T, app string, inbound []string, filter bool) *watcher {
	t.Helper()
	client, err := ari.NewClient(ari.Config{Name: "main", URL: st.pbx.ARIURL, Username: st.pbx.ARIUser, Password: ari.NewSecret(st.pbx.ARIPassword), App: app})
	if err != nil {
		t.Fatal(err)
	}
	w := &watcher{client: client, rings: map[string]int{}, moved: make(chan struct{})}
	tracker := call.New(call.Options{PBX: "main", Inbound: inbound, OwnPrefix: robotcall.ChannelPrefix})
	opts := ari.StreamOptions{EventFilter: filter, Log: slog.New(slog.DiscardHandler), Recorder: ari.NewRecorder(st.frames)}
	if filter {
		opts.Recorder = ari.NewRecorder(st.thinFrames)
	}
	stream := ari.NewStream(client, opts)
	watching, over := make(chan struct{}), make(chan struct{})
	ctx, stop := context.WithCancel(st.ctx)
	go func() {
		defer close(over)
		stream.Run(ctx, func(ev *ari.Event) {
			if ev.Type == ari.Connected {
				close(watching) // twice is a panic: a gap in the watching would spoil every verdict
			}
			w.step(tracker, ev)
		})
	}()
	t.Cleanup(func() { stop(); <-over; client.Close() })
	select {
	case <-watching:
	case <-ctx.Done():
		t.Fatal("the PBX was not watched in time")
	}
	return w
}

func (w *watcher) step(tracker *call.Tracker, ev *ari.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, f := range tracker.Step(ev) {
		if slices.ContainsFunc(w.ended, func(e call.Fact) bool { return e.Call.ID == f.Call.ID }) {
			w.late = append(w.late, fmt.Sprintf("%s of call %s is told after its end", f.Kind, f.Call.ID))
		}
		if f.Kind == call.Ended || f.Kind == call.Lost {
			w.ended = append(w.ended, f)
		}
	}
	if _, name, _ := strings.Cut(ev.Channel.Name, "/"); ev.Type == ari.ChannelStateChange && ev.Channel.State == "Ringing" {
		w.rings[name[:strings.LastIndexByte(name, '-')]]++
	}
	w.idle = tracker.Idle()
	w.marked = w.marked || ev.Type == ari.BridgeDestroyed && ev.Bridge.ID == mark
	close(w.moved)
	w.moved = make(chan struct{})
}

// mark is the id of an empty bridge, which says on the event stream: that was all.
const mark = "scenarios-are-over"

// quiet waits until nothing lives on the PBX, as both watchers see it. That its
// call is over a phone may know before the first event of that call is told.
func (st *stage) quiet(ctx context.Context) error {
	if err := st.client.CreateBridge(ctx, mark); err != nil {
		return err
	}
	if err := st.client.DestroyBridge(ctx, mark); err != nil {
		return err
	}
	return errors.Join(st.full.quiet(ctx), st.thinned.quiet(ctx))
}

func (w *watcher) quiet(ctx context.Context) error {
	for {
		w.mu.Lock()
		over, moved := w.idle && w.marked, w.moved
		w.mu.Unlock()
		if over {
			return nil
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return fmt.Errorf("the tracker still follows something although all calls are over: %w", context.Cause(ctx))
		}
	}
}

// rung is how often an endpoint has begun to ring.
func (w *watcher) rung(endpoint string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.rings[endpoint]
}

// ringing waits until an endpoint has begun to ring more often than that, or is
// rung no longer. A caller who gives up before the PBX knows that a phone rings has
// not heard it.
func (w *watcher) ringing(ctx context.Context, endpoint string, before int, cancelled <-chan struct{}) error {
	for {
		w.mu.Lock()
		known, moved := w.rings[endpoint] > before, w.moved
		w.mu.Unlock()
		if known {
			return nil
		}
		select {
		case <-moved:
		case <-cancelled:
			return nil
		case <-ctx.Done():
			return fmt.Errorf("the PBX does not know that it rings: %w", context.Cause(ctx))
		}
	}
}

// of are the calls of one script, in the order in which they ended.
func (w *watcher) of(p *play) []call.Call {
	w.mu.Lock()
	defer w.mu.Unlock()
	var calls []call.Call
	for _, f := range w.ended {
		if p.private.index == 0 || ownerOf(namesOf(&f.Call)...) == p.private.index {
			calls = append(calls, f.Call)
		}
	}
	return calls
}

// namesOf are the names in a call that tell whose it is.
func namesOf(c *call.Call) []string {
	names := []string{c.From.Endpoint, c.Origin, c.Context}
	for _, l := range c.Legs {
		names = append(names, l.Endpoint)
	}
	return names
}

// address is a loopback address of its own for each script's outside: the PBX
// knows a trunk by its address.
func address(index int) string {
	return net.JoinHostPort(fmt.Sprintf("127.0.%d.%d", 1+index/200, 1+index%200), "0")
}
