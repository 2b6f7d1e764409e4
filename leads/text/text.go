// Package text says things in the languages of people. It promises that whatever
// is said in one of its languages is said in all of them.
package text

import (
	"embed"
	"fmt"
	"path"
	"slices"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// Language is one in which people are spoken to.
type Language string

const (
	English Language = "en"
	Russian Language = "ru"
	Polish  Language = "pl"
)

// Languages are all of them; the first is spoken where nobody has said which.
var Languages = []Language{English, Russian, Polish}

// Known says whether the language is one of them.
func (l Language) Known() bool { return slices.Contains(Languages, l) }

// Name is what the language calls itself.
func (l Language) Name() string {
	return map[Language]string{English: "English", Russian: "Русский", Polish: "Polski"}[l]
}

//go:embed catalog
var catalog embed.FS

var bundle = func() *i18n.Bundle {
	b := i18n.NewBundle(language.English)
	files, err := catalog.ReadDir("catalog")
	if err != nil {
		panic(err) // embedded: it is there
	}
	for _, f := range files {
		if _, err := b.LoadMessageFileFS(catalog, path.Join("catalog", f.Name())); err != nil {
			panic(err) // a test reads them all
		}
	}
	return b
}()

var matcher = language.NewMatcher([]language.Tag{language.English, language.Russian, language.Polish})

// Accepted is the language that suits best what a browser accepts (RFC 9110
// §12.5.4); fallback where none does.
func Accepted(header string, fallback Language) Language {
	tags, _, err := language.ParseAcceptLanguage(header)
	if err != nil || len(tags) == 0 {
		return fallback
	}
	_, i, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return fallback
	}
	return Languages[i]
}

// Words says things in one language.
type Words struct {
	Language  Language
	localizer *i18n.Localizer
}

var words = func() map[Language]*Words {
	all := map[Language]*Words{}
	for _, l := range Languages {
		all[l] = &Words{l, i18n.NewLocalizer(bundle, string(l))}
	}
	return all
}()

// In gives the words of a language, English for one that is not known.
func In(l Language) *Words {
	if w := words[l]; w != nil {
		return w
	}
	return words[English]
}

// Say says what the catalog has under id. pairs are names and values of what is
// put into it: "who", "Anna". The value named "n" is a number, by which the
// plural form is chosen. What is put in is not escaped: an HTML template does
// that.
//
// An id that the catalog lacks is said as it stands; a test finds such.
func (w *Words) Say(id string, pairs ...any) string {
	data := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	said, err := w.localizer.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data, PluralCount: data["n"]})
	if err != nil {
		return id
	}
	return said
}

// Has says whether the catalog has the id.
func (w *Words) Has(id string) bool { return w.Say(id) != id }
