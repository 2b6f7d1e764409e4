package config

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"
)

// Problem is one thing that is wrong with a configuration.
type Problem struct {
	// Path is the key it is about, as in "pools[1].managers[0]"; empty where
	// the file as a whole is meant.
	Path string `json:"path"`
	// Text says what is wrong and what to do about it, on one line. It never
	// holds a secret, nor a URL, which may carry one.
	Text string `json:"text"`
	// Line is the line of the file, counted from 1; 0 when there is none, for a
	// key that is missing say.
	Line int `json:"line,omitempty"`
}

// String is the problem as one line of text.
func (p Problem) String() string {
	switch {
	case p.Path != "":
		return p.Path + ": " + p.Text
	case p.Line > 0:
		return fmt.Sprintf("line %d: %s", p.Line, p.Text)
	}
	return p.Text
}

// Problems is the error of a configuration that cannot be used: all that is
// wrong with it at once, in the order of the file.
type Problems struct {
	File string    `json:"file"` // as it was named by the caller
	List []Problem `json:"problems"`
}

// mostShown bounds how many problems Error lists: whoever gets as many has one
// cause to look for.
const mostShown = 100

// Error lists the problems below a line that counts them.
func (p *Problems) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d problem", filepath.Base(p.File), len(p.List))
	if len(p.List) != 1 {
		b.WriteByte('s')
	}
	for i, one := range p.List {
		if i == mostShown {
			fmt.Fprintf(&b, "\n  … and %d more", len(p.List)-i)
			break
		}
		b.WriteString("\n  ")
		b.WriteString(one.String())
	}
	return b.String()
}

// findings collects what the steps of reading and checking find, and remembers
// where in the file each key stands.
type findings struct {
	problems []Problem
	warnings []Problem
	lines    map[string]int
	// doubtful are paths that hold a problem already, or that an unknown key
	// was probably meant to be: nothing that merely follows is reported there.
	doubtful map[string]bool
	// unnamed are sections in which a name could not be read: references to
	// their names are not judged.
	unnamed map[string]bool
}

func newFindings() *findings {
	return &findings{lines: map[string]int{}, doubtful: map[string]bool{}, unnamed: map[string]bool{}}
}

func (f *findings) add(path, format string, args ...any) {
	f.doubtful[path] = true
	f.problems = append(f.problems, Problem{Path: path, Text: fmt.Sprintf(format, args...), Line: f.line(path)})
}

// missing reports a mandatory key that is not there, or a list without anything
// in it, unless there or above is a problem already.
func (f *findings) missing(path, hint string) {
	for at := path; at != ""; at = above(at) {
		if f.doubtful[at] {
			return
		}
	}
	if _, given := f.lines[path]; given {
		f.add(path, "is empty: %s", hint)
		return
	}
	f.add(path, "is missing: %s", hint)
}

func (f *findings) warn(path, format string, args ...any) {
	f.warnings = append(f.warnings, Problem{Path: path, Text: fmt.Sprintf(format, args...), Line: f.line(path)})
}

// line is where a key stands; of a key that is missing, where its parent does.
func (f *findings) line(path string) int {
	for path != "" {
		if line, known := f.lines[path]; known {
			return line
		}
		path = above(path)
	}
	return 0
}

// above is the path of the mapping or list that holds a path; empty at the top.
func above(path string) string { return path[:max(0, strings.LastIndexAny(path, ".["))] }

// err is the error of everything found so far; nil when that is nothing.
func (f *findings) err(file string) error {
	if len(f.problems) == 0 {
		return nil
	}
	slices.SortStableFunc(f.problems, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return &Problems{File: file, List: f.problems}
}

// quoted is foreign text made fit for one line of a terminal: quoted, escaped
// and cut.
func quoted(s string) string {
	const most = 60
	if utf8.RuneCountInString(s) > most {
		s = string([]rune(s)[:most]) + "…"
	}
	return fmt.Sprintf("%q", s)
}

// didYouMean is a hint in brackets naming the known word that is nearest to
// wrong, and that word; both empty when none is near.
func didYouMean(wrong string, known []string) (hint, word string) {
	if len(wrong) > 64 {
		return "", ""
	}
	best := max(1, utf8.RuneCountInString(wrong)/3) + 1
	for _, k := range known {
		if d := distance(strings.ToLower(wrong), strings.ToLower(k)); d < best {
			best, word = d, k
		}
	}
	if word == "" {
		return "", ""
	}
	return fmt.Sprintf(" (did you mean %q?)", word), word
}

// distance counts the single-letter edits between two words; letters that
// changed places are one edit (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above, row := make([]int, len(t)+1), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			differs := 1
			if s[i-1] == t[j-1] {
				differs = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+differs)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, before
	}
	return above[len(t)]
}
