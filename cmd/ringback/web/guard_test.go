package web

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func addrPort(ip string) netip.AddrPort { return netip.AddrPortFrom(netip.MustParseAddr(ip), 40000) }

const (
	distantIP = "192.0.2.7"
	distantV6 = "2001:db8::7"
)

func basic(password string) map[string]string {
	return map[string]string{"Authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte("me:"+password))}
}

// TestWhoMaySeeWhat asks every route as everybody.
func TestWhoMaySeeWhat(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", nil)
	const wrongToken = "c0ffee-c0ffee-c0ffee-c0ffef"
	type who struct {
		name   string
		from   string
		header map[string]string
	}
	everybody := []who{
		{"nobody here", "", nil},
		{"wrong token here", "", bearerHeader(wrongToken)},
		{"right token here", "", bearerHeader(rightToken)},
		{"nobody elsewhere", distantIP, nil},
		{"nobody elsewhere by IPv6", distantV6, nil},
		{"wrong token elsewhere", distantIP, bearerHeader(wrongToken)},
		{"right token elsewhere", distantIP, bearerHeader(rightToken)},
		{"wrong password elsewhere", distantIP, basic(wrongToken)},
		{"right password elsewhere", distantIP, basic(rightToken)},
	}
	open := []int{200, 200, 200, 200, 200, 200, 200, 200, 200}
	machine := []int{200, 200, 200, 401, 401, 401, 200, 401, 200}
	pages := []int{303, 401, 200, 303, 303, 401, 200, 401, 200}
	token := []int{401, 401, 200, 401, 401, 401, 200, 401, 401}
	instead := func(codes []int, from, to int) []int {
		list := append([]int(nil), codes...)
		for i := range list {
			if list[i] == from {
				list[i] = to
			}
		}
		return list
	}
	for path, codes := range map[string][]int{
		"/healthz": open, "/readyz": open, "/login": open,
		"/": pages, "/leads/1": pages, "/contacts/1": pages, "/metrics": machine,
		"/leads/999": instead(pages, 200, 404), "/leads/x": instead(pages, 200, 404), "/contacts/01": instead(pages, 200, 404), "/contacts/0": instead(pages, 200, 404),
		"/nowhere": instead(pages, 200, 404), "/apis": instead(pages, 200, 404),
		"/api/v1/calls": token, "/api/v1/leads": token, "/api/v1/contacts": token,
		"/api/v1/calls?limit=0": instead(token, 200, 400), "/api/v1/secrets": instead(token, 200, 404), "/api/": instead(token, 200, 404),
	} {
		for i, w := range everybody {
			got := h.ask(ask{path: path, from: w.from, header: w.header})
			if got.code != codes[i] {
				t.Errorf("%s asks %s: %d, want %d", w.name, path, got.code, codes[i])
			}
			if got.code == http.StatusUnauthorized && got.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s asks %s: a 401 must say how to authenticate", w.name, path)
			}
			if got.code != http.StatusOK && strings.Contains(got.body, "916") {
				t.Errorf("%s asks %s and learns a number: %s", w.name, path, got.body)
			}
			checkHeaders(t, path, got)
			if strings.HasPrefix(path, "/api/") && got.code != http.StatusOK {
				checkProblem(t, path, got)
			}
		}
	}
	if log := h.log.String(); log != "" {
		t.Errorf("refusals were logged: %s", log)
	}
}

// headers are those of every answer.
var headers = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; " +
		"frame-ancestors 'none'; base-uri 'none'; manifest-src 'self'",
	"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Cross-Origin-Opener-Policy": "same-origin",
	"Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
	"Strict-Transport-Security": "",
}

func checkHeaders(t *testing.T, path string, got reply) {
	t.Helper()
	for k, v := range headers {
		if got.header.Get(k) != v {
			t.Errorf("%s (%d): %s is %q, want %q", path, got.code, k, got.header.Get(k), v)
		}
	}
}

