package appointments

import (
	"fmt"
	"slices"
	"strings"
)

// Problem is one thing that is wrong with what was posted.
type Problem struct {
	Line  int    `json:"line,omitempty"` // of a CSV file
	Field string `json:"field"`
	Text  string `json:"text"`
}

// Problems are all that is wrong; as an error they say it on one line.
type Problems []Problem

func (p Problems) Error() string {
	var parts []string
	for _, one := range p {
		text := one.Field + ": " + one.Text
		if one.Line > 0 {
			text = fmt.Sprintf("line %d: %s", one.Line, text)
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

func (p *Problems) add(field, text string) { *p = append(*p, Problem{Field: field, Text: text}) }

func (p *Problems) language(field, language string) {
	if !slices.Contains(Languages, language) {
		p.add(field, "is not one of "+strings.Join(Languages, ", "))
	}
}

// err is nil where nothing is wrong.
func (p Problems) err() error {
	if len(p) == 0 {
		return nil
	}
	return p
}
