package cdr

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// table is a table of a database, with what of the wanted columns it has.
type table struct {
	*dialect
	name    string
	columns []string          // as the database writes them
	at      map[string]int    // their places, by the name in small letters
	words   map[string]string // values that many rows have
}

// describe asks a table for its columns. In whatever order and case they are
// written, those are taken that stand among wanted.
func describe(ctx context.Context, ask asker, d *dialect, name string, wanted []string) (*table, error) {
	t := &table{dialect: d, name: name, at: map[string]int{}, words: map[string]string{}}
	rows, err := ask.QueryContext(ctx, "SELECT * FROM "+d.name(name)+" WHERE 1 = 0")
	if err != nil {
		return nil, fmt.Errorf("the table %s: %w", name, err)
	}
	defer rows.Close()
	all, err := rows.Columns()
	if err != nil {
		return nil, fmt.Errorf("the table %s: %w", name, err)
	}
	for _, column := range all {
		small := strings.ToLower(column)
		if _, twice := t.at[small]; slices.Contains(wanted, small) && !twice {
			t.at[small] = len(t.columns)
			t.columns = append(t.columns, column)
		}
	}
	return t, rows.Err()
}

// first is that of several columns which the table has; "" without one.
func (t *table) first(names ...string) string {
	for _, name := range names {
		if _, has := t.at[name]; has {
			return name
		}
	}
	return ""
}

// need says which column cannot be done without.
func (t *table) need(why string, names ...string) error {
	if t.first(names...) != "" {
		return nil
	}
	return fmt.Errorf("the table %s has no column %s, %s: add it, the PBX fills the columns that it finds", t.name, strings.Join(names, " or "), why)
}

// of is a column as a statement names it.
func (t *table) of(name string) string { return t.column(t.columns[t.at[name]]) }

// condition is what rows must meet; the %s in its text stands for the value.
type condition struct {
	text  string
	value any
}

// question is what is asked of a table.
type question struct {
	*table
	where []string
	args  []any
	order string
	limit int // 0: all
}

func (t *table) ask() *question { return &question{table: t} }

func (q *question) and(c condition) *question {
	q.args = append(q.args, c.value)
	q.where = append(q.where, fmt.Sprintf(c.text, q.parameter(len(q.args))))
	return q
}

// named adds that one of the columns holds one of the ids.
func (q *question) named(ids []string, columns ...string) *question {
	var either []string
	for _, column := range columns {
		marks := make([]string, len(ids))
		for i, id := range ids {
			q.args = append(q.args, id)
			marks[i] = q.parameter(len(q.args))
		}
		either = append(either, q.of(column)+" IN ("+strings.Join(marks, ", ")+")")
	}
	q.where = append(q.where, "("+strings.Join(either, " OR ")+")")
	return q
}

// by puts the rows into the order of a column that has a value.
func (q *question) by(column string, how string) *question {
	q.where = append(q.where, q.of(column)+" IS NOT NULL")
	q.order = " ORDER BY " + q.of(column) + how
	return q
}

// The orders of by.
const (
	rising  = ""
	falling = " DESC"
)

// atMost bounds how many rows are given.
func (q *question) atMost(rows int) *question {
	q.limit = rows
	return q
}

func (q *question) statement() string {
	names := make([]string, len(q.columns))
	for i, column := range q.columns {
		names[i] = q.column(column)
	}
	text := "SELECT " + strings.Join(names, ", ") + " FROM " + q.dialect.name(q.table.name)
	if len(q.where) > 0 {
		text += " WHERE " + strings.Join(q.where, " AND ")
	}
	text += q.order
	if q.limit > 0 {
		text += " LIMIT " + strconv.Itoa(q.limit)
	}
	return text
}

// each gives the rows one by one, as fast as they come: a table of MyISAM, which
// old FreePBX has, cannot be written while rows are taken from it.
func (q *question) each(ctx context.Context, ask asker, take func(row)) error {
	rows, err := ask.QueryContext(ctx, q.statement(), q.args...)
	if err != nil {
		return fmt.Errorf("read the table %s: %w", q.table.name, err)
	}
	defer rows.Close()
	r := row{q.table, make([]sql.RawBytes, len(q.columns))}
	into := make([]any, len(r.values))
	for i := range into {
		into[i] = &r.values[i]
	}
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return fmt.Errorf("read the table %s: %w", q.table.name, err)
		}
		take(r)
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read the table %s: %w", q.table.name, err)
	}
	return nil
}

