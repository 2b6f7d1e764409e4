package alert_test

import (
	"strings"
	"testing"

	"ringback/leads/alert"
)

func TestTextIsMadeFitForOneLine(t *testing.T) {
	for text, want := range map[string]string{
		"": "", " Ivan ": "Ivan", "Иван П.": "Иван П.", "ten runes…": "ten runes…", "двенадцать": "двенадцать",
		"eleven rune": "eleven run…", "одиннадцать": "одиннадцат…", "a\nb": "a b", "\u202eabc": "abc", "a\u200bb": "a b", "\x00": "",
		"a\xffb": "a\uFFFDb", "\uFFFD": "\uFFFD", "abcdefghij\xff": "abcdefghij…", strings.Repeat("\xff", 20): "\uFFFD",
	} {
		if got := alert.Line(text, 10); got != want {
			t.Errorf("%q is made %q, want %q", text, got, want)
		}
	}
}
