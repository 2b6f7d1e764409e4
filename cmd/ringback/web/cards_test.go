package web

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// line is values with blanks between.
func line(values ...any) string { return strings.TrimSuffix(fmt.Sprintln(values...), "\n") }

func TestACardByNumberAndByExternalID(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil) // contact 1: has rung
	const contacts = "/api/v1/contacts"
	// Whose number is known is filled in; what is new is made.
	got := h.wants(http.StatusOK, "PUT", contacts, `{"external_id":"crm-1","number":"8 (916) 123-45-67","name":"Иван","email":"ivan@example.com","language":"RU","note":"a\nb"}`)
	if line(got["id"], got["name"], got["external_id"], got["email"], got["language"], got["note"], got["needs_details"]) != "1 Иван crm-1 ivan@example.com ru a\nb false" {
		t.Errorf("%v", got)
	}
	made := h.send("PUT", contacts, "application/json", `{"external_id":"crm-2","numbers":["+79031112233","89031112234"],"name":"Olga","manager":"anna","shared":true}`)
	if made.code != http.StatusCreated || made.header.Get("Location") != "/api/v1/contacts/2" || !strings.Contains(made.body, `"numbers":["+79031112233","+79031112234"]`) {
		t.Errorf("%d %v %s", made.code, made.header, made.body)
	}
	// The same again changes nothing; by its external id it gets another number.
	before := h.rows("timeline")
	h.wants(http.StatusOK, "PUT", contacts, `{"external_id":"crm-2","numbers":["+79031112233"],"name":"Olga","shared":true}`)
	if n := h.rows("timeline"); n != before {
		t.Errorf("%d entries for what changed nothing", n-before)
	}
	got = h.wants(http.StatusOK, "PUT", contacts, `{"external_id":"crm-2","number":"+79031112235"}`)
	if len(got["numbers"].([]any)) != 3 || got["name"] != "Olga" || !strings.Contains(fmt.Sprint(got["timeline"]), "card_changed") {
		t.Errorf("%v", got)
	}
	// What belongs to another is refused, and says whose it is.
	for body, whose := range map[string]float64{
		`{"external_id":"crm-2","number":"+79161234567"}`:                       1,
		`{"numbers":["+79161234567","+79031112233"]}`:                           2,
		`{"external_id":"crm-3","number":"+79161234567"}`:                       1,
		`{"number":"+79031112233","external_id":"crm-1"}`:                       2,
		`{"numbers":["+79031112299","+79161234567","+79031112233"],"name":"x"}`: 2,
	} {
		if got := h.wants(http.StatusConflict, "PUT", contacts, body); got["contact"] != whose || fmt.Sprint(got["problems"]) == "" {
			t.Errorf("%s: %v", body, got)
		}
	}
	if n := h.rows("numbers"); n != 4 {
		t.Errorf("%d numbers after what was refused", n)
	}
	for query, want := range map[string]string{"number=%2B79161234567": `[{"id":1,`, "number=89031112235": `[{"id":2,`, "external_id=crm-2": `[{"id":2,`,
		"external_id=crm-9": "[]", "number=%2B79031112299": "[]", "external_id=crm-2&number=89161234567": "[]"} {
		if got := h.api(contacts + "?" + query); !strings.HasPrefix(got, `{"items":`+want) {
			t.Errorf("%s: %s", query, got)
		}
	}
	// A number is taken away by naming those that stay.
	got = h.wants(http.StatusOK, "PATCH", contacts+"/2", `{"numbers":["+79031112233"],"manager":""}`)
	if line(got["numbers"], got["manager"]) != "[+79031112233] " {
		t.Errorf("%v", got)
	}
}

