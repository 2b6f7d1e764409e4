package web

import (
	"encoding/csv"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	e164s "ringback/leads/number"
	"ringback/leads/search"
)

// threeCalls tells of a missed call, one that was answered, and one that is going out.
func (h *house) threeCalls() {
	h.tell("+79161234567", "Ivan", nil)
	h.tell("+79031112233", "Olga", answered)
	h.tell("", "", func(c *call.Call) {
		c.Direction, c.Dialed, c.Caller, c.From = call.Outbound, "+79031112233", "101", call.Party{Endpoint: "PJSIP/101"}
	})
}

func TestCallsAreFiltered(t *testing.T) {
	h := newHouse(t)
	h.threeCalls()
	if err := search.NewKeeper(h.db, nil).Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	const ivan, olga = "+79161234567", "+79031112233"
	for query, want := range map[string][]string{
		"":                            {ivan, olga},
		"?verdict=missed":             {ivan},
		"?verdict=missed&reason=busy": {},
		"?reason=person":              {olga},
		"?direction=outbound":         {olga, "outgoing"},
		"?number=8+916+123":           {ivan},
		"?number=111-22":              {olga},
		"?number=999888":              {},
		"?person=anna&verdict=missed": {ivan},
		"?from=2026-11-22":            {ivan, olga},
		"?from=2026-11-23":            {},
		"?to=2026-11-21":              {},
		"?from=2026-11-22&to=2026-11-22&direction=": {ivan, olga},
	} {
		body := h.page("/calls" + query)
		list := body[strings.Index(body, "</form>"):]
		for _, number := range []string{ivan, olga} {
			has := false
			for _, w := range want {
				has = has || w == number
			}
			if strings.Contains(list, strings.Replace(e164s.Grouped(number), "+", "&#43;", 1)) != has {
				t.Errorf("/calls%s shows %s: %v, want %v", query, number, !has, has)
			}
		}
	}
}

func TestAWrongFilterIsSaidBesideItsField(t *testing.T) {
	h := newHouse(t)
	h.threeCalls()
	for query, want := range map[string]string{
		"/calls?verdict=lost":                        `id="wrong-verdict"`,
		"/calls?number=12":                           `id="wrong-number"`,
		"/calls?number=" + strings.Repeat("9", 9999): `id="wrong-number"`,
		"/calls?from=yesterday":                      `id="wrong-from"`,
		"/calls?from=2026-11-22&to=2026-11-21":       `id="wrong-to"`,
		"/calls?older=xyz":                           `role="alert"`,
		"/calls?person=%3Cscript%3E":                 `id="wrong-person"`,
		"/calls?pool=none":                           `id="wrong-pool"`,
		"/everyone?pool=none":                        `id="wrong-pool"`,
		"/everyone?person=none":                      `id="wrong-person"`,
		"/everyone?only=none":                        `id="wrong-only"`,
		"/report?line=none":                          `id="wrong-line"`,
		"/report?days=99":                            `role="alert"`,
	} {
		got := h.ask(ask{path: query, header: bearerHeader(rightToken)})
		if got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, want) || strings.Contains(got.body, "<script>") || len(got.body) > 30_000 {
			t.Errorf("%.50s: %d, %d bytes, without %s", query, got.code, len(got.body), want)
		}
	}
}

func TestCallsAreATableWithoutFormulas(t *testing.T) {
	h := newHouse(t)
	h.threeCalls()
	h.exec("UPDATE contacts SET name = '=HYPERLINK(\"http://x\")', named = 1 WHERE id = 1")
	h.exec("UPDATE calls SET explanation = '@SUM(1)' WHERE id = 1")
	got := h.ask(ask{path: "/calls.csv?verdict=missed", header: bearerHeader(rightToken)})
	if got.code != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/csv") || !strings.Contains(got.header.Get("Content-Disposition"), `"calls.csv"`) {
		t.Fatalf("%d %v", got.code, got.header)
	}
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 2 {
		t.Fatalf("%d rows (%v): %s", len(rows), err, got.body)
	}
	row := strings.Join(rows[1], "|")
	for _, want := range []string{"2026-11-22 08:00:01|incoming|+79161234567|'=HYPERLINK(\"http://x\")|sales|default|Anna Petrova|missed|no_answer|nobody picked up in time|5|0|101||'@SUM(1)"} {
		if row != want {
			t.Errorf("%s\nwant %s", row, want)
		}
	}
	if got := h.ask(ask{path: "/calls.csv?from=x", header: bearerHeader(rightToken)}); got.code != http.StatusSeeOther || got.header.Get("Location") != "/calls?from=x" {
		t.Errorf("a wrong filter: %d %s", got.code, got.header.Get("Location"))
	}
}

