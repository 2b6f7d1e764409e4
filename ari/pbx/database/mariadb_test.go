package database

import (
	"database/sql"
	"os"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// What was written is there after a crash, by the socket and by the address.
func TestServesAgainAfterACrash(t *testing.T) {
	root, err := Install(t.Context(), os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	m, err := Start(t.Context(), root, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began))
	t.Cleanup(func() {
		if err := m.Stop(); err != nil {
			t.Error(err)
		}
	})
	open := func(network, address string) *sql.DB {
		c := mysql.NewConfig()
		c.Net, c.Addr, c.User, c.Passwd = network, address, m.User, m.Password
		db, err := sql.Open("mysql", c.FormatDSN())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { db.Close() })
		return db
	}
	for _, statement := range []string{"CREATE DATABASE d", "CREATE TABLE d.t (n INT)", "INSERT INTO d.t VALUES (7)"} {
		if _, err := open("unix", m.Socket).Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	m.Kill()
	if err := open("tcp", m.Address).Ping(); err == nil {
		t.Error("a server that was killed answers")
	}
	if err := m.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	var n int
	if err := open("tcp", m.Address).QueryRow("SELECT n FROM d.t").Scan(&n); err != nil || n != 7 {
		t.Errorf("%d, %v", n, err)
	}
}
