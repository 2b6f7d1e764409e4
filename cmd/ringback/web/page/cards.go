package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/contacts"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/posted"
	"ringback/leads/view"
)

type leadPage struct {
	head
	asked
	Row      leadRow
	Calls    []callRow
	Timeline []entryRow
	// Linked says that the reader came by the link of an alert.
	Linked  bool
	Soonest string // that it can be put off to
	Joined  string // that it was open when the reader opened it by hand
	pager
}

// lead shows the card of one lead.
func (s *Site) lead(w http.ResponseWriter, r *http.Request) {
	id, ok := door.IDOf(r)
	if !ok {
		s.nothingHere(w, r)
		return
	}
	s.showLead(w, r, http.StatusOK, id, asked{})
}

func (s *Site) showLead(w http.ResponseWriter, r *http.Request, code int, id int64, a asked) {
	t := s.teller(r)
	t.path = address(id)
	card, err := s.view.Callback(r.Context(), t.visitor.Sight, id, r.URL.Query().Get("older"))
	switch {
	case errors.Is(err, view.ErrCursor):
		http.Redirect(w, r, address(id), http.StatusSeeOther)
		return
	case errors.Is(err, view.ErrNotFound) && a.Said != "": // it is another's by now
		s.showRefused(w, r, code, t.say("undone.title"), refusedPage{Said: a.Said, Fields: sentBy(r.PostForm)})
		return
	case errors.Is(err, view.ErrNotFound):
		s.unseen(w, r, id)
		return
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	mine, err := s.progress(r, t)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page := leadPage{asked: a, Row: s.callback(t, &card.Callback, mine), Calls: t.calls(card.Calls), Timeline: t.timeline(card.Timeline),
		Linked: t.visitor.Only != 0, Soonest: t.now.In(t.zone).Format(localTime), Joined: t.joined(r, &card.Callback), pager: historyPages(r, address(id), card.Older)}
	page.head = s.head(t, t.title(page.Row.Who))
	if page.Linked {
		page.Row.Who.Card = "" // which is not theirs to see
	}
	if mine != nil && mine.Live {
		page.Refresh = 2
	}
	s.show(w, r, code, "lead.html", page)
}

// unseen says of a lead that was, or could have been, the reader's whose it is by
// now; of any other not even that it is there.
func (s *Site) unseen(w http.ResponseWriter, r *http.Request, id int64) {
	err := s.within(r, func(tx *db.Tx, h *leads.Hand) error { return h.May(tx, id) })
	if err == nil { // it has come back this moment
		err = leads.ErrNotInSight
	}
	s.undone(w, r, id, err)
}

// contactRoutes are what people do about contacts.
func (s *Site) contactRoutes() []door.Route {
	post := func(path string, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodPost, Path: path, Access: door.Person, Answer: answer}
	}
	return []door.Route{
		{Method: http.MethodGet, Path: "/contacts/{id}", Access: door.Person, Answer: s.contact},
		post("/contacts/{id}", s.contactDeed(s.changeContact)),
		post("/contacts/{id}/note", s.contactDeed(remarkOn)),
		post("/contacts/{id}/lead", s.openForContact),
		post("/contacts/{id}/robots", s.contactDeed(robots)),
		post("/contacts/{id}/call", s.callContact),
	}
}

type contactPage struct {
	head
	asked
	ID           int64
	Who          who
	Contact      *view.Contact
	Numbers      []phoneRow
	NeedsDetails bool
	Manager      string
	choices
	Open     []leadRow
	Calls    []callRow
	Timeline []entryRow
	Progress *progress
	Refused  bool // of all numbers: no machine may call
	pager
}

// phoneRow is a number of a contact.
type phoneRow struct {
	phone
	E164    string
	Refused bool
	// Callable and Hindered are as of callbackRow.
	Callable bool
	Hindered string
}

// contact shows the card of one contact.
func (s *Site) contact(w http.ResponseWriter, r *http.Request) {
	id, ok := door.IDOf(r)
	if !ok {
		s.nothingHere(w, r)
		return
	}
	s.showContact(w, r, http.StatusOK, id, asked{})
}

