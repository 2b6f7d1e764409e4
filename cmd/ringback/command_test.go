package main

import (
	"encoding/binary"
	"encoding/json"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"ringback/config"
	"ringback/leads/db"
)

// command carries out a command line in this process.
func command(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var stdout, stderr logbook
	status = run(&world{ctx: patient(t), stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr}, args)
	return status, stdout.String(), stderr.String()
}

// TestUsage holds the exit statuses: 0 good, 2 called wrongly.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line   string
		status int
		says   string
	}{
		{"--help", 0, "serve"},
		{"serve --help", 0, "--log-level"},
		{"replay --help", 0, "--inbound-context"},
		{"version", 0, "ringback "},
		{"check --example", 0, "mode: observe"},
		{"", 2, "serve"},
		{"dance", 2, "dance"},
		{"serve --dance", 2, "--dance"},
		{"serve --log-level=loud", 2, "loud"},
		{"serve now", 2, "now"},
		{"record", 2, "<output>"},
		{"record x.jsonl --for=soon", 2, "--for"},
		{"replay", 2, "<file>"},
		{"check --example --json", 2, "--json"},
		{"--config", 2, "--config"},
	} {
		t.Run(c.line, func(t *testing.T) {
			status, out, errs := command(t, strings.Fields(c.line)...)
			said, silent := out, errs
			if c.status == 2 {
				said, silent = errs, out
			}
			if status != c.status || !strings.Contains(said, c.says) || silent != "" {
				t.Errorf("status %d, wanted %d and %q, printed %q, and on stderr %q", status, c.status, c.says, out, errs)
			}
		})
	}
}

