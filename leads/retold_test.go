package leads_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"ringback/leads"
	"ringback/leads/text"
)

// english are the words of an explanation that are nobody's name: Ringback, keys
// of the configuration and what the dialplan calls its own things are.
var english = regexp.MustCompile(`[A-Za-z_]{2,}`)

var names = strings.Fields("Ringback min_talk external_after short_abandon AGI ReceiveFAX sales balance hotline")

// retold says an explanation in every language, and fails where English is left.
func retold(t *testing.T, explanation string) {
	t.Helper()
	for _, l := range []text.Language{text.Russian, text.Polish} {
		said, ok := leads.Retold(explanation, text.In(l))
		if !ok {
			t.Errorf("%s: there are no words for %q", l, explanation)
		}
		rest := said
		for _, name := range names {
			rest = strings.ReplaceAll(rest, name, "")
		}
		if left := english.FindString(rest); l == text.Russian && left != "" || strings.Contains(said, "{{") {
			t.Errorf("%s: %q is left in %q", l, left, said)
		}
	}
	if said, ok := leads.Retold(explanation, text.In(text.English)); !ok || said != explanation {
		t.Errorf("English: %q, not %q", said, explanation)
	}
}

// TestAnExplanationIsRetold holds whole sentences in both languages; that there are
// words for everything TestSentence asks of every sentence that it has.
func TestAnExplanationIsRetold(t *testing.T) {
	for _, c := range []struct{ english, russian, polish string }{
		{"rang 101, 102 and 103 for 9.5 s; 101 declined; the caller hung up",
			"звонок на 101, 102 и 103, 9,5 с; 101: отклонено; звонивший кладёт трубку",
			"dzwoniło u 101, 102 i 103, 9,5 s; 101: odrzucono; dzwoniący odkłada słuchawkę"},
		{"outside the opening hours: rang 1, 2, 3 and 4 more for an instant; …; the PBX ended the call",
			"в нерабочее время: звонок на 1, 2, 3 и ещё 4, мгновение; …; АТС завершила звонок",
			"poza godzinami pracy: dzwoniło u 1, 2, 3 i jeszcze 4, chwilę; …; centrala zakończyła połączenie"},
	} {
		for l, want := range map[text.Language]string{text.Russian: c.russian, text.Polish: c.polish} {
			if got, ok := leads.Retold(c.english, text.In(l)); !ok || got != want {
				t.Errorf("%s\n got %q\nwant %q", l, got, want)
			}
		}
	}
	for _, odd := range []string{"rang a; b for 5 s", "", "the caller did what nobody has a word for", "rang 101 for ages; the…"} {
		if said, ok := leads.Retold(odd, text.In(text.Russian)); ok && odd == "" || ok && strings.Contains(said, "nobody has") {
			t.Errorf("%q is said as %q", odd, said)
		}
	}
}

// TestACutExplanationIsRetold cuts long first clauses off wherever that may be: no
// English is left of them.
func TestACutExplanationIsRetold(t *testing.T) {
	for _, clause := range []string{
		"by the PBX's call records: waited for 12 s in queue 600, which rang 101, 102, 103 and 4 more, until nobody was there to answer",
		"outside the opening hours: rang 101, 102, 103 and 4 more for 12 s",
		"application 7 is configured as handled: talked with 79161234567 for 1.5 s, less than min_talk (3 s), was transferred",
	} {
		for end := strings.Index(clause, ", ") + 2; end < len(clause); end++ {
			retold(t, clause[:end]+"…; …; the caller hung up")
		}
	}
	if said, _ := leads.Retold("rang 101, 102, 103 and 4 mo…; …; the caller hung up", text.In(text.Russian)); said != "звонок на 101, 102…; …; звонивший кладёт трубку" {
		t.Errorf("it is said as %q", said)
	}
}

// TestEveryRecordedCallIsRetold takes the explanations of what real PBXes did.
func TestEveryRecordedCallIsRetold(t *testing.T) {
	files, err := filepath.Glob("../testdata/calls/*/*.want")
	if err != nil || len(files) < 100 {
		t.Fatalf("%d recordings: %v", len(files), err)
	}
	explained := regexp.MustCompile(`"explanation":("[^"\\]+")`)
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range explained.FindAllSubmatch(body, -1) {
			explanation, err := strconv.Unquote(string(found[1]))
			if err != nil {
				t.Fatal(err)
			}
			for _, l := range []text.Language{text.Russian, text.Polish} {
				if _, ok := leads.Retold(explanation, text.In(l)); !ok {
					t.Errorf("%s: %s: there are no words for %q", file, l, explanation)
				}
			}
		}
	}
}
