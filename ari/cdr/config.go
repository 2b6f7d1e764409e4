package cdr

import (
	"regexp"
	"time"

	"ringback/ari"
)

// DefaultWait is what a PBX that says nothing else is waited for.
const DefaultWait = 10 * time.Second

// Config says where a PBX keeps its call records: in CSV or in SQL, not in both,
// for a call found in two places would have to be told once all the same.
type Config struct {
	// CSV is the path of Master.csv as cdr_csv writes it.
	CSV string `yaml:"csv"`
	// SQL is the database in which FreePBX and others keep them; nil: none.
	SQL *SQL `yaml:"sql"`
	// QueueLog is the path of app_queue's queue_log, which tells why callers left a
	// queue; "": not read.
	QueueLog string `yaml:"queue_log"`
	// Wait is how long the PBX may take to write the records of calls that are
	// over; in batch mode (cdr.conf) its batch time.
	Wait time.Duration `yaml:"wait"`
}

// Kept says whether there is anything to read.
func (c *Config) Kept() bool { return c.CSV != "" || c.SQL != nil }

// SQL is a database with call records.
type SQL struct {
	// Engine says how the database is spoken to.
	Engine Engine `yaml:"engine"`
	// Address is host:port or the path of a socket; of SQLite the path of the file.
	Address  string `yaml:"address"`
	Database string `yaml:"database"`
	Username string `yaml:"username"`
	// PasswordFile or PasswordEnv names where the password is read from.
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Records and Events are the tables of CDR and CEL; Events may be missing.
	Records string `yaml:"records"`
	Events  string `yaml:"events"`

	// Password is what PasswordFile or PasswordEnv led to.
	Password ari.Secret `yaml:"-"`
}

// Engine is a kind of database.
type Engine string

const (
	MySQL    Engine = "mysql" // MariaDB too
	Postgres Engine = "postgres"
	SQLite   Engine = "sqlite"
)

// tableName is the name of a table, with its schema where it has one. Names
// stand in statements as they are: nothing else may pass.
var tableName = regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]{0,62}\.)?[A-Za-z_][A-Za-z0-9_]{0,62}$`)

// IsTable says whether a name can be that of a table of records.
func IsTable(name string) bool { return tableName.MatchString(name) }
