package api

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
)

// oneLead answers GET /api/v1/leads/{id}.
func (s *API) oneLead(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Lead)
	}
}

// said is what somebody posts of a lead: who it is that says so. A program that
// names a manager acts for them, and may what they may.
type said struct {
	Login string `json:"login"`
}

// remark is a note that is posted.
type remark struct {
	said
	Text string `json:"text"`
}

// acknowledge answers POST /api/v1/leads/{id}/acknowledge: it stays whose it is.
func (s *API) acknowledge(w http.ResponseWriter, r *http.Request) {
	var by said
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, hand *leads.Hand, id int64) error {
		if err := hand.May(tx, id); err != nil {
			return err
		}
		return s.cfg.Book.Acknowledge(tx, id, by.Login, program(r))
	})
}

// take answers POST /api/v1/leads/{id}/take.
func (s *API) take(w http.ResponseWriter, r *http.Request) {
	var by said
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, hand *leads.Hand, id int64) error { return hand.Take(tx, id) })
}

// later answers POST /api/v1/leads/{id}/later.
func (s *API) later(w http.ResponseWriter, r *http.Request) {
	var by struct {
		said
		Until string `json:"until"`
	}
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, hand *leads.Hand, id int64) error {
		until, err := time.Parse(time.RFC3339, by.Until)
		if err != nil {
			return posted.Problems{{Field: "until", Text: "is not a time with its distance from UTC, as in 2026-11-23T14:30:00+03:00"}}
		}
		return hand.Later(tx, id, until)
	})
}

// settle answers POST /api/v1/leads/{id}/settle: as settled, where no other
// outcome is named.
func (s *API) settle(w http.ResponseWriter, r *http.Request) {
	var by struct {
		said
		Outcome leads.Outcome `json:"outcome"`
		Why     string        `json:"why"`
	}
	by.Outcome = leads.Settled
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, hand *leads.Hand, id int64) error { return hand.Settle(tx, id, by.Outcome, by.Why) })
}

// enoughTalk answers POST /api/v1/leads/{id}/enough: the talk that was is enough.
func (s *API) enoughTalk(w http.ResponseWriter, r *http.Request) {
	var by said
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, hand *leads.Hand, id int64) error { return hand.EnoughTalk(tx, id) })
}

// handOn answers POST /api/v1/leads/{id}/hand-on: the login is of whoever has
// the lead.
func (s *API) handOn(w http.ResponseWriter, r *http.Request) {
	var by said
	s.handle(w, r, &by, &by.Login, func(tx *db.Tx, _ *leads.Hand, id int64) error {
		lead, err := leads.Find(tx, id)
		if err == nil && lead != nil && lead.Closed.IsZero() && lead.Manager != by.Login {
			return errNotTheirs
		}
		if err != nil {
			return err
		}
		to, err := s.cfg.Book.HandOn(tx, id, by.Login, program(r))
		if err == nil && to == "" {
			err = leads.ErrNobodyElse
		}
		return err
	})
}

var errNotTheirs = errors.New("it is not this manager's")

// assign answers POST /api/v1/leads/{id}/assign: by the program itself, or by
// somebody who leads the pool.
func (s *API) assign(w http.ResponseWriter, r *http.Request) {
	var by struct {
		said
		To string `json:"to"`
	}
	s.handle(w, r, &by, nil, func(tx *db.Tx, _ *leads.Hand, id int64) error {
		hand, err := s.hand(r, by.Login)
		if err != nil {
			return err
		}
		return hand.Assign(tx, id, by.To)
	})
}

// remarkOn answers POST /api/v1/leads/{id}/notes.
func (s *API) remarkOn(w http.ResponseWriter, r *http.Request) {
	var by remark
	s.handle(w, r, &by, nil, func(tx *db.Tx, _ *leads.Hand, id int64) error {
		hand, err := s.hand(r, by.Login)
		if err != nil {
			return err
		}
		return hand.Remark(tx, id, by.Text)
	})
}

