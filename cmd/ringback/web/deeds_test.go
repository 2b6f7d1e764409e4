package web

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/told"
)

// post sends a form as a person does, and gives what came back.
func (h *house) post(who map[string]string, path string, fields url.Values) reply {
	h.t.Helper()
	header := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for k, v := range who {
		header[k] = v
	}
	return h.ask(ask{method: http.MethodPost, path: path, header: header, body: fields.Encode()})
}

// look asks for a page as a person does, and wants it.
func (h *house) look(who map[string]string, path string) string {
	h.t.Helper()
	got := h.ask(ask{path: path, header: who})
	if got.code != http.StatusOK {
		h.t.Fatalf("GET %s: %d %s", path, got.code, got.body)
	}
	return got.body
}

// TestAPersonSeesAndChangesWhatIsTheirs: and of the rest learns not even that it
// is there.
func TestAPersonSeesAndChangesWhatIsTheirs(t *testing.T) {
	h := newHouse(t, twoPools)
	h.tell("+79161234567", "Ivan", nil) // Anna's
	anna, clara := h.as("anna"), h.as("clara")
	if !strings.Contains(h.look(anna, "/"), "/leads/1") || strings.Contains(h.look(clara, "/"), "/leads/1") {
		t.Error("Anna does not see what is hers, or Clara does")
	}
	for _, path := range []string{"/leads/1", "/contacts/1", "/everyone"} {
		if got := h.ask(ask{path: path, header: clara}); got.code != http.StatusNotFound && got.code != http.StatusForbidden {
			t.Errorf("Clara asks for %s: %d", path, got.code)
		}
	}
	before := h.rows("timeline")
	for _, deed := range []string{"/leads/1/take", "/leads/1/hand-on", "/leads/1/settle", "/leads/1/not-needed", "/leads/1/note", "/leads/1/later", "/leads/1/assign", "/leads/1/enough",
		"/contacts/1", "/contacts/1/note", "/contacts/1/lead", "/contacts/1/robots", "/contacts/1/call"} {
		got := h.post(clara, deed, url.Values{"why": {"x"}, "text": {"x"}, "for": {"2h"}, "to": {"clara"}, "name": {"x"}, "line": {"service"}})
		if got.code != http.StatusNotFound && got.code != http.StatusForbidden {
			t.Errorf("Clara does %s: %d %s", deed, got.code, got.body)
		}
	}
	if after := h.rows("timeline"); after != before {
		t.Errorf("Clara has left %d entries", after-before)
	}
}

// TestEveryDeedLeadsBack: to where it was asked for, a path of ours, and says who
// did it.
func TestEveryDeedLeadsBack(t *testing.T) {
	h := newHouse(t, twoPools)
	anna := h.as("anna")
	for _, c := range []struct {
		deed   string
		fields url.Values
		says   string
	}{
		{"take", nil, "Anna Petrova has it in hand"},
		{"later", url.Values{"for": {"30m"}}, "Anna Petrova will call back later"},
		{"later", url.Values{"for": {"tomorrow"}}, "Anna Petrova will call back later"},
		{"later", url.Values{"until": {time.Now().UTC().Add(26 * time.Hour).Format("2006-01-02T15:04")}}, "Anna Petrova will call back later"},
		{"note", url.Values{"text": {"line one\r\nline <b>two"}}, "Anna Petrova noted: <bdi>line one\nline &lt;b&gt;two</bdi>"},
		{"hand-on", nil, "Handed on by Anna Petrova to Boris"},
	} {
		h.tell("+79161234567", "", nil)
		h.exec("UPDATE leads SET manager = 'anna'")
		fields := url.Values{"back": {"/?x=1"}}
		for k, v := range c.fields {
			fields[k] = v
		}
		got := h.post(anna, "/leads/1/"+c.deed, fields)
		if got.code != http.StatusSeeOther || got.header.Get("Location") != "/?x=1" {
			t.Errorf("%s %v: %d to %s", c.deed, c.fields, got.code, got.header.Get("Location"))
		}
		h.exec("UPDATE leads SET manager = 'anna'")
		if body := h.look(anna, "/leads/1"); !strings.Contains(body, c.says) {
			t.Errorf("%s %v: the card does not say %q: %s", c.deed, c.fields, c.says, body)
		}
	}
	for _, back := range []string{"//evil.example", "https://evil.example/", `/\evil.example`, ""} {
		if got := h.post(anna, "/leads/1/take", url.Values{"back": {back}}); got.header.Get("Location") != "/" {
			t.Errorf("a deed that is to lead to %s leads to %s", back, got.header.Get("Location"))
		}
	}
	if got := h.post(anna, "/leads/1/settle", url.Values{"back": {"/"}}); got.code != http.StatusSeeOther {
		t.Errorf("settled: %d", got.code)
	}
	if page := h.look(anna, "/"); !strings.Contains(page, "Nobody is waiting") || !strings.Contains(page, "Just settled") {
		t.Errorf("after it is settled: %s", page)
	}
	if got := h.post(anna, "/leads/1/take", nil); got.code != http.StatusConflict || !strings.Contains(got.body, "It is settled already.") {
		t.Errorf("taking what is settled: %d %s", got.code, got.body)
	}
}

