package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/config"
)

// A broken text of one's own is told, and keeps no daemon from starting.
func TestBrokenTemplatesAreTold(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "hunter2")
	good, err := os.ReadFile(filepath.Join(folder, "good-minimal.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "texts"), 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"texts/overdue.ru.tmpl": `{{define "short"}}{{.Who}}{{end}}`, "texts/new_lead.tmpl": "\n{{define \"short\"}}{{.Nubmer}}{{end}}",
		"ringback.yaml": string(good) + "\ntemplates: {dir: texts}\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := config.Load(filepath.Join(dir, "ringback.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	want := "templates.dir: new_lead.tmpl:2: <.Nubmer>: can't evaluate field Nubmer"
	if len(c.Templates.Faults) != 1 || len(c.Warnings) == 0 || !strings.HasPrefix(c.Warnings[len(c.Warnings)-1].String(), want) {
		t.Errorf("warnings %v, faults %v", c.Warnings, c.Templates.Faults)
	}
}
