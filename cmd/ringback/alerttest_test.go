package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/config"
)

const testToken = "123456789:AAFakeTokenOfTheTests_0123456789"

// TestAlertTestSaysWhatBecameOfIt has gateways and a bot that take it, refuse
// it, and are not there; first without a daemon, and then by the socket of one.
func TestAlertTestSaysWhatBecameOfIt(t *testing.T) {
	services := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/getMe"):
			fmt.Fprint(w, `{"ok":true,"result":{"id":1,"username":"ringback_bot"}}`)
		case strings.HasSuffix(r.URL.Path, "/getUpdates"):
			<-r.Context().Done()
		case r.URL.Path == "/good" && strings.Contains(string(body), "%D0%9F%D1%80%D0%BE%D0%B2%D0%B5%D1%80%D0%BA%D0%B0"): // Проверка
			fmt.Fprint(w, `{"error":null}`)
		case r.URL.Path == "/letter" && strings.Contains(string(body), "vera"):
			fmt.Fprint(w, `{"error":null}`)
		default:
			fmt.Fprint(w, `{"error":"no money"}`)
		}
	}))
	defer services.Close()
	dir := t.TempDir()
	write := func(name, text string) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	write("secret", "x")
	write("token", testToken)
	gateway := `{name: %s, url: "%s", body: "to={{.Mobile}}&text={{.Short}}", match: {json: {error: "null"}}}`
	file := write("ringback.yaml", strings.NewReplacer("URL", services.URL).Replace(`
country: RU
asterisk: [{name: main, url: "http://127.0.0.1:1", username: x, password_file: secret, inbound: {contexts: [in]}}]
managers: [{login: anna, mobile: "+79161234567", language: ru}, {login: boris}, {login: vera, role: admin, email: vera@example.com}, {login: zoe, role: admin}]
pools: [{name: default, managers: [anna], supervisor: boris}]
channels:
  telegram: {token_file: token, api: "URL"}
  page: {}
  http:
    - `+fmt.Sprintf(gateway, "good", "URL/good")+`
    - `+fmt.Sprintf(gateway, "bad", "URL/bad")+`
    - `+fmt.Sprintf(gateway, "gone", "http://127.0.0.1:1")+`
    - {name: letter, needs: email, url: "URL/letter", body: "to={{.Email}}&text={{.Short}}", match: {json: {error: "null"}}}
listen: 127.0.0.1:0
database: ringback.db
`))
	run := func(channel, to string) (int, string) {
		t.Helper()
		var out bytes.Buffer
		words := []string{"--config", file, "alert", "test", channel}
		if to != "" {
			words = append(words, "--to", to)
		}
		status := run(&world{ctx: t.Context(), stdout: &out, stderr: &out}, words)
		if strings.Contains(out.String(), testToken) {
			t.Errorf("it says the token: %s", &out)
		}
		return status, out.String()
	}
	if status, said := run("good", "anna"); status == 0 || !strings.Contains(said, "start the daemon first") {
		t.Fatalf("without a database: %d %s", status, said)
	}
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	ask := func(t *testing.T) {
		for _, c := range []struct {
			channel, to string
			status      int
			said        string
		}{
			{"good", "anna", 0, "good to anna: sent\n  the channel has taken it"},
			{"bad", "anna", 1, `bad to anna: refused: ` + strings.TrimPrefix(services.URL, "http://") + ` answered 200: the field error is not that of a success: {"error":"no money"}`},
			{"gone", "anna", 1, "gone to anna: not reachable now: 127.0.0.1:1: connect: connection refused"},
			{"good", "boris", 1, "good to boris: refused: boris has no mobile"},
			{"page", "anna", 1, "anna has no page open"},
			{"telegram", "anna", 1, "have anna open https://t.me/ringback_bot?start="},
			{"sip", "anna", 1, `there is no channel "sip": the configuration has telegram, page, good, bad, gone, letter`},
			{"good", "anya", 1, `there is nobody with the login "anya"`},
			{"page", "", 1, "page to vera: not reachable now: vera has no page open"},
			{"letter", "", 0, "letter to vera: sent"},
			{"good", "", 1, "good reaches no administrator and no supervisor: name one of anna with --to"},
			{"telegram", "", 1, "telegram reaches nobody yet: name somebody with --to"},
		} {
			if status, said := run(c.channel, c.to); status != c.status || !strings.Contains(said, c.said) {
				t.Errorf("%s to %s: %d %s", c.channel, c.to, status, said)
			}
		}
	}
	t.Run("by the daemon", ask)
	cancel()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	t.Run("without one", ask)
}
