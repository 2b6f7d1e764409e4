package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"ringback/ari"
	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/config"
	"ringback/leads"
)

// scene is an office with a real PBX, real phones and a daemon that watches:
// what demo and the end-to-end tests play their story on.
type scene struct {
	dir     string
	pbx     *pbx.Instance
	office  pbx.Options
	outside *softphone.Phone
	desks   map[string]*softphone.Phone
	daemon  *daemon
	token   string
	say     func(format string, args ...any)

	closers []func() error

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

// tones of the phones: each is known by its own.
var tones = map[string]int{pbx.Supervisor: 500, pbx.Manager1: 700, pbx.Manager2: 900, pbx.Colleague: 1100}

const clientTone = 1900

// newScene starts everything below dir: the PBX of the given release, the phones,
// and the daemon. On an error nothing is left running.
func newScene(ctx context.Context, root pbx.Root, dir string, log *slog.Logger, say func(string, ...any)) (s *scene, err error) {
	s = &scene{dir: dir, say: say, desks: map[string]*softphone.Phone{}, more: make(chan struct{}), token: rand.Text()}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.outside, err = s.phone(ctx, softphone.Options{User: "outside", Listen: "127.0.0.2:0", Tone: clientTone}); err != nil {
		return s, err
	}
	s.office = pbx.Office(s.outside.Addr(), 5*time.Second)
	s.office.Dir = filepath.Join(dir, "asterisk")
	if s.pbx, err = pbx.Start(ctx, root, s.office); err != nil {
		return s, err
	}
	s.closers = append(s.closers, s.pbx.Stop)
	s.outside.SetServer(s.pbx.SIPAddr)
	for user, tone := range tones {
		account, _ := s.office.Phone(user)
		desk, err := s.phone(ctx, softphone.Options{Server: s.pbx.SIPAddr, User: user, Password: account.Password, Tone: tone})
		if err != nil {
			return s, err
		}
		if err := desk.Register(ctx); err != nil {
			return s, err
		}
		s.desks[user] = desk
	}
	return s, s.startDaemon(ctx, log)
}

func (s *scene) phone(ctx context.Context, o softphone.Options) (*softphone.Phone, error) {
	p, err := softphone.New(ctx, o)
	if err != nil {
		return nil, err
	}
	s.closers = append(s.closers, p.Close)
	return p, nil
}

// close ends what was started, the newest first.
func (s *scene) close() error {
	var first error
	for i := len(s.closers) - 1; i >= 0; i-- {
		if err := s.closers[i](); err != nil && first == nil {
			first = err
		}
	}
	s.closers = nil
	return first
}

// startDaemon runs a daemon with a configuration file of its own, and returns
// when it watches the PBX.
func (s *scene) startDaemon(ctx context.Context, log *slog.Logger) error {
	file, err := s.writeConfig()
	if err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	if s.daemon, err = newDaemon(ctx, cfg, log); err != nil {
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

// watching waits until the daemon watches the PBX.
func (s *scene) watching(ctx context.Context) error {
	for tick := time.NewTicker(5 * time.Millisecond); ; {
		if s.daemon.statuses()[0].State == ari.Watching {
			tick.Stop()
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("the daemon did not watch the PBX in time: %w", context.Cause(ctx))
		}
	}
}

// writeConfig writes the configuration of the office.
func (s *scene) writeConfig() (string, error) {
	listen, err := freeAddress()
	if err != nil {
		return "", err
	}
	files := map[string]string{
		"ari.password": s.pbx.ARIPassword + "\n",
		"tokens":       s.token + "\n",
		"ringback.yaml": fmt.Sprintf(sceneConfig, s.pbx.ARIURL, s.pbx.ARIUser, pbx.LineDirect, pbx.LineGroup,
			listen, filepath.Join(s.dir, "ringback.db")),
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
    inbound:
      contexts: [from-trunk]
lines:
  - {name: sales, pbx: main, numbers: ["%s"], pool: default}
  - {name: support, pbx: main, numbers: ["%s"], pool: default}
managers:
  - {login: anna, name: Anna, devices: ["101"]}
  - {login: boris, name: Boris, devices: ["102"]}
  - {login: vera, name: Vera (supervisor), devices: ["100"]}
pools:
  - name: default
    managers: [anna, boris]
    supervisor: vera
    ladder: {settle: 0s}
listen: %s
database: %s
token_file: tokens
`

// freeAddress is the daemon's usual address, or another one when that is taken.
func freeAddress() (string, error) {
	for _, address := range []string{config.DefaultListen, "127.0.0.1:0"} {
		l, err := net.Listen("tcp", address)
		if err == nil {
			defer l.Close()
			return l.Addr().String(), nil
		}
	}
	return "", fmt.Errorf("demo: no free port on 127.0.0.1")
}

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
	s.say("  %+7.1f ms  %s", float64(at.Sub(s.since).Microseconds())/1000, fmt.Sprintf(format, args...))
}

// rings lets a client dial a line; desks are the phones that ring then.
func (s *scene) rings(ctx context.Context, client, line string, desks ...string) (*softphone.Call, []*softphone.Incoming, error) {
	c, err := s.outside.Dial(ctx, line, softphone.DialOptions{CallerID: strings.TrimPrefix(client, "+"), CallerName: "Client"})
	if err != nil {
		return nil, nil, err
	}
	var rung []*softphone.Incoming
	for _, desk := range desks {
		in, err := s.desks[desk].ExpectRing(ctx)
		if err != nil {
			return nil, nil, err
		}
		if err := in.Ring(); err != nil {
			return nil, nil, err
		}
		rung = append(rung, in)
	}
	select {
	case <-c.Ringing():
		return c, rung, nil
	case <-ctx.Done():
		return nil, nil, fmt.Errorf("the client heard no ringing: %w", context.Cause(ctx))
	}
}

// givesUp lets a client ring a line and hang up while desks ring.
func (s *scene) givesUp(ctx context.Context, client, line string, desks ...string) error {
	c, _, err := s.rings(ctx, client, line, desks...)
	if err != nil {
		return err
	}
	s.since = time.Now()
	return c.Hangup(ctx)
}

// answered lets a client ring a line, the i-th of the desks pick up, and both
// talk for as long as makes a talk.
func (s *scene) answered(ctx context.Context, client, line string, i int, desks ...string) error {
	c, rung, err := s.rings(ctx, client, line, desks...)
	if err != nil {
		return err
	}
	there, err := rung[i].Answer(ctx)
	if err != nil {
		return err
	}
	if err := c.WaitAnswer(ctx); err != nil {
		return err
	}
	if err := c.Hears(ctx, tones[desks[i]]); err != nil {
		return fmt.Errorf("the client does not hear phone %s: %w", desks[i], err)
	}
	if err := there.Hears(ctx, clientTone); err != nil {
		return fmt.Errorf("phone %s does not hear the client: %w", desks[i], err)
	}
	select {
	case <-time.After(s.daemon.cfg.Missed.MinTalk): // a shorter talk is none
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	s.since = time.Now()
	return c.Hangup(ctx)
}

// quiet is a log for what runs beside the story: only what is wrong is shown.
func quiet(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{Level: slog.LevelWarn}))
}
