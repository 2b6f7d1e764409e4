package main

import (
	"bytes"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestTheREADMEIsTrue wants its map to name every package, its list every module
// that is asked for, and what it says of files and commands to be there.
func TestTheREADMEIsTrue(t *testing.T) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	readme := string(text)
	list, err := exec.CommandContext(t.Context(), "go", "list", "ringback/...").Output()
	if err != nil {
		t.Fatal(err)
	}
	for name := range strings.FieldsSeq(string(list)) {
		name = strings.TrimPrefix(name, "ringback/")
		if word := regexp.MustCompile(`\b` + path.Base(name) + `\b`); !strings.Contains(readme, name) && !(strings.Contains(readme, path.Dir(name)+"/…") && word.MatchString(readme)) {
			t.Errorf("the map of the code does not name %s", name)
		}
	}
	module, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\t(\S+?)(?:/v[0-9]+)? v\S+$`).FindAllSubmatch(module, -1) {
		if !bytes.Contains(text, append([]byte(path.Base(string(m[1]))), '`')) {
			t.Errorf("the modules do not name %s", m[1])
		}
	}
	for _, m := range regexp.MustCompile("`((?:cmd|ari|routing|leads|robotcall|config|testdata)/[\\w./*-]+)`").FindAllStringSubmatch(readme, -1) {
		if found, err := filepath.Glob("../../" + m[1]); err != nil || len(found) == 0 {
			t.Errorf("there is no %s", m[1])
		}
	}
	parser, err := kong.New(new(commands))
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]bool{}
	for _, c := range parser.Model.Children {
		there[c.Name] = true
	}
	for _, m := range regexp.MustCompile("(?m)(?:^|[`/]|sudo -u ringback )ringback ([a-z]+)\\b").FindAllStringSubmatch(readme, -1) {
		if !there[m[1]] {
			t.Errorf("there is no command %s", m[1])
		}
	}
}