// TestWhatIsWrongStandsBesideItsField: and what was typed is still there.
func TestWhatIsWrongStandsBesideItsField(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	anna := h.as("anna")
	long := strings.Repeat("é", leads.MaxRemark+1)
	for _, c := range []struct {
		path    string
		fields  url.Values
		says    string
		keeps   string
		changes bool
	}{
		{"/leads/1/not-needed", url.Values{"why": {" "}}, "Say why, in at most 200 characters.", "", false},
		{"/leads/1/not-needed", url.Values{"why": {strings.Repeat("w", 201)}}, "Say why, in at most 200 characters.", strings.Repeat("w", 201), false},
		{"/leads/1/note", url.Values{"text": {long}}, "at most 2000 characters", "éééé", false},
		{"/leads/1/later", url.Values{"until": {"2020-01-01T10:00"}}, "within the next 31 days", "2020-01-01T10:00", false},
		{"/leads/1/later", url.Values{"until": {"nonsense"}}, "within the next 31 days", "nonsense", false},
		{"/leads/new", url.Values{"number": {"12"}, "line": {"sales"}, "why": {"promised"}}, "This is no telephone number", `value="promised"`, false},
		{"/leads/new", url.Values{"number": {"+79031112233"}, "line": {"none"}, "why": {"promised"}}, "Choose one of your lines.", `value="promised"`, false},
		{"/contacts/1", url.Values{"name": {"Ivan"}, "email": {"no address"}}, "This is no address", `value="Ivan"`, false},
	} {
		before := h.rows("timeline") + h.rows("contacts") + h.rows("leads")
		got := h.post(anna, c.path, c.fields)
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, c.says) || !strings.Contains(got.body, c.keeps) {
			t.Errorf("%s %.60v: %d %s", c.path, c.fields, got.code, got.body)
		}
		if after := h.rows("timeline") + h.rows("contacts") + h.rows("leads"); after != before {
			t.Errorf("%s %.60v has changed something", c.path, c.fields)
		}
	}
	for name, text := range hostile {
		got := h.post(anna, "/leads/1/not-needed", url.Values{"why": {text + strings.Repeat(" x", 200)}})
		if got.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d", name, got.code)
			continue
		}
		got.code = http.StatusOK
		checkPage(t, "/leads/1/not-needed with "+name, got)
	}
}

// TestTwoWhoTakeOneLead: one has it, and the other is told who.
func TestTwoWhoTakeOneLead(t *testing.T) {
	h := newHouse(t, twoPools)
	h.tell("+79161234567", "", nil)
	h.exec("UPDATE leads SET manager = ''")
	people := []map[string]string{h.as("anna"), h.as("boris")}
	replies := make([]reply, 2)
	var both sync.WaitGroup
	for i, who := range people {
		both.Go(func() { replies[i] = h.post(who, "/leads/1/take", url.Values{"back": {"/"}}) })
	}
	both.Wait()
	won, lost := replies[0], replies[1]
	if won.code != http.StatusSeeOther {
		won, lost = lost, won
	}
	if won.code != http.StatusSeeOther || lost.code != http.StatusConflict {
		t.Fatalf("%d and %d", won.code, lost.code)
	}
	if !strings.Contains(lost.body, "Anna Petrova has it already.") && !strings.Contains(lost.body, "Boris has it already.") {
		t.Errorf("the other is not told who has it: %s", lost.body)
	}
}

