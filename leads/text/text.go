// Package text says things in the languages of people. It promises that whatever
// is said in one of its languages is said in all of them.
package text

import (
	"slices"

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

// In gives the words of a language, English for one that is not known.
func In(l Language) *Words {
	if w := words[l]; w != nil {
		return w
	}
	return words[English]
}
