package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
)

const goodPassword = "correct horse battery"

// submit sends a form as a browser does.
func (h *house) submit(path string, header map[string]string, pairs ...string) reply {
	h.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	all := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	for k, v := range header {
		all[k] = v
	}
	return h.ask(ask{method: http.MethodPost, path: path, header: all, body: form.Encode()})
}

// cookie is what a browser sends back of what it was given.
func cookie(got reply) map[string]string {
	for _, line := range got.header.Values("Set-Cookie") {
		if c, err := http.ParseSetCookie(line); err == nil && c.MaxAge > 0 {
			return map[string]string{"Cookie": c.Name + "=" + c.Value}
		}
	}
	return nil
}

// joins has somebody set the good password by an invitation, as a person does.
func (h *house) joins(login string) map[string]string {
	h.t.Helper()
	invite, _, err := h.people.Invite(h.t.Context(), login, people.ToSetPassword)
	if err != nil {
		h.t.Fatal(err)
	}
	if got := h.ask(ask{path: "/invite/" + invite}); got.code != http.StatusOK || !strings.Contains(got.body, login) || strings.Contains(got.body, `class="menu me"`) {
		h.t.Fatalf("the invitation: %d %s", got.code, got.body)
	}
	for password, again := range map[string]string{"tiny1": "tiny1", "password2026": "password2026", goodPassword: "something else"} {
		if got := h.submit("/invite/"+invite, nil, "password", password, "again", again); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, `aria-invalid="true"`) ||
			strings.Contains(got.body, password) {
			h.t.Errorf("the password %q, and %q: %d", password, again, got.code)
		}
	}
	got := h.submit("/invite/"+invite, nil, "password", goodPassword, "again", goodPassword)
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/" {
		h.t.Fatalf("a good password: %d %s", got.code, got.body)
	}
	if got := h.ask(ask{path: "/invite/" + invite}); got.code != http.StatusGone {
		h.t.Errorf("the invitation once more: %d", got.code)
	}
	return cookie(got)
}

func TestAPersonLogsInAndOut(t *testing.T) {
	h := newHouse(t)
	in := h.joins("anna")
	if got := h.ask(ask{path: "/account", header: in}); got.code != http.StatusOK || !strings.Contains(got.body, "Anna Petrova") {
		t.Fatalf("after the invitation: %d %s", got.code, got.body)
	}
	asked := h.ask(ask{path: "/leads/7?x=1&y=2"})
	if asked.code != http.StatusSeeOther || asked.header.Get("Location") != "/login?next=%2Fleads%2F7%3Fx%3D1%26y%3D2" {
		t.Fatalf("a page for people: %d %v", asked.code, asked.header)
	}
	form := h.ask(ask{path: asked.header.Get("Location")})
	if form.code != http.StatusOK || !strings.Contains(form.body, `value="/leads/7?x=1&amp;y=2"`) {
		t.Fatalf("the form: %d %s", form.code, form.body)
	}
	for name, login := range map[string]string{"a wrong password": "anna", "nobody": "<script>alert(1)</script>", "too long": strings.Repeat("x", 60<<10)} {
		got := h.submit("/login", nil, "login", login, "password", "wrong", "next", "/leads/7")
		if got.code != http.StatusUnauthorized || !strings.Contains(got.body, "Login or password is wrong") || strings.Contains(got.body, "<script>alert") || cookie(got) != nil || len(got.body) > 20_000 {
			t.Errorf("%s: %d %.300s", name, got.code, got.body)
		}
	}
	got := h.submit("/login", nil, "login", " anna ", "password", goodPassword, "next", "/leads/7?x=1")
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/leads/7?x=1" {
		t.Fatalf("the right password: %d %s", got.code, got.body)
	}
	set := strings.Join(got.header.Values("Set-Cookie"), "\n")
	if !strings.HasPrefix(set, "ringback=") || !strings.Contains(set, "; Path=/; Max-Age=7776000; HttpOnly; SameSite=Lax") || strings.Contains(set, "Domain") {
		t.Errorf("the cookie: %s", set)
	}
	second := cookie(got)
	if got := h.ask(ask{path: "/login?next=/account", header: second}); got.code != http.StatusSeeOther || got.header.Get("Location") != "/account" {
		t.Errorf("the login of who is logged in: %d %v", got.code, got.header)
	}
	if got := h.submit("/logout", second); got.code != http.StatusForbidden {
		t.Errorf("logging out without the form's secret: %d", got.code)
	}
	if got := h.submit("/logout", second, door.FormField, h.formOf(second)); got.code != http.StatusSeeOther || cookie(got) != nil {
		t.Errorf("logging out: %d %v", got.code, got.header)
	}
	if got := h.ask(ask{path: "/account", header: second}); got.code != http.StatusSeeOther {
		t.Errorf("after logging out: %d", got.code)
	}
	if got := h.ask(ask{path: "/account", header: in}); got.code != http.StatusOK {
		t.Errorf("the other session: %d", got.code)
	}
}

