package web

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/people"
)

// TestWhatPeopleDoIsShownWithTheirName: to who leads them, also what is about no
// client, and by which program it was done for them; to nobody else, and without
// what one could come in with.
func TestWhatPeopleDoIsShownWithTheirName(t *testing.T) {
	s := newStreet(t)
	ctx := t.Context()
	const first, second = "correct horse battery", "staple of quite another kind"
	invite, _, err := s.people.Invite(ctx, "anna", people.ToSetPassword)
	if err == nil {
		_, err = s.people.Accept(ctx, invite, first, people.From{})
	}
	if err != nil {
		t.Fatal(err)
	}
	cookie, err := s.people.LogIn(ctx, "anna", first, people.From{})
	if err != nil {
		t.Fatal(err)
	}
	token, _, err := s.people.MakeToken(ctx, "our-crm", []string{"leads:write", "appointments:write"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	anna := s.as("anna")
	for _, did := range []struct {
		path   string
		fields url.Values
	}{
		{"/account/language", url.Values{"language": {"pl"}}},
		{"/settings", url.Values{"weekdays": {"22:00-07:00"}}},
		{"/settings/away", url.Values{"quick": {"1"}}},
		{"/settings/back", nil},
		{"/contacts/1", url.Values{"name": {"Svetlana Other"}}},
		{"/leads/1/take", nil},
		{"/account/password", url.Values{"old": {first}, "password": {second}, "again": {second}}},
	} {
		if got := s.post(anna, did.path, did.fields); got.code != http.StatusSeeOther {
			t.Fatalf("%s: %d %s", did.path, got.code, got.body)
		}
	}
	header := bearerHeader(token)
	header["Content-Type"] = "application/json"
	for path, body := range map[string]string{
		"/api/v1/leads/1/later": `{"login":"anna","until":"` + s.db.Now().Add(24*time.Hour).Format(time.RFC3339) + `"}`,
		"/api/v1/appointments":  `{"contact":1,"starts_at":"` + s.db.Now().Add(72*time.Hour).Format(time.RFC3339) + `"}`,
	} {
		if got := s.ask(ask{method: http.MethodPost, path: path, header: header, body: body}); got.code >= 300 {
			t.Fatalf("%s: %d %s", path, got.code, got.body)
		}
	}
	s.wants(http.StatusOK, "POST", "/api/v1/leads/1/notes", `{"text":"by the token of the file"}`)
	for _, how := range []func(context.Context, string) error{s.people.Lock, s.people.Unlock} {
		if err := how(ctx, "anna"); err != nil {
			t.Fatal(err)
		}
	}

	says := func(page string, all ...string) {
		t.Helper()
		for _, text := range all {
			if !strings.Contains(page, text) {
				t.Errorf("%q is not in %s", text, page)
			}
		}
	}
	of := s.look(s.as("root"), "/doings?who=anna")
	says(of, "Account of Anna Petrova: a password was set", "Account of Anna Petrova: logged in", "Account of Anna Petrova: locked <small>· by a command at the server", "another language", "Polski",
		"Anna Petrova has chosen how to be told: <bdi>quiet times, Monday to Friday: nothing → “22:00-07:00”", "Anna Petrova is away", "Anna Petrova is back",
		"Anna Petrova changed the contact", "by the program our-crm", `href="/leads/1"`, `href="/contacts/1"`)
	all := s.look(s.as("root"), "/doings")
	says(all, "Account of api:our-crm: token made <bdi>allows: nothing → “appointments:write, leads:write”", `href="/doings?who=api%3Aour-crm"`, `href="/doings?who=anna"`)
	says(s.look(s.as("root"), "/doings?who=api:our-crm"), "An appointment was made", "api:our-crm, through the API")
	says(s.look(s.as("root"), "/doings?who=api:token_file"), "by the token of the file")
	says(s.look(s.as("boss"), "/doings?who=anna"), "Account of Anna Petrova: logged in", `href="/leads/1"`)
	for _, secret := range []string{first, second, invite, cookie, token, strings.TrimPrefix(token, people.TokenPrefix)} {
		if strings.Contains(all+of, secret) {
			t.Errorf("a secret is shown: %s", secret)
		}
	}
	// Who leads others than these sees nothing of it, and who leads nobody no page.
	petr := s.as("petr")
	if page := s.look(petr, "/doings"); strings.Contains(page, "Petrova") || strings.Contains(page, "Svetlana") || strings.Contains(page, "our-crm") || !strings.Contains(page, "Account of petr") {
		t.Errorf("petr sees %s", page)
	}
	for _, who := range []string{"anna", "api:our-crm", "nobody"} {
		if got := s.ask(ask{path: "/doings?who=" + who, header: petr}); got.code != http.StatusUnprocessableEntity || strings.Contains(got.body, "Petrova") {
			t.Errorf("petr asks for %s: %d %s", who, got.code, got.body)
		}
	}
	if got := s.ask(ask{path: "/doings", header: s.as("olga")}); got.code != http.StatusForbidden {
		t.Errorf("olga, who leads nobody: %d", got.code)
	}
}

// TestWhatALeaderDoesNotSeeIsInNoDoings: who works in two pools is shown to who leads
// one of them with what they did there.
func TestWhatALeaderDoesNotSeeIsInNoDoings(t *testing.T) {
	s := newStreet(t)
	d := s.server.cfg.Office.Directory
	d.Pools[len(d.Pools)-1].Managers = append(d.Pools[len(d.Pools)-1].Managers, "anna")
	anna := s.as("anna")
	s.post(anna, "/leads/1/note", url.Values{"text": {"for her boss"}})
	s.post(anna, "/contacts/1", url.Values{"name": {"Svetlana Other"}})
	if page := s.look(s.as("petr"), "/doings?who=anna"); strings.Contains(page, "for her boss") || strings.Contains(page, "Svetlana") || !strings.Contains(page, "Account of Anna Petrova") {
		t.Errorf("petr sees %s", page)
	}
	if page := s.look(s.as("boss"), "/doings?who=anna"); !strings.Contains(page, "for her boss") {
		t.Errorf("boss does not see %s", page)
	}
}

// TestALongHistoryIsShownToItsEnd: of a lead, of a contact, and of what people did.
func TestALongHistoryIsShownToItsEnd(t *testing.T) {
	s := newStreet(t)
	anna, root := s.as("anna"), s.as("root")
	const notes = 450
	err := s.do(notes)
	if err != nil {
		t.Fatal(err)
	}
	for path, who := range map[string]map[string]string{"/leads/1": anna, "/contacts/1": anna, "/doings?who=anna": root} {
		seen := map[string]bool{}
		at := path
		for page := 0; at != ""; page++ {
			if page > notes/100+2 {
				t.Fatalf("%s has no end", path)
			}
			body := s.look(who, at)
			for _, piece := range strings.Split(body, "<bdi>note ")[1:] {
				n, _, _ := strings.Cut(piece, "<")
				if seen[n] {
					t.Errorf("%s: note %s twice", path, n)
				}
				seen[n] = true
			}
			if newest := strings.Contains(body, "← Newest"); newest != (page > 0) {
				t.Errorf("%s: a way back to the newest: %v", at, newest)
			}
			at = ""
			if _, rest, more := strings.Cut(body, `rel="next" href="`); more {
				at, _, _ = strings.Cut(rest, `"`)
				at, _, _ = strings.Cut(strings.ReplaceAll(at, "&amp;", "&"), "#")
			}
		}
		if len(seen) != notes {
			t.Errorf("%s shows %d of %d notes", path, len(seen), notes)
		}
	}
	for _, path := range []string{"/leads/1", "/contacts/1"} {
		if got := s.ask(ask{path: path + "?older=nonsense", header: anna}); got.code != http.StatusSeeOther || got.header.Get("Location") != path {
			t.Errorf("%s of nowhere: %d", path, got.code)
		}
	}
	if got := s.ask(ask{path: "/doings?older=nonsense", header: root}); got.code != http.StatusUnprocessableEntity {
		t.Errorf("doings of nowhere: %d", got.code)
	}
}

// do has anna note something about client 1, often.
func (s *street) do(often int) error {
	hand := s.book.Hand(leads.Sight{Login: "anna", All: true}, leads.ByPage)
	return s.db.Do(s.t.Context(), func(tx *db.Tx) error {
		for i := range often {
			if err := hand.Remark(tx, 1, fmt.Sprintf("note %d", i)); err != nil {
				return err
			}
		}
		return nil
	})
}
