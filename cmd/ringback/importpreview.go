package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"ringback/leads/contacts"
	"ringback/leads/number"
	"ringback/leads/posted"
)

// mostChangesTold is how many changes a person is told of one by one, and
// mostNewTold how many new contacts.
const (
	mostChangesTold = 50
	mostNewTold     = 5
)

// tellPreview says what a file would change; numbers without a country code are
// read as those of the country.
func tellPreview(out io.Writer, file *contacts.File, would contacts.Report, country string) {
	fmt.Fprintf(out, "The file is %s in %s.\n", map[string]string{"csv": "CSV", "vcard": "vCard"}[file.Kind], file.Encoding)
	if strings.HasPrefix(file.Encoding, "windows") {
		fmt.Fprintf(out, "That is known by its letters alone: where names look wrong below, save it in UTF-8.\n")
	}
	if len(file.Unused) > 0 {
		fmt.Fprintf(out, "Of these columns nothing is kept: %s.\n", strings.Join(file.Unused, ", "))
	}
	fmt.Fprintf(out, "to be made:    %d\n", would.Made)
	tellChanges(out, would.Changes, mostNewTold, func(c *contacts.Change) bool { return c.Did == contacts.Made && len(c.Merged) == 0 })
	fmt.Fprintf(out, "to be changed: %d\n", would.Changed)
	tellChanges(out, would.Changes, mostChangesTold, func(c *contacts.Change) bool { return c.Did != contacts.Made || len(c.Merged) > 0 })
	fmt.Fprintf(out, "as they stand: %d\n", would.Same)
	if would.Merged > 0 {
		fmt.Fprintf(out, "numbers that have rung before and become part of these: %d\n", would.Merged)
	}
	tellBad(out, file, would.Bad)
	if file.Unread*10 > len(file.Rows)+file.BadRows {
		tellCountry(out, country)
	}
}

// tellCountry says how numbers were read, where that may be why they cannot be.
func tellCountry(out io.Writer, country string) {
	if country == "" {
		fmt.Fprintln(out, "No country is known of numbers without a country code: name it, as in --country PL.")
		return
	}
	fmt.Fprintf(out, "Numbers without a country code were read as those of %s: name another country where they are of one, as in --country PL.\n", country)
}

// tellChanges says what would become of those contacts that are meant.
func tellChanges(out io.Writer, changes []contacts.Change, most int, meant func(*contacts.Change) bool) {
	told := 0
	for i := range changes {
		c := &changes[i]
		if !meant(c) {
			continue
		}
		if told++; told <= most {
			fmt.Fprintf(out, "  line %d: %s\n", c.Line, changeText(c))
		}
	}
	if told > most {
		fmt.Fprintf(out, "  and %d more: --json tells of all\n", told-most)
	}
}

// changeText says whose card becomes what.
func changeText(c *contacts.Change) string {
	if c.Did == contacts.Made {
		return short(c.Name)
	}
	if len(c.Parts) == 0 && len(c.Merged) == 0 {
		return short(c.Name) + ", as another line of the file makes them"
	}
	var parts []string
	for _, p := range c.Parts {
		switch {
		case p.Field == "numbers":
			parts = append(parts, "numbers + "+p.To)
		case p.From == "":
			parts = append(parts, fmt.Sprintf("%s: %s", p.Field, short(p.To)))
		default:
			parts = append(parts, fmt.Sprintf("%s: %s → %s", p.Field, short(p.From), short(p.To)))
		}
	}
	for _, id := range c.Merged {
		parts = append(parts, fmt.Sprintf("contact %d becomes part of it", id))
	}
	return fmt.Sprintf("contact %d, %s: %s", c.Contact, short(c.Name), strings.Join(parts, "; "))
}

// short is a value of a card on the line of a terminal.
func short(value string) string {
	line, _ := number.OneLine(value, 60)
	return fmt.Sprintf("%q", line)
}

// tellBad says which lines are not taken, and why.
func tellBad(out io.Writer, file *contacts.File, refused posted.Problems) {
	bad := slices.Concat(file.Bad, refused)
	if len(bad) == 0 {
		return
	}
	slices.SortStableFunc(bad, func(a, b posted.Problem) int { return a.Line - b.Line })
	fmt.Fprintf(out, "not taken:     %d\n", notTaken(file, refused))
	for i, p := range bad {
		if i == mostBadTold {
			fmt.Fprintf(out, "  and more: put these right first\n")
			return
		}
		fmt.Fprintf(out, "  %s\n", posted.Problems{p}.Error())
	}
}

// mostBadTold is how many lines a person is told of.
const mostBadTold = 50

// notTaken is how many rows are not taken.
func notTaken(file *contacts.File, refused posted.Problems) int {
	lines := map[int]bool{}
	for _, p := range refused {
		lines[p.Line] = true
	}
	return file.BadRows + len(lines)
}
