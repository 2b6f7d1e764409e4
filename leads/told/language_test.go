package told

import (
	"testing"

	"ringback/leads/text"
	"ringback/routing"
)

func TestWhoHasChosenALanguageIsToldInIt(t *testing.T) {
	directory := &routing.Directory{Managers: []routing.Manager{{Login: "anna"}, {Login: "boris", Language: "ru"}}}
	d := New(Config{Directory: directory, Chosen: func(login string) text.Language {
		if login == "vera" {
			return ""
		}
		return map[string]text.Language{"olga": text.Polish, "boris": text.English}[login]
	}})
	for login, want := range map[string]text.Language{"anna": text.English, "boris": text.English, "olga": text.Polish, "vera": text.English} {
		if got := d.Language(login, Choices{}); got != want {
			t.Errorf("%s: %s, want %s", login, got, want)
		}
	}
	if got := d.Language("olga", Choices{Language: text.Russian}); got != text.Russian {
		t.Errorf("alerts in a language of their own: %s", got)
	}
	if got := New(Config{Directory: directory}).Language("boris", Choices{}); got != text.Russian {
		t.Errorf("who has chosen none: %s", got)
	}
}
