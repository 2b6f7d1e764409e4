package leads

import (
	"strings"

	"ringback/leads/text"
)

// Retold says an explanation, which is kept in English, in another language: its
// clauses are the phrases of the catalog's topic sentence. Of a clause that was cut
// off it says what is whole. false: it holds something else, such as a name that
// reads like two clauses, and English is all there is.
func Retold(explanation string, w *text.Words) (string, bool) {
	if w.Language == text.English {
		return explanation, true
	}
	clauses := strings.Split(explanation, between)
	for i := range clauses {
		if clauses[i] == cut {
			continue
		}
		said, ok := "", false
		if i+1 < len(clauses) && clauses[i+1] == cut {
			said, ok = retoldCut(w, clauses[i])
		}
		if !ok {
			said, ok = retoldClause(w, clauses[i])
		}
		if !ok {
			return "", false
		}
		clauses[i] = said
	}
	return strings.Join(clauses, between), true
}

// retoldCut says what is whole of a clause that was cut off: up to a comma.
func retoldCut(w *text.Words, clause string) (string, bool) {
	rest, off := strings.CutSuffix(clause, cut)
	for off {
		end := strings.LastIndex(rest, ", ")
		if end < 0 {
			break
		}
		rest = rest[:end]
		if said, ok := retoldClause(w, rest); ok {
			return said + cut, true
		}
	}
	return "", false
}

func retoldClause(w *text.Words, clause string) (string, bool) {
	return w.Again("sentence", clause, func(name, english string) (string, bool) {
		switch name {
		case "rest":
			return retoldClause(w, english)
		case "d", "limit":
			return retoldLength(w, english)
		case "names":
			return retoldNames(w, english), true
		}
		return retoldName(w, english), !strings.Contains(english, ", ") // which is more than a name
	})
}

// retoldName says who or what it was, where that has no name of its own.
func retoldName(w *text.Words, english string) string {
	if said, ok := w.Again("unnamed", english, func(_, name string) (string, bool) { return name, true }); ok {
		return said
	}
	return english
}

// retoldNames says a listing.
func retoldNames(w *text.Words, english string) string {
	all, last, two := strings.Cut(english, " and ")
	names := strings.Split(all, ", ")
	for i := range names {
		names[i] = retoldName(w, names[i])
	}
	said := strings.Join(names, ", ")
	if !two {
		return said
	}
	if more, ok := strings.CutSuffix(last, " more"); ok {
		return w.Say("listed.more", "names", said, "k", more)
	}
	return w.Say("listed.and", "names", said, "last", retoldName(w, last))
}

// retoldLength says what lasted has said.
func retoldLength(w *text.Words, english string) (string, bool) {
	number, unit, _ := strings.Cut(english, " ")
	switch {
	case english == "an instant":
		return w.Say("listed.instant"), true
	case strings.Trim(number, "0123456789.") != "":
		return "", false
	case unit == "s", unit == "min":
		if w.Language != text.English { // both of the others write a comma
			number = strings.Replace(number, ".", ",", 1)
		}
		return w.Say("page.unit."+unit, "k", number), true
	}
	return "", false
}
