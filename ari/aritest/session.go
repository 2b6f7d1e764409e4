package aritest

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// Session is one websocket that a client has opened.
type Session struct {
	App  string // the application the client asked for
	conn *websocket.Conn
	link *link // nil on a real listener
	done chan struct{}
	end  error // set before done is closed
	mute atomic.Bool
}

// session serves a websocket until either side ends it.
func (p *PBX) session(w http.ResponseWriter, r *http.Request) {
	l, _ := r.Context().Value(linkKey{}).(*link)
	s := &Session{App: r.URL.Query().Get("app"), link: l, done: make(chan struct{})}
	var err error
	s.conn, err = websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { return !s.mute.Load() },
	})
	if err != nil {
		return // Accept has answered
	}
	p.mu.Lock()
	p.open[s] = true
	p.mu.Unlock()
	p.sessions <- s
	for { // answers pings and closes; a client of ARI's events sends no data
		if _, _, s.end = s.conn.Read(context.Background()); s.end != nil {
			break
		}
	}
	_ = s.conn.CloseNow()
	p.mu.Lock()
	delete(p.open, s)
	p.mu.Unlock()
	close(s.done)
}

// Session waits for the next websocket that a client opens.
func (p *PBX) Session(ctx context.Context) (*Session, error) {
	select {
	case s := <-p.sessions:
		return s, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("aritest: no client came: %w", context.Cause(ctx))
	}
}

// Send sends text frames, one after the other. It returns when the client has
// read them, or fails after 10 s.
func (s *Session) Send(frames ...string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, frame := range frames {
		if err := s.conn.Write(ctx, websocket.MessageText, []byte(frame)); err != nil {
			return fmt.Errorf("aritest: send: %w", err)
		}
	}
	return nil
}

// SendSize sends one frame of the given size: a valid event of a type that no
// client knows.
func (s *Session) SendSize(size int) error {
	const head, tail = `{"type":"Padding","x":"`, `"}`
	return s.Send(head + string(bytes.Repeat([]byte("x"), size-len(head)-len(tail))) + tail)
}

// Cut breaks the connection without a word.
func (s *Session) Cut() { _ = s.conn.CloseNow() }

// Leave closes the websocket as an Asterisk that shuts down does.
func (s *Session) Leave() { _ = s.conn.Close(websocket.StatusGoingAway, "shutting down") }

// Freeze makes the connection half-open: it stands, what either side sends is
// lost. Over a real listener it does nothing.
func (s *Session) Freeze() {
	if s.link != nil {
		s.link.freeze()
	}
}

// Break sends the beginning of a frame, and then makes the connection half-open:
// what is lost on the way does not keep to frames.
func (s *Session) Break() {
	_, _ = s.link.Write([]byte{0x81, 100, '{'}) // a text frame of 100 bytes
	s.link.freeze()
}

// Mute leaves the client's pings unanswered from now on.
func (s *Session) Mute() { s.mute.Store(true) }

// Done is closed when the session has ended, whoever ended it.
func (s *Session) Done() <-chan struct{} { return s.done }

// End waits for the session's end and tells how the client ended it: a
// websocket.CloseError when it took leave properly.
func (s *Session) End() error {
	<-s.done
	return s.end
}

type linkKey struct{}

// link is one end of an in-memory connection. Both ends share the switch that
// freezes it.
type link struct {
	net.Conn
	frozen *frozen
}

type frozen struct{ ch chan struct{} }

func (l *link) freeze() {
	select {
	case <-l.frozen.ch:
	default:
		close(l.frozen.ch)
	}
}

func (l *link) Write(b []byte) (int, error) {
	select {
	case <-l.frozen.ch:
		return len(b), nil
	default:
		return l.Conn.Write(b)
	}
}

// pipeListener hands the server the far ends of net.Pipe.
type pipeListener struct {
	conns  chan net.Conn
	closed context.Context
	cancel context.CancelFunc
}

func newPipeListener() *pipeListener {
	l := &pipeListener{conns: make(chan net.Conn)}
	l.closed, l.cancel = context.WithCancel(context.Background())
	return l
}

func (l *pipeListener) dial(ctx context.Context) (net.Conn, error) {
	near, far := net.Pipe()
	f := &frozen{make(chan struct{})}
	select {
	case l.conns <- &link{far, f}:
		return &link{near, f}, nil
	case <-l.closed.Done():
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: errClosed}
	case <-ctx.Done():
		return nil, &net.OpError{Op: "dial", Net: "pipe", Err: ctx.Err()}
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.closed.Done():
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.cancel()
	return nil
}

func (l *pipeListener) Addr() net.Addr {
	return &net.UnixAddr{Name: "aritest", Net: "pipe"}
}
