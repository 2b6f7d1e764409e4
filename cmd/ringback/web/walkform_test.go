package web

import (
	"html"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/door"
)

// hostileTexts are written into every field of every form.
var hostileTexts = []string{
	`"><script>alert(1)</script>`, `' onmouseover='alert(1)`, `</textarea><img src=x onerror=alert(1)>`, "a\x00b\r\nSet-Cookie: x=1", "\u202eevil\u2066", "\xff\xfe",
	`{{.}}${7*7}`, `'; DROP TABLE leads; --`, strings.Repeat("ж", 20_000), "-1", "99999999999999999999", "../../etc/passwd", "javascript:alert(1)",
	`"><script>alert(2)</script>' onmouseover='alert(2)</textarea><img src=x onerror=alert(2)>`, // where one takes the place of another, this one stays
}

// form is one that stands on a page.
type form struct {
	action string
	fields map[string]string
}

var (
	formTag  = regexp.MustCompile(`(?s)<form\b([^>]*)>(.*?)</form>`)
	attr     = regexp.MustCompile(`\b(action|method|formaction|name|value)="([^"]*)"`)
	fieldTag = regexp.MustCompile(`(?s)<(input|select|textarea|button)\b([^>]*)>`)
)

func attributes(tag string) map[string]string {
	of := map[string]string{}
	for _, m := range attr.FindAllStringSubmatch(tag, -1) {
		of[m[1]] = html.UnescapeString(m[2])
	}
	return of
}

// formsOf are the forms on a page that change something, a button that leads
// elsewhere being another one.
func formsOf(page, path string) (list []form) {
	for _, m := range formTag.FindAllStringSubmatch(page, -1) {
		of := attributes(m[1])
		if !strings.EqualFold(of["method"], "post") {
			continue
		}
		actions, fields := []string{of["action"]}, map[string]string{}
		for _, f := range fieldTag.FindAllStringSubmatch(m[2], -1) {
			a := attributes(f[2])
			if a["name"] != "" {
				fields[a["name"]] = a["value"]
			}
			if a["formaction"] != "" {
				actions = append(actions, a["formaction"])
			}
		}
		for _, action := range actions {
			if action == "" {
				action = path
			}
			list = append(list, form{action, fields})
		}
	}
	return list
}

// pages are all pages of people about client 1, as somebody sees them.
func (s *street) pages(header map[string]string) map[string]string {
	of := map[string]string{}
	for i := range s.server.routes {
		r := &s.server.routes[i]
		if forPeople(r) && r.Method == http.MethodGet && !r.Stream {
			got := s.visit(r, distantIP, header)
			if got.code >= 500 {
				s.t.Errorf("%s: %d %s", r.Path, got.code, got.body)
			}
			of[address(r)] = got.body
		}
	}
	return of
}

// showsText wants no page to show somebody anything of what is hostile as it is.
func (s *street) showsText(login string) {
	s.t.Helper()
	for path, page := range s.pages(s.as(login)) {
		if strings.HasSuffix(path, ".csv") {
			continue // a table, which no browser shows
		}
		for _, evil := range []string{"<script>alert", "<img src=x", "onmouseover='alert", "\u202e", "\x00", `href="javascript:`} {
			if strings.Contains(page, evil) {
				s.t.Errorf("%s shows %q to %s as it is", path, evil, login)
			}
		}
	}
}

// TestHostileTextInEveryFieldStaysText writes what is hostile into each field of
// each form that is on any page, and looks at all pages again.
func TestHostileTextInEveryFieldStaysText(t *testing.T) {
	s := newStreet(t)
	found := map[string]bool{}
	for _, login := range []string{"anna", "root"} {
		header := s.as(login)
		for path, page := range s.pages(header) {
			for _, f := range formsOf(page, path) {
				if strings.HasPrefix(f.action, "/logout") || found[login+f.action] {
					continue
				}
				found[login+f.action] = true
				for name := range f.fields {
					if name != door.FormField {
						s.fill(header, f, name)
					}
				}
			}
		}
		s.showsText(login)
	}
	if len(found) < 8 {
		t.Errorf("only the forms %v were found", slices.Sorted(maps.Keys(found)))
	}
	if n := s.rows("leads"); n < 2 {
		t.Errorf("there are %d leads left", n)
	}
}

