package page

import (
	"go/ast"
	"go/parser"
	source "go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/text"
	"ringback/leads/view"
	"ringback/routing"
)

// anyone is a teller who speaks the language.
func anyone(l text.Language) *teller {
	return &teller{now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC), zone: time.UTC, directory: &routing.Directory{}, words: text.In(l)}
}

func TestThereAreWordsForEverything(t *testing.T) {
	tell := anyone(text.English)
	for _, list := range routing.Reasons {
		for _, r := range list {
			if tell.why(string(r)) == string(r) {
				t.Errorf("no words for reason %s", r)
			}
		}
	}
	for _, cause := range leads.Causes {
		if tell.known("cause.", string(cause)) == string(cause) {
			t.Errorf("there are no words for %q", cause)
		}
	}
	for _, o := range leads.Outcomes {
		if tell.settled(string(o), "Anna") == string(o) {
			t.Errorf("no words for outcome %s", o)
		}
	}
	for kind, want := range map[string]struct{ detail, text string }{
		leads.EntryMissed:        {"busy", "Missed call: every phone was busy"},
		leads.EntryAnswered:      {"", "Rang and was answered"},
		leads.EntryAssigned:      {"turn", "Given to anna, whose turn it was"},
		leads.EntryWaits:         {"2026-11-23T09:00:00Z", "Waits until the pool opens, Mon 23 Nov 09:00"},
		leads.EntryTried:         {"7s", "anna tried to reach them and talked for 7 s"},
		leads.EntryTalkedElse:    {"", "anna, who is not of this pool, talked with them: settled?"},
		leads.EntryClosed:        {"called_back", "Settled: anna called back"},
		leads.EntrySettledBefore: {"no_answer", "Missed call: nobody picked up in time; a talk has settled it already"},
		leads.EntryAlertSent:     {"new_lead", "Told anna by sip: somebody is to be called back"},
		leads.EntryAlertFailed:   {"gone", "Could not tell anna by sip:"},
		leads.EntryAlertDoubt:    {"gone", "May have told anna by sip:"},
		leads.EntryAlertWould:    {"overdue", "Would have told anna by sip: nobody has called back yet"},
		leads.EntryNobodyToTell:  {"new_lead", "Nobody to tell: anna has no channel"},
		leads.EntrySuspicious:    {"", "Never rang before and hung up at once: nobody is told until they ring again"},
		leads.EntryAcknowledged:  {"2026-11-22T08:30:00Z", "anna has it in hand, until 08:30"},
		leads.EntryAckEnded:      {"", "They rang again: anna does not have it in hand any more"},
		leads.EntryHandedOn:      {"boris", "Handed on by boris to anna"},
		leads.EntryNobodyElse:    {"", "Nobody else could take it: it stays with anna"},
		leads.EntryCallDue:       {"", "To be rung: anna"},
		leads.EntryCallWould:     {"", "Would have rung anna"},
		leads.EntryCallNot:       {"no phone", "anna was not rung:"},
		leads.EntryAsked:         {"by phone", "anna asked for a call back:"},
		leads.EntryRobotCall:     {"answered: later", "Robot call to anna:"},
		leads.EntryBegun:         {"", "People are told from now on: of this one from the first step"},
		"something_new":          {"x", "something_new anna"},
	} {
		got := tell.entry(&view.Entry{Kind: kind, Who: "anna", Channel: "sip", Detail: want.detail, At: leads.Stamp{Time: tell.now}})
		if got.Text != want.text {
			t.Errorf("%s: %q, want %q", kind, got.Text, want.text)
		}
	}
}

// Every kind of entry that the code can write has words, and every reason to tell
// somebody.
func TestThereAreWordsForEveryEntry(t *testing.T) {
	tell := anyone(text.English)
	kinds := constants(t, "../../../../leads", "Entry")
	if len(kinds) < 20 {
		t.Fatalf("only %d kinds were found", len(kinds))
	}
	for _, kind := range append(kinds, constants(t, "../../../../leads/appointments", "Entry")...) {
		if got := tell.entry(&view.Entry{Kind: kind, Who: "anna", Channel: "sip"}).Text; got == kind+" anna" {
			t.Errorf("no words for entries %s", kind)
		}
	}
	for _, why := range []alert.Why{alert.NewLead, alert.RangAgain, alert.Overdue, alert.NotReminded, alert.Answered, alert.Appointment} {
		if tell.known("about.", string(why)) == string(why) {
			t.Errorf("no words for alerts %s", why)
		}
	}
}

// constants are the texts of the constants of a folder whose names begin so.
func constants(t *testing.T, folder, prefix string) (texts []string) {
	t.Helper()
	files, err := filepath.Glob(folder + "/*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		tree, err := parser.ParseFile(source.NewFileSet(), file, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(tree, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || !strings.HasPrefix(spec.Names[0].Name, prefix) || len(spec.Values) == 0 {
				return true
			}
			if lit, ok := spec.Values[0].(*ast.BasicLit); ok {
				text, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Fatal(err)
				}
				texts = append(texts, text)
			}
			return true
		})
	}
	return texts
}

func TestTimesAreSaidAsPeopleDo(t *testing.T) {
	zone := time.FixedZone("", 3*3600)
	tell := anyone(text.English)
	tell.now, tell.zone = time.Date(2026, 11, 22, 22, 30, 0, 0, time.UTC), zone
	for _, tc := range []struct {
		at         time.Time
		clock, ago string
	}{
		{tell.now, "01:30", "just now"},
		{tell.now.Add(time.Hour), "02:30", "just now"},
		{tell.now.Add(-59 * time.Second), "01:29", "just now"},
		{tell.now.Add(-90 * time.Second), "01:28", "1 min ago"},
		{tell.now.Add(-125 * time.Minute), "Sun 22 Nov 23:25", "2 h 5 min ago"},
		{tell.now.Add(-25 * time.Hour), "Sun 22 Nov 00:30", "1 day 1 h ago"},
		{tell.now.Add(-400 * 24 * time.Hour), "19 Oct 2025 01:30", "400 days ago"},
	} {
		if got := tell.moment(tc.at); got.Clock != tc.clock || got.Ago != tc.ago {
			t.Errorf("%s: %q and %q, want %q and %q", tc.at, got.Clock, got.Ago, tc.clock, tc.ago)
		}
	}
	for d, want := range map[time.Duration]string{0: "0 s", 61 * time.Second: "1 min 1 s", time.Hour: "1 h", 24 * time.Hour: "1 day"} {
		if got := tell.length(d); got != want {
			t.Errorf("length(%s) = %q, want %q", d, got, want)
		}
	}
}

func TestACallIsToldInTheReadersLanguage(t *testing.T) {
	c := view.Call{ListedCall: leads.ListedCall{Direction: call.Inbound, Rang: []string{"101"}, Explanation: "rang 101 for 5 s; the caller hung up"}}
	c.Started, c.Ended = leads.Stamp{Time: time.Unix(1, 0)}, leads.Stamp{Time: time.Unix(6, 0)}
	tell := anyone(text.Russian)
	if row := tell.call(&c); row.Story != "звонок на 101, 5 с; звонивший кладёт трубку" || row.English || row.Phones != "" {
		t.Errorf("%+v", row)
	}
	c.Explanation = "rang a; b for 5 s; the caller hung up"
	if row := tell.call(&c); row.Story != c.Explanation || !row.English || row.Phones == "" {
		t.Errorf("no words: %+v", row)
	}
	if row := anyone(text.English).call(&c); row.Story != c.Explanation || row.English {
		t.Errorf("English: %+v", row)
	}
}
