package cdr

import (
	"bytes"
	"strconv"
	"strings"
	"time"
)

// The columns of a row as Asterisk's cdr/cdr_csv.c writes them: 16 always, then
// uniqueid (loguniqueid), userfield (loguserfield), and peeraccount, linkedid and
// sequence (newcdrcolumns). All texts stand in quotes, with each quote in them
// doubled and nothing else escaped: line ends stand as they are. Times stand in
// quotes too, or are empty; numbers stand bare.
const (
	accountColumn = iota
	sourceColumn
	dialedColumn
	contextColumn
	callerColumn
	channelColumn
	peerColumn
	appColumn
	dataColumn
	startColumn
	answerColumn
	endColumn
	durationColumn
	billedColumn
	dispositionColumn
	flagsColumn
	plainColumns
	newColumns = 3
	maxColumns = plainColumns + 2 + newColumns
)

// maxRow bounds a row: what is longer is none. Asterisk's own are below 1 kB.
const maxRow = 8 << 10

// layout is what csvRow.read has found.
type layout int

const (
	whole      layout = iota // a row from its first to its line end
	broken                   // this cannot become a row
	unfinished               // this is the beginning of a row
)

// csvRow is a row of Master.csv within a block of it.
type csvRow struct {
	text []byte // without the line end
	n    int    // columns
	from [maxColumns]int32
	to   [maxColumns]int32 // both without quotes
}

// read takes the row that begins where b does. It is strict: a caller can put
// line ends, commas and doubled quotes into a row, and nothing of that reads as a
// row of its own, since the columns of times, disposition and flags need quotes
// that stand alone.
func (r *csvRow) read(b []byte) (size int, is layout) {
	ends := unfinished // what it is when b ends
	if len(b) > maxRow {
		b, ends = b[:maxRow], broken
	}
	p := 0
	for r.n = 0; ; r.n++ {
		if r.n == maxColumns {
			return 0, broken
		}
		next, is := r.column(b, p)
		if is == unfinished || is == whole && next == len(b) {
			return 0, ends
		}
		if is == broken {
			return 0, broken
		}
		p = next + 1
		if b[next] == '\n' {
			r.n++
			r.text = b[:next]
			return p, r.closed()
		}
		if b[next] != ',' {
			return 0, broken
		}
	}
}

// begins says that the rest of a text is the beginning of a row.
func begins(b []byte) bool {
	var r csvRow
	_, is := r.read(b)
	return is == unfinished
}

// column takes column r.n, which begins at p; next is behind it.
func (r *csvRow) column(b []byte, p int) (next int, is layout) {
	if p == len(b) {
		return p, unfinished
	}
	number := r.n == durationColumn || r.n == billedColumn
	switch {
	case b[p] == '"' && !number:
		return r.quoted(b, p+1)
	case number, r.n >= plainColumns:
		return r.number(b, p)
	case r.n >= startColumn && r.n <= endColumn: // a time that never came
		r.from[r.n], r.to[r.n] = int32(p), int32(p)
		return p, whole
	}
	return p, broken
}

func (r *csvRow) quoted(b []byte, p int) (next int, is layout) {
	from := p
	for {
		i := bytes.IndexByte(b[p:], '"')
		if i < 0 {
			return p, unfinished
		}
		p += i + 1
		if p == len(b) {
			return p, unfinished
		}
		if b[p] != '"' {
			break
		}
		p++
	}
	r.from[r.n], r.to[r.n] = int32(from), int32(p-1)
	if !r.fits(b[from : p-1]) {
		return p, broken
	}
	return p, whole
}

