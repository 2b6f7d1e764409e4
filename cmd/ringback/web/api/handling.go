package api

import (
	"errors"
	"net/http"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/posted"
)

// said is what somebody posts of a lead: who it is that says so.
type said struct {
	Login string `json:"login"`
}

// oneLead answers GET /api/v1/leads/{id}.
func (s *API) oneLead(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Lead)
	}
}

// acknowledge answers POST /api/v1/leads/{id}/acknowledge.
func (s *API) acknowledge(w http.ResponseWriter, r *http.Request) {
	s.handle(w, r, func(tx *db.Tx, id int64, login string) error {
		return s.cfg.Book.Acknowledge(tx, id, login, leads.ByAPI)
	})
}

// settle answers POST /api/v1/leads/{id}/settle.
func (s *API) settle(w http.ResponseWriter, r *http.Request) {
	s.handle(w, r, func(tx *db.Tx, id int64, login string) error { return s.cfg.Book.Settle(tx, id, login, leads.ByAPI) })
}

// handOn answers POST /api/v1/leads/{id}/hand-on: the login is of whoever has
// the lead.
func (s *API) handOn(w http.ResponseWriter, r *http.Request) {
	s.handle(w, r, func(tx *db.Tx, id int64, login string) error {
		lead, err := leads.Find(tx, id)
		if err == nil && lead != nil && lead.Closed.IsZero() && lead.Manager != login {
			return errNotTheirs
		}
		if err != nil {
			return err
		}
		to, err := s.cfg.Book.HandOn(tx, id, login, leads.ByAPI)
		if err == nil && to == "" {
			err = errNobodyElse
		}
		return err
	})
}

var (
	errNotTheirs  = errors.New("it is not this manager's")
	errNobodyElse = errors.New("nobody else of its pool is on duty")
)

// handle does something about a lead, and answers with it.
func (s *API) handle(w http.ResponseWriter, r *http.Request, do func(tx *db.Tx, id int64, login string) error) {
	id, ok := apiID(w, r)
	var by said
	if !ok || !readJSON(w, r, &by) {
		return
	}
	if by.Login == "" {
		wrongs(w, posted.Problems{{Field: "login", Text: "is missing: say who of the managers does it"}})
		return
	}
	if s.cfg.Office.Directory.Manager(by.Login) == nil {
		wrongs(w, posted.Problems{{Field: "login", Text: "is not the login of a manager of the configuration"}})
		return
	}
	err := s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		known, err := leads.Find(tx, id)
		if err == nil && known == nil {
			return appointments.ErrNotFound
		}
		if err != nil {
			return err
		}
		return do(tx, id, by.Login)
	})
	for _, conflict := range []error{leads.ErrNotOpen, errNotTheirs, errNobodyElse} {
		if errors.Is(err, conflict) {
			door.Problem(w, http.StatusConflict, "Nothing was changed: "+conflict.Error()+".")
			return
		}
	}
	if s.done(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Lead)
	}
}

// oneContact answers GET /api/v1/contacts/{id}.
func (s *API) oneContact(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Contact)
	}
}

// changeContact answers PATCH /api/v1/contacts/{id}.
func (s *API) changeContact(w http.ResponseWriter, r *http.Request) {
	var changes struct {
		Name   *string `json:"name"`
		Shared *bool   `json:"shared"`
	}
	id, ok := apiID(w, r)
	if !ok || !readJSON(w, r, &changes) {
		return
	}
	if changes.Name != nil {
		why := appointments.Unfit(*changes.Name)
		if *changes.Name == "" {
			why = "is empty"
		}
		if why != "" {
			wrongs(w, posted.Problems{{Field: "name", Text: why}})
			return
		}
	}
	err := s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		known, err := leads.ChangeContact(tx, id, changes.Name, changes.Shared)
		if err == nil && !known {
			err = appointments.ErrNotFound
		}
		return err
	})
	if s.done(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Contact)
	}
}
