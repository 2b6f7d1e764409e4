package robotcall

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"
)

// A PBX that has a language only in part speaks English, and the log says once
// what to install.
func TestHalfALanguageIsNotSpoken(t *testing.T) {
	own := Prompts{PromptGoodbye: {"sound:custom/bye"}, PromptMenu: {}}
	for name, c := range map[string]struct {
		language string
		lacks    []string
		want     string
		goodbye  []string
		warns    string
	}{
		"whole":            {"ru", nil, "ru", own[PromptGoodbye], ""},
		"a prompt":         {"ru", []string{"ru sound:vm-for"}, "en", []string{"sound:vm-goodbye"}, "asterisk-core-sounds-ru"},
		"a digit":          {"ru", []string{"ru sound:digits/7"}, "en", []string{"sound:vm-goodbye"}, "asterisk-core-sounds-ru"},
		"what is not said": {"ru", []string{"ru sound:vm-goodbye", "ru sound:digits/star"}, "ru", own[PromptGoodbye], ""},
		"its own":          {"ru", []string{"ru sound:custom/bye"}, "ru", nil, "left out"},
		"English":          {"en", []string{"en sound:vm-for"}, "en", own[PromptGoodbye], "left out"},
	} {
		log := &bytes.Buffer{}
		m := &Managers{cfg: ManagersConfig{Language: c.language, Prompts: own, Log: slog.New(slog.NewTextHandler(log, nil))}}
		pbx := newSwitchboard()
		pbx.lacks = c.lacks
		for range 2 {
			got, err := m.spoken(t.Context(), &Exchange{Name: "main", PBX: pbx})
			if err != nil || got.language != c.want || !slices.Equal(got.prompts[PromptGoodbye], c.goodbye) {
				t.Errorf("%s: %s, %v, %v", name, got.language, got.prompts[PromptGoodbye], err)
			}
		}
		if n := strings.Count(log.String(), "level=WARN"); (n == 1) != (c.warns != "") || n > 1 || !strings.Contains(log.String(), c.warns) {
			t.Errorf("%s: the log says\n%s", name, log)
		}
	}
}
