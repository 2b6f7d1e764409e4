package text

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"golang.org/x/text/feature/plural"
)

// known is an English phrase of the catalog, to be found again in what was said
// by it.
type known struct {
	id     string
	phrase phrase
	fixed  int // how much of it is words, and not what was put in
}

// topics are the phrases by the topic with which their ids begin. Of two that fit,
// the one with more words of its own is meant.
var topics = sync.OnceValue(func() map[string][]known {
	all := map[string][]known{}
	for id, forms := range words[English].phrases {
		topic, _, _ := strings.Cut(id, ".")
		k := known{id: id, phrase: forms[plural.Other]}
		for _, piece := range k.phrase {
			k.fixed += len(piece.text)
		}
		all[topic] = append(all[topic], k)
	}
	for _, list := range all {
		slices.SortFunc(list, func(a, b known) int { return cmp.Or(b.fixed-a.fixed, strings.Compare(a.id, b.id)) })
	}
	return all
})

// Again says in this language what a phrase of a topic has said in English. value
// says what was put in; false, where that cannot be. ok is false where no phrase
// fits: the text is then not of the catalog.
func (w *Words) Again(topic, english string, value func(name, english string) (string, bool)) (said string, ok bool) {
	for _, k := range topics()[topic] {
		found, fits := k.phrase.values(english)
		pairs := make([]any, 0, len(found))
		for i := 0; fits && i < len(found); i += 2 {
			var v string
			v, fits = value(found[i], found[i+1])
			pairs = append(pairs, found[i], v)
		}
		if fits {
			return w.Say(k.id, pairs...), true
		}
	}
	return "", false
}

// values finds what was put into a phrase, as pairs of name and text.
func (p phrase) values(said string) (pairs []string, ok bool) {
	for i, piece := range p {
		end := len(said)
		switch {
		case piece.name == "":
			if said, ok = strings.CutPrefix(said, piece.text); !ok {
				return nil, false
			}
			continue
		case i+1 < len(p):
			end = strings.Index(said, p[i+1].text)
		}
		if end <= 0 {
			return nil, false
		}
		pairs, said = append(pairs, piece.name, said[:end]), said[end:]
	}
	return pairs, said == ""
}
