// Package aritest promises a fake Asterisk that does on command what a real one
// cannot be made to do: cut a session, fall silent, send a frame of any size,
// refuse, answer late. Over in-memory connections it works inside a
// testing/synctest bubble; as an http.Handler it serves a real listener too.
// What Asterisk itself says is not imitated: tests give it word for word.
package aritest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"time"

	"ringback/ari"
)

// Username and Password are what the fake accepts.
const (
	Username = "ringback"
	Password = "s3cret-of-the-fake"
)

// Request is one HTTP request that the fake got, websockets included.
type Request struct {
	Method string
	Path   string // below /ari, unescaped
	Query  url.Values
	Header http.Header
	Body   string
}

// Answer is what the fake says to a request.
type Answer struct {
	Status int
	Body   string
	// Wait, when not nil, is waited for before answering: a slow PBX.
	Wait <-chan struct{}
}

// PBX is the fake. It begins with no channels and no bridges, and its clock
// agrees with ours.
type PBX struct {
	server   *http.Server
	listener *pipeListener
	sessions chan *Session

	mu       sync.Mutex
	password string
	down     bool
	offset   time.Duration
	answers  map[string]Answer
	requests []Request
	open     map[*Session]bool
}

// New starts a fake. Close it.
func New() *PBX {
	p := &PBX{
		sessions: make(chan *Session, 1024),
		listener: newPipeListener(),
		password: Password,
		answers:  make(map[string]Answer),
		open:     make(map[*Session]bool),
	}
	p.Answer("GET /channels", Answer{Status: http.StatusOK, Body: "[]"})
	p.Answer("GET /bridges", Answer{Status: http.StatusOK, Body: "[]"})
	p.server = &http.Server{Handler: p, ConnContext: func(ctx context.Context, c net.Conn) context.Context {
		return context.WithValue(ctx, linkKey{}, c)
	}}
	go func() { _ = p.server.Serve(p.listener) }()
	return p
}

// Close ends every session and connection.
func (p *PBX) Close() {
	for _, s := range p.live() {
		s.Cut()
	}
	_ = p.server.Close()
	p.listener.Close()
}

func (p *PBX) live() []*Session {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []*Session
	for s := range p.open {
		list = append(list, s)
	}
	return list
}

// Config leads a client to the fake, without a network.
func (p *PBX) Config() ari.Config {
	return ari.Config{
		Name: "main", URL: "http://fake:8088", Username: Username, Password: ari.NewSecret(Password), Dial: p.Dial,
	}
}

// Dial connects to the fake, or refuses while it is down.
func (p *PBX) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
	p.mu.Lock()
	down := p.down
	p.mu.Unlock()
	if down {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	}
	return p.listener.dial(ctx)
}

// SetDown makes the fake refuse new connections, or take them again.
func (p *PBX) SetDown(down bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = down
}

// SetPassword changes what the fake accepts.
func (p *PBX) SetPassword(password string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.password = password
}

// SetClock puts the fake's clock ahead of ours.
func (p *PBX) SetClock(ahead time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.offset = ahead
}

// Answer sets what the fake says to a request such as "GET /channels" from now
// on. "GET /events" stands for the websocket: with an answer it is refused.
func (p *PBX) Answer(request string, a Answer) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.answers[request] = a
}

// Forget takes an answer away: the fake then says 404, or 204 to what is not a
// GET, and opens websockets again.
func (p *PBX) Forget(request string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.answers, request)
}

// Requests are all requests so far whose "METHOD /path" begins with prefix.
func (p *PBX) Requests(prefix string) []Request {
	p.mu.Lock()
	defer p.mu.Unlock()
	var list []Request
	for _, r := range p.requests {
		if strings.HasPrefix(r.Method+" "+r.Path, prefix) {
			list = append(list, r)
		}
	}
	return list
}

// ServeHTTP answers as told.
func (p *PBX) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	w.Header().Set("Server", "Asterisk/22.0.0-fake")
	path, isARI := strings.CutPrefix(r.URL.Path, "/ari")
	p.mu.Lock()
	p.requests = append(p.requests, Request{r.Method, path, r.URL.Query(), r.Header.Clone(), string(body)})
	answer, told := p.answers[r.Method+" "+path]
	password, now := p.password, time.Now().Add(p.offset)
	p.mu.Unlock()
	user, pass, _ := r.BasicAuth()
	switch {
	case !isARI:
		http.Error(w, "Not Found", http.StatusNotFound)
	case user != Username || pass != password:
		say(w, http.StatusUnauthorized, `{"message":"Authentication required"}`)
	case told:
		if answer.Wait != nil {
			select {
			case <-answer.Wait:
			case <-r.Context().Done():
				return
			}
		}
		say(w, answer.Status, answer.Body)
	case path == "/events":
		p.session(w, r)
	case path == "/asterisk/ping":
		say(w, http.StatusOK, `{"asterisk_id":"fake","ping":"pong","timestamp":"`+now.Format("2006-01-02T15:04:05.000-0700")+`"}`)
	case r.Method != http.MethodGet:
		w.WriteHeader(http.StatusNoContent)
	default:
		say(w, http.StatusNotFound, `{"message":"Resource not found"}`)
	}
}

func say(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// errClosed says that the fake was closed.
var errClosed = errors.New("aritest: the fake is closed")