func checkProblem(t *testing.T, path string, got reply) {
	t.Helper()
	var p struct {
		Type, Title, Detail string
		Status              int
	}
	if err := json.Unmarshal([]byte(got.body), &p); err != nil || got.header.Get("Content-Type") != "application/problem+json" ||
		p.Status != got.code || p.Title != http.StatusText(got.code) || p.Detail == "" {
		t.Errorf("%s (%d) is no problem+json: %s %s", path, got.code, got.header.Get("Content-Type"), got.body)
	}
}

// TestAForeignPageCannotAskThroughABrowserHere plays DNS rebinding and proxies:
// the connection comes from loopback, the asker does not. Behind a public
// address (the last column) a request that looks like a person's here may be a
// proxy's that says nothing of itself, and is nobody's without a token. Pages
// want a person, wherever the request comes from.
func TestAForeignPageCannotAskThroughABrowserHere(t *testing.T) {
	private := newHouse(t)
	public := newHouse(t, func(c *Config) { c.PublicURL = "https://ringback.example.com/crm" })
	for _, tc := range []struct {
		host, header string
		from         string
		want, public int
	}{
		{"localhost:8730", "", "", 200, 401},
		{"LOCALHOST", "", "", 200, 401},
		{"127.0.0.1:8730", "", "", 200, 401}, // to a public address: nginx with proxy_pass and nothing else
		{"127.0.0.1", "", "", 200, 401},
		{"[::1]:8730", "", "", 200, 401},
		{"[::1]:8730", "", "::1", 200, 401},
		{"[::1]", "", "", 200, 401},
		{"evil.example", "", "", 421, 421},
		{"localhost.evil.example:8730", "", "", 421, 421},
		{"127.0.0.1.evil.example", "", "", 421, 421},
		{"evil.example", "", distantIP, 421, 421},
		{"ringback.example.com", "", "", 421, 401},          // a proxy here that names itself by the public URL
		{"RingBack.example.com:443", "", "", 421, 401},      //
		{"192.0.2.1:8730", "", "", 401, 401},                // an address that is not loopback
		{"127.0.0.1:8730", "X-Forwarded-For", "", 401, 401}, // a proxy that says so
		{"127.0.0.1:8730", "Forwarded", "", 401, 401},
		{"127.0.0.1:8730", "X-Real-Ip", "", 401, 401},
		{"127.0.0.1:8730", "Via", "", 401, 401},
		{"evil.example", "X-Forwarded-Host", "", 421, 421},
		{"localhost:8730", "", distantIP, 401, 401},
	} {
		for _, path := range []string{"/", "/leads/1", "/contacts/1", "/account", "/metrics"} {
			a := ask{path: path, host: tc.host, from: tc.from}
			if tc.header != "" {
				a.header = map[string]string{tc.header: "198.51.100.1"}
			}
			want, wantPublic := tc.want, tc.public
			if path != "/metrics" {
				want, wantPublic = askedToLogIn(want), askedToLogIn(wantPublic)
			}
			if got := private.ask(a); got.code != want {
				t.Errorf("host %q, header %q, from %q, %s: %d, want %d", tc.host, tc.header, tc.from, path, got.code, want)
			}
			if got := public.ask(a); got.code != wantPublic {
				t.Errorf("public: host %q, header %q, from %q, %s: %d, want %d", tc.host, tc.header, tc.from, path, got.code, wantPublic)
			}
		}
	}
	if got := public.ask(ask{path: "/", header: basic(rightToken)}); got.code != http.StatusOK {
		t.Errorf("public: a person here with a token: %d", got.code)
	}
	// A scraper knows us by any name, and shows its token.
	if got := private.ask(ask{path: "/metrics", host: "ringback.lan", from: distantIP, header: bearerHeader(rightToken)}); got.code != http.StatusOK {
		t.Errorf("a scraper with a token: %d", got.code)
	}
}

// askedToLogIn is what a page answers where the metrics answer the code.
func askedToLogIn(code int) int {
	if code == http.StatusMisdirectedRequest {
		return code
	}
	return http.StatusSeeOther
}

