package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/leads/view"
	"ringback/robotcall"
)

// appointments answers GET /api/v1/appointments.
func (s *API) appointments(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, nil, func(ctx context.Context, _ url.Values, p view.Page) (view.List[view.Appointment], error) {
		return s.view.Appointments(ctx, p)
	})
}

// reminders answers GET /api/v1/reminders.
func (s *API) reminders(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, nil, func(ctx context.Context, _ url.Values, p view.Page) (view.List[view.Reminder], error) {
		return s.view.Reminders(ctx, p)
	})
}

// appointment answers GET /api/v1/appointments/{id}.
func (s *API) appointment(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Appointment)
	}
}

// reminder answers GET /api/v1/reminders/{id}.
func (s *API) reminder(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Reminder)
	}
}

// book answers POST /api/v1/appointments: one in JSON, or a file of them.
func (s *API) book(w http.ResponseWriter, r *http.Request) {
	kind, ok := bodyType(w, r, typeJSON, typeCSV)
	if ok && kind == typeCSV {
		s.bookAll(w, r)
		return
	}
	var wanted appointments.Wanted
	if !ok || !readJSON(w, r, &wanted) {
		return
	}
	var id int64
	var made bool
	err := s.do(r, func() string { return fmt.Sprintf("/api/v1/appointments/%d", id) }, func(tx *db.Tx) error {
		a, isNew, err := s.cfg.Desk.For(author(r)).Create(tx, wanted)
		if err == nil {
			id, made = a.ID, isNew
		}
		return err
	})
	if !s.done(w, r, err) {
		return
	}
	answerOne(s, w, r, created(w, made, "/api/v1/appointments/%d", id), id, s.view.Appointment)
}

// bookAll books a file of appointments, or nothing of it.
func (s *API) bookAll(w http.ResponseWriter, r *http.Request) {
	text, ok := readBody(w, r, MaxCSV)
	if !ok {
		return
	}
	file := appointments.ReadCSV(text)
	made := 0
	err := s.do(r, at("/api/v1/appointments"), func(tx *db.Tx) (err error) {
		made, err = s.cfg.Desk.For(author(r)).Import(tx, file)
		return err
	})
	if s.done(w, r, err) {
		door.JSON(w, http.StatusOK, typeJSON, struct {
			Rows int `json:"rows"`
			Made int `json:"made"`
		}{len(file.Rows), made})
	}
}

// change answers PATCH /api/v1/appointments/{id}.
func (s *API) change(w http.ResponseWriter, r *http.Request) {
	id, ok := apiID(w, r)
	var changes appointments.Changes
	if !ok || !readJSON(w, r, &changes) {
		return
	}
	err := s.do(r, at("/api/v1/appointments/%d", id), func(tx *db.Tx) error {
		_, err := s.cfg.Desk.For(author(r)).Change(tx, id, changes)
		return err
	})
	if s.done(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Appointment)
	}
}

// cancel answers DELETE /api/v1/appointments/{id}.
func (s *API) cancel(w http.ResponseWriter, r *http.Request) {
	id, ok := apiID(w, r)
	if !ok {
		return
	}
	err := s.do(r, at("/api/v1/appointments/%d", id), func(tx *db.Tx) error {
		_, err := s.cfg.Desk.For(author(r)).Cancel(tx, id)
		return err
	})
	if s.done(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Appointment)
	}
}

// remind answers POST /api/v1/reminders: a single call.
func (s *API) remind(w http.ResponseWriter, r *http.Request) {
	var asked appointments.Asked
	if !readJSON(w, r, &asked) {
		return
	}
	var wrong posted.Problems
	for i, entry := range asked.Media {
		if err := robotcall.CheckMedia(entry, false); err != nil {
			wrong = append(wrong, posted.Problem{Field: fmt.Sprintf("media[%d]", i), Text: err.Error()})
		}
	}
	var id int64
	var made bool
	err := s.do(r, func() string { return fmt.Sprintf("/api/v1/reminders/%d", id) }, func(tx *db.Tx) (err error) {
		id, made, err = s.cfg.Desk.Ask(tx, asked)
		var others posted.Problems
		if len(wrong) > 0 && (err == nil || errors.As(err, &others)) {
			return append(wrong, others...)
		}
		return err
	})
	if s.done(w, r, err) {
		answerOne(s, w, r, created(w, made, "/api/v1/reminders/%d", id), id, s.view.Reminder)
	}
}

// created says whether something was made, or was there.
func created(w http.ResponseWriter, made bool, where string, id int64) int {
	if !made {
		return http.StatusOK
	}
	w.Header().Set("Location", fmt.Sprintf(where, id))
	return http.StatusCreated
}

// apiID reads the id in an address. Without one the request has been answered.
func apiID(w http.ResponseWriter, r *http.Request) (int64, bool) {
	id, ok := door.IDOf(r)
	if !ok {
		door.Problem(w, http.StatusNotFound, "There is none with this id.")
	}
	return id, ok
}

// answerOne answers with one thing as it stands now.
func answerOne[T any](s *API, w http.ResponseWriter, r *http.Request, code int, id int64, read func(context.Context, int64) (*T, error)) {
	found, err := read(r.Context(), id)
	moved := new(view.MovedError)
	switch {
	case errors.As(err, &moved):
		w.Header().Set("Location", fmt.Sprintf("/api/v1/contacts/%d", moved.Into))
		door.Problem(w, http.StatusMovedPermanently, "This contact was merged into another: see Location.")
	case errors.Is(err, view.ErrNotFound):
		door.Problem(w, http.StatusNotFound, "There is none with this id.")
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		door.JSON(w, code, typeJSON, found)
	}
}

// conflicts are what is refused because of how things stand.
var conflicts = []error{appointments.ErrVersion, appointments.ErrCancelled, appointments.ErrRef}

// done says whether what was asked for was done. Otherwise the request has been
// answered.
func (s *API) done(w http.ResponseWriter, r *http.Request, err error) bool {
	if err == nil {
		return true
	}
	var wrong posted.Problems
	if errors.As(err, &wrong) {
		wrongs(w, wrong)
		return false
	}
	if errors.Is(err, appointments.ErrNotFound) {
		door.Problem(w, http.StatusNotFound, "There is none with this id.")
		return false
	}
	for _, conflict := range conflicts {
		if errors.Is(err, conflict) {
			door.Problem(w, http.StatusConflict, "Nothing was changed: "+conflict.Error()+".")
			return false
		}
	}
	s.cfg.Door.Broken(w, r, err)
	return false
}
