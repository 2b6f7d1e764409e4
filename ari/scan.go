package ari

import (
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds how deep a frame may nest. Asterisk's own events stay under
// six; a hostile one must not eat the stack.
const maxDepth = 64

var (
	errSyntax = errors.New("not JSON")
	errCut    = errors.New("cut short")
	errDepth  = errors.New("nested deeper than " + strconv.Itoa(maxDepth))
)

// scanner reads one JSON text (RFC 8259) without building a tree. Strings come
// back as parts of the text, so the text must never change; only a string with
// an escape or with invalid UTF-8 costs memory of its own. The first fault
// stays in err, and from then on nothing is consumed.
type scanner struct {
	s     string
	i     int
	depth int
	err   error
}

// fail notes the first fault.
func (sc *scanner) fail(err error) {
	if sc.err == nil {
		sc.err = err
	}
	sc.i = len(sc.s)
}

// peek moves to the next byte that is not white space and says which it is, or
// 0 at the end.
func (sc *scanner) peek() byte {
	for ; sc.i < len(sc.s); sc.i++ {
		switch c := sc.s[sc.i]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

// accept consumes c if it comes next.
func (sc *scanner) accept(c byte) bool {
	if sc.peek() != c || c == 0 {
		return false
	}
	sc.i++
	return true
}

// expect consumes c or fails.
func (sc *scanner) expect(c byte) bool {
	if sc.accept(c) {
		return true
	}
	if sc.i >= len(sc.s) {
		sc.fail(errCut)
	} else {
		sc.fail(errSyntax)
	}
	return false
}

// enter opens an object or a list.
func (sc *scanner) enter(open byte) bool {
	if !sc.expect(open) {
		return false
	}
	sc.depth++
	if sc.depth > maxDepth {
		sc.fail(errDepth)
		return false
	}
	return true
}

// key moves to the next member of an object that enter has opened. It answers
// false at the object's end and at a fault. The member's value must be consumed
// before the next call.
func (sc *scanner) key(first *bool) (name string, ok bool) {
	// Most of the time in a frame goes here, so the usual case, no white space
	// and a plain name, has a way of its own.
	s, i := sc.s, sc.i
	if !*first && i < len(s) && s[i] == ',' {
		i++
	}
	if i < len(s) && s[i] == '"' && (*first || i > sc.i) {
		start := i + 1
		for i = start; i < len(s) && nameByte[s[i]]; i++ {
		}
		if i+1 < len(s) && s[i] == '"' && s[i+1] == ':' {
			sc.i, *first = i+2, false
			return s[start:i], true
		}
	}
	return sc.anyKey(first)
}

// nameByte marks the bytes of which the names in ARI's objects are made.
var nameByte = func() (table [256]bool) {
	for c := 'a'; c <= 'z'; c++ {
		table[c] = true
	}
	table['_'] = true
	return table
}()

// anyKey is key for every way to write it.
func (sc *scanner) anyKey(first *bool) (name string, ok bool) {
	if sc.accept('}') {
		sc.depth--
		return "", false
	}
	if !*first && !sc.expect(',') {
		return "", false
	}
	*first = false
	if sc.peek() != '"' {
		sc.expect('"')
		return "", false
	}
	name = sc.str()
	return name, sc.expect(':')
}

// item moves to the next item of a list that enter has opened.
func (sc *scanner) item(first *bool) bool {
	if sc.accept(']') {
		sc.depth--
		return false
	}
	if !*first && !sc.expect(',') {
		return false
	}
	*first = false
	return sc.err == nil
}

// text reads a string; a value of another kind reads as "".
func (sc *scanner) text() string {
	if sc.peek() == '"' {
		return sc.str()
	}
	sc.skip()
	return ""
}

// integer reads a whole number that fits an int; any other value reads as 0.
func (sc *scanner) integer() int {
	start := sc.start()
	sc.skip()
	if sc.err != nil || start == sc.i {
		return 0
	}
	n, err := strconv.Atoi(sc.s[start:sc.i])
	if err != nil {
		return 0
	}
	return n
}

// truth reads true; any other value reads as false.
func (sc *scanner) truth() bool {
	start := sc.start()
	sc.skip()
	return sc.err == nil && sc.s[start:sc.i] == "true"
}

// start is where the next value begins.
func (sc *scanner) start() int {
	sc.peek()
	return sc.i
}

// texts reads a list of strings; items of another kind are left out.
func (sc *scanner) texts() []string {
	if sc.peek() != '[' {
		sc.skip()
		return nil
	}
	if !sc.enter('[') {
		return nil
	}
	var list []string
	for first := true; sc.item(&first); {
		if sc.peek() == '"' {
			list = append(list, sc.str())
		} else {
			sc.skip()
		}
	}
	return list
}

// skip consumes one value of any kind, checking it as strictly as if it were
// wanted.
func (sc *scanner) skip() {
	switch c := sc.peek(); {
	case c == '"':
		sc.quoted()
	case c == '{':
		if sc.enter('{') {
			sc.skipMembers()
		}
	case c == '[':
		if sc.enter('[') {
			for first := true; sc.item(&first); {
				sc.skip()
			}
		}
	case c == '-' || c >= '0' && c <= '9':
		sc.number()
	case c == 't':
		sc.word("true")
	case c == 'f':
		sc.word("false")
	case c == 'n':
		sc.word("null")
	case sc.i >= len(sc.s):
		sc.fail(errCut)
	default:
		sc.fail(errSyntax)
	}
}

func (sc *scanner) skipMembers() {
	for first := true; ; first = false {
		if sc.accept('}') {
			sc.depth--
			return
		}
		if !first && !sc.expect(',') {
			return
		}
		if sc.peek() != '"' {
			sc.expect('"')
			return
		}
		sc.quoted()
		if !sc.expect(':') {
			return
		}
		sc.skip()
		if sc.err != nil {
			return
		}
	}
}

func (sc *scanner) word(w string) {
	rest := sc.s[sc.i:]
	switch {
	case strings.HasPrefix(rest, w):
		sc.i += len(w)
	case strings.HasPrefix(w, rest):
		sc.fail(errCut)
	default:
		sc.fail(errSyntax)
	}
}

// number consumes a number as RFC 8259 section 6 writes it.
func (sc *scanner) number() {
	if sc.s[sc.i] == '-' {
		sc.i++
	}
	if sc.i < len(sc.s) && sc.s[sc.i] == '0' {
		sc.i++
	} else if !sc.digits() {
		return
	}
	if sc.i < len(sc.s) && sc.s[sc.i] == '.' {
		sc.i++
		if !sc.digits() {
			return
		}
	}
	if sc.i < len(sc.s) && (sc.s[sc.i] == 'e' || sc.s[sc.i] == 'E') {
		sc.i++
		if sc.i < len(sc.s) && (sc.s[sc.i] == '+' || sc.s[sc.i] == '-') {
			sc.i++
		}
		sc.digits()
	}
}

// digits consumes one or more digits.
func (sc *scanner) digits() bool {
	start := sc.i
	for sc.i < len(sc.s) && sc.s[sc.i] >= '0' && sc.s[sc.i] <= '9' {
		sc.i++
	}
	if sc.i > start {
		return true
	}
	if sc.i >= len(sc.s) {
		sc.fail(errCut)
	} else {
		sc.fail(errSyntax)
	}
	return false
}

// Eight bytes at a time: the tests of quoted.
const (
	ones  = 0x0101010101010101
	highs = 0x80 * ones
)

// load reads eight bytes, the first one lowest.
func load(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// unplain marks the bytes of w that end or complicate a string: the quote, the
// backslash, control characters, and all beyond ASCII. Only the lowest mark is
// sure: a borrow can mark bytes above it.
func unplain(w uint64) uint64 {
	quote, slash := w^('"'*ones), w^('\\'*ones)
	return ((quote-ones)&^quote | (slash-ones)&^slash | (w-' '*ones)&^w | w) & highs
}

// quoted consumes a string and says where its inside lies, whether it has
// escapes and whether it has bytes beyond ASCII.
func (sc *scanner) quoted() (inside string, escaped, high bool) {
	s, start := sc.s, sc.i+1
	for i := start; i < len(s); i++ {
		for i+8 <= len(s) {
			mark := unplain(load(s[i:]))
			i += bits.TrailingZeros64(mark) / 8
			if mark != 0 {
				break
			}
		}
		if i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"':
			sc.i = i + 1
			return s[start:i], escaped, high
		case c == '\\':
			escaped = true
			n, err := escape(s[i+1:])
			if err != nil {
				sc.fail(err)
				return "", false, false
			}
			i += n
		case c >= utf8.RuneSelf:
			high = true
		case c < ' ':
			sc.fail(errSyntax)
			return "", false, false
		}
	}
	sc.fail(errCut)
	return "", false, false
}

// escape checks the escape whose backslash stands before s and says how long
// it is without it.
func escape(s string) (length int, err error) {
	if s == "" {
		return 0, errCut
	}
	switch s[0] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 1, nil
	case 'u':
		for i := 1; i <= 4; i++ {
			if i >= len(s) {
				return 0, errCut
			}
			if c, letter := s[i], s[i]|0x20; (c < '0' || c > '9') && (letter < 'a' || letter > 'f') {
				return 0, errSyntax
			}
		}
		return 5, nil
	}
	return 0, errSyntax
}

// str consumes a string and reads it.
func (sc *scanner) str() string {
	inside, escaped, high := sc.quoted()
	if !escaped && (!high || utf8.ValidString(inside)) {
		return inside
	}
	return unescape(inside)
}

// unescape reads the inside of a string whose escapes quoted has checked. As
// encoding/json does, it puts U+FFFD for each byte of invalid UTF-8 and for
// each half of a surrogate pair without its other half.
func unescape(s string) string {
	b := make([]byte, 0, len(s)+2*utf8.UTFMax)
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == '\\' && s[i+1] == 'u':
			r, n := unicodeEscape(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
		case c == '\\':
			b = append(b, shortEscape(s[i+1]))
			i += 2
		case c < utf8.RuneSelf:
			b = append(b, c)
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	return string(b)
}

// unicodeEscape reads \uXXXX, or the two of a surrogate pair, and says how many
// bytes it took.
func unicodeEscape(s string) (r rune, length int) {
	r = hex4(s[2:6])
	if !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) >= 12 && s[6] == '\\' && s[7] == 'u' {
		if pair := utf16.DecodeRune(r, hex4(s[8:12])); pair != utf8.RuneError {
			return pair, 12
		}
	}
	return utf8.RuneError, 6
}

func hex4(s string) rune {
	n, _ := strconv.ParseUint(s, 16, 32) // escape has checked the digits
	return rune(n)
}

func shortEscape(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	}
	return c
}
