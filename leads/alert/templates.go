package alert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
	"text/template/parse"

	"ringback/leads/text"
)

// Templates are an administrator's own texts, in files such as new_lead.ru.tmpl,
// or overdue.tmpl for all languages. A file defines what it says otherwise:
//
//	{{define "short"}}{{.Number}} {{.Name}} {{.Link}}{{end}}
//
// subject, short or long; see TemplateFields for what can be put in. What a file
// does not define is said in the built-in words.
type Templates struct{ files map[string]*template.Template }

// TemplateFault is one thing that is wrong with a file of templates.
type TemplateFault struct {
	File string // without its folder
	Line int    // 0: the whole of it
	Text string
}

func (f TemplateFault) String() string {
	if f.Line == 0 {
		return f.File + ": " + f.Text
	}
	return fmt.Sprintf("%s:%d: %s", f.File, f.Line, f.Text)
}

// parts are what a file may define, and how many characters of each are sent.
var parts = map[string]int{"subject": 120, "short": 1000, "long": 4000}

const (
	mostTemplates = 200
	maxTemplate   = 64 << 10
	templateEnd   = ".tmpl"
)

// ReadTemplates reads the files of a folder, and writes every kind of message
// with them. A file in which something is wrong is left out: alerts that it is for
// are said in the built-in words.
func ReadTemplates(folder string) (*Templates, []TemplateFault) {
	t := &Templates{files: map[string]*template.Template{}}
	entries, err := os.ReadDir(folder)
	if err != nil {
		return t, []TemplateFault{{filepath.Base(folder), 0, "the folder cannot be read: " + errors.Unwrap(err).Error()}}
	}
	var faults []TemplateFault
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), templateEnd) || len(t.files) >= mostTemplates {
			continue
		}
		read, wrong := readTemplate(folder, e.Name())
		if len(wrong) > 0 {
			faults = append(faults, wrong...)
			continue
		}
		t.files[strings.TrimSuffix(e.Name(), templateEnd)] = read
	}
	return t, faults
}

// readTemplate reads one file.
func readTemplate(folder, name string) (*template.Template, []TemplateFault) {
	fault := func(line int, format string, args ...any) []TemplateFault {
		return []TemplateFault{{name, line, fmt.Sprintf(format, args...)}}
	}
	why, language, _ := strings.Cut(strings.TrimSuffix(name, templateEnd), ".")
	if !slices.Contains(Whys, Why(why)) || language != "" && !text.Language(language).Known() {
		return nil, fault(0, "is named after no kind of alert: KIND%[1]s or KIND.LANGUAGE%[1]s, KIND one of %v, LANGUAGE one of %v", templateEnd, Whys, text.Languages)
	}
	file, err := os.Open(filepath.Join(folder, name))
	if err != nil {
		return nil, fault(0, "cannot be read")
	}
	defer file.Close()
	content, err := io.ReadAll(io.LimitReader(file, maxTemplate+1))
	if err != nil || len(content) > maxTemplate {
		return nil, fault(0, "cannot be read, or is larger than %d kB", maxTemplate>>10)
	}
	t, err := template.New(name).Option("missingkey=error").Parse(string(content))
	if err != nil {
		return nil, []TemplateFault{faultOf(name, err)}
	}
	if t.Tree != nil {
		for _, n := range t.Root.Nodes {
			if n.Type() != parse.NodeText || strings.TrimSpace(n.String()) != "" {
				return nil, fault(1+strings.Count(string(content[:n.Position()]), "\n"), "text outside of {{define}} is never sent")
			}
		}
	}
	for _, part := range t.Templates() {
		if _, known := parts[part.Name()]; !known && part.Name() != name {
			return nil, fault(0, "defines %q: subject, short and long are sent", part.Name())
		}
	}
	for _, m := range Samples(Why(why)) {
		if language != "" {
			m.Language = text.Language(language)
		}
		if _, err := fill(t, sample(&m)); err != nil {
			return nil, []TemplateFault{faultOf(name, err)}
		}
	}
	return t, nil
}

// where is how errors of templates begin.
var where = regexp.MustCompile(`^template: [^:]*:(\d+)(?::\d+)?: ?(?:executing "[^"]*" at )?`)

func faultOf(name string, err error) TemplateFault {
	f := TemplateFault{File: name, Text: err.Error()}
	if at := where.FindStringSubmatch(f.Text); at != nil {
		f.Line, _ = strconv.Atoi(at[1]) // they are digits
		f.Text = strings.TrimPrefix(f.Text, at[0])
	}
	return f
}

// find is the file for a message; nil: there is none.
func (t *Templates) find(m *Message) *template.Template {
	if t == nil {
		return nil
	}
	if own := t.files[string(m.Why)+"."+string(m.Language)]; own != nil {
		return own
	}
	return t.files[string(m.Why)]
}

// bounded takes only so much.
type bounded struct{ bytes.Buffer }

func (b *bounded) Write(p []byte) (int, error) {
	if b.Len()+len(p) > maxTemplate {
		return 0, errors.New("it writes too much")
	}
	return b.Buffer.Write(p)
}

// fill writes what a file defines.
func fill(t *template.Template, fields TemplateFields) (map[string]string, error) {
	said := map[string]string{}
	for part, most := range parts {
		if t.Lookup(part) == nil {
			continue
		}
		var b bounded
		if err := t.ExecuteTemplate(&b, part, fields); err != nil {
			return nil, err
		}
		if part == "subject" {
			said[part] = Line(b.String(), most)
		} else {
			said[part] = onLines(b.String(), most)
		}
		if said[part] == "" {
			return nil, fmt.Errorf("%s is empty", part)
		}
	}
	return said, nil
}

// onLines makes what a template has written fit for a message.
func onLines(s string, most int) string {
	var lines []string
	for line := range strings.Lines(strings.TrimSpace(s)) {
		line = Line(line, most)
		most -= len([]rune(line)) + 1
		if lines = append(lines, line); most <= 0 {
			break
		}
	}
	return strings.Join(lines, "\n")
}
