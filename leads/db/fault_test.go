package db

import (
	"bufio"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

func TestDeathAtEveryBoundary(t *testing.T) {
	for n := 1; n <= 4; n++ {
		for _, after := range []bool{false, true} {
			at := Boundary{Commit: n, After: after}
			t.Run(at.String(), func(t *testing.T) { dieAt(t, at) })
		}
	}
}

func dieAt(t *testing.T, at Boundary) {
	path := filepath.Join(t.TempDir(), "t.db")
	kill := errors.New("killed")
	d := openT(t, Config{Path: path, Hook: func(b Boundary) error {
		if b == at {
			return kill
		}
		return nil
	}})
	var told []string // what was answered with nil, or announced after the commit
	for i := range 6 {
		v := fmt.Sprint(i)
		err := d.Do(t.Context(), func(tx *Tx) error {
			tx.AfterCommit(func() { told = append(told, v) })
			return insert(v)(tx)
		})
		switch {
		case i < at.Commit-1 && err != nil:
			t.Errorf("transaction %d before the death: %v", i, err)
		case i >= at.Commit-1 && !errors.Is(err, ErrClosed):
			t.Errorf("transaction %d at or after the death: %v", i, err)
		case i == at.Commit-1 && !errors.Is(err, kill):
			t.Errorf("who was in it does not hear why: %v", err)
		}
	}
	if err := d.Health(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("a dead database says of its health: %v", err)
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
	want := []string{"0", "1", "2", "3", "4", "5"}[:at.Commit-1]
	if !slices.Equal(told, want) {
		t.Errorf("told: %v, want %v", told, want)
	}
	if at.After {
		want = append(slices.Clone(want), fmt.Sprint(at.Commit-1))
	}
	wantValues(t, openT(t, Config{Path: path}), want...)
}

// TestKilledWriter has a real process killed while it writes, many times over
// the same file: what it was told to be written is there.
func TestKilledWriter(t *testing.T) {
	if path := os.Getenv("RINGBACK_TEST_WRITE_TO"); path != "" {
		writeUntilKilled(path)
		return
	}
	path := filepath.Join(t.TempDir(), "t.db")
	told := map[string]bool{}
	for round := range 5 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "RINGBACK_TEST_WRITE_TO="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			told[lines.Text()] = true
			if n == 20+round*7 {
				if err := cmd.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("the writer ended by itself")
		}
	}
	there := map[string]bool{}
	for _, v := range values(t, openT(t, Config{Path: path})) {
		there[v] = true
	}
	if len(told) < 100 {
		t.Errorf("only %d transactions were told of", len(told))
	}
	for v := range told {
		if !there[v] {
			t.Errorf("%s was told to be written and is not there", v)
		}
	}
}

// writeUntilKilled prints what Do has answered with nil.
func writeUntilKilled(path string) {
	d, err := open(context.Background(), Config{Path: path}, steps())
	for i := 0; err == nil; i++ {
		v := fmt.Sprintf("%d-%d", os.Getpid(), i)
		if err = d.Do(context.Background(), insert(v)); err == nil {
			fmt.Println(v)
		}
	}
	fmt.Println(err)
	os.Exit(3)
}

func TestAFullDiskLosesNothingAndPasses(t *testing.T) {
	d := openT(t, Config{})
	errs := d.DoAll(t.Context(), []func(*Tx) error{
		insert("a"),
		insert("b"),
		func(tx *Tx) error {
			if _, err := tx.Exec("PRAGMA max_page_count = 8"); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO t (v) VALUES ($1)", strings.Repeat("x", 1<<20))
			if !errors.Is(err, ErrUnavailable) {
				t.Errorf("the full disk said %v", err)
			}
			if _, err := tx.Exec("INSERT INTO t (v) VALUES ('half')"); !errors.Is(err, ErrUnavailable) {
				t.Errorf("writing on in a lost transaction said %v", err)
			}
			return nil // it did not care
		},
	})
	for i, err := range errs {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("function %d of the lost transaction: %v", i, err)
		}
	}
	if err := d.Do(t.Context(), insert("later")); err != nil {
		t.Errorf("when there is room again: %v", err)
	}
	wantValues(t, d, "later")
}

// TestAFailureThatNobodyCaresAbout: a function that goes on as if its statement
// had worked does not get the rest of the transaction committed.
func TestAFailureThatNobodyCaresAbout(t *testing.T) {
	d := openT(t, Config{})
	errs := d.DoAll(t.Context(), []func(*Tx) error{
		insert("a"),
		func(tx *Tx) error {
			if _, err := tx.Exec("PRAGMA query_only = 1"); err != nil {
				return err
			}
			_ = insert("b")(tx)
			return nil
		},
	})
	for i, err := range errs {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("function %d: %v", i, err)
		}
	}
	wantValues(t, d)
}

