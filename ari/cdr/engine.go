package cdr

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/lib/pq"
	_ "modernc.org/sqlite" // the engine of SQLite
)

// dialTime bounds how long a database may take to answer at all, and
// statementTime what one question may cost it: beyond that the database itself
// ends it, for the PBX needs it more than we do.
const (
	dialTime      = 10 * time.Second
	statementTime = 60 * time.Second
)

// dialect is how an Engine is spoken to.
type dialect struct {
	// open prepares a database; nothing is sent yet.
	open func(SQL, string) (*sql.DB, error)
	// begin starts one reading.
	begin func(context.Context, *sql.DB) (*reading, error)
	// mark is what names are put between.
	mark string
	// numbered says that parameters are $1, $2, …; otherwise each is a question mark.
	numbered bool
}

var dialects = map[Engine]*dialect{
	MySQL:    {open: openMySQL, begin: beginMySQL, mark: "`"},
	Postgres: {open: openPostgres, begin: beginPostgres, mark: `"`, numbered: true},
	SQLite:   {open: openSQLite, begin: beginSQLite, mark: `"`},
}

// name puts a name between marks; those of a schema and its table each.
func (d *dialect) name(name string) string {
	parts := strings.Split(name, ".")
	for i, part := range parts {
		parts[i] = d.column(part)
	}
	return strings.Join(parts, ".")
}

func (d *dialect) column(name string) string {
	return d.mark + strings.ReplaceAll(name, d.mark, d.mark+d.mark) + d.mark
}

// parameter is the place of parameter n, counted from 1.
func (d *dialect) parameter(n int) string {
	if d.numbered {
		return "$" + strconv.Itoa(n)
	}
	return "?"
}

// reading is one look into a database, through which nothing can be changed.
type reading struct {
	asker
	end func()
}

// asker is a connection, or a transaction on one.
type asker interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// opened is a database without connections of its own between readings: they
// are rare, and a server that was restarted is found anew.
func opened(c driver.Connector) *sql.DB {
	db := sql.OpenDB(c)
	db.SetMaxIdleConns(0)
	return db
}

func openMySQL(c SQL, password string) (*sql.DB, error) {
	m := mysql.NewConfig()
	m.User, m.Passwd, m.DBName, m.Addr = c.Username, password, c.Database, c.Address
	m.Timeout, m.ReadTimeout, m.WriteTimeout = dialTime, statementTime+dialTime, dialTime
	m.Logger = &mysql.NopLogger{} // errors are returned, and it would print to the console
	if filepath.IsAbs(c.Address) {
		m.Net = "unix"
	} else {
		m.Net, m.TLSConfig = "tcp", "preferred"
	}
	connector, err := mysql.NewConnector(m)
	if err != nil {
		return nil, err
	}
	return opened(connector), nil
}

// noReadOnly is what servers answer who do not know read-only transactions:
// MariaDB 5.5 and MySQL 5.5, which old FreePBX has. ER_PARSE_ERROR.
const noReadOnly = 1064

// beginMySQL reads as of one moment, where the tables can.
func beginMySQL(ctx context.Context, db *sql.DB) (*reading, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	// Times of the type TIMESTAMP are then told in UTC; others are text anyway.
	if _, err := conn.ExecContext(ctx, "SET SESSION time_zone = '+00:00'"); err != nil {
		conn.Close()
		return nil, err
	}
	// MariaDB's bound, or MySQL's; old ones have neither, and there is our own.
	if _, err := conn.ExecContext(ctx, fmt.Sprintf("SET SESSION max_statement_time = %d", int(statementTime.Seconds()))); err != nil {
		_, _ = conn.ExecContext(ctx, fmt.Sprintf("SET SESSION max_execution_time = %d", statementTime.Milliseconds()))
	}
	tx, err := conn.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	var said *mysql.MySQLError
	if errors.As(err, &said) && said.Number == noReadOnly {
		tx, err = conn.BeginTx(ctx, nil)
	}
	if err != nil {
		conn.Close()
		return nil, err
	}
	return &reading{tx, func() { _ = tx.Rollback(); conn.Close() }}, nil
}

func openPostgres(c SQL, password string) (*sql.DB, error) {
	words := map[string]string{
		"user": c.Username, "dbname": c.Database, "application_name": "ringback", "sslmode": "prefer",
		"connect_timeout": strconv.Itoa(int(dialTime.Seconds())),
	}
	if password != "" {
		words["password"] = password
	}
	if filepath.IsAbs(c.Address) {
		words["host"], words["port"] = postgresSocket(c.Address)
		words["sslmode"] = "disable"
	} else {
		host, port, err := net.SplitHostPort(c.Address)
		if err != nil {
			return nil, err
		}
		words["host"], words["port"] = host, port
	}
	var text strings.Builder
	for key, value := range words {
		fmt.Fprintf(&text, "%s='%s' ", key, strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(value))
	}
	connector, err := pq.NewConnector(text.String())
	if err != nil {
		return nil, errors.New("its address cannot be used") // what is wrong in it may be the password
	}
	return opened(connector), nil
}

// postgresSocket takes the path of a socket apart, as in
// /run/postgresql/.s.PGSQL.5432. The path may be that of its folder.
func postgresSocket(path string) (host, port string) {
	if port, ok := strings.CutPrefix(filepath.Base(path), ".s.PGSQL."); ok {
		return filepath.Dir(path), port
	}
	return path, "5432"
}

func beginPostgres(ctx context.Context, db *sql.DB) (*reading, error) {
	tx, err := db.BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: sql.LevelRepeatableRead})
	if err != nil {
		return nil, err
	}
	for _, set := range []string{
		"SET LOCAL TimeZone = 'UTC'", // times that have a zone are then told in UTC
		"SET LOCAL DateStyle = 'ISO'",
		fmt.Sprintf("SET LOCAL statement_timeout = %d", statementTime.Milliseconds()),
	} {
		if _, err := tx.ExecContext(ctx, set); err != nil {
			_ = tx.Rollback()
			return nil, err
		}
	}
	return &reading{tx, func() { _ = tx.Rollback() }}, nil
}

func openSQLite(c SQL, _ string) (*sql.DB, error) {
	address := url.URL{Scheme: "file", Path: c.Address, RawQuery: "mode=ro&_pragma=query_only(1)&_pragma=busy_timeout(5000)"}
	db, err := sql.Open("sqlite", address.String())
	if err != nil {
		return nil, err
	}
	db.SetMaxIdleConns(0)
	return db, nil
}

// beginSQLite opens no transaction: while one reads, Asterisk cannot write.
func beginSQLite(ctx context.Context, db *sql.DB) (*reading, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &reading{conn, func() { conn.Close() }}, nil
}

// mayOpen says of a file of SQLite what the engine does not: whether it is there.
func (c *SQL) mayOpen() error {
	if c.Engine != SQLite {
		return nil
	}
	file, err := os.Open(c.Address)
	if err != nil {
		return err
	}
	return file.Close()
}
