package page

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/robotcall"
)

// Caller rings the reader's phone, and then the client.
type Caller interface {
	Click(ctx context.Context, by leads.Sight, how string, lead int64) (id int64, err error)
	ClickContact(ctx context.Context, by leads.Sight, how string, contact int64, number string) (id int64, err error)
	Progress(ctx context.Context, login string, id int64) (robotcall.Click, error)
	Current(ctx context.Context, login string) (robotcall.Click, error)
	Asleep(number string) bool
	Hindrance(login, number string) robotcall.Hindrance
}

// progress is how far a call has come that the reader has asked for.
type progress struct {
	lead, contact int64
	Live          bool
	Good          bool
	Text          string
}

// callable says whether the reader's phone can be rung, and then the number or,
// where that is empty, any; not is why it cannot.
func (s *Site) callable(t *teller, number string) (can bool, not robotcall.Hindrance) {
	if s.cfg.Caller == nil || t.directory.Manager(t.login()) == nil {
		return false, ""
	}
	not = s.cfg.Caller.Hindrance(t.login(), number)
	return not == "", not
}

func (t *teller) hindered(by robotcall.Hindrance) string {
	if by == "" {
		return ""
	}
	return t.say("hindered." + string(by))
}

// progress is that of the reader's call that goes on, or else of the one that the
// address names; nil: there is none.
func (s *Site) progress(r *http.Request, t *teller) (*progress, error) {
	if t.login() == "" || s.cfg.Caller == nil {
		return nil, nil
	}
	c, err := s.cfg.Caller.Current(r.Context(), t.login())
	if id, asked := strconv.ParseInt(r.URL.Query().Get("call"), 10, 64); err == nil && c.ID == 0 && asked == nil {
		c, err = s.cfg.Caller.Progress(r.Context(), t.login(), id)
	}
	switch {
	case errors.Is(err, leads.ErrNotInSight):
		return nil, nil
	case err != nil || c.ID == 0:
		return nil, err
	}
	p := &progress{lead: c.Lead, contact: c.Contact, Live: c.State != robotcall.Over, Text: t.say("progress." + string(c.State))}
	if !p.Live {
		p.Good, p.Text = c.Why == robotcall.Talked, t.say("progress.ended."+string(c.Why))
		if by := s.cfg.Caller.Hindrance(t.login(), c.Number); unspecific[c.Why] && by != "" {
			p.Text = t.hindered(by)
		}
	}
	return p, nil
}

// unspecific are the ends of which a hindrance that lasts tells more.
var unspecific = map[robotcall.ClickEnd]bool{robotcall.Forbidden: true, robotcall.ClickFailed: true, robotcall.YouHaveNoPhone: true}

// call rings the reader's phone and then the client of a lead.
func (s *Site) call(w http.ResponseWriter, r *http.Request) {
	id, ok := door.IDOf(r)
	if !ok || s.cfg.Caller == nil {
		s.nothingHere(w, r)
		return
	}
	call, err := s.cfg.Caller.Click(r.Context(), sees(r), how(r), id)
	if err != nil {
		s.undone(w, r, id, err)
		return
	}
	toCall(w, r, call)
}

// callContact does the same for a number of a contact.
func (s *Site) callContact(w http.ResponseWriter, r *http.Request) {
	card, ok := s.contactInSight(w, r)
	if !ok {
		return
	}
	if s.cfg.Caller == nil {
		s.nothingHere(w, r)
		return
	}
	call, err := s.cfg.Caller.ClickContact(r.Context(), sees(r), leads.ByPage, card.ID, r.PostFormValue("number"))
	switch {
	case errors.Is(err, robotcall.ErrNoNumber):
		s.showContact(w, r, http.StatusUnprocessableEntity, card.ID, asked{Wrong: map[string]string{"number": "wrong.no_number"}})
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		toCall(w, r, call)
	}
}

// toCall leads back to where a call was asked for, and shows it there.
func toCall(w http.ResponseWriter, r *http.Request, call int64) {
	back, err := url.Parse(local(r.PostFormValue("back")))
	if err != nil {
		back = &url.URL{Path: "/"}
	}
	q := back.Query()
	q.Set("call", strconv.FormatInt(call, 10))
	back.RawQuery = q.Encode()
	http.Redirect(w, r, back.String(), http.StatusSeeOther)
}

// within runs what a person asks for in a transaction.
func (s *Site) within(r *http.Request, do func(tx *db.Tx, hand *leads.Hand) error) error {
	hand := s.cfg.Book.Hand(sees(r), how(r))
	return s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error { return do(tx, hand) })
}

// how the reader came here.
func how(r *http.Request) string {
	if door.VisitorOf(r).Only != 0 {
		return leads.ByLink
	}
	return leads.ByPage
}

// sees is what the reader sees.
func sees(r *http.Request) leads.Sight { return door.VisitorOf(r).Sight }