// TestASupervisorGivesALeadToSomebodyElse: and a manager cannot.
func TestASupervisorGivesALeadToSomebodyElse(t *testing.T) {
	h := newHouse(t, twoPools)
	h.tell("+79161234567", "", nil)
	anna, boss := h.as("anna"), h.as("boss")
	if got := h.post(anna, "/leads/1/assign", url.Values{"to": {"boris"}}); got.code != http.StatusNotFound {
		t.Errorf("a manager gives: %d", got.code)
	}
	all := h.look(boss, "/everyone")
	for _, want := range []string{`<option value="boris">Boris</option>`, `action="/leads/1/assign"`, "Anna Petrova"} {
		if !strings.Contains(all, want) {
			t.Errorf("the page lacks %s: %s", want, all)
		}
	}
	if got := h.post(boss, "/leads/1/assign", url.Values{"to": {"clara"}}); got.code != http.StatusUnprocessableEntity {
		t.Errorf("given to somebody of another pool: %d", got.code)
	}
	if got := h.post(boss, "/leads/1/assign", url.Values{"to": {"boris"}, "back": {"/everyone?pool=default"}}); got.code != http.StatusSeeOther || got.header.Get("Location") != "/everyone?pool=default" {
		t.Errorf("given: %d to %s", got.code, got.header.Get("Location"))
	}
	if !strings.Contains(h.look(h.as("boris"), "/"), "/leads/1") || strings.Contains(h.look(anna, "/"), "/leads/1") {
		t.Error("it is not Boris's, or still Anna's")
	}
	for query, shown := range map[string]bool{"?person=boris": true, "?person=anna": false, "?pool=service": false, "?only=free": false, "?only=overdue": false} {
		if strings.Contains(h.look(boss, "/everyone"+query), `data-key="lead-1"`) != shown {
			t.Errorf("/everyone%s shows it: %v", query, !shown)
		}
	}
}

// TestPagesSpeakTheLanguageOfTheirReader: all that a page says itself.
func TestPagesSpeakTheLanguageOfTheirReader(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	h.tell("+79161234567", "", nil)
	anna := h.as("anna")
	for language, want := range map[string][]string{"ru": {"Перезвонить", "2 пропущенных звонка", "Позвонить", `<html lang="ru"`}, "pl": {"Do oddzwonienia", "2 nieodebrane połączenia", "Zadzwoń", `<html lang="pl"`}} {
		anna["Accept-Language"] = language
		body := h.look(anna, "/") + h.look(anna, "/leads/1") + h.look(anna, "/contacts/1")
		for _, w := range want {
			if !strings.Contains(body, w) {
				t.Errorf("in %s the pages lack %s", language, w)
			}
		}
		for _, id := range []string{"page.", "lists.", "account.", "My callbacks", "Settled", "Note", "missed"} {
			if strings.Contains(body, ">"+id) {
				t.Errorf("in %s a page says %s", language, id)
			}
		}
	}
}

// TestACardIsFilledIn: by hand, and machines are kept from calling.
func TestACardIsFilledIn(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	anna := h.as("anna")
	if got := h.post(anna, "/contacts/1", url.Values{"name": {"Ivan Petrov"}, "email": {"ivan@example.com"}, "note": {"likes tea"}, "shared": {"1"}}); got.code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.code, got.body)
	}
	long := strings.Repeat("й", 3000)
	if got := h.post(anna, "/contacts/1", url.Values{"name": {"Ivan"}, "email": {"ivan@example.com"}, "note": {long}, "shared": {"1"}}); got.code != http.StatusSeeOther {
		t.Errorf("a long note: %d %s", got.code, got.body)
	}
	if body := h.look(anna, "/contacts/1"); !strings.Contains(body, "Anna Petrova changed the contact&#39;s card: <bdi>name: “Ivan Petrov” → “Ivan”; about them: “likes tea” → “ййй") ||
		!strings.Contains(body, "й…”</bdi> <small>· on the page</small>") {
		t.Errorf("the card does not say what was changed: %s", body)
	}
	if got := h.post(anna, "/contacts/1", url.Values{"name": {"Ivan Petrov"}, "email": {"ivan@example.com"}, "note": {"likes tea"}, "shared": {"1"}}); got.code != http.StatusSeeOther {
		t.Errorf("back: %d %s", got.code, got.body)
	}
	if got := h.post(anna, "/contacts/1/robots", url.Values{"may": {"0"}}); got.code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.code, got.body)
	}
	body := h.look(anna, "/contacts/1")
	for _, want := range []string{"<h1><bdi>Ivan Petrov</bdi></h1>", "ivan@example.com", "likes tea", ` checked`, "no robot calls", "No machine calls these numbers"} {
		if !strings.Contains(body, want) {
			t.Errorf("the card lacks %s: %s", want, body)
		}
	}
	h.post(anna, "/contacts/1/robots", url.Values{"may": {"1"}})
	if strings.Contains(h.look(anna, "/contacts/1"), "no robot calls") {
		t.Error("they agree again, and the card does not say so")
	}
	if got := h.post(anna, "/contacts/1/lead", url.Values{"line": {"sales"}, "why": {"promised"}}); got.code != http.StatusSeeOther {
		t.Errorf("a lead by hand: %d %s", got.code, got.body)
	}
	if body := h.look(anna, "/leads/1"); !strings.Contains(body, "Anna Petrova asked for a call back: <bdi>promised</bdi>") {
		t.Errorf("the lead: %s", body)
	}
}

