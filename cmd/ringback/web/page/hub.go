package page

import (
	"context"
	crand "crypto/rand"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"

	"ringback/leads"
)

// Hub knows who has a page open, and tells them that something has changed, or
// that they are wanted.
type Hub struct {
	epoch uint32 // tells the marks of one run of the daemon from another's

	mu      sync.Mutex
	count   int64 // of changes ever
	recent  []change
	changed chan struct{} // is closed at the next change; nil: nobody waits for it
	streams []*stream     // the oldest first
	offers  map[string]offer
}

// offer is an Alert that waits for a page to show it.
type offer struct {
	login string
	shown chan struct{} // holds one
}

// change is one of those that have been; 0 is no lead.
type change struct{ lead int64 }

// The bounds of a Hub. The pages of all are as many as there are people to have
// them: where somebody has too many, their own oldest one makes room.
const (
	recentChanges    = 1024 // who is further behind is told that something has changed
	streamsOfSession = 8
	streamsOfPerson  = 24
)

// NewHub makes a Hub.
func NewHub() *Hub { return &Hub{epoch: rand.Uint32(), offers: map[string]offer{}} }

// Alert is what an open page says aloud.
type Alert struct {
	ID    string `json:"id"` // the Hub's, by which a page says that it has shown it
	Title string `json:"title"`
	Body  string `json:"body"`
	Path  string `json:"path"` // where a click leads: a path of ours
	Tag   string `json:"tag"`  // one with the same tag takes the place of an earlier one
}

// seat is who has pages open: a person in one of their sessions. Who came by links
// of theirs may be another, and takes no room from them.
type seat struct {
	login   string
	session int64
	linked  bool
}

// stream is an open page.
type stream struct {
	seat
	alerts chan Alert // nil: the person has not switched them on there
	enough chan struct{}
	at     int64 // how many changes it knows of
}

// Tell says an alert aloud on the open pages of somebody that are to do so. It is
// true once one of them says that it can be seen or heard; false when there is none,
// or ctx ended before.
func (h *Hub) Tell(ctx context.Context, login string, a Alert) bool {
	a.ID = crand.Text()
	shown := make(chan struct{}, 1)
	if !h.offer(offer{login, shown}, a) {
		return false
	}
	defer h.withdraw(a.ID)
	select {
	case <-shown:
		return true
	case <-ctx.Done():
		return false
	}
}

// offer hands an alert to the pages that say it; false: there is none.
func (h *Hub) offer(o offer, a Alert) (some bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, s := range h.streams {
		if s.login != o.login || s.alerts == nil {
			continue
		}
		select {
		case s.alerts <- a:
			some = true
		default: // it does not read what it has
		}
	}
	if some {
		h.offers[a.ID] = o
	}
	return some
}

func (h *Hub) withdraw(id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.offers, id)
}

// Shown says that a page of somebody shows an alert, or has said it aloud.
func (h *Hub) Shown(login, id string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if o, ok := h.offers[id]; ok && o.login == login {
		select {
		case o.shown <- struct{}{}:
		default: // another page was sooner
		}
	}
}

// note hears of every entry of the timeline. It runs on the database's writer,
// and so only writes down what those who wait will look at.
func (h *Hub) note(note any) {
	e, _ := note.(leads.Entry) // nil: look again
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	if len(h.streams) == 0 {
		h.recent = h.recent[:0]
		return
	}
	if len(h.recent) == recentChanges {
		h.recent = slices.Delete(h.recent, 0, recentChanges/2)
	}
	h.recent = append(h.recent, change{e.Lead.Int64})
	if h.changed != nil {
		close(h.changed)
		h.changed = nil
	}
}

// mark tells states apart: a page that has the same has missed nothing.
func (h *Hub) mark() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.markOf(h.count)
}

func (h *Hub) markOf(count int64) string { return fmt.Sprintf("%08x.%d", h.epoch, count) }

// join adds a page. Where there are too many of a session, or of a person, the
// oldest is told that it is enough.
func (h *Hub) join(by seat, alerts bool) *stream {
	s := &stream{seat: by, enough: make(chan struct{})}
	if alerts {
		s.alerts = make(chan Alert, 4)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	s.at = h.count
	ofSession, ofPerson := 1, 1
	for i := len(h.streams) - 1; i >= 0; i-- {
		other := h.streams[i]
		if other.login != by.login || other.linked != by.linked {
			continue
		}
		if other.session == by.session {
			ofSession++
		}
		if ofPerson++; ofPerson > streamsOfPerson || other.session == by.session && ofSession > streamsOfSession {
			close(other.enough)
			h.streams = slices.Delete(h.streams, i, i+1)
		}
	}
	h.streams = append(h.streams, s)
	return s
}

func (h *Hub) leave(s *stream) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.Index(h.streams, s); i >= 0 {
		h.streams = slices.Delete(h.streams, i, i+1)
	}
}

// wait is closed when there is something that the page does not know of.
func (h *Hub) wait(s *stream) <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s.at < h.count {
		now := make(chan struct{})
		close(now)
		return now
	}
	if h.changed == nil {
		h.changed = make(chan struct{})
	}
	return h.changed
}

// news are the leads that have changed since the page was told last, each once;
// 0 among them: something that is about no lead has, too. Of a page that is too
// far behind some are lost: any lead may be among those.
func (h *Hub) news(s *stream) (changed []int64, lost bool, mark string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	behind := h.count - s.at
	s.at = h.count
	if lost = behind > int64(len(h.recent)); lost {
		behind = int64(len(h.recent))
	}
	for _, c := range h.recent[int64(len(h.recent))-behind:] {
		changed = append(changed, c.lead)
	}
	slices.Sort(changed)
	return slices.Compact(changed), lost, h.markOf(s.at)
}
