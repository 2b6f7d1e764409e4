package cdr

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"time"
)

// sqlSource is a Source: the tables of CDR and CEL in a database. The columns
// may be any of Asterisk's usual ones, in any order: FreePBX's, or those of
// cdr_adaptive_odbc, cdr_pgsql and cdr_sqlite3_custom.
type sqlSource struct {
	config  SQL
	dialect *dialect
	db      *sql.DB
}

// openSQL makes a Source of a database. It does not connect: whether the
// database is there, and the tables have what is needed, each Read finds out.
func openSQL(c SQL, password string) (Source, error) {
	d, known := dialects[c.Engine]
	if !known {
		return nil, fmt.Errorf("cdr: there is no engine %q: use %s, %s or %s", c.Engine, MySQL, Postgres, SQLite)
	}
	for _, name := range []string{c.Records, c.Events} {
		if name != "" && !IsTable(name) {
			return nil, fmt.Errorf("cdr: %q is no name of a table", name)
		}
	}
	if c.Records == "" {
		return nil, fmt.Errorf("cdr: the table of call records in %s has no name", c.Address)
	}
	db, err := d.open(c, password)
	if err != nil {
		return nil, fmt.Errorf("cdr: %s: %w", c.name(), err)
	}
	return &sqlSource{config: c, dialect: d, db: db}, nil
}

// name is the database for people.
func (c *SQL) name() string {
	table := c.Records
	if c.Database != "" {
		table = c.Database + "." + table
	}
	return fmt.Sprintf("%s %s at %s", c.Engine, table, c.Address)
}

// Name is the Source's.
func (s *sqlSource) Name() string { return s.config.name() }

// Close ends what is read.
func (s *sqlSource) Close() error {
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("cdr: %s: %w", s.Name(), err)
	}
	return nil
}

const (
	// readTime bounds one Read.
	readTime = 3 * time.Minute
	// mostRows bounds the rows that one Read keeps of a table, a few hundred bytes
	// each: some days of a large company.
	mostRows = 500_000
	// sampled is how many of the newest rows are asked for the PBX's zone.
	sampled = 200
	// perQuestion is how many ids one statement names.
	perQuestion = 200
)

// Read is the Source's. That the records cannot be read is an error; where the
// events cannot, Log.Coarser says why.
func (s *sqlSource) Read(ctx context.Context, since time.Time, calls []string) (Log, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	log, err := s.read(ctx, since, calls)
	if err != nil {
		return Log{}, fmt.Errorf("cdr: %s: %w", s.Name(), err)
	}
	return log, nil
}

func (s *sqlSource) read(ctx context.Context, since time.Time, calls []string) (log Log, err error) {
	err = s.look(ctx, func(ask asker) error {
		var at clock
		if log, at, err = s.readRecords(ctx, ask, since, calls); err != nil || s.config.Events == "" {
			return err
		}
		var unreadable int
		log.Events, unreadable, log.Coarser = s.readEvents(ctx, ask, since, calls, at)
		log.Unreadable += unreadable
		return nil
	})
	return log, err
}

// look gives a connection for one look into the database.
func (s *sqlSource) look(ctx context.Context, f func(asker) error) error {
	if err := s.config.mayOpen(); err != nil {
		return err
	}
	r, err := s.dialect.begin(ctx, s.db)
	if err != nil {
		return err
	}
	defer r.end()
	return f(r)
}

// inspect looks at the newest rows of the records.
func (s *sqlSource) inspect(ctx context.Context) (in Inspection, err error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	err = s.look(ctx, func(ask asker) error {
		t, err := describeRecords(ctx, ask, s.dialect, s.config.Records)
		if err != nil {
			return err
		}
		in.UniqueID, in.LinkedID = true, t.first("linkedid") != ""
		var records []Record
		err = t.ask().by(t.first("calldate", "start"), falling).atMost(looked).each(ctx, ask, func(r row) {
			if record, ok := r.record(); ok {
				records = append(records, record)
			} else {
				in.Unreadable++
			}
		})
		clock{}.asWritten(records)
		in.Zone, in.Zoned = settle(records, 0)
		in.tell(records)
		return err
	})
	if err != nil {
		return Inspection{}, fmt.Errorf("cdr: %s: %w", s.Name(), err)
	}
	return in, nil
}

// readRecords reads the rows from since on, and of the named calls those before.
func (s *sqlSource) readRecords(ctx context.Context, ask asker, since time.Time, calls []string) (log Log, at clock, err error) {
	t, err := describeRecords(ctx, ask, s.dialect, s.config.Records)
	if err != nil {
		return Log{}, clock{}, err
	}
	if at, err = t.recordClock(ctx, ask); err != nil {
		return Log{}, clock{}, err
	}
	take := func(r row) {
		if record, ok := r.record(); ok {
			log.Records = append(log.Records, record)
		} else {
			log.Unreadable++
		}
	}
	recent := condition{t.of(at.column) + " >= %s", at.from(since)}
	before := condition{t.of(at.column) + " < %s", at.from(since)}
	for _, q := range append(t.older(before, at, calls), t.ask().and(recent)) {
		if err := q.atMost(mostRows+1-len(log.Records)-log.Unreadable).each(ctx, ask, take); err != nil {
			return Log{}, clock{}, err
		}
		if len(log.Records)+log.Unreadable > mostRows {
			return Log{}, clock{}, t.tooMany(since)
		}
	}
	at.asWritten(log.Records)
	settle(log.Records, at.ahead)
	for i := range log.Records {
		if r := &log.Records[i]; r.Start.IsZero() {
			r.Start = r.Began
		}
	}
	inOrder(log.Records)
	return log, at, nil
}

func (t *table) tooMany(since time.Time) error {
	return fmt.Errorf("the table %s holds more than %d rows since %s: that is more than is kept in memory", t.name, mostRows, since.UTC().Format(time.RFC3339))
}

// older are the questions for the rows of named calls among those before what is
// read anyway. Where the ids tell when the calls began, the rows are looked for
// from there on, which an index on the time serves; not every table has one on
// the columns of ids.
func (t *table) older(before condition, at clock, calls []string) []*question {
	columns := []string{"uniqueid"}
	if t.first("linkedid") != "" {
		columns = append(columns, "linkedid")
	}
	ids := slices.DeleteFunc(slices.Clone(calls), func(id string) bool { return id == "" || len(id) > longestText })
	slices.SortFunc(ids, func(a, b string) int { return cmp.Or(began(a).Compare(began(b)), cmp.Compare(a, b)) })
	var all []*question
	for chunk := range slices.Chunk(slices.Compact(ids), perQuestion) {
		q := t.ask().and(before)
		if from := began(chunk[0]); !from.IsZero() {
			q.and(condition{t.of(at.column) + " >= %s", at.from(from)})
		}
		all = append(all, q.named(chunk, columns...))
	}
	return all
}
