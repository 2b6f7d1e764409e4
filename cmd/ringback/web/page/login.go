package page

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/leads/text"
)

// loginRoutes are the ways in and out.
func (s *Site) loginRoutes() []door.Route {
	route := func(method, path string, access door.Access, answer http.HandlerFunc) door.Route {
		return door.Route{Method: method, Path: path, Access: access, Answer: answer}
	}
	return []door.Route{
		route(http.MethodGet, "/login", door.Anyone, s.loginForm),
		route(http.MethodPost, "/login", door.Anyone, s.logIn),
		route(http.MethodPost, "/logout", door.Linked, s.logOut),
		route(http.MethodGet, "/invite/{secret}", door.Anyone, s.inviteForm),
		route(http.MethodPost, "/invite/{secret}", door.Anyone, s.accept),
		route(http.MethodGet, people.LinkPath+"{link}", door.Anyone, s.openLink),
	}
}

// loginPage asks who somebody is.
type loginPage struct {
	head
	Login string
	Next  string
	Wrong string // what was wrong with the last try
	// Waiting is what was posted and waits for the login: the path, and the fields as
	// its query; empty: nothing.
	Waiting string
}

// local is where to go after the login: a path of ours, whatever else was asked
// for. A browser takes a backslash for a slash, and two of them begin a host.
func local(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(u.Path, "/login") || len(next) > mostNext {
		return "/"
	}
	return next
}

// mostNext bounds the address to which a login leads.
const mostNext = 2 << 10

