package text

import (
	"embed"
	"fmt"
	"path"
	"strconv"
	"strings"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

//go:embed catalog
var catalog embed.FS

// Words says things in one language.
type Words struct {
	Language Language
	tag      language.Tag
	phrases  map[string]map[plural.Form]phrase
}

// phrase is a text of the catalog, cut once for all at what is put into it: a page
// says some thousand of them.
type phrase []piece

// piece is what stands in a phrase, or the name of what is put in there.
type piece struct{ text, name string }

func cut(said string) (p phrase) {
	for {
		text, rest, found := strings.Cut(said, "{{.")
		if text != "" {
			p = append(p, piece{text: text})
		}
		if !found {
			return p
		}
		var name string
		name, said, _ = strings.Cut(rest, "}}")
		p = append(p, piece{name: name})
	}
}

var words = func() map[Language]*Words {
	all := map[Language]*Words{}
	for _, l := range Languages {
		all[l] = &Words{l, language.MustParse(string(l)), map[string]map[plural.Form]phrase{}}
	}
	b := i18n.NewBundle(language.English)
	files, err := catalog.ReadDir("catalog")
	if err != nil {
		panic(err) // embedded: it is there
	}
	for _, f := range files {
		file, err := b.LoadMessageFileFS(catalog, path.Join("catalog", f.Name()))
		if err != nil {
			panic(err) // a test reads them all
		}
		for _, m := range file.Messages {
			all[Language(file.Tag.String())].phrases[m.ID] = forms(m)
		}
	}
	return all
}()

// forms are the plural forms that a message has; one that does not count has
// plural.Other alone.
func forms(m *i18n.Message) map[plural.Form]phrase {
	all := map[plural.Form]phrase{}
	for form, said := range map[plural.Form]string{plural.One: m.One, plural.Few: m.Few, plural.Many: m.Many, plural.Other: m.Other} {
		if said != "" {
			all[form] = cut(said)
		}
	}
	return all
}

// Say says what the catalog has under id. pairs are names and values of what is
// put into it: "who", "Anna". The value named "n" is a whole number, by which the
// plural form is chosen. What is put in is not escaped: an HTML template does
// that.
//
// An id that the catalog lacks is said as it stands; a test finds such.
func (w *Words) Say(id string, pairs ...any) string {
	all, ok := w.phrases[id]
	if !ok {
		return id
	}
	p, ok := all[w.form(pairs)]
	if !ok {
		p = all[plural.Other]
	}
	if len(p) == 1 && p[0].name == "" {
		return p[0].text
	}
	var said strings.Builder
	for _, piece := range p {
		said.WriteString(piece.text)
		if piece.name != "" {
			said.WriteString(shown(value(pairs, piece.name)))
		}
	}
	return said.String()
}

// form is the plural form that the number among pairs takes.
func (w *Words) form(pairs []any) plural.Form {
	n := value(pairs, "n")
	if n == nil {
		return plural.Other
	}
	count, err := strconv.Atoi(shown(n))
	if err != nil {
		return plural.Other
	}
	return plural.Cardinal.MatchPlural(w.tag, max(count, -count), 0, 0, 0, 0)
}

// value is what pairs have under a name; nil: nothing.
func value(pairs []any, name string) any {
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i] == name {
			return pairs[i+1]
		}
	}
	return nil
}

func shown(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case int:
		return strconv.Itoa(v)
	}
	return fmt.Sprint(v)
}

// Has says whether the catalog has the id.
func (w *Words) Has(id string) bool { return w.phrases[id] != nil }
