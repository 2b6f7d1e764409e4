package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/robotcall"
)

// Caller rings somebody's phone, and then a client.
type Caller interface {
	ClickIn(tx *db.Tx, by leads.Sight, how string, lead int64) (id int64, err error)
	Find(ctx context.Context, id int64) (robotcall.Click, error)
}

// call answers POST /api/v1/leads/{id}/call: the phone of the login rings, and
// then the client's.
func (s *API) call(w http.ResponseWriter, r *http.Request) {
	var by said
	lead, ok := apiID(w, r)
	if !ok || !readJSON(w, r, &by) {
		return
	}
	sight, known := leads.SightOf(s.cfg.Office.Directory, by.Login)
	if !known {
		wrongs(w, posted.Problems{{Field: "login", Text: "is not the login of a manager of the configuration"}})
		return
	}
	var id int64
	err := s.do(r, func() string { return fmt.Sprintf("/api/v1/clicks/%d", id) }, func(tx *db.Tx) (err error) {
		id, err = s.cfg.Caller.ClickIn(tx, sight, program(r), lead)
		return err
	})
	if errors.Is(err, robotcall.ErrNoNumber) {
		door.Problem(w, http.StatusConflict, "Nobody was rung: the lead has no number that could be dialed.")
		return
	}
	if often := new(robotcall.OftenError); errors.As(err, &often) {
		w.Header().Set("Retry-After", strconv.Itoa(max(int(often.Until.Sub(s.cfg.DB.Now()).Seconds()), 0)+1))
		door.Problem(w, http.StatusTooManyRequests, "Nobody was rung: "+often.Error()+".")
		return
	}
	if s.doneLead(w, r, err) {
		w.Header().Set("Location", fmt.Sprintf("/api/v1/clicks/%d", id))
		s.answerClick(w, r, http.StatusAccepted, id)
	}
}

// click answers GET /api/v1/clicks/{id}: how far a call has come that somebody
// has asked for.
func (s *API) click(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		s.answerClick(w, r, http.StatusOK, id)
	}
}

func (s *API) answerClick(w http.ResponseWriter, r *http.Request, code int, id int64) {
	c, err := s.cfg.Caller.Find(r.Context(), id)
	switch {
	case errors.Is(err, leads.ErrNotInSight):
		door.Problem(w, http.StatusNotFound, "There is none with this id.")
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		door.JSON(w, code, typeJSON, c)
	}
}