// fill fills in a form, each hostile text in the field in turn.
func (s *street) fill(header map[string]string, f form, field string) {
	s.t.Helper()
	for _, text := range hostileTexts {
		body := url.Values{}
		for name, value := range f.fields {
			body.Set(name, value)
		}
		body.Set(field, text)
		all := maps.Clone(header)
		all["Content-Type"] = "application/x-www-form-urlencoded"
		got := s.ask(ask{method: http.MethodPost, path: f.action, from: distantIP, header: all, body: body.Encode()})
		if got.code >= 500 && got.code != http.StatusServiceUnavailable {
			s.t.Errorf("POST %s with %s=%.30q: %d %.200s", f.action, field, text, got.code, got.body)
		}
		if strings.Contains(got.body, "<script>alert") || strings.Contains(got.body, "<img src=x") || got.header.Get("Set-Cookie") != "" && strings.Contains(got.header.Get("Set-Cookie"), "x=1") {
			s.t.Errorf("POST %s with %s=%.30q comes back as it is", f.action, field, text)
		}
		if to := got.header.Get("Location"); to != "" && (!strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//")) {
			s.t.Errorf("POST %s with %s=%.30q leads to %q", f.action, field, text, to)
		}
	}
}

// TestTooMuchIsRefusedEverywhere posts ten megabytes to every route that takes
// anything.
func TestTooMuchIsRefusedEverywhere(t *testing.T) {
	s := newStreet(t)
	header := s.as("root")
	s.before = s.state()
	much := strings.Repeat("x", 10<<20)
	for i := range s.server.routes {
		r := &s.server.routes[i]
		if r.Method == http.MethodGet {
			continue
		}
		for kind, body := range map[string]string{"application/x-www-form-urlencoded": "login=" + much, "application/json": `{"name":"` + much + `"}`, "text/csv": "number,name\n+79990001122," + much} {
			as := map[string]string{"Cookie": header["Cookie"]}
			if r.Access == door.Program {
				as = bearerHeader(rightToken)
			}
			as["Content-Type"] = kind
			got := s.inside(r, as, body)
			if got.code < 400 || got.code >= 500 {
				t.Errorf("%s %s takes ten megabytes as %s: %d %.200s", r.Method, r.Path, kind, got.code, got.body)
			}
			s.tellsNothing("somebody with ten megabytes", r, got)
		}
	}
}

// inside asks without a connection: one that is given up in the middle of ten
// megabytes does not always let its answer through.
func (s *street) inside(route *door.Route, header map[string]string, body string) reply {
	r := httptest.NewRequestWithContext(s.t.Context(), route.Method, "http://127.0.0.1:8730"+address(route), strings.NewReader(body))
	for k, v := range header {
		r.Header.Set(k, v)
	}
	w := httptest.NewRecorder()
	s.server.ServeHTTP(w, r)
	return reply{w.Code, w.Header(), w.Body.String()}
}

// TestWhatIsTooLargeIsReadOffBeforeTheRefusal wants that nobody who posts somewhat
// too much is still writing when the refusal comes: to them the connection would
// be reset, and the refusal be lost.
func TestWhatIsTooLargeIsReadOffBeforeTheRefusal(t *testing.T) {
	s := newStreet(t)
	header := s.as("anna")
	for kind, change := range map[string]func(*http.Request){
		"a form of a script": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			setAll(r, header)
		},
		"a form": func(r *http.Request) {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			setAll(r, map[string]string{"Cookie": header["Cookie"]})
		},
		"JSON": func(r *http.Request) {
			r.URL.Path = "/api/v1/leads"
			r.Header.Set("Content-Type", "application/json")
			setAll(r, bearerHeader(rightToken))
		},
	} {
		body := strings.NewReader(strings.Repeat("x", 120_000))
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "http://127.0.0.1:8730/settings", body)
		change(r)
		answer := &early{ResponseRecorder: httptest.NewRecorder(), body: body}
		s.server.ServeHTTP(answer, r)
		if answer.Code != http.StatusRequestEntityTooLarge || answer.left != 0 {
			t.Errorf("%s of 120 kB is answered with %d while %d bytes of it are not read", kind, answer.Code, answer.left)
		}
	}
}

func setAll(r *http.Request, header map[string]string) {
	for k, v := range header {
		r.Header.Set(k, v)
	}
}

// early notes how much of a body is not read when its answer begins.
type early struct {
	*httptest.ResponseRecorder
	body *strings.Reader
	left int
}

func (e *early) WriteHeader(code int) {
	e.left = e.body.Len()
	e.ResponseRecorder.WriteHeader(code)
}
