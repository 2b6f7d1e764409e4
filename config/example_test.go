package config_test

import (
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"ringback/config"
)

func TestExampleIsWhatWasAgreed(t *testing.T) {
	golden(t, folder+"/example.yaml", config.Example())
}

// sampleLine is a key that the example shows commented out.
var sampleLine = regexp.MustCompile(`^( *)#([a-z_]+:.*)$`)

// TestExampleLoads reads the example as it is, and then with each of the keys
// put in that it leaves out.
func TestExampleLoads(t *testing.T) {
	lines := strings.Split(config.Example(), "\n")
	if _, err := config.Read(written(t, strings.Join(lines, "\n"), nil)); err != nil {
		t.Fatal(err)
	}
	samples := 0
	for i, line := range lines {
		if !sampleLine.MatchString(line) {
			continue
		}
		samples++
		changed := append([]string{}, lines...)
		changed[i] = sampleLine.ReplaceAllString(line, "$1$2")
		if _, err := config.Read(written(t, strings.Join(changed, "\n"), nil)); err != nil {
			t.Errorf("with %s: %v", strings.TrimSpace(line), err)
		}
	}
	if samples < 10 {
		t.Errorf("only %d keys are commented out: has their form changed?", samples)
	}
}

// What the daemon finds missing when it starts from the example are the files
// that it names, and nothing else.
func TestExampleStarts(t *testing.T) {
	dir := t.TempDir()
	secret := filepath.Join(dir, "ari.password")
	if err := os.WriteFile(secret, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer("/etc/ringback/ari.password", secret, "/var/lib/ringback/", dir+"/").Replace(config.Example())
	c := loaded(t, written(t, text, nil))
	if c.Mode != config.Observe || len(c.Warnings) != 0 {
		t.Errorf("mode %q, warnings %v", c.Mode, c.Warnings)
	}
}

// TestExampleShowsEveryKey walks the types that a configuration is read into.
func TestExampleShowsEveryKey(t *testing.T) {
	shown := map[string]bool{}
	for _, key := range regexp.MustCompile(`[a-z0-9_]+:`).FindAllString(config.Example(), -1) {
		shown[strings.TrimSuffix(key, ":")] = true
	}
	var walk func(path string, of reflect.Type)
	walk = func(path string, of reflect.Type) {
		for of.Kind() == reflect.Slice || of.Kind() == reflect.Pointer {
			of = of.Elem()
		}
		if of.Kind() != reflect.Struct {
			return
		}
		for i := range of.NumField() {
			f := of.Field(i)
			switch tag := f.Tag.Get("yaml"); {
			case tag == ",inline":
				walk(path, f.Type)
			case tag == "" && f.IsExported():
				t.Errorf("%s%s has no yaml tag: write \"-\" where it is no key", path, f.Name)
			case tag != "" && tag != "-":
				if !shown[tag] {
					t.Errorf("%s%s is not in the example", path, tag)
				}
				walk(path+tag+".", f.Type)
			}
		}
	}
	walk("", reflect.TypeFor[config.Config]())
}
