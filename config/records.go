package config

import (
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"ringback/ari/cdr"
)

// mostWait bounds how long records are waited for: calls of a blind interval are
// told only after it, and no PBX is an hour late.
const mostWait = time.Hour

// checkRecords checks where the call records of a PBX lie. Whether anything is
// there is seen when they are read: the PBX may be switched on later.
func checkRecords(f *findings, at string, r *cdr.Config) {
	switch {
	case r.CSV != "" && r.SQL != nil:
		f.add(at+".sql", "and csv exclude each other: keep the one that the PBX writes to without fail")
	case r.QueueLog != "" && !r.Kept() && !f.doubtful[at+".csv"] && !f.doubtful[at+".sql"]:
		f.warn(at+".queue_log", "is not read without call records: name csv or sql too")
	}
	if r.Wait > mostWait {
		f.add(at+".wait", "%s is too long: write at most %s, the batch time of cdr.conf is enough", r.Wait, mostWait)
	}
	if r.SQL != nil {
		checkSQL(f, at+".sql", r.SQL)
	}
}

func checkSQL(f *findings, at string, s *cdr.SQL) {
	oneOf(f, at+".engine", s.Engine, cdr.MySQL, cdr.Postgres, cdr.SQLite)
	if s.Engine == "" {
		f.missing(at+".engine", "the kind of database: mysql (MariaDB too), postgres or sqlite")
	}
	for _, table := range []struct{ key, name string }{{".records", s.Records}, {".events", s.Events}} {
		if table.name != "" && !cdr.IsTable(table.name) {
			f.add(at+table.key, "%s is no name of a table, such as cdr", quoted(table.name))
		}
	}
	if s.Engine == cdr.SQLite {
		checkSQLite(f, at, s)
		return
	}
	switch {
	case s.Address == "":
		f.missing(at+".address", "where the database listens: host:port, or the path of its socket")
	case !onSocket(s) && !isHostPort(s.Address):
		f.add(at+".address", "%s is neither host:port, such as 127.0.0.1:3306, nor the path of a socket", quoted(s.Address))
	}
	if s.Database == "" {
		f.missing(at+".database", "the name of the database, such as asteriskcdrdb")
	}
	if s.Username == "" {
		f.missing(at+".username", "a user of the database who may read the tables, and needs no more")
	}
}

// checkSQLite checks a database that is a file: there is nobody to log in to.
func checkSQLite(f *findings, at string, s *cdr.SQL) {
	if s.Address == "" {
		f.missing(at+".address", "the path of the file, such as /var/log/asterisk/master.db")
	}
	for _, key := range []struct{ name, value string }{
		{".database", s.Database}, {".username", s.Username}, {".password_file", s.PasswordFile}, {".password_env", s.PasswordEnv},
	} {
		if key.value != "" {
			f.add(at+key.name, "does not belong to sqlite: its file is named in address, and nobody logs in")
		}
	}
}

// onSocket says whether the database is reached by a socket of this machine, on
// which it may know the user without a password.
func onSocket(s *cdr.SQL) bool { return filepath.IsAbs(s.Address) }

func isHostPort(address string) bool {
	host, port, err := net.SplitHostPort(address)
	n, notNumber := strconv.Atoi(port)
	return err == nil && notNumber == nil && n > 0 && n <= 65535 && (hostName.MatchString(host) || net.ParseIP(host) != nil)
}

// readRecordsSecret reads the password of the database.
func readRecordsSecret(f *findings, at string, s *cdr.SQL) {
	if s.Engine == cdr.SQLite || onSocket(s) && s.PasswordFile == "" && s.PasswordEnv == "" {
		return
	}
	s.Password = oneSecret(f, at+".password_file", s.PasswordFile, at+".password_env", s.PasswordEnv)
}

// resolveRecords makes the paths absolute. What is not the file of SQLite is a
// path only where it holds a slash.
func resolveRecords(r *cdr.Config, resolve func(*string)) {
	resolve(&r.CSV)
	resolve(&r.QueueLog)
	if r.SQL == nil {
		return
	}
	resolve(&r.SQL.PasswordFile)
	if r.SQL.Engine == cdr.SQLite || strings.Contains(r.SQL.Address, "/") {
		resolve(&r.SQL.Address)
	}
}
