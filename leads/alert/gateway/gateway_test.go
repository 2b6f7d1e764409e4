package gateway

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ringback/leads/alert"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hostile is what a caller may be called.
const hostile = "\"},\"to\":\"+79990000000\" & to=1 </text><to>2</to> ]]> \\ %0d%0aX-Evil: 1 ?a=b#c \r\nX-Evil: 2 Ёж 🦔 {{.Email}}"

func message() alert.Message {
	return alert.Message{ID: "notify:7:1:0:sms", Why: alert.NewLead, To: "anna", Mobile: "+79161234567", Email: "anna@example.com", Lead: 7,
		Number: "+79160000001", Name: hostile, Text: hostile, Short: hostile, Link: "https://ring.example.com/l/secretlink", Missed: 2}
}

// request is one as the gateway got it.
type request struct {
	*http.Request
	body string
}

func listen(t *testing.T, answer http.HandlerFunc) (string, <-chan request) {
	t.Helper()
	got := make(chan request, 10)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- request{r, string(body)}
		if answer != nil {
			answer(w, r)
		}
	}))
	t.Cleanup(srv.Close)
	return srv.URL, got
}

func channel(t *testing.T, c Config) *Channel {
	t.Helper()
	ch, faults := New(c)
	if len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	t.Cleanup(ch.Close)
	return ch
}

func send(t *testing.T, ch *Channel, m alert.Message) (alert.Outcome, string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	outcome, detail := ch.Send(ctx, m)
	if ctx.Err() != nil {
		t.Error("it took until the deadline")
	}
	return outcome, detail
}

// TestWhatIsPutInStaysOneValue has a hostile name at every place, read by the
// readers of a server.
func TestWhatIsPutInStaysOneValue(t *testing.T) {
	secrets := map[string]string{"key": "s3cr&t\""}
	base, got := listen(t, nil)
	ask := func(c Config) request {
		t.Helper()
		c.Secrets = secrets
		if outcome, detail := send(t, channel(t, c), message()); outcome != alert.Sent {
			t.Fatalf("%s %s", outcome, detail)
		}
		return <-got
	}

	r := ask(Config{Method: "GET", URL: base + `/send/{{.Name}}/x?key={{secret "key"}}&text={{.Text}}&to={{digits .Mobile}}`})
	if q := r.URL.Query(); len(q) != 3 || q.Get("key") != secrets["key"] || q.Get("text") != hostile || q.Get("to") != "79161234567" {
		t.Errorf("the query is %v", q)
	}
	if parts := strings.Split(r.URL.EscapedPath(), "/"); len(parts) != 4 || parts[3] != "x" || r.URL.Path != "/send/"+hostile+"/x" {
		t.Errorf("the path is %q", r.URL.EscapedPath())
	}

	r = ask(Config{URL: base + "/", Headers: map[string]string{"x-name": "a {{.Name}}", "authorization": `{{basic "me" (secret "key")}}`}, Body: "t={{.Text}}"})
	if user, password, _ := r.BasicAuth(); user != "me" || password != secrets["key"] || r.Header.Get("X-Evil") != "" || !strings.HasPrefix(r.Header.Get("X-Name"), `a "},`) {
		t.Errorf("the header is %v", r.Header)
	}
	if f, err := url.ParseQuery(r.body); err != nil || len(f) != 1 || f.Get("t") != hostile || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" {
		t.Errorf("the form is %v %v", f, err)
	}

	r = ask(Config{URL: base, Type: JSON, Body: `{"a":"x {{.Text}} {{.Number}}","b":{{.Text}},"n":{{.Missed}},"c":{{if .Name}}"{{.Name}}"{{else}}null{{end}}{{range 2}}{{end}}}`})
	var doc map[string]any
	want := map[string]any{"a": "x " + hostile + " +79160000001", "b": hostile, "n": 2.0, "c": hostile}
	if err := json.Unmarshal([]byte(r.body), &doc); err != nil || !reflect.DeepEqual(doc, want) {
		t.Errorf("the JSON is %v %v", doc, err)
	}

	r = ask(Config{URL: base, Type: XML, Body: `<m to="{{.Mobile}}" n="{{.Name}}"><text>{{.Text}}</text></m>`})
	var x struct {
		To   string `xml:"to,attr"`
		N    string `xml:"n,attr"`
		Text string `xml:"text"`
	}
	if err := xml.Unmarshal([]byte(r.body), &x); err != nil || x.To != "+79161234567" || x.N != hostile || x.Text != hostile {
		t.Errorf("the XML is %+v %v", x, err)
	}

	r = ask(Config{URL: base, Type: Text, Body: `{{oneline .Text}}`})
	if r.body != strings.Join(strings.Fields(hostile), " ") {
		t.Errorf("the text is %q", r.body)
	}
}

