package web

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
)

// TestTheAPIKeepsItsContract holds every byte of the lists: other programs read
// them.
func TestTheAPIKeepsItsContract(t *testing.T) {
	h := newHouse(t)
	h.tell("89161234567", "Ivan", nil)
	h.tell("anonymous", "", nil)
	h.tell("+79031112233", "Olga", answered)
	h.tell("+79161234567", "Ivan", running)
	h.exec("UPDATE leads SET opened = 1795334400000")

	empty := func(list string) string { return `{"items":[` + list + `],"next":""}` + "\n" }
	const ivan = `{"id":1,"call":"1795328301.0","pbx":"main","direction":"inbound","caller":"+79161234567","dialed":"+74951000001","line":"sales",` +
		`"verdict":"missed","reason":"no_answer","started":"2026-11-22T08:00:01.123Z","ended":"2026-11-22T08:00:06.123Z","wait_s":5,"talk_s":0,` +
		`"rang":["101"],"answered_by":"","source":"ari","caller_name":"Ivan","voicemail":false,"explanation":"rang 101; nobody answered; the PBX ended the call","contact":1,"lead":1}`
	const withheld = `{"id":2,"call":"1795328302.0","pbx":"main","direction":"inbound","caller":"","dialed":"+74951000001","line":"sales",` +
		`"verdict":"missed","reason":"no_answer","started":"2026-11-22T08:00:02.123Z","ended":"2026-11-22T08:00:07.123Z","wait_s":5,"talk_s":0,` +
		`"rang":["101"],"answered_by":"","source":"ari","caller_name":"","voicemail":false,"explanation":"rang 101; nobody answered; the PBX ended the call","contact":null,"lead":null}`
	const olga = `{"id":3,"call":"1795328303.0","pbx":"main","direction":"inbound","caller":"+79031112233","dialed":"+74951000001","line":"sales",` +
		`"verdict":"answered","reason":"person","started":"2026-11-22T08:00:03.123Z","ended":"2026-11-22T08:00:08.123Z","wait_s":1,"talk_s":4,` +
		`"rang":["101"],"answered_by":"101","source":"ari","caller_name":"Olga","voicemail":false,"explanation":"talked with 101 for 4 s; the PBX ended the call","contact":2,"lead":null}`
	const ivanNow = `{"id":4,"call":"1795328304.0","pbx":"main","direction":"inbound","caller":"+79161234567","dialed":"+74951000001","line":"sales",` +
		`"verdict":"","reason":"","started":"2026-11-22T08:00:04.123Z","ended":null,"wait_s":0,"talk_s":0,` +
		`"rang":["101"],"answered_by":"","source":"ari","caller_name":"Ivan","voicemail":false,"explanation":"","contact":1,"lead":null}`
	const lead = `{"id":1,"contact":{"id":1,"name":"+79161234567","number":"+79161234567"},"pool":"default","line":"sales","manager":"anna","missed":1,` +
		`"first_missed":"2026-11-22T08:00:01.123Z","last_missed":"2026-11-22T08:00:01.123Z","opened":"2026-11-22T08:00:00.000Z","closed":null,` +
		`"outcome":"","closed_by":"","state":"open","suspicious":false,"acknowledged_by":"","acknowledged_until":null}`
	const blank = `"external_id":null,"email":"","note":"","language":"",`
	const contacts = `{"id":2,"name":"+79031112233","named":false,"needs_details":true,"shared":false,"numbers":["+79031112233"],"manager":"anna",` + blank + `"open_leads":0},` +
		`{"id":1,"name":"+79161234567","named":false,"needs_details":true,"shared":false,"numbers":["+79161234567"],"manager":"anna",` + blank + `"open_leads":1}`
	for path, want := range map[string]string{
		"/api/v1/calls":              empty(strings.Join([]string{ivanNow, olga, withheld, ivan}, ",")),
		"/api/v1/calls/3":            olga + "\n",
		"/api/v1/leads":              empty(lead),
		"/api/v1/leads?state=all":    empty(lead),
		"/api/v1/leads?state=open":   empty(lead),
		"/api/v1/leads?state=closed": empty(""),
		"/api/v1/contacts":           empty(contacts),
	} {
		if got := h.api(path); got != want {
			t.Errorf("%s\ngot  %s\nwant %s", path, got, want)
		}
	}

	h.tell("+79161234567", "Ivan", answered)
	h.exec("UPDATE leads SET closed = opened + 1234")
	closed := strings.Replace(lead, `"closed":null,"outcome":"","closed_by":"","state":"open"`,
		`"closed":"2026-11-22T08:00:01.234Z","outcome":"client_got_through","closed_by":"anna","state":"closed"`, 1)
	if got := h.api("/api/v1/leads?state=closed"); got != empty(closed) {
		t.Errorf("the lead after the client got through\ngot  %s\nwant %s", got, empty(closed))
	}
	if got := h.api("/api/v1/leads?state=open"); got != empty("") {
		t.Errorf("open leads after the client got through: %s", got)
	}
}

