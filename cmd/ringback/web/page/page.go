package page

import (
	"context"
	"embed"
	"errors"
	"net/http"

	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads/alert"
	"ringback/leads/view"
)

//go:embed pages static
var files embed.FS

// How much the front page shows.
const (
	shownLeads = 200
	shownCalls = 50
)

type frontPage struct {
	head
	Observe  bool
	PBXes    []pbxRow
	Problems []health.Problem
	Gaps     []gapRow
	Open     []leadRow
	Count    int // of all open leads
	More     int // those that are not shown
	Calls    []callRow
}

type leadPage struct {
	head
	Lead     leadRow
	Timeline []entryRow
}

type contactPage struct {
	head
	Who          who
	Numbers      []phone
	NeedsDetails bool
	Manager      string
	Open         []leadRow
	Calls        []callRow
	Timeline     []entryRow
}

// front shows what is open, what has just happened, and whether we can see.
func (s *Site) front(w http.ResponseWriter, r *http.Request) {
	open, err := s.view.LatestOpen(r.Context(), shownLeads)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	calls, err := s.view.Calls(r.Context(), door.VisitorOf(r).Sight, view.CallFilter{}, view.Page{Limit: shownCalls})
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	gaps, err := s.view.Gaps(r.Context(), askedGaps)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	count := len(open)
	if count == shownLeads {
		if count, err = s.view.CountOpen(r.Context()); err != nil {
			s.cfg.Door.Broken(w, r, err)
			return
		}
	}
	t := s.teller(r)
	page := frontPage{head: s.head(t, t.say("nav.callbacks")), Observe: s.cfg.Mode == string(alert.Observe), PBXes: t.pbxes(s.cfg.PBXes()), Problems: s.cfg.Health.Problems(r.Context()),
		Gaps: t.gaps(gaps), Open: t.leads(open), Count: count, More: max(count-len(open), 0), Calls: t.calls(calls.Items)}
	page.Refresh = 30
	s.show(w, r, http.StatusOK, "front.html", page)
}

// lead shows the card of one lead.
func (s *Site) lead(w http.ResponseWriter, r *http.Request) {
	card, ok := found(s, w, r, s.view.Lead)
	if !ok {
		return
	}
	t := s.teller(r)
	row := t.lead(&card.Lead)
	s.show(w, r, http.StatusOK, "lead.html", leadPage{s.head(t, t.title(row.Who)), row, t.timeline(card.Timeline)})
}

// contact shows the card of one contact.
func (s *Site) contact(w http.ResponseWriter, r *http.Request) {
	card, ok := found(s, w, r, s.view.Contact)
	if !ok {
		return
	}
	t := s.teller(r)
	page := contactPage{Who: t.contact(&card.Contact), NeedsDetails: card.NeedsDetails, Manager: t.person(card.Manager),
		Open: t.leads(card.Open), Calls: t.calls(card.Calls), Timeline: t.timeline(card.Timeline)}
	for _, n := range card.Numbers {
		page.Numbers = append(page.Numbers, newPhone(n))
	}
	page.head = s.head(t, t.title(page.Who))
	s.show(w, r, http.StatusOK, "contact.html", page)
}

// found reads the card that an address names. Without one the request has been
// answered, and ok is false.
func found[T any](s *Site, w http.ResponseWriter, r *http.Request, read func(context.Context, int64) (*T, error)) (card *T, ok bool) {
	id, ok := door.IDOf(r)
	if !ok {
		s.nothingHere(w, r)
		return nil, false
	}
	card, err := read(r.Context(), id)
	switch {
	case errors.Is(err, view.ErrNotFound):
		s.nothingHere(w, r)
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	}
	return card, err == nil
}
