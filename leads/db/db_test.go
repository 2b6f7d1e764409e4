package db

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// steps is a schema of one table, for tests of the mechanism.
func steps(more ...string) fstest.MapFS {
	files := fstest.MapFS{"0001_t.sql": {Data: []byte("CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT NOT NULL UNIQUE);")}}
	for i, sql := range more {
		files[fmt.Sprintf("%04d_more.sql", i+2)] = &fstest.MapFile{Data: []byte(sql)}
	}
	return files
}

func openT(t *testing.T, c Config) *DB {
	t.Helper()
	if c.Path == "" {
		c.Path = filepath.Join(t.TempDir(), "t.db")
	}
	d, err := open(t.Context(), c, steps())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func insert(v string) func(*Tx) error {
	return func(tx *Tx) error {
		_, err := tx.Exec("INSERT INTO t (v) VALUES ($1)", v)
		return err
	}
}

// values lists what is committed, in order.
func values(t *testing.T, d *DB) []string {
	t.Helper()
	rows, err := d.Reader().Query("SELECT v FROM t ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	got := []string{}
	for rows.Next() {
		var v string
		if err := rows.Scan(&v); err != nil {
			t.Fatal(err)
		}
		got = append(got, v)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return got
}

func wantValues(t *testing.T, d *DB, want ...string) {
	t.Helper()
	if got := strings.Join(values(t, d), " "); got != strings.Join(want, " ") {
		t.Errorf("the table holds %q, want %q", got, strings.Join(want, " "))
	}
}

func TestTheRealSchemaOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "ringback.db")
	for range 2 {
		d, err := Open(t.Context(), Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Health(t.Context()); err != nil {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestOneFailureTouchesNobodyElse(t *testing.T) {
	d := openT(t, Config{})
	refused := errors.New("refused")
	var after []string
	note := func(s string) func() { return func() { after = append(after, s) } }
	errs := d.DoAll(t.Context(), []func(*Tx) error{
		func(tx *Tx) error { tx.AfterCommit(note("a")); return insert("a")(tx) },
		func(tx *Tx) error { tx.AfterCommit(note("b")); return errors.Join(insert("b")(tx), refused) },
		func(tx *Tx) error { tx.AfterCommit(note("c")); _ = insert("c")(tx); panic("oops") },
		insert("a"), // breaks the unique key
		func(tx *Tx) error {
			if err := tx.Sub(func(tx *Tx) error { tx.AfterCommit(note("sub")); return errors.Join(insert("sub")(tx), refused) }); !errors.Is(err, refused) {
				t.Errorf("Sub gave %v", err)
			}
			tx.AfterCommit(note("d"))
			return insert("d")(tx)
		},
	})
	for i, ok := range []bool{true, false, false, false, true} {
		if (errs[i] == nil) != ok {
			t.Errorf("function %d: %v", i, errs[i])
		}
	}
	if !errors.Is(errs[1], refused) || !strings.Contains(errs[2].Error(), "oops") || errors.Is(errs[3], ErrUnavailable) {
		t.Errorf("errors were %v", errs)
	}
	wantValues(t, d, "a", "d")
	if got := strings.Join(after, " "); got != "a d" {
		t.Errorf("after the commit ran %q, want those that were kept, in order", got)
	}
}

// TestAFailureThatWasBorneAlone has nobody else in the transaction: what the
// function wrote beside the part that failed is there all the same.
func TestAFailureThatWasBorneAlone(t *testing.T) {
	d := openT(t, Config{})
	told := 0
	err := d.Do(t.Context(), func(tx *Tx) error {
		if err := insert("kept")(tx); err != nil {
			return err
		}
		_ = tx.Sub(func(tx *Tx) error { return errors.Join(insert("dropped")(tx), errors.New("refused")) })
		tx.AfterCommit(func() { told++ })
		return nil
	})
	if err != nil || told != 1 {
		t.Errorf("%v, told %d times", err, told)
	}
	wantValues(t, d, "kept")
}

func TestWaitersShareACommit(t *testing.T) {
	commits := 0
	d := openT(t, Config{Hook: func(b Boundary) error { commits = b.Commit; return nil }})
	gate, held := make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		if err := d.Do(t.Context(), func(tx *Tx) error { close(held); <-gate; return insert("first")(tx) }); err != nil {
			t.Error(err)
		}
	})
	<-held
	for i := range 50 {
		all.Go(func() {
			if err := d.Do(t.Context(), insert(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	for waiting(d) < 50 {
		time.Sleep(time.Millisecond)
	}
	close(gate)
	all.Wait()
	if len(values(t, d)) != 51 || commits != 2 {
		t.Errorf("%d rows in %d commits, want 51 in 2", len(values(t, d)), commits)
	}
}

func waiting(d *DB) int {
	d.queue.mu.Lock()
	defer d.queue.mu.Unlock()
	return len(d.queue.wait)
}

func TestCancelledBeforeItBegan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, Config{})
		gate := make(chan struct{})
		go d.Do(t.Context(), func(*Tx) error { <-gate; return nil })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		withdrawn, carried := make(chan error, 1), make(chan error, 1)
		go func() { withdrawn <- d.Do(ctx, insert("withdrawn")) }()
		synctest.Wait()
		cancel()
		if err := <-withdrawn; !errors.Is(err, context.Canceled) {
			t.Errorf("a withdrawn transaction gave %v", err)
		}
		if err := d.Do(ctx, insert("too late")); !errors.Is(err, context.Canceled) {
			t.Errorf("a cancelled context gave %v", err)
		}
		close(gate)
		synctest.Wait()
		begun, end := context.WithCancel(t.Context())
		go func() {
			carried <- d.Do(begun, func(tx *Tx) error { end(); return insert("carried out")(tx) })
		}()
		if err := <-carried; err != nil {
			t.Errorf("what had begun gave %v", err)
		}
		wantValues(t, d, "carried out")
	})
}

func TestNowStandsStill(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := openT(t, Config{})
		time.Sleep(1234567 * time.Nanosecond)
		var now []time.Time
		keep := func(tx *Tx) error {
			now = append(now, tx.Now())
			_, err := tx.Exec("INSERT INTO t (id, v) VALUES ($1, 'now')", Millis(tx.Now()))
			return err
		}
		d.DoAll(t.Context(), []func(*Tx) error{keep, func(tx *Tx) error { now = append(now, tx.Now()); return nil }})
		var ms int64
		if err := d.Reader().QueryRow("SELECT id FROM t").Scan(&ms); err != nil {
			t.Fatal(err)
		}
		if Time(ms) != now[0] || now[0] != now[1] || now[0] != time.Now().UTC().Truncate(time.Millisecond) {
			t.Errorf("stored %v, frozen %v", Time(ms), now)
		}
	})
	if Millis(time.Time{}) != 0 || !Time(0).IsZero() {
		t.Error("the zero time is not 0")
	}
}

func TestNestedQueriesOfTheSameText(t *testing.T) {
	d := openT(t, Config{})
	err := d.Do(t.Context(), func(tx *Tx) error {
		for _, v := range []string{"a", "b", "c"} {
			if err := insert(v)(tx); err != nil {
				return err
			}
		}
		const q = "SELECT v FROM t ORDER BY id"
		var got string
		outer, err := tx.Query(q)
		if err != nil {
			return err
		}
		for outer.Next() {
			inner, err := tx.Query(q)
			if err != nil {
				return err
			}
			for inner.Next() {
				var a, b string
				if err := errors.Join(outer.Scan(&a), inner.Scan(&b)); err != nil {
					return err
				}
				got += a + b + " "
			}
		}
		if got != "aa ab ac ba bb bc ca cb cc " {
			t.Errorf("nested reading gave %q", got)
		}
		return outer.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

// TestRowsLeftOpen: a result that was not read to its end would hold the view
// of its transaction, and its statement, for ever.
func TestRowsLeftOpen(t *testing.T) {
	d := openT(t, Config{})
	const q = "SELECT v FROM t"
	var rows *Rows
	err := d.Do(t.Context(), func(tx *Tx) (err error) {
		if err := errors.Join(insert("a")(tx), insert("b")(tx)); err != nil {
			return err
		}
		if rows, err = tx.Query(q); err == nil && !rows.Next() {
			t.Error("there is no row")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if rows.Next() || d.w.stmt[q].busy {
		t.Error("the result was left open")
	}
}

func TestUseAfterTheFunction(t *testing.T) {
	d := openT(t, Config{})
	var kept *Tx
	if err := d.Do(t.Context(), func(tx *Tx) error { kept = tx; return nil }); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Exec("INSERT INTO t (v) VALUES ('late')"); !errors.Is(err, errDone) {
		t.Errorf("using a transaction after its function gave %v", err)
	}
	wantValues(t, d)
}

func TestListeners(t *testing.T) {
	d := openT(t, Config{})
	var heard []any
	stop := d.Listen("topic", func(note any) { heard = append(heard, note) })
	tell := func(note any, err error) {
		_ = d.Do(t.Context(), func(tx *Tx) error { tx.Notify("topic", note); tx.Notify("other", note); return err })
	}
	tell(1, nil)
	tell(2, errors.New("rolled back"))
	tell(3, nil)
	stop()
	tell(4, nil)
	if fmt.Sprint(heard) != "[1 3]" {
		t.Errorf("heard %v", heard)
	}
}

func TestMetricsCountWhatFailed(t *testing.T) {
	reg := prometheus.NewRegistry()
	d := openT(t, Config{Metrics: reg})
	d.DoAll(t.Context(), []func(*Tx) error{insert("a"), insert("a"), func(*Tx) error { panic(1) }})
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += "/" + l.GetValue()
			}
			got[name] = m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
		}
	}
	for name, want := range map[string]float64{
		"ringback_db_errors_total/panic":       1,
		"ringback_db_errors_total/refused":     1,
		"ringback_db_errors_total/unavailable": 0,
		"ringback_db_group_size":               3,
	} {
		if v, ok := got[name]; !ok || v != want {
			t.Errorf("%s is %v (there: %v), want %v", name, v, ok, want)
		}
	}
	if got["ringback_db_commit_seconds"] <= 0 {
		t.Error("the commit took no time")
	}
}
