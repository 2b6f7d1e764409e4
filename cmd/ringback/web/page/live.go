package page

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/view"
)

const (
	// pace is how soon after the last a page is told of further changes.
	pace = 200 * time.Millisecond
	// beat is how often a page hears that the stream is alive; app.js waits for
	// twice as long and a little more.
	beat = 20 * time.Second
	// slow is how long a page may take to read what it is told, before it is given up.
	slow = 10 * time.Second
)

// live tells a page what changes, as server-sent events (HTML §9.2):
//
//	hello    the mark of what is known now: a page with another one asks again
//	changed  leads in sight have changed, or something around them
//	alert    what is to be said aloud; the page posts its id when it does so
//	enough   the session, or the person, has too many pages open: this one is told no more
//	beat     nothing, so that a connection that is dead is noticed
func (s *Site) live(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	stream := s.hub.join(seat{v.Login, v.Session, v.Only != 0}, r.URL.Query().Get("alerts") == "1" && v.Only == 0)
	defer s.hub.leave(stream)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // nginx
	t := &telling{w: w, control: http.NewResponseController(w), site: s, stream: stream, sight: v.Sight}
	if t.send("hello", s.hub.markOf(stream.at)) != nil {
		return
	}
	_ = t.follow(r.Context()) // whoever no longer reads asks anew, and whoever does sees the stream end
}

// shown hears from a page that it shows an alert, or has said it aloud.
func (s *Site) shown(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	s.hub.Shown(v.Login, r.PostForm.Get("alert"))
	w.WriteHeader(http.StatusNoContent)
}

// telling is a page that is being told.
type telling struct {
	w       http.ResponseWriter
	control *http.ResponseController
	site    *Site
	stream  *stream
	sight   leads.Sight
}

// follow tells until ctx ends, or nobody reads.
func (t *telling) follow(ctx context.Context) error {
	alive := time.NewTicker(beat)
	defer alive.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-t.stream.enough:
			return t.send("enough", "")
		case <-alive.C:
			if err := t.send("beat", ""); err != nil {
				return err
			}
		case a := <-t.stream.alerts:
			if err := t.alert(a); err != nil {
				return err
			}
		case <-t.site.hub.wait(t.stream):
			if err := t.changed(ctx); err != nil {
				return err
			}
			select {
			case <-ctx.Done():
			case <-time.After(pace):
			}
		}
	}
}

func (t *telling) alert(a Alert) error {
	body, err := json.Marshal(a)
	if err != nil {
		return err
	}
	return t.send("alert", string(body))
}

// changed tells the leads in sight that have changed. Of one that is out of sight,
// and perhaps was not a moment ago, only people of its pool hear, and not which.
// Where it is no longer known what has changed, everybody hears that something has.
func (t *telling) changed(ctx context.Context) error {
	var news struct {
		Mark  string  `json:"mark"`
		Leads []int64 `json:"leads"`
	}
	list, lost, mark := t.site.hub.news(t.stream)
	news.Mark, news.Leads = mark, []int64{}
	concerned := lost
	for _, lead := range list {
		if lead == 0 {
			concerned = concerned || t.sight.All
			continue
		}
		pool, manager, err := t.site.view.Whose(ctx, lead)
		switch {
		case errors.Is(err, view.ErrNotFound):
			continue // it was removed meanwhile
		case err != nil:
			return err
		case t.sight.Sees(lead, pool, manager):
			news.Leads = append(news.Leads, lead)
			concerned = true
		case t.sight.Only == 0 && (slices.Contains(t.sight.Pools, pool) || slices.Contains(t.sight.Supervises, pool)):
			concerned = true
		}
	}
	if !concerned {
		return nil
	}
	body, err := json.Marshal(news)
	if err != nil {
		return err
	}
	return t.send("changed", string(body))
}

// send writes one event; data is one line.
func (t *telling) send(event, data string) error {
	err := t.control.SetWriteDeadline(time.Now().Add(slow))
	if err == nil {
		_, err = fmt.Fprintf(t.w, "event: %s\ndata: %s\n\n", event, data)
	}
	if err == nil {
		err = t.control.Flush()
	}
	if err != nil {
		return fmt.Errorf("page: stream: %w", err)
	}
	return nil
}
