package contacts

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime/quotedprintable"
	"strings"

	"github.com/emersion/go-vcard"
	"golang.org/x/text/encoding/htmlindex"

	"ringback/leads/number"
	"ringback/leads/posted"
)

// maxCard is how long a card may be without its pictures.
const maxCard = 256 << 10

// readCards reads vCard 2.1, 3.0 and 4.0. Each card is cut out and made plain
// first: what 2.1 writes in its own way the library does not read.
func (f *File) readCards(text []byte, plan *number.Plan) error {
	var card []string
	begun, size := 0, 0
	for lines := (unfolded{rest: text}); len(lines.rest) > 0; {
		at := lines.read + 1
		line := lines.next()
		word := strings.ToUpper(strings.TrimSpace(line))
		switch {
		case word == "BEGIN:VCARD":
			if begun > 0 {
				f.refuse(begun, posted.Problems{{Text: "this card has no end"}})
			}
			begun, card, size = at, []string{"BEGIN:VCARD"}, 0
		case begun == 0 && word != "":
			return fmt.Errorf("contacts: line %d is of no card", at)
		case word == "END:VCARD":
			if len(f.Rows)+f.BadRows >= MaxRows {
				return fmt.Errorf("contacts: the file holds more than %d contacts: split it", MaxRows)
			}
			f.takeCard(plan, begun, append(card, "END:VCARD", ""))
			begun, card = 0, nil
		case begun > 0:
			if size += len(line) + 1; size > maxCard {
				return fmt.Errorf("contacts: the card at line %d is longer than %d kB", begun, maxCard>>10)
			}
			if plain := plainLine(line); plain != "" {
				card = append(card, plain)
			}
		}
	}
	if begun > 0 {
		f.refuse(begun, posted.Problems{{Text: "this card has no end"}})
	}
	return nil
}

// pictures are properties that are long and of which nothing is kept.
var pictures = []string{"PHOTO", "LOGO", "SOUND", "KEY"}

// unfolded reads lines with those that continue them. However many lines there are,
// no more than one of them is held.
type unfolded struct {
	rest []byte
	read int // lines so far
	line []byte
}

// physical is the next line as it stands, no more of it than any value has.
func (u *unfolded) physical() []byte {
	line, rest, _ := bytes.Cut(u.rest, []byte("\n"))
	u.rest = rest
	u.read++
	return bytes.TrimRight(line[:min(len(line), maxCell)], "\r")
}

// next is the next line with those that continue it. A picture is left out: it is
// an empty line.
func (u *unfolded) next() string {
	u.line = append(u.line[:0], u.physical()...)
	name, _, _ := bytes.Cut(u.line, []byte(":"))
	upper := strings.ToUpper(string(name))
	picture := false
	for _, p := range pictures {
		rest, ok := strings.CutPrefix(upper, p)
		picture = picture || ok && (rest == "" || rest[0] == ';')
	}
	soft := strings.Contains(upper, "QUOTED-PRINTABLE") && bytes.HasSuffix(u.line, []byte("="))
	for len(u.rest) > 0 && (soft || u.rest[0] == ' ' || u.rest[0] == '\t') {
		more := u.physical()
		switch {
		case picture || len(u.line) > maxCard:
		case soft:
			u.line = append(bytes.TrimSuffix(u.line, []byte("=")), more...)
		default:
			u.line = append(u.line, more[1:]...)
		}
		soft = soft && bytes.HasSuffix(more, []byte("="))
	}
	if picture {
		return ""
	}
	return string(u.line)
}

// plainLine is a property with its value in UTF-8 and without parameters: of what
// is kept none matters.
func plainLine(line string) string {
	head, value, ok := strings.Cut(line, ":")
	for ok && strings.Count(head, `"`)%2 == 1 { // the colon was inside of quotes
		more, rest, found := strings.Cut(value, ":")
		head, value, ok = head+":"+more, rest, found
	}
	if !ok {
		return ""
	}
	name, params, _ := strings.Cut(head, ";")
	if strings.Contains(strings.ToUpper(params), "QUOTED-PRINTABLE") {
		value = escaped.Replace(quoted(value, params))
	}
	return name + ":" + value
}

// escaped writes a text as values are written.
var escaped = strings.NewReplacer("\r\n", `\n`, "\n", `\n`, "\r", `\n`)

// quoted reads a quoted-printable value in the character set that its parameters
// name.
func quoted(value, params string) string {
	plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(value)))
	if err != nil {
		return value
	}
	for param := range strings.SplitSeq(params, ";") {
		if name, set, ok := strings.Cut(param, "="); ok && strings.EqualFold(name, "CHARSET") {
			if from, err := htmlindex.Get(strings.Trim(set, `"`)); err == nil {
				if text, err := from.NewDecoder().Bytes(plain); err == nil {
					return string(text)
				}
			}
		}
	}
	return strings.ToValidUTF8(string(plain), "\uFFFD")
}

// takeCard takes one card.
func (f *File) takeCard(plan *number.Plan, line int, text []string) {
	card, err := vcard.NewDecoder(strings.NewReader(strings.Join(text, "\r\n"))).Decode()
	if err != nil && !errors.Is(err, io.EOF) {
		f.refuse(line, posted.Problems{{Text: strings.TrimPrefix(err.Error(), "vcard: ")}})
		return
	}
	row := Row{Line: line}
	for _, tel := range card.Values(vcard.FieldTelephone) {
		row.Numbers = append(row.Numbers, parted(strings.TrimPrefix(strings.ToLower(bounded(tel)), "tel:"))...)
	}
	name := strings.TrimSpace(card.PreferredValue(vcard.FieldFormattedName))
	if n := card.Name(); name == "" && n != nil {
		name = strings.Join(strings.Fields(n.GivenName+" "+n.AdditionalName+" "+n.FamilyName), " ")
	}
	if name == "" {
		name, _, _ = strings.Cut(card.PreferredValue(vcard.FieldOrganization), ";")
	}
	row.Name, row.Note = filled(bounded(name)), filled(bounded(card.PreferredValue(vcard.FieldNote)))
	row.Email = filled(bounded(card.PreferredValue(vcard.FieldEmail)))
	f.take(plan, row)
}
