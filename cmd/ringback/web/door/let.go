package door

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"ringback/leads"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/routing"
)

// let answers the route to whom its Access lets in.
func (d *Door) let(w http.ResponseWriter, r *http.Request, route *Route) {
	switch route.Access {
	case Anyone:
		d.anyone(w, r, route)
	case Machine:
		d.machine(w, r, route)
	case Program:
		d.program(w, r, route)
	case Person, Linked, Leader, Admin:
		d.person(w, r, route)
	default:
		d.refuse(w, r, http.StatusForbidden, "refused.nobody")
	}
}

// changes says whether a request is to change something.
func changes(r *http.Request) bool { return r.Method != http.MethodGet && r.Method != http.MethodHead }

// anyone lets everybody through, except that another site's page changes
// nothing in their name.
func (d *Door) anyone(w http.ResponseWriter, r *http.Request, route *Route) {
	if changes(r) && (!d.ours(w, r) || !d.sameSite(w, r)) {
		return
	}
	d.enter(w, r, route, nil)
}

// program is how a program sees.
func program(token *people.Token) *Visitor {
	v := &Visitor{Sight: leads.Everything, Language: text.English}
	if token != nil {
		v.Token = token.Name
	}
	return v
}

// machine lets through who presents a token and, while the pages have no public
// address, who sits at this machine.
func (d *Door) machine(w http.ResponseWriter, r *http.Request, route *Route) {
	if d.guard.lets(r) {
		d.enter(w, r, route, program(nil))
		return
	}
	if secret, presented := Bearer(r); presented {
		d.byToken(w, r, route, secret)
		return
	}
	if !d.ours(w, r) {
		return
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="ringback", charset="UTF-8"`)
	d.refuse(w, r, http.StatusUnauthorized, "refused.token")
}

// program lets through who presents a token as a program does.
func (d *Door) program(w http.ResponseWriter, r *http.Request, route *Route) {
	secret, presented := Bearer(r)
	switch {
	case presented && d.guard.has(secret):
		d.enter(w, r, route, program(nil))
	case presented:
		d.byToken(w, r, route, secret)
	default:
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback"`)
		d.refuse(w, r, http.StatusUnauthorized, "refused.bearer")
	}
}

// byToken lets through whose token of the Register allows the route.
func (d *Door) byToken(w http.ResponseWriter, r *http.Request, route *Route, secret string) {
	token, err := d.cfg.People.Token(r.Context(), secret)
	switch {
	case errors.Is(err, people.ErrNoToken):
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback", error="invalid_token"`)
		d.refuse(w, r, http.StatusUnauthorized, "refused.no_token")
	case err != nil:
		d.Broken(w, r, err)
	case !token.Allows(route.Scope):
		w.Header().Set("WWW-Authenticate", `Bearer realm="ringback", error="insufficient_scope", scope="`+route.Scope+`"`)
		d.refuse(w, r, http.StatusForbidden, "refused.scope", "scope", route.Scope)
	default:
		d.enter(w, r, route, program(token))
	}
}

// person lets through who is logged in, or came by a link where that is enough;
// and programs with a token of token_file, which may look.
func (d *Door) person(w http.ResponseWriter, r *http.Request, route *Route) {
	if r.Header.Get("Authorization") != "" {
		d.onlooker(w, r, route)
		return
	}
	if !d.ours(w, r) {
		return
	}
	v, err := d.Who(r)
	switch {
	case err != nil:
		d.Broken(w, r, err)
	case v == nil, v.Only != 0 && route.Access != Linked:
		d.logIn(w, r, route)
	case !v.May(route.Access):
		d.refuse(w, of(v, r), http.StatusForbidden, "account.not_yours")
	case changes(r) && (!d.sameSite(w, r) || !d.ownForm(w, r, v)):
	default:
		d.enter(w, r, route, v)
	}
}

// May says whether the visitor, who is logged in, may have what is for some.
func (v *Visitor) May(access Access) bool {
	switch access {
	case Leader:
		return v.Leads()
	case Admin:
		return v.Role == routing.Admin
	}
	return true
}

// onlooker lets a program look at pages. A browser keeps the password that a
// person has typed and sends it with whatever any page asks for, so it changes
// nothing.
func (d *Door) onlooker(w http.ResponseWriter, r *http.Request, route *Route) {
	switch {
	case !d.guard.presentsToken(r):
		w.Header().Set("WWW-Authenticate", `Basic realm="ringback", charset="UTF-8"`)
		d.refuse(w, r, http.StatusUnauthorized, "refused.onlooker")
	case changes(r):
		d.refuse(w, r, http.StatusForbidden, "refused.looks_only")
	default:
		v := program(nil)
		v.Language = text.Accepted(r.Header.Get("Accept-Language"), d.cfg.Language)
		d.enter(w, r, route, v)
	}
}

