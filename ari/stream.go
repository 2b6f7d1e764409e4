package ari

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// StreamOptions are what a Stream can be told beyond its PBX's address. The
// zero value of each field means the default.
type StreamOptions struct {
	// Log takes what a person should know, each thing once. Nil: slog.Default.
	Log *slog.Logger
	// Metrics are shared by all streams. Nil: nobody looks at them.
	Metrics *Metrics
	// Recorder takes every frame before it is decoded. A recording that fails
	// is reported once and does not end the watching.
	Recorder *Recorder
	// EventFilter asks the PBX not to send the event types that nobody here
	// uses. A refusal is a warning, no more.
	EventFilter bool
	// QueueBytes bounds the frames that wait to be handled. Default 256 MB.
	QueueBytes int64
	// PingEvery and PingTimeout: how soon a dead connection is found out.
	// Default 5 s each.
	PingEvery, PingTimeout time.Duration
	// BackoffMin and BackoffMax bound the pause before the next try; each
	// failure doubles it, and chance shortens it by up to a half. Default
	// 250 ms and 2 s: a PBX that is back must not go unwatched for long. Where a
	// person has to change something first, Patience is the pause; default 30 s.
	BackoffMin, BackoffMax, Patience time.Duration
	// WatchedUntil is until when the PBX was watched before this process, by our
	// clock: from then to the first session nothing was seen. Zero: not known.
	WatchedUntil time.Time
	// ReplacedPause is how often it is said, after ApplicationReplaced, that
	// another client holds our name; the PBX is asked ten times as often whether
	// it still does, and the stream comes back when nobody does. Where the PBX
	// does not tell (see Client.Holding), the name is taken back after one such
	// pause, and each time that ends in another ApplicationReplaced after twice as
	// long, up to 6 h: two that want the name must not blind each other all day, and a
	// program that took it once must not blind us for good. Default 5 min.
	ReplacedPause time.Duration
}

// unused are the event types that Ringback never looks at. ChannelVarset is
// not among them: DIALSTATUS, QUEUESTATUS and VMSTATUS come that way.
var unused = []string{
	"BridgeVideoSourceChanged", "ChannelTalkingFinished", "ChannelTalkingStarted",
	"ChannelToneDetected", "ChannelUserevent", "ContactStatusChange",
	"DeviceStateChanged", "EndpointStateChange", "PeerStatusChange",
	"RecordingFailed", "RecordingFinished", "RecordingStarted", "TextMessageReceived",
}

// steady is how long a session must last for the next pause to be short again.
// A PBX that dies right after each connect is not to be hammered.
const steady = 10 * time.Second

// Stream watches one PBX: it keeps a websocket open and hands on what comes, in
// order, without ever letting Asterisk wait.
type Stream struct {
	client  *Client
	opt     StreamOptions
	log     *slog.Logger
	metrics pbxMetrics

	events    atomic.Uint64
	lastEvent atomic.Int64 // Unix nanoseconds
	ahead     atomic.Int64 // of the PBX's clock, nanoseconds

	mu      sync.Mutex
	status  Status
	session *session // the newest that was watched

	// What follows belongs to Run's goroutine.
	ev        Event
	said      Trouble   // what the log was told last while waiting
	lastGood  time.Time // our clock: until then everything was seen
	offset    time.Duration
	ignored   bool // Ignore was said in this session
	sessions  int
	recordErr bool          // the failed recording was reported
	absence   time.Duration // how long we stand back next when the PBX does not tell
}

// NewStream makes a Stream over a Client's PBX. Nothing happens before Run.
func NewStream(client *Client, opt StreamOptions) *Stream {
	if opt.Log == nil {
		opt.Log = slog.Default()
	}
	if opt.Metrics == nil {
		opt.Metrics = NewMetrics(prometheus.NewRegistry())
	}
	if opt.QueueBytes <= 0 {
		opt.QueueBytes = 256 << 20
	}
	orDefault(&opt.PingEvery, 5*time.Second)
	orDefault(&opt.PingTimeout, 5*time.Second)
	orDefault(&opt.BackoffMin, 250*time.Millisecond)
	orDefault(&opt.BackoffMax, 2*time.Second)
	orDefault(&opt.Patience, 30*time.Second)
	orDefault(&opt.ReplacedPause, 5*time.Minute)
	s := &Stream{
		client:  client,
		opt:     opt,
		log:     opt.Log.With("pbx", client.PBX()),
		metrics: opt.Metrics.of(client.PBX()),
	}
	s.lastGood = opt.WatchedUntil
	if s.lastGood.IsZero() {
		s.lastGood = time.Now()
	}
	s.status = Status{PBX: client.PBX()}
	s.setState(Waiting, nil)
	return s
}

