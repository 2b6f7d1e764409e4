package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"ringback/leads"
	"ringback/leads/search"
)

func (b *book) learn() {
	b.t.Helper()
	if err := search.NewKeeper(b.db, nil).Learn(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// finds says which contacts a search shows.
func (b *book) finds(s leads.Sight, question string) (ids []int64, more bool) {
	b.t.Helper()
	found, err := b.Search(b.t.Context(), s, question)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range found.Contacts {
		ids = append(ids, c.ID)
		if c.OpenLeads > 0 && s.All && len(c.Open) == 0 {
			b.t.Errorf("contact %d is shown without what it is owed", c.ID)
		}
	}
	return ids, found.More
}

func TestASearchFindsOnlyWhatIsInSight(t *testing.T) {
	b := newBook(t)
	for i, manager := range []string{"anna", "boris", "", "", "", ""} {
		b.exec("INSERT INTO contacts (name, manager, created) VALUES ('+4930555000' || $1, $2, 1)", i+1, manager)
		b.exec("INSERT INTO numbers (number, contact) VALUES ('+4930555000' || $1, $1)", i+1)
	}
	lead := func(contact int, pool, manager string, closed any) {
		b.exec(`INSERT INTO leads (contact, pool, line, manager, missed, first_missed, last_missed, opened, closed) VALUES ($1, $2, '', $3, 1, 1, 1, 1, $4)`, contact, pool, manager, closed)
	}
	lead(2, "sales", "anna", 5) // settled long ago
	lead(3, "sales", "", nil)
	lead(4, "service", "", nil)
	lead(5, "service", "boris", nil)
	b.exec(`INSERT INTO calls (pbx, call, direction, caller, caller_name, dialed, line, pool, started, source, contact, manager)
		VALUES ('main', '1', 'outbound', '', '', '', '', 'sales', 1, 'ari', 6, 'anna')`)
	b.learn()
	for _, test := range []struct {
		sight leads.Sight
		want  []int64
	}{
		{leads.Everything, []int64{6, 5, 4, 3, 2, 1}},
		{leads.Sight{Login: "anna", Pools: []string{"sales"}}, []int64{6, 3, 2, 1}},
		{leads.Sight{Login: "anna"}, []int64{6, 2, 1}},
		{leads.Sight{Login: "boris", Pools: []string{"service"}}, []int64{5, 4, 2}},
		{leads.Sight{Login: "chief", Supervises: []string{"service"}}, []int64{5, 4}},
		{leads.Sight{Login: "chief", Supervises: []string{"sales"}}, []int64{6, 3, 2}},
		{leads.Sight{Login: "nobody"}, nil},
		{leads.Sight{Login: "anna", Only: 3}, []int64{4}},
	} {
		if got, more := b.finds(test.sight, "555 000"); !slices.Equal(got, test.want) || more {
			t.Errorf("%+v finds %v (more: %v), want %v", test.sight, got, more, test.want)
		}
	}
	if _, err := b.Search(t.Context(), leads.Everything, "55"); !errors.Is(err, search.ErrShort) {
		t.Errorf("two digits: %v", err)
	}
}

func TestASearchSaysThatThereAreMore(t *testing.T) {
	b := newBook(t)
	b.fill(2 * lookedThrough)
	b.exec("UPDATE contacts SET name = 'Rare Bird' WHERE id = 5")
	b.learn()
	got, more := b.finds(leads.Everything, "4930")
	if len(got) != shownFound || got[0] != 2*lookedThrough || !more {
		t.Errorf("%d contacts from %v on, more: %v", len(got), got[:1], more)
	}
	if got, more := b.finds(leads.Everything, "bird 4930 ra"); fmt.Sprint(got) != "[5]" || more {
		t.Errorf("a rare name finds %v, more: %v", got, more)
	}
	b.exec("UPDATE contacts SET manager = 'zoe' WHERE id IN (5, 500)") // one is behind those that are looked through
	if got, more := b.finds(leads.Sight{Login: "zoe"}, "4930"); fmt.Sprint(got) != "[500]" || !more {
		t.Errorf("zoe finds %v, more: %v", got, more)
	}
	if _, err := b.Search(t.Context(), leads.Everything, strings.Repeat(`"x' `, 5000)); err != nil && !errors.Is(err, search.ErrShort) {
		t.Errorf("20 kB: %v", err)
	}
}
