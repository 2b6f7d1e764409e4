package web

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/text"
	"ringback/robotcall"
)

// A program lets somebody's phone ring about a lead; while that goes on nobody is
// rung again, and it can be asked how far it has come.
func TestProgramsCallForPeople(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	first := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", `{"login":"anna"}`)
	if first.code != http.StatusAccepted || first.header.Get("Location") != "/api/v1/clicks/1" || !strings.Contains(first.body, `"state":"ringing_you"`) {
		t.Fatalf("%d %s %s", first.code, first.header.Get("Location"), first.body)
	}
	again := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", `{"login":"anna"}`)
	if again.code != http.StatusAccepted || again.body != first.body {
		t.Errorf("again: %d %s", again.code, again.body)
	}
	if got := h.send(http.MethodGet, "/api/v1/clicks/1", "", ""); got.code != http.StatusOK || got.body != first.body {
		t.Errorf("how far: %d %s", got.code, got.body)
	}
	h.tell("", "", nil)
	for path, want := range map[string]int{"/api/v1/leads/99/call": http.StatusNotFound, "/api/v1/leads/x/call": http.StatusNotFound} {
		if got := h.send(http.MethodPost, path, "application/json", `{"login":"anna"}`); got.code != want {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	for _, body := range []string{`{"login":"nobody"}`, `{}`} {
		if got := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", body); got.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if got := h.send(http.MethodGet, "/api/v1/clicks/2", "", ""); got.code != http.StatusNotFound {
		t.Errorf("one that was never asked for: %d", got.code)
	}
}

// A program does not ring again and again who does not pick up; who presses Call on
// their own page is rung as they ask.
func TestProgramsDoNotRingOnAndOn(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	ask := func() reply {
		return h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", `{"login":"anna"}`)
	}
	do := func(fn func(tx *db.Tx) error) {
		t.Helper()
		if err := h.db.Do(t.Context(), fn); err != nil {
			t.Fatal(err)
		}
	}
	rung := func(pickedUp bool) { // as the jobs leave it, which nobody runs here
		t.Helper()
		d := dials.Dial{Channel: rand.Text(), PBX: "main", Kind: dials.Click, Device: "PJSIP/101", Who: "anna"}
		d.Call = d.Channel
		do(func(tx *db.Tx) error {
			if err := dials.Insert(tx, &d); err != nil {
				return err
			}
			if pickedUp {
				if err := dials.MarkAnswered(tx, d.Channel); err != nil {
					return err
				}
			}
			if err := dials.End(tx, d.Channel, dials.NoAnswer, ""); err != nil {
				return err
			}
			_, err := tx.Exec("UPDATE clicks SET ended = clicked, why = 'you_did_not_answer' WHERE ended = 0")
			return err
		})
	}
	for _, pickedUp := range []bool{false, true, false, true, false} {
		if got := ask(); got.code != http.StatusAccepted {
			t.Fatalf("%d %s", got.code, got.body)
		}
		rung(pickedUp)
	}
	if got := ask(); got.code != http.StatusTooManyRequests || !strings.Contains(got.body, "3 times") {
		t.Errorf("once more: %d %s", got.code, got.body)
	} else if wait, _ := strconv.Atoi(got.header.Get("Retry-After")); wait < 1 || wait > 901 {
		t.Errorf("to be tried again after %d s", wait)
	}
	if got := h.post(h.as("anna"), "/leads/1/call", nil); got.code != http.StatusSeeOther {
		t.Errorf("on her own page: %d", got.code)
	}
	rung(true)
	do(func(tx *db.Tx) error { _, err := tx.Exec("UPDATE dials SET booked = booked - 901000"); return err })
	if got := ask(); got.code != http.StatusAccepted {
		t.Errorf("a quarter of an hour later: %d %s", got.code, got.body)
	}
}

// hindered is a caller whose calls would fail.
type hindered struct {
	*robotcall.Managers
	by robotcall.Hindrance
}

func (h *hindered) Hindrance(_, number string) robotcall.Hindrance {
	if h.by == robotcall.BadClient && number == "" {
		return ""
	}
	return h.by
}

// TestThePageSaysWhyCallDoesNot ring somebody's phone, in their language, and lets
// their own device dial.
func TestThePageSaysWhyCallDoesNot(t *testing.T) {
	caller := &hindered{}
	h := newHouse(t, func(c *Config) {
		caller.Managers = c.Caller.(*robotcall.Managers)
		c.Caller = caller
	})
	h.tell("+79161234567", "", nil)
	anna := h.as("anna")
	pages := func(says string, rings bool) {
		t.Helper()
		for path, asks := range map[string]string{"/": `action="/leads/1/call"`, "/leads/1": `action="/leads/1/call"`, "/contacts/1": `action="/contacts/1/call"`} {
			body := h.look(anna, path)
			if strings.Contains(body, asks) != rings || !rings && !strings.Contains(body, `href="tel:&#43;79161234567"`) || says != "" && strings.Count(body, says) != 1 {
				t.Errorf("%s by %q: %s", path, caller.by, body)
			}
		}
	}
	pages("", true)
	for _, l := range text.Languages {
		if got := h.submit("/account/language", anna, "csrf", h.formOf(anna), "language", string(l)); got.code != http.StatusSeeOther {
			t.Fatalf("the language: %d", got.code)
		}
		for _, by := range robotcall.Hindrances {
			caller.by = by
			if !text.In(l).Has("page.hindered." + string(by)) {
				t.Errorf("%s does not say %s", l, by)
			}
			pages(text.In(l).Say("page.hindered."+string(by)), false)
		}
	}
	// What has come to nothing for it says so too.
	caller.by = ""
	if got := h.post(anna, "/leads/1/call", nil); got.code != http.StatusSeeOther {
		t.Fatalf("%d %s", got.code, got.body)
	}
	h.exec("UPDATE clicks SET ended = clicked, why = 'failed'")
	if body := h.look(anna, "/leads/1?call=1"); !strings.Contains(body, text.In(text.Polish).Say("page.progress.ended.failed")) {
		t.Errorf("it failed: %s", body)
	}
	caller.by = robotcall.PBXDown
	if body := h.look(anna, "/leads/1?call=1"); strings.Count(body, text.In(text.Polish).Say("page.hindered.pbx_down")) != 2 {
		t.Errorf("it failed for the PBX: %s", body)
	}
}
