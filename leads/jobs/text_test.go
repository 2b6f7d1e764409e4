package jobs

import (
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// An error that quotes a stranger is cut between letters: the database takes no
// half ones.
func TestErrorsAreCutBetweenLetters(t *testing.T) {
	if kept := text(errors.New("x" + strings.Repeat("я", maxError))); len(kept) != maxError-1 || !utf8.ValidString(kept) {
		t.Errorf("%d bytes, valid: %t", len(kept), utf8.ValidString(kept))
	}
}
