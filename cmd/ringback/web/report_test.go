package web

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// unsaid finds ids of the catalog that nobody has words for.
var unsaid = regexp.MustCompile(`\b(report|lists)\.(term|def|beside|filter|column|by|chart|part|search|wrong)[._]\w+`)

// ago makes a call one that began a while ago.
func ago(d time.Duration, more func(*call.Call)) func(*call.Call) {
	return func(c *call.Call) {
		c.Started = time.Now().Add(-d).UTC().Truncate(time.Millisecond)
		c.Ended = c.Started.Add(8 * time.Second)
		if more != nil {
			more(c)
		}
	}
}

// calledBack makes a call one in which Anna talked with somebody whom she rang.
func calledBack(number string) func(*call.Call) {
	return func(c *call.Call) {
		c.Direction, c.Caller, c.Dialed, c.From, c.How = call.Outbound, "101", number, call.Party{Endpoint: "PJSIP/101"}, call.Person
		c.Ended = c.Started.Add(time.Minute)
		c.Talks = []call.Talk{{Channel: "x", Who: c.From, Start: c.Started.Add(5 * time.Second), End: c.Ended}}
	}
}

// figures reads the large numbers of a report.
func figures(body string) map[string]string {
	all := map[string]string{}
	for _, m := range regexp.MustCompile(`<dt><a href="#def-(\w+)">[^<]*</a></dt><dd><b>([^<]*)</b>`).FindAllStringSubmatch(body, -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestAReportFollowsTheBook: what the Book does shows in the next report, also of
// one that has been looked at before.
func TestAReportFollowsTheBook(t *testing.T) {
	h := newHouse(t)
	want := func(query, key, value string) {
		t.Helper()
		if got := figures(h.page("/report?days=7" + query))[key]; got != value {
			t.Errorf("%s%s is %s, want %s", key, query, got, value)
		}
	}
	want("", "inbound", "0")
	want("", "reached", "–")
	h.tell("+79161234567", "Ivan", ago(90*time.Minute, nil))
	want("", "missed", "1")
	want("", "owed", "1")
	want("", "to_reach", "–")
	h.tell("+79031112233", "Olga", ago(80*time.Minute, answered))
	h.tell("+79161234567", "Ivan", ago(70*time.Minute, nil))
	want("", "inbound", "3")
	want("", "owed", "1")
	want("&person=anna", "inbound", "3")
	want("&person=boss", "inbound", "0")
	h.tell("", "", ago(30*time.Minute, calledBack("+79161234567")))
	want("", "called_back", "1")
	want("", "reached", "100%")
	want("", "to_reach", "1 h")
	h.tell("+79165555555", "", ago(26*time.Hour, nil)) // found late
	want("", "missed", "3")
	want("", "reached", "50%")
	sight, _ := leads.SightOf(h.server.cfg.Office.Directory, "boss")
	if err := h.db.Do(t.Context(), func(tx *db.Tx) error { return h.book.Hand(sight, leads.ByPage).Assign(tx, 2, "boss") }); err != nil {
		t.Fatal(err)
	}
	want("&person=boss", "missed", "1")
	want("&person=anna", "missed", "2")
}

func TestAReportIsShownWholeAndAsATable(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", ago(time.Minute, nil))
	h.tell("+79031112233", "Olga", ago(time.Minute, answered))
	for _, language := range []string{"en", "ru", "pl"} {
		got := h.ask(ask{path: "/report?days=30", header: map[string]string{"Authorization": "Bearer " + rightToken, "Accept-Language": language}})
		if got.code != http.StatusOK || unsaid.MatchString(got.body) || strings.Contains(got.body, "style=") {
			t.Errorf("%s: %d, words are missing: %v", language, got.code, unsaid.FindAllString(got.body, 5))
		}
		for _, m := range regexp.MustCompile(`href="#([^"]+)"`).FindAllStringSubmatch(got.body, -1) {
			if m[1] != "content" && !strings.Contains(got.body, `id="`+m[1]+`"`) {
				t.Errorf("%s: #%s leads nowhere", language, m[1])
			}
		}
		if n := strings.Count(got.body, `role="img"`); n != 2 {
			t.Errorf("%s: %d charts", language, n)
		}
	}
	got := h.ask(ask{path: "/report.csv?days=7", header: bearerHeader(rightToken)})
	rows, err := csv.NewReader(strings.NewReader(strings.TrimPrefix(got.body, "\ufeff"))).ReadAll()
	if err != nil || len(rows) != 1+1+7+24+1+1+1+1 || strings.Join(rows[1][:7], "|") != "all||2|1|1|0.5000|0.5000" {
		t.Errorf("%d rows (%v): %s", len(rows), err, got.body)
	}
	for query, code := range map[string]int{"?days=99": 422, "?days=x": 422, "?person=nobody": 422, "?pool=%3Cscript%3E": 422, "?days=30&pool=default": 200} {
		if got := h.ask(ask{path: "/report" + query, header: bearerHeader(rightToken)}); got.code != code || strings.Contains(got.body, "<script>") {
			t.Errorf("/report%s: %d, want %d", query, got.code, code)
		}
	}
	if fmt.Sprint(figures(h.page("/report"))) == "map[]" {
		t.Error("a report of today has no figures")
	}
}
