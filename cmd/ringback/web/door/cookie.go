package door

import (
	"net/http"
	"time"

	"ringback/leads/people"
)

// The cookies, without what a name begins with under https: a browser then
// takes it from nobody but this very host, by https (RFC 6265bis §4.1.3.2).
const (
	hostPrefix    = "__Host-"
	sessionCookie = "ringback"
	linkCookie    = "ringback-lead"
	browserCookie = "ringback-browser"
)

// linkFor is how long a browser remembers a link that it has opened.
const linkFor = 12 * time.Hour

func (d *Door) cookie(r *http.Request, name string) string {
	if d.secure {
		name = hostPrefix + name
	}
	c, err := r.Cookie(name)
	if err != nil {
		return ""
	}
	return c.Value
}

func (d *Door) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	if d.secure {
		name = hostPrefix + name
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: d.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// Welcome has a browser keep the session that was begun for it, and that it is
// familiar with the person from now on.
func (d *Door) Welcome(w http.ResponseWriter, login, secret string) {
	d.setCookie(w, sessionCookie, secret, int(d.cfg.People.SessionFor()/time.Second))
	d.setCookie(w, linkCookie, "", -1)
	d.setCookie(w, browserCookie, d.cfg.People.Familiar(login), int(people.FamiliarFor/time.Second))
}

// Farewell has a browser forget session and link; familiar it stays.
func (d *Door) Farewell(w http.ResponseWriter) {
	d.setCookie(w, sessionCookie, "", -1)
	d.setCookie(w, linkCookie, "", -1)
}

// Remember has a browser keep a link that it has opened.
func (d *Door) Remember(w http.ResponseWriter, link string, opened *people.Opened) {
	d.setCookie(w, linkCookie, link, int(min(linkFor, time.Until(opened.Ends))/time.Second)+1)
}
