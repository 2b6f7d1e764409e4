package db

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// makeFile makes a database of these steps and closes it.
func makeFile(t *testing.T, path string, files fs.FS, vs ...string) {
	t.Helper()
	d, err := open(t.Context(), Config{Path: path}, files)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vs {
		if err := d.Do(t.Context(), insert(v)); err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
}

// copies lists the copies beside the database.
func copies(t *testing.T, path string) []string {
	t.Helper()
	names, err := filepath.Glob(path + ".bak-*")
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func TestRefusals(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if err := os.WriteFile(at("text"), bytes.Repeat([]byte("not a database\n"), 100), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(at("folder"), 0o700); err != nil {
		t.Fatal(err)
	}
	foreign, err := sql.Open("sqlite", at("foreign"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := foreign.Exec("CREATE TABLE astdb (k, v)"); err != nil {
		t.Fatal(err)
	}
	foreign.Close()
	makeFile(t, at("newer"), steps("CREATE TABLE u (id INTEGER)", "CREATE TABLE w (id INTEGER)"))
	before := map[string][]byte{}
	for _, name := range []string{"text", "foreign", "newer"} {
		if before[name], err = os.ReadFile(at(name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		path string
		want []string
	}{
		{"", []string{"no path"}},
		{at("missing/t.db"), []string{at("missing"), "does not exist", "create it"}},
		{at("text/t.db"), []string{at("text"), "not a folder"}},
		{at("folder"), []string{at("folder"), "is a directory"}},
		{at("text"), []string{at("text"), "not a database"}},
		{at("foreign"), []string{at("foreign"), "another program"}},
		{at("newer"), []string{at("newer"), "version 3", "up to 1", "newer ringback", at("newer") + ".bak-v1-"}},
		{"/sys/ringback.db", []string{"/sys/ringback.db", "cannot write in the folder"}},
	} {
		d, err := open(t.Context(), Config{Path: c.path}, steps())
		if err == nil {
			d.Close()
			t.Errorf("%s was opened", c.path)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(err.Error(), w) {
				t.Errorf("opening %s gave %q, which does not say %q", c.path, err, w)
			}
		}
	}
	for name, was := range before {
		if is, err := os.ReadFile(at(name)); err != nil || !bytes.Equal(is, was) {
			t.Errorf("%s was changed (%v)", name, err)
		}
	}
}

func TestOneProcessAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	d, err := open(t.Context(), Config{Path: path}, steps())
	if err != nil {
		t.Fatal(err)
	}
	_, err = open(t.Context(), Config{Path: path}, steps())
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("process %d", os.Getpid())) {
		t.Errorf("the second opening gave %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	makeFile(t, path, steps())
}

func TestOnlyTheOwnerReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	if err := os.WriteFile(path, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	d := openT(t, Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err := d.Do(t.Context(), insert("a")); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(path + "*")
	if err != nil || len(names) != 4 {
		t.Errorf("files are %v (%v), want the database, journal, its index and the lock", names, err)
	}
	for _, name := range names {
		if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", name, info.Mode(), err)
		}
	}
	if !strings.Contains(log.String(), "0600") {
		t.Errorf("the log says %q", log.String())
	}
}

func TestPathsWithSpecialCharacters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b?mode=memory#c%20d&e:ü")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x:y?.db")
	makeFile(t, path, steps(), "a")
	d := openT(t, Config{Path: path})
	wantValues(t, d, "a")
	if info, err := os.Stat(path); err != nil || info.Size() == 0 {
		t.Errorf("the database is not where it should be: %v", err)
	}
}

func TestReadersCannotWrite(t *testing.T) {
	d := openT(t, Config{})
	if _, err := d.Reader().Exec("INSERT INTO t (v) VALUES ('a')"); err == nil {
		t.Error("a reader wrote")
	}
	wantValues(t, d)
}

func TestMigrationPutsACopyBeside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	makeFile(t, path, steps(), "old")
	if c := copies(t, path); len(c) != 0 {
		t.Errorf("a new database has copies: %v", c)
	}
	var log bytes.Buffer
	files := steps("ALTER TABLE t ADD COLUMN more TEXT NOT NULL DEFAULT 'x'; CREATE TABLE u (id INTEGER);", "INSERT INTO t (v) VALUES ('migrated');")
	d, err := open(t.Context(), Config{Path: path, Log: slog.New(slog.NewTextHandler(&log, nil))}, files)
	if err != nil {
		t.Fatal(err)
	}
	wantValues(t, d, "old", "migrated")
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	c := copies(t, path)
	if len(c) != 1 || !strings.HasPrefix(c[0], path+".bak-v1-") {
		t.Fatalf("copies are %v", c)
	}
	if !strings.Contains(log.String(), c[0]) {
		t.Errorf("the log does not name the copy: %s", log.String())
	}
	if info, err := os.Stat(c[0]); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v %v", info.Mode(), err)
	}
	makeFile(t, path, files)
	if again := copies(t, path); !slices.Equal(again, c) {
		t.Errorf("opening again made copies: %v", again)
	}
	// The copy is a database that the older program opens.
	old := openT(t, Config{Path: c[0]})
	wantValues(t, old, "old")
}

func TestAFailingMigrationChangesNothing(t *testing.T) {
	for name, last := range map[string]string{
		"wrong SQL":          "CREATE TABLE x (id INTEGER); INSERT INTO nowhere VALUES (1);",
		"broken foreign key": "CREATE TABLE x (t INTEGER REFERENCES t (id)); INSERT INTO x VALUES (4711);",
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "t.db")
			makeFile(t, path, steps(), "old")
			_, err := open(t.Context(), Config{Path: path}, steps("INSERT INTO t (v) VALUES ('half');", last))
			if err == nil {
				t.Fatal("the migration went through")
			}
			if c := copies(t, path); len(c) != 0 {
				t.Errorf("a copy of what was not changed stays: %v", c)
			}
			d := openT(t, Config{Path: path})
			wantValues(t, d, "old")
		})
	}
}

func TestMigrationsAreNumberedWithoutHoles(t *testing.T) {
	for _, names := range [][]string{{"0002_b.sql"}, {"0001_a.sql", "0003_c.sql"}, {"0001_a.sql", "0001_b.sql"}, {"x.sql"}} {
		files := fstest.MapFS{}
		for _, name := range names {
			files[name] = &fstest.MapFile{}
		}
		if _, err := readMigrations(files); err == nil {
			t.Errorf("%v were taken", names)
		}
	}
}

func TestACancelledOpeningLeavesNothingBehind(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := open(ctx, Config{Path: path}, steps()); !errors.Is(err, context.Canceled) {
		t.Errorf("opening gave %v", err)
	}
	makeFile(t, path, steps(), "a")
}