func (s *Site) showContact(w http.ResponseWriter, r *http.Request, code int, id int64, a asked) {
	t := s.teller(r)
	card, err := s.view.ContactInSight(r.Context(), t.visitor.Sight, id, r.URL.Query().Get("older"))
	var moved *view.MovedError
	switch {
	case errors.Is(err, view.ErrCursor):
		http.Redirect(w, r, contactAddress(id), http.StatusSeeOther)
		return
	case errors.As(err, &moved):
		http.Redirect(w, r, contactAddress(moved.Into), http.StatusSeeOther)
		return
	case errors.Is(err, view.ErrNotFound):
		s.nothingHere(w, r)
		return
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	t.path = contactAddress(id)
	page := contactPage{asked: a, ID: id, Who: t.contact(&card.Contact), Contact: &card.Contact, NeedsDetails: card.NeedsDetails, Manager: t.person(card.Manager),
		Open: t.leads(card.Open), Calls: t.calls(card.Calls), Timeline: t.timeline(card.Timeline), choices: t.choices(a.Typed),
		pager: historyPages(r, contactAddress(id), card.Older)}
	page.head = s.head(t, t.title(page.Who))
	page.Contact.Note, page.Contact.Email = lines(page.Contact.Note), alert.Clean(page.Contact.Email)
	if page.Progress, err = s.progress(r, t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	if page.Progress != nil && page.Progress.contact != id {
		page.Progress = nil
	}
	if err := s.numbers(r.Context(), t, &page, card.Numbers); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.show(w, r, code, "contact.html", page)
}

// numbers are a contact's, with what they said of being called by machines.
func (s *Site) numbers(ctx context.Context, t *teller, page *contactPage, list []string) error {
	refused, err := s.view.Refused(ctx, list)
	if err != nil {
		return err
	}
	page.Refused = len(list) > 0
	for _, n := range list {
		row := phoneRow{phone: newPhone(n), E164: n, Refused: slices.Contains(refused, n)}
		if row.Dial != "" {
			can, not := s.callable(t, n)
			row.Callable, row.Hindered = can, t.hindered(not)
		}
		page.Numbers, page.Refused = append(page.Numbers, row), page.Refused && row.Refused
	}
	return nil
}

// contactInSight is the contact of an address, if the reader sees it. Otherwise
// the request has been answered, and ok is false.
func (s *Site) contactInSight(w http.ResponseWriter, r *http.Request) (card *view.ContactCard, ok bool) {
	id, ok := door.IDOf(r)
	if !ok {
		s.nothingHere(w, r)
		return nil, false
	}
	card, err := s.view.ContactInSight(r.Context(), sees(r), id, "")
	switch {
	case errors.Is(err, view.ErrNotFound):
		s.nothingHere(w, r)
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	}
	return card, err == nil && s.cfg.Door.Posted(w, r)
}

// contactDeed does something about the contact of an address, and leads back to
// its card.
func (s *Site) contactDeed(do func(tx *db.Tx, h *leads.Hand, card *view.ContactCard, r *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		card, ok := s.contactInSight(w, r)
		if !ok {
			return
		}
		s.doneContact(w, r, card.ID, s.within(r, func(tx *db.Tx, h *leads.Hand) error { return do(tx, h, card, r) }))
	}
}

// doneContact shows what came of something about a contact.
func (s *Site) doneContact(w http.ResponseWriter, r *http.Request, id int64, err error) {
	var wrong posted.Problems
	switch {
	case errors.As(err, &wrong):
		s.showContact(w, r, http.StatusUnprocessableEntity, id, asked{Wrong: wrongs(wrong), Typed: typed(r.PostForm)})
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		http.Redirect(w, r, contactAddress(id), http.StatusSeeOther)
	}
}

// changeContact fills in the card.
func (s *Site) changeContact(tx *db.Tx, _ *leads.Hand, card *view.ContactCard, r *http.Request) error {
	f := r.PostForm
	shared, email, note := f.Get("shared") == "1", strings.TrimSpace(f.Get("email")), strings.ReplaceAll(f.Get("note"), "\r\n", "\n")
	wanted := contacts.Wanted{Email: &email, Note: &note, Shared: &shared}
	if name := strings.TrimSpace(f.Get("name")); name != "" || card.Named {
		wanted.Name = &name
	}
	_, err := s.cards.Change(tx, card.ID, wanted, leads.Author{Who: sees(r).Login, How: leads.ByPage})
	return err
}

// robots enters whether machines may call the numbers of a contact.
func robots(tx *db.Tx, _ *leads.Hand, card *view.ContactCard, r *http.Request) error {
	stand, kind := dials.Refused, leads.EntryRefused
	if r.PostForm.Get("may") == "1" {
		stand, kind = dials.Agreed, leads.EntryAgreed
	}
	for _, n := range card.Numbers {
		if err := dials.Record(tx, dials.Word{Number: n, Kind: stand, At: tx.Now(), Who: sees(r).Login, How: leads.ByPage}); err != nil {
			return err
		}
	}
	if len(card.Numbers) == 0 {
		return nil
	}
	return leads.NoteConsent(tx, card.Numbers[0], kind, sees(r).Login, leads.ByPage)
}

func remarkOn(tx *db.Tx, h *leads.Hand, card *view.ContactCard, r *http.Request) error {
	return h.RemarkOn(tx, card.ID, r.PostForm.Get("text"))
}
