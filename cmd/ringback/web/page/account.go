package page

import (
	"errors"
	"net/http"
	"strconv"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/leads/text"
)

// accountRoutes are what a person does with their own account.
func (s *Site) accountRoutes() []door.Route {
	post := func(path string, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodPost, Path: path, Access: door.Person, Answer: answer}
	}
	return []door.Route{
		{Method: http.MethodGet, Path: "/account", Access: door.Person, Answer: s.account},
		post("/account/password", s.changePassword),
		post("/account/language", s.chooseLanguage),
		post("/account/sessions/{id}/end", s.endSession),
		post("/account/sessions/end", s.endOthers),
	}
}

// accountPage shows a person their account.
type accountPage struct {
	head
	Login     string
	Languages []text.Language
	Language  text.Language
	Sessions  []sessionRow
	Others    bool
	Least     int
	// Done is what was just done; the Wrong… what is wrong with a field.
	Done                           string
	WrongOld, WrongNew, WrongAgain string
}

// sessionRow is one place where a person is logged in.
type sessionRow struct {
	ID      int64
	Device  string // as its browser names itself: hostile text
	Address string
	Seen    moment
	This    bool
}

// done are what is said after a deed, by the name in ?done=.
var done = map[string]string{"password": "account.password.changed", "language": "account.saved", "session": "account.sessions.ended_one", "sessions": "account.sessions.ended"}

func (s *Site) account(w http.ResponseWriter, r *http.Request) {
	s.showAccount(w, r, http.StatusOK, accountPage{})
}

func (s *Site) showAccount(w http.ResponseWriter, r *http.Request, code int, p accountPage) {
	v := door.VisitorOf(r)
	if v.Login == "" { // a program has none
		s.nothingHere(w, r)
		return
	}
	sessions, err := s.cfg.People.Sessions(r.Context(), v.Login)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	t := s.teller(r)
	p.head = s.head(t, t.words.Say("account.title"))
	p.Login, p.Language, p.Languages, p.Least = v.Login, v.Language, text.Languages, people.LeastPassword
	for i := range sessions {
		one := &sessions[i]
		row := sessionRow{one.ID, one.Device, one.Address, t.moment(one.Seen), one.ID == v.Session}
		if row.Device == "" {
			row.Device = t.words.Say("account.device.unknown")
		}
		p.Others = p.Others || !row.This
		p.Sessions = append(p.Sessions, row)
	}
	if id := done[r.URL.Query().Get("done")]; id != "" && code == http.StatusOK {
		p.Done = t.words.Say(id)
	}
	s.show(w, r, code, "account.html", p)
}

func (s *Site) changePassword(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	words := text.In(v.Language)
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		s.showAccount(w, r, http.StatusUnprocessableEntity, accountPage{WrongAgain: words.Say("account.password.differ")})
		return
	}
	err := s.cfg.People.ChangePassword(r.Context(), v.Login, r.PostForm.Get("old"), password, v.Session, s.cfg.Door.From(r))
	if wrong := unfit(words, err); wrong != "" {
		s.showAccount(w, r, http.StatusUnprocessableEntity, accountPage{WrongNew: wrong})
		return
	}
	if errors.Is(err, people.ErrWrong) {
		s.showAccount(w, r, http.StatusUnprocessableEntity, accountPage{WrongOld: words.Say("account.password.wrong")})
		return
	}
	if code, said := refusal(w, words, err); said != "" {
		s.showAccount(w, r, code, accountPage{WrongOld: said})
		return
	}
	s.accountDone(w, r, "password", err)
}

func (s *Site) chooseLanguage(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	chosen := text.Language(r.PostForm.Get("language"))
	if !chosen.Known() {
		s.showAccount(w, r, http.StatusUnprocessableEntity, accountPage{})
		return
	}
	s.accountDone(w, r, "language", s.cfg.People.SetLanguage(r.Context(), door.VisitorOf(r).Login, chosen))
}

func (s *Site) endSession(w http.ResponseWriter, r *http.Request) {
	id, err := strconv.ParseInt(r.PathValue("id"), 10, 64)
	if err != nil {
		s.nothingHere(w, r)
		return
	}
	s.accountDone(w, r, "session", s.cfg.People.End(r.Context(), door.VisitorOf(r).Login, id))
}

func (s *Site) endOthers(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	s.accountDone(w, r, "sessions", s.cfg.People.EndOthers(r.Context(), v.Login, v.Session))
}

// accountDone goes back to the account, and says there what was done.
func (s *Site) accountDone(w http.ResponseWriter, r *http.Request, what string, err error) {
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	http.Redirect(w, r, "/account?done="+what, http.StatusSeeOther)
}
