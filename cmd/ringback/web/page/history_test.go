package page

import (
	"go/ast"
	"go/parser"
	source "go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/appointments"
	"ringback/leads/dials"
	"ringback/leads/text"
	"ringback/leads/view"
	"ringback/robotcall"
	"ringback/routing"
)

// house is a teller to an administrator, where Anna and Boris work.
func house(l text.Language) *teller {
	t := anyone(l)
	t.directory = &routing.Directory{Managers: []routing.Manager{{Login: "anna", Name: "Анна"}, {Login: "boris", Name: "Борис"}}}
	t.visitor = &door.Visitor{Sight: leads.Sight{All: true}}
	return t
}

// details are all that can stand beside the kinds that have a closed set of it, and
// samples of what the others have.
func details(t *testing.T) map[string][]string {
	t.Helper()
	const at = "2026-11-23T09:00:00Z"
	all := map[string][]string{
		leads.EntryAssigned: {"responsible", "turn", "supervisor", "hand"},
		leads.EntryHandedOn: {"boris"}, leads.EntryNoted: {"Перезвонить"}, leads.EntryAsked: {"Перезвонить", leads.AskedByKey},
		leads.EntryWaits: {at}, leads.EntryHeld: {at}, leads.EntryAcknowledged: {at}, leads.EntryLater: {at},
		leads.EntryTried: {"0s", "7s"}, leads.EntryFoundLate: {"26h0m0s"}, leads.EntryAway: {at + "/", at + "/" + at},
		leads.EntryMerged: {"7 Иван"}, leads.EntryJoined: {"7"}, leads.EntryCard: {"name, manager, email, note, language, shared, external_id, numbers"},
		leads.EntryAlertFailed:   {"unreachable: gone", "refused: gone", "alert: sip to anna: timed_out: gone"},
		appointments.EntryBooked: {at}, appointments.EntryMoved: {"2026-11-23T09:00:00+07:00"}, appointments.EntryReminder: {at},
	}
	add := func(kind, detail string) { all[kind] = append(all[kind], detail) }
	for _, list := range routing.Reasons {
		for _, reason := range list {
			add(leads.EntryMissed, string(reason))
			add(leads.EntrySettledBefore, string(reason))
		}
	}
	for _, o := range append(slices.Clone(leads.Outcomes), leads.Merged, leads.Observed) {
		add(leads.EntryClosed, string(o))
	}
	for _, why := range alert.Whys {
		for _, kind := range []string{leads.EntryAlertSent, leads.EntryAlertWould, leads.EntryDigest, leads.EntryNobodyToTell} {
			add(kind, string(why))
		}
	}
	for file, kinds := range map[string][]string{"call.go": {leads.EntryCallNot}, "notify.go": {leads.EntryAlertFailed, leads.EntryAlertDoubt},
		"tell.go": {leads.EntrySkipped, leads.EntryDropped, leads.EntryCallNot}} {
		for _, said := range textsOf(t, "../../../../leads/alert/"+file, consts) {
			for _, kind := range kinds {
				add(kind, said)
			}
		}
	}
	for _, end := range append(slices.Clone(robotcall.ClickEnds), dials.Connected) {
		add(leads.EntryClick, string(end))
	}
	for _, o := range dials.Outcomes {
		add(leads.EntryRobotCall, "PJSIP/101: "+string(o)+" (cause 19 (it rang; in vain)); 102: "+string(o)+"; not rung: phone 103 is not registered; they have no phone")
		add(appointments.EntryTried, string(o)+" (cause 17)")
		add(appointments.EntryNotMade, "too_late: "+string(o)+" (cause 17)")
	}
	for _, said := range robotcall.Words {
		add(leads.EntryRobotCall, "not rung: "+said)
		add(leads.EntryRobotCall, "answered: not connected: "+said)
		add(appointments.EntryNotMade, "forbidden: "+said)
	}
	for _, file := range []string{"script.go", "errand.go"} {
		for _, said := range textsOf(t, "../../../../robotcall/"+file, returned) {
			add(leads.EntryRobotCall, said)
			add(leads.EntryRobotCall, "answered: "+said)
		}
	}
	for _, said := range []string{"handed on to boris", "away until " + at + ", handed on to boris", "away until " + at + ", nobody to hand it on to",
		`not connected: context "from-ringback" does not dial +7916***`, "later, before this was told"} {
		add(leads.EntryRobotCall, "answered: "+said)
	}
	for _, said := range []string{"PBX main has no phone PJSIP/101", "PBX main of phone 101 is not configured", "PBX main does not tell of phone 101", "away", "quiet"} {
		add(leads.EntryRobotCall, "not rung: "+said)
	}
	for _, did := range constants(t, "../../../../leads", "Account") {
		add(leads.EntryAccount, did)
	}
	for _, o := range appointments.Outcomes {
		add(appointments.EntryAnswered, string(o))
	}
	for _, reason := range constants(t, "../../../../leads/appointments", "Reason") {
		add(appointments.EntryNotMade, reason)
	}
	return all
}

