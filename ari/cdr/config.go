package cdr

import "time"

// Config says where a PBX keeps its call records.
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

// SQL is a database with call records.
type SQL struct {
	// Engine is mysql (MariaDB too), postgres or sqlite.
	Engine string `yaml:"engine"`
	// Address is host:port or the path of a socket; of sqlite the path of the file.
	Address  string `yaml:"address"`
	Database string `yaml:"database"`
	Username string `yaml:"username"`
	// PasswordFile or PasswordEnv names where the password is read from.
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// Records and Events are the tables of CDR and CEL; Events may be missing.
	Records string `yaml:"records"`
	Events  string `yaml:"events"`
}
