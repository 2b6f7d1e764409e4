package text_test

import (
	"testing"

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
