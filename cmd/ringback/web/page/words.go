package page

import (
	"strings"

	"ringback/leads"
	"ringback/leads/alert"
)

// say says what the catalog has for pages under the id, in the reader's language.
func (t *teller) say(id string, pairs ...any) string { return t.words.Say("page."+id, pairs...) }

// known says it of an id that ends in a word from elsewhere; a word that the
// catalog lacks stands for itself.
func (t *teller) known(prefix, word string, pairs ...any) string {
	if id := "page." + prefix + word; word != "" && t.words.Has(id) {
		return t.words.Say(id, pairs...)
	}
	return alert.Clean(word)
}

// why says the reason of a verdict.
func (t *teller) why(reason string) string { return t.known("reason.", reason) }

// settled says how a lead was closed.
func (t *teller) settled(outcome, who string) string {
	return t.known("settled.", outcome, "who", who)
}

// lines are what a person has written, line by line.
func lines(s string) string {
	list := strings.Split(s, "\n")
	for i := range list {
		list[i] = alert.Line(list[i], leads.MaxRemark)
	}
	return strings.Join(list, "\n")
}
