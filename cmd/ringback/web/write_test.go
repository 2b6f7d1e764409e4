package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/api"
)

// send sends a body as a program with the right token does.
func (h *house) send(method, path, kind, body string) reply {
	h.t.Helper()
	header := bearerHeader(rightToken)
	if kind != "" {
		header["Content-Type"] = kind
	}
	return h.ask(ask{method: method, path: path, header: header, body: body})
}

// wants sends JSON and wants an answer.
func (h *house) wants(code int, method, path, body string) map[string]any {
	h.t.Helper()
	got := h.send(method, path, "application/json; charset=utf-8", body)
	if got.code != code {
		h.t.Fatalf("%s %s %s: %d %s, want %d", method, path, body, got.code, got.body, code)
	}
	var answer map[string]any
	if err := json.Unmarshal([]byte(got.body), &answer); err != nil {
		h.t.Fatal(err)
	}
	return answer
}

// rows counts the rows of a table.
func (h *house) rows(table string) (n int) {
	h.t.Helper()
	if err := h.db.Reader().QueryRow("SELECT COUNT(*) FROM " + table).Scan(&n); err != nil {
		h.t.Fatal(err)
	}
	return n
}

func inHours(n int) string { return time.Now().Add(time.Duration(n) * time.Hour).Format(time.RFC3339) }

func TestAnAppointmentOverTheAPI(t *testing.T) {
	h := newHouse(t)
	body := fmt.Sprintf(`{"ref":"crm-7","number":"8 (916) 123-45-67","name":"Иван","manager":"anna","starts_at":%q,"place":"Lenina 5","fields":{"room":"12"}}`, inHours(72))
	made := h.send("POST", "/api/v1/appointments", "application/json", body)
	if made.code != http.StatusCreated || made.header.Get("Location") != "/api/v1/appointments/1" {
		t.Fatalf("%d %v %s", made.code, made.header, made.body)
	}
	for _, want := range []string{`"id":1`, `"contact":{"id":1,"name":"Иван","number":"+79161234567"}`, `"state":"booked"`, `"fields":{"room":"12"}`,
		`"occasion":"created"`, `"occasion":"before"`, `"kind":"appointment_booked"`} {
		if !strings.Contains(made.body, want) {
			t.Errorf("the answer lacks %s: %s", want, made.body)
		}
	}
	h.wants(http.StatusOK, "POST", "/api/v1/appointments", body)
	h.wants(http.StatusConflict, "POST", "/api/v1/appointments", strings.Replace(body, "Lenina 5", "Lenina 6", 1))

	changed := h.wants(http.StatusOK, "PATCH", "/api/v1/appointments/1", `{"version":1,"place":"Lenina 6","fields":{"room":""}}`)
	if changed["place"] != "Lenina 6" || changed["version"] != 2.0 || len(changed["fields"].(map[string]any)) != 0 {
		t.Errorf("after the change: %v", changed)
	}
	h.wants(http.StatusConflict, "PATCH", "/api/v1/appointments/1", `{"version":1,"place":"Lenina 7"}`)
	h.wants(http.StatusNotFound, "PATCH", "/api/v1/appointments/2", `{"place":"Lenina 7"}`)
	h.wants(http.StatusUnprocessableEntity, "PATCH", "/api/v1/appointments/1", `{"state":"cancelled"}`)
	if got := h.wants(http.StatusOK, "PATCH", "/api/v1/appointments/1", `{"state":"confirmed"}`); got["state"] != "confirmed" {
		t.Errorf("after somebody confirmed it: %v", got)
	}
	for range 2 {
		if got := h.send("DELETE", "/api/v1/appointments/1", "", ""); got.code != http.StatusOK || !strings.Contains(got.body, `"state":"cancelled"`) {
			t.Errorf("DELETE: %d %s", got.code, got.body)
		}
	}
	h.wants(http.StatusConflict, "PATCH", "/api/v1/appointments/1", `{"place":"Lenina 7"}`)
	if list := h.api("/api/v1/appointments"); !strings.HasPrefix(list, `{"items":[{"id":1,"ref":"crm-7",`) || !strings.HasSuffix(list, `],"next":""}`+"\n") {
		t.Error(list)
	}
	if list := h.api("/api/v1/reminders?limit=1"); !strings.Contains(list, `"outcome":"withdrawn"`) || strings.Contains(list, `"next":""`) {
		t.Error(list)
	}
}

