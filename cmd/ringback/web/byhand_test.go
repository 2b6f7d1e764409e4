package web

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/leads/search"
	"ringback/routing"
)

// byLink is somebody who has opened the link of an alert.
func (h *house) byLink(login string, lead int64) map[string]string {
	h.t.Helper()
	secret := strings.TrimPrefix(h.people.Link(login, lead, time.Now()), people.LinkPath)
	opened, err := h.people.Open(h.t.Context(), secret)
	if err != nil {
		h.t.Fatal(err)
	}
	return map[string]string{"Cookie": "ringback-lead=" + secret, door.FormHeader: opened.Form}
}

// TestALeadByHandIsMine: unless whoever opens it says that it is another's.
func TestALeadByHandIsMine(t *testing.T) {
	h := newHouse(t, twoPools)
	anna, boss := h.as("anna"), h.as("boss")
	open := func(who map[string]string, number, whose string) reply {
		t.Helper()
		return h.post(who, "/leads/new", url.Values{"number": {number}, "line": {"sales"}, "why": {"promised"}, "manager": {whose}})
	}
	wants := func(got reply, to string) {
		t.Helper()
		if got.code != http.StatusSeeOther || got.header.Get("Location") != to {
			t.Errorf("%d to %s, want %s: %s", got.code, got.header.Get("Location"), to, got.body)
		}
	}
	wants(open(anna, "+79161234501", ""), "/leads/1")
	if body := h.look(anna, "/leads/1"); !strings.Contains(body, "Anna Petrova has it in hand") || strings.Contains(body, "open already") {
		t.Errorf("hers: %s", body)
	}
	wants(open(boss, "+79161234502", "boris"), "/leads/2")
	if body := h.look(h.as("boris"), "/leads/2"); strings.Contains(body, "has it in hand") || !strings.Contains(body, "promised") {
		t.Errorf("his: %s", body)
	}
	for page, who := range map[string]map[string]string{"/": anna, "/everyone": boss, "/leads/2": boss} {
		if body := h.look(who, page); !strings.Contains(body, "<bdi>promised</bdi>") {
			t.Errorf("%s does not say what it is about: %s", page, body)
		}
	}
	if got := open(anna, "+79161234503", "boris"); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, "This is nobody of its pool.") {
		t.Errorf("a manager opens one for another: %d %s", got.code, got.body)
	}
	if h.rows("leads") != 2 {
		t.Errorf("there are %d", h.rows("leads"))
	}
	if body := h.look(anna, "/leads/new"); !strings.Contains(body, `<option value="">I do</option><option value="*">`) || strings.Contains(body, "boris") {
		t.Errorf("her choice: %s", body)
	}
	if body := h.look(boss, "/leads/new"); !strings.Contains(body, `<option value="boris">Boris</option>`) || strings.Contains(body, "clara") && !strings.Contains(body, "service") {
		t.Errorf("the boss's choice: %s", body)
	}
	// One is open already.
	wants(open(anna, "+79161234501", ""), "/leads/1?joined=1")
	if body := h.look(anna, "/leads/1?joined=1"); !strings.Contains(body, "open already. What you asked for") {
		t.Errorf("hers is open: %s", body)
	}
	wants(open(anna, "+79161234502", ""), "/?joined=1&with=boris")
	if body := h.look(anna, "/?joined=1&with=boris"); !strings.Contains(body, "open already, with Boris.") {
		t.Errorf("his is open: %s", body)
	}
	wants(open(boss, "+79161234502", "*"), "/leads/2?joined=1")
	if body := h.look(boss, "/leads/2?joined=1"); !strings.Contains(body, "open already, with Boris.") {
		t.Errorf("the boss reads: %s", body)
	}
	if body := h.look(anna, "/?with=nobody+at+all"); strings.Contains(body, "Opened.") {
		t.Errorf("an address says what did not happen: %s", body)
	}
	// On the card of the client too.
	wants(h.post(anna, "/contacts/1/lead", url.Values{"line": {"sales"}}), "/leads/1?joined=1")
}

// TestALeadByHandOfAPoolWithoutALine is opened for the pool.
func TestALeadByHandOfAPoolWithoutALine(t *testing.T) {
	h := newHouse(t, twoPools, func(c *Config) {
		c.Office.Directory.Pools[1].Managers = append(c.Office.Directory.Pools[1].Managers, "dora")
		c.Office.Directory.Managers = append(c.Office.Directory.Managers, routing.Manager{Login: "dora"})
		c.Office.Directory.Lines = c.Office.Directory.Lines[:1]
	})
	dora := h.as("dora")
	if body := h.look(dora, "/leads/new"); !strings.Contains(body, `<option value="pool:service">service</option>`) {
		t.Fatalf("her choice: %s", body)
	}
	if got := h.post(dora, "/leads/new", url.Values{"number": {"+79161234501"}, "line": {"pool:service"}}); got.code != http.StatusSeeOther || got.header.Get("Location") != "/leads/1" {
		t.Errorf("%d %s", got.code, got.body)
	}
	for _, pool := range []string{"pool:default", "pool:nowhere", "pool:"} {
		if got := h.post(dora, "/leads/new", url.Values{"number": {"+79161234501"}, "line": {pool}}); got.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", pool, got.code)
		}
	}
}

