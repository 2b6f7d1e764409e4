package web

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/leads/text"
)

// inBrowser is a request as a browser makes it that opens a page in a language.
func inBrowser(l text.Language, headers ...map[string]string) map[string]string {
	all := map[string]string{"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": string(l), "Sec-Fetch-Site": "same-origin"}
	for _, h := range headers {
		maps.Copy(all, h)
	}
	return all
}

const posted = "application/x-www-form-urlencoded"

// TestPeopleAreRefusedByAPage: whoever opens pages is told no in their language, on
// a page that leads back. Programs are told in English, by a line of text or as a
// problem.
func TestPeopleAreRefusedByAPage(t *testing.T) {
	s := newStreet(t)
	anna := s.as("anna")
	note := func(method, path string) ask { return ask{method: method, path: path, body: "text=x"} }
	large := ask{method: "POST", path: "/leads/1/note", body: "text=" + strings.Repeat("x", door.MostForm)}
	for _, tc := range []struct {
		ask    ask
		header map[string]string
		code   int
		why    string
	}{
		{ask{path: "/everyone"}, anna, 403, "account.not_yours"},
		{note("POST", "/leads/1/note"), map[string]string{"Cookie": anna["Cookie"], "Sec-Fetch-Site": "cross-site"}, 403, "account.other_site"},
		{ask{path: "/no/such/page"}, anna, 404, "page.nothing.text"},
		{ask{path: "/leads/999"}, anna, 404, "page.nothing.text"},
		{ask{path: "/leads/1/note"}, anna, 405, "refused.not_shown"},
		{note("DELETE", "/leads/1"), anna, 405, "refused.only_get"},
		{large, map[string]string{"Cookie": anna["Cookie"]}, 413, "refused.too_much"},
		{ask{path: "/", host: "evil.example"}, nil, 421, "refused.address"},
		{ask{path: "/"}, basic("wrong"), 401, "refused.onlooker"},
		{note("POST", "/leads/1/note"), nil, 401, "account.log_in_first"},
		{note("POST", "/leads/1/note"), map[string]string{"Cookie": anna["Cookie"]}, 403, "account.stale_form"},
	} {
		for _, l := range text.Languages {
			a := tc.ask
			a.header = inBrowser(l, tc.header)
			if a.method != "" {
				a.header["Content-Type"] = posted
			}
			got := s.ask(a)
			said := strings.ReplaceAll(text.In(l).Say(tc.why), "'", "&#39;")
			if got.code != tc.code || got.header.Get("Content-Type") != "text/html; charset=utf-8" || !strings.Contains(got.body, `<html lang="`+string(l)+`"`) ||
				!strings.Contains(got.body, said) || !regexp.MustCompile(`<a class="button" href="/[^"]*"|action="/login"`).MatchString(got.body) {
				t.Errorf("%s %s in %s: %d %s, want %d with %q and a way back: %.2000s", a.method, a.path, l, got.code, got.header.Get("Content-Type"), tc.code, said, got.body)
			}
			checkHeaders(t, a.path, got)
			delete(a.header, "Accept")
			if got := s.ask(a); got.code == 404 || tc.why == "refused.not_shown" { // the one is a page for everybody, the other for nobody else
			} else if !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") || got.body != text.In(text.English).Say(tc.why)+"\n" {
				t.Errorf("%s %s as a program: %s %s", a.method, a.path, got.header.Get("Content-Type"), got.body)
			}
		}
	}
	checkProblem(t, "/api/v1/leads", s.ask(ask{path: "/api/v1/leads", header: inBrowser(text.Russian)}))
}

// again sends what a page offers to send once more, as it stands there.
func (s *street) again(page string, header map[string]string) reply {
	s.t.Helper()
	for _, f := range formsOf(page, "") {
		if f.action == "/logout" || strings.HasPrefix(f.action, "/settings/") {
			continue
		}
		values := url.Values{}
		for name, value := range f.fields {
			values.Set(name, value)
		}
		for _, m := range regexp.MustCompile(`(?s)<textarea[^>]* name="([^"]*)"[^>]*>(.*?)</textarea>`).FindAllStringSubmatch(page, -1) {
			values.Set(m[1], m[2])
		}
		header = inBrowser(text.English, header, map[string]string{"Content-Type": posted})
		delete(header, door.FormHeader)
		return s.ask(ask{method: "POST", path: f.action, header: header, body: values.Encode()})
	}
	s.t.Fatalf("the page offers nothing to be sent: %s", page)
	return reply{}
}

