package posted_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"ringback/leads/posted"
)

var table = posted.Table{Names: "a, b", Needed: []string{"a"}, Most: 2500, Known: func(column string) bool { return !strings.HasPrefix(column, "x") }}

// read gives what was taken, and what was wrong.
func read(text string) (rows []string, wrong posted.Problems) {
	err := table.Read([]byte(text), func(line int, row map[string]string, say func(field, text string)) {
		if row["a"] == "bad" {
			say("a", "is bad")
		}
		var list []string
		for _, column := range slices.Sorted(maps.Keys(row)) {
			list = append(list, column+"="+row[column])
		}
		rows = append(rows, fmt.Sprint(line, " ", strings.Join(list, " ")))
	})
	errors.As(err, &wrong)
	return rows, wrong
}

func TestRead(t *testing.T) {
	for _, c := range []struct{ text, rows, wrong string }{
		{"a,b\n1,2\n", "2 a=1 b=2", ""},
		{"\ufeffB ; A\r\n\r\n 2,5 ;\"1\n1\"\r\n3;4", "3 a=1\n1 b=2,5|5 a=4 b=3", ""},
		{"a\n", "", ""},
		{"", "", "line 1: names no columns: use a, b"},
		{"x,b,b\n1,2,3\n", "", "line 1: x: is not a column: use a, b; line 1: b: is a column twice; line 1: a: is missing among the columns"},
		{"a," + strings.Repeat("x", 39) + "\u00e4\n", "", "line 1: " + strings.Repeat("x", 39) + "\uFFFD…: is not a column: use a, b"},
		{"a,b\n1\n1,2,3\nbad,2\n", "4 a=bad b=2", "line 2: holds 1 values for 2 columns; line 3: holds 3 values for 2 columns; line 4: a: is bad"},
		{"a,b\n1,\"2\n3,4\n", "", "line 2: extraneous or missing \" in quoted-field"},
		{"a,b\nbad,1\n1,\"2\n3,4\n", "2 a=bad b=1", "line 2: a: is bad; line 3: extraneous or missing \" in quoted-field"},
	} {
		rows, wrong := read(c.text)
		if got := strings.Join(rows, "|"); got != c.rows || wrong.Error() != c.wrong {
			t.Errorf("%.60q gives %q and %q, want %q and %q", c.text, got, wrong, c.rows, c.wrong)
		}
	}
}

// What is posted is large and wrong: the answer is small all the same.
func TestReadIsBounded(t *testing.T) {
	const much = 500_000
	for _, c := range []struct {
		name, text string
		rows       int
		last       string
	}{
		{"every line is bad", "a,b\n" + strings.Repeat("bad,1\n", much), 100, "line 102: and the lines from here on were not read: put these right first"},
		{"every line is short", "a,b\n" + strings.Repeat("1\n", much), 0, "line 102: and the lines from here on were not read: put these right first"},
		{"too many lines", "a,b\n" + strings.Repeat("1,2\n", much), 2500, "line 2502: is one too many: a file holds no more than 2500 lines"},
		{"too many columns", "a" + strings.Repeat(",b", much) + "\n", 0, "line 1: names more than 100 columns"},
	} {
		rows, wrong := read(c.text)
		if len(rows) != c.rows || len(wrong) > 101 || len(wrong) == 0 || wrong[len(wrong)-1:].Error() != c.last {
			t.Errorf("%s: %d rows, %d problems, the last %q", c.name, len(rows), len(wrong), wrong[max(0, len(wrong)-1):])
		}
	}
}
