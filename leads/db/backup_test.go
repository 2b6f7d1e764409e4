package db_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"ringback/leads/db"
	"ringback/leads/history"
)

var large = flag.Bool("large", false, "copy a database of a million calls")

// past puts a database with a history into a folder of its own.
func past(t *testing.T) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "book.db")
	size := history.Small
	if *large {
		size = history.Large
	}
	if err := history.Copy(t.Context(), size, path); err != nil {
		t.Fatal(err)
	}
	return path
}

// files lists a folder.
func files(t *testing.T, folder string) string {
	t.Helper()
	list, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, f := range list {
		names = append(names, f.Name())
	}
	return strings.Join(names, " ")
}

// balanced writes pairs of rows, each pair in one transaction, until stop is
// called: a copy that has half of a transaction has an odd number of them.
func balanced(t *testing.T, d *db.DB) (stop func() int) {
	t.Helper()
	ctx, end := context.WithCancel(t.Context())
	n := 0
	var writers sync.WaitGroup
	writers.Go(func() {
		for ctx.Err() == nil {
			err := d.Do(ctx, func(tx *db.Tx) error {
				for range 2 {
					if _, err := tx.Exec("INSERT INTO timeline (at, kind) VALUES (1, 'pair')"); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil {
				n++
			}
		}
	})
	return func() int { end(); writers.Wait(); return n }
}

func count(t *testing.T, d *db.DB, query string) (n int) {
	t.Helper()
	if err := d.Reader().QueryRow(query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

func TestACopyUnderLoadIsWhole(t *testing.T) {
	path := past(t)
	d, err := db.Open(t.Context(), db.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	stop := balanced(t, d)
	to := filepath.Join(t.TempDir(), "copy.db")
	var seen, all int64
	steps := 0
	copied, err := db.Backup(t.Context(), path, db.BackupOptions{To: to, Progress: func(done, of int64) {
		if done < seen || of < done {
			t.Errorf("%d of %d bytes are copied, it were %d before", done, of, seen)
		}
		seen, all = done, of
		steps++
	}})
	written := stop()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%d MB in %s, while %d transactions were written", copied.Bytes>>20, copied.Took.Round(time.Millisecond), written)
	info, err := os.Stat(to)
	if err != nil || info.Mode() != 0o600 || info.Size() != copied.Bytes || seen != all || all != copied.Bytes || steps < 2 {
		t.Errorf("the copy has mode %v, %d bytes of %d; %d of %d were told in %d steps (%v)", info.Mode(), info.Size(), copied.Bytes, seen, all, steps, err)
	}
	if got := files(t, filepath.Dir(to)); got != "copy.db" {
		t.Errorf("beside the copy there is %s", got)
	}
	restored, err := db.Open(t.Context(), db.Config{Path: to})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	pairs := count(t, restored, "SELECT COUNT(*) FROM timeline WHERE kind = 'pair'")
	if pairs%2 != 0 || pairs > 2*written || written == 0 {
		t.Errorf("the copy has %d rows of %d transactions of two", pairs, written)
	}
	for table, n := range copied.Rows {
		if got := count(t, restored, "SELECT COUNT(*) FROM "+table); int64(got) != n {
			t.Errorf("%s has %d rows, %d were told", table, got, n)
		}
	}
	if want := count(t, d, "SELECT COUNT(*) FROM calls"); copied.Rows["calls"] != int64(want) || want == 0 {
		t.Errorf("%d calls were copied, there are %d", copied.Rows["calls"], want)
	}
}

// TestACopyOfWhatAKilledDaemonLeft finds also what stands only in the journal.
func TestACopyOfWhatAKilledDaemonLeft(t *testing.T) {
	path := past(t)
	d, err := db.Open(t.Context(), db.Config{Path: path, Hook: func(b db.Boundary) error {
		if b.After && b.Commit == 3 {
			return errors.New("killed")
		}
		return nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_ = d.Do(t.Context(), func(tx *db.Tx) error {
			_, err := tx.Exec("INSERT INTO timeline (at, kind) VALUES (1, 'last')")
			return err
		})
	}
	journal, err := os.Stat(path + "-wal")
	if err != nil || journal.Size() == 0 {
		t.Fatalf("nothing stands in the journal (%v)", err)
	}
	crashed := filepath.Join(t.TempDir(), "crashed.db")
	for _, part := range []string{"", "-wal"} {
		text, err := os.ReadFile(path + part)
		if err == nil {
			err = os.WriteFile(crashed+part, text, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	to := filepath.Join(t.TempDir(), "copy.db")
	if _, err := db.Backup(t.Context(), crashed, db.BackupOptions{To: to}); err != nil {
		t.Fatal(err)
	}
	restored, err := db.Open(t.Context(), db.Config{Path: to})
	if err != nil {
		t.Fatal(err)
	}
	defer restored.Close()
	if n := count(t, restored, "SELECT COUNT(*) FROM timeline WHERE kind = 'last'"); n != 3 {
		t.Errorf("%d of 3 rows of the journal are in the copy", n)
	}
}

func TestWhatIsNotCopied(t *testing.T) {
	path := past(t)
	d, err := db.Open(t.Context(), db.Config{Path: path}) // so that its journal and lock are there
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	folder := t.TempDir()
	there, link, text := filepath.Join(folder, "there"), filepath.Join(folder, "link"), filepath.Join(folder, "text")
	for _, name := range []string{there, text} {
		if err := os.WriteFile(name, []byte("precious text that is no database at all"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(path, link); err != nil {
		t.Fatal(err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	before, beforeHome := files(t, folder), files(t, filepath.Dir(path))
	for name, c := range map[string]struct {
		ctx    context.Context
		from   string
		o      db.BackupOptions
		reason string
	}{
		"there already":    {o: db.BackupOptions{To: there}, reason: "there: it is there already"},
		"the database":     {o: db.BackupOptions{To: path, Force: true}, reason: "belongs to the database itself"},
		"by a link":        {o: db.BackupOptions{To: link, Force: true}, reason: "belongs to the database itself"},
		"its journal":      {o: db.BackupOptions{To: path + "-wal", Force: true}, reason: "belongs to the database itself"},
		"its lock":         {o: db.BackupOptions{To: path + ".lock", Force: true}, reason: "belongs to the database itself"},
		"a folder":         {o: db.BackupOptions{To: folder, Force: true}, reason: "is a folder: name a file in it"},
		"a device":         {o: db.BackupOptions{To: "/dev/null", Force: true}, reason: "/dev/null is not a file"},
		"no such folder":   {o: db.BackupOptions{To: filepath.Join(folder, "none", "x")}, reason: "there is no folder " + filepath.Join(folder, "none")},
		"not in a folder":  {o: db.BackupOptions{To: filepath.Join(there, "x")}, reason: "there is not a folder"},
		"nobody may write": {o: db.BackupOptions{To: "/proc/1/copy"}, reason: "cannot write in the folder of /proc/1/copy"},
		"no database":      {from: filepath.Join(folder, "none"), o: db.BackupOptions{To: filepath.Join(folder, "x")}, reason: "there is no database at"},
		"another's file":   {from: text, o: db.BackupOptions{To: filepath.Join(folder, "x")}, reason: "is not a database"},
		"in the middle":    {ctx: cancelled, o: db.BackupOptions{To: there, Force: true, Progress: func(int64, int64) { cancel() }}, reason: "context canceled"},
	} {
		if c.ctx == nil {
			c.ctx = t.Context()
		}
		if c.from == "" {
			c.from = path
		}
		if _, err := db.Backup(c.ctx, c.from, c.o); err == nil || !strings.Contains(err.Error(), c.reason) {
			t.Errorf("%s: %v, want %q", name, err, c.reason)
		}
	}
	if got := files(t, folder); got != before {
		t.Errorf("%s are left, there were %s", got, before)
	}
	if got := files(t, filepath.Dir(path)); got != beforeHome {
		t.Errorf("%s are left, there were %s", got, beforeHome)
	}
	if kept, err := os.ReadFile(there); err != nil || !strings.HasPrefix(string(kept), "precious") {
		t.Errorf("the file that was there has become %.20q (%v)", kept, err)
	}
	if _, err := db.Backup(t.Context(), path, db.BackupOptions{To: there, Force: true}); err != nil {
		t.Errorf("with force: %v", err)
	}
}