// Who is the person who asks: by their session, else by a link that they have
// opened; nil: nobody.
func (d *Door) Who(r *http.Request) (*Visitor, error) {
	if secret := d.cookie(r, sessionCookie); secret != "" {
		v, err := d.session(r, secret)
		if err == nil {
			return v, nil
		}
		if !errors.Is(err, people.ErrNoSession) {
			return nil, err
		}
	}
	if link := d.cookie(r, linkCookie); link != "" {
		o, err := d.cfg.People.Open(r.Context(), link)
		if err == nil {
			v := d.visitor(r, o.Login, o.Language, o.Form)
			v.Only = o.Lead
			return v, nil
		}
		if !errors.Is(err, people.ErrForged) && !errors.Is(err, people.ErrOver) {
			return nil, err
		}
	}
	return nil, nil
}

// session is whose session it is.
func (d *Door) session(r *http.Request, secret string) (*Visitor, error) {
	s, err := d.cfg.People.Session(r.Context(), secret)
	if err != nil {
		return nil, err
	}
	v := d.visitor(r, s.Login, s.Language, s.Form)
	v.Session = s.ID
	return v, nil
}

// As is a request as that of the person whose session has just begun.
func (d *Door) As(r *http.Request, secret string) (*http.Request, error) {
	v, err := d.session(r, secret)
	if err != nil {
		return nil, fmt.Errorf("door: a session that has just begun: %w", err)
	}
	return of(v, r), nil
}

// visitor is a person of the directory: the Register lets nobody else in.
func (d *Door) visitor(r *http.Request, login string, chosen text.Language, form string) *Visitor {
	v := &Visitor{Form: form}
	v.Sight, _ = leads.SightOf(d.cfg.Directory, login)
	m := d.cfg.Directory.Manager(login)
	v.Name, v.Role = m.Name, m.Role
	if v.Name == "" {
		v.Name = login
	}
	switch {
	case chosen.Known():
		v.Language = chosen
	case text.Language(m.Language).Known():
		v.Language = text.Language(m.Language)
	default:
		v.Language = d.Language(r)
	}
	return v
}

// Language is the one to speak with whom nobody knows.
func (d *Door) Language(r *http.Request) text.Language {
	return text.Accepted(r.Header.Get("Accept-Language"), d.cfg.Language)
}

// logIn sends to the login whoever wants to see a page, and back to it after.
func (d *Door) logIn(w http.ResponseWriter, r *http.Request, route *Route) {
	switch {
	case changes(r):
		if d.sameSite(w, r) && d.Posted(w, r) {
			d.tooOld(w, r, http.StatusUnauthorized, "account.log_in_first")
		}
	case route.Stream:
		d.refuse(w, r, http.StatusUnauthorized, "account.log_in_first")
	default:
		http.Redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
	}
}

// ours refuses what asks for a host that is not ours: a page from elsewhere can make a
// browser ask us under a name of its own (DNS rebinding).
func (d *Door) ours(w http.ResponseWriter, r *http.Request) bool {
	if d.guard.isOurs(d.hostOf(r)) {
		return true
	}
	d.refuse(w, r, http.StatusMisdirectedRequest, "refused.address")
	return false
}

// sameSite refuses what the page of another site asks for in a person's name.
func (d *Door) sameSite(w http.ResponseWriter, r *http.Request) bool {
	if d.cross.Check(r) == nil {
		return true
	}
	d.refuse(w, r, http.StatusForbidden, "account.other_site")
	return false
}

// ownForm refuses what does not come from a page that we have given this
// visitor.
func (d *Door) ownForm(w http.ResponseWriter, r *http.Request, v *Visitor) bool {
	sent := r.Header.Get(FormHeader)
	bound(w, r)
	if sent == "" {
		if !d.Posted(w, r) {
			return false
		}
		sent = r.PostForm.Get(FormField)
	}
	if v.Form != "" && subtle.ConstantTimeCompare([]byte(sent), []byte(v.Form)) == 1 {
		return true
	}
	d.tooOld(w, of(v, r), http.StatusForbidden, "account.stale_form")
	return false
}
