package cdr

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
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
	// each: some days of a large company. mostPassed bounds those that it looks at.
	mostRows, mostPassed = 500_000, 4 * mostRows
	// sampled is how many of the newest rows are asked for the PBX's zone.
	sampled = 200
	// perQuestion is how many ids one statement names.
	perQuestion = 200
)

// Read is the Source's. That the records cannot be read is an error; where the
// events cannot, Log.Coarser says why.
func (s *sqlSource) Read(ctx context.Context, since, until time.Time, calls []string) (Log, error) {
	ctx, cancel := context.WithTimeout(ctx, readTime)
	defer cancel()
	log, err := s.read(ctx, newQuery(since, until, calls))
	if err != nil {
		return Log{}, fmt.Errorf("cdr: %s: %w", s.Name(), err)
	}
	return log, nil
}

func (s *sqlSource) read(ctx context.Context, q *query) (log Log, err error) {
	err = s.look(ctx, func(ask asker) error {
		var at clock
		if log, at, err = s.readRecords(ctx, ask, q); err != nil || s.config.Events == "" {
			return err
		}
		var unreadable int
		log.Events, unreadable, log.Coarser = s.readEvents(ctx, ask, q, at)
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

// readRecords reads the rows of the calls that are asked for.
func (s *sqlSource) readRecords(ctx context.Context, ask asker, q *query) (log Log, at clock, err error) {
	t, err := describeRecords(ctx, ask, s.dialect, s.config.Records)
	if err != nil {
		return Log{}, clock{}, err
	}
	if at, err = t.recordClock(ctx, ask); err != nil {
		return Log{}, clock{}, err
	}
	err = t.eachOf(ctx, ask, t.span(q, at), q, func(r row) (kept bool) {
		record, ok := r.record()
		switch {
		case !ok:
			log.Unreadable++
		case q.matters(record.UniqueID, record.LinkedID):
			log.Records = append(log.Records, record)
			return true
		}
		return false
	})
	if err != nil {
		return Log{}, clock{}, err
	}
	at.asWritten(log.Records)
	settle(log.Records, at.ahead)
	for i := range log.Records {
		if r := &log.Records[i]; r.Start.IsZero() {
			r.Start = r.Began
		}
	}
	log.Records = q.wanted(log.Records)
	inOrder(log.Records)
	return log, at, nil
}

// eachOf gives the rows that questions ask for, as long as they are not too many.
func (t *table) eachOf(ctx context.Context, ask asker, questions []*question, q *query, take func(row) (kept bool)) error {
	kept, seen := 0, 0
	for _, question := range questions {
		err := question.atMost(mostPassed+1-seen).each(ctx, ask, func(r row) {
			if seen++; kept <= mostRows && take(r) {
				kept++
			}
		})
		switch {
		case err != nil:
			return err
		case kept > mostRows:
			return fmt.Errorf("the table %s holds more than %d rows %s: that is more than is kept in memory", t.name, mostRows, q)
		case seen > mostPassed:
			return fmt.Errorf("the table %s holds more than %d rows %s: that is more than is looked at", t.name, mostPassed, q)
		}
	}
	return nil
}

// span are the questions for the rows of a query, by their time.
func (t *table) span(q *query, at clock) []*question {
	recent := t.ask().and(condition{t.of(at.column) + " >= %s", at.from(q.since)})
	if !q.until.IsZero() {
		recent.and(condition{t.of(at.column) + " < %s", at.to(q.until.Add(longest))})
	}
	return append(t.older(condition{t.of(at.column) + " < %s", at.from(q.since)}, at, q), recent)
}

// older are the questions for the rows of named calls among those before what is
// read anyway. Where the ids tell when the calls began, the rows are looked for
// from there on, which an index on the time serves; not every table has one on
// the columns of ids.
func (t *table) older(before condition, at clock, query *query) []*question {
	columns := []string{"uniqueid"}
	if t.first("linkedid") != "" {
		columns = append(columns, "linkedid")
	}
	ids := slices.DeleteFunc(slices.Collect(maps.Keys(query.named)), func(id string) bool { return id == "" || len(id) > longestText })
	slices.SortFunc(ids, compareIDs)
	var all []*question
	for chunk := range slices.Chunk(ids, perQuestion) {
		q := t.ask().and(before)
		if from := began(chunk[0]); !from.IsZero() {
			q.and(condition{t.of(at.column) + " >= %s", at.from(from)})
		}
		all = append(all, q.named(chunk, columns...))
	}
	return all
}
