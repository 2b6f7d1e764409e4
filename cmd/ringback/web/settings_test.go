package web

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringback/leads/alert"
	"ringback/leads/text"
	"ringback/leads/told"
)

// settingsHouse is a house whose people are reached by two channels.
func settingsHouse(t *testing.T) *house {
	return newHouse(t, func(c *Config) {
		c.Told = told.New(told.Config{Directory: c.Office.Directory, Policy: told.Policy{told.Overdue: {Must: told.Immediately}}})
		c.Reaching = func(string) []string { return []string{"sip", "email"} }
		c.Try = func(_ context.Context, channel, login string, _ text.Language) (alert.Outcome, string, error) {
			if channel == "email" {
				return alert.Refused, "no such mailbox", nil
			}
			return alert.Sent, "", nil
		}
	})
}

func TestSettings(t *testing.T) {
	h := settingsHouse(t)
	anna := h.as("anna")
	page := h.ask(ask{path: "/settings", header: anna})
	if page.code != http.StatusOK || strings.Contains(page.body, `id="overdue"`) || !strings.Contains(page.body, `id="new_lead"`) {
		t.Fatalf("the settings of a manager: %d %s", page.code, page.body)
	}
	both := []string{"sip", "email"}
	good := func() url.Values {
		f := url.Values{"weekdays": {"22:00-07:00"}, "weekend": {""}, "digest_at": {"09:00, 14:00"}}
		for _, k := range told.Kinds {
			f[string(k)+".channel"] = both
		}
		return f
	}
	wanted := good()
	wanted.Set("new_lead.order", "in_turn")
	wanted["new_lead.channel"] = []string{"email", "sip"}
	wanted["rang_again.channel"] = []string{"", ""}
	wanted.Set("digest.when", "list")
	wanted.Set("reminder.through", "1")
	if got := h.post(anna, "/settings", wanted); got.code != http.StatusSeeOther || got.header.Get("Location") != "/settings?done=saved" {
		t.Fatalf("saving: %d %s", got.code, got.body)
	}
	saved, err := told.Read(t.Context(), h.db.Reader(), "anna")
	if err != nil {
		t.Fatal(err)
	}
	first, again := saved.Kinds[told.NewLead], saved.Kinds[told.RangAgain]
	if saved.Weekdays != "22:00-07:00" || strings.Join(first.Channels, " ") != "email sip" || !first.InTurn || first.Digest || !again.Off ||
		!saved.Kinds[told.Digest].Digest || !saved.Kinds[told.Reminder].ThroughQuiet || len(saved.Kinds[told.Digest].Channels) != 0 {
		t.Errorf("saved %+v", saved)
	}
	for name, c := range map[string]struct {
		change func(url.Values)
		says   string
	}{
		"no window":            {func(f url.Values) { f.Set("weekdays", "at night") }, `id="wrong-weekdays">Write windows`},
		"markup":               {func(f url.Values) { f.Set("weekend", `"><script>`) }, `value="&#34;&gt;&lt;script&gt;"`},
		"a long text":          {func(f url.Values) { f.Set("digest_at", strings.Repeat("09:00,", 100)) }, `id="wrong-digest_at">This is too long`},
		"always quiet":         {func(f url.Values) { f.Set("weekdays", "00:00-24:00") }, `id="wrong-weekdays">Leave an hour`},
		"a list without times": {func(f url.Values) { f.Set("digest_at", ""); f.Set("new_lead.when", "list") }, `id="wrong-digest_at">Say at what times`},
		"no channel":           {func(f url.Values) { f["new_lead.channel"] = []string{""} }, `id="wrong-new_lead">Choose one way`},
		"another's channel":    {func(f url.Values) { f["new_lead.channel"] = []string{"fax"} }, `id="wrong-new_lead">One of these`},
	} {
		f := good()
		c.change(f)
		if name == "always quiet" {
			f.Set("weekend", "00:00-24:00")
		}
		if got := h.post(anna, "/settings", f); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, c.says) {
			t.Errorf("%s: %d, and not %q in\n%s", name, got.code, c.says, got.body)
		}
	}
	if now, err := told.Read(t.Context(), h.db.Reader(), "anna"); err != nil || now.DigestAt != saved.DigestAt || now.Weekdays != saved.Weekdays {
		t.Errorf("what was refused has changed something: %+v, %v", now, err)
	}
	if got := h.post(bearerHeader(rightToken), "/settings", good()); got.code < 400 {
		t.Errorf("a program has settings: %d", got.code)
	}
}