var (
	raw     = regexp.MustCompile(`[a-z]+_[a-z_]+`)
	foreign = regexp.MustCompile(`[A-Za-z]{2,}`)
)

// TestNothingOfATimelineIsRaw shows a timeline of every kind of entry, with every
// detail that it can have, in every language.
func TestNothingOfATimelineIsRaw(t *testing.T) {
	kinds := append(constants(t, "../../../../leads", "Entry"), constants(t, "../../../../leads/appointments", "Entry")...)
	if len(kinds) < 30 {
		t.Fatalf("only %d kinds were found", len(kinds))
	}
	all := details(t)
	for _, l := range text.Languages {
		tell := house(l)
		for _, kind := range kinds {
			if !tell.words.Has("page.entry." + kind) {
				t.Errorf("%s: no words for entries %s", l, kind)
			}
			for _, detail := range append(slices.Clone(all[kind]), "") {
				row := tell.entry(&view.Entry{Kind: kind, Who: "anna", Actor: "boris", Channel: "telegram", Detail: detail})
				said := row.Text + " " + row.Detail + " · " + row.How
				if found := raw.FindString(said); found != "" || strings.Contains(said, "page.") {
					t.Errorf("%s: %s %q: %q", l, kind, detail, said)
				}
				said = strings.NewReplacer("Ringback", "", "Telegram", "", "CRM", "").Replace(said)
				if found := foreign.FindString(said); l == text.Russian && found != "" {
					t.Errorf("%s: %s %q: %q is left in %q", l, kind, detail, found, said)
				}
				if detail != "" && row.Fault != "" && !strings.HasSuffix(row.Fault, "gone") {
					t.Errorf("%s: %s: there are no words for %q", l, kind, detail)
				}
			}
		}
	}
}

// TestJobsAreNamed: the status page says what is promised in words.
func TestJobsAreNamed(t *testing.T) {
	tell := anyone(text.English)
	for _, folder := range []string{"leads", "leads/alert", "leads/appointments", "robotcall"} {
		for _, kind := range constants(t, "../../../../"+folder, "Kind") {
			if !tell.words.Has("page.job." + kind) {
				t.Errorf("no words for jobs %s", kind)
			}
		}
	}
}

