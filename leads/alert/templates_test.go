package alert

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/leads/text"
)

func templatesIn(t *testing.T, files map[string]string) (*Templates, []TemplateFault) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return ReadTemplates(dir)
}

// TestOwnWordsTakeThePlaceOfOurs where they are given, for a kind and a language.
func TestOwnWordsTakeThePlaceOfOurs(t *testing.T) {
	own, faults := templatesIn(t, map[string]string{
		"overdue.ru.tmpl":  "\n{{define \"short\"}}Срочно: {{.Who}}, {{.When}} {{.Link}}{{end}}\n",
		"overdue.tmpl":     `{{define "subject"}}URGENT {{.Number}}{{"\n"}}{{.Name}}{{end}}{{define "long"}}{{range .Leads}}{{.Who}}{{end}}{{.Text}}` + "\n\n  {{.Missed}} calls{{end}}",
		"digest.tmpl":      `{{define "short"}}{{range .Leads}}{{.When}} {{.Who}}; {{end}}{{with .More}}+{{.}}{{end}}{{end}}`,
		"appointment.tmpl": `{{define "long"}}{{.Outcome}} {{.Starts}} {{index .Fields "room"}}.{{end}}`,
		"notes.txt":        "not a template {{",
	})
	// The bare sample has no field of that name: index gives "" for it.
	if len(faults) > 0 {
		t.Fatalf("%v", faults)
	}
	l := New(Config{Mode: Act, Templates: own})
	say := func(language text.Language, why Why) Message {
		m := fullMessage()
		m.Why, m.Language = why, language
		l.say(&m, time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC))
		return m
	}
	ours := fullMessage()
	New(Config{}).say(&ours, time.Date(2026, 3, 2, 10, 30, 0, 0, time.UTC))
	if m := say(text.Russian, Overdue); m.Short != "Срочно: +79161234567 (Жанна Ёлкина-Оболенская-Задунайская), 09:59 https://ring.example.com/l/x" || !strings.HasPrefix(m.Text, "Ещё не перезвонили") {
		t.Errorf("in Russian: %+v", m)
	}
	if m := say(text.Polish, Overdue); m.Subject != "URGENT +79161234567 Жанна Ёлкина-Оболенская-Задунайская" || !strings.HasSuffix(m.Text, m.Link+"\n\n2 calls") || !strings.HasPrefix(m.Short, "Jeszcze") {
		t.Errorf("in Polish: %+v", m)
	}
	if m := say(text.English, NewLead); !strings.HasPrefix(m.Text, "Missed call") {
		t.Errorf("of a kind without own words: %+v", m)
	}
}

// TestABrokenTemplateStopsNoAlert: it is told beforehand, with its line, and the
// built-in words are said.
func TestABrokenTemplateStopsNoAlert(t *testing.T) {
	for file, c := range map[string]struct{ content, want string }{
		"new_lead.tmpl":    {"{{define \"short\"}}\n{{.Nubmer}}\n{{end}}", "new_lead.tmpl:2: <.Nubmer>: can't evaluate field Nubmer"},
		"new_lead.ru.tmpl": {"{{define \"short\"}}\n\n{{if}}{{end}}", "new_lead.ru.tmpl:3: missing value for if"},
		"new_lead.de.tmpl": {"", "new_lead.de.tmpl: is named after no kind of alert"},
		"newlead.tmpl":     {"", "newlead.tmpl: is named after no kind of alert: KIND.tmpl or KIND.LANGUAGE.tmpl"},
		"rang_again.tmpl":  {"{{define \"body\"}}x{{end}}", `rang_again.tmpl: defines "body"`},
		"overdue.tmpl":     {"{{define \"short\"}}x{{end}}\nHello {{.Number}}", "overdue.tmpl:"},
		"overdue.pl.tmpl":  {"{{define \"subject\"}} {{end}}", "overdue.pl.tmpl: subject is empty"},
		"digest.tmpl":      {"{{define \"long\"}}{{(index .Leads 1).Who}}{{end}}", "digest.tmpl:1: "}, // not every list has one
		"digest.en.tmpl":   {"{{define \"long\"}}{{range 100000}}x{{end}}{{end}}", "it writes too much"},
		"new_lead.pl.tmpl": {"{{define \"long\"}}{{template \"no\"}}{{end}}", `"no" not defined`},
		"appointment.tmpl": {strings.Repeat("x", maxTemplate+1), "larger than 64 kB"},
	} {
		own, faults := templatesIn(t, map[string]string{file: c.content})
		if len(faults) != 1 || !strings.Contains(faults[0].String(), c.want) {
			t.Errorf("%s: %v", file, faults)
		}
		if len(own.files) != 0 {
			t.Errorf("%s is used", file)
		}
	}
	if _, faults := ReadTemplates("/nowhere/at/all"); len(faults) != 1 {
		t.Errorf("no folder: %v", faults)
	}

	// What no sample shows.
	own, faults := templatesIn(t, map[string]string{"new_lead.tmpl": `{{define "long"}}{{if eq .Missed 3}}{{index .Leads 5}}{{end}}own{{end}}`})
	if len(faults) > 0 {
		t.Fatalf("%v", faults)
	}
	var log bytes.Buffer
	l := New(Config{Templates: own, Log: slog.New(slog.NewTextHandler(&log, nil))})
	m := fullMessage()
	m.Why = NewLead
	for missed, want := range map[int]string{2: "own", 3: "Missed call: "} {
		m.Missed = missed
		if l.say(&m, m.LastMissed); !strings.HasPrefix(m.Text, want) {
			t.Errorf("with %d missed calls it says %q", missed, m.Text)
		}
	}
	if !strings.Contains(log.String(), "new_lead.tmpl:1") || strings.Contains(log.String(), m.Name) || strings.Contains(log.String(), m.Link) {
		t.Errorf("the log says %s", &log)
	}
}

// TestHostileNamesInOwnWords: what is put in is not read as a template, and stays
// on its line.
func TestHostileNamesInOwnWords(t *testing.T) {
	own, faults := templatesIn(t, map[string]string{"new_lead.tmpl": `{{define "long"}}{{.Name}}` + "\n" + `second line{{end}}`})
	if len(faults) > 0 {
		t.Fatalf("%v", faults)
	}
	l := New(Config{Templates: own})
	m := fullMessage()
	m.Why, m.Name = NewLead, Clean("{{.Link}}\nsecond line\u202e{{range 10}}x{{end}}")
	l.say(&m, m.LastMissed)
	if m.Text != "{{.Link}} second line {{range 10}}x{{end}}\nsecond line" {
		t.Errorf("it says %q", m.Text)
	}
}
