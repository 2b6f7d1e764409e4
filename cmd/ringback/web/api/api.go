package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/view"
)

// answerList answers one page of a list. Beside limit and cursor it takes only
// the named parameters: one that is misspelled would else be passed over, and
// the answer be wrong in silence.
func answerList[T any](s *API, w http.ResponseWriter, r *http.Request, more []string,
	list func(context.Context, url.Values, view.Page) (view.List[T], error)) {
	q, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		door.Problem(w, http.StatusBadRequest, "The query cannot be read.")
		return
	}
	for name, values := range q {
		if name != "limit" && name != "cursor" && !slices.Contains(more, name) {
			door.Problem(w, http.StatusBadRequest, "There is a parameter that this list does not have: it has limit, cursor"+also(more)+".")
			return
		}
		if len(values) > 1 {
			door.Problem(w, http.StatusBadRequest, "The parameter "+name+" is there more than once.")
			return
		}
	}
	page := view.Page{Cursor: q.Get("cursor")}
	if q.Has("limit") {
		page.Limit, err = strconv.Atoi(q.Get("limit"))
		if err != nil || page.Limit == 0 {
			door.Problem(w, http.StatusBadRequest, "limit: "+view.ErrLimit.Error()+".")
			return
		}
	}
	found, err := list(r.Context(), q, page)
	if bad := new(badParameter); errors.As(err, &bad) {
		door.Problem(w, http.StatusBadRequest, bad.Error())
		return
	}
	for _, wrong := range []error{view.ErrCursor, view.ErrLimit, view.ErrState, view.ErrVerdict} {
		if errors.Is(err, wrong) {
			door.Problem(w, http.StatusBadRequest, wrong.Error()+".")
			return
		}
	}
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	door.JSON(w, http.StatusOK, "application/json", found)
}

func also(names []string) string {
	list := ""
	for _, name := range names {
		list += ", " + name
	}
	return list
}