func TestAnAnswerIsJudgedByTheMatchRule(t *testing.T) {
	status := Match{JSON: map[string]string{"messages.0.status": "0"}}
	for name, c := range map[string]struct {
		match, retry Match
		status       int
		body         string
		want         alert.Outcome
		detail       string
	}{
		"no rule":                  {Match{}, Match{}, 204, "", alert.Sent, ""},
		"another status":           {Match{Status: "200"}, Match{}, 201, "", alert.Refused, "answered 201: not the status of a success"},
		"one of several":           {Match{Status: "200, 3xx"}, Match{}, 304, "", alert.Sent, ""},
		"a field":                  {status, Match{}, 200, `{"messages":[{"status":"0"}]}`, alert.Sent, ""},
		"an error with 200":        {status, Match{}, 200, `{"messages":[{"status":"4","error-text":"Bad Credentials"}]}`, alert.Refused, "messages.0.status is not that of a success: {\"messages\":[{\"status\":\"4\",\"error-text\":\"Bad Credentials\"}]}"},
		"throttled with 200":       {status, Match{JSON: map[string]string{"messages.0.status": "1|5"}}, 200, `{"messages":[{"status":"1"}]}`, alert.Unreachable, "messages.0.status"},
		"no such field":            {status, Match{}, 200, `{"messages":[]}`, alert.Refused, "there is no field messages.0.status"},
		"only a part of the value": {status, Match{}, 200, `{"messages":[{"status":"10"}]}`, alert.Refused, "not that of a success"},
		"a page instead of JSON":   {status, Match{}, 200, `<html>login</html>`, alert.Refused, "its body is no JSON: <html>login</html>"},
		"null":                     {Match{JSON: map[string]string{"error": "null"}}, Match{}, 200, `{"error":null}`, alert.Sent, ""},
		"a number":                 {Match{JSON: map[string]string{"id": "[0-9]+"}}, Match{}, 200, `{"id":12345678901234567890}`, alert.Sent, ""},
		"a word":                   {Match{Body: "^OK"}, Match{}, 200, "OK 1", alert.Sent, ""},
		"another word":             {Match{Body: "^OK"}, Match{}, 200, "ERROR 3", alert.Refused, "ERROR 3"},
		"too many":                 {Match{}, Match{}, 429, "", alert.Unreachable, "429"},
		"broken":                   {Match{}, Match{}, 503, "", alert.Unreachable, "503"},
		"nobody knows":             {Match{}, Match{}, 504, "", alert.TimedOut, "504"},
		"not allowed":              {Match{}, Match{}, 403, "", alert.Refused, "403"},
		"busy, as 400":             {Match{}, Match{Status: "400", Body: "rate"}, 400, "rate limit", alert.Unreachable, "rate limit"},
		"bad, as 400":              {Match{}, Match{Status: "400", Body: "rate"}, 400, "bad number", alert.Refused, "bad number"},
	} {
		t.Run(name, func(t *testing.T) {
			base, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
				w.WriteHeader(c.status)
				io.WriteString(w, c.body)
			})
			outcome, detail := send(t, channel(t, Config{URL: base, Match: c.match, Retry: c.retry}), message())
			if outcome != c.want || !strings.Contains(detail, c.detail) || c.want == alert.Sent && detail != "" {
				t.Errorf("%s: %s", outcome, detail)
			}
		})
	}
}

func TestNothingGoesWhereARedirectPoints(t *testing.T) {
	other, got := listen(t, nil)
	base, _ := listen(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other, http.StatusTemporaryRedirect) })
	if outcome, _ := send(t, channel(t, Config{URL: base, Body: "a={{.Text}}"}), message()); outcome != alert.Refused || len(got) > 0 {
		t.Errorf("%s, and %d requests elsewhere", outcome, len(got))
	}
}

// TestRetryAfterIsHeeded by not asking again.
func TestRetryAfterIsHeeded(t *testing.T) {
	var n atomic.Int32
	base, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
		n.Add(1)
		w.Header().Set("Retry-After", "1200")
		w.WriteHeader(http.StatusTooManyRequests)
	})
	ch := channel(t, Config{URL: base})
	for i := range 2 {
		outcome, detail := send(t, ch, message())
		if outcome != alert.Unreachable || i == 1 && !strings.Contains(detail, "left alone for 20m0s") {
			t.Errorf("%s %s", outcome, detail)
		}
	}
	if n.Load() != 1 {
		t.Errorf("it was asked %d times", n.Load())
	}
	ch.rest(time.Now().Add(1000 * time.Hour).UTC().Format(http.TimeFormat))
	if rest := time.Until(time.UnixMilli(ch.until.Load())); rest > maxRest || rest < maxRest-time.Minute {
		t.Errorf("it rests for %s", rest)
	}
}

func TestASilentGateway(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ch := channel(t, Config{URL: "http://" + l.Addr().String()})
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if outcome, detail := ch.Send(ctx, message()); outcome != alert.TimedOut {
		t.Errorf("silent: %s %s", outcome, detail)
	}
	l.Close()
	if outcome, detail := send(t, ch, message()); outcome != alert.Unreachable || !strings.Contains(detail, "refused") {
		t.Errorf("away: %s %s", outcome, detail)
	}
}

