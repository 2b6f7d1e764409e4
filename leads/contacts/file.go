package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"

	"ringback/leads/number"
	"ringback/leads/posted"
)

// The bounds of a file of contacts.
const (
	MaxFile = 32 << 20
	MaxRows = 100_000
	// maxCell is more than any value of a card, in bytes; what is longer is not kept.
	maxCell = MaxNote*utf8.UTFMax + 1
)

// Row is a card as it stands in a file. Its numbers are E.164.
type Row struct {
	Line int `json:"line"`
	Wanted
}

// File is what was read of a file.
type File struct {
	Kind     string          // csv, or vcard
	Encoding string          // as which its text was read
	Rows     []Row           // those that can be taken
	Bad      posted.Problems // why the others cannot, the first of them
	BadRows  int             // how many others there are
	// Unread counts those of which a number could not be read: many, and their
	// numbers are of another country.
	Unread int
	Unused []string // columns that mean nothing here, the first of them
}

// mostTold is how many problems of a file are told, mostUnused how many columns.
const (
	mostTold   = 100
	mostUnused = 30
)

// refuse keeps what is wrong with a row.
func (f *File) refuse(line int, wrong posted.Problems) {
	f.BadRows++
	for _, p := range wrong {
		if len(f.Bad) < mostTold {
			p.Line = line
			f.Bad = append(f.Bad, p)
		}
	}
}

// take keeps a row, its numbers read by the plan, or says why not.
func (f *File) take(plan *number.Plan, row Row) {
	var wrong posted.Problems
	var numbers []string
	unread := 0
	for _, text := range row.Numbers {
		switch n := plan.Read(text); {
		case n.Kind != number.E164:
			unread = 1
			shown, _ := number.OneLine(text, 40)
			wrong.Add("number", fmt.Sprintf("%q is no valid telephone number: write it with its country code, or name the country", shown))
		case !slices.Contains(numbers, n.Value):
			numbers = append(numbers, n.Value)
		}
	}
	if len(row.Numbers) == 0 {
		wrong.Add("number", "there is none: a contact is known by its number")
	}
	if len(numbers) > MaxNumbers {
		wrong.Add("number", fmt.Sprintf("there are more than %d", MaxNumbers))
	}
	for _, text := range []struct {
		field string
		value *string
		most  int
		lines bool
	}{{"name", row.Name, MaxText, false}, {"external_id", row.ExternalID, maxExternal, false}, {"email", row.Email, MaxText, false}, {"note", row.Note, MaxNote, true}} {
		if text.value == nil {
			continue
		}
		if why := Unfit(*text.value, text.most, text.lines); why != "" {
			wrong.Add(text.field, why)
		}
	}
	if len(wrong) > 0 {
		f.refuse(row.Line, wrong)
		f.Unread += unread
		return
	}
	row.Numbers = numbers
	f.Rows = append(f.Rows, row)
}

// Read reads a file of contacts, CSV or vCard, whatever program wrote it: numbers
// as the plan reads them. Its error says that the file as a whole cannot be read.
func Read(text []byte, plan *number.Plan) (*File, error) {
	if len(text) > MaxFile {
		return nil, fmt.Errorf("contacts: the file is larger than %d MB: split it", MaxFile>>20)
	}
	text, name, err := decode(text, plan.Country)
	if err != nil {
		return nil, err
	}
	f := &File{Encoding: name}
	if bytes.HasPrefix(bytes.ToUpper(bytes.TrimSpace(text[:min(len(text), 200)])), []byte("BEGIN:VCARD")) {
		f.Kind = "vcard"
		return f, f.readCards(text, plan)
	}
	f.Kind = "csv"
	return f, f.readTable(text, plan)
}

// decode makes UTF-8 of a text: by its byte order mark, or because it is, or from
// the code page of the languages that are spoken here, which its letters tell, or
// the country.
func decode(text []byte, country string) ([]byte, string, error) {
	var from encoding.Encoding
	name := "utf-8"
	switch {
	case bytes.HasPrefix(text, []byte("\xef\xbb\xbf")):
		return text[3:], name, nil
	case bytes.HasPrefix(text, []byte("\xff\xfe")), bytes.HasPrefix(text, []byte("\xfe\xff")):
		from, name = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM), "utf-16"
	case bytes.IndexByte(text, 0) >= 0:
		return nil, "", errors.New("contacts: the file holds bytes that are in no text: save it as CSV in UTF-8")
	case utf8.Valid(text):
		return text, name, nil
	case isCyrillic(text):
		from, name = charmap.Windows1251, "windows-1251"
	case slices.Contains(central, country) || isPolish(text):
		from, name = charmap.Windows1250, "windows-1250"
	default:
		from, name = charmap.Windows1252, "windows-1252"
	}
	plain, err := from.NewDecoder().Bytes(text)
	if err != nil {
		return nil, "", fmt.Errorf("contacts: the file is no %s: save it as UTF-8", name)
	}
	return plain, name, nil
}

// central are the countries whose programs write the code page 1250.
var central = []string{"AL", "BA", "CZ", "HR", "HU", "ME", "PL", "RO", "RS", "SI", "SK"}

// isPolish says whether a word has one of ą ł ź ż Ł Ź Ż of the code page 1250: in
// that of western Europe these bytes are signs, such as £ and ¿, and no letters.
func isPolish(text []byte) bool {
	for i := 1; i < len(text); i++ {
		if isLetter(text[i-1]) && strings.IndexByte("\xb9\xb3\xbf\x9f", text[i]) >= 0 || strings.IndexByte("\xa3\xaf\x8f", text[i-1]) >= 0 && isLetter(text[i]) {
			return true
		}
	}
	return false
}

func isLetter(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }

// isCyrillic tells Cyrillic from Polish: there whole words are beyond ASCII, here
// a letter now and then.
func isCyrillic(text []byte) bool {
	high, together := 0, 0
	for i, b := range text {
		if b >= 0x80 {
			high++
			if i > 0 && text[i-1] >= 0x80 {
				together++
			}
		}
	}
	return together*2 > high
}

// filled is a text that is there; nil: it is not.
func filled(s string) *string {
	if s = strings.TrimSpace(s); s == "" {
		return nil
	}
	return &s
}
