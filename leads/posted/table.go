package posted

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Table says what a CSV file may hold.
type Table struct {
	// Known says whether a column, by its name in lower case, means something;
	// Names tells people which do. Those of Needed must be there.
	Known  func(column string) bool
	Names  string
	Needed []string
	// Most is how many rows are taken: they are one transaction, for which
	// everything else waits.
	Most int
}

// maxColumns is more than any table here has.
const maxColumns = 100

// Read reads a file, with commas or semicolons, and gives take each row: its
// values by their columns, without blanks around them. take says what is wrong
// with them, and must not keep the map. The error is Problems; rows were given
// although there is one.
func (t *Table) Read(text []byte, take func(line int, row map[string]string, say func(field, text string))) error {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	file := csv.NewReader(bytes.NewReader(text))
	file.Comma, file.FieldsPerRecord, file.ReuseRecord = comma(text), -1, true
	head, err := file.Read()
	if err != nil {
		return Problems{{Line: 1, Text: "names no columns: use " + t.Names}}
	}
	columns, wrong := t.heading(head)
	if len(wrong) > 0 {
		return wrong
	}
	row := make(map[string]string, len(columns))
	for rows := 1; ; rows++ {
		values, err := file.Read()
		if errors.Is(err, io.EOF) {
			return wrong.Err()
		}
		if bad := new(csv.ParseError); errors.As(err, &bad) { // where the next line begins is not known
			return append(wrong, Problem{Line: bad.StartLine, Text: bad.Err.Error()})
		}
		line, _ := file.FieldPos(0)
		say := func(field, text string) { wrong = append(wrong, Problem{line, field, text}) }
		switch {
		case wrong.Enough(line):
			return wrong
		case rows > t.Most:
			say("", fmt.Sprintf("is one too many: a file holds no more than %d lines", t.Most))
			return wrong
		case len(values) != len(columns):
			say("", fmt.Sprintf("holds %d values for %d columns", len(values), len(columns)))
			continue
		}
		for i, column := range columns {
			row[column] = strings.TrimSpace(values[i])
		}
		take(line, row, say)
	}
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

// heading reads the names of the columns.
func (t *Table) heading(head []string) (columns []string, wrong Problems) {
	say := func(column, text string) { wrong = append(wrong, Problem{1, shown(column), text}) }
	if len(head) > maxColumns {
		say("", fmt.Sprintf("names more than %d columns", maxColumns))
		return nil, wrong
	}
	seen := make(map[string]bool)
	for _, name := range head {
		name = strings.ToLower(strings.TrimSpace(name))
		switch {
		case !t.Known(name):
			say(name, "is not a column: use "+t.Names)
		case seen[name]:
			say(name, "is a column twice")
		}
		seen[name] = true
		columns = append(columns, name)
	}
	for _, name := range t.Needed {
		if !seen[name] {
			say(name, "is missing among the columns")
		}
	}
	return columns, wrong
}

// shown is a name from outside as an answer repeats it.
func shown(name string) string {
	if len(name) > 40 {
		name = name[:40] + "…"
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}