// openLead answers POST /api/v1/leads: somebody is to be called back whom no
// missed call tells of.
func (s *API) openLead(w http.ResponseWriter, r *http.Request) {
	var wanted struct {
		said
		Contact int64  `json:"contact"`
		Number  string `json:"number"`
		Line    string `json:"line"`
		Manager string `json:"manager"`
		Why     string `json:"why"`
	}
	if !readJSON(w, r, &wanted) {
		return
	}
	var id int64
	made := false
	err := s.do(r, func() string { return fmt.Sprintf("/api/v1/leads/%d", id) }, func(tx *db.Tx) error {
		hand, err := s.hand(r, wanted.Login)
		if err != nil {
			return err
		}
		whom, err := s.whom(tx, wanted.Contact, wanted.Number)
		if err != nil {
			return err
		}
		whom.Line, whom.Manager, whom.How = wanted.Line, wanted.Manager, wanted.Why
		l, joined, err := hand.Open(tx, whom, "")
		if err == nil {
			id, made = l.ID, !joined
		}
		return err
	})
	if s.doneContact(w, r, err) {
		answerOne(s, w, r, created(w, made, "/api/v1/leads/%d", id), id, s.view.Lead)
	}
}

// whom finds the contact that is meant; of a number that nobody has it makes one.
func (s *API) whom(tx *db.Tx, contact int64, text string) (leads.ByHand, error) {
	switch {
	case contact < 0 || contact != 0 && text != "" || contact == 0 && text == "":
		return leads.ByHand{}, posted.Problems{{Field: "contact", Text: "is missing: say by contact, or by number, who is to be called back"}}
	case contact != 0:
		return leads.ByHand{Contact: contact}, leads.CheckContact(tx, contact)
	}
	n := s.cfg.Plan.Read(text)
	if n.Kind != number.E164 {
		return leads.ByHand{}, posted.Problems{{Field: "number", Text: "is no valid telephone number: write it with its country code, as in +74951234567"}}
	}
	contact, err := leads.ContactOf(tx, n)
	return leads.ByHand{Contact: contact, Number: n.Value}, err
}

// sight is what a manager sees for whom the program acts, and how it does so; empty:
// the program itself, which sees everything. Its error is posted.Problems.
func (s *API) sight(r *http.Request, login string) (sight leads.Sight, how string, err error) {
	if login == "" {
		return leads.Sight{Login: program(r), All: true}, leads.ByAPI, nil
	}
	sight, known := leads.SightOf(s.cfg.Office.Directory, login)
	if !known {
		err = posted.Problems{{Field: "login", Text: "is not the login of a manager of the configuration"}}
	}
	return sight, program(r), err
}

// hand is the hand of a manager for whom the program acts, or the program's own.
// Its error is posted.Problems.
func (s *API) hand(r *http.Request, login string) (*leads.Hand, error) {
	sight, how, err := s.sight(r, login)
	return s.cfg.Book.Hand(sight, how), err
}

// handle reads what is posted into said, does it to a lead, and answers with
// that. Where login is given it must be there: it is whose deed it is.
func (s *API) handle(w http.ResponseWriter, r *http.Request, said any, login *string, do func(tx *db.Tx, hand *leads.Hand, id int64) error) {
	id, ok := apiID(w, r)
	if !ok || !readJSON(w, r, said) {
		return
	}
	var hand *leads.Hand
	if login != nil {
		var err error
		if *login == "" {
			wrongs(w, posted.Problems{{Field: "login", Text: "is missing: say who of the managers does it"}})
			return
		}
		if hand, err = s.hand(r, *login); !s.done(w, r, err) {
			return
		}
	}
	err := s.do(r, at("/api/v1/leads/%d", id), func(tx *db.Tx) error {
		known, err := leads.Find(tx, id)
		if err == nil && known == nil {
			return appointments.ErrNotFound
		}
		if err != nil {
			return err
		}
		return do(tx, hand, id)
	})
	if s.doneLead(w, r, err) {
		answerOne(s, w, r, http.StatusOK, id, s.view.Lead)
	}
}

// doneLead says whether what was asked for was done. Otherwise the request has
// been answered.
func (s *API) doneLead(w http.ResponseWriter, r *http.Request, err error) bool {
	if taken := new(leads.TakenError); errors.As(err, &taken) {
		door.JSON(w, http.StatusConflict, typeProblem, struct {
			refusal
			By string `json:"by"` // login of whose it is
		}{refused(http.StatusConflict, "Nothing was changed: "+taken.Error()+"."), taken.By})
		return false
	}
	if errors.Is(err, leads.ErrNotInSight) {
		door.Problem(w, http.StatusNotFound, "There is no lead with this id that they may see.")
		return false
	}
	for _, conflict := range []error{leads.ErrNotOpen, leads.ErrNobodyElse, leads.ErrNoTalk, errNotTheirs} {
		if errors.Is(err, conflict) {
			door.Problem(w, http.StatusConflict, "Nothing was changed: "+conflict.Error()+".")
			return false
		}
	}
	return s.done(w, r, err)
}