// row is one row, until the next is read.
type row struct {
	*table
	values []sql.RawBytes
}

// longestText is what the values of a PBX fit into: what is longer is cut.
const longestText = 1 << 10

// raw is the value of the first of the columns that the table has.
func (r row) raw(names []string) []byte {
	at, has := r.at[r.first(names...)]
	if !has {
		return nil
	}
	return r.values[at][:min(len(r.values[at]), longestText)]
}

// text is the value of a column; "" where there is none.
func (r row) text(names ...string) string { return strings.ToValidUTF8(string(r.raw(names)), "\uFFFD") }

// mostWords bounds how many words are kept.
const mostWords = 10_000

// word is the value of a column that has few different ones: each is kept in
// memory once.
func (r row) word(names ...string) string {
	value := r.raw(names)
	if word, known := r.words[string(value)]; known {
		return word
	}
	word := r.text(names...)
	if len(r.words) < mostWords {
		r.words[string(value)] = word
	}
	return word
}

// number is the value of a column that counts; not ok where it holds none.
func (r row) number(name string) (n float64, ok bool) {
	n, err := strconv.ParseFloat(strings.TrimSpace(r.text(name)), 64)
	return n, err == nil && n > -1e15 && n < 1e15
}

// seconds is the value of a column that holds a duration, 0 without one.
func (r row) seconds(name string) time.Duration {
	n, ok := r.number(name)
	if !ok || n < 0 || n > 1e9 {
		return 0
	}
	return time.Duration(n * float64(time.Second))
}

// layouts are how times are written: by MySQL and SQLite, and by their drivers
// where they know the column for a time.
var layouts = []string{"2006-01-02 15:04:05", time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05Z07:00"}

// time is the value of a column that holds a time, in whatever zone it was
// written; zero without one. A number counts the seconds since 1970.
func (r row) time(names ...string) time.Time {
	text := strings.TrimSpace(r.text(names...))
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		if n < 1e8 || n > 1e11 {
			return time.Time{}
		}
		return time.UnixMicro(int64(n * 1e6)).UTC()
	}
	for _, layout := range layouts {
		if t, err := time.Parse(layout, text); err == nil && t.Year() > 1970 && t.Year() < 9999 {
			return t.UTC()
		}
	}
	return time.Time{}
}

// clock is how a table's times are asked for.
type clock struct {
	column string
	// ahead is by how much they are ahead of UTC; known says that rows told it.
	ahead time.Duration
	known bool
	// counted says that they are seconds since 1970.
	counted bool
}

// slack is what summer time may have moved since, and a little more.
const slack = 2 * time.Hour

// earliest is what a row of t, or one after it, has for a time at least; latest
// what one of t, or before it, has at most.
func (c clock) earliest(t time.Time) time.Time {
	if !c.known {
		return t.Add(-12*time.Hour - slack).UTC() // the zone that is farthest behind
	}
	return t.Add(c.ahead - slack).UTC()
}

func (c clock) latest(t time.Time) time.Time {
	if !c.known {
		return t.Add(14*time.Hour + slack).UTC() // the zone that is farthest ahead
	}
	return t.Add(c.ahead + slack).UTC()
}

// from is earliest as the table writes it.
func (c clock) from(t time.Time) any { return c.written(c.earliest(t)) }

// to is latest as the table writes it.
func (c clock) to(t time.Time) any { return c.written(c.latest(t)) }

func (c clock) written(t time.Time) any {
	if c.counted {
		return t.Unix()
	}
	return t.UTC().Format("2006-01-02 15:04:05")
}

// asWritten puts records whose times are as they are written into their order, in
// which neighbours tell each other the zone.
func (c clock) asWritten(records []Record) {
	start := func(r *Record) time.Time {
		if r.Start.IsZero() {
			return r.Began.Add(c.ahead)
		}
		return r.Start
	}
	slices.SortStableFunc(records, func(a, b Record) int { return start(&a).Compare(start(&b)) })
}