func TestABadCardIsRefusedByField(t *testing.T) {
	h := newHouse(t)
	got := h.wants(http.StatusUnprocessableEntity, "PUT", "/api/v1/contacts", `{"external_id":"","numbers":["+79031112233","112"],"name":" ","manager":"nobody","email":"x y@z",
		"language":"klingonese","note":"a\u0000b"}`)
	for _, field := range []string{"external_id", "numbers[1]", "name", "manager", "email", "language", "note"} {
		if !strings.Contains(fmt.Sprint(got["problems"]), "field:"+field+" ") {
			t.Errorf("nothing about %s: %v", field, got)
		}
	}
	for _, body := range []string{`{}`, `{"name":"x"}`, `{"external_id":"new one"}`, `{"number":"+79031112233","name":"` + strings.Repeat("x", 257) + `"}`,
		`{"numbers":[` + strings.Repeat(`"+79031112233",`, 20) + `"+79031112233"]}`} {
		h.wants(http.StatusUnprocessableEntity, "PUT", "/api/v1/contacts", body)
	}
	h.wants(http.StatusRequestEntityTooLarge, "PUT", "/api/v1/contacts", `{"name":"`+strings.Repeat("x", 100<<10)+`"}`)
	if h.rows("contacts") != 0 || h.rows("numbers") != 0 {
		t.Error("something was made of bad cards")
	}
}

func TestMergingOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	h.tell("+79031112233", "", nil)
	h.wants(http.StatusOK, "PUT", "/api/v1/contacts", `{"external_id":"crm-2","number":"+79031112233","name":"Olga"}`)
	h.wants(http.StatusUnprocessableEntity, "POST", "/api/v1/contacts/2/merge", `{}`)
	h.wants(http.StatusConflict, "POST", "/api/v1/contacts/2/merge", `{"into":2}`)
	h.wants(http.StatusNotFound, "POST", "/api/v1/contacts/2/merge", `{"into":9}`)
	got := h.wants(http.StatusOK, "POST", "/api/v1/contacts/2/merge", `{"into":1}`)
	if line(got["id"], got["name"], got["external_id"], got["open_leads"], len(got["calls"].([]any))) != "1 Olga crm-2 1 2" {
		t.Errorf("%v", got)
	}
	old := h.send("GET", "/api/v1/contacts/2", "", "")
	if old.code != http.StatusMovedPermanently || old.header.Get("Location") != "/api/v1/contacts/1" {
		t.Errorf("%d %v %s", old.code, old.header, old.body)
	}
	if got := h.wants(http.StatusGone, "PATCH", "/api/v1/contacts/2", `{"name":"x"}`); got["merged_into"] != 1.0 {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusGone, "POST", "/api/v1/contacts/2/notes", `{"text":"x"}`)
	if list := h.api("/api/v1/contacts"); strings.Contains(list, `"id":2`) {
		t.Errorf("what was merged is listed: %s", list)
	}
	if got := h.wants(http.StatusOK, "GET", "/api/v1/leads/2", ""); got["outcome"] != "merged" {
		t.Errorf("%v", got)
	}
	got = h.wants(http.StatusOK, "PUT", "/api/v1/contacts", `{"external_id":"crm-2","note":"vip"}`)
	if got["id"] != 1.0 || got["note"] != "vip" {
		t.Errorf("%v", got)
	}
}

func TestDeedsOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	lead := func(what string) string { return "/api/v1/leads/1/" + what }
	got := h.wants(http.StatusOK, "POST", lead("later"), `{"login":"anna","until":"`+inHours(3)+`"}`)
	if got["acknowledged_by"] != "anna" || got["manager"] != "anna" {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusUnprocessableEntity, "POST", lead("later"), `{"login":"anna","until":"`+inHours(3000)+`"}`)
	h.wants(http.StatusUnprocessableEntity, "POST", lead("later"), `{"login":"anna","until":"soon"}`)
	if got := h.wants(http.StatusOK, "POST", lead("assign"), `{"to":"boss"}`); got["manager"] != "boss" {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusUnprocessableEntity, "POST", lead("assign"), `{"to":"nobody"}`)
	// A program that acts for somebody may what they may.
	if got := h.wants(http.StatusConflict, "POST", lead("take"), `{"login":"anna"}`); got["by"] != "boss" {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusConflict, "POST", lead("assign"), `{"to":"anna","login":"anna"}`)
	h.wants(http.StatusOK, "POST", lead("assign"), `{"to":"anna","login":"boss"}`)
	h.wants(http.StatusOK, "POST", lead("take"), `{"login":"anna"}`)
	h.wants(http.StatusConflict, "POST", lead("enough"), `{"login":"anna"}`)
	if got := h.wants(http.StatusOK, "POST", lead("notes"), `{"text":"asks for the price","login":"anna"}`); !strings.Contains(fmt.Sprint(got["timeline"]), "asks for the price") {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusUnprocessableEntity, "POST", lead("notes"), `{"text":""}`)
	h.wants(http.StatusUnprocessableEntity, "POST", lead("settle"), `{"login":"anna","outcome":"not_needed"}`)
	h.wants(http.StatusUnprocessableEntity, "POST", lead("settle"), `{"login":"anna","outcome":"lost"}`)
	if got := h.wants(http.StatusOK, "POST", lead("settle"), `{"login":"anna","outcome":"not_needed","why":"a wrong number"}`); got["outcome"] != "not_needed" {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusOK, "POST", lead("notes"), `{"text":"also of a closed one"}`)
	h.wants(http.StatusConflict, "POST", lead("take"), `{"login":"anna"}`)

	opened := h.wants(http.StatusCreated, "POST", "/api/v1/leads", `{"number":"+79031112233","line":"sales","manager":"anna","why":"promised"}`)
	if line(opened["id"], opened["manager"], opened["state"]) != "2 anna open" {
		t.Errorf("%v", opened)
	}
	h.wants(http.StatusOK, "POST", "/api/v1/leads", `{"contact":2,"line":"sales","why":"once more"}`)
	for _, body := range []string{`{}`, `{"contact":2,"number":"+79031112233"}`, `{"number":"112"}`, `{"contact":2,"line":"nowhere"}`, `{"contact":2,"manager":"nobody"}`} {
		h.wants(http.StatusUnprocessableEntity, "POST", "/api/v1/leads", body)
	}
	h.wants(http.StatusNotFound, "POST", "/api/v1/leads", `{"contact":99}`)
	for query, want := range map[string]int{"state=open": 1, "manager=anna": 2, "manager=boss": 0, "pool=default&state=closed": 1, "contact=2": 1, "since=2026-01-01T00:00:00Z": 2,
		"since=2100-01-01T00:00:00Z": 0, "state=open&contact=1": 0} {
		if got := len(h.wants(http.StatusOK, "GET", "/api/v1/leads?"+query, "")["items"].([]any)); got != want {
			t.Errorf("leads?%s: %d, want %d", query, got, want)
		}
	}
	for query, want := range map[string]int{"lead=1": 1, "lead=2": 0, "contact=1": 1, "verdict=missed": 1, "verdict=answered": 0, "since=2100-01-01T00:00:00Z": 0} {
		if got := len(h.wants(http.StatusOK, "GET", "/api/v1/calls?"+query, "")["items"].([]any)); got != want {
			t.Errorf("calls?%s: %d, want %d", query, got, want)
		}
	}
	for _, query := range []string{"calls?verdict=lost", "calls?contact=x", "calls?lead=1&verdict=missed", "calls?since=now", "leads?pool=", "leads?contact=-1", "contacts?number=112", "contacts?external_id="} {
		h.wants(http.StatusBadRequest, "GET", "/api/v1/"+query, "")
	}
}

// TestATimelineNamesTheProgram wants the name of its token there, as no login is
// written, and the login of whom it acts for.
func TestATimelineNamesTheProgram(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	secret, _, err := h.people.MakeToken(t.Context(), "our-crm", []string{"leads:write"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	header := bearerHeader(secret)
	header["Content-Type"] = "application/json"
	for body, who := range map[string]string{`{"text":"of its own"}`: "api:our-crm", `{"text":"of anna's","login":"anna"}`: "anna"} {
		got := h.ask(ask{method: "POST", path: "/api/v1/leads/1/notes", header: header, body: body})
		if !strings.Contains(got.body, `"kind":"noted","who":"`+who+`"`) {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if got := h.ask(ask{method: "PUT", path: "/api/v1/contacts", header: header, body: `{"number":"+79161234567"}`}); got.code != http.StatusForbidden {
		t.Errorf("without the scope: %d %s", got.code, got.body)
	}
}
