package text_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"

	"ringback/leads/text"
)

func TestPlurals(t *testing.T) {
	for _, c := range []struct {
		l    text.Language
		n    int
		want string
	}{
		{text.English, 1, "1 missed call"}, {text.English, 5, "5 missed calls"},
		{text.Russian, 1, "1 пропущенный звонок"}, {text.Russian, 2, "2 пропущенных звонка"}, {text.Russian, 11, "11 пропущенных звонков"},
		{text.Polish, 1, "1 nieodebrane połączenie"}, {text.Polish, 3, "3 nieodebrane połączenia"}, {text.Polish, 12, "12 nieodebranych połączeń"},
	} {
		if got := text.In(c.l).Say("missed_calls", "n", c.n); got != c.want {
			t.Errorf("%s: %q, want %q", c.l, got, c.want)
		}
	}
}

func TestAccepted(t *testing.T) {
	for header, want := range map[string]text.Language{"": text.Polish, "ru-RU,ru;q=0.9,en;q=0.8": text.Russian, "de": text.Polish,
		"en-GB": text.English, "pl": text.Polish, ";;;": text.Polish, "uk,ru;q=0.5": text.Russian} {
		if got := text.Accepted(header, text.Polish); got != want {
			t.Errorf("%q: %s, want %s", header, got, want)
		}
	}
}

// TestWordsSayWhatTheirLibraryWouldSay: what is cut here is put together as
// go-i18n does it, in every language, with every plural form.
func TestWordsSayWhatTheirLibraryWouldSay(t *testing.T) {
	bundle := i18n.NewBundle(language.English)
	files, err := filepath.Glob("catalog/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if _, err := bundle.LoadMessageFile(f); err != nil {
			t.Fatal(err)
		}
	}
	for _, f := range files {
		topic, l, _ := strings.Cut(strings.TrimSuffix(filepath.Base(f), ".json"), ".")
		library, words := i18n.NewLocalizer(bundle, l), text.In(text.Language(l))
		for id, entry := range catalog(t, topic, l) {
			for _, n := range []any{0, 1, 2, 5, 11, 12, 21, 22, 25, 101, 111, 1000000, 10000001, -1, int64(3), "4"} {
				data, pairs := map[string]any{}, []any{}
				if _, counts := entry.(map[string]any); counts {
					data["n"], pairs = n, []any{"n", n}
				}
				for _, name := range placeholders(strings.Join(texts(entry), " ")) {
					if name = strings.Trim(name, "{.}"); data[name] == nil {
						data[name], pairs = "<"+name+"> {{.n}}", append(pairs, name, "<"+name+"> {{.n}}")
					}
				}
				want, err := library.Localize(&i18n.LocalizeConfig{MessageID: id, TemplateData: data, PluralCount: data["n"]})
				if got := words.Say(id, pairs...); err != nil || got != want {
					t.Errorf("%s with %v is said %q in %s, want %q (%v)", id, n, got, l, want, err)
				}
			}
		}
	}
}

func TestWhatTheCatalogLacksStandsForItself(t *testing.T) {
	for _, l := range text.Languages {
		if w := text.In(l); w.Say("no.such.thing", "n", 1) != "no.such.thing" || w.Has("no.such.thing") || !w.Has("missed_calls") {
			t.Errorf("%s: %q", l, w.Say("no.such.thing", "n", 1))
		}
	}
}

func BenchmarkSay(b *testing.B) {
	w := text.In(text.Russian)
	for name, say := range map[string]func() string{"plain": func() string { return w.Say("page.overdue") }, "counted": func() string { return w.Say("missed_calls", "n", 3) }} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				say()
			}
		})
	}
}