// formOf reads the secret of a visitor's forms from the page that has them.
func (h *house) formOf(header map[string]string) string {
	h.t.Helper()
	got := h.ask(ask{path: "/account", header: header})
	_, rest, _ := strings.Cut(got.body, `name="csrf" value="`)
	form, _, found := strings.Cut(rest, `"`)
	if !found {
		h.t.Fatalf("the account has no form: %d %s", got.code, got.body)
	}
	return form
}

func TestTheLoginLeadsNowhereElse(t *testing.T) {
	h := newHouse(t)
	h.joins("anna")
	for next, want := range map[string]string{
		"": "/", "/calls?x=1": "/calls?x=1", "https://evil.example": "/", "//evil.example": "/", "/\\evil.example": "/", "/%09/evil.example": "/%09/evil.example",
		"/\t/evil.example": "/", "javascript:alert(1)": "/", "evil": "/", "/login?next=/": "/", "///evil.example": "/", "/" + strings.Repeat("x", 4096): "/", "/a\r\nSet-Cookie: x=1": "/",
	} {
		got := h.submit("/login", nil, "login", "anna", "password", goodPassword, "next", next)
		if got.code != http.StatusSeeOther || got.header.Get("Location") != want {
			t.Errorf("next %.30q leads to %d %q, want %q", next, got.code, got.header.Get("Location"), want)
		}
	}
}

func TestWhoGuessesIsToldHowLongToWait(t *testing.T) {
	h := newHouse(t)
	h.joins("anna")
	for range 5 {
		if got := h.submit("/login", nil, "login", "anna", "password", "wrong"); got.code != http.StatusUnauthorized {
			t.Fatal(got.code)
		}
	}
	russian := map[string]string{"Accept-Language": "ru"}
	got := h.submit("/login", russian, "login", "anna", "password", goodPassword)
	if got.code != http.StatusTooManyRequests || got.header.Get("Retry-After") != "1" || !strings.Contains(got.body, "Подождите 1 секунду") || !strings.Contains(got.body, `value="anna"`) {
		t.Errorf("%d %v %s", got.code, got.header, got.body)
	}
	own := map[string]string{"Cookie": "ringback-browser=" + h.people.Familiar("anna")}
	in := h.submit("/login", own, "login", "anna", "password", goodPassword)
	if kept := strings.Join(in.header.Values("Set-Cookie"), "\n"); in.code != http.StatusSeeOther || !strings.Contains(kept, "ringback-browser=") || !strings.Contains(kept, "; Max-Age=31536000; HttpOnly; SameSite=Lax") {
		t.Errorf("in the browser where she has logged in before: %d %s", in.code, kept)
	}
	if err := h.people.Lock(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	if err := h.people.Unlock(t.Context(), "anna"); err != nil {
		t.Fatal(err)
	}
	if got := h.submit("/login", nil, "login", "anna", "password", goodPassword); got.code != http.StatusSeeOther {
		t.Errorf("after the administrator forgave: %d", got.code)
	}
}

func TestAPersonKeepsTheirAccount(t *testing.T) {
	h := newHouse(t)
	first := h.joins("anna")
	second := cookie(h.submit("/login", map[string]string{"User-Agent": "<b>Evil/1.0</b>"}, "login", "anna", "password", goodPassword))
	form := h.formOf(first)
	page := h.ask(ask{path: "/account", header: first})
	if !strings.Contains(page.body, "&lt;b&gt;Evil/1.0&lt;/b&gt;") || !strings.Contains(page.body, "127.0.0.1") || !strings.Contains(page.body, "this device") {
		t.Errorf("the sessions: %s", page.body)
	}
	for name, c := range map[string]struct {
		old, password, again string
		says                 string
	}{
		"a wrong old one": {"wrong", "new " + goodPassword, "new " + goodPassword, "This is not your current password."},
		"a short new one": {goodPassword, "short", "short", "This is too short"},
		"two new ones":    {goodPassword, "new " + goodPassword, "new", "The two are not the same."},
	} {
		got := h.submit("/account/password", first, "csrf", form, "old", c.old, "password", c.password, "again", c.again)
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d %s", name, got.code, got.body)
		}
	}
	got := h.submit("/account/password", first, "csrf", form, "old", goodPassword, "password", "new "+goodPassword, "again", "new "+goodPassword)
	if got.code != http.StatusSeeOther || got.header.Get("Location") != "/account?done=password" {
		t.Fatalf("a new password: %d %s", got.code, got.body)
	}
	if got := h.ask(ask{path: "/account?done=password", header: first}); got.code != http.StatusOK || !strings.Contains(got.body, "Your password was changed") {
		t.Errorf("here: %d", got.code)
	}
	if got := h.ask(ask{path: "/account", header: second}); got.code != http.StatusSeeOther {
		t.Errorf("there: %d", got.code)
	}
	if got := h.submit("/account/language", first, "csrf", form, "language", "pl"); got.code != http.StatusSeeOther {
		t.Fatalf("the language: %d %s", got.code, got.body)
	}
	if got := h.ask(ask{path: "/account", header: first}); !strings.Contains(got.body, `<html lang="pl"`) || !strings.Contains(got.body, "Twoje konto") {
		t.Errorf("in Polish: %s", got.body)
	}
	if got := h.submit("/account/language", first, "csrf", form, "language", "../x"); got.code != http.StatusUnprocessableEntity {
		t.Errorf("a language that is none: %d", got.code)
	}
	for _, path := range []string{"/account/sessions/x/end", "/account/sessions/999999999999999999999/end"} {
		if got := h.submit(path, first, "csrf", form); got.code != http.StatusNotFound {
			t.Errorf("%s: %d", path, got.code)
		}
	}
	if got := h.submit("/account/sessions/end", first, "csrf", form); got.code != http.StatusSeeOther {
		t.Errorf("ending the others: %d", got.code)
	}
}

