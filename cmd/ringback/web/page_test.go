package web

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ringback/ari/call"
	"ringback/leads"
)

// hostile are names and numbers that callers may send.
var hostile = map[string]string{
	"markup":      `<script>alert(1)</script><img src=x onerror=alert(1)>`,
	"attribute":   `" onmouseover="alert(1)`,
	"template":    `{{.Version}}`,
	"bidi":        "Ivan\u202egnitsil\u2066\u200f",
	"lines":       "a\r\nSet-Cookie: x=1\r\n\r\n<h1>",
	"long":        strings.Repeat("Llanfair", 1250),
	"long marks":  "Z" + strings.Repeat("\u0301", 5000),
	"not UTF-8":   "\xff\xfe\xc3(",
	"nul":         "a\x00b",
	"only spaces": "\u200b\u2060 \t",
	"link":        "javascript:alert(1)",
}

func TestHostileTextIsShownAsTextOnly(t *testing.T) {
	for name, text := range hostile {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.tell("+79161234567", text, nil) // a name
			h.tell(text, text, nil)           // a number too
			h.tell(text, "", running)
			h.tell("+79161234567", "", func(c *call.Call) { // and a number dialed out
				c.Direction, c.Dialed, c.Caller, c.From = call.Outbound, text, "101", call.Party{Endpoint: "PJSIP/" + text}
			})
			for _, table := range []string{"contacts SET name = $1, named = 1", "leads SET closed_by = $1", "timeline SET detail = $1, who = $1, channel = $1", "calls SET answered_by = $1, rang = $1", "calls SET caller = $1, dialed = $1 WHERE id < 3", "OR REPLACE numbers SET number = $1 WHERE contact = 1"} {
				h.exec("UPDATE "+table, text)
			}
			h.exec("INSERT INTO timeline (lead, contact, at, kind) SELECT 1, 1, 1, $1", text)
			h.exec("INSERT INTO timeline (lead, contact, at, kind, detail) SELECT 1, 1, 1, $1, $2", leads.EntryAlertFailed, text)
			for _, path := range []string{"/", "/leads/1", "/leads/2", "/contacts/1", "/contacts/2"} {
				got := h.ask(ask{path: path, header: bearerHeader(rightToken)})
				if got.code == http.StatusNotFound && strings.HasSuffix(path, "2") {
					continue // a text that means a withheld number makes neither
				}
				checkPage(t, path, got)
			}
			for _, path := range []string{"/api/v1/calls", "/api/v1/leads", "/api/v1/contacts"} {
				body := h.api(path)
				if !utf8.ValidString(body) || strings.Contains(body, "<script") || len(body) > 20_000 {
					t.Errorf("%s is %d bytes: %.300s", path, len(body), body)
				}
			}
			if log := h.log.String(); strings.Contains(log, "79161234567") || len(log) > 4000 {
				t.Errorf("the log says too much: %.500s", log)
			}
		})
	}
}

// element finds markup; only the templates' own may be on a page.
var (
	element = regexp.MustCompile(`<([a-z0-9]+)`)
	own     = regexp.MustCompile(`^(html|head|meta|title|link|body|header|a|main|ul|ol|li|b|br|time|h1|h2|span|p|div|bdi|dl|dt|dd|footer|code|noscript|script|nav|svg|path|circle|rect|dialog|kbd|form|button|details|summary|input|select|option|label|textarea|datalist|small|hr|h3|section|aside|table|thead|tbody|tr|th|td)$`)
	// quoted are the values of attributes, in which a quotation mark is &#34;.
	quoted = regexp.MustCompile(`"[^"]*"`)
	// ownScript is the one script, which stands in a file of its own.
	ownScript = regexp.MustCompile(`<script src="/static/app\.[0-9a-f]{12}\.js" defer></script>`)
	href      = regexp.MustCompile(` href="([^"]*)"`)
)