// TestEveryoneSaysWhoIsAway: and who is back.
func TestEveryoneSaysWhoIsAway(t *testing.T) {
	h := newHouse(t, twoPools)
	boss := h.as("boss")
	if _, main, _ := strings.Cut(h.look(boss, "/everyone"), "<main"); strings.Contains(main, ">away") { // their own switch stands above
		t.Error("somebody is away, and nobody said so")
	}
	now := time.Now()
	err := h.db.Do(t.Context(), func(tx *db.Tx) error {
		if _, err := told.GoAway(tx, told.Absence{Login: "boris", From: now.Add(-time.Hour), Until: now.Add(time.Hour), By: "boris"}); err != nil {
			return err
		}
		_, err := told.GoAway(tx, told.Absence{Login: "anna", From: now.Add(time.Hour), Until: now.Add(2 * time.Hour), By: "anna"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if body := h.look(boss, "/everyone"); strings.Count(body, ">away until") != 1 || !strings.Contains(body, `Boris</a> <span class="tag note">away until`) {
		t.Errorf("who is away: %s", body)
	}
	err = h.db.Do(t.Context(), func(tx *db.Tx) error {
		_, err := told.GoAway(tx, told.Absence{Login: "boris", From: now.Add(30 * time.Minute), By: "boris"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if body := h.look(boss, "/everyone"); !strings.Contains(body, `Boris</a> <span class="tag note">away</span>`) {
		t.Errorf("who is away in two absences, of which one has no end: %s", body)
	}
}

// TestALeaderSaysWhoIsAway where they see everybody, and who is away reads it among
// what they owe.
func TestALeaderSaysWhoIsAway(t *testing.T) {
	h := newHouse(t, twoPools)
	boss, anna := h.as("boss"), h.as("anna")
	const says = "You are away: you get no new callbacks"
	if body := h.look(anna, "/"); strings.Contains(body, says) {
		t.Errorf("she is there: %s", body)
	}
	if body := h.look(boss, "/everyone"); !strings.Contains(body, `aria-label="Anna Petrova is away until the next working day"`) {
		t.Fatalf("it cannot be said: %s", body)
	}
	for _, c := range []struct {
		path, back string
		who        map[string]string
		form       url.Values
		away       bool
	}{
		{"/settings/away", "/everyone?pool=default", boss, url.Values{"login": {"anna"}, "quick": {"1"}}, true},
		{"/settings/back", "/", anna, url.Values{}, false},
		{"/settings/away", "/everyone", boss, url.Values{"login": {"anna"}, "quick": {"1"}}, true},
		{"/settings/back", "/everyone", boss, url.Values{"login": {"anna"}}, false},
	} {
		c.form.Set("back", c.back)
		if got := h.post(c.who, c.path, c.form); got.code != http.StatusSeeOther || got.header.Get("Location") != c.back {
			t.Errorf("%s %v: %d to %s", c.path, c.form, got.code, got.header.Get("Location"))
		}
		if hers := h.look(anna, "/"); strings.Contains(hers, says) != c.away || strings.Contains(hers, `<input type="hidden" name="back" value="/"><span>`) != c.away {
			t.Errorf("%s: she reads %s", c.path, hers)
		}
		if all := h.look(boss, "/everyone"); strings.Contains(all, "They are back") != c.away {
			t.Errorf("%s: the boss reads %s", c.path, all)
		}
	}
	if got := h.post(boss, "/settings/away", url.Values{"login": {"anna"}, "quick": {"1"}, "back": {"https://evil.example"}}); got.header.Get("Location") != "/" {
		t.Errorf("it leads to %s", got.header.Get("Location"))
	}
}
