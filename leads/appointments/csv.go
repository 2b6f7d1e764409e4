package appointments

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"ringback/leads/db"
)

// Columns are those of appointments in CSV, in any order; number or contact, and
// starts_at, are needed. A column fields.NAME is a field of that name.
var Columns = []string{"ref", "contact", "number", "name", "manager", "starts_at", "place", "category", "line", "zone", "language"}

// MaxRows bounds a file: its appointments are one transaction, for which
// everything else waits.
const MaxRows = 2000

// fieldColumn begins the name of a column that is a field.
const fieldColumn = "fields."

// Row is one line of a file.
type Row struct {
	Line   int
	Wanted Wanted
}

// ReadCSV reads appointments from CSV, with commas or semicolons. Its error is
// Problems, all of the file.
func ReadCSV(text []byte) ([]Row, error) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	table := csv.NewReader(bufio.NewReader(bytes.NewReader(text)))
	table.Comma, table.FieldsPerRecord = comma(text), -1
	var wrong Problems
	say := func(line int, field, what string) { wrong = append(wrong, Problem{line, field, what}) }
	head, err := table.Read()
	if err != nil {
		say(1, "", "names no columns: "+strings.Join(Columns, ", ")+" and fields.NAME are known")
		return nil, wrong
	}
	columns := heading(head, func(field, what string) { say(1, field, what) })
	var rows []Row
	for len(wrong) == 0 || columns != nil {
		values, err := table.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			line := 0
			if bad := new(csv.ParseError); errors.As(err, &bad) {
				line, err = bad.Line, bad.Err
			}
			say(line, "", err.Error())
			break // where the next line begins is not known
		}
		line, _ := table.FieldPos(0)
		switch {
		case len(values) != len(columns):
			say(line, "", fmt.Sprintf("holds %d values for %d columns", len(values), len(columns)))
		case len(rows) == MaxRows:
			say(line, "", fmt.Sprintf("is one too many: a file holds no more than %d appointments", MaxRows))
			return nil, wrong
		default:
			rows = append(rows, readRow(line, columns, values, func(field, what string) { say(line, field, what) }))
		}
	}
	return rows, wrong.err()
}

// comma tells what separates the columns: where commas are decimal points,
// spreadsheets write semicolons.
func comma(text []byte) rune {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	if bytes.ContainsRune(line, ';') && !bytes.ContainsRune(line, ',') {
		return ';'
	}
	return ','
}

// heading reads the names of the columns; nil where one is not known.
func heading(head []string, say func(field, what string)) []string {
	var columns []string
	good := true
	for _, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		field, isField := strings.CutPrefix(name, fieldColumn)
		switch {
		case slices.Contains(columns, name):
			say(shown(name), "is a column twice")
			good = false
		case isField && fieldName.MatchString(field), slices.Contains(Columns, name):
		default:
			say(shown(name), "is not a column: use "+strings.Join(Columns, ", ")+" or fields.NAME")
			good = false
		}
		columns = append(columns, name)
	}
	if !good {
		return nil
	}
	return columns
}

// shown is a name from outside as an answer repeats it.
func shown(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

func readRow(line int, columns, values []string, say func(field, what string)) Row {
	row := Row{Line: line, Wanted: Wanted{Fields: map[string]string{}}}
	w := &row.Wanted
	texts := map[string]*string{"ref": &w.Ref, "number": &w.Number, "name": &w.Name, "manager": &w.Manager, "starts_at": &w.StartsAt,
		"place": &w.Place, "category": &w.Category, "line": &w.Line, "zone": &w.Zone, "language": &w.Language}
	for i, column := range columns {
		value := strings.TrimSpace(values[i])
		field, isField := strings.CutPrefix(column, fieldColumn)
		switch {
		case isField && value != "":
			w.Fields[field] = value
		case texts[column] != nil:
			*texts[column] = value
		case column == "contact" && value != "":
			id, err := strconv.ParseInt(value, 10, 64)
			if err != nil || id <= 0 {
				say(column, "is not the id of a contact")
			}
			w.Contact = id
		}
	}
	return row
}

// Import books all rows, or none: its error is Problems then, all of the file.
// It tells how many were made; the others were there.
func (d *Desk) Import(tx *db.Tx, rows []Row) (made int, err error) {
	var wrong Problems
	for _, row := range rows {
		_, isNew, err := d.Create(tx, row.Wanted)
		var bad Problems
		switch {
		case errors.As(err, &bad):
			for _, p := range bad {
				wrong = append(wrong, Problem{row.Line, p.Field, p.Text})
			}
		case errors.Is(err, ErrRef):
			wrong = append(wrong, Problem{row.Line, "ref", ErrRef.Error()})
		case err != nil:
			return 0, err
		case isNew:
			made++
		}
	}
	return made, wrong.err()
}
