package config_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ringback/ari/cdr"
)

// What is left out of the call records gets its usual value, paths begin at the
// configuration's folder, and the password is read as that of ARI.
func TestCallRecords(t *testing.T) {
	for text, want := range map[string]cdr.Config{
		"{}":                                     {Wait: 10 * time.Second},
		"{csv: Master.csv, queue_log: /q/log}":   {CSV: "DIR/Master.csv", QueueLog: "/q/log", Wait: 10 * time.Second},
		"{csv: /m.csv, wait: 0s}":                {CSV: "/m.csv"},
		"{sql: {engine: sqlite, address: m.db}}": {Wait: 10 * time.Second, SQL: &cdr.SQL{Engine: cdr.SQLite, Address: "DIR/m.db", Records: "cdr"}},
		"{sql: {engine: mysql, address: \"db:3306\", database: d, username: u, password_file: sql.password, events: cel}}": {Wait: 10 * time.Second,
			SQL: &cdr.SQL{Engine: cdr.MySQL, Address: "db:3306", Database: "d", Username: "u", PasswordFile: "DIR/sql.password", Records: "cdr", Events: "cel"}},
	} {
		file := written(t, strings.Replace(minimal, "inbound:", "cdr: "+text+", inbound:", 1), map[string]string{"ari.password": "x", "sql.password": "hunter2\n"})
		got := loaded(t, file).Asterisk[0].CDR
		if got.Kept() != (want.CSV != "" || want.SQL != nil) {
			t.Errorf("%s: kept %v", text, got.Kept())
		}
		in := func(path string) string { return strings.Replace(path, "DIR", filepath.Dir(file), 1) }
		want.CSV = in(want.CSV)
		if want.SQL != nil {
			want.SQL.Address, want.SQL.PasswordFile = in(want.SQL.Address), in(want.SQL.PasswordFile)
			if password := got.SQL.Password.Reveal(); (password == "hunter2") != (want.SQL.PasswordFile != "") {
				t.Errorf("%s: the password is %q", text, password)
			}
			got.SQL.Password = want.SQL.Password
			if *got.SQL != *want.SQL {
				t.Errorf("%s: %+v, want %+v", text, *got.SQL, *want.SQL)
			}
			got.SQL, want.SQL = nil, nil
		}
		if got != want {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}
