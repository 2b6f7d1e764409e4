package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode"
)

// level says how a thing is.
type level string

const (
	levelGood level = "ok"
	levelWarn level = "warn" // it works, and is probably not meant so
	levelFail level = "fail" // it does not work
)

// finding is what a check has found.
type finding struct {
	Check string // which check, for machines
	Level level
	Text  string
	Do    string // what a person can do about it
}

func good(check, format string, args ...any) finding {
	return finding{Check: check, Level: levelGood, Text: fmt.Sprintf(format, args...)}
}

func warn(check, do, format string, args ...any) finding {
	return finding{Check: check, Level: levelWarn, Text: fmt.Sprintf(format, args...), Do: do}
}

func fail(check, do, format string, args ...any) finding {
	return finding{Check: check, Level: levelFail, Text: fmt.Sprintf(format, args...), Do: do}
}

// findings are told to people as they come, or to machines at the end.
type findings struct {
	out            io.Writer
	file           string
	json, colors   bool
	failed, warned int
	lines          []findingLine
}

// findingLine is a finding in JSON.
type findingLine struct {
	PBX   string `json:"pbx"` // empty: it is of no PBX
	Check string `json:"check"`
	Level level  `json:"level"`
	Text  string `json:"text"`
	Do    string `json:"do"`
}

func newFindings(out io.Writer, file string, asJSON bool) *findings {
	return &findings{out: out, file: file, json: asJSON, colors: onTerminal(out), lines: []findingLine{}}
}

func (r *findings) heading(text string) {
	if !r.json {
		fmt.Fprintln(r.out, printable(text))
	}
}

var levelColors = map[level]string{levelGood: "\x1b[32m", levelWarn: "\x1b[33m", levelFail: "\x1b[31m"}

// add tells a finding. What a PBX or a stranger has written may stand in it:
// nothing of that reaches a terminal but what can be printed, by way of a JSON
// file neither.
func (r *findings) add(pbx string, f finding) {
	f.Text, f.Do = printable(f.Text), printable(f.Do)
	switch f.Level {
	case levelFail:
		r.failed++
	case levelWarn:
		r.warned++
	}
	if r.json {
		r.lines = append(r.lines, findingLine{pbx, f.Check, f.Level, f.Text, f.Do})
		return
	}
	word := fmt.Sprintf("%-4s", f.Level)
	if f.Level == levelFail {
		word = "FAIL"
	}
	if r.colors {
		word = levelColors[f.Level] + word + "\x1b[0m"
	}
	fmt.Fprintf(r.out, "  %s  %s\n", word, f.Text)
	if f.Do != "" {
		fmt.Fprintf(r.out, "        do: %s\n", f.Do)
	}
}

// end sums up; its error is the exit status.
func (r *findings) end() error {
	if r.json {
		enc := json.NewEncoder(r.out)
		enc.SetEscapeHTML(false)
		enc.SetIndent("", "  ")
		if err := enc.Encode(struct {
			File     string        `json:"file"`
			Good     bool          `json:"good"`
			Findings []findingLine `json:"findings"`
		}{r.file, r.failed == 0, r.lines}); err != nil {
			return fmt.Errorf("doctor: %w", err)
		}
	} else {
		fmt.Fprintf(r.out, "%s, %s\n", counted(r.failed, "problem"), counted(r.warned, "warning"))
	}
	if r.failed > 0 {
		return errFound
	}
	return nil
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

// printable puts a mark for whatever a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// mostNamed bounds how many names a line lists.
const mostNamed = 8

// someOf lists names, each once, and says how many more there are.
func someOf(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	if more := len(names) - mostNamed; more > 1 {
		return strings.Join(names[:mostNamed], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(names, ", ")
}

// long is a length of time in the largest unit that fits.
func long(d time.Duration) string {
	d = d.Abs()
	switch {
	case d < time.Minute:
		return d.Round(time.Millisecond).String()
	case d < time.Hour:
		return counted(int(d/time.Minute), "minute")
	case d < 48*time.Hour:
		return counted(int(d/time.Hour), "hour")
	}
	return counted(int(d/(24*time.Hour)), "day")
}
