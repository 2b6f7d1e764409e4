package search

import (
	"errors"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Shortest is how many characters a part has at least that is looked for.
const Shortest = 3

const (
	// longest is as much of a question as is read, in bytes: more than the longest
	// name has.
	longest = 256
	// mostWords is how many words of a question count.
	mostWords = 6
)

// ErrShort is in the error of a question of which no word is long enough.
var ErrShort = errors.New("a search needs three characters or digits in a row")

// strokes are letters whose mark Unicode does not take for one.
var strokes = strings.NewReplacer("ł", "l", "ø", "o", "đ", "d", "ß", "ss", "æ", "ae", "œ", "oe")

// Fold makes texts alike that differ by case, by accents or by the dots of ё.
func Fold(text string) string {
	text = strings.ToLower(strings.ToValidUTF8(text, " "))
	var b strings.Builder
	for _, r := range norm.NFKD.String(text) {
		switch {
		case unicode.Is(unicode.Mn, r):
		case unicode.IsSpace(r) || !unicode.IsGraphic(r):
			b.WriteByte(' ')
		default:
			b.WriteRune(r)
		}
	}
	return strings.Join(strings.Fields(strokes.Replace(b.String())), " ")
}

// Digits are those of a number, whatever stands between them.
func Digits(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, text)
}

// Question is what somebody looks for.
type Question struct {
	// words are all to be found, each in one of its spellings.
	words [][]string
}

// Ask reads a question: a part of a number in any spelling, or parts of words of a
// name, or both. ErrShort is in the error where nothing of it can be looked for.
func Ask(text string) (Question, error) {
	if len(text) > longest {
		text = text[:longest]
	}
	text = Fold(text)
	var q Question
	if isNumber(text) {
		q.words = append(q.words, spellings(Digits(text)))
	} else {
		for word := range strings.FieldsSeq(text) {
			if len(q.words) == mostWords {
				break
			}
			if isNumber(word) {
				q.words = append(q.words, spellings(Digits(word)))
			} else {
				q.words = append(q.words, []string{word})
			}
		}
	}
	for _, word := range q.words {
		if long(word[0]) {
			return q, nil
		}
	}
	return Question{}, ErrShort
}

func long(word string) bool { return utf8.RuneCountInString(word) >= Shortest }

// isNumber says that a text is digits and what people write between them.
func isNumber(text string) bool {
	return Digits(text) != "" && strings.Trim(text, "0123456789 +-()./\u2010\u2011\u2012\u2013") == "" &&
		!strings.ContainsFunc(text, unicode.IsLetter)
}

// spellings are the digits, and what is left of them without the prefix by which
// they are dialed at home: 8 916 is +7 916, 030 is +49 30. Behind such a prefix there
// is no zero: those of 800 555 and of 000000 are digits as any.
func spellings(digits string) []string {
	list := []string{digits}
	for _, prefix := range []string{"810", "00", "8", "0"} {
		if rest, had := strings.CutPrefix(digits, prefix); had && len(rest) >= Shortest && rest[0] != '0' {
			list = append(list, rest)
		}
	}
	return list
}

// Spellings are the digits of a part of a number, and what they may stand for; nil
// where they are too few to be looked for.
func Spellings(number string) []string {
	if digits := Digits(number); long(digits) {
		return spellings(digits)
	}
	return nil
}

// Newest asks for the ids of the newest contacts that have a Match; the values, each
// a $, are that and how many.
const Newest = "SELECT rowid FROM search WHERE search MATCH $ ORDER BY rowid DESC LIMIT $"

// Match is the question as the index is asked it; words that are too short for it
// are left to Fits.
func (q Question) Match() string {
	var all []string
	for _, word := range q.words {
		if !long(word[0]) {
			continue
		}
		var any []string
		for _, spelling := range word {
			any = append(any, `"`+strings.ReplaceAll(spelling, `"`, `""`)+`"`)
		}
		all = append(all, "("+strings.Join(any, " OR ")+")")
	}
	return strings.Join(all, " AND ")
}

// Whole says that Match alone finds what is looked for, and nothing else.
func (q Question) Whole() bool {
	return !slices.ContainsFunc(q.words, func(word []string) bool { return !long(word[0]) })
}

// Fits says whether a contact with that name and those numbers is looked for.
func (q Question) Fits(name string, numbers []string) bool {
	text := Text(name, numbers)
	for _, word := range q.words {
		found := false
		for _, spelling := range word {
			found = found || strings.Contains(text, spelling)
		}
		if !found {
			return false
		}
	}
	return true
}

// Text is what the index knows of a contact.
func Text(name string, numbers []string) string {
	var b strings.Builder
	for _, n := range numbers {
		b.WriteString(Digits(n))
		b.WriteByte('\n')
	}
	if folded := Fold(name); !isNumber(folded) { // a name that is the number says nothing more
		b.WriteString(folded)
	}
	return b.String()
}
