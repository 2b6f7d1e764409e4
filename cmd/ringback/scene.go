package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/config"
	"ringback/leads"
)

// scene is a branch and a daemon that watches it: what demo and the end-to-end
// tests play their story on.
type scene struct {
	*branch
	dir    string
	pace   pace
	daemon *daemon
	token  string
	say    func(format string, args ...any)

	mu    sync.Mutex
	notes []sceneNote
	more  chan struct{} // closed when a note is added
	read  int
	since time.Time // the hangup that the lines count from
}

// sceneNote is something that the daemon has committed, and when that was seen.
type sceneNote struct {
	at    time.Time
	entry leads.Entry        // of the timeline, or
	call  leads.CallRecorded // a call that ended
}

// lineRings is how long a line of the scene rings when nobody picks up.
const lineRings = 5 * time.Second

// newScene starts everything below dir: a PBX of the given release, the phones,
// and the daemon. On an error nothing is left running.
func newScene(ctx context.Context, root pbx.Root, dir string, p pace, log *slog.Logger, say func(string, ...any)) (*scene, error) {
	b, err := openBranch(ctx, root, dir, lineRings)
	if err != nil {
		return nil, err
	}
	s := &scene{branch: b, dir: dir, pace: p, say: say, more: make(chan struct{}), token: rand.Text()}
	if err := s.startDaemon(ctx, log); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// startDaemon runs a daemon with a configuration file of its own, and returns
// when it watches the PBX.
func (s *scene) startDaemon(ctx context.Context, log *slog.Logger) error {
	var err error
	for _, listen := range []string{config.DefaultListen, "127.0.0.1:0", "127.0.0.1:0", "127.0.0.1:0"} {
		// Between finding a free port and taking it another program may take it.
		if s.daemon, err = s.makeDaemon(ctx, listen, log); !errors.Is(err, syscall.EADDRINUSE) {
			break
		}
	}
	if err != nil {
		return err
	}
	s.daemon.db.Listen(leads.TopicTimeline, func(note any) { s.noted(sceneNote{entry: note.(leads.Entry)}) })
	s.daemon.db.Listen(leads.TopicCalls, func(note any) { s.noted(sceneNote{call: note.(leads.CallRecorded)}) })
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- s.daemon.Run(running) }()
	s.closers = append(s.closers, func() error { stop(); return <-ended })
	return s.watching(ctx)
}

// makeDaemon makes the daemon at an address. It is looked up first, where the
// system chooses the port: links in alerts name it.
func (s *scene) makeDaemon(ctx context.Context, listen string, log *slog.Logger) (*daemon, error) {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	listen = l.Addr().String()
	if err := l.Close(); err != nil {
		return nil, fmt.Errorf("demo: %w", err)
	}
	file, err := s.writeConfig(listen)
	if err != nil {
		return nil, err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	return newDaemon(ctx, cfg, log)
}

// watching waits until the daemon watches the PBX.
func (s *scene) watching(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		status := s.daemon.statuses()[0]
		if status.State == ari.Watching {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the daemon does not watch the PBX (%s): %w", status.State, errors.Join(context.Cause(ctx), status.Err))
		}
	}
}

// writeConfig writes the configuration of the branch and its secrets.
func (s *scene) writeConfig(listen string) (string, error) {
	files := map[string]string{
		"ari.password": s.pbx.ARIPassword + "\n",
		"tokens":       s.token + "\n",
		"ringback.yaml": fmt.Sprintf(sceneConfig, s.pbx.ARIURL, s.pbx.ARIUser,
			s.pace.reached(), s.pace.ring(), s.pace.grace(), pbx.Recording, pbx.LineDirect, pbx.LineGroup,
			s.pace.ladder(), listen, filepath.Join(s.dir, "ringback.db")),
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
			return "", fmt.Errorf("demo: %w", err)
		}
	}
	return filepath.Join(s.dir, "ringback.yaml"), nil
}

const sceneConfig = `country: RU
mode: act
asterisk:
  - name: main
    url: %s
    username: %s
    password_file: ari.password
    inbound: {contexts: [from-trunk]}
    connect: {context: from-internal}
missed: {reached_after: %s}
robot: {hours: {week: {mon-sun: "00:00-24:00"}}, ring: %s}
reminders: {grace: %s, media: {en: ["sound:%s"]}}
lines:
  - {name: sales, pbx: main, numbers: ["%s"], pool: default}
  - {name: support, pbx: main, numbers: ["%s"], pool: default}
managers:
  - {login: anna, name: Anna, devices: ["101"]}
  - {login: boris, name: Boris, devices: ["102"]}
  - {login: vera, name: Vera (supervisor), devices: ["100"]}
  - {login: gleb, name: Gleb (administrator), role: admin, devices: ["103"]}
pools:
  - name: default
    managers: [anna, boris]
    supervisor: vera
    ladder: %s
listen: %s
database: %s
token_file: tokens
`