func (s *Site) loginForm(w http.ResponseWriter, r *http.Request) {
	v, err := s.cfg.Door.Who(r)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	next := local(r.URL.Query().Get("next"))
	if v != nil && v.Only == 0 {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.showLogin(w, r, http.StatusOK, loginPage{Next: next})
}

func (s *Site) showLogin(w http.ResponseWriter, r *http.Request, code int, p loginPage) {
	t := s.teller(r)
	p.head = s.head(t, t.words.Say("account.login.title"))
	s.show(w, r, code, "login.html", p)
}

func (s *Site) logIn(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	p := loginPage{Login: strings.TrimSpace(r.PostForm.Get("login")), Next: local(r.PostForm.Get("next")), Waiting: r.PostForm.Get("waiting")}
	secret, err := s.cfg.People.LogIn(r.Context(), p.Login, r.PostForm.Get("password"), s.cfg.Door.From(r))
	if err == nil {
		s.cfg.Door.Welcome(w, p.Login, secret)
		s.enter(w, r, secret, &p)
		return
	}
	code, said := refusal(w, text.In(s.cfg.Door.Language(r)), err)
	if said == "" {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	if len(p.Login) > mostLogin {
		p.Login = "" // nobody has such a one
	}
	p.Wrong = said
	s.showLogin(w, r, code, p)
}

// enter leads somebody who has just logged in to where they wanted to be.
func (s *Site) enter(w http.ResponseWriter, r *http.Request, secret string, p *loginPage) {
	if p.Waiting == "" {
		http.Redirect(w, r, p.Next, http.StatusSeeOther)
		return
	}
	as, err := s.cfg.Door.As(r, secret)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.sendAgain(w, as, p)
}

// mostLogin is how long a login may be, in bytes.
const mostLogin = 64

// refusal says why somebody cannot come in; "": it is a fault of ours.
func refusal(w http.ResponseWriter, words *text.Words, err error) (code int, said string) {
	var wait *people.WaitError
	switch {
	case errors.As(err, &wait):
		seconds := int(math.Ceil(wait.For.Seconds()))
		w.Header().Set("Retry-After", fmt.Sprint(seconds))
		return http.StatusTooManyRequests, words.Say("account.wait", "n", seconds)
	case errors.Is(err, people.ErrWrong):
		return http.StatusUnauthorized, words.Say("account.wrong")
	case errors.Is(err, people.ErrLocked):
		return http.StatusForbidden, words.Say("account.locked")
	case errors.Is(err, people.ErrBusy):
		w.Header().Set("Retry-After", "5")
		return http.StatusServiceUnavailable, words.Say("account.busy")
	}
	return 0, ""
}

// logOut ends the session, and has the browser forget a link.
func (s *Site) logOut(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Session != 0 {
		if err := s.cfg.People.End(r.Context(), v.Login, v.Session); err != nil {
			s.cfg.Door.Broken(w, r, err)
			return
		}
	}
	s.cfg.Door.Farewell(w)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// invitePage lets a person set their password.
type invitePage struct {
	head
	Login string
	// ComeIn says that no password is set.
	ComeIn bool
	Least  int
	// Wrong is what is wrong with the password, WrongAgain with its repetition, Notice
	// with neither.
	Wrong, WrongAgain, Notice string
}

func (s *Site) inviteForm(w http.ResponseWriter, r *http.Request) {
	s.showInvite(w, r, http.StatusOK, invitePage{})
}

func (s *Site) showInvite(w http.ResponseWriter, r *http.Request, code int, p invitePage) {
	login, to, err := s.cfg.People.Invited(r.Context(), r.PathValue("secret"))
	if err != nil {
		s.noInvite(w, r, err)
		return
	}
	p.Login, p.ComeIn, p.Least = login, to == people.ToComeIn, people.LeastPassword
	t := s.teller(r)
	p.head = s.head(t, t.words.Say("account.invite.title", "who", t.person(login)))
	s.show(w, r, code, "invite.html", p)
}

// noInvite answers an invitation that is none, or not any more.
func (s *Site) noInvite(w http.ResponseWriter, r *http.Request, err error) {
	if !errors.Is(err, people.ErrNoInvite) {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.sorry(w, r, http.StatusGone, "account.invite.over_title", "account.invite.over", "/")
}

// sorryPage says that something is over, and leads to the login.
type sorryPage struct {
	head
	Reason string
	Next   string
}

func (s *Site) sorry(w http.ResponseWriter, r *http.Request, code int, title, reason, next string) {
	t := s.teller(r)
	s.show(w, r, code, "sorry.html", sorryPage{s.head(t, t.words.Say(title)), t.words.Say(reason), next})
}

func (s *Site) accept(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	words := text.In(s.cfg.Door.Language(r))
	password := r.PostForm.Get("password")
	if password != r.PostForm.Get("again") {
		s.showInvite(w, r, http.StatusUnprocessableEntity, invitePage{WrongAgain: words.Say("account.password.differ")})
		return
	}
	login, _, err := s.cfg.People.Invited(r.Context(), r.PathValue("secret"))
	if err != nil {
		s.noInvite(w, r, err)
		return
	}
	secret, err := s.cfg.People.Accept(r.Context(), r.PathValue("secret"), password, s.cfg.Door.From(r))
	if wrong := unfit(words, err); wrong != "" {
		s.showInvite(w, r, http.StatusUnprocessableEntity, invitePage{Wrong: wrong})
		return
	}
	if code, said := refusal(w, words, err); said != "" {
		s.showInvite(w, r, code, invitePage{Notice: said})
		return
	}
	if err != nil {
		s.noInvite(w, r, err)
		return
	}
	s.cfg.Door.Welcome(w, login, secret)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

// unfit says what is wrong with a new password; "": nothing.
func unfit(words *text.Words, err error) string {
	switch {
	case errors.Is(err, people.ErrShort):
		return words.Say("account.password.short", "least", people.LeastPassword)
	case errors.Is(err, people.ErrLong):
		return words.Say("account.password.long", "most", people.MostPassword)
	case errors.Is(err, people.ErrCommon):
		return words.Say("account.password.common")
	case errors.Is(err, people.ErrLogin):
		return words.Say("account.password.has_login")
	}
	return ""
}

// openLink leads from the link of an alert to its lead. Who is logged in sees it as
// themselves, and whoever else as the person to whom the alert went.
func (s *Site) openLink(w http.ResponseWriter, r *http.Request) {
	link := r.PathValue("link")
	opened, err := s.cfg.People.Open(r.Context(), link)
	card := "/"
	if opened != nil {
		card = fmt.Sprintf("/leads/%d", opened.Lead)
	}
	switch {
	case errors.Is(err, people.ErrForged):
		s.sorry(w, r, http.StatusForbidden, "account.link.title", "account.link.forged", card)
		return
	case err != nil && !errors.Is(err, people.ErrOver):
		s.cfg.Door.Broken(w, r, err)
		return
	}
	v, whoErr := s.cfg.Door.Who(r)
	switch {
	case whoErr != nil:
		s.cfg.Door.Broken(w, r, whoErr)
		return
	case v != nil && v.Only == 0:
	case err != nil:
		s.sorry(w, r, http.StatusGone, "account.link.title", "account.link.over", card)
		return
	default:
		s.cfg.Door.Remember(w, link, opened)
	}
	http.Redirect(w, r, card, http.StatusSeeOther)
}