func TestALinkSaysWhyItDoesNotOpen(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", nil)
	over := h.people.Link("anna", 1, time.Now().Add(-people.DefaultLink))
	good := h.people.Link("anna", 1, time.Now())
	for path, want := range map[string]int{over: http.StatusGone, good[:len(good)-2]: http.StatusForbidden, people.LinkPath + "x": http.StatusForbidden} {
		got := h.ask(ask{path: path})
		if got.code != want || !strings.Contains(got.body, `href="/login?next=`) || cookie(got) != nil || strings.Contains(got.body, "916") {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	// Who is logged in needs no link, and sees with their own eyes.
	boss := h.as("boss")
	for _, path := range []string{over, good} {
		if got := h.ask(ask{path: path, header: boss}); got.code != http.StatusSeeOther || got.header.Get("Location") != "/leads/1" || cookie(got) != nil {
			t.Errorf("%s as the boss: %d %v", path, got.code, got.header)
		}
	}
}

func TestUnderHTTPSCookiesStayThere(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.PublicURL, c.Proxies = "https://ringback.example.com", []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32"), netip.MustParsePrefix("10.0.0.0/8")}
	})
	invite, _, err := h.people.Invite(t.Context(), "anna", people.ToComeIn)
	if err != nil {
		t.Fatal(err)
	}
	proxied := map[string]string{"X-Forwarded-For": "198.51.100.9, 192.0.2.77, 10.1.2.3", "X-Forwarded-Host": "ringback.example.com", "Origin": "https://ringback.example.com", "Sec-Fetch-Site": ""}
	got := h.submit("/invite/"+invite, proxied)
	if got.code != http.StatusSeeOther || !strings.HasPrefix(got.header.Get("Set-Cookie"), "__Host-ringback=") || !strings.Contains(got.header.Get("Set-Cookie"), "; Secure; ") {
		t.Fatalf("%d %v %s", got.code, got.header, got.body)
	}
	if got.header.Get("Strict-Transport-Security") == "" {
		t.Error("HSTS is missing")
	}
	in := cookie(got)
	sessions, err := h.people.Sessions(t.Context(), "anna")
	if err != nil || len(sessions) != 1 || sessions[0].Address != "192.0.2.77" {
		t.Errorf("who came in: %+v %v: what stands before the last address that is no proxy may be made up", sessions, err)
	}
	if got := h.ask(ask{path: "/account", header: in}); got.code != http.StatusOK {
		t.Errorf("with the cookie: %d", got.code)
	}
	if got := h.ask(ask{path: "/account", header: map[string]string{"Cookie": strings.TrimPrefix(in["Cookie"], "__Host-")}}); got.code != http.StatusSeeOther {
		t.Errorf("a cookie that any neighbour may set: %d", got.code)
	}
	// Who is no proxy is not believed.
	if got := h.ask(ask{path: "/account", from: distantIP, host: "evil.example", header: map[string]string{"X-Forwarded-Host": "ringback.example.com"}}); got.code != http.StatusMisdirectedRequest {
		t.Errorf("a stranger that names another host: %d", got.code)
	}
}
