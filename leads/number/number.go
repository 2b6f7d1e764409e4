package number

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers/v2"
)

// Kind says what was read.
type Kind uint8

const (
	// Withheld is a caller who does not show a number.
	Withheld Kind = iota
	// Extension is one of the PBX's own, as the Plan lists them.
	Extension
	// E164 is a valid number in the form of ITU-T E.164, with a plus.
	E164
	// Raw is anything else, as received: short and service numbers, numbers
	// that do not exist, names.
	Raw
)

func (k Kind) String() string {
	return [...]string{"withheld", "extension", "e164", "raw"}[k]
}

// Number is what Plan.Read made of a text.
type Number struct {
	Kind Kind
	// Value is "+79161234567" of E164, the extension, what was received of Raw
	// (one line of at most 64 characters, but hostile text all the same), and
	// "" of Withheld.
	Value string
}

// Plan is how numbers are written at one PBX. Its fields are set before the
// first Read and not changed after. The zero Plan knows no home country.
type Plan struct {
	// Country is the home country (ISO 3166, "DE"), "" when it is unknown. Then
	// only what names its own country is read as a number: with a plus or,
	// which is ITU's own prefix for it, with 00.
	Country string
	// Strip are prefixes that lead to an outside line, such as "9". They are
	// taken off, the longest first, only from what is not a valid number as
	// received; the country's own prefixes (0, 8, 00, 810) need not be listed.
	Strip []string
	// Extensions are the PBX's own numbers; they go before everything else.
	Extensions map[string]bool

	cache cache
}

const (
	// maxRaw is how many characters of a text are kept.
	maxRaw = 64
	// maxShort is how many digits without a plus are too few to be a country's
	// number: extensions, service and emergency numbers.
	maxShort = 6
	// maxE164 is a plus and ITU-T E.164's 15 digits; a few plans of the library
	// allow more (Germany).
	maxE164 = 16
	// minBare is how many digits a foreign number written without plus or
	// prefix must have to be believed.
	minBare = 11
)

// Read tells what raw is: a caller's or dialed number in any spelling, also as
// a tel: or sip: URI or a dial string with "@trunk". It never fails and never
// panics. A text is read, the first that fits:
//
//  1. an extension of the Plan;
//  2. nothing, or a word that says that the number is withheld;
//  3. with a plus: that number, if it is valid, and nothing else;
//  4. up to 6 digits: as received;
//  5. as it would be dialed in the home country;
//  6. with 00 before it: as an international number, also where the country's
//     own prefix for those is another one;
//  7. without one of Strip, the longest first: as in 4 to 6;
//  8. from 11 digits on: as an international number without its plus, which is
//     how many trunks send them.
//
// Whatever is not valid by the country's numbering plan stands as received.
func (p *Plan) Read(raw string) Number {
	return p.cache.get(raw, p.read)
}

func (p *Plan) read(raw string) Number {
	text, whole := OneLine(raw, maxRaw)
	user := userPart(text)
	switch {
	case p.Extensions[text]:
		return Number{Extension, text}
	case p.Extensions[user]:
		return Number{Extension, user}
	case withheld(user):
		return Number{Kind: Withheld}
	case whole:
		if value, ok := p.valid(user); ok {
			return Number{E164, value}
		}
	}
	return Number{Raw, text}
}

// valid reads user as a number, by points 3 to 8 of Read.
func (p *Plan) valid(user string) (string, bool) {
	dialed, ok := digits(user)
	if !ok {
		return "", false
	}
	if dialed[0] == '+' {
		return parse(dialed, unknown)
	}
	if value, ok := p.national(dialed); ok {
		return value, true
	}
	for _, prefix := range p.longestFirst() {
		if rest, ok := strings.CutPrefix(dialed, prefix); ok {
			if value, ok := p.national(rest); ok {
				return value, true
			}
		}
	}
	if p.Country != "" && len(dialed) >= minBare {
		return parse("+"+dialed, unknown)
	}
	return "", false
}

