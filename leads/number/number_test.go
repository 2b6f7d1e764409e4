package number

import (
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestRead(t *testing.T) {
	long := strings.Repeat("1234567890", 4)
	for _, c := range []struct {
		country string
		raw     string
		want    string // kind and value
	}{
		// With a plus the country does not matter.
		{"", "+79161234567", "e164 +79161234567"},
		{"DE", "+7 (916) 123-45-67", "e164 +79161234567"},
		{"DE", "tel:+49-30-1234567;ext=5", "e164 +49301234567"},
		{"DE", "sip:+49301234567@trunk.example:5060;user=phone", "e164 +49301234567"},
		{"DE", "<SIP:%2B49301234567@trunk.example>", "e164 +49301234567"},
		{"DE", "+49301234567@trunk", "e164 +49301234567"},
		{"DE", "+49 (0)30 1234567", "e164 +49301234567"},
		{"DE", "＋４９３０１２３４５６７", "e164 +49301234567"},
		{"", "+٧٩١٦١٢٣٤٥٦٧", "e164 +79161234567"},
		// As dialed at home.
		{"RU", "89161234567", "e164 +79161234567"},
		{"RU", "9161234567", "e164 +79161234567"},
		{"RU", "79161234567", "e164 +79161234567"},
		{"RU", "74951234567", "e164 +74951234567"},
		{"RU", "8 10 49 30 12345678", "e164 +493012345678"},
		{"DE", "030 1234567", "e164 +49301234567"},
		{"de", "030/1234567", "e164 +49301234567"},
		{"de", "0049301234567", "e164 +49301234567"},
		{"US", "(212) 555-1234", "e164 +12125551234"},
		{"US", "011 49 30 12345678", "e164 +493012345678"},
		{"IT", "0612345678", "e164 +390612345678"},
		{"GB", "07911123456", "e164 +447911123456"},
		// 00 is understood everywhere, a bare foreign number when it is long.
		{"RU", "00491711234567", "e164 +491711234567"},
		{"", "00491711234567", "e164 +491711234567"},
		{"RU", "491711234567", "e164 +491711234567"},
		{"US", "4532123456", "raw 4532123456"},           // too short to be believed a Dane
		{"DE", "201000000000000", "raw 201000000000000"}, // a plan allows it, E.164 does not
		// Prefixes to an outside line.
		{"RU+9", "9 8 916 123-45-67", "e164 +79161234567"},
		{"RU+9", "989161234567", "e164 +79161234567"}, // as +98… it would be a mobile in Iran
		{"RU+9", "9810493012345678", "e164 +493012345678"},
		{"RU+9", "9161234567", "e164 +79161234567"}, // valid as received: nothing is taken off
		{"RU+9,99", "9989161234567", "e164 +79161234567"},
		{"RU+9,9810", "98104930123456", "e164 +74930123456"}, // the longest prefix first
		{"DE+0", "00301234567", "e164 +49301234567"},
		{"DE+0", "0015112345678", "e164 +4915112345678"},
		{"RU+9", "9101", "raw 9101"},
		{"RU+9", "+989161234567", "e164 +989161234567"},
		// Extensions go first, short numbers are never a country's.
		{"DE", "100", "extension 100"},
		{"DE", "sip:100@10.0.0.1", "extension 100"},
		{"DE", "desk.anna", "extension desk.anna"},
		{"DE", "201", "raw 201"},
		{"DE", "110", "raw 110"},
		{"RU", "112", "raw 112"},
		{"DE", "030123", "raw 030123"},
		{"US", "5551234", "raw 5551234"},
		// Without a country only what names its own.
		{"", "79161234567", "raw 79161234567"},
		{"", "2125551234", "raw 2125551234"},
		{"XX", "89161234567", "raw 89161234567"},
		// Not numbers.
		{"DE", "s", "raw s"},
		{"US", "1-800-FLOWERS", "raw 1-800-FLOWERS"},
		{"DE", "*21*0301234567#", "raw *21*0301234567#"},
		{"DE", "+", "raw +"},
		{"DE", "+1", "raw +1"},
		{"DE", "++49301234567", "raw ++49301234567"},
		{"DE", "4930+1234567", "raw 4930+1234567"},
		{"RU", "+89161234567", "raw +89161234567"},
		{"DE", long, "raw " + long},
		{"DE", "Müller & Söhne", "raw Müller & Söhne"},
		{"DE", "<script>alert(1)</script>", "raw <script>alert(1)</script>"},
		{"DE", "sip:anna@example.com", "raw sip:anna@example.com"},
		{"DE", "+49301234567\r\nVia: evil", "raw +49301234567 Via: evil"},
		{"DE", " \u202e+49 30\x00 123\xff4567\n", "e164 +49301234567"},
		{"DE", strings.Repeat("9", 1000), "raw " + strings.Repeat("9", 63) + "…"},
		{"DE", "+49301234567" + strings.Repeat("-", 80) + "99", "raw +49301234567" + strings.Repeat("-", 51) + "…"},
		// Who hides.
		{"DE", "", "withheld "},
		{"DE", " \t\r\n", "withheld "},
		{"DE", "Anonymous", "withheld "},
		{"DE", "sip:anonymous@anonymous.invalid", "withheld "},
		{"DE", "<unknown>", "withheld "},
		{"DE", "PRIVATE", "withheld "},
		{"DE", "Restricted", "withheld "},
		{"DE", "unavailable", "withheld "},
		{"DE", "withheld", "withheld "},
	} {
		country, strip, _ := strings.Cut(c.country, "+")
		p := &Plan{Country: country, Extensions: map[string]bool{"100": true, "desk.anna": true}}
		if strip != "" {
			p.Strip = strings.Split(strip, ",")
		}
		n := p.Read(c.raw)
		if got := fmt.Sprint(n.Kind, " ", n.Value); got != c.want {
			t.Errorf("%s: %q reads as %q, want %q", c.country, c.raw, got, c.want)
		}
		if again := p.Read(n.Value); again != n {
			t.Errorf("%s: %q reads as %v, and that as %v", c.country, c.raw, n, again)
		}
	}
}

func TestMask(t *testing.T) {
	for raw, want := range map[string]string{
		"+79161234567": "+7916•••4567", "+7 916 123-45-67": "+7916•••4567", "": "withheld", "101": "101", "112": "112",
		"1234567": "12•••67", "030123456": "03•••56", "0301234567": "0301•••567", "Anna Müller": "•••", "sip:a@b": "•••",
		strings.Repeat("1", 2000): "•••", "\r\n": "•••",
	} {
		if got := Mask(raw); got != want {
			t.Errorf("Mask(%q) is %q, want %q", raw, got, want)
		}
	}
}

// plans are those that the general properties are tried with.
var plans = []*Plan{
	{}, {Country: "DE", Strip: []string{"0"}, Extensions: map[string]bool{"201": true}},
	{Country: "RU", Strip: []string{"9", "98", "810"}}, {Country: "US", Strip: []string{"9"}}, {Country: "AR"}, {Country: "BR"}, {Country: "MX"}, {Country: "IT"},
}

// check states what holds of every reading.
func check(t interface{ Errorf(string, ...any) }, p *Plan, raw string) {
	n := p.Read(raw)
	if again := p.Read(n.Value); again != n {
		t.Errorf("%s: %q reads as %v %q, and that as %v %q", p.Country, raw, n.Kind, n.Value, again.Kind, again.Value)
	}
	if fresh := p.read(raw); fresh != n {
		t.Errorf("%s: %q reads as %v, without the cache as %v", p.Country, raw, n, fresh)
	}
	if utf8.RuneCountInString(n.Value) > maxRaw || !utf8.ValidString(n.Value) {
		t.Errorf("%q reads as %q: too long, or broken", raw, n.Value)
	}
	for _, r := range n.Value {
		if r != ' ' && !unicode.IsGraphic(r) || r != ' ' && unicode.IsSpace(r) {
			t.Errorf("%q reads as %q, which has %U in it", raw, n.Value, r)
		}
	}
	switch n.Kind {
	case E164:
		if len(n.Value) < 6 || len(n.Value) > 16 || n.Value[0] != '+' || strings.Trim(n.Value[1:], "0123456789") != "" {
			t.Errorf("%q reads as the number %q", raw, n.Value)
		}
	case Withheld:
		if n.Value != "" {
			t.Errorf("%q is withheld and yet %q", raw, n.Value)
		}
	case Extension:
		if !p.Extensions[n.Value] {
			t.Errorf("%q reads as the extension %q, which is none", raw, n.Value)
		}
	}
	if m := Mask(n.Value); len(m) > maxKey || strings.ContainsAny(m, "\r\n<>\"") {
		t.Errorf("%q is masked as %q", n.Value, m)
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"+79161234567", "00491711234567", "9 89161234567", "sip:%2b49@x;y", "<>", "…", "+54 9 11 2345-6789", "tel:%00", "\xff\u202e", "201000   000000000"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		for _, p := range plans {
			check(t, p, raw)
		}
	})
}

func TestReadingIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		raw := rapid.OneOf(
			rapid.StringMatching(`\+?[0-9]{1,18}`),
			rapid.StringMatching(`(00|810|011|8|9|0)?(7|49|54|55|52|39|1|44)[0-9]{6,11}`),
			rapid.StringMatching(`(sip:|tel:|<)?\+?[0-9 ()./-]{0,70}(@|;|>|%)?[a-z0-9.]{0,20}`),
			rapid.String(),
		).Draw(t, "raw")
		check(t, rapid.SampledFrom(plans).Draw(t, "plan"), raw)
	})
}

func TestCacheIsBoundedAndKeepsWhatIsUsed(t *testing.T) {
	p := &Plan{Country: "DE"}
	for i := range 3 * generation {
		p.Read(fmt.Sprintf("0301%07d", i))
		p.Read("+49301234567")
	}
	if held := len(p.cache.young) + len(p.cache.old); held > 2*generation {
		t.Errorf("the cache holds %d readings", held)
	}
	if p.cache.computed != 3*generation+1 {
		t.Errorf("%d readings were computed, want each once", p.cache.computed)
	}
}

func BenchmarkRead(b *testing.B) {
	p := &Plan{Country: "RU"}
	b.Run("known", func(b *testing.B) {
		for b.Loop() {
			p.Read("89161234567")
		}
	})
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			p.read("89161234567")
		}
	})
}