// TestABadBodyIsRefused wants a clear answer, of one shape, and no trace.
func TestABadBodyIsRefused(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/api/v1/appointments", "/api/v1/reminders", "/api/v1/consents"} {
		for body, want := range map[string]string{
			``: "body is empty", `{`: "not JSON", `[]`: "not a JSON object", `null`: "not a JSON object", `{} {}`: "after the JSON object", `{"nummer":"1"}`: `\"nummer\"`,
			`{"number":7}`: "number", strings.Repeat(" ", api.MaxJSON) + "{}": "kB",
		} {
			got := h.send("POST", path, "application/json", body)
			wantCode := http.StatusBadRequest
			if len(body) > api.MaxJSON {
				wantCode = http.StatusRequestEntityTooLarge
			}
			if got.code != wantCode || !strings.Contains(got.body, want) {
				t.Errorf("%s %.40q: %d %s", path, body, got.code, got.body)
			}
			checkProblem(t, path, got)
		}
		for _, kind := range []string{"text/plain", "multipart/form-data; boundary=x", "application/json; ="} {
			if got := h.send("POST", path, kind, "{}"); got.code != http.StatusUnsupportedMediaType {
				t.Errorf("%s as %q: %d %s", path, kind, got.code, got.body)
			}
		}
		for _, kind := range []string{"", "application/x-www-form-urlencoded"} { // as curl -d posts
			if got := h.send("POST", path, kind, "a=b"); got.code != http.StatusBadRequest || !strings.Contains(got.body, "not JSON") {
				t.Errorf("%s as %q: %d %s", path, kind, got.code, got.body)
			}
		}
	}
	got := h.send("POST", "/api/v1/reminders", "application/json", `{"number":"112","media":["sound:../x","{date}","tone:ring"],"manager":"x","keys":{"confirm":"12"}}`)
	for _, field := range []string{`"field":"number"`, `"field":"media[0]"`, `"field":"media[1]"`, `"field":"media[2]"`, `"field":"manager"`, `"field":"keys.confirm"`} {
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, field) {
			t.Errorf("%s is missing: %d %s", field, got.code, got.body)
		}
	}
	for _, table := range []string{"appointments", "reminders", "contacts", "consents", "timeline", "jobs"} {
		if n := h.rows(table); n > 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

// TestOnlyATokenWrites wants that neither sitting here nor a browser's password
// suffices, and that the read-only rest stays so.
func TestOnlyATokenWrites(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	basic := map[string]string{"Authorization": "Basic eDpjMGZmZWUtYzBmZmVlLWMwZmZlZS1jMGZmZWU=", "Content-Type": "application/json"}
	for _, c := range []struct{ method, path string }{
		{"POST", "/api/v1/appointments"}, {"PATCH", "/api/v1/appointments/1"}, {"DELETE", "/api/v1/appointments/1"}, {"POST", "/api/v1/reminders"},
		{"PUT", "/api/v1/contacts"}, {"PATCH", "/api/v1/contacts/1"}, {"POST", "/api/v1/contacts/1/merge"}, {"POST", "/api/v1/leads"},
		{"POST", "/api/v1/consents"}, {"POST", "/api/v1/leads/1/settle"}, {"POST", "/api/v1/leads/1/acknowledge"}, {"POST", "/api/v1/leads/1/hand-on"},
	} {
		for name, header := range map[string]map[string]string{"no": nil, "Basic": basic, "a wrong": bearerHeader("c0ffee")} {
			if got := h.ask(ask{method: c.method, path: c.path, header: header, body: `{"login":"anna"}`}); got.code != http.StatusUnauthorized {
				t.Errorf("%s %s with %s token: %d %s", c.method, c.path, name, got.code, got.body)
			}
		}
	}
	for _, path := range []string{"/api/v1/calls", "/api/v1/status", "/api/v1/leads/1", "/", "/leads/1"} {
		if got := h.send("POST", path, "application/json", "{}"); got.code != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d %v", path, got.code, got.header)
		}
	}
	if got := h.send("PUT", "/api/v1/appointments/1", "application/json", "{}"); got.code != http.StatusMethodNotAllowed || got.header.Get("Allow") != "GET, HEAD, PATCH, DELETE" {
		t.Errorf("PUT: %d %v", got.code, got.header)
	}
	if n := h.rows("leads WHERE closed IS NULL"); n != 1 {
		t.Errorf("%d open leads", n)
	}
}

func TestLeadsOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	h.tell("+79161234568", "", nil)
	if got := h.api("/api/v1/leads/1"); !strings.Contains(got, `"state":"open"`) || !strings.Contains(got, `"timeline":[{"at":"`) {
		t.Error(got)
	}
	h.wants(http.StatusOK, "POST", "/api/v1/leads/1/acknowledge", `{"login":"anna"}`)
	got := h.wants(http.StatusOK, "POST", "/api/v1/leads/1/settle", `{"login":"anna"}`)
	if got["outcome"] != "settled" || got["closed_by"] != "anna" {
		t.Errorf("after it was settled: %v", got)
	}
	for _, what := range []string{"settle", "acknowledge", "hand-on"} {
		h.wants(http.StatusConflict, "POST", "/api/v1/leads/1/"+what, `{"login":"anna"}`)
		h.wants(http.StatusNotFound, "POST", "/api/v1/leads/99/"+what, `{"login":"anna"}`)
		h.wants(http.StatusNotFound, "POST", "/api/v1/leads/01/"+what, `{"login":"anna"}`)
		for body, why := range map[string]string{`{"login":"nobody"}`: "login: is not the login", `{}`: "login: is missing"} {
			if got := h.wants(http.StatusUnprocessableEntity, "POST", "/api/v1/leads/2/"+what, body); !strings.Contains(fmt.Sprint(got["detail"]), why) {
				t.Errorf("%s %s: %v", what, body, got)
			}
		}
		h.wants(http.StatusBadRequest, "POST", "/api/v1/leads/2/"+what, `{"who":"anna"}`)
	}
	h.wants(http.StatusConflict, "POST", "/api/v1/leads/2/hand-on", `{"login":"boss"}`) // it is Anna's
	h.wants(http.StatusConflict, "POST", "/api/v1/leads/2/hand-on", `{"login":"anna"}`) // and there is nobody else
}

func TestAContactOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	got := h.wants(http.StatusOK, "PATCH", "/api/v1/contacts/1", `{"name":"Иван","shared":true}`)
	if got["name"] != "Иван" || got["shared"] != true || got["needs_details"] != false {
		t.Errorf("%v", got)
	}
	if got := h.wants(http.StatusOK, "PATCH", "/api/v1/contacts/1", `{"shared":false}`); got["name"] != "Иван" || got["shared"] != false {
		t.Errorf("%v", got)
	}
	h.wants(http.StatusOK, "GET", "/api/v1/contacts/1", "")
	h.wants(http.StatusNotFound, "PATCH", "/api/v1/contacts/2", `{"shared":true}`)
	for _, name := range []string{`""`, `"a\nb"`, `"` + strings.Repeat("x", 257) + `"`} {
		h.wants(http.StatusUnprocessableEntity, "PATCH", "/api/v1/contacts/1", `{"name":`+name+`}`)
	}
}

func TestAFileOfAppointments(t *testing.T) {
	h := newHouse(t)
	file := "ref,number,starts_at,manager\na,89161234567," + inHours(30) + ",anna\nb,89161234568," + inHours(31) + ",anna\n"
	if got := h.send("POST", "/api/v1/appointments", "text/csv; charset=utf-8", file); got.code != http.StatusOK || got.body != `{"rows":2,"made":2}`+"\n" {
		t.Fatalf("%d %s", got.code, got.body)
	}
	got := h.send("POST", "/api/v1/appointments", "text/csv", file+"c,89161234569,"+inHours(30)+",anna\nd,112,yesterday,anna\n")
	if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, `{"line":5,"field":"number"`) || !strings.Contains(got.body, `{"line":5,"field":"starts_at"`) {
		t.Errorf("%d %s", got.code, got.body)
	}
	if n := h.rows("appointments"); n != 2 {
		t.Errorf("%d appointments after a file that was refused", n)
	}
}

func TestASingleReminderOverTheAPI(t *testing.T) {
	h := newHouse(t)
	body := `{"ref":"o-1","number":"+79161234567","manager":"anna","media":["sound:custom/ready","digits:42"],"keys":{"confirm":"1"}}`
	got := h.wants(http.StatusCreated, "POST", "/api/v1/reminders", body)
	if got["occasion"] != "single" || got["number"] != "+79161234567" || got["appointment"] != nil || got["outcome"] != "" {
		t.Errorf("%v", got)
	}
	if again := h.wants(http.StatusOK, "POST", "/api/v1/reminders", body); again["id"] != got["id"] {
		t.Errorf("posted again: %v", again)
	}
	h.wants(http.StatusConflict, "POST", "/api/v1/reminders", strings.Replace(body, "42", "43", 1))
	h.wants(http.StatusOK, "GET", "/api/v1/reminders/1", "")
	h.wants(http.StatusNotFound, "GET", "/api/v1/reminders/2", "")
}

