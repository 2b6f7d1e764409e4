package alert

import (
	"strings"
	"unicode"
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
	var b strings.Builder
	n := 0
	for _, r := range strings.ToValidUTF8(s, "\uFFFD") {
		if n == most {
			b.WriteRune('…')
			break
		}
		if !unicode.IsGraphic(r) {
			r = ' '
		}
		b.WriteRune(r)
		n++
	}
	return strings.TrimSpace(b.String())
}
