package config_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/config"
)

func TestSecretFiles(t *testing.T) {
	secret := map[string]string{"good": "x\n", "empty": "\n", "two": "hunter2\nhunter2\n", "binary": "hunter2\x00", "large": strings.Repeat("hunter2", 20_000)}
	for _, c := range []struct {
		name string
		mode os.FileMode
		want string
	}{
		{"good", 0o600, ""},
		{"good", 0o440, ""},
		{"good", 0o644, "is open to everybody on this machine: chmod 640 it"},
		{"good", 0o602, "is open to everybody"},
		{"none", 0, "no such file or directory"},
		{"folder", 0, "is a folder"},
		{"empty", 0o600, "should hold one line: the secret"},
		{"two", 0o600, "should hold one line: the secret"},
		{"binary", 0o600, "is not text"},
		{"large", 0o600, "is larger than 64 kB"},
	} {
		file := written(t, strings.Replace(minimal, "ari.password", c.name, 1), secret)
		if err := os.Mkdir(filepath.Join(filepath.Dir(file), "folder"), 0o700); err != nil {
			t.Fatal(err)
		}
		if c.mode != 0 {
			if err := os.Chmod(filepath.Join(filepath.Dir(file), c.name), c.mode); err != nil {
				t.Fatal(err)
			}
		}
		_, err := config.Load(file)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s %o: %v", c.name, c.mode, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), "asterisk[0].password_file: ") || !strings.Contains(err.Error(), c.want)):
			t.Errorf("%s %o: %v, want %s", c.name, c.mode, err, c.want)
		case err != nil && strings.Contains(err.Error(), "hunter2"):
			t.Errorf("%s: the error holds the secret: %v", c.name, err)
		}
	}
}

func TestSecretsFromTheEnvironment(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "from the environment")
	text := strings.Replace(minimal, "password_file: ari.password", "password_env: RINGBACK_TEST_PASSWORD", 1)
	if c := loaded(t, written(t, text, nil)); c.Asterisk[0].Password.Reveal() != "from the environment" {
		t.Errorf("the password is %q", c.Asterisk[0].Password.Reveal())
	}
	// Somebody who takes the key for the password's place must not find it in a log.
	_, err := config.Load(written(t, strings.Replace(text, "RINGBACK_TEST_PASSWORD", "hunter2", 1), nil))
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("%v", err)
	}
}

// The channel itself judges its secret, and what it says names the key.
func TestWebhookSecretsThatCannotSign(t *testing.T) {
	hook := minimal + "channels:\n  webhooks:\n    - {name: crm, url: \"https://crm.example.com\", %s}\n"
	t.Setenv("RINGBACK_TEST_HOOK", "whsec_hunter2!")
	for key, source := range map[string]string{"secret_file": "hook.secret", "secret_env": "RINGBACK_TEST_HOOK"} {
		_, err := config.Load(written(t, fmt.Sprintf(hook, key+": "+source), map[string]string{"ari.password": "x", "hook.secret": "whsec_hunter2!\n"}))
		if err == nil || !strings.Contains(err.Error(), "channels.webhooks[0]."+key+": what follows whsec_") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestTokens(t *testing.T) {
	for _, c := range []struct{ content, want, warning string }{
		{"0123456789abcdef\n", "", ""},
		{"short\n", "", "the token in line 1"},
		{"# only a comment\n\n", "holds no token", ""},
		{"good-enough-1234567\nhunter2 hunter2\n", "line 2 of", ""},
		{"hunter2é\n", "line 1 of", ""},
	} {
		file := written(t, minimal+"token_file: tokens\n", map[string]string{"ari.password": "x", "tokens": c.content})
		loaded, err := config.Load(file)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q: %v, want %s", c.content, err, c.want)
		}
		if err != nil {
			if strings.Contains(err.Error(), "hunter2") || strings.Count(err.Error(), "\n") != 1 {
				t.Errorf("%q: %v", c.content, err)
			}
			continue
		}
		if warnings := fmt.Sprint(loaded.Warnings); (c.warning != "") != (len(loaded.Warnings) > 0) || !strings.Contains(warnings, c.warning) {
			t.Errorf("%q: warnings %s, want %s", c.content, warnings, c.warning)
		}
	}
}

// A hook that signs with a token of the API gives it away: to whoever checks the
// signatures.
func TestSecretOfAHookThatIsAToken(t *testing.T) {
	for secret, want := range map[string]int{"0123456789abcdef\n": 2, "fedcba9876543210\n": 0} {
		c := loaded(t, written(t, minimal+`token_file: tokens
hooks: [{name: erp, url: "https://erp.example.com", secret_file: hook.secret}]
channels: {webhooks: [{name: crm, url: "https://crm.example.com", secret_file: hook.secret}]}
`, map[string]string{"ari.password": "x", "tokens": "0123456789abcdef\n", "hook.secret": secret}))
		got := 0
		for _, w := range c.Warnings {
			if strings.Contains(w.Text, "holds a token of token_file") {
				got++
			}
		}
		if got != want {
			t.Errorf("%q: warnings %v", secret, c.Warnings)
		}
	}
}

func TestOpenToTheNetworkWithTokens(t *testing.T) {
	c := loaded(t, written(t, minimal+"token_file: tokens\nlisten: :8730\n", map[string]string{"ari.password": "x", "tokens": "0123456789abcdef\n"}))
	if got := fmt.Sprint(c.Warnings); len(c.Warnings) != 2 || !strings.Contains(got, "public_url") || !strings.Contains(got, "can be reached from other machines") {
		t.Errorf("warnings %v", c.Warnings)
	}
}

func TestDatabaseFolder(t *testing.T) {
	type test struct {
		database string
		prepare  func(dir string) error
		want     string
	}
	tests := []test{
		{"new.db", nil, ""},
		{"sub/new.db", nil, "there is no folder"},
		{"file/new.db", func(dir string) error { return os.WriteFile(dir+"/file", nil, 0o600) }, "is not a folder"},
		{"folder", func(dir string) error { return os.Mkdir(dir+"/folder", 0o700) }, "is a folder: name a file in it"},
	}
	if os.Geteuid() != 0 { // root may write everywhere
		tests = append(tests,
			test{"closed/new.db", func(dir string) error { return os.Mkdir(dir+"/closed", 0o500) }, "is not writable"},
			test{"old.db", func(dir string) error { return os.WriteFile(dir+"/old.db", nil, 0o400) }, "is not readable and writable"})
	}
	for _, c := range tests {
		file := written(t, strings.Replace(minimal, "ringback.db", c.database, 1), password)
		if c.prepare != nil {
			if err := c.prepare(filepath.Dir(file)); err != nil {
				t.Fatal(err)
			}
		}
		_, err := config.Load(file)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), "  database: ") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.database, err, c.want)
		}
	}
}
