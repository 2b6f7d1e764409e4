package contacts

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"ringback/leads/number"
	"ringback/leads/posted"
)

// columns are the names that columns have in the exports of address books and
// CRMs, in three languages, and what they hold.
var columns = map[string]string{
	"name": "name", "full name": "name", "display name": "name", "fn": "name", "contact": "name",
	"фио": "name", "контакт": "name", "полное имя": "name", "название": "name", "клиент": "name",
	"imię i nazwisko": "name", "nazwa": "name", "kontakt": "name", "klient": "name",
	"first name": "given", "given name": "given", "имя": "given", "imię": "given",
	"middle name": "middle", "additional name": "middle", "отчество": "middle", "drugie imię": "middle",
	"last name": "family", "family name": "family", "surname": "family", "фамилия": "family", "nazwisko": "family",
	"company": "company", "organization": "company", "organization name": "company", "organization 1 - name": "company",
	"компания": "company", "организация": "company", "firma": "company",
	"external_id": "external_id", "external id": "external_id", "id": "external_id", "код": "external_id", "identyfikator": "external_id",
	"email": "email", "e-mail": "email", "mail": "email", "e-mail address": "email", "email address": "email", "e-mail 1 - value": "email",
	"почта": "email", "эл. почта": "email", "электронная почта": "email", "адрес эл. почты": "email", "adres e-mail": "email",
	"note": "note", "notes": "note", "заметка": "note", "заметки": "note", "комментарий": "note", "примечание": "note",
	"notatka": "note", "notatki": "note", "uwagi": "note",
	"manager": "manager", "менеджер": "manager", "ответственный": "manager", "opiekun": "manager",
	"language": "language", "язык": "language", "język": "language",
	"shared": "shared", "общий": "shared", "wspólny": "shared",
}

// phoneColumn matches the many names of columns with numbers, as in "Phone 1 -
// Value" of Google, "Business Phone 2" of Outlook, "Мобильный телефон". What an
// export says of the kind of a number is none.
var (
	phoneColumn = regexp.MustCompile(`phone|mobile|\bcell|^tel\b|^numbers?$|телефон|мобильн|^номер|^тел\.?$|telefon|komórk|^numer`)
	notANumber  = regexp.MustCompile(`type|label|fax|факс|faks|pager|тип`)
)

// meaning is what a column holds; "": nothing that is kept.
func meaning(name string) string {
	name = strings.ToLower(strings.Join(strings.Fields(name), " "))
	switch what := columns[name]; {
	case what != "":
		return what
	case phoneColumn.MatchString(name) && !notANumber.MatchString(name):
		return "number"
	}
	return ""
}

// maxColumns is more than any export has; Outlook's has 92.
const maxColumns = 300