// TestWhatWasWrittenOutlivesItsPage: a note that is sent from a page which was open
// for too long is shown again, to be sent once more.
func TestWhatWasWrittenOutlivesItsPage(t *testing.T) {
	s := newStreet(t)
	anna := s.as("anna")
	header := inBrowser(text.English, map[string]string{"Cookie": anna["Cookie"], "Content-Type": posted})
	got := s.ask(ask{method: "POST", path: "/leads/1/note", header: header, body: url.Values{"csrf": {"of yesterday"}, "back": {"/leads/1"}, "text": {"She rings at four"}}.Encode()})
	if got.code != http.StatusForbidden || !strings.Contains(got.body, "She rings at four") || s.noted("She rings at four") != 0 {
		t.Fatalf("from an old page: %d %s", got.code, got.body)
	}
	if got = s.again(got.body, anna); got.code != http.StatusSeeOther || got.header.Get("Location") != "/leads/1" || s.noted("She rings at four") != 1 {
		t.Errorf("sent again: %d %v %s", got.code, got.header, got.body)
	}
	got = s.ask(ask{method: "POST", path: "/account/password", header: header, body: url.Values{"csrf": {"x"}, "old": {"My old secret"}, "password": {"My new secret"}, "again": {"My new secret"}}.Encode()})
	if got.code != http.StatusForbidden || strings.Contains(got.body, "secret") {
		t.Errorf("a password is shown: %d %s", got.code, got.body)
	}
	// Of another pool it is none of theirs by now: what they wrote is there to be copied.
	s.exec("UPDATE leads SET manager = 'olga', pool = 'service' WHERE id = 1")
	got = s.ask(ask{method: "POST", path: "/leads/1/note", header: inBrowser(text.English, anna, map[string]string{"Content-Type": posted}), body: "text=She+rings+at+five"})
	if got.code == http.StatusSeeOther || !strings.Contains(got.body, "She rings at five") || s.noted("She rings at five") != 0 {
		t.Errorf("about another's: %d %s", got.code, got.body)
	}
}

// TestWhatWasWrittenOutlivesItsSession: a note that is sent when the session is over
// waits for the login, and is shown to be sent once more. To another site's page
// nothing is shown of it.
func TestWhatWasWrittenOutlivesItsSession(t *testing.T) {
	s := newStreet(t)
	const password = "three words in a row"
	invite, _, err := s.people.Invite(t.Context(), "anna", people.ToSetPassword)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.people.Accept(t.Context(), invite, password, people.From{}); err != nil {
		t.Fatal(err)
	}
	body := url.Values{"csrf": {"x"}, "back": {"/leads/1"}, "text": {"Звонить после 16:00\nи не раньше"}}.Encode()
	header := inBrowser(text.English, map[string]string{"Content-Type": posted})
	if got := s.ask(ask{method: "POST", path: "/leads/1/note", header: inBrowser(text.English, header, map[string]string{"Sec-Fetch-Site": "cross-site"}), body: body}); got.code != http.StatusForbidden || strings.Contains(got.body, "waiting") {
		t.Errorf("for another site: %d %s", got.code, got.body)
	}
	got := s.ask(ask{method: "POST", path: "/leads/1/note", header: header, body: body})
	waiting := formsOf(got.body, "")
	if got.code != http.StatusUnauthorized || len(waiting) != 1 || waiting[0].action != "/login" {
		t.Fatalf("without a session: %d %s", got.code, got.body)
	}
	fields := url.Values{"login": {"anna"}}
	for name, value := range waiting[0].fields {
		if name != "login" {
			fields.Set(name, value)
		}
	}
	fields.Set("password", "wrong words in a row")
	if got = s.ask(ask{method: "POST", path: "/login", header: header, body: fields.Encode()}); got.code != http.StatusUnauthorized || formsOf(got.body, "")[0].fields["waiting"] != fields.Get("waiting") {
		t.Fatalf("with a wrong password: %d %s", got.code, got.body)
	}
	fields.Set("password", password)
	got = s.ask(ask{method: "POST", path: "/login", header: header, body: fields.Encode()})
	if got.code != http.StatusOK || !strings.Contains(got.body, "Звонить после 16:00\nи не раньше</textarea>") || s.noted("Звонить после 16:00\nи не раньше") != 0 {
		t.Fatalf("behind the login: %d %s", got.code, got.body)
	}
	cookie, _, _ := strings.Cut(got.header.Get("Set-Cookie"), ";")
	if got = s.again(got.body, map[string]string{"Cookie": cookie}); got.code != http.StatusSeeOther || s.noted("Звонить после 16:00\nи не раньше") != 1 {
		t.Errorf("sent: %d %v %s", got.code, got.header, got.body)
	}
	for _, evil := range []string{"//evil.example/x?text=1", "https://evil.example/x?text=1", "%zz", "/login?text=1", "\\evil?text=1"} {
		fields.Set("waiting", evil)
		if got = s.ask(ask{method: "POST", path: "/login", header: header, body: fields.Encode()}); strings.Contains(got.body, "evil") && !strings.Contains(got.body, `action="/x"`) || strings.Contains(got.header.Get("Location"), "evil") {
			t.Errorf("waiting %s: %d %v %s", evil, got.code, got.header, got.body)
		}
	}
}

// noted counts the notes of a text.
func (s *street) noted(text string) (n int) {
	s.t.Helper()
	if err := s.db.Reader().QueryRow("SELECT COUNT(*) FROM timeline WHERE kind = 'noted' AND detail = $1", text).Scan(&n); err != nil {
		s.t.Fatal(err)
	}
	return n
}
