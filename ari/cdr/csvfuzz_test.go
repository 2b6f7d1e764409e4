package cdr

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
)

// plainRow is a row as it is written for an office's ordinary call.
var plainRow = pen{zone: time.UTC, unique: true, userfield: true, news: true}.row(Record{
	UniqueID: "1795377600.7", LinkedID: "1795377600.7", Start: time.Unix(1795377600, 0), End: time.Unix(1795377605, 0), Duration: 5 * time.Second,
	CallerID: `"A" <+4930>`, Source: "+4930", Dialed: "100", Context: "in", Channel: "PJSIP/t-1", App: "Dial", Disposition: NoAnswer,
})

// Whatever a file holds, whole rows that stand on lines of their own are found
// before, between and behind it, in whatever pieces it is read, from its end and
// from its beginning.
func FuzzCSV(f *testing.F) {
	f.Add([]byte(plainRow), []byte(plainRow[:20]), uint16(100))
	f.Add([]byte(`"`), []byte("\"\",\n\"\n"), uint16(1))
	f.Add([]byte(strings.Repeat(`""`, 50)+"\n"), []byte("\x00\n\n"), uint16(700))
	f.Add([]byte(`"","","","","","","","","",,,,0,0,"A","B","x`), []byte(`"","",""`), uint16(30))
	f.Fuzz(func(t *testing.T, one, two []byte, size uint16) {
		own := func(b []byte) []byte { // on lines of its own
			if len(b) == 0 {
				return nil
			}
			return append(bytes.Clone(b), '\n')
		}
		text := slices.Concat(own(one), []byte(plainRow), own(two), []byte(plainRow), one)
		piece := 16 + int(size)%2000
		rows := backwardRows(text, len(text))
		if n := occurrences(rows); n < 2 {
			t.Errorf("%d rows in %q", n, text)
		}
		for from, pieces := range map[string][]string{"end": backwardRows(text, piece), "beginning": forwardRows(text, piece)} {
			if occurrences(pieces) < 2 || len(text) < maxRow && !slices.Equal(rows, pieces) {
				t.Errorf("%q, read in pieces of %d from its %s, has the rows %q, want %q", text, piece, from, pieces, rows)
			}
		}
	})
}

func occurrences(rows []string) (n int) {
	for _, r := range rows {
		if r+"\n" == plainRow {
			n++
		}
	}
	return n
}

// backwardRows are the rows of a text as logFile.backward gives it, in their
// order.
func backwardRows(text []byte, piece int) (rows []string) {
	var b csvBlock
	tail := growing
	var again []byte
	for end := len(text); end > 0; {
		from, head := max(0, end-piece), cut
		if from == 0 {
			head = border
		}
		b.sift(slices.Concat(text[from:end], again), head, tail)
		for _, r := range b.rows {
			rows = append(rows, string(r.text))
		}
		if b.head < len(b.text) {
			tail = border
		}
		again, end = b.text[:b.head], from
	}
	slices.Reverse(rows)
	return rows
}

// forwardRows are those of logFile.forward.
func forwardRows(text []byte, piece int) (rows []string) {
	var b csvBlock
	var again []byte
	for from := 0; ; from += piece {
		to, tail := from+piece, cut
		if to >= len(text) {
			to, tail = len(text), growing
		}
		b.sift(slices.Concat(again, text[from:to]), border, tail)
		for _, r := range slices.Backward(b.rows) {
			rows = append(rows, string(r.text))
		}
		if tail == growing {
			return rows
		}
		again = b.text[b.tail:]
	}
}
