package api

import (
	"mime"
	"net/http"
	"strconv"
	"sync"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/answers"
)

// The bounds of what one token asks for: a program that runs wild must not take
// the machine from the calls.
const (
	// inHand is how many requests of a token are answered at once.
	inHand = 32
	// writes is how many changes a token may ask for in a second, and burst how
	// many at once after a time of rest.
	writes = 100
	burst  = 1000
	// maxTokens is how many tokens are remembered; who is at rest is forgotten.
	maxTokens = 1000
)

// pace keeps every token within its bounds.
type pace struct {
	mu sync.Mutex
	of map[string]*asker
}

// asker is what one token has asked for: left are the changes that it may still
// ask for, as of then.
type asker struct {
	now  int // requests in hand
	left float64
	then time.Time
}

// enter takes a place for a request; wait is how long there is none for it.
func (p *pace) enter(token string, changes bool, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	a := p.of[token]
	if a == nil {
		p.forget(now)
		a = &asker{left: burst, then: now}
		p.of[token] = a
	}
	a.left = min(burst, a.left+now.Sub(a.then).Seconds()*writes)
	a.then = now
	switch {
	case a.now >= inHand:
		return time.Second
	case changes && a.left < 1:
		return time.Second
	case changes:
		a.left--
	}
	a.now++
	return 0
}

func (p *pace) leave(token string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[token].now--
}

// forget makes room, of those that have been at rest for long enough.
func (p *pace) forget(now time.Time) {
	if p.of == nil {
		p.of = map[string]*asker{}
	}
	if len(p.of) < maxTokens {
		return
	}
	for token, a := range p.of {
		if a.now == 0 && now.Sub(a.then).Seconds()*writes >= burst {
			delete(p.of, token)
		}
	}
}

// tokenOf tells the token that a request came in with from others, and is not it.
func tokenOf(r *http.Request) string {
	secret, _ := door.Bearer(r)
	return answers.Digest(secret)
}

// paced answers a token that asks for too much with when to ask again.
func (s *API) paced(changes bool, next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := tokenOf(r)
		if wait := s.pace.enter(token, changes, time.Now()); wait > 0 {
			w.Header().Set("Retry-After", strconv.Itoa(int(wait.Seconds())))
			door.Problem(w, http.StatusTooManyRequests, "This token asks for too much at once: wait as long as Retry-After says.")
			return
		}
		defer s.pace.leave(token)
		next(w, r)
	}
}

// isFile says whether what is posted is one of the files that may be MaxCSV long.
func isFile(r *http.Request) bool {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	return err == nil && kind == typeCSV
}

// oneFile has files taken one after another: each is in memory as a whole.
func (s *API) oneFile(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if isFile(r) {
			if !s.file.TryLock() {
				w.Header().Set("Retry-After", "1")
				door.Problem(w, http.StatusTooManyRequests, "Another file is being taken at this moment: wait as long as Retry-After says.")
				return
			}
			defer s.file.Unlock()
		}
		next(w, r)
	}
}
