package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// greeting is a recipe whose program says hello.
var greeting = Recipe{What: "the greeting", Folder: "greeting", Suite: "forky", Packages: []string{"hello"}, Check: func(root Root) error {
	argv, err := root.Command("", "usr/bin/hello")
	if err != nil {
		return err
	}
	said, err := exec.Command(argv[0]).Output()
	if err == nil && string(said) != "hello\n" {
		err = fmt.Errorf("it says %q", said)
	}
	return err
}}

// fakeRoot puts a Root into another cache folder, which becomes the user's: its
// loader is a script that says what the program does.
func fakeRoot(t *testing.T) Root {
	t.Helper()
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	root, err := greeting.Place()
	if err != nil {
		t.Fatal(err)
	}
	fillFake(t, root.Dir, "echo hello")
	return root
}

func fillFake(t *testing.T, dir, script string) {
	t.Helper()
	lib := Root{Dir: dir}.Libraries()[0]
	loader := filepath.Join(lib, machines[runtime.GOARCH].loader)
	err := errors.Join(
		os.MkdirAll(lib, 0o755),
		os.WriteFile(loader, []byte("#!/bin/sh\n"+script+"\n"), 0o755),
		os.WriteFile(filepath.Join(dir, "module"), []byte("module"), 0o644),
		seal(dir, []string{"hello.deb"}),
	)
	if err != nil {
		t.Fatal(err)
	}
}

func TestVerifySeesWhatIsBroken(t *testing.T) {
	for name, damage := range map[string]func(Root) error{
		"a file is missing": func(r Root) error { return os.Remove(filepath.Join(r.Dir, "module")) },
		"a file is cut":     func(r Root) error { return os.Truncate(filepath.Join(r.Dir, "module"), 3) },
		"no stamp":          func(r Root) error { return os.Remove(filepath.Join(r.Dir, stampName)) },
		"half a stamp":      func(r Root) error { return os.Truncate(filepath.Join(r.Dir, stampName), 5) },
		"it does not run":   func(r Root) error { fillFake(t, r.Dir, "exit 1"); return nil },
		"another release":   func(r Root) error { fillFake(t, r.Dir, "echo goodbye"); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			root := fakeRoot(t)
			if err := greeting.verify(root); err != nil {
				t.Fatalf("before: %v", err)
			}
			if err := damage(root); err != nil {
				t.Fatal(err)
			}
			if err := greeting.verify(root); err == nil {
				t.Error("it was found good")
			}
		})
	}
}

// A broken Root is filled again; without the tools for that, the error says
// which is missing and how to get it.
func TestMissingTool(t *testing.T) {
	root := fakeRoot(t)
	if err := os.Remove(filepath.Join(root.Dir, "module")); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", "")
	var said bytes.Buffer
	_, err := Install(t.Context(), greeting, &said)
	if err == nil || !strings.Contains(err.Error(), "apt-get is missing") || !strings.Contains(err.Error(), "apt-get install apt") {
		t.Errorf("without tools: %v", err)
	}
	if !strings.Contains(said.String(), "not usable") {
		t.Errorf("said %q", said.String())
	}
}

// lines tells of each line that is written to it.
type lines chan string

func (l lines) Write(text []byte) (int, error) {
	l <- string(text)
	return len(text), nil
}

// Who comes second says that it waits, and takes what the first has made.
func TestInstallWaitsForAnother(t *testing.T) {
	root := fakeRoot(t)
	aside := root.Dir + ".aside"
	if err := os.Rename(root.Dir, aside); err != nil {
		t.Fatal(err)
	}
	unlock, err := lock(t.Context(), root.Dir+".lock", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	said, done := make(lines, 10), make(chan error)
	go func() {
		_, err := Install(t.Context(), greeting, said)
		done <- err
	}()
	for line := range said {
		if strings.Contains(line, "waiting") {
			break
		}
	}
	if err := os.Rename(aside, root.Dir); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := <-done; err != nil {
		t.Error(err)
	}

	hold, err := lock(t.Context(), root.Dir+".lock", io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	defer hold()
	impatient, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if _, err := lock(impatient, root.Dir+".lock", io.Discard); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("took a lock that is held: %v", err)
	}
}

func TestMirror(t *testing.T) {
	const cloud = "Types: deb deb-src\nURIs: mirror+file:/etc/apt/mirrors/debian.list\nSuites: bookworm bookworm-updates\nComponents: main\n\n" +
		"Types: deb\nURIs: mirror+file:/etc/apt/mirrors/debian-security.list\nSuites: bookworm-security\nComponents: main\n"
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"one line": {map[string]string{"sources.list": "# deb http://old.debian.org/debian x main\n" +
			"deb-src http://deb.debian.org/debian bookworm main\n" +
			"deb [signed-by=/k.gpg arch=amd64] https://mirror.example/debian/ bookworm main contrib # ours\n"}, "https://mirror.example/debian"},
		"stanzas": {map[string]string{"sources.list.d/debian.sources": "Types: deb\n# a remark\nURIs: http://deb.debian.org/debian\nSuites: bookworm\n bookworm-updates\nComponents: main\nSigned-By:\n -----BEGIN-----\n .\n"}, "http://deb.debian.org/debian"},
		"not security, not others": {map[string]string{
			"sources.list":               "deb http://security.debian.org/debian-security bookworm-security main\ndeb https://download.docker.com/linux/debian bookworm stable\n",
			"sources.list.d/x.list":      "deb https://apt.releases.example.com bookworm main\n",
			"sources.list.d/pgdg.list":   "deb http://apt.postgresql.org/pub/repos/apt bookworm-pgdg main\n",
			"sources.list.d/z.list":      "deb http://10.0.0.1:3142/deb.debian.org/debian bookworm main\n",
			"sources.list.d/z.list.save": "deb http://deb.debian.org/debian bookworm main\n",
		}, "http://10.0.0.1:3142/deb.debian.org/debian"},
		"disabled": {map[string]string{"sources.list.d/a.sources": "Enabled: no\nTypes: deb\nURIs: http://deb.debian.org/debian\nSuites: sid\nComponents: main\n"}, ""},
		"cloud":    {map[string]string{"sources.list.d/debian.sources": cloud}, "mirror+file:/etc/apt/mirrors/debian.list"},
		"cdrom":    {map[string]string{"sources.list": "deb cdrom:[Debian_12]/debian/ bookworm main\n"}, ""},
		"none":     {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for file, text := range c.files {
				root["etc/apt/"+file] = &fstest.MapFile{Data: []byte(text)}
			}
			got, err := mirror(root)
			if got != c.want || (err != nil) != (c.want == "") {
				t.Errorf("got %q, %v; want %q", got, err, c.want)
			}
		})
	}
}
