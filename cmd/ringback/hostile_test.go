package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"ringback/ari/pbx"
	"ringback/ari/softphone"
	"ringback/leads"
)

// strangers are callers who show what nobody should. number is how the caller
// stands in lists; empty: withheld.
var strangers = []struct {
	name, number string
	who          softphone.DialOptions
}{
	{"script", "+79161230001", softphone.DialOptions{CallerID: "79161230001", CallerName: `<script>alert(1)</script>`}},
	{"sql", "+79161230002", softphone.DialOptions{CallerID: "79161230002", CallerName: `"; DROP TABLE calls; --`}},
	{"utf8", "+79161230003", softphone.DialOptions{CallerID: "79161230003", CallerName: "Ольга Ivanová 🌷"}},
	{"bidi", "+79161230004", softphone.DialOptions{CallerID: "79161230004", CallerName: "anna \u202etxt.exe\u2066"}},
	{"invalid_utf8", "+79161230005", softphone.DialOptions{CallerID: "79161230005", CallerName: "bad \xff\xfe bytes"}},
	{"long_name", "+79161230006", softphone.DialOptions{CallerID: "79161230006", CallerName: strings.Repeat("long ", 80)}},
	{"braces", "+79161230007", softphone.DialOptions{CallerID: "79161230007", CallerName: `${SHELL(id)} {{.}} %s %n \`}},
	{"label", "+79161230008", softphone.DialOptions{CallerID: "79161230008", CallerName: `a",line="x"} 1`}},
	{"forty_digits", strings.Repeat("7916", 10), softphone.DialOptions{CallerID: strings.Repeat("7916", 10), CallerName: "Forty"}},
	{"number_of_markup", "<img src=x onerror=alert(1)>", softphone.DialOptions{CallerID: "<img src=x onerror=alert(1)>", CallerName: "Markup"}},
	// Asterisk takes what follows a semicolon for a parameter of the address.
	{"number_of_sql", "'", softphone.DialOptions{CallerID: "'; DROP TABLE leads;--", CallerName: "Bobby"}},
	{"number_with_lines", "7916 X-Evil: 1", softphone.DialOptions{CallerID: "7916\r\nX-Evil: 1", CallerName: "Lines"}},
	{"number_of_words", "Отдел продаж", softphone.DialOptions{CallerID: "Отдел продаж", CallerName: "Words"}},
	{"extension", "101", softphone.DialOptions{CallerID: "101", CallerName: "First Manager"}},
	{"anonymous", "", softphone.DialOptions{CallerID: "anonymous", CallerName: "Anonymous"}},
	{"headers", "+79161230009", softphone.DialOptions{CallerID: "79161230009", CallerName: "Headers", Headers: map[string]string{
		"P-Asserted-Identity": `"<b>Boss</b>" <sip:101@127.0.0.1>`, "X-Ringback": "<script>", "Subject": strings.Repeat("x", 500)}}},
}

// TestHostile lets each stranger ring and give up: the call gets its verdict, and
// what they call themselves does no harm wherever it is shown.
func TestHostile(t *testing.T) {
	t.Parallel()
	b := openTestBranch(t, time.Minute)
	door, log := newCompany(t, accountAt("main", b)).hold(t)
	door.isReady(t, true)
	turn := 0
	for _, stranger := range strangers {
		t.Run(stranger.name, func(t *testing.T) {
			c, _, err := b.rings(patient(t), stranger.who, pbx.LineDirect, pbx.Manager1)
			if err != nil {
				t.Fatal(err)
			}
			hangUp(t, c)
			if v := door.verdictOf(t, stranger.number); v != "missed abandoned_ringing" {
				t.Errorf("the call is %s", v)
			}
			if stranger.number != "" {
				strangersMessage(t, b, []string{pbx.Manager1, pbx.Manager2}[turn%2], stranger.number)
				turn++
			}
		})
	}
	t.Run("in_api", func(t *testing.T) { strangersInAPI(t, door) })
	t.Run("on_pages", func(t *testing.T) { strangersOnPages(t, door) })
	t.Run("in_metrics", func(t *testing.T) { strangersInMetrics(t, door) })
	t.Run("in_log", func(t *testing.T) { strangersInLog(t, log) })
}

// strangersMessage wants the alert to be of the lines that it consists of, and
// the stranger's words to stay within theirs.
func strangersMessage(t *testing.T, b *branch, desk, number string) {
	t.Helper()
	m, err := b.desks[desk].ExpectMessage(patient(t))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(m.Body, "\n")
	if len(lines) != 2 || !strings.HasPrefix(lines[0], "Missed call: ") || !strings.Contains(lines[0], "new contact") || !strings.HasPrefix(lines[1], "http://127.0.0.1:") {
		t.Errorf("the message is %q", m.Body)
	}
	if !strings.Contains(lines[0], number) || len(m.Body) > 900 || !utf8.ValidString(m.Body) || strings.ContainsFunc(lines[0], func(r rune) bool { return !unicode.IsGraphic(r) }) {
		t.Errorf("the message is %q", m.Body)
	}
}

func strangersInAPI(t *testing.T, door site) {
	calls := list[apiCall](t, door, "calls")
	if len(calls) != len(strangers) {
		t.Fatalf("%d calls", len(calls))
	}
	for i, stranger := range strangers {
		c := calls[len(strangers)-1-i]
		if c.Caller != stranger.number || len(c.CallerName) > leads.MaxListed || !utf8.ValidString(c.CallerName) {
			t.Errorf("%s is told as %+v", stranger.name, c)
		}
		if (c.Lead != nil) != (stranger.number != "") {
			t.Errorf("%s has lead %v", stranger.name, c.Lead)
		}
	}
	if name := calls[len(strangers)-1].CallerName; name != strangers[0].who.CallerName {
		t.Errorf("the API changes names: %q", name)
	}
}

func strangersOnPages(t *testing.T, door site) {
	paths := []string{"/"}
	for _, c := range list[apiContact](t, door, "contacts") {
		paths = append(paths, "/contacts/"+fmt.Sprint(c.ID))
	}
	for _, l := range list[apiLead](t, door, "leads") {
		paths = append(paths, "/leads/"+fmt.Sprint(l.ID))
	}
	shown := ""
	for _, path := range paths {
		status, page := door.get(t, path)
		if status != http.StatusOK || !utf8.ValidString(page) {
			t.Errorf("%s answers %d", path, status)
		}
		for _, bad := range []string{"<script>", "<img", "<b>Boss", "\u202e", "\u2066"} {
			if strings.Contains(page, bad) {
				t.Errorf("%s shows %q as it came", path, bad)
			}
		}
		shown += page
	}
	for _, good := range []string{"&lt;script&gt;", "Ольга Ivanová 🌷", "&lt;img src=x"} {
		if !strings.Contains(shown, good) {
			t.Errorf("no page shows %q", good)
		}
	}
}

// strangersInMetrics wants no caller in any metric.
func strangersInMetrics(t *testing.T, door site) {
	_, body := door.get(t, "/metrics")
	for _, stranger := range strangers {
		for _, secret := range []string{stranger.who.CallerID, stranger.number, stranger.who.CallerName} {
			if len(secret) > 6 && strings.Contains(body, secret) {
				t.Errorf("the metrics hold %q", secret)
			}
		}
	}
}

// strangersInLog wants no caller in the log either, even at its most talkative:
// numbers are masked there, and names have no place.
func strangersInLog(t *testing.T, log *logbook) {
	text := log.String()
	for _, stranger := range strangers {
		for _, secret := range []string{stranger.who.CallerID, stranger.number, stranger.who.CallerName} {
			if len(secret) > 6 && strings.Contains(text, secret) {
				t.Errorf("the log holds %q", secret)
			}
		}
	}
	if n := log.count("level=ERROR"); n > 0 {
		t.Errorf("%d errors were logged", n)
	}
}
