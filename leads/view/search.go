package view

import (
	"context"
	"slices"
	"strings"

	"ringback/leads"
	"ringback/leads/search"
)

// Found is a contact that somebody looked for.
type Found struct {
	Contact
	Open []Lead // what they are owed, as far as it is in sight
}

// Finding is what a search has found, the newest contacts first.
type Finding struct {
	Contacts []Found
	// More says that there may be others: a longer question finds them.
	More bool
}

const (
	// shownFound is how many contacts a search shows at most.
	shownFound = 30
	// lookedThrough is how many that have what is looked for it asks whether they
	// are in sight, and fit in whole.
	lookedThrough = 300
)

// Search finds contacts in sight by parts of their numbers, in any spelling, or of
// their names. search.ErrShort is in the error of a question that is too short.
func (v *View) Search(ctx context.Context, s leads.Sight, text string) (Finding, error) {
	q, err := search.Ask(text)
	if err != nil {
		return Finding{}, failed("search", err)
	}
	most := lookedThrough
	if s.All && s.Only == 0 && q.Whole() {
		most = shownFound + 1 // all that is found is shown
	}
	var newest condition
	newest.and(search.Newest, q.Match(), most)
	matches, err := collect(ctx, v.db, scanNumber, newest.text[0], newest.args...)
	switch {
	case err != nil:
		return Finding{}, failed("search", err)
	case len(matches) == 0:
		return Finding{Contacts: []Found{}}, nil
	}
	var c condition
	var these []any
	for _, id := range matches {
		these = append(these, id)
	}
	c.and("c.id IN ($"+strings.Repeat(", $", len(these)-1)+") AND c.merged_into IS NULL", these...)
	c.contactInSight(&s)
	query := "SELECT " + contactColumns + c.String() + " ORDER BY c.id DESC LIMIT " + c.next(most)
	list, err := collect(ctx, v.db, scanContact, query, c.args...)
	if err != nil {
		return Finding{}, failed("search", err)
	}
	if err := v.numbersOf(ctx, list); err != nil {
		return Finding{}, err
	}
	found := Finding{Contacts: []Found{}, More: len(matches) == most}
	for _, contact := range list {
		if !q.Fits(contact.Name, contact.Numbers) {
			continue
		}
		if len(found.Contacts) == shownFound {
			found.More = true
			break
		}
		one := Found{Contact: contact}
		if contact.OpenLeads > 0 {
			if one.Open, err = v.openLeadsOf(ctx, contact.ID); err != nil {
				return Finding{}, err
			}
			one.Open = slices.DeleteFunc(one.Open, func(l Lead) bool { return !s.Sees(l.ID, l.Pool, l.Manager) })
		}
		found.Contacts = append(found.Contacts, one)
	}
	return found, nil
}

// numbersOf gives contacts their numbers, wherever they stand.
func (v *View) numbersOf(ctx context.Context, contacts []Contact) error {
	at := map[int64]*Contact{}
	var c condition
	var these []string
	for i := range contacts {
		at[contacts[i].ID] = &contacts[i]
		these = append(these, c.next(contacts[i].ID))
	}
	if len(these) == 0 {
		return nil
	}
	type owned struct {
		contact int64
		number  string
	}
	rows, err := collect(ctx, v.db, func(row scanner) (owned, error) {
		var o owned
		err := row.Scan(&o.contact, &o.number)
		return o, err
	}, "SELECT contact, number FROM numbers WHERE contact IN ("+strings.Join(these, ", ")+")", c.args...)
	if err != nil {
		return failed("numbers", err)
	}
	for _, o := range rows {
		of := at[o.contact]
		of.Numbers = append(of.Numbers, leads.Clip(o.number))
	}
	for i := range contacts {
		slices.Sort(contacts[i].Numbers)
	}
	return nil
}

// contactInSight narrows contacts to those that somebody is responsible for, or
// has or had to do with: a call of theirs or a lead that they have not just asked for, one that waits in their pools
// for somebody, or one of the pools that they supervise.
func (c *condition) contactInSight(s *leads.Sight) {
	if s.All && s.Only == 0 {
		return
	}
	if s.Only != 0 {
		c.and("EXISTS (SELECT 1 FROM leads l WHERE l.contact = c.id AND l.id = $)", s.Only)
		return
	}
	lead, call, args := "l.manager = $ AND NOT ("+leads.OwnAsking("l", "l.manager")+")", "k.manager = $", []any{s.Login, s.Login}
	var calls []any
	for _, pool := range s.Supervises {
		lead, call = lead+" OR l.pool = $", call+" OR k.pool = $"
		args, calls = append(args, pool), append(calls, pool)
	}
	for _, pool := range s.Pools {
		lead += " OR l.closed IS NULL AND l.manager = '' AND l.pool = $"
		args = append(args, pool)
	}
	args = append(append(args, s.Login), calls...)
	c.and("(+c.manager = $ OR EXISTS (SELECT 1 FROM leads l WHERE l.contact = c.id AND ("+lead+"))"+
		" OR EXISTS (SELECT 1 FROM calls k WHERE k.contact = c.id AND ("+call+")))", args...)
}