// separator is what parts the columns: the one that the first line has most of,
// outside of quotes.
func separator(text []byte) rune {
	count, quoted := map[rune]int{}, false
	for _, r := range string(text[:min(len(text), 64<<10)]) {
		if r == '"' {
			quoted = !quoted
		}
		if r == '\n' && !quoted {
			break
		}
		if !quoted {
			count[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t'} {
		if count[r] > count[best] {
			best = r
		}
	}
	return best
}

// readTable reads CSV.
func (f *File) readTable(text []byte, plan *number.Plan) error {
	t := table{rest: text}
	if first := excelSays.FindSubmatch(text); first != nil {
		t.comma = rune(first[1][0])
		t.skip(1)
	} else {
		t.comma = separator(text)
	}
	t.begin()
	head, _, err := t.read()
	if err != nil || len(head) > maxColumns {
		return errors.New("contacts: the file is neither CSV with a line of column names, nor vCard")
	}
	means, has := make([]string, len(head)), false
	for i, name := range head {
		means[i] = meaning(name)
		has = has || means[i] == "number"
		if shown, _ := number.OneLine(name, 40); means[i] == "" && shown != "" && len(f.Unused) < mostUnused {
			f.Unused = append(f.Unused, shown)
		}
	}
	if !has {
		return fmt.Errorf("contacts: no column holds numbers: call it phone (the first line has: %s)", strings.Join(f.Unused, ", "))
	}
	for {
		cells, line, err := t.read()
		broken := new(csv.ParseError)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case len(f.Rows)+f.BadRows >= MaxRows:
			return fmt.Errorf("contacts: the file holds more than %d contacts: split it", MaxRows)
		case errors.As(err, &broken):
			f.refuse(line, posted.Problems{{Text: brokenLine}})
		case err != nil:
			return fmt.Errorf("contacts: line %d: %w", line, err)
		case len(cells) > len(means):
			f.refuse(line, posted.Problems{{Text: fmt.Sprintf("holds %d values for %d columns", len(cells), len(means))}})
		case strings.Join(cells, "") != "":
			f.takeCells(plan, line, means, cells)
		}
	}
}

// excelSays is the line before the first by which a table tells Excel what parts
// its columns.
var excelSays = regexp.MustCompile(`^(?i:"?sep=)([,;\t|])"?\r?\n`)

// table reads the lines of CSV, and after one that is none goes on with the next.
type table struct {
	rest  []byte // from the line on at which lines began to be counted
	line  int    // how many are before it
	comma rune
	lines *csv.Reader
}

// begin reads on at the rest.
func (t *table) begin() {
	t.lines = csv.NewReader(bytes.NewReader(t.rest))
	t.lines.Comma, t.lines.FieldsPerRecord, t.lines.ReuseRecord = t.comma, -1, true
}

// skip leaves lines of the rest out.
func (t *table) skip(lines int) {
	for range lines {
		_, t.rest, _ = bytes.Cut(t.rest, []byte("\n"))
	}
	t.line += lines
}

// read gives the next record, and the line on which it begins. A record that is
// broken, a *csv.ParseError says how, is taken for one line: a quote that does not
// end would have taken in all the others.
func (t *table) read() (cells []string, line int, err error) {
	cells, err = t.lines.Read()
	if broken := new(csv.ParseError); errors.As(err, &broken) {
		t.skip(broken.StartLine)
		t.begin()
		return nil, t.line, err
	}
	if err != nil {
		return nil, t.line, err
	}
	first, _ := t.lines.FieldPos(0)
	return cells, t.line + first, nil
}

// brokenLine says it to who wrote the line.
const brokenLine = `holds a quote that is not ended, or stands in the middle of a value: put the whole value in quotes, and write each quote in it twice, as in "John ""Jack"" Smith"`

// takeCells takes one line of a table.
func (f *File) takeCells(plan *number.Plan, line int, means, cells []string) {
	of := map[string]string{}
	row := Row{Line: line}
	for i, cell := range cells {
		cell = bounded(strings.TrimSpace(cell))
		switch {
		case cell == "" || means[i] == "":
		case means[i] == "number":
			row.Numbers = append(row.Numbers, parted(cell)...)
		case of[means[i]] == "":
			of[means[i]] = cell
		}
	}
	name := of["name"]
	if name == "" {
		name = strings.Join(strings.Fields(of["given"]+" "+of["middle"]+" "+of["family"]), " ")
	}
	if name == "" {
		name = of["company"]
	}
	first, _, _ := strings.Cut(of["email"], " ::: ") // Google's
	row.Name, row.ExternalID, row.Email, row.Note = filled(name), filled(of["external_id"]), filled(first), filled(of["note"])
	row.Manager, row.Language = filled(of["manager"]), filled(of["language"])
	var wrong posted.Problems
	row.Shared, wrong = yesOrNo(of["shared"])
	if len(wrong) > 0 {
		f.refuse(line, wrong)
		return
	}
	f.take(plan, row)
}

// bounded cuts a value that is too long for anything: it will be found to be.
func bounded(s string) string { return s[:min(len(s), maxCell)] }

// parted are the numbers that one value holds.
func parted(s string) (list []string) {
	for _, part := range strings.FieldsFunc(strings.ReplaceAll(s, ":::", ";"), func(r rune) bool { return strings.ContainsRune(",;\n", r) }) {
		if part = strings.TrimSpace(part); part != "" {
			list = append(list, part)
		}
	}
	return list
}

func yesOrNo(s string) (*bool, posted.Problems) {
	var is bool
	switch strings.ToLower(s) {
	case "":
		return nil, nil
	case "1", "yes", "true", "да", "tak":
		is = true
	case "0", "no", "false", "нет", "nie":
	default:
		return nil, posted.Problems{{Field: "shared", Text: "is neither yes nor no"}}
	}
	return &is, nil
}
