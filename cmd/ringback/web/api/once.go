package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/answers"
	"ringback/leads/db"
)

// maxKey is how long an Idempotency-Key may be.
const maxKey = 255

// pledge is the promise to do what a request with an Idempotency-Key asks for
// once.
type pledge struct {
	answers.Request
	done bool // and written
}

type pledgeKey struct{}

// do carries out what a request asks for, in one transaction, and notes there that
// it was done; about is where it can be looked at, asked for after fn.
func (s *API) do(r *http.Request, about func() string, fn func(tx *db.Tx) error) error {
	p, _ := r.Context().Value(pledgeKey{}).(*pledge)
	if p == nil {
		return s.cfg.DB.Do(r.Context(), fn)
	}
	err := s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		return answers.Done(tx, p.Request, about())
	})
	p.done = err == nil
	return err
}

// at is a place that is known before.
func at(format string, args ...any) func() string {
	return func() string { return fmt.Sprintf(format, args...) }
}

// busy are the keys of requests that are in hand.
type busy struct {
	mu   sync.Mutex
	keys map[string]bool
}

func (b *busy) take(key string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.keys[key] {
		return false
	}
	if b.keys == nil {
		b.keys = map[string]bool{}
	}
	b.keys[key] = true
	return true
}

func (b *busy) leave(key string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.keys, key)
}

// once has a request that carries an Idempotency-Key done once
// (draft-ietf-httpapi-idempotency-key-header). Who refuses does nothing: asked
// again, it looks anew.
func (s *API) once(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		values := r.Header.Values("Idempotency-Key")
		if len(values) == 0 {
			next(w, r)
			return
		}
		key, ok := plainKey(values)
		if !ok {
			door.Problem(w, http.StatusBadRequest, fmt.Sprintf("The Idempotency-Key is not one text of 1 to %d visible ASCII characters.", maxKey))
			return
		}
		most := int64(MaxJSON)
		if isFile(r) {
			most = MaxCSV
		}
		body, err := io.ReadAll(io.LimitReader(r.Body, most+1))
		if err != nil {
			door.Problem(w, http.StatusBadRequest, "The body did not arrive as a whole.")
			return
		}
		r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
		p := &pledge{Request: answers.Request{Key: answers.Digest(tokenOf(r), key),
			Asked: answers.Digest(r.Method, r.URL.RequestURI(), r.Header.Get("Content-Type"), string(body))}}
		s.keep(w, r, p, next)
	}
}

// keep answers as before, or has the request done and keeps the answer.
func (s *API) keep(w http.ResponseWriter, r *http.Request, p *pledge, next http.HandlerFunc) {
	if !s.busy.take(p.Key) {
		w.Header().Set("Retry-After", "1")
		door.Problem(w, http.StatusConflict, "A request with this Idempotency-Key is in hand: ask again when it has been answered.")
		return
	}
	defer s.busy.leave(p.Key)
	known, err := answers.Find(r.Context(), s.cfg.DB.Reader(), p.Request)
	switch {
	case errors.Is(err, answers.ErrOther):
		door.Problem(w, http.StatusUnprocessableEntity, "Nothing was done: this Idempotency-Key was used for another request. Take a new key for each.")
		return
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	case known != nil:
		again(w, known)
		return
	}
	rec := &recorder{header: w.Header(), code: http.StatusOK}
	next(rec, r.WithContext(context.WithValue(r.Context(), pledgeKey{}, p)))
	if p.done {
		answer := answers.Answer{Code: rec.code, Kind: w.Header().Get("Content-Type"), Location: w.Header().Get("Location"), Body: rec.body.Bytes()}
		err := s.cfg.DB.Do(context.WithoutCancel(r.Context()), func(tx *db.Tx) error { return answers.Write(tx, p.Request, answer) })
		if err != nil {
			s.cfg.Door.Broken(w, r, err) // it was done: asked again, it says where to look
			return
		}
	}
	w.WriteHeader(rec.code)
	_, _ = w.Write(rec.body.Bytes())
}

// again gives an answer that was given before.
func again(w http.ResponseWriter, a *answers.Answer) {
	w.Header().Set("Idempotent-Replayed", "true")
	if a.Code == 0 {
		w.Header().Set("Location", a.About)
		door.Problem(w, http.StatusSeeOther, "This was done, and its answer is not kept: see Location for how it stands now.")
		return
	}
	w.Header().Set("Content-Type", a.Kind)
	if a.Location != "" {
		w.Header().Set("Location", a.Location)
	}
	w.WriteHeader(a.Code)
	_, _ = w.Write(a.Body)
}

// recorder keeps an answer until it is known to be kept.
type recorder struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(code int)        { r.code = code }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }

// plainKey takes the quotes off a key (RFC 9651 strings have them, and many
// programs do not write them).
func plainKey(values []string) (string, bool) {
	if len(values) != 1 {
		return "", false
	}
	key := strings.TrimSpace(values[0])
	if inner, ok := strings.CutPrefix(key, `"`); ok {
		key = strings.TrimSuffix(inner, `"`)
	}
	if key == "" || len(key) > maxKey || strings.ContainsFunc(key, func(c rune) bool { return c < ' ' || c > '~' }) {
		return "", false
	}
	return key, true
}