// TestAHugeFileIsRefusedBriefly posts files as large as are taken, of which every
// line is good, or bad in every way.
func TestAHugeFileIsRefusedBriefly(t *testing.T) {
	h := newHouse(t)
	for _, c := range []struct {
		path, head, line, want string
		lines                  int // 0: as many as are taken
	}{
		{"consents", "number,kind\n", "+79161234567,agreed\n", "no more than 10000 lines", 0},
		{"consents", "number,kind\n", "112,yes\n", "were not read", 0},
		{"appointments", "number,starts_at\n", "+79161234567,2100-01-01T00:00:00Z\n", "no more than 2000 lines", 0},
		{"appointments", "number,starts_at,contact\n", "1,2,x\n", "were not read", 0},
		{"appointments", "number,starts_at\n", "1\n", "were not read", 0},
		{"appointments", "number,starts_at\n", "112,tomorrow\n", "were not read", 2000}, // seen when they are booked
	} {
		if c.lines == 0 {
			c.lines = (api.MaxCSV - 100) / len(c.line)
		}
		got := h.send("POST", "/api/v1/"+c.path, "text/csv", c.head+strings.Repeat(c.line, c.lines))
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, c.want) || len(got.body) > 64<<10 {
			t.Errorf("%s %q: %d, %d bytes: %.300s", c.path, c.line, got.code, len(got.body), got.body)
		}
	}
	for _, table := range []string{"appointments", "contacts", "consents"} {
		if n := h.rows(table); n > 0 {
			t.Errorf("%d rows in %s", n, table)
		}
	}
}

func TestTheLedgerOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.wants(http.StatusOK, "POST", "/api/v1/consents", `{"number":"89161234567","kind":"refused","who":"anna","how":"letter"}`)
	h.wants(http.StatusUnprocessableEntity, "POST", "/api/v1/consents", `{"number":"112","kind":"maybe","at":"2100-01-01T00:00:00Z"}`)
	soon := time.Now().Add(time.Minute).Format(time.RFC3339)
	h.wants(http.StatusOK, "POST", "/api/v1/consents", `{"number":"+79161234566","kind":"refused","at":"`+soon+`"}`) // clocks differ
	for _, at := range []string{"2100-01-01T00:00:00Z", "1990-01-01T00:30:00+03:00"} {
		h.wants(http.StatusUnprocessableEntity, "POST", "/api/v1/consents", `{"number":"+79161234566","kind":"refused","at":"`+at+`"}`)
	}
	got := h.send("POST", "/api/v1/consents", "text/csv", "number;kind;how\n+79161234568;agreed;form\n+79161234569;agreed;form\n")
	if got.code != http.StatusOK || got.body != `{"taken":2}`+"\n" {
		t.Errorf("%d %s", got.code, got.body)
	}
	got = h.send("POST", "/api/v1/consents", "text/csv", "number,kind\n+79161234560,agreed\n112,agreed\n")
	if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, `"line":3`) || h.rows("consents") != 4 {
		t.Errorf("%d %s, %d rows", got.code, got.body, h.rows("consents"))
	}
	page := h.wants(http.StatusOK, "GET", "/api/v1/consents?limit=2", "")
	rest := h.wants(http.StatusOK, "GET", "/api/v1/consents?cursor="+page["next"].(string), "")
	if len(page["items"].([]any)) != 2 || len(rest["items"].([]any)) != 2 || rest["next"] != "" {
		t.Errorf("%v\n%v", page, rest)
	}
	header := bearerHeader(rightToken)
	header["Accept"] = "text/csv"
	file := h.ask(ask{path: "/api/v1/consents", header: header})
	if !strings.HasPrefix(file.header.Get("Content-Type"), "text/csv") || strings.Count(file.body, "\n") != 5 || !strings.Contains(file.body, "+79161234567,refused,") {
		t.Errorf("%v %s", file.header, file.body)
	}
	for _, query := range []string{"limit=0", "limit=501", "cursor=x", "cursor=-1", "curser=1", "limit=1&limit=2"} {
		h.wants(http.StatusBadRequest, "GET", "/api/v1/consents?"+query, "")
	}
}
