package config_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"ringback/config"
	"ringback/leads/alert"
	"ringback/leads/alert/gateway"
)

// provider is what a provider's documentation demands of a request, and what it
// answers: to one it takes, and to others.
type provider struct {
	path   string
	check  func(r *http.Request, body string) error
	taken  string
	status int
	others map[string]alert.Outcome // answers with status 200, unless they begin with another
}

var providers = map[string]provider{
	"twilio": {
		path: "/2010-04-01/Accounts/AC00000000000000000000000000000000/Messages.json",
		check: func(r *http.Request, body string) error {
			user, password, _ := r.BasicAuth()
			if user != "AC00000000000000000000000000000000" || password != "s3cret" {
				return fmt.Errorf("logs in as %q %q", user, password)
			}
			return wantForm(r, body, map[string]string{"To": "+79161234567", "From": "+15005550006", "Body": text})
		},
		status: 201, taken: `{"sid":"SM1","status":"queued","error_code":null}`,
		others: map[string]alert.Outcome{
			`400 {"code":21211,"message":"Invalid 'To' Phone Number","status":400}`: alert.Refused,
			`429 {"code":20429,"message":"Too Many Requests","status":429}`:         alert.Unreachable,
			`201 {"sid":"SM1","status":"failed","error_code":30008}`:                alert.Refused,
		},
	},
	"smsc": {
		path: "/sys/send.php",
		check: func(r *http.Request, body string) error {
			return wantForm(r, body, map[string]string{"apikey": "s3cret", "phones": "+79161234567", "mes": text, "charset": "utf-8", "fmt": "3"})
		},
		taken: `{"id":1,"cnt":1}`,
		others: map[string]alert.Outcome{
			`{"error":"authorise error","error_code":2}`:              alert.Refused,
			`{"error":"no money","error_code":3}`:                     alert.Refused,
			`{"error":"too many concurrent requests","error_code":9}`: alert.Unreachable,
		},
	},
	"smsapi": {
		path: "/sms.do",
		check: func(r *http.Request, body string) error {
			if got := r.Header.Get("Authorization"); got != "Bearer s3cret" {
				return fmt.Errorf("logs in by %q", got)
			}
			return wantForm(r, body, map[string]string{"to": "79161234567", "message": text, "format": "json", "encoding": "utf-8"})
		},
		taken: `{"count":1,"list":[{"id":"1460969715572091219","points":0.16,"number":"79161234567","status":"QUEUE","error":null}]}`,
		others: map[string]alert.Outcome{
			`{"invalid_numbers":[],"error":13,"message":"No correct phonenumbers"}`: alert.Refused,
			`{"error":201,"message":"Internal error"}`:                              alert.Unreachable,
			`401 {"error":101,"message":"Authorization failed"}`:                    alert.Refused,
		},
	},
	"vonage": {
		path: "/sms/json",
		check: func(r *http.Request, body string) error {
			return wantForm(r, body, map[string]string{"api_key": "abcd1234", "api_secret": "s3cret", "from": "Ringback", "to": "79161234567", "type": "unicode", "text": text})
		},
		taken: `{"message-count":"1","messages":[{"to":"79161234567","message-id":"aa","status":"0","remaining-balance":"3.14"}]}`,
		others: map[string]alert.Outcome{
			`{"message-count":"1","messages":[{"status":"4","error-text":"Bad Credentials"}]}`: alert.Refused,
			`{"message-count":"1","messages":[{"status":"1","error-text":"Throttled"}]}`:       alert.Unreachable,
			`{"message-count":"1","messages":[{"status":"15","error-text":"Invalid"}]}`:        alert.Refused,
		},
	},
	"whatsapp": {
		path: "/v23.0/100000000000000/messages",
		check: func(r *http.Request, body string) error {
			if got := r.Header.Get("Authorization"); got != "Bearer s3cret" || r.Header.Get("Content-Type") != "application/json" {
				return fmt.Errorf("the header is %v", r.Header)
			}
			var m struct {
				Product  string `json:"messaging_product"`
				To       string
				Type     string
				Template struct {
					Name       string
					Language   struct{ Code string }
					Components []struct {
						Type       string
						Parameters []struct{ Type, Text string }
					}
				}
			}
			if err := json.Unmarshal([]byte(body), &m); err != nil {
				return err
			}
			// A parameter holds no line break, no tab and no more than four blanks in a row.
			p := m.Template.Components[0].Parameters[0]
			if m.Product != "whatsapp" || m.To != "79161234567" || m.Type != "template" || m.Template.Name == "" || m.Template.Language.Code != "ru" ||
				p.Type != "text" || p.Text != strings.Join(strings.Fields(text), " ") {
				return fmt.Errorf("the message is %+v", m)
			}
			return nil
		},
		taken: `{"messaging_product":"whatsapp","contacts":[{"input":"79161234567","wa_id":"79161234567"}],"messages":[{"id":"wamid.HBgL"}]}`,
		others: map[string]alert.Outcome{
			`400 {"error":{"message":"(#132000) Number of parameters does not match","code":132000}}`: alert.Refused,
			`400 {"error":{"message":"(#130429) Rate limit hit","code":130429}}`:                      alert.Unreachable,
			`401 {"error":{"message":"Error validating access token","code":190}}`:                    alert.Refused,
		},
	},
}

