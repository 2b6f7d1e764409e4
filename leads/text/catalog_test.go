package text_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"ringback/leads/text"
)

// forms are the plural forms that each language has (CLDR).
var forms = map[string][]string{"en": {"one", "other"}, "ru": {"few", "many", "one", "other"}, "pl": {"few", "many", "one", "other"}}

var (
	placeholder = regexp.MustCompile(`\{\{[^}]*\}\}`)
	plain       = regexp.MustCompile(`\{\{\.[a-z]+\}\}`)
)

// TestEveryLanguageSaysEverything: what a catalog says in one language it says in
// all of them, with the same things put in, and in every plural form that the
// language has.
func TestEveryLanguageSaysEverything(t *testing.T) {
	english, err := filepath.Glob("catalog/*.en.json")
	if err != nil || len(english) < 2 {
		t.Fatalf("%v: %v", english, err)
	}
	all, _ := filepath.Glob("catalog/*.json")
	if len(all) != len(english)*len(text.Languages) {
		t.Errorf("%d files for %d topics in %d languages", len(all), len(english), len(text.Languages))
	}
	owner := map[string]string{}
	for _, file := range english {
		topic := strings.TrimSuffix(filepath.Base(file), ".en.json")
		want := catalog(t, topic, "en")
		for id := range want {
			if other := owner[id]; other != "" {
				t.Errorf("%s says %s, which is of %s", topic, id, other)
			}
			owner[id] = topic
		}
		for _, l := range text.Languages {
			compare(t, topic, string(l), want, catalog(t, topic, string(l)))
		}
	}
}

func compare(t *testing.T, topic, language string, want, got map[string]any) {
	t.Helper()
	for id := range got {
		if want[id] == nil {
			t.Errorf("%s.%s: %s is not said in English", topic, language, id)
		}
	}
	for id, w := range want {
		g := got[id]
		if g == nil {
			t.Errorf("%s.%s: %s is missing", topic, language, id)
			continue
		}
		plural, isPlural := g.(map[string]any)
		if _, english := w.(map[string]any); english != isPlural {
			t.Errorf("%s.%s: %s has plural forms in one language only", topic, language, id)
			continue
		}
		if isPlural && !slices.Equal(slices.Sorted(maps.Keys(plural)), forms[language]) {
			t.Errorf("%s.%s: %s has the forms %v, want %v", topic, language, id, slices.Sorted(maps.Keys(plural)), forms[language])
		}
		for _, said := range texts(g) {
			if strings.TrimSpace(said) == "" {
				t.Errorf("%s.%s: %s says nothing", topic, language, id)
			}
			if rest := plain.ReplaceAllString(said, ""); strings.ContainsAny(rest, "{}") {
				t.Errorf("%s.%s: %s puts in more than things by their name: %s", topic, language, id, said)
			}
			if a, b := placeholders(texts(w)[0]), placeholders(said); !slices.Equal(a, b) {
				t.Errorf("%s.%s: %s puts in %v, English %v", topic, language, id, b, a)
			}
		}
	}
}

// texts are what an entry of a catalog can say.
func texts(entry any) (list []string) {
	switch e := entry.(type) {
	case string:
		return []string{e}
	case map[string]any:
		for _, form := range slices.Sorted(maps.Keys(e)) {
			said, _ := e[form].(string)
			list = append(list, said)
		}
	}
	return list
}

func placeholders(said string) []string {
	list := placeholder.FindAllString(said, -1)
	slices.Sort(list)
	return slices.Compact(list)
}

func catalog(t *testing.T, topic, language string) map[string]any {
	t.Helper()
	body, err := os.ReadFile(filepath.Join("catalog", topic+"."+language+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var said map[string]any
	if err := json.Unmarshal(body, &said); err != nil {
		t.Fatalf("%s.%s: %v", topic, language, err)
	}
	return said
}