func orDefault(d *time.Duration, def time.Duration) {
	if *d <= 0 {
		*d = def
	}
}

// Status tells how the stream is doing. It may be called at any time.
func (s *Stream) Status() Status {
	s.mu.Lock()
	st := s.status
	s.mu.Unlock()
	st.Events = s.events.Load()
	if last := s.lastEvent.Load(); last != 0 {
		st.LastEvent = time.Unix(0, last)
	}
	return st
}

// Handled is until when everything that was heard of the PBX has been handled, by
// our clock: now, unless frames wait. A connection that has died and does not show
// it yet is not known: the end of what was seen is then told later by Good.
func (s *Stream) Handled() time.Time {
	s.mu.Lock()
	ses := s.session
	s.mu.Unlock()
	now := time.Now()
	if ses == nil {
		return now
	}
	return ses.inbox.handled(now)
}

// Ahead is what the PBX's clock is ahead of ours, as measured when the newest
// session began.
func (s *Stream) Ahead() time.Duration { return time.Duration(s.ahead.Load()) }

// Renew ends the present session, as if its frames had waited for more memory
// than allowed: another begins with a snapshot. Of a stream that watches nothing
// it does nothing.
func (s *Stream) Renew() {
	s.mu.Lock()
	ses := s.session
	s.mu.Unlock()
	if ses != nil {
		ses.drop(ErrOverflow)
	}
}

// Ignore says, from within handle, that what the PBX tells since then leads to
// nothing: the PBX is blind from there on, for whoever asks, until a session
// begins in which handle does not say so. The present one goes on: see Renew.
func (s *Stream) Ignore(since time.Time) {
	s.ignored, s.lastGood = true, since
	s.metrics.blindSince(since)
	s.setState(Waiting, ErrOverflow)
}