// TestWhoAndHowAreNamed: who did something stands there by name, and by what.
func TestWhoAndHowAreNamed(t *testing.T) {
	tell := house(text.English)
	for _, how := range constants(t, "../../../../leads", "By") {
		if !tell.words.Has("page.how."+how) && tell.known("reason.", how) == how && !tell.words.Has("page.entry.assigned."+how) {
			t.Errorf("no words for %q", how)
		}
	}
	for _, c := range []struct {
		e    view.Entry
		want string
	}{
		{view.Entry{Kind: leads.EntryClosed, Who: "anna", Channel: leads.ByPage, Detail: "settled"}, "Settled: Анна said so · on the page"},
		{view.Entry{Kind: leads.EntryClosed, Who: "anna", Actor: "boris", Channel: leads.ByLink, Detail: "called_back"}, "Settled: Анна called back · said by Борис, by the link of an alert"},
		{view.Entry{Kind: leads.EntryHandedOn, Who: "anna", Actor: "chief", Channel: leads.ByTelegram, Detail: "boris"}, "chief gave it to Анна; it was with Борис · in Telegram"},
		{view.Entry{Kind: leads.EntryMerged, Who: "crm", Channel: leads.ByAPI, Detail: "7 Ivan"}, "Another contact turned out to be this one: Ivan · crm, through the API"},
		{view.Entry{Kind: leads.EntryRefused, Who: "client", Channel: "key"}, "Must not be called by robots any more (the client) · by a phone key"},
		{view.Entry{Kind: leads.EntryRobotCall, Who: "anna", Detail: "answered: handed on to boris"}, "Robot call to Анна: picked up: handed on to Борис"},
	} {
		row := tell.entry(&c.e)
		if got := strings.TrimSuffix(strings.ReplaceAll(row.Text+" "+row.Detail+" · "+row.How, "  ", " "), " · "); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

// TestACardTellsWhatWasChanged from what to what, and by whom.
func TestACardTellsWhatWasChanged(t *testing.T) {
	e := view.Entry{Kind: leads.EntryCard, Who: "anna", Channel: leads.ByPage, Detail: "name, manager, shared, language, external_id", Changes: []leads.Change{
		{Field: "name", From: "+79161234567", To: "Ivan\u202e"}, {Field: "manager", To: "boris"}, {Field: "shared", From: "false", To: "true"},
		{Field: "language", From: "ru", To: ""}, {Field: "external_id", To: "crm-1"}}}
	for l, want := range map[text.Language]string{
		text.English: "Анна changed the contact's card: name: “+79161234567” → “Ivan”; responsible: nothing → “Борис”; several people share the numbers: no → yes; " +
			"language: “Русский” → nothing; id in the CRM: nothing → “crm-1” · on the page",
		text.Russian: "Анна: изменена карточка контакта — имя: «+79161234567» → «Ivan»; ответственный: пусто → «Борис»; номера общие для нескольких людей: нет → да; " +
			"язык: «Русский» → пусто; номер в CRM: пусто → «crm-1» · на странице",
	} {
		if row := house(l).entry(&e); row.Text+" "+row.Detail+" · "+row.How != want {
			t.Errorf("%s %s · %s\nwant %s", row.Text, row.Detail, row.How, want)
		}
	}
	e = view.Entry{Kind: leads.EntryCard, Detail: "name, external_id"} // of before changes were kept, by an import
	if row := house(text.English).entry(&e); row.Text+" "+row.Detail != "The contact's card was changed: name, id in the CRM" {
		t.Errorf("%+v", row)
	}
}

// TestOnlyAdministratorsReadFaults: what a machine said is for who can do something
// about it.
func TestOnlyAdministratorsReadFaults(t *testing.T) {
	e := view.Entry{Kind: leads.EntryAlertFailed, Who: "anna", Channel: "bulk", Detail: "refused: 403 \u202eforbidden"}
	row := house(text.English).entry(&e)
	if row.Text != "Could not tell Анна by bulk: it was refused" || !strings.HasPrefix(row.Fault, "403") || strings.Contains(row.Fault, "\u202e") {
		t.Errorf("%+v", row)
	}
	tell := house(text.English)
	tell.visitor.All = false
	if row := tell.entry(&e); row.Fault != "" {
		t.Errorf("a manager reads %q", row.Fault)
	}
	e = view.Entry{Kind: leads.EntryRobotCall, Who: "anna", Detail: "answered: something that nobody has words for"}
	if row := house(text.English).entry(&e); !strings.HasSuffix(row.Text, "a technical fault") || row.Fault != e.Detail {
		t.Errorf("%+v", row)
	}
}

// consts are the texts of a file's constants, returned what its functions return
// first, hand on as what was said, or set it to.
const (
	consts   = "consts"
	returned = "returned"
)

// textsOf are the texts that a file has in some places.
func textsOf(t *testing.T, file, where string) (texts []string) {
	t.Helper()
	tree, err := parser.ParseFile(source.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	add := func(e ast.Expr) {
		lit, ok := e.(*ast.BasicLit)
		if !ok || lit.Kind != source.STRING {
			return
		}
		if said, err := strconv.Unquote(lit.Value); err == nil && strings.ContainsFunc(said, func(r rune) bool { return r >= 'a' }) && !strings.HasSuffix(said, " ") && !strings.HasPrefix(said, ",") {
			texts = append(texts, said)
		}
	}
	sayers := []string{"byManager", "notConnected", "putOff", "fruitless", "notRung", "note", "end"}
	ast.Inspect(tree, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GenDecl:
			for _, spec := range n.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && n.Tok == source.CONST && where == consts {
					for _, value := range v.Values {
						add(value)
					}
				}
			}
		case *ast.ReturnStmt:
			if where == returned && len(n.Results) == 2 {
				add(n.Results[0])
			}
		case *ast.AssignStmt:
			for i, left := range n.Lhs {
				if name, ok := left.(*ast.Ident); ok && name.Name == "said" && where == returned && i < len(n.Rhs) {
					add(n.Rhs[i])
				}
			}
		case *ast.CallExpr:
			f, _ := n.Fun.(*ast.SelectorExpr)
			name, _ := n.Fun.(*ast.Ident)
			if where == returned && (f != nil && slices.Contains(sayers, f.Sel.Name) || name != nil && slices.Contains(sayers, name.Name)) {
				for _, arg := range n.Args {
					add(arg)
				}
			}
		}
		return true
	})
	if len(texts) == 0 {
		t.Fatalf("%s: no texts were found", file)
	}
	return texts
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
