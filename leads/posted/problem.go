package posted

import (
	"fmt"
	"strings"
)

// Problem is one thing that is wrong with what was posted.
type Problem struct {
	Line  int    `json:"line,omitempty"` // of a table
	Field string `json:"field"`          // empty: all of the line
	Text  string `json:"text"`
}

// Problems are all that is wrong; as an error they say it on one line.
type Problems []Problem

func (p Problems) Error() string {
	var parts []string
	for _, one := range p {
		text := one.Text
		if one.Field != "" {
			text = one.Field + ": " + text
		}
		if one.Line > 0 {
			text = fmt.Sprintf("line %d: %s", one.Line, text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// Add says that something is wrong with a field.
func (p *Problems) Add(field, text string) { *p = append(*p, Problem{Field: field, Text: text}) }

// Err is nil where nothing is wrong.
func (p Problems) Err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}

// maxProblems is how many problems of a table are told.
const maxProblems = 100

// Enough says that so much of a table is wrong that the rest is not looked at,
// and adds that.
func (p *Problems) Enough(line int) bool {
	if len(*p) < maxProblems {
		return false
	}
	*p = append((*p)[:maxProblems], Problem{Line: line, Text: "and the lines from here on were not read: put these right first"})
	return true
}
