package page

import (
	"errors"
	"net/http"
	"net/url"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/robotcall"
)

// deedRoutes are what people do about leads. Who came by a link does it to that
// one lead.
func (s *Site) deedRoutes() []door.Route {
	post := func(path string, access door.Access, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodPost, Path: path, Access: access, Answer: answer}
	}
	return []door.Route{
		post("/leads/{id}/take", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, _ url.Values) error { return h.Take(tx, id) })),
		post("/leads/{id}/later", door.Linked, s.later),
		post("/leads/{id}/hand-on", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, _ url.Values) error {
			_, err := h.HandOn(tx, id)
			return err
		})),
		post("/leads/{id}/assign", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, f url.Values) error { return h.Assign(tx, id, f.Get("to")) })),
		post("/leads/{id}/settle", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, f url.Values) error {
			return h.Settle(tx, id, leads.Settled, f.Get("why"))
		})),
		post("/leads/{id}/not-needed", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, f url.Values) error {
			return h.Settle(tx, id, leads.NotNeeded, f.Get("why"))
		})),
		post("/leads/{id}/enough", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, _ url.Values) error { return h.EnoughTalk(tx, id) })),
		post("/leads/{id}/note", door.Linked, s.deed(func(tx *db.Tx, h *leads.Hand, id int64, f url.Values) error { return h.Remark(tx, id, f.Get("text")) })),
		post("/leads/{id}/call", door.Linked, s.call),
		{Method: http.MethodGet, Path: "/leads/new", Access: door.Person, Answer: s.newLead},
		post("/leads/new", door.Person, s.openLead),
	}
}

// deed does something about the lead of an address, and leads back to where it
// was asked for.
func (s *Site) deed(do func(tx *db.Tx, h *leads.Hand, lead int64, form url.Values) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		id, ok := door.IDOf(r)
		if !ok {
			s.nothingHere(w, r)
			return
		}
		if !s.cfg.Door.Posted(w, r) {
			return
		}
		if err := s.within(r, func(tx *db.Tx, h *leads.Hand) error { return do(tx, h, id, r.PostForm) }); err != nil {
			s.undone(w, r, id, err)
			return
		}
		http.Redirect(w, r, local(r.PostForm.Get("back")), http.StatusSeeOther)
	}
}

// asked is what a form asked for that was not done: what is wrong with its
// fields, by their names, and what had been typed.
type asked struct {
	Said  string // what is wrong with all of it
	Wrong map[string]string
	Typed map[string]string
}

// mostTyped bounds what is given back of what was typed.
const mostTyped = 2 * leads.MaxRemark

// typed is what was typed into a form, fit to be shown again.
func typed(form url.Values) map[string]string {
	fields := map[string]string{}
	for name := range form {
		if text := form.Get(name); name != door.FormField && name != "back" && len(text) <= mostTyped*4 {
			fields[name] = lines(text)
		}
	}
	return fields
}

// undone says why something about a lead was not done: on its card, beside the
// field that is wrong, with all that was typed.
func (s *Site) undone(w http.ResponseWriter, r *http.Request, lead int64, err error) {
	t := s.teller(r)
	a := asked{Typed: typed(r.PostForm)}
	code := http.StatusConflict
	var taken *leads.TakenError
	var wrong posted.Problems
	switch {
	case errors.Is(err, leads.ErrNotInSight):
		s.nothingHere(w, r)
		return
	case errors.As(err, &taken):
		a.Said = t.say("undone.taken", "who", t.person(taken.By))
	case errors.Is(err, leads.ErrNotOpen):
		a.Said = t.say("undone.closed")
	case errors.Is(err, leads.ErrNobodyElse):
		a.Said = t.say("undone.nobody_else")
	case errors.Is(err, leads.ErrNoTalk):
		a.Said = t.say("undone.no_talk")
	case errors.Is(err, robotcall.ErrNoNumber):
		a.Said = t.say("wrong.no_number")
	case errors.As(err, &wrong):
		code, a.Wrong = http.StatusUnprocessableEntity, wrongs(wrong)
	default:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.showLead(w, r, code, lead, a)
}

// wrongs are the fields that are wrong, with what the catalog says of them.
func wrongs(list posted.Problems) map[string]string {
	wrong := map[string]string{}
	for _, p := range list {
		wrong[p.Field] = "wrong." + p.Field
	}
	return wrong
}

// later puts a lead off for as long as was chosen.
func (s *Site) later(w http.ResponseWriter, r *http.Request) {
	s.deed(func(tx *db.Tx, h *leads.Hand, id int64, form url.Values) error {
		until, err := s.until(tx, r, id, form)
		if err != nil {
			return err
		}
		return h.Later(tx, id, until)
	})(w, r)
}

// localTime is how browsers write what is chosen as datetime-local (HTML §2.3.5.5).
const localTime = "2006-01-02T15:04"

// until is the time that a form chooses.
func (s *Site) until(tx *db.Tx, r *http.Request, lead int64, form url.Values) (time.Time, error) {
	t := s.teller(r)
	switch form.Get("for") {
	case "30m":
		return tx.Now().Add(30 * time.Minute), nil
	case "2h":
		return tx.Now().Add(2 * time.Hour), nil
	case "tomorrow":
		l, err := leads.Find(tx, lead)
		if err != nil {
			return time.Time{}, err
		}
		if l != nil && t.directory.Pool(l.Pool) != nil {
			return tomorrow(&t.directory.Pool(l.Pool).Hours, tx.Now().In(t.zone)), nil
		}
	}
	until, err := time.ParseInLocation(localTime, form.Get("until"), t.zone)
	if err != nil {
		return time.Time{}, posted.Problems{{Field: "until", Text: "is no time"}}
	}
	return until, nil
}