// Run watches the PBX until ctx ends, and returns the reason why it ended; it
// returns for no other cause. It may be called once.
//
// Every event goes to handle, from one goroutine, in the order in which
// Asterisk sent them. Each session is bracketed: first Connected with the
// snapshot, then what came since the websocket opened (so events may repeat
// what the snapshot shows), at last Disconnected. What lies between a
// Disconnected and the next Connected was not seen: from Connected.Since, a
// second early rather than late, to Connected.At, both on the PBX's clock.
// Type Other is counted and not handed on.
//
// handle must not keep the *Event, which is used again, and should not block:
// what waits is bounded by QueueBytes.
func (s *Stream) Run(ctx context.Context, handle func(*Event)) error {
	defer s.setState(Ended, nil)
	s.metrics.blindSince(s.lastGood)
	for failures := 0; ; failures++ {
		began := time.Now()
		err := s.watch(ctx, handle)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		lasted := time.Since(began)
		if lasted >= steady {
			failures = 0
		}
		if errors.Is(err, ErrReplaced) {
			s.standBack(ctx, lasted)
		} else {
			sleep(ctx, s.pause(TroubleOf(err), failures))
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
}

// pause is how long to wait after a failure.
func (s *Stream) pause(t Trouble, failures int) time.Duration {
	pause := s.opt.Patience
	if !t.patient() {
		pause = min(s.opt.BackoffMax, s.opt.BackoffMin<<min(failures, 20))
	}
	return pause/2 + rand.N(pause/2+1)
}

// sleep waits, and says whether ctx still stands.
func sleep(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// watch is one session, from dialing to its end. It returns why it ended.
func (s *Stream) watch(ctx context.Context, handle func(*Event)) error {
	ses, err := s.open(ctx)
	if err != nil {
		s.waiting(ctx, err)
		return err
	}
	defer ses.close()
	opening, err := ses.opening(ctx)
	s.ignored = false
	if err == nil {
		err = s.bracket(opening, handle)
	}
	if err != nil {
		err = ses.why(err)
		s.waiting(ctx, err)
		return err
	}
	if !s.ignored {
		s.watching(ses)
	}
	err = s.follow(ses, handle)
	s.lost(ctx, ses, err)
	return errors.Join(err, s.bracket(closingFrame(time.Now().Add(s.offset), err), handle))
}

// follow hands on what a session brings, until its end.
func (s *Stream) follow(ses *session, handle func(*Event)) error {
	s.mu.Lock()
	s.session = ses
	s.mu.Unlock()
	for {
		b, err := ses.inbox.take()
		if err != nil {
			return ses.why(err)
		}
		ours := b.each(func(frame []byte, heard time.Time) bool { return s.hand(frame, heard, handle) })
		if !ours {
			return ErrReplaced
		}
		ses.inbox.give(b)
	}
}

// hand records, decodes and hands on one frame of the PBX, read at heard. It
// answers false when the frame says that the session is not ours any more.
func (s *Stream) hand(frame []byte, heard time.Time, handle func(*Event)) bool {
	s.record(frame)
	err := Decode(frame, &s.ev)
	switch {
	case err != nil || s.ev.Type == Connected || s.ev.Type == Disconnected:
		s.metrics.malformed.Inc() // the brackets are ours alone to make
		return true
	case s.ev.Type == Other:
		s.metrics.other.Inc()
		return true
	}
	s.metrics.events.Inc()
	s.events.Add(1)
	s.lastEvent.Store(heard.UnixNano())
	s.ev.Heard = heard
	handle(&s.ev)
	return s.ev.Type != ApplicationReplaced
}

// bracket hands on a frame of our own, which opens or ends a session. It goes
// through JSON like the PBX's frames, so that a recording and the daemon see
// the same event.
func (s *Stream) bracket(frame []byte, handle func(*Event)) error {
	if err := Decode(frame, &s.ev); err != nil {
		return err
	}
	s.record(frame)
	handle(&s.ev)
	return nil
}

func (s *Stream) record(frame []byte) {
	if s.opt.Recorder == nil {
		return
	}
	if err := s.opt.Recorder.Frame(frame); err != nil && !s.recordErr {
		s.recordErr = true
		s.log.Error("recording failed, watching goes on without it", "err", err)
	}
}

// waiting notes that a session could not be opened. The log hears of each kind
// of trouble once, not of every try.
func (s *Stream) waiting(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	t := TroubleOf(err)
	s.setState(Waiting, err)
	if t == s.said {
		return
	}
	s.said = t
	s.log.Warn("waiting for PBX", "url", s.client.base, "err", err, "trouble", string(t), "hint", t.Hint())
}

// watching notes that a session has opened.
func (s *Stream) watching(ses *session) {
	blind := ses.opened.Sub(s.lastGood)
	s.metrics.watched(s.lastGood, ses.opened)
	if s.sessions > 0 {
		s.metrics.reconnects.Inc()
	}
	s.sessions++
	s.said = NoTrouble
	s.setState(Watching, nil)
	ses.wg.Go(ses.learnVersion)
	snap := s.ev.Snapshot
	s.log.Info("watching PBX", "url", s.client.base, "blind", blind.Round(time.Millisecond),
		"channels", len(snap.Channels), "bridges", len(snap.Bridges), "clock_offset", s.offset)
}

// lost notes that a session has ended.
func (s *Stream) lost(ctx context.Context, ses *session, err error) {
	t := TroubleOf(err)
	switch {
	case s.ignored: // before
	case t == Silent:
		s.lastGood = ses.lastHeard() // when it broke nobody knows; any other end was seen as it came
	default:
		s.lastGood = time.Now()
	}
	s.metrics.blindSince(s.lastGood)
	switch {
	case errors.Is(err, ErrReplaced):
		s.metrics.replaced.Inc()
		s.setState(Stolen, err)
		s.log.Error("another client has taken our ARI application: this PBX is NOT being watched",
			"app", s.client.App(), "hint", t.Hint())
	case ctx.Err() != nil:
		s.setState(Waiting, err)
		s.log.Info("stopped watching PBX")
	default:
		s.setState(Waiting, err)
		s.log.Warn("lost sight of PBX", "err", err, "trouble", string(t), "hint", t.Hint())
	}
}

func (s *Stream) setState(state State, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case state == Waiting || state == Stolen:
		s.status.Since = s.lastGood
	case s.status.State != state:
		s.status.Since = time.Now()
	}
	s.status.State, s.status.Err, s.status.Trouble = state, err, TroubleOf(err)
	s.status.ClockOffset, s.status.Good = s.offset, s.lastGood
}
