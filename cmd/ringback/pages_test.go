package main

import (
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/browser"
	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/leads/text"
)

var screens = flag.String("screens", "", "TestPages: a folder for what every page looks like, as PNG")

// scene of a page: who looks at what.
type sight struct{ name, path, login string }

// sights are all pages that people see, as the routes have them: none is
// forgotten.
func (s *showroom) sights() (list []sight) {
	s.t.Helper()
	lead := s.lead("m01")
	var contact int64
	s.do(s.daemon.db.Reader().QueryRowContext(s.ctx, "SELECT contact FROM leads WHERE id = $1", lead).Scan(&contact))
	invitation, _, err := s.daemon.people.Invite(s.ctx, "m20", people.ToSetPassword)
	s.do(err)
	id := strings.NewReplacer("/leads/{id}", fmt.Sprintf("/leads/%d", lead), "/contacts/{id}", fmt.Sprintf("/contacts/%d", contact), "{$}", "",
		"{secret}", invitation, "/l/{link}", s.daemon.people.Link("m01", lead, time.Now()))
	for _, r := range s.daemon.web.Routes() {
		path := id.Replace(r.Path)
		if r.Method != http.MethodGet || !isPage(r) {
			continue
		}
		login := "m01"
		switch r.Access {
		case door.Leader:
			login = "vera"
		case door.Admin:
			login = "root"
		case door.Anyone:
			login = ""
		}
		name := strings.Trim(regexp.MustCompile(`[^a-z]+`).ReplaceAllString(r.Path, "-"), "-")
		if name == "" {
			name = map[string]string{"/{$}": "callbacks", "/": "nothing"}[r.Path]
		}
		if r.Path == "/" {
			path = "/no/such/page"
		}
		list = append(list, sight{name, path, login})
	}
	return append(list,
		sight{"report-month", "/report?days=30", "vera"}, sight{"calls-wrong", "/calls?from=yesterday&verdict=lost", "m01"}, sight{"calls-none", "/calls?number=000000", "m01"},
		sight{"search-found", "/search?q=926", "m01"}, sight{"search-nobody", "/search?q=Nobody+at+all", "m01"}, sight{"everyone-none", "/everyone?person=m02", "vera"},
		sight{"callbacks-none", "/", "m20"}, sight{"link", s.daemon.people.Link("m01", lead, time.Now()), ""}, sight{"link-over", "/l/forged", ""},
		sight{"invite-over", "/invite/forged", ""}, sight{"refused-role", "/everyone", "m01"}, sight{"refused-method", fmt.Sprintf("/leads/%d/note", lead), "m01"})
}

// narrow are the screens of small telephones, in pixels.
var narrow = []int{320, 360}

// TestPagesFitOnSmallTelephones: no page is wider than the smallest screens, in
// any language; tables that are have a scroller of their own.
func TestPagesFitOnSmallTelephones(t *testing.T) {
	s := openShowroom(t)
	tabs := map[string]*browser.Tab{}
	for _, of := range s.sights() {
		for _, l := range text.Languages {
			look := browser.Phone
			look.Language = string(l)
			tab := tabs[of.login+look.Language]
			if tab == nil || of.login == "" {
				var err error
				tab, err = s.tab(of.login, look)
				s.do(err)
				t.Cleanup(tab.Close)
				tabs[of.login+look.Language] = tab
			}
			s.do(tab.Go(s.site + of.path))
			for _, look.Width = range narrow {
				s.do(tab.Resize(look))
				s.fits(tab, of, look)
			}
		}
	}
}

