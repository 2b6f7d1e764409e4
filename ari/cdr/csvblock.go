package cdr

import (
	"bytes"
	"slices"
)

// maxHalf bounds how far into a line a row is looked for that follows on one of
// which only a part was written: the disk was full, or the PBX was killed.
const maxHalf = 4 << 10

// csvBlock is a part of Master.csv, and what was found in it.
type csvBlock struct {
	text []byte
	rows []csvRow // newest first
	// head and tail are where what is decided begins and ends: what is before and
	// behind them may belong to rows that reach out of the block.
	head, tail int
	unreadable int  // lines in between that are no rows
	border     bool // the text ends where a row begins
}

// edge is what a block's end borders on.
type edge int

const (
	border  edge = iota // on the file's beginning, or on a row
	cut                 // on more of the same, of which nothing is known
	growing             // on the file's end: what is begun there may be completed
)

// sift looks for rows. A row begins at the beginning of a line; of two that
// overlap the later is right, since no row holds another.
func (b *csvBlock) sift(text []byte, head, tail edge) {
	b.text, b.rows, b.unreadable = text, b.rows[:0], 0
	b.head, b.border = 0, tail == border
	first := len(text) // where the row begins that was found last
	begun := len(text) // where a row begins of which the end is not there yet
	for at := b.lineBefore(len(text)+1, head); at >= 0; at = b.lineBefore(at, head) {
		r, from, size := b.within(at, first)
		switch {
		case size > 0 && len(b.rows) == 0:
			b.end(from+size, begun, tail)
		case size > 0:
			b.gap(from+size, first, first)
		case len(b.rows) == 0 && tail == growing && begins(text[at:]):
			begun = at
			continue
		default:
			continue
		}
		b.rows = append(b.rows, r)
		first = from
	}
	if head == cut {
		b.head = min(first, maxRow)
	}
	if len(b.rows) == 0 {
		b.end(b.head, begun, tail)
		return
	}
	b.gap(b.head, first, first)
}

// lineBefore is where the last line begins that begins before at; -1: none. Where
// the head is cut, the text's beginning is none.
func (b *csvBlock) lineBefore(at int, head edge) int {
	switch {
	case at > 1:
		if i := bytes.LastIndexByte(b.text[:min(at-1, len(b.text))], '\n'); i >= 0 {
			return i + 1
		}
		fallthrough
	case at == 1:
		if head != cut {
			return 0
		}
	}
	return -1
}

// end decides on what is behind the last row, where another may have begun.
func (b *csvBlock) end(from, begun int, tail edge) {
	if tail == cut {
		b.tail = max(from, len(b.text)-maxRow)
		b.gap(from, b.tail, b.tail)
		return
	}
	b.tail = len(b.text)
	b.gap(from, b.tail, begun)
}

// gap looks into what stands between rows. A row may follow on the same line on
// a part of another. What no row is counts as unreadable, up to begun.
func (b *csvBlock) gap(from, to, begun int) {
	found := len(b.rows)
	rest := from // what is not part of a row
	line := from
	for p := from; p < to; p++ {
		switch {
		case b.text[p] == '\n':
			line = p + 1
		case b.text[p] == '"' && p-line <= maxHalf:
			r, at, size := b.within(p, to)
			if size == 0 {
				continue
			}
			b.rows = append(b.rows, r)
			b.unreadable += lines(b.text[rest:at], true)
			rest = at + size
			line, p = rest, rest-1
		}
	}
	b.unreadable += lines(b.text[rest:max(rest, begun)], begun < len(b.text) || b.border)
	slices.Reverse(b.rows[found:])
}

// within gives the row that begins at p. Half a row and the whole one behind it
// may read as one: an account and another as an account with a quote in it, half a
// column behind the plain ones and what is up to the first line end in the whole
// row as the rest of the columns. Then the last place counts that makes a row: the
// whole one begins with a quote in one of these columns, or with the one that
// seems to close it. Size is 0 where there is none.
func (b *csvBlock) within(p, to int) (r csvRow, from, size int) {
	size, is := r.read(b.text[p:to])
	if is != whole {
		return r, p, 0
	}
	for column := r.n - 1; column >= plainColumns; column-- {
		if later, from, n := b.inside(&r, column, p, to); n > 0 {
			return later, from, n
		}
	}
	if later, from, n := b.inside(&r, accountColumn, p, to); n > 0 {
		return later, from, n
	}
	return r, p, size
}

// inside gives the last row that begins with a quote in a column of the row at p.
// Its account ends before that row does: one that would not is the end of a whole
// row and what follows on it, up to a quote that is left over there.
func (b *csvBlock) inside(r *csvRow, column, p, to int) (later csvRow, from, size int) {
	for at := p + int(r.to[column]); at >= p+int(r.from[column]); at-- {
		if b.text[at] != '"' {
			continue
		}
		if later, from, size = b.within(at, to); size > 0 && from+int(later.to[accountColumn]) < p+len(r.text) {
			return later, from, size
		}
	}
	return later, from, 0
}

// lines counts those that hold anything; the last of them too, if it does not
// end, where cut is true.
func lines(text []byte, cut bool) (n int) {
	for line := range bytes.Lines(text) {
		if ended := line[len(line)-1] == '\n'; (ended || cut) && len(bytes.TrimSpace(line)) > 0 {
			n++
		}
	}
	return n
}