func (s *scene) noted(n sceneNote) {
	n.at = time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.notes = append(s.notes, n)
	close(s.more)
	s.more = make(chan struct{})
}

// next waits for the next note that fits, and passes over those that do not.
func (s *scene) next(ctx context.Context, what string, fits func(sceneNote) bool) (sceneNote, error) {
	for {
		s.mu.Lock()
		for s.read < len(s.notes) {
			n := s.notes[s.read]
			s.read++
			if fits(n) {
				s.mu.Unlock()
				return n, nil
			}
		}
		more := s.more
		s.mu.Unlock()
		select {
		case <-more:
		case <-ctx.Done():
			return sceneNote{}, fmt.Errorf("%s: not seen in the database: %w", what, context.Cause(ctx))
		}
	}
}

// entry waits for the next entry of a kind in the timeline.
func (s *scene) entry(ctx context.Context, kind string) (leads.Entry, error) {
	n, err := s.next(ctx, "timeline entry "+kind, func(n sceneNote) bool { return n.entry.Kind == kind })
	if err == nil {
		s.line(n.at, "timeline: %s %s", n.entry.Kind, strings.TrimSpace(n.entry.Who+" "+n.entry.Detail))
	}
	return n.entry, err
}

// verdict waits for the verdict of the call that ends next.
func (s *scene) verdict(ctx context.Context, want, reason string) (leads.CallRecorded, error) {
	n, err := s.next(ctx, "verdict of the call", func(n sceneNote) bool { return n.call.ID != 0 })
	if err != nil {
		return n.call, err
	}
	c := n.call
	s.line(n.at, "call from %s to %s: %s (%s)", c.Caller.Value, c.Line, c.Verdict, c.Reason)
	if string(c.Verdict) != want || string(c.Reason) != reason {
		return c, fmt.Errorf("the call was judged %s (%s), not %s (%s)", c.Verdict, c.Reason, want, reason)
	}
	return c, nil
}

// message waits for the next text on a desk's phone and wants it to hold all
// the given parts.
func (s *scene) message(ctx context.Context, desk string, parts ...string) error {
	m, err := s.desks[desk].ExpectMessage(ctx)
	if err != nil {
		return fmt.Errorf("phone %s showed no message: %w", desk, err)
	}
	s.line(m.At, "phone %s shows: %s", desk, strings.ReplaceAll(m.Body, "\n", " / "))
	for _, part := range parts {
		if !strings.Contains(m.Body, part) {
			return fmt.Errorf("the message on phone %s does not say %q: %q", desk, part, m.Body)
		}
	}
	return nil
}

// line tells something that happened, and how long after the hangup.
func (s *scene) line(at time.Time, format string, args ...any) {
	after, unit := at.Sub(s.since), time.Millisecond
	if after > time.Second {
		unit = time.Second
	}
	s.say("  %+7.1f %-2s  %s", float64(after)/float64(unit), strings.TrimLeft(unit.String(), "1"), fmt.Sprintf(format, args...))
}

// givesUp lets a client ring a line and hang up while desks ring, but not so
// soon that it could be a mistake.
func (s *scene) givesUp(ctx context.Context, who softphone.DialOptions, line string, desks ...string) error {
	began := time.Now()
	c, _, err := s.rings(ctx, who, line, desks...)
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Until(began.Add(s.daemon.cfg.Missed.Suspicious+time.Second))); err != nil {
		return err
	}
	s.since = time.Now()
	return c.Hangup(ctx)
}

// answered lets a client ring a line, the i-th of the desks pick up, and both
// talk for as long as makes a talk.
func (s *scene) answered(ctx context.Context, who softphone.DialOptions, line string, i int, desks ...string) error {
	c, err := s.talks(ctx, who, line, i, desks...)
	if err != nil {
		return err
	}
	if err := pause(ctx, s.daemon.cfg.Missed.MinTalk); err != nil { // a shorter talk is none
		return err
	}
	s.since = time.Now()
	return c.Hangup(ctx)
}

// pause lets the people on the phone take their time.
func pause(ctx context.Context, long time.Duration) error {
	select {
	case <-time.After(long):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// quiet is a log for what runs beside the story: only what is wrong is shown.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