func TestSettingsSendATest(t *testing.T) {
	h := settingsHouse(t)
	anna, boss := h.as("anna"), h.as("boss")
	for _, c := range []struct {
		who     map[string]string
		channel string
		code    int
		says    string
	}{
		{anna, "sip", 200, "desk phone has taken the test."}, {anna, "sip", 429, "That was a moment ago"},
		{boss, "email", 200, `email has refused the test. <small lang="en">(<bdi>no such mailbox</bdi>)</small>`}, {anna, "fax", 404, ""},
	} {
		if got := h.post(c.who, "/settings/test", url.Values{"channel": {c.channel}}); got.code != c.code || !strings.Contains(got.body, c.says) {
			t.Errorf("a test by %s: %d, want %d and %q in\n%s", c.channel, got.code, c.code, c.says, got.body)
		}
	}
}

func TestAbsences(t *testing.T) {
	h := settingsHouse(t)
	anna, boss := h.as("anna"), h.as("boss")
	away := func() (list []string) {
		all, err := told.AwayAll(t.Context(), h.db.Reader(), time.Now())
		if err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			list = append(list, a.Login+" by "+a.By)
		}
		return list
	}
	want := func(what string, who ...string) {
		t.Helper()
		if got := strings.Join(away(), ", "); got != strings.Join(who, ", ") {
			t.Errorf("%s: away are %q, want %q", what, got, who)
		}
	}
	menu := func(path, says string) {
		t.Helper()
		menu := h.ask(ask{path: "/calls", header: anna}).body
		if !strings.Contains(menu, `action="`+path+`"`) || !strings.Contains(menu, says+"</button>") {
			t.Errorf("the menu has no %q that goes to %s", says, path)
		}
	}
	menu("/settings/away", "I am away")
	h.post(anna, "/settings/away", url.Values{})
	want("anna leaves", "anna by anna")
	menu("/settings/back", "I am back")
	h.post(anna, "/settings/back", url.Values{})
	want("anna is back")
	h.post(boss, "/settings/away", url.Values{"login": {"anna"}, "quick": {"1"}})
	want("her supervisor says so", "anna by boss")
	if page := h.ask(ask{path: "/settings", header: anna}); !strings.Contains(page.body, "I am back") {
		t.Errorf("anna does not see that she is away: %s", page.body)
	}
	h.post(boss, "/settings/back", url.Values{"login": {"anna"}})
	want("and that she is back")
	for _, form := range []url.Values{{"login": {"boss"}}, {"login": {"nobody"}}, {"login": {"boss' OR 1=1"}}} {
		if got := h.post(anna, "/settings/away", form); got.code != http.StatusNotFound {
			t.Errorf("anna says that %s is away: %d", form.Get("login"), got.code)
		}
	}
	want("of others anna says nothing")
	tomorrow := time.Now().UTC().AddDate(0, 0, 1).Format("2006-01-02T15:04")
	for _, c := range []struct {
		form url.Values
		says string
	}{
		{url.Values{"from": {tomorrow}, "until": {tomorrow}}, `id="wrong-until">It must end`},
		{url.Values{"from": {"then"}}, `id="wrong-from">This is no date`},
		{url.Values{"until": {"2999-01-01T00:00"}}, `id="wrong-until">It must end`},
	} {
		if got := h.post(anna, "/settings/away", c.form); got.code != http.StatusUnprocessableEntity || !strings.Contains(got.body, c.says) {
			t.Errorf("%v: %d, and not %q in\n%s", c.form, got.code, c.says, got.body)
		}
	}
	want("what is wrong is not noted")
	h.post(anna, "/settings/away", url.Values{"from": {tomorrow}})
	want("an absence to come", "anna by anna")
	if got := h.post(boss, "/settings/absences/1/end", url.Values{"login": {"boss"}}); got.code != http.StatusSeeOther {
		t.Errorf("an absence of another: %d", got.code)
	}
	want("is nobody else's", "anna by anna")
	all, _ := told.AwayAll(t.Context(), h.db.Reader(), time.Now())
	h.post(anna, "/settings/absences/"+strconv.FormatInt(all[0].ID, 10)+"/end", url.Values{"login": {"anna"}})
	want("and is withdrawn")
}
