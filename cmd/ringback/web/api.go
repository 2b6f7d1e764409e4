package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ringback/leads/view"
)

func text(code int) string { return strconv.Itoa(code) }

// calls answers GET /api/v1/calls.
func (s *Server) calls(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, nil, func(ctx context.Context, _ url.Values, p view.Page) (view.List[view.Call], error) {
		return s.view.Calls(ctx, p)
	})
}

// leads answers GET /api/v1/leads; ?state= is open, closed or all, which it is
// without one.
func (s *Server) leads(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, []string{"state"}, func(ctx context.Context, q url.Values, p view.Page) (view.List[view.Lead], error) {
		state := view.All
		if q.Has("state") {
			state = view.State(q.Get("state"))
		}
		return s.view.Leads(ctx, state, p)
	})
}

// contacts answers GET /api/v1/contacts.
func (s *Server) contacts(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, nil, func(ctx context.Context, _ url.Values, p view.Page) (view.List[view.Contact], error) {
		return s.view.Contacts(ctx, p)
	})
}

// answerList answers one page of a list. Beside limit and cursor it takes only
// the named parameters: one that is misspelled would else be passed over, and
// the answer be wrong in silence.
func answerList[T any](s *Server, w http.ResponseWriter, r *http.Request, more []string,
	list func(context.Context, url.Values, view.Page) (view.List[T], error)) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		problem(w, http.StatusBadRequest, "The query cannot be read.")
		return
	}
	for name, values := range q {
		if name != "limit" && name != "cursor" && !slices.Contains(more, name) {
			problem(w, http.StatusBadRequest, "There is a parameter that this list does not have: it has limit, cursor"+also(more)+".")
			return
		}
		if len(values) > 1 {
			problem(w, http.StatusBadRequest, "The parameter "+name+" is there more than once.")
			return
		}
	}
	page := view.Page{Cursor: q.Get("cursor")}
	if q.Has("limit") {
		page.Limit, err = strconv.Atoi(q.Get("limit"))
		if err != nil || page.Limit == 0 {
			problem(w, http.StatusBadRequest, "limit: "+view.ErrLimit.Error()+".")
			return
		}
	}
	found, err := list(r.Context(), q, page)
	for _, wrong := range []error{view.ErrCursor, view.ErrLimit, view.ErrState} {
		if errors.Is(err, wrong) {
			problem(w, http.StatusBadRequest, wrong.Error()+".")
			return
		}
	}
	if err != nil {
		s.broken(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, "application/json", found)
}

func also(names []string) string {
	list := ""
	for _, name := range names {
		list += ", " + name
	}
	return list
}

func noSuchAPI(w http.ResponseWriter, _ *http.Request) {
	problem(w, http.StatusNotFound, "There is nothing here. There are /api/v1/calls, /leads, /contacts, /appointments, /reminders, /consents and /status.")
}

// problem refuses as RFC 9457 describes.
func problem(w http.ResponseWriter, code int, why string) {
	writeJSON(w, code, "application/problem+json", struct {
		Type   string `json:"type"`
		Title  string `json:"title"`
		Status int    `json:"status"`
		Detail string `json:"detail"`
	}{"about:blank", http.StatusText(code), code, why})
}

// writeJSON answers with v. Whoever no longer reads is nobody's fault.
func writeJSON(w http.ResponseWriter, code int, kind string, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs always marshal
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}

// broken answers an error of our own. One that comes from an asker who has gone
// is not worth a line.
func (s *Server) broken(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.cfg.Log.Error("a request could not be answered", "route", r.Pattern, "err", err)
	}
	s.fail(w, r)
}