// TestAnOldLinkSaysWhoseItIs: and does nothing about it, while that of who leads
// the pool does what they could.
func TestAnOldLinkSaysWhoseItIs(t *testing.T) {
	h := newHouse(t, twoPools)
	h.tell("+79161234567", "Ivan", nil)
	anna, boris, boss := h.byLink("anna", 1), h.as("boris"), h.byLink("boss", 1)
	h.look(anna, "/leads/1")
	if got := h.ask(ask{path: "/leads/1", header: boris}); got.code != http.StatusConflict || !strings.Contains(got.body, "Anna Petrova") || strings.Contains(got.body, "Ivan") {
		t.Errorf("a colleague: %d %s", got.code, got.body)
	}
	if body := h.look(boss, "/leads/1"); !strings.Contains(body, `action="/leads/1/assign"`) {
		t.Errorf("who leads: %s", body)
	}
	if got := h.post(boss, "/leads/1/assign", url.Values{"to": {"boris"}}); got.code != http.StatusSeeOther {
		t.Errorf("who leads gives it: %d %s", got.code, got.body)
	}
	before := h.rows("timeline")
	if got := h.ask(ask{path: "/leads/1", header: anna}); got.code != http.StatusConflict || !strings.Contains(got.body, "Boris") || strings.Contains(got.body, "Ivan") {
		t.Errorf("the link: %d %s", got.code, got.body)
	}
	for _, deed := range []string{"take", "note", "later", "settle", "hand-on", "assign"} {
		if got := h.post(anna, "/leads/1/"+deed, url.Values{"text": {"x"}, "for": {"2h"}, "to": {"anna"}}); got.code != http.StatusConflict {
			t.Errorf("%s: %d %s", deed, got.code, got.body)
		}
	}
	if after := h.rows("timeline"); after != before {
		t.Errorf("the link has left %d entries", after-before)
	}
}

// TestATypedNumberOpensNobodysCard: not to who types it, on the page or by a program
// in their name; they have the lead and the number, until they talk.
func TestATypedNumberOpensNobodysCard(t *testing.T) {
	const number, other = "+79161234567", "+79161234500"
	for name, open := range map[string]func(h *house){
		"for themselves": func(h *house) {
			h.post(h.as("clara"), "/leads/new", url.Values{"number": {number}, "line": {"service"}})
		},
		"for whose turn it is": func(h *house) {
			h.post(h.as("clara"), "/leads/new", url.Values{"number": {number}, "line": {"service"}, "manager": {"*"}})
			h.post(h.as("clara"), "/leads/2/take", nil)
		},
		"by a program": func(h *house) {
			h.wants(http.StatusCreated, "POST", "/api/v1/leads", `{"login":"clara","number":"`+number+`","line":"service","manager":"clara"}`)
		},
		"by a program, then taken": func(h *house) {
			h.wants(http.StatusCreated, "POST", "/api/v1/leads", `{"login":"clara","number":"`+number+`","line":"service"}`)
			h.wants(http.StatusOK, "POST", "/api/v1/leads/2/take", `{"login":"clara"}`)
		},
	} {
		h := newHouse(t, twoPools)
		h.tell(number, "Ivan", nil) // Anna's
		h.wants(http.StatusOK, "PATCH", "/api/v1/contacts/1", `{"name":"Ivan Secret","numbers":["`+number+`","`+other+`"],"note":"owes us money"}`)
		clara := h.as("clara")
		open(h)
		body := h.look(clara, "/leads/2")
		if !strings.Contains(body, "161234567") && !strings.Contains(body, "916 123-45-67") || strings.Contains(body, "Ivan") || strings.Contains(body, "/contacts/1") {
			t.Errorf("%s: her lead: %s", name, body)
		}
		if strings.Contains(h.look(clara, "/"), "Ivan") {
			t.Errorf("%s: her list has the name", name)
		}
		if got := h.ask(ask{path: "/contacts/1", header: clara}); got.code != http.StatusNotFound {
			t.Errorf("%s: the card opens: %d", name, got.code)
		}
		if got := h.post(clara, "/contacts/1", url.Values{"name": {"x"}}); got.code != http.StatusNotFound {
			t.Errorf("%s: the card is changed: %d", name, got.code)
		}
		if err := search.NewKeeper(h.db, nil).Learn(t.Context()); err != nil {
			t.Fatal(err)
		}
		if body := h.look(h.as("anna"), "/search?q=Secret"); !strings.Contains(body, "/contacts/1") {
			t.Errorf("%s: whose it is does not find it: %s", name, body)
		}
		if body := h.look(clara, "/search?q=Secret"); strings.Contains(body, "/contacts/1") {
			t.Errorf("%s: search finds it: %s", name, body)
		}
		if got := h.wants(http.StatusOK, "GET", "/api/v1/contacts/1", ""); got["manager"] != "anna" {
			t.Errorf("%s: it is %v's now", name, got["manager"])
		}
	}
}

// TestANewNumberIsItsOpeners: who else would fill in its card.
func TestANewNumberIsItsOpeners(t *testing.T) {
	h := newHouse(t, twoPools)
	clara := h.as("clara")
	h.post(clara, "/leads/new", url.Values{"number": {"+79161234501"}, "line": {"service"}})
	if body := h.look(clara, "/leads/1"); !strings.Contains(body, "/contacts/1") {
		t.Errorf("her lead: %s", body)
	}
	h.look(clara, "/contacts/1")
	if got := h.wants(http.StatusOK, "GET", "/api/v1/contacts/1", ""); got["manager"] != "clara" {
		t.Errorf("it is %v's", got["manager"])
	}
}
