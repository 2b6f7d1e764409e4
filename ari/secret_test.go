package ari_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"

	"ringback/ari"
)

// holder has the secret in a field that fmt may not ask for its String.
type holder struct{ inner ari.Secret }

func TestSecretsAreNotShown(t *testing.T) {
	s := ari.NewSecret("hunter2")
	if s.Reveal() != "hunter2" || !s.Set() {
		t.Fatalf("it reveals %q", s.Reveal())
	}
	a := ari.Config{Name: "main", URL: "http://127.0.0.1:8088", Username: "u", Password: s}
	client, err := ari.NewClient(a)
	if err != nil {
		t.Fatal(err)
	}
	shown := []string{
		s.String(), s.GoString(), fmt.Sprint(s, &s, a, &a, holder{s}, &holder{s}, []ari.Secret{s}, map[string]ari.Secret{"x": s}),
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d", "%p", "%T"} {
		for _, v := range []any{s, &s, a, &a, holder{s}, &holder{s}, client, ari.NewStream(client, ari.StreamOptions{})} {
			shown = append(shown, fmt.Sprintf(verb, v))
		}
	}
	for _, encode := range []func(any) ([]byte, error){json.Marshal, yaml.Marshal} {
		text, err := encode(map[string]any{"secret": s, "pointer": &s})
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, string(text))
	}
	var log bytes.Buffer
	for _, h := range []slog.Handler{slog.NewTextHandler(&log, nil), slog.NewJSONHandler(&log, nil)} {
		slog.New(h).Info("x", "secret", s, "pointer", &s, "pbx", a, "pointer", &a)
	}
	shown = append(shown, log.String())
	for _, text := range shown {
		if strings.Contains(text, "hunter2") || strings.Contains(text, fmt.Sprintf("%x", "hunter2")) {
			t.Errorf("it is shown: %s", text)
		}
	}
	if !strings.Contains(log.String(), "•••") || s.String() != "•••" {
		t.Errorf("a secret does not show as dots: %s", log.String())
	}
	var none ari.Secret
	if none.Set() || none.Reveal() != "" || none.String() != "" {
		t.Errorf("the zero value is %q", none.String())
	}
}