// TestCursorsOfTheAPILeadThroughEverything follows them as a program would.
func TestCursorsOfTheAPILeadThroughEverything(t *testing.T) {
	h := newHouse(t)
	const callers = 7
	for i := range callers {
		h.tell("+7916123456"+strconv.Itoa(i), "", nil)
	}
	for _, list := range []string{"/api/v1/calls?", "/api/v1/leads?", "/api/v1/leads?state=open&", "/api/v1/contacts?"} {
		seen, cursor := map[string]bool{}, ""
		for range callers {
			var page struct {
				Items []json.RawMessage
				Next  string
			}
			if err := json.Unmarshal([]byte(h.api(list+"limit=2&cursor="+cursor)), &page); err != nil {
				t.Fatal(err)
			}
			for _, item := range page.Items {
				seen[string(item)] = true
			}
			if cursor = page.Next; cursor == "" {
				break
			}
		}
		if len(seen) != callers || cursor != "" {
			t.Errorf("%s: %d items were met, want %d; the last cursor is %q", list, len(seen), callers, cursor)
		}
	}
}

func TestABadQueryIsRefused(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	for _, list := range []string{"/api/v1/calls?", "/api/v1/leads?", "/api/v1/contacts?"} {
		for _, query := range []string{
			"limit=0", "limit=-1", "limit=501", "limit=ten", "limit=", "limit=5&limit=6", "limit=99999999999999999999", "limit=1e2",
			"cursor=x", "cursor=Y2FsbHMuMS4x%00", "cursor=%ff", "state=half", "state=&state=", "stat=open", "Limit=5", "%zz", "a;b",
		} {
			got := h.ask(ask{path: list + query, header: bearerHeader(rightToken)})
			if got.code != http.StatusBadRequest {
				t.Errorf("%s%s: %d %s", list, query, got.code, got.body)
				continue
			}
			checkProblem(t, list+query, got)
		}
	}
	if got := h.ask(ask{path: "/api/v1/contacts?state=open", header: bearerHeader(rightToken)}); got.code != http.StatusBadRequest {
		t.Errorf("a parameter of another list: %d", got.code)
	}
}

// TestABrokenDatabaseIsNotDescribed wants a 500 that tells strangers nothing,
// and a log that tells the administrator.
func TestABrokenDatabaseIsNotDescribed(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	h.exec("ALTER TABLE contacts RENAME TO elsewhere")
	for _, path := range []string{"/", "/leads/1", "/contacts/1", "/api/v1/calls", "/api/v1/leads", "/api/v1/contacts"} {
		got := h.ask(ask{path: path, header: bearerHeader(rightToken)})
		if got.code != http.StatusInternalServerError || strings.Contains(got.body, "table") {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	metrics := h.page("/metrics")
	for _, route := range []string{"/{$}", "/leads/{id}", "/contacts/{id}", "/api/v1/calls", "/api/v1/leads", "/api/v1/contacts"} {
		if want := `ringback_http_requests_total{code="500",route="` + route + `"} 1`; !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if log := h.log.String(); strings.Count(log, "no such table") != 6 || strings.Contains(log, "79161234567") {
		t.Errorf("the log: %s", log)
	}
}

// TestAPanicEndsOneRequest wants a net under every route.
func TestAPanicEndsOneRequest(t *testing.T) {
	h := newHouse(t)
	h.asked = func() { panic("a fault") }
	if got := h.ask(ask{path: "/", header: bearerHeader(rightToken)}); got.code != http.StatusInternalServerError {
		t.Errorf("a page that panics: %d", got.code)
	}
	h.asked = nil
	h.page("/")
	if !strings.Contains(h.log.String(), "a fault") {
		t.Error("the panic is not in the log")
	}
}

// TestAHalfTableBreaksOff wants no end of a table whose rest cannot be read, the
// cause in the log, and a 500 in the metrics.
func TestAHalfTableBreaksOff(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", answered)
	h.exec(`WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 600)
		INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, source)
		SELECT pbx, 'more ' || i, direction, caller, caller_name, dialed, line, pool, started + i, ended, source FROM calls, n`)
	h.exec("UPDATE calls SET wait_ms = 'x' WHERE id = 1") // the last of the table
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.url+"/calls.csv", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+rightToken)
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := io.ReadAll(resp.Body); err == nil {
		t.Error("half a table looks like a whole one")
	}
	if want := `ringback_http_requests_total{code="500",route="/calls.csv"} 1`; !strings.Contains(h.page("/metrics"), want) {
		t.Errorf("/metrics lacks %s", want)
	}
	if log := h.log.String(); strings.Contains(log, "panic") || strings.Count(log, "an answer broke off") != 1 || strings.Contains(log, "79161234567") {
		t.Errorf("the log: %s", log)
	}
}
