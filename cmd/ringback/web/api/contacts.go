package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/contacts"
	"ringback/leads/db"
	"ringback/leads/people"
	"ringback/leads/posted"
	"ringback/leads/view"
)

// oneContact answers GET /api/v1/contacts/{id}; one that was merged leads to what
// it has become.
func (s *API) oneContact(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Contact)
	}
}

// program is how timelines call the program that asks, and how it does what it
// does for somebody: by the name of its token.
func program(r *http.Request) string {
	return leads.Program(cmp.Or(door.VisitorOf(r).Token, people.FileToken))
}

// author is who a program is, to timelines.
func author(r *http.Request) leads.Author {
	return leads.Author{Who: program(r), How: leads.ByAPI}
}

// putContact answers PUT /api/v1/contacts.
func (s *API) putContact(w http.ResponseWriter, r *http.Request) {
	var wanted contacts.Wanted
	if !readJSON(w, r, &wanted) {
		return
	}
	var id int64
	var did contacts.Did
	err := s.do(r, func() string { return fmt.Sprintf("/api/v1/contacts/%d", id) }, func(tx *db.Tx) (err error) {
		id, did, err = s.cards.Put(tx, wanted, author(r))
		return err
	})
	if s.doneContact(w, r, err) {
		answerOne(s, w, r, created(w, did == contacts.Made, "/api/v1/contacts/%d", id), id, s.view.Contact)
	}
}

// changeContact answers PATCH /api/v1/contacts/{id}.
func (s *API) changeContact(w http.ResponseWriter, r *http.Request) {
	var wanted contacts.Wanted
	id, ok := apiID(w, r)
	if !ok || !readJSON(w, r, &wanted) {
		return
	}
	err := s.do(r, at("/api/v1/contacts/%d", id), func(tx *db.Tx) error {
		_, err := s.cards.Change(tx, id, wanted, author(r))
		return err
	})
	if s.doneContact(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Contact)
	}
}

// mergeContact answers POST /api/v1/contacts/{id}/merge, with what the two have
// become.
func (s *API) mergeContact(w http.ResponseWriter, r *http.Request) {
	var said struct {
		Into int64 `json:"into"`
	}
	id, ok := apiID(w, r)
	if !ok || !readJSON(w, r, &said) {
		return
	}
	if said.Into < 1 {
		wrongs(w, posted.Problems{{Field: "into", Text: "is missing: the id of the contact that stays"}})
		return
	}
	by := author(r)
	err := s.do(r, at("/api/v1/contacts/%d", said.Into), func(tx *db.Tx) error {
		if err := leads.CheckContact(tx, said.Into); err != nil {
			return fmt.Errorf("into: %w", err)
		}
		return s.cfg.Book.Merge(tx, id, said.Into, leads.Entry{Who: by.Who, Channel: by.How})
	})
	if s.doneContact(w, r, err) {
		answerOne(s, w, r, http.StatusOK, said.Into, s.view.Contact)
	}
}

// remarkOnContact answers POST /api/v1/contacts/{id}/notes.
func (s *API) remarkOnContact(w http.ResponseWriter, r *http.Request) {
	var said remark
	id, ok := apiID(w, r)
	if !ok || !readJSON(w, r, &said) {
		return
	}
	sight, how, err := s.sight(r, said.Login)
	if !s.done(w, r, err) {
		return
	}
	_, hidden := s.view.ContactInSight(r.Context(), sight, id, "")
	if hidden != nil && !errors.Is(hidden, view.ErrNotFound) {
		s.cfg.Door.Broken(w, r, hidden)
		return
	}
	err = s.do(r, at("/api/v1/contacts/%d", id), func(tx *db.Tx) error {
		if err := leads.CheckContact(tx, id); err != nil {
			return err
		}
		if hidden != nil {
			return leads.ErrNoContact
		}
		return s.cfg.Book.Hand(sight, how).RemarkOn(tx, id, said.Text)
	})
	if s.doneContact(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Contact)
	}
}

// clash is the problem of what belongs to another contact.
type clash struct {
	refusal
	Problems posted.Problems `json:"problems"`
	Contact  int64           `json:"contact"` // whose it is
}

// doneContact says whether what was asked for was done. Otherwise the request has
// been answered.
func (s *API) doneContact(w http.ResponseWriter, r *http.Request, err error) bool {
	owned, named, moved := new(contacts.OwnedError), new(contacts.NamedError), new(leads.MovedError)
	switch {
	case errors.As(err, &owned):
		conflict(w, owned.Field, owned.Error(), owned.Contact)
	case errors.As(err, &named):
		conflict(w, "external_id", named.Error(), named.Contact)
	case errors.As(err, &moved):
		w.Header().Set("Location", fmt.Sprintf("/api/v1/contacts/%d", moved.Into))
		door.JSON(w, http.StatusGone, typeProblem, struct {
			refusal
			MergedInto int64 `json:"merged_into"`
		}{refused(http.StatusGone, "Nothing was changed: the contact is not there any more; "+moved.Error()+"."), moved.Into})
	case errors.Is(err, leads.ErrNoContact):
		door.Problem(w, http.StatusNotFound, "There is no contact with this id.")
	case errors.Is(err, leads.ErrSelf), errors.Is(err, leads.ErrTooMuch):
		door.Problem(w, http.StatusConflict, "Nothing was changed: "+cause(err).Error()+".")
	default:
		return s.done(w, r, err)
	}
	return false
}

// cause is the error that the others wrap.
func cause(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}

func conflict(w http.ResponseWriter, field, why string, contact int64) {
	door.JSON(w, http.StatusConflict, typeProblem, clash{refused(http.StatusConflict, "Nothing was changed: "+why+"."),
		posted.Problems{{Field: field, Text: why}}, contact})
}
