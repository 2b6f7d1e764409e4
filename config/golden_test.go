package config_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/config"
)

var update = flag.Bool("update", false, "rewrite the golden files of testdata/config")

const folder = "../testdata/config"

// golden compares text with a file, or rewrites the file.
func golden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs (rewrite with -update):\n--- got\n%s--- want\n%s", file, got, want)
	}
}

// TestFiles loads every file of testdata/config and compares what is said about
// it. None of them holds a secret that may be shown: hunter2 is the word.
func TestFiles(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "hunter2")
	files, err := filepath.Glob(folder + "/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	for _, file := range files {
		name := filepath.Base(file)
		if name == "example.yaml" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			c, err := config.Load(file)
			said := ""
			if err != nil {
				said = err.Error() + "\n"
			} else {
				said = name + ": good\n"
				for _, w := range c.Warnings {
					said += "  warning: " + w.String() + "\n"
				}
			}
			if strings.HasPrefix(name, "good") != (err == nil) {
				t.Errorf("the file's name and what Load makes of it differ: %v", err)
			}
			if strings.Contains(said, "hunter2") {
				t.Error("a secret is shown")
			}
			if strings.ContainsFunc(said, func(c rune) bool { return c < ' ' && c != '\n' || c == 0x7f || c == 0x202e }) {
				t.Errorf("control characters are shown: %q", said)
			}
			golden(t, strings.TrimSuffix(file, ".yaml")+".want", said)
			for range 20 {
				if _, again := config.Load(file); err != nil && again.Error() != err.Error() {
					t.Fatalf("a second look finds something else: %v", again)
				}
			}
		})
	}
}