// TestWithoutTokensNobodyHasOne wants that no token is right where there is
// none, and that the answer says how to make one.
func TestWithoutTokensNobodyHasOne(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Tokens = nil })
	if got := h.ask(ask{path: "/metrics"}); got.code != http.StatusOK {
		t.Errorf("the metrics here: %d", got.code)
	}
	for _, header := range []map[string]string{nil, bearerHeader(""), bearerHeader("x"), basic("")} {
		for _, path := range []string{"/metrics", "/api/v1/calls"} {
			if got := h.ask(ask{path: path, from: distantIP, header: header}); got.code != http.StatusUnauthorized || !strings.Contains(got.body, "ringback token create") {
				t.Errorf("%s elsewhere with %v: %d %s", path, header, got.code, got.body)
			}
		}
		if got := h.ask(ask{path: "/", from: distantIP, header: header}); got.code == http.StatusOK {
			t.Errorf("the page elsewhere with %v: %d", header, got.code)
		}
	}
}

// TestWhoNeedsNoToken walks the spellings of a public URL.
func TestWhoNeedsNoToken(t *testing.T) {
	for address, want := range map[string]int{
		"": 200, "http://localhost:8730": 200, "http://LocalHost": 200, "http://127.0.0.2:8730": 200, "http://[::1]:8730/x": 200,
		"https://ringback.example.com": 401, "http://192.0.2.1:8730": 401, "http://0.0.0.0:8730": 401,
		"http://[::]:8730": 401, "http://localhost.example.com": 401, "http://host:8730": 401,
	} {
		h := newHouse(t, func(c *Config) { c.PublicURL = address })
		if got := h.ask(ask{path: "/metrics"}); got.code != want {
			t.Errorf("public URL %q: a scraper here gets %d, want %d", address, got.code, want)
		}
		if got := h.ask(ask{path: "/"}); got.code != http.StatusSeeOther {
			t.Errorf("public URL %q: somebody here gets %d of a page", address, got.code)
		}
		if got := h.ask(ask{path: "/readyz"}); got.code != http.StatusOK {
			t.Errorf("public URL %q: /readyz is %d", address, got.code)
		}
	}
}

func TestTokensAreReadAsTheyStandInTheHeader(t *testing.T) {
	h := newHouse(t)
	for value, want := range map[string]int{
		"Bearer " + rightToken:                     200,
		"bearer " + rightToken:                     200,
		"Bearer another-token-of-the-file":         200,
		"Bearer  " + rightToken:                    200,
		"Bearer" + rightToken:                      401,
		rightToken:                                 401,
		"Bearer " + rightToken[:len(rightToken)-1]: 401,
		"Bearer " + rightToken + "x":               401,
		"Bearer " + rightToken + " " + rightToken:  401,
		"Bearer":                                401,
		"Bearer ":                               401,
		"Token " + rightToken:                   401,
		"Bearer " + strings.ToUpper(rightToken): 401,
		"Bearer " + strings.Repeat("x", maxHeaderBytes-999): 401,
	} {
		if got := h.ask(ask{path: "/api/v1/calls", header: map[string]string{"Authorization": value}}); got.code != want {
			t.Errorf("Authorization %.40q: %d, want %d", value, got.code, want)
		}
	}
	if got := h.ask(ask{path: "/", header: map[string]string{"Authorization": "Bearer " + strings.Repeat("x", 4*maxHeaderBytes)}}); got.code != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a header without end: %d", got.code)
	}
}

func TestNothingCanBeChanged(t *testing.T) {
	h := newHouse(t)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"} {
		for _, path := range []string{"/", "/leads/1", "/metrics", "/healthz", "/api/v1/calls", "/api/v1/nothing"} {
			got := h.ask(ask{method: method, path: path, header: bearerHeader(rightToken)})
			if got.code != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%s %s: %d, Allow %q", method, path, got.code, got.header.Get("Allow"))
			}
			if strings.HasPrefix(path, "/api/") {
				checkProblem(t, path, got)
			}
		}
	}
	if got := h.ask(ask{method: "HEAD", path: "/", header: bearerHeader(rightToken)}); got.code != http.StatusOK || got.body != "" {
		t.Errorf("HEAD /: %d %q", got.code, got.body)
	}
}