func checkPage(t *testing.T, path string, got reply) {
	t.Helper()
	if got.code != http.StatusOK {
		t.Errorf("%s: %d", path, got.code)
	}
	if !utf8.ValidString(got.body) || len(got.body) > 30_000 {
		t.Errorf("%s: %d bytes, valid UTF-8: %v", path, len(got.body), utf8.ValidString(got.body))
	}
	for _, r := range got.body {
		if !unicode.IsGraphic(r) && r != '\n' {
			t.Errorf("%s holds %U", path, r)
			break
		}
	}
	for _, m := range element.FindAllStringSubmatch(got.body, -1) {
		if !own.MatchString(m[1]) {
			t.Errorf("%s holds an element that no template has: %s", path, m[0])
		}
	}
	if scripts := strings.Count(got.body, "<script"); scripts != len(ownScript.FindAllString(got.body, -1)) {
		t.Errorf("%s holds a script that no template has", path)
	}
	for _, m := range href.FindAllStringSubmatch(got.body, -1) {
		if !strings.HasPrefix(m[1], "/") && m[1] != "#content" && !regexp.MustCompile(`^tel:(\+|&#43;)[0-9]+$`).MatchString(m[1]) {
			t.Errorf("%s leads to %s", path, m[1])
		}
	}
	if regexp.MustCompile(`<[^>]* on[a-z]+=`).MatchString(quoted.ReplaceAllString(got.body, `""`)) {
		t.Errorf("%s holds an event attribute", path)
	}
}

// TestEveryLinkLeadsSomewhere follows all links from the front page, and those
// of alerts.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", nil)
	h.tell("+79161234567", "Ivan", nil)
	h.tell("+79031112233", "Olga", answered)
	h.tell("anonymous", "", func(c *call.Call) { c.How, c.Message = call.Voicemail, true })
	todo, seen := []string{"/"}, map[string]bool{}
	for len(todo) > 0 {
		path := todo[0]
		todo = todo[1:]
		if seen[path] {
			continue
		}
		seen[path] = true
		body := h.page(path)
		for _, m := range href.FindAllStringSubmatch(body, -1) {
			if strings.HasPrefix(m[1], "/") {
				todo = append(todo, m[1])
			}
		}
	}
	for _, want := range []string{"/leads/1", "/leads/2", "/contacts/1", "/everyone", styleSheet(h)} {
		if !seen[want] {
			t.Errorf("nothing leads to %s", want)
		}
	}
}

func TestTheFrontPageSaysWhatThereIsToDo(t *testing.T) {
	h := newHouse(t)
	if page := h.page("/"); !strings.Contains(page, "Nobody is waiting for a call back.") || strings.Contains(page, "Observing") {
		t.Errorf("an empty page: %s", page)
	}
	h.tell("+79161234567", "Ivan", nil)
	h.tell("+79161234567", "Ivan", nil)
	h.exec("UPDATE leads SET last_missed = $1, first_missed = $2", time.Now().Add(-5*time.Minute).UnixMilli(), time.Now().Add(-3*time.Hour-10*time.Second).UnixMilli())
	page := h.page("/")
	for _, want := range []string{
		`<h1>My callbacks <span class="count">1</span></h1>`, `<b>2 missed calls</b>`, "5 min ago</time>, first 3 h ago", "line sales", "with Anna Petrova",
		"<bdi>&#43;7\u00a0916\u00a0123-45-67</bdi>", "“<bdi>Ivan</bdi>”", `<noscript><meta http-equiv="refresh" content="60"></noscript>`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s", want)
		}
	}
	card := h.page("/contacts/1")
	for _, want := range []string{`href="tel:&#43;79161234567"`, "still needs details", "Given to Anna Petrova, whose turn it was", "Missed call: nobody picked up in time",
		`<span class="verdict missed">missed</span> nobody picked up in time`, "rang 101", `<div class="story"><bdi>rang 101; nobody answered; the PBX ended the call</bdi></div>`} {
		if !strings.Contains(card, want) {
			t.Errorf("the card lacks %s: %s", want, card)
		}
	}
	h.tell("+79161234567", "Ivan", func(c *call.Call) {
		c.Started, c.Ended = time.Now(), time.Now().Add(5*time.Second)
		answered(c)
	})
	if card := h.page("/leads/1"); !strings.Contains(card, "Settled: they got through to Anna Petrova") || strings.Contains(card, ">open<") {
		t.Errorf("the card of a settled lead: %s", card)
	}
	if page := h.page("/"); !strings.Contains(page, "Nobody is waiting") {
		t.Error("a settled lead is still shown")
	}
}

