package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/posted"
	"ringback/leads/view"
)

// events answers GET /api/v1/events: what happened, the oldest first, and with
// ?wait= what is about to.
func (s *API) events(w http.ResponseWriter, r *http.Request) {
	// While it waits nothing is read, and the reading's own deadline would end the
	// request.
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
	answerList(s, w, r, []string{"type", "lead", "since", "wait"}, func(ctx context.Context, q url.Values, p view.Page) (list view.List[*feed.Event], err error) {
		by := feed.Query{Cursor: p.Cursor, Limit: p.Limit}
		if by.Lead, err = idParameter(q, "lead"); err != nil {
			return list, err
		}
		if by.Since, err = timeParameter(q, "since"); err != nil {
			return list, err
		}
		if q.Has("type") {
			by.Types = []feed.Pattern{feed.Pattern(q.Get("type"))}
		}
		if q.Has("wait") {
			if by.Wait, err = time.ParseDuration(q.Get("wait")); err != nil {
				return list, &badParameter{"wait", "is not a time such as 20s"}
			}
		}
		list, err = s.cfg.Feed.List(ctx, by)
		switch {
		case errors.Is(err, feed.ErrType):
			err = &badParameter{"type", "is wrong: " + feed.ErrType.Error()}
		case errors.Is(err, feed.ErrWait):
			err = &badParameter{"wait", "is wrong: " + feed.ErrWait.Error()}
		}
		return list, err
	})
}

// hooks answers GET /api/v1/hooks: how each of them does.
func (s *API) hooks(w http.ResponseWriter, r *http.Request) {
	states, err := s.cfg.Feed.States(r.Context())
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	door.JSON(w, http.StatusOK, typeJSON, view.List[feed.State]{Items: states})
}

// replayed is the answer of a replay: how many events are posted again, or of a
// replay since a time how many entries are gone through.
type replayed struct {
	Replayed int `json:"replayed"`
}

// replay answers POST /api/v1/hooks/{name}/replay.
func (s *API) replay(w http.ResponseWriter, r *http.Request) {
	var asked struct {
		Since  *time.Time `json:"since"`
		Lead   *int64     `json:"lead"`
		Failed bool       `json:"failed"`
	}
	if !readJSON(w, r, &asked) {
		return
	}
	what := feed.Replay{Failed: asked.Failed}
	var wrong posted.Problems
	if asked.Since != nil {
		if what.Since = *asked.Since; what.Since.Year() < 1970 {
			wrong.Add("since", "is not a time since 1970")
		}
	}
	if asked.Lead != nil {
		if what.Lead = *asked.Lead; what.Lead < 1 {
			wrong.Add("lead", "is not an id")
		}
	}
	if len(wrong) > 0 {
		wrongs(w, wrong)
		return
	}
	n := 0
	err := s.do(r, at("/api/v1/hooks"), func(tx *db.Tx) (err error) {
		n, err = s.cfg.Feed.Replay(tx, r.PathValue("name"), what)
		return err
	})
	switch {
	case errors.Is(err, feed.ErrNoHook):
		door.Problem(w, http.StatusNotFound, "There is no hook of this name: the hooks of the configuration are listed at /api/v1/hooks.")
	case errors.Is(err, feed.ErrReplay):
		wrongs(w, posted.Problems{{Text: fmt.Sprint(feed.ErrReplay)}})
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		door.JSON(w, http.StatusAccepted, typeJSON, replayed{n})
	}
}