// TestWhatAGatewaySaysIsNotRepeatedBlindly has one that repeats what it got.
func TestWhatAGatewaySaysIsNotRepeatedBlindly(t *testing.T) {
	base, _ := listen(t, func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		io.WriteString(w, "bad: "+r.URL.Query().Get("say")+r.Header.Get("Say"))
	})
	for _, what := range []string{"{{.Link}}", "{{digits .Mobile}}", "tel+{{.Number}}", "{{.Email}}", `{{secret "key"}}`} {
		outcome, detail := send(t, channel(t, Config{URL: base + "/?say=" + what, Secrets: map[string]string{"key": "hunter2"}}), message())
		if outcome != alert.Refused || !strings.HasSuffix(detail, "(its words repeat what is not to be shown)") {
			t.Errorf("%s: %s %s", what, outcome, detail)
		}
	}
	list := message()
	list.Short, list.Leads = "https://ring.example.com/l/ofalead", []alert.Listed{{Lead: 7, Link: "https://ring.example.com/l/ofalead"}}
	if _, detail := send(t, channel(t, Config{URL: base + "/?say={{.Short}}"}), list); strings.Contains(detail, "ofalead") {
		t.Errorf("the link to a lead of a list is in %q", detail)
	}
	outcome, detail := send(t, channel(t, Config{URL: base, Headers: map[string]string{"say": `{{basic "me" (secret "key")}}`}, Secrets: map[string]string{"key": "hunter2"}}), message())
	if outcome != alert.Refused || strings.Contains(detail, "Basic") {
		t.Errorf("%s %s", outcome, detail)
	}
}

func TestWhoeverCannotBeReached(t *testing.T) {
	base, got := listen(t, nil)
	m := message()
	m.Mobile, m.Email = "", ""
	for need, want := range map[Need]string{"": "anna has no mobile", Mobile: "anna has no mobile", Email: "anna has no email", Nothing: ""} {
		if _, detail := send(t, channel(t, Config{URL: base, Needs: need}), m); detail != want {
			t.Errorf("%s: %q", need, detail)
		}
	}
	if len(got) != 1 {
		t.Errorf("%d requests", len(got))
	}
}

func TestWhatIsWrongIsSaidBeforehand(t *testing.T) {
	const u = "https://sms.example.com/send"
	for want, c := range map[string]Config{
		"url: must begin with":                                 {URL: "https://{{.Name}}/"},
		"url: must begin with an address":                      {URL: "https://me:x@sms.example.com/"},
		"url: it is no address any more":                       {URL: u + "#x"},
		"secret \"k\" is not listed under secrets":             {URL: u + `?k={{secret "k"}}`},
		"url: unclosed action":                                 {URL: u + "?a={{.Text"},
		"body: function \"shell\" not defined":                 {URL: u, Body: "{{shell .Text}}"},
		"can't evaluate field Txet":                            {URL: u, Body: "a={{.Txet}}"},
		"body: urlquery is not supported here":                 {URL: u, Body: "a={{.Text | urlquery}}"},
		"body: what it writes is no JSON":                      {URL: u, Type: JSON, Body: `{"a":{{.Text}}`},
		"body: a quote is not closed":                          {URL: u, Type: JSON, Body: `{"a":"{{.Text}}}`},
		"body: a quote opens or closes in one branch of .Name": {URL: u, Type: JSON, Body: `{"a":{{if .Name}}"{{end}}x"}`},
		"body: a value stands behind a backslash":              {URL: u, Type: JSON, Body: `{"a":"\{{.Text}}"}`},
		"body: what it writes is no XML":                       {URL: u, Type: XML, Body: `<a>{{.Text}}</b>`},
		"body: a GET has none":                                 {URL: u, Method: "GET", Body: "a=b"},
		"method: \"DELETE\" is not known":                      {URL: u, Method: "DELETE"},
		"headers: \"Host\" is no header that can be set":       {URL: u, Headers: map[string]string{"Host": "x"}},
		"headers: \"a b\" is no header":                        {URL: u, Headers: map[string]string{"a b": "x"}},
		"match.status: \"2x\" is no status":                    {URL: u, Match: Match{Status: "2x"}},
		"match.body: error parsing regexp":                     {URL: u, Match: Match{Body: "("}},
		"retry.json.error: error parsing regexp":               {URL: u, Retry: Match{JSON: map[string]string{"error": "("}}},
		"body: templates within templates":                     {URL: u, Body: `{{define "x"}}{{.Text}}{{end}}{{template "x"}}`},
		"body: {{template \"body\"}} is not supported":         {URL: u, Body: `{{template "body"}}`},
		"it writes too much":                                   {URL: u, Body: `a={{range 100000}}x{{end}}`},
		"url: it is no address":                                {URL: u + "?a=b c"},
		"nil is not a command":                                 {URL: u, Headers: map[string]string{"X": "{{nil}}"}},
	} {
		_, faults := New(c)
		var all []string
		for _, f := range faults {
			all = append(all, f.Key+": "+f.Text)
		}
		if len(all) == 0 || !strings.Contains(strings.Join(all, "\n"), want) {
			t.Errorf("%s: %q", want, all)
		}
	}
}