// fits says whether a text in quotes can be of column r.n. Asterisk's texts hold
// no zero bytes; after the power was cut, files do.
func (r *csvRow) fits(text []byte) bool {
	switch {
	case r.n >= startColumn && r.n <= endColumn:
		return !localTime(text).IsZero()
	case r.n == dispositionColumn || r.n == flagsColumn:
		return len(text) > 0 && len(bytes.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz ")) == 0
	}
	return bytes.IndexByte(text, 0) < 0
}

func (r *csvRow) number(b []byte, p int) (next int, is layout) {
	from := p
	if b[p] == '-' {
		p++
	}
	digits := p
	for p < len(b) && b[p] >= '0' && b[p] <= '9' {
		p++
	}
	r.from[r.n], r.to[r.n] = int32(from), int32(p)
	switch {
	case p == len(b):
		return p, unfinished
	case p == digits || p-digits > 10:
		return p, broken
	}
	return p, whole
}

// closed judges the number of columns: the new ones end with a bare number, and
// no other behind the plain ones is bare.
func (r *csvRow) closed() layout {
	bare := 0
	for i := plainColumns; i < r.n; i++ {
		if r.text[r.from[i]-1] != '"' {
			bare = i
		}
	}
	switch {
	case r.n >= plainColumns+newColumns && bare == r.n-1,
		r.n >= plainColumns && r.n < plainColumns+newColumns && bare == 0:
		return whole
	}
	return broken
}

func (r *csvRow) bytes(column int) []byte { return r.text[r.from[column]:r.to[column]] }

// string is the text of a column as it was before it was written, in valid UTF-8:
// Asterisk cuts names between any two bytes.
func (r *csvRow) string(column int) string {
	text := strings.ReplaceAll(string(r.bytes(column)), `""`, `"`)
	return strings.ToValidUTF8(text, "\uFFFD")
}

func (r *csvRow) int(column int) int64 {
	n, _ := strconv.ParseInt(string(r.bytes(column)), 10, 64) // read has seen its digits
	return n
}

func (r *csvRow) time(column int) time.Time { return localTime(r.bytes(column)) }

// localTime reads "2026-11-22 18:00:00" as if it were UTC; zero: it is no time.
func localTime(b []byte) time.Time {
	const form = "0000-00-00 00:00:00"
	if len(b) != len(form) {
		return time.Time{}
	}
	var n [6]int
	part := 0
	for i := range form {
		if form[i] != '0' {
			if b[i] != form[i] {
				return time.Time{}
			}
			part++
			continue
		}
		if b[i] < '0' || b[i] > '9' {
			return time.Time{}
		}
		n[part] = n[part]*10 + int(b[i]-'0')
	}
	t := time.Date(n[0], time.Month(n[1]), n[2], n[3], n[4], n[5], 0, time.UTC)
	if t.Month() != time.Month(n[1]) || t.Day() != n[2] || n[3] > 23 || n[4] > 59 || n[5] > 60 {
		return time.Time{}
	}
	return t
}

// added is how many columns of the new ones the row has.
func (r *csvRow) added() int {
	if r.n >= plainColumns+newColumns {
		return newColumns
	}
	return 0
}

// ids are the unique and the linked id. Of a single column between the plain and
// the new ones the row alone does not tell whether it is the unique id or the
// user field: it is given as id, and unsure is true.
func (r *csvRow) ids() (unique, linked string, unsure bool) {
	between := r.n - plainColumns - r.added()
	if between > 0 {
		unique = r.string(plainColumns)
	}
	if r.added() > 0 {
		linked = r.string(r.n - 2)
	}
	return unique, linked, between == 1
}

// record gives the row as a Record, its times as they stand there.
func (r *csvRow) record() Record {
	rec := Record{
		Account: r.string(accountColumn), Source: r.string(sourceColumn), Dialed: r.string(dialedColumn),
		Context: r.string(contextColumn), CallerID: r.string(callerColumn), Channel: r.string(channelColumn),
		Peer: r.string(peerColumn), App: r.string(appColumn), AppData: r.string(dataColumn),
		Start: r.time(startColumn), Answer: r.time(answerColumn), End: r.time(endColumn),
		Duration: time.Duration(r.int(durationColumn)) * time.Second, Billed: time.Duration(r.int(billedColumn)) * time.Second,
		Disposition: Disposition(r.string(dispositionColumn)), Sequence: -1,
	}
	rec.UniqueID, rec.LinkedID, _ = r.ids()
	rec.Began = began(rec.UniqueID)
	if r.n-r.added() == plainColumns+2 {
		rec.UserField = r.string(plainColumns + 1)
	}
	if r.added() > 0 {
		rec.Sequence = r.int(r.n - 1)
	}
	return rec
}