// TestReplayRefuses holds what replay says to what is no recording.
func TestReplayRefuses(t *testing.T) {
	t.Parallel()
	broken := filepath.Join(t.TempDir(), "broken.jsonl")
	if err := os.WriteFile(broken, []byte("{\"type\":\"Dial\"\n\nnot json\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no_file":      {[]string{filepath.Join(t.TempDir(), "none.jsonl")}, "no such file"},
		"broken_lines": {[]string{broken}, "broken.jsonl:3: "},
		"no_config":    {[]string{"--config", filepath.Join(t.TempDir(), "none.yaml"), broken}, "there is no such file"},
	} {
		t.Run(name, func(t *testing.T) {
			if status, out, errs := command(t, append([]string{"replay"}, c.args...)...); status != 1 || out != "" || !strings.Contains(errs, c.says) {
				t.Errorf("status %d, printed %q, and on stderr %q", status, out, errs)
			}
		})
	}
}

// TestRecordReachesNobody wants a recording of nothing to be a failure that
// leaves nothing behind.
func TestRecordReachesNobody(t *testing.T) {
	t.Parallel()
	c := lonely(t)
	file := filepath.Join(c.dir, "calls.jsonl")
	status, _, errs := command(t, "record", "--config", c.write(t), "--for=100ms", file)
	if status != 1 || !strings.Contains(errs, "trouble=refused") || !strings.Contains(errs, "PBX main was never reached") {
		t.Errorf("status %d, and on stderr %q", status, errs)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("an empty recording is left behind (%v)", err)
	}
	c.pbxes = append(c.pbxes, account{"north", "http://" + freeAddress(t), "ringback", "secret"})
	for pbx, says := range map[string]string{"": "has 2 PBXes: say with --pbx which one", "south": `has no PBX "south"`} {
		status, _, errs = command(t, "record", "--config", c.write(t), "--pbx="+pbx, file)
		if status != 1 || !strings.Contains(errs, says) {
			t.Errorf("PBX %q: status %d, and on stderr %q", pbx, status, errs)
		}
	}
}

// lonely is a company whose PBX is not there.
func lonely(t *testing.T) *company {
	return newCompany(t, account{"main", "http://" + freeAddress(t), "ringback", "password-of-the-pbx"})
}

// TestCheck looks at a good configuration and at broken ones.
func TestCheck(t *testing.T) {
	t.Parallel()
	c := lonely(t)
	c.more = "public_url: http://127.0.0.1:8730\n"
	file := c.write(t)
	if status, out, errs := command(t, "check", "--config", file); status != 0 || errs != "" || !strings.Contains(out, "is good: 1 PBX, 2 lines, 3 managers, 1 pools, mode act") {
		t.Errorf("good: status %d, printed %q, and on stderr %q", status, out, errs)
	}
	texts := t.TempDir()
	if err := os.WriteFile(filepath.Join(texts, "overdue.tmpl"), []byte(`{{define "short"}}{{.Nubmer}}{{end}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c.more += "templates: {dir: " + texts + "}\n"
	const fault = "templates.dir: overdue.tmpl:1: "
	if status, out, errs := command(t, "check", "--config", c.write(t)); status != 1 || out != "" || !strings.HasPrefix(errs, "ringback.yaml: 1 problem\n  "+fault) {
		t.Errorf("a broken text: status %d, printed %q, and on stderr %q", status, out, errs)
	}
	if status, out, _ := command(t, "check", "--config", c.write(t), "--json"); status != 1 || !strings.Contains(out, `"problems": [
    {
      "path": "templates.dir",`) || !strings.HasSuffix(out, `"warnings": []
}
`) {
		t.Errorf("a broken text as JSON: status %d, printed %s", status, out)
	}
	c.lines += `
  - {name: twice, pbx: mian, numbers: ["74951000001"]}`
	c.more = "dance: true\n"
	file = c.write(t)
	status, out, errs := command(t, "check", "--config", file)
	if status != 1 || out != "" || !strings.HasPrefix(errs, "ringback.yaml: ") || !strings.Contains(errs, `did you mean "main"?`) || !strings.Contains(errs, "dance") {
		t.Errorf("broken: status %d, printed %q, and on stderr %q", status, out, errs)
	}
	status, out, errs = command(t, "check", "--config", file, "--json")
	var report struct {
		File               string
		Problems, Warnings []config.Problem
	}
	if err := json.Unmarshal([]byte(out), &report); status != 1 || err != nil || errs != "" || report.File != file || len(report.Problems) < 2 {
		t.Errorf("as JSON: status %d, %v, printed %q, and on stderr %q", status, err, out, errs)
	}
	if strings.Contains(out+errs, "password-of-the-pbx") || strings.Contains(out+errs, c.token) {
		t.Error("check prints secrets")
	}
	if status, _, errs := command(t, "check", "--config", filepath.Join(t.TempDir(), "none.yaml")); status != 1 || !strings.Contains(errs, "ringback check --example") {
		t.Errorf("no file: status %d, and on stderr %q", status, errs)
	}
}

// TestServeRefuses starts daemons that cannot run: each says why, with status 1.
func TestServeRefuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	for _, c := range []struct {
		name  string
		spoil func(t *testing.T, c *company, file string)
		says  string
	}{
		{"listen_taken", inFile("listen: 127.0.0.1:0", "listen: "+taken.Addr().String()), `cannot listen on \S+ \(key listen\): .*address already in use`},
		{"no_folder", inFile("database: ringback.db", "database: deep/below/ringback.db"), `database: there is no folder`},
		{"folder_is_a_file", inFile("database: ringback.db", "database: tokens/ringback.db"), `database: .* (not a folder|not a directory)`},
		{"folder_unwritable", inFile("database: ringback.db", "database: /proc/ringback.db"), `is not writable|cannot write in the folder`},
		{"no_database", putDatabase(0, []byte("this is a diary, not a database.")), `is not a database`},
		{"newer_database", putDatabase(60, binary.BigEndian.AppendUint32(nil, 99)), `is of version 99, and this ringback knows versions up to \d+: run the newer ringback`},
		{"foreign_database", putDatabase(68, binary.BigEndian.AppendUint32(nil, 4711)), `is the database of another program`},
		{"second_daemon", openElsewhere, `is open in another process \(process \d+\): stop it first`},
		{"no_password", func(t *testing.T, c *company, _ string) {
			if err := os.Remove(filepath.Join(c.dir, "main.password")); err != nil {
				t.Fatal(err)
			}
		}, `asterisk\[0\]\.password_file: .* no such file`},
		{"open_password", func(t *testing.T, c *company, _ string) {
			if err := os.Chmod(filepath.Join(c.dir, "main.password"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, `asterisk\[0\]\.password_file: .* open to everybody`},
		{"no_config", func(t *testing.T, _ *company, file string) {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}, `there is no such file: .ringback check --example.`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			company := lonely(t)
			file := company.write(t)
			c.spoil(t, company, file)
			status, out, errs := command(t, "serve", "--config", file)
			if status != 1 || out != "" || !regexp.MustCompile(c.says).MatchString(errs) {
				t.Errorf("status %d, printed %q, and on stderr %q", status, out, errs)
			}
			if strings.Contains(errs, "password-of-the-pbx") || strings.Contains(errs, company.token) || strings.Contains(errs, "goroutine") {
				t.Errorf("it says too much: %q", errs)
			}
		})
	}
}

// inFile changes the configuration.
func inFile(from, to string) func(*testing.T, *company, string) {
	return func(t *testing.T, _ *company, file string) {
		text, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(text), from) {
			t.Fatalf("%v in %s", err, text)
		}
		if err := os.WriteFile(file, []byte(strings.Replace(string(text), from, to, 1)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// putDatabase makes a database and writes over its head: the version stands at
// 60, the program it belongs to at 68 (sqlite.org/fileformat2.html §1.3).
func putDatabase(at int64, bytes []byte) func(*testing.T, *company, string) {
	return func(t *testing.T, c *company, _ string) {
		path := filepath.Join(c.dir, "ringback.db")
		d, err := db.Open(t.Context(), db.Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(bytes, at); err != nil {
			t.Fatal(err)
		}
	}
}

// openElsewhere lets another daemon have the database.
func openElsewhere(t *testing.T, c *company, file string) {
	cfg, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	d, err := newDaemon(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.close)
}
