package appointments

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"ringback/leads/db"
	"ringback/leads/posted"
)

// Columns are those of appointments in CSV, in any order; number or contact, and
// starts_at, are needed. A column fields.NAME is a field of that name.
var Columns = []string{"ref", "contact", "number", "name", "manager", "starts_at", "place", "category", "line", "zone", "language"}

// fieldColumn begins the name of a column that is a field.
const fieldColumn = "fields."

// table is what a file of appointments holds.
var table = posted.Table{
	Names: strings.Join(Columns, ", ") + " or fields.NAME",
	Known: func(column string) bool {
		field, isField := strings.CutPrefix(column, fieldColumn)
		return isField && fieldName.MatchString(field) || slices.Contains(Columns, column)
	},
	Most: 2000,
}

// Row is one line of a file.
type Row struct {
	Line   int
	Wanted Wanted
}

// File is what could be read of a file, and what could not.
type File struct {
	Rows  []Row
	Wrong posted.Problems
}

// ReadCSV reads appointments from CSV.
func ReadCSV(text []byte) (f File) {
	err := table.Read(text, func(line int, row map[string]string, _ func(field, text string)) {
		f.Rows = append(f.Rows, Row{line, readRow(row)})
	})
	errors.As(err, &f.Wrong)
	return f
}

func readRow(row map[string]string) Wanted {
	w := Wanted{Ref: row["ref"], Number: row["number"], Name: row["name"], Manager: row["manager"], StartsAt: row["starts_at"], Place: row["place"],
		Category: row["category"], Line: row["line"], Zone: row["zone"], Language: row["language"], Fields: map[string]string{}}
	for column, value := range row {
		if field, isField := strings.CutPrefix(column, fieldColumn); isField && value != "" {
			w.Fields[field] = value
		}
	}
	if text := row["contact"]; text != "" {
		id, err := strconv.ParseInt(text, 10, 64)
		if err != nil || id <= 0 {
			id = -1 // nobody's
		}
		w.Contact = id
	}
	return w
}

// Import books all of a file, or nothing: its error is posted.Problems then, all
// that is wrong with the file, in the order of its lines. It tells how many were
// made; the others were there.
func (d *Desk) Import(tx *db.Tx, f File) (made int, err error) {
	var wrong posted.Problems
	for _, row := range f.Rows {
		if wrong.Enough(row.Line) {
			break
		}
		_, isNew, err := d.Create(tx, row.Wanted)
		var bad posted.Problems
		switch {
		case errors.As(err, &bad):
			for _, p := range bad {
				wrong = append(wrong, posted.Problem{Line: row.Line, Field: p.Field, Text: p.Text})
			}
		case errors.Is(err, ErrRef):
			wrong = append(wrong, posted.Problem{Line: row.Line, Field: "ref", Text: ErrRef.Error()})
		case err != nil:
			return 0, err
		case isNew:
			made++
		}
	}
	wrong = slices.Concat(f.Wrong, wrong)
	slices.SortStableFunc(wrong, func(a, b posted.Problem) int { return cmp.Compare(a.Line, b.Line) })
	return made, wrong.Err()
}
