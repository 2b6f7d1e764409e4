package appointments

import (
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

// ReadCSV reads appointments from CSV. Its error is posted.Problems, all of the
// file.
func ReadCSV(text []byte) (rows []Row, err error) {
	err = table.Read(text, func(line int, row map[string]string, say func(field, text string)) {
		rows = append(rows, Row{line, readRow(row, say)})
	})
	return rows, err
}

func readRow(row map[string]string, say func(field, text string)) Wanted {
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
			say("contact", "is not the id of a contact")
		}
		w.Contact = id
	}
	return w
}

// Import books all rows, or none: its error is posted.Problems then, all of the
// file.
// It tells how many were made; the others were there.
func (d *Desk) Import(tx *db.Tx, rows []Row) (made int, err error) {
	var wrong posted.Problems
	for _, row := range rows {
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
	return made, wrong.Err()
}
