package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestAProgramThatActsForAManagerMayWhatTheyMay asks for every deed about the lead and
// the contact of another pool, and of another person, in a manager's name.
func TestAProgramThatActsForAManagerMayWhatTheyMay(t *testing.T) {
	s := newStreet(t)
	s.before = s.state()
	posts := func(path, body string) reply { return s.send("POST", "/api/v1"+path, "application/json", body) }
	deeds := map[string]string{"acknowledge": "", "take": "", "later": `,"until":"` + inHours(3) + `"`, "settle": "", "enough": "", "notes": `,"text":"x"`, "assign": `,"to":"olga"`}
	for deed, more := range deeds {
		if got := posts("/leads/1/"+deed, `{"login":"olga"`+more+`}`); got.code != http.StatusNotFound {
			t.Errorf("%s of another pool's lead: %d %s", deed, got.code, got.body)
		}
	}
	if got := posts("/contacts/1/notes", `{"login":"olga","text":"x"}`); got.code != http.StatusNotFound {
		t.Errorf("a note on a contact that they do not see: %d %s", got.code, got.body)
	}
	if now := s.state(); now != s.before {
		t.Error("something was changed in olga's name")
	}
	s.exec("UPDATE leads SET manager = 'boss' WHERE id = 2")
	for _, deed := range []string{"acknowledge", "take", "settle"} {
		if got := s.wants(http.StatusConflict, "POST", "/api/v1/leads/2/"+deed, `{"login":"anna"}`); got["by"] != "boss" {
			t.Errorf("%s of the boss's lead: %v", deed, got)
		}
	}
	s.wants(http.StatusOK, "POST", "/api/v1/contacts/1/notes", `{"login":"anna","text":"x"}`)
	s.wants(http.StatusOK, "POST", "/api/v1/leads/1/acknowledge", `{"login":"root"}`)
	if got := s.wants(http.StatusOK, "POST", "/api/v1/leads/1/settle", `{"login":"boss"}`); got["closed_by"] != "boss" {
		t.Errorf("by who leads the pool: %v", got)
	}
}

func TestAProgramEntersConsentsInItsOwnName(t *testing.T) {
	s := newStreet(t)
	token, _, err := s.people.MakeToken(t.Context(), "crm", []string{"consents:write", "consents:read", "contacts:read"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	sends := func(kind, body string) {
		t.Helper()
		header := bearerHeader(token)
		header["Content-Type"] = kind
		if got := s.ask(ask{method: http.MethodPost, path: "/api/v1/consents", header: header, body: body}); got.code != http.StatusOK {
			t.Fatalf("%d %s", got.code, got.body)
		}
	}
	sends("application/json", `{"number":"+7`+clientNumber+`","kind":"refused","who":"anna","note":"by letter"}`)
	sends("application/json", `{"number":"+79160000001","kind":"refused","who":"anna"}`)
	sends("text/csv", "number,kind,who,note\n+79160000002,agreed,anna,\n+79160000003,agreed,api:crm,form\n+79160000004,agreed,,form\n")
	var entered []string
	for _, item := range s.wants(http.StatusOK, "GET", "/api/v1/consents", "")["items"].([]any) {
		word := item.(map[string]any)
		entered = append(entered, line(word["who"], word["note"]))
	}
	if got, want := strings.Join(entered, ";"), "api:crm anna: by letter;api:crm anna;api:crm anna;api:crm form;api:crm form"; got != want {
		t.Errorf("entered is %s, want %s", got, want)
	}
	if told := fmt.Sprint(s.wants(http.StatusOK, "GET", "/api/v1/contacts/1", "")["timeline"]); !strings.Contains(told, "kind:consent_refused lead:<nil> who:api:crm") {
		t.Errorf("the timeline tells %s", told)
	}
}