// TestSQLiteRollsBackByItself: what follows in the same function would
// otherwise be committed alone.
func TestSQLiteRollsBackByItself(t *testing.T) {
	d := openT(t, Config{})
	if err := d.Do(t.Context(), insert("a")); err != nil {
		t.Fatal(err)
	}
	for name, sql := range map[string]string{"conflict clause": "INSERT OR ROLLBACK INTO t (v) VALUES ('a')", "a commit of its own": "COMMIT"} {
		err := d.Do(t.Context(), func(tx *Tx) error {
			if err := insert("half")(tx); err != nil {
				return err
			}
			if _, err := tx.Exec(sql); err == nil {
				t.Errorf("%s was accepted", name)
			}
			_ = insert("alone")(tx)
			return nil
		})
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("%s: %v", name, err)
		}
		wantValues(t, d, "a")
	}
}

func TestAForeignLockPasses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	d := openT(t, Config{Path: path})
	if err := d.Do(t.Context(), func(tx *Tx) error { _, err := tx.Exec("PRAGMA busy_timeout = 20"); return err }); err != nil {
		t.Fatal(err)
	}
	other, err := sql.Open("sqlite", dsn(path, "_txlock=immediate"))
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	locked, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Do(t.Context(), insert("a")); !errors.Is(err, ErrUnavailable) {
		t.Errorf("behind a foreign lock: %v", err)
	}
	if err := locked.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := d.Health(t.Context()); err != nil {
		t.Errorf("health without the lock: %v", err)
	}
	if err := d.Do(t.Context(), insert("b")); err != nil {
		t.Errorf("without the lock: %v", err)
	}
	wantValues(t, d, "b")
}

// TestAFailedCommit uses a foreign key that is checked only by the commit.
func TestAFailedCommit(t *testing.T) {
	d, err := open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "t.db")},
		steps("CREATE TABLE child (t INTEGER NOT NULL REFERENCES t (id) DEFERRABLE INITIALLY DEFERRED)"))
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	var heard []any
	defer d.Listen("topic", func(note any) { heard = append(heard, note) })()
	errs := d.DoAll(t.Context(), []func(*Tx) error{
		func(tx *Tx) error { tx.Notify("topic", "lost"); return insert("a")(tx) },
		func(tx *Tx) error { _, err := tx.Exec("INSERT INTO child VALUES (4711)"); return err },
	})
	for i, err := range errs {
		if !errors.Is(err, ErrUnavailable) {
			t.Errorf("function %d: %v", i, err)
		}
	}
	if err := d.Do(t.Context(), func(tx *Tx) error { tx.Notify("topic", "kept"); return insert("b")(tx) }); err != nil {
		t.Error(err)
	}
	wantValues(t, d, "b")
	if len(heard) != 2 || heard[0] != "kept" || heard[1] != nil {
		t.Errorf("listeners heard %v, want what was kept, and to look again", heard)
	}
}

func TestAFunctionThatEndsItsGoroutine(t *testing.T) {
	d := openT(t, Config{})
	errs := d.DoAll(t.Context(), []func(*Tx) error{insert("a"), func(tx *Tx) error { runtime.Goexit(); return nil }})
	if errs[0] == nil || errs[1] == nil {
		t.Errorf("errors are %v", errs)
	}
	if err := d.Do(t.Context(), insert("b")); err != nil {
		t.Error(err)
	}
	wantValues(t, d, "b")
}

func TestCloseCarriesOutWhatWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "t.db")
	d := openT(t, Config{Path: path})
	gate, begun := make(chan struct{}), make(chan struct{})
	answers := make(chan error, 2)
	go func() {
		answers <- d.Do(t.Context(), func(tx *Tx) error { close(begun); <-gate; return insert("a")(tx) })
	}()
	<-begun
	go func() { answers <- d.Do(t.Context(), insert("b")) }()
	for waiting(d) < 1 {
		runtime.Gosched()
	}
	closed := make(chan error, 1)
	go func() { closed <- d.Close() }()
	for !d.queue.isClosed() {
		runtime.Gosched()
	}
	if err := d.Do(t.Context(), insert("c")); !errors.Is(err, ErrClosed) {
		t.Errorf("after Close: %v", err)
	}
	if err := d.Health(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("health after Close: %v", err)
	}
	close(gate)
	if err := errors.Join(<-answers, <-answers, <-closed, d.Close()); err != nil {
		t.Error(err)
	}
	wantValues(t, openT(t, Config{Path: path}), "a", "b")
}

// TestHealthWrites: with nothing else going on, health still means that a
// commit goes through.
func TestHealthWrites(t *testing.T) {
	commits := 0
	d := openT(t, Config{Hook: func(b Boundary) error { commits = b.Commit; return nil }})
	for range 5 {
		if err := d.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if commits != 1 {
		t.Errorf("five questions within ten seconds cost %d commits, want 1", commits)
	}
}