// text is what is sent: an alert's short text with a hostile name.
const text = "Пропущенный звонок: +79160000000 (\"Eve\" & <co>\\, 100%), sales, 14:05\nhttps://ring.example.com/l/abc?x=1&y=2"

func wantForm(r *http.Request, body string, want map[string]string) error {
	if got := r.Header.Get("Content-Type"); r.Method != http.MethodPost || got != "application/x-www-form-urlencoded" {
		return fmt.Errorf("%s of %s", r.Method, got)
	}
	form, err := url.ParseQuery(body)
	if err != nil || len(form) != len(want) {
		return fmt.Errorf("the form is %q, %v", form, err)
	}
	for name, value := range want {
		if form.Get(name) != value || !utf8.ValidString(form.Get(name)) {
			return fmt.Errorf("%s is %q", name, form.Get(name))
		}
	}
	return nil
}

// TestPresetsSayWhatTheirProvidersDemand sends a message by each preset to a
// server that looks at it as its provider's documentation says.
func TestPresetsSayWhatTheirProvidersDemand(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"twilio.token", "smsc.key", "smsapi.token", "vonage.secret", "whatsapp.token", "ari"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("s3cret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "ringback.yaml")
	base := "country: RU\nasterisk: [{name: main, url: \"http://127.0.0.1:1\", username: x, password_file: ari, inbound: {contexts: [in]}}]\n" +
		"managers: [{login: anna, mobile: \"+79161234567\"}]\npools: [{name: default, managers: [anna], supervisor: anna}]\ndatabase: ringback.db\n"
	if err := os.WriteFile(file, []byte(base+config.Presets), 0o600); err != nil {
		t.Fatal(err)
	}
	c := loaded(t, file)
	if len(c.Channels.HTTP) != len(providers) {
		t.Fatalf("%d presets", len(c.Channels.HTTP))
	}
	for i := range c.Channels.HTTP {
		h := &c.Channels.HTTP[i]
		t.Run(h.Name, func(t *testing.T) { providers[h.Name].judges(t, h.Gateway()) })
	}
}

func (p provider) judges(t *testing.T, g gateway.Config) {
	answer := ""
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if err := p.check(r, string(body)); err != nil || r.URL.Path != p.path {
			t.Errorf("%s: %v", r.URL.Path, err)
		}
		status := 200
		if _, err := fmt.Sscanf(answer, "%d {", &status); err == nil {
			answer = answer[4:]
		}
		w.WriteHeader(status)
		io.WriteString(w, answer)
	}))
	defer srv.Close()
	u, err := url.Parse(g.URL)
	if err != nil {
		t.Fatal(err)
	}
	g.URL = srv.URL + u.Path
	channel, faults := gateway.New(g)
	if len(faults) > 0 {
		t.Fatalf("%+v", faults)
	}
	defer channel.Close()
	send := func(say string, want alert.Outcome) {
		answer = say
		m := alert.Message{To: "anna", Mobile: "+79161234567", Short: text, Language: "ru", At: time.Now()}
		if outcome, detail := channel.Send(t.Context(), m); outcome != want {
			t.Errorf("%s: %s %s, want %s", say, outcome, detail, want)
		}
	}
	taken := p.taken
	if p.status != 0 {
		taken = fmt.Sprintf("%d %s", p.status, taken)
	}
	send(taken, alert.Sent)
	for say, want := range p.others {
		send(say, want)
	}
}