func TestThePageSaysThatNobodyIsTold(t *testing.T) {
	h := newHouse(t, func(c *Config) { c.Mode = "observe" })
	if page := h.page("/"); !strings.Contains(page, "Observing") {
		t.Error("the page does not say that nobody is told")
	}
}

func TestThePageSaysWhyNobodyIsToldJustNow(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	h.exec("UPDATE leads SET ack_by = 'anna', ack_until = $1", time.Now().Add(time.Hour).UnixMilli())
	for _, path := range []string{"/", "/leads/1"} {
		if !strings.Contains(h.page(path), "Anna Petrova has it in hand until") {
			t.Errorf("%s does not say who has the lead in hand", path)
		}
	}
	if body := h.api("/api/v1/leads"); !strings.Contains(body, `"acknowledged_by":"anna","acknowledged_until":"20`) {
		t.Errorf("the API says %s", body)
	}
	h.exec("UPDATE leads SET ack_until = $1, suspicious = 1", time.Now().Add(-time.Second).UnixMilli())
	page := h.page("/")
	if strings.Contains(page, "in hand") || !strings.Contains(page, "nobody is told until they ring again") {
		t.Errorf("the page says %s", page)
	}
	if body := h.api("/api/v1/leads"); !strings.Contains(body, `"suspicious":true,"acknowledged_by":"","acknowledged_until":null`) {
		t.Errorf("the API says %s", body)
	}
	h.exec("UPDATE leads SET closed = $1, outcome = 'settled', ack_until = $2", time.Now().UnixMilli(), time.Now().Add(time.Hour).UnixMilli())
	if card := h.page("/leads/1"); strings.Contains(card, "in hand") || strings.Contains(card, "ring again") {
		t.Errorf("of a settled lead the card says %s", card)
	}
}

// styleSheet is where the pages have their look from.
func styleSheet(h *house) string {
	h.t.Helper()
	found := regexp.MustCompile(`href="(/static/style\.[0-9a-f]{12}\.css)"`).FindStringSubmatch(h.page("/"))
	if found == nil {
		h.t.Fatal("the page names no style sheet")
	}
	return found[1]
}

// TestWhatHasAHashInItsNameIsKept: browsers ask once for what never changes, and
// what they ask for of another version is not there.
func TestWhatHasAHashInItsNameIsKept(t *testing.T) {
	h := newHouse(t)
	page := h.page("/")
	for _, m := range regexp.MustCompile(`"(/static/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		got := h.ask(ask{path: m[1], from: distantIP})
		if got.code != http.StatusOK || !strings.Contains(got.header.Get("Cache-Control"), "immutable") || got.header.Get("Content-Type") == "" {
			t.Errorf("%s: %d %v", m[1], got.code, got.header)
		}
	}
	if got := h.ask(ask{path: "/static/app.000000000000.js"}); got.code != http.StatusNotFound || strings.Contains(got.header.Get("Cache-Control"), "immutable") {
		t.Errorf("of another version: %d %v", got.code, got.header)
	}
}

// TestNoWordsAreTakenForAScript: an attribute whose name begins as that of an event
// does is written as JavaScript, in quotation marks that people would read.
func TestNoWordsAreTakenForAScript(t *testing.T) {
	s := newStreet(t)
	quoted := regexp.MustCompile(`[a-z-]+="(&#34;|\\u0022|\\x22)[^"]*"`)
	for path, page := range s.pages(s.as("root")) {
		if found := quoted.FindString(page); found != "" {
			t.Errorf("%s: %s", path, found)
		}
		if strings.Contains(page, "ZgotmplZ") {
			t.Errorf("%s: something is taken for an address or a style", path)
		}
	}
}