// fits wants a page not to be wider than its screen, and tells what is.
func (s *showroom) fits(tab *browser.Tab, of sight, look browser.Look) {
	s.t.Helper()
	var wide []string
	s.do(tab.Eval(fmt.Sprintf(`(() => {
		for (const fold of document.querySelectorAll("main details:not(.menu)")) fold.open = true;
		if (Math.max(document.documentElement.scrollWidth, document.body.scrollWidth) <= %[1]d) return [];
		const out = [...document.querySelectorAll("main *, header > *:not(nav)")].filter(e => e.getBoundingClientRect().right > %[1]d + 0.5 && !e.closest(".wide *"));
		return ["the page"].concat(out.slice(0, 6).map(e => e.outerHTML.slice(0, 100) + " ends at " + e.getBoundingClientRect().right));
	})()`, look.Width), &wide))
	if len(wide) > 0 {
		s.t.Errorf("%s (%s) in %s is wider than %d pixels:\n  %s", of.name, of.path, look.Language, look.Width, strings.Join(wide, "\n  "))
	}
}

// isPage says that a route is something that people look at.
func isPage(r door.Route) bool {
	for _, other := range []string{"/api/", "/static/", "/healthz", "/readyz", "/metrics", "/live", ".csv", "/manifest"} {
		if strings.Contains(r.Path, other) {
			return false
		}
	}
	return r.Access != door.Program && r.Access != door.Machine
}

// looks are the screens on which pages are looked at: all of them where pictures
// are kept, and else one small by day and one large by night.
func looks() (list []browser.Look) {
	if *screens == "" {
		night := browser.Desk
		night.Dark = true
		return []browser.Look{browser.Phone, night}
	}
	for _, look := range []browser.Look{browser.Phone, browser.Desk} {
		for _, dark := range []bool{false, true} {
			look.Dark = dark
			list = append(list, look)
		}
	}
	return list
}

func nameOf(l browser.Look) string {
	name := "desk"
	if l.Phone {
		name = "phone"
	}
	if l.Dark {
		return name + "-dark"
	}
	return name + "-light"
}

// TestPages looks at every page, on a telephone by day and at a desk by night:
// none has a fault that keeps people from using it, none is wider than its
// screen, and none does what its own policy forbids. With -screens it looks
// by day and by night at both, in English and Russian, and keeps what it saw.
func TestPages(t *testing.T) {
	axe, err := os.ReadFile("../../testdata/axe/axe.min.js")
	if err != nil {
		t.Fatal(err)
	}
	s := openShowroom(t)
	languages := []string{"en"}
	if *screens != "" {
		languages = append(languages, "ru")
	}
	for _, of := range s.sights() {
		t.Run(of.name, func(t *testing.T) {
			for _, look := range looks() {
				for _, language := range languages {
					look.Language = language
					s.examine(t, of, look, string(axe))
				}
			}
		})
	}
}

// examine looks at one page on one screen.
func (s *showroom) examine(t *testing.T, of sight, look browser.Look, axe string) {
	t.Helper()
	where := nameOf(look) + "-" + look.Language
	do := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s %s: %v", of.path, where, err)
		}
	}
	tab, err := s.tab(of.login, look)
	do(err)
	defer tab.Close()
	do(tab.Go(s.site + of.path))
	var wide int
	do(tab.Eval("document.documentElement.scrollWidth - document.documentElement.clientWidth", &wide))
	if wide > 0 {
		t.Errorf("%s %s: it is %d pixels wider than the screen", of.path, where, wide)
	}
	if *screens != "" {
		do(os.MkdirAll(*screens, 0o755))
		png, err := tab.Shot()
		do(err)
		do(os.WriteFile(filepath.Join(*screens, fmt.Sprintf("%s-%s.png", of.name, where)), png, 0o644))
	}
	for _, wrong := range tab.Wrongs() {
		if !strings.Contains(wrong, "the server responded with a status of 4") { // a page that refuses is one too
			t.Errorf("%s %s: the browser says: %s", of.path, where, wrong)
		}
	}
	if look.Language != "en" {
		return
	}
	faults, err := tab.Faults(axe)
	do(err)
	for i := range faults {
		if faults[i].Grave() {
			t.Errorf("%s %s: %s", of.path, where, &faults[i])
		}
	}
}
