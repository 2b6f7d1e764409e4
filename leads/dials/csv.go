package dials

import (
	"bufio"
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ringback/leads/db"
	"ringback/leads/number"
)

// Columns are those of a ledger in CSV, in the order of an export. An import
// needs the first two; they may come in any order.
var Columns = []string{"number", "kind", "at", "who", "how", "note"}

// maxProblems is how many problems of a file are told.
const maxProblems = 100

// CSVError is everything that is wrong with a file, a line each.
type CSVError struct {
	Problems []CSVProblem `json:"problems"`
	// More is how many further problems are not told.
	More int `json:"more,omitempty"`
}

// CSVProblem is what is wrong with one line.
type CSVProblem struct {
	Line int    `json:"line"`
	Text string `json:"problem"`
}

func (e *CSVError) Error() string {
	var b strings.Builder
	plural := "s"
	if len(e.Problems) == 1 {
		plural = ""
	}
	fmt.Fprintf(&b, "%d problem%s, nothing was taken", len(e.Problems)+e.More, plural)
	for _, p := range e.Problems {
		fmt.Fprintf(&b, "\n  line %d: %s", p.Line, p.Text)
	}
	if e.More > 0 {
		fmt.Fprintf(&b, "\n  and %d more", e.More)
	}
	return b.String()
}

func (e *CSVError) add(line int, format string, args ...any) {
	if len(e.Problems) == maxProblems {
		e.More++
		return
	}
	e.Problems = append(e.Problems, CSVProblem{line, fmt.Sprintf(format, args...)})
}

// ReadConsents reads words from CSV, with commas or semicolons, for Record.
// Numbers are read as the plan reads them; without a time a word is of now. A
// file with anything wrong in it gives a *CSVError and no words.
func ReadConsents(r io.Reader, plan *number.Plan, now time.Time) ([]Word, error) {
	in := bufio.NewReader(r)
	if mark, _ := in.Peek(3); string(mark) == "\ufeff" {
		_, _ = in.Discard(3) // it was just peeked at
	}
	table := csv.NewReader(in)
	table.Comma, table.FieldsPerRecord, table.ReuseRecord = comma(in), -1, true
	var wrong CSVError
	head, err := table.Read()
	if err != nil {
		return nil, fmt.Errorf("dials: read consents: the first line names the columns %s: %w", strings.Join(Columns, ","), noMore(err))
	}
	place := heading(head, &wrong)
	var words []Word
	for len(place) > 0 {
		fields, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) {
			wrong.add(bad.Line, "%v", bad.Err)
			break // where the next line begins is not known
		}
		if err != nil {
			return nil, fmt.Errorf("dials: read consents: %w", err)
		}
		line, _ := table.FieldPos(0)
		if w, ok := readWord(fields, place, plan, now, func(format string, args ...any) { wrong.add(line, format, args...) }); ok {
			words = append(words, w)
		}
	}
	if len(wrong.Problems) > 0 {
		return nil, &wrong
	}
	return words, nil
}

func noMore(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("there is none")
	}
	return err
}

// comma tells what separates the columns: where commas are decimal points,
// spreadsheets write semicolons.
func comma(in *bufio.Reader) rune {
	start, _ := in.Peek(200)
	line, _, _ := strings.Cut(string(start), "\n")
	if strings.Contains(line, ";") && !strings.Contains(line, ",") {
		return ';'
	}
	return ','
}

// heading finds the place of each column; none where the line is no heading.
func heading(head []string, wrong *CSVError) map[string]int {
	place := make(map[string]int)
	for i, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		_, twice := place[name]
		switch {
		case !slices.Contains(Columns, name):
			wrong.add(1, "%q is not a column: use %s", clip(name), strings.Join(Columns, ", "))
		case twice:
			wrong.add(1, "the column %s is there twice", name)
		}
		place[name] = i
	}
	for _, name := range Columns[:2] {
		if _, ok := place[name]; !ok {
			wrong.add(1, "the column %s is missing", name)
		}
	}
	if len(wrong.Problems) > 0 {
		return nil
	}
	return place
}

// readWord reads one line, and says everything that is wrong with it.
func readWord(fields []string, place map[string]int, plan *number.Plan, now time.Time, say func(string, ...any)) (Word, bool) {
	if len(fields) > len(place) {
		say("%d values in %d columns", len(fields), len(place))
		return Word{}, false
	}
	field := func(name string) string {
		if i, ok := place[name]; ok && i < len(fields) {
			return strings.TrimSpace(fields[i])
		}
		return ""
	}
	w := Word{Number: field("number"), Kind: Stand(strings.ToLower(field("kind"))), At: now, Who: field("who"), How: field("how"), Note: field("note")}
	if n := plan.Read(w.Number); n.Kind == number.E164 {
		w.Number = n.Value
	}
	if at := field("at"); at != "" {
		var err error
		if w.At, err = readTime(at); err != nil {
			say("%v", err)
			return w, false
		}
	}
	if err := w.check(now); err != nil {
		say("%v", err)
		return w, false
	}
	return w, true
}

// readTime reads an instant, or a day, which begins in UTC.
func readTime(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-01T10:00:00+01:00, nor a day such as 2026-03-01", clip(s))
}

const ledgerQuery = "SELECT id, number, kind, at, who, how, note FROM consents WHERE id > $1 ORDER BY id LIMIT $2"

// Consents lists the ledger in the order in which words were entered: at most
// limit words after a place, and the place after them; 0 is the beginning, and
// the end.
func Consents(ctx context.Context, reader *sql.DB, place int64, limit int) (words []Word, next int64, err error) {
	rows, err := reader.QueryContext(ctx, ledgerQuery, place, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("dials: ledger: %w", err)
	}
	defer rows.Close()
	words = []Word{}
	for rows.Next() {
		if len(words) == limit {
			return words, place, nil
		}
		var w Word
		var at int64
		if err := rows.Scan(&place, &w.Number, &w.Kind, &at, &w.Who, &w.How, &w.Note); err != nil {
			return nil, 0, fmt.Errorf("dials: ledger: %w", err)
		}
		w.At = db.Time(at)
		words = append(words, w)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("dials: ledger: %w", err)
	}
	return words, 0, nil
}

// exportStep is how many words are read at a time: a client that reads slowly
// must not keep a reader of the database.
const exportStep = 500

// ExportConsents writes the whole ledger as CSV, as ReadConsents reads it.
func ExportConsents(ctx context.Context, reader *sql.DB, w io.Writer) error {
	table := csv.NewWriter(w)
	if err := table.Write(Columns); err != nil {
		return fmt.Errorf("dials: export consents: %w", err)
	}
	for place, more := int64(0), true; more; {
		words, next, err := Consents(ctx, reader, place, exportStep)
		if err != nil {
			return err
		}
		for _, w := range words {
			if err := table.Write([]string{w.Number, string(w.Kind), w.At.Format(time.RFC3339Nano), w.Who, w.How, w.Note}); err != nil {
				return fmt.Errorf("dials: export consents: %w", err)
			}
		}
		place, more = next, next != 0
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return fmt.Errorf("dials: export consents: %w", err)
	}
	return nil
}
