package alert

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxShown bounds text from outside in a message, in runes.
const maxShown = 64

// Clean makes text from outside fit for one line of a message. Names and numbers
// of callers are hostile (DESIGN.md, house rule 9).
func Clean(s string) string { return Line(s, maxShown) }

// Line makes text fit for one line: control and invisible characters, those that
// turn the direction of writing among them, become blanks, and after as many
// characters it is cut.
func Line(s string, most int) string {
	hidden := func(r rune) bool { return !unicode.IsGraphic(r) }
	if utf8.ValidString(s) && utf8.RuneCountInString(s) <= most && !strings.ContainsFunc(s, hidden) {
		return strings.TrimSpace(s) // as nearly all text is
	}
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if n == most {
			b.WriteRune('…')
			break
		}
		if hidden(r) {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
