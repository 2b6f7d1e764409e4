package page

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/alert"
)

// refusedPage says why something is not shown or was not done, gives back what was
// written, and leads on.
type refusedPage struct {
	head
	Said string
	// Action is where the fields may be sent once more; empty: nowhere, and what was
	// written is there to be copied.
	Action string
	Fields []sent
	// Home is where the way back leads; Label is an id of the catalog.
	Home, Label string
}

// sent is a field that was posted. Label is what a field is called into which
// people write; empty: it has been chosen, and is not shown.
type sent struct{ Name, Label, Text string }

// written are the fields into which people write, with an id of the catalog for
// what each is called.
var written = map[string]string{"text": "page.deed.note", "why": "page.why", "note": "page.field.about", "name": "page.field.name",
	"email": "page.field.email", "number": "page.field.number"}

// secret are the fields that are never shown again.
var secret = []string{"password", "old", "again"}

// sentBy are the fields of a form; none, where there is a password among them.
func sentBy(form url.Values) (list []sent) {
	for _, name := range slices.Sorted(maps.Keys(form)) {
		if slices.Contains(secret, name) {
			return nil
		}
		if name == door.FormField || name != alert.Clean(name) {
			continue
		}
		for _, text := range form[name] {
			list = append(list, sent{name, written[name], whole(text)})
		}
	}
	return list
}

// whole is all that somebody has written, fit to be shown.
func whole(text string) string {
	list := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := range list {
		list[i] = alert.Line(list[i], door.MostForm)
	}
	return strings.Join(list, "\n")
}

// refused shows people why the Door has refused them. Who has to log in first does
// so there, and what they had posted waits for them behind it.
func (s *Site) refused(w http.ResponseWriter, r *http.Request, no door.Refusal) {
	if no.Again && door.VisitorOf(r) == nil {
		p := loginPage{Next: homeOf(r), Wrong: no.Said}
		if fields := sentBy(r.PostForm); fields != nil {
			p.Waiting = (&url.URL{Path: r.URL.Path, RawQuery: r.PostForm.Encode()}).String()
		}
		s.showLogin(w, r, no.Code, p)
		return
	}
	t := s.teller(r)
	p := refusedPage{Said: no.Said, Fields: sentBy(r.PostForm)}
	title := fmt.Sprintf("refused.title.%d", no.Code)
	switch {
	case no.Again && p.Fields != nil:
		title, p.Action = "refused.title.old", r.URL.Path
	case no.Code >= http.StatusInternalServerError:
		title = "refused.title.500"
	case !t.words.Has(title):
		title = "refused.title.else"
	}
	s.showRefused(w, r, no.Code, t.words.Say(title), p)
}

func (s *Site) showRefused(w http.ResponseWriter, r *http.Request, code int, title string, p refusedPage) {
	p.head = s.head(s.teller(r), title)
	if p.Home == "" {
		p.Home = homeOf(r)
	}
	if p.Label = "refused.back"; p.Home == "/" {
		p.Label = "page.nothing.home"
	}
	s.show(w, r, code, "refused.html", p)
}

// homeOf is the page on which something was asked for, as the form or the browser
// says; else the first one.
func homeOf(r *http.Request) string {
	if back := r.PostForm.Get("back"); back != "" {
		return local(back)
	}
	from, err := url.Parse(r.Referer())
	if err != nil || from.Host != r.Host || from.Path == r.URL.Path {
		return "/"
	}
	return local(from.RequestURI())
}

// nothingHere answers a page that does not exist, or that is not for whoever
// asks: the two are not told apart.
func (s *Site) nothingHere(w http.ResponseWriter, r *http.Request) {
	words := s.teller(r).words
	s.showRefused(w, r, http.StatusNotFound, words.Say("page.nothing.title"), refusedPage{Said: words.Say("page.nothing.text"), Fields: sentBy(r.PostForm)})
}

// sendAgain shows to whom a login has let in what they had posted before it, to be
// sent once more.
func (s *Site) sendAgain(w http.ResponseWriter, r *http.Request, in *loginPage) {
	u, err := url.Parse(in.Waiting)
	if err != nil || local(u.Path) != u.Path {
		http.Redirect(w, r, in.Next, http.StatusSeeOther)
		return
	}
	words := s.teller(r).words
	s.showRefused(w, r, http.StatusOK, words.Say("refused.title.old"),
		refusedPage{Said: words.Say("refused.waited"), Action: u.Path, Fields: sentBy(u.Query()), Home: in.Next})
}
