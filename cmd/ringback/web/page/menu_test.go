package page

import (
	"html/template"
	"strings"
	"testing"

	"ringback/leads/text"
	"ringback/routing"
)

// rowsOfAllKinds are two leads of each kind of menu.
func rowsOfAllKinds() (rows []leadRow) {
	for _, manager := range []string{"", "Anna", "Boris"} {
		for _, inHand := range []bool{true, false} {
			for _, callable := range []bool{true, false} {
				for _, tomorrow := range []string{"", "Tue 9:00", "Tue 10:00"} {
					for range 2 {
						id := int64(len(rows) + 1)
						rows = append(rows, leadRow{ID: id, Card: address(id), Form: "form<>", Back: `/everyone?pool="sales"`, Manager: manager, InHand: inHand, Callable: callable, Tomorrow: tomorrow})
					}
				}
			}
		}
	}
	return rows
}

func TestAMenuThatIsWrittenOnceIsThatOfEachLead(t *testing.T) {
	for _, name := range []string{"ownmenu", "ledmenu"} {
		rows := rowsOfAllKinds()
		teller := &teller{words: text.In(text.English), written: map[menuKind]string{}}
		if err := teller.menus(name, rows); err != nil {
			t.Fatal(err)
		}
		for i := range rows {
			var want strings.Builder
			if err := pages[text.English].ExecuteTemplate(&want, name, rows[i]); err != nil {
				t.Fatal(err)
			}
			if string(rows[i].Menu) != want.String() {
				t.Errorf("%s of %+v is\n%s\nand by itself\n%s", name, rows[i], rows[i].Menu, want.String())
			}
		}
		if most := 2 * 2 * 2 * 3; len(teller.written) != most {
			t.Errorf("%s of %d leads was written %d times, want %d", name, len(rows), len(teller.written), most)
		}
	}
}

func TestWhoCanBeGivenALeadIsEscaped(t *testing.T) {
	teller := &teller{giving: map[string][]choice{}, directory: &routing.Directory{
		Managers: []routing.Manager{{Login: `a"><b>`, Name: `</option><script>&`}, {Login: "boris", Name: "Boris"}, {Login: "boss"}},
		Pools:    []routing.Pool{{Name: "sales", Managers: []string{`a"><b>`, "boris"}, Supervisor: "boss"}, {Name: "one", Managers: []string{"boss"}, Supervisor: "boss"}},
	}}
	const hostile = `<option value="a&#34;&gt;&lt;b&gt;">&lt;/option&gt;&lt;script&gt;&amp;</option>`
	for _, of := range []struct {
		pool, now string
		want      template.HTML
	}{
		{"sales", "boris", hostile + `<option value="boss">boss</option>`},
		{"sales", `a"><b>`, `<option value="boris">Boris</option><option value="boss">boss</option>`},
		{"one", "", `<option value="boss">boss</option>`}, {"one", "boss", ""}, {"none", "", ""},
	} {
		if got := teller.assignable(of.pool, of.now); got != of.want {
			t.Errorf("a lead of %s that %q has can be given to %s, want %s", of.pool, of.now, got, of.want)
		}
	}
}