// TestALongTableIsWhole: it is sent in many pieces.
func TestALongTableIsWhole(t *testing.T) {
	h := newHouse(t)
	h.exec(`WITH RECURSIVE i (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM i WHERE i < 1234)
		INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, ended, verdict, reason, source)
		SELECT 'main', i, 'inbound', '+4930' || i, '', '', 'sales', 'default', i / 3, i, 'missed', 'busy', 'ari' FROM i`)
	got := h.ask(ask{path: "/calls.csv", header: bearerHeader(rightToken)})
	if n := strings.Count(got.body, "\n"); got.code != http.StatusOK || n != 1235 {
		t.Errorf("%d: %d lines", got.code, n)
	}
}

func TestASearchShowsContactsAndWhatTheyAreOwed(t *testing.T) {
	h := newHouse(t)
	h.threeCalls()
	if err := search.NewKeeper(h.db, nil).Learn(t.Context()); err != nil {
		t.Fatal(err)
	}
	if body := h.page("/search"); !strings.Contains(body, "data-typed") || strings.Contains(body, "/contacts/") {
		t.Errorf("an empty search: %s", body)
	}
	if body := h.page("/search?q=8+(916)+123-45"); !strings.Contains(body, `href="/contacts/1"`) || !strings.Contains(body, `href="/leads/1"`) || strings.Contains(body, "/contacts/2") {
		t.Errorf("a part of a number: %s", body)
	}
	if body := h.page("/search?q=12"); !strings.Contains(body, "too short") {
		t.Errorf("two digits: %s", body)
	}
	if body := h.page("/search?q=%3Cscript%3Ealert(1)%3C/script%3E%22%20onx=%22"); strings.Contains(body, "<script>alert") || !strings.Contains(body, "&lt;script&gt;") {
		t.Errorf("markup: %s", body)
	}
	if got := h.ask(ask{path: "/search?q=" + strings.Repeat("%F0%9F%98%80", 1100), header: bearerHeader(rightToken)}); got.code != http.StatusOK || len(got.body) > 20_000 {
		t.Errorf("a long question: %d, %d bytes", got.code, len(got.body))
	}
}

func TestEachDayOfCallsHasItsHeading(t *testing.T) {
	h := newHouse(t)
	now := time.Now().UTC()
	for _, ago := range []int{400, 1, 0, 0} {
		h.tell("+79161234567", "", func(c *call.Call) {
			c.Started = now.AddDate(0, 0, -ago)
			c.Ended = c.Started.Add(5 * time.Second)
		})
	}
	body := h.page("/calls")
	long := now.AddDate(0, 0, -400)
	for _, want := range []string{"<h2>Today</h2>", "<h2>Yesterday</h2>", "<h2>" + long.Format("Mon 2 Jan 2006") + "</h2>"} {
		if n := strings.Count(body, want); n != 1 {
			t.Errorf("%s stands %d times on the page", want, n)
		}
	}
	if repeated := long.Format("2 Jan 2006 15:04") + "</time>"; strings.Contains(body, repeated) || !strings.Contains(body, long.Format(">15:04")+"</time>") {
		t.Errorf("a call repeats the day under whose heading it stands: %s", repeated)
	}
	if strings.Count(body, `class="story"`) != 4 || strings.Contains(body, " · after ") {
		t.Error("a call's story is not told once")
	}
}

// TestACallOfOursIsListedByWhomItCalled, and not by the number that it has on the PBX.
func TestACallOfOursIsListedByWhomItCalled(t *testing.T) {
	h := newHouse(t)
	h.threeCalls()
	h.exec("UPDATE calls SET direction = 'internal', dialed = 's', caller_name = '', contact = NULL, lead = NULL, explanation = 'the PBX called 101: was in Stasis for 3 s' WHERE id = 1")
	h.exec(`INSERT INTO dials (channel, call, pbx, trunk, kind, number, device, who, job, lead, reminder, booked)
		SELECT call, call, pbx, '', 'manager', '', 'PJSIP/101', 'anna', 0, 0, 0, started FROM calls WHERE id = 1`)
	body := h.ask(ask{path: "/calls", header: bearerHeader(rightToken)}).body
	for _, want := range []string{"Ringback called Anna Petrova", `<bdi class="name">Anna Petrova</bdi>`, "the PBX called 101: heard Ringback for 3 s"} {
		if !strings.Contains(body, want) {
			t.Errorf("the list lacks %q: %s", want, body)
		}
	}
	if strings.Contains(body, "Stasis") || strings.Contains(body, "<bdi>s</bdi>") {
		t.Errorf("it is raw: %s", body)
	}
}