// national reads digits as they are dialed at home.
func (p *Plan) national(dialed string) (string, bool) {
	if len(dialed) <= maxShort {
		return "", false
	}
	if p.Country != "" {
		if value, ok := parse(dialed, strings.ToUpper(p.Country)); ok {
			return value, true
		}
	}
	if rest, ok := strings.CutPrefix(dialed, "00"); ok {
		return parse("+"+rest, unknown)
	}
	return "", false
}

// unknown is the library's name of no country: only a plus helps.
const unknown = "ZZ"

// parse asks the numbering plans. Strangers choose the text, so a panic of the
// library is taken as "not a number" and does not end the daemon.
func parse(text, country string) (value string, ok bool) {
	defer func() {
		if recover() != nil {
			value, ok = "", false
		}
	}()
	n, err := phonenumbers.Parse(text, country)
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return "", false
	}
	value = phonenumbers.Format(n, phonenumbers.E164)
	return value, len(value) <= maxE164
}

func (p *Plan) longestFirst() []string {
	if len(p.Strip) < 2 {
		return p.Strip
	}
	return slices.SortedStableFunc(slices.Values(p.Strip), func(a, b string) int { return len(b) - len(a) })
}

// digits takes the separators that people write out of a number, and tells
// whether nothing but an optional plus and digits is left. Digits of other
// scripts count: some phones send them.
func digits(s string) (string, bool) {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.IsDigit(r):
			b.WriteString(phonenumbers.NormalizeDigitsOnly(string(r)))
		case (r == '+' || r == '＋') && b.Len() == 0:
			b.WriteByte('+')
		case !strings.ContainsRune(" ()-./‐‑‒–—", r):
			return "", false
		}
	}
	s = b.String()
	return s, strings.Trim(s, "+") != ""
}

// userPart takes the number out of a URI (RFC 3966 tel:, RFC 3261 sip:), out of
// angle brackets, and from before the "@trunk" of a dial string. A text that is
// none of these is given back as it is.
func userPart(s string) string {
	if inner, ok := strings.CutPrefix(s, "<"); ok {
		s = strings.TrimSuffix(inner, ">")
	}
	scheme, rest, ok := strings.Cut(s, ":")
	switch strings.ToLower(scheme) {
	case "tel", "sip", "sips":
		if ok {
			s = rest
		}
	}
	s, _, _ = strings.Cut(s, "@")
	s, _, _ = strings.Cut(s, ";")
	if strings.Contains(s, "%") {
		if plain, err := url.PathUnescape(s); err == nil {
			s, _ = OneLine(plain, maxRaw)
		}
	}
	return strings.TrimSpace(s)
}

// withheld knows the words by which trunks and phones say that a caller hides;
// anonymous is RFC 3323's, the others were seen.
func withheld(user string) bool {
	switch strings.ToLower(user) {
	case "", "anonymous", "unknown", "private", "restricted", "unavailable", "withheld":
		return true
	}
	return false
}

// OneLine makes one line of a text that others wrote: characters that do not
// show (controls, line ends, direction marks, broken UTF-8) are dropped or become
// a space, and what has more than most characters ends in "…". whole is false
// then: a number that was cut is no number.
func OneLine(raw string, most int) (text string, whole bool) {
	var b strings.Builder
	n, space, more := 0, false, false
	for _, r := range raw {
		switch {
		case unicode.IsSpace(r):
			space = n > 0
			continue
		case r == utf8.RuneError || !unicode.IsGraphic(r):
			continue
		}
		need := 1
		if space {
			need = 2
		}
		if n+need > most {
			more = true
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		n += need
	}
	text = b.String()
	if !more {
		return text, !strings.HasSuffix(text, "…")
	}
	runes := []rune(text)
	return strings.TrimSpace(string(runes[:min(len(runes), most-1)])) + "…", false
}
