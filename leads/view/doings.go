package view

import (
	"context"
	"database/sql"

	"ringback/leads"
)

// Doing is what somebody has done, or what was done about their account.
type Doing struct {
	Entry
	Author  string // login, or leads.Program of a program
	Contact *int64
}

const (
	doingColumns = `SELECT t.contact, t.appointment, t.author, COALESCE(l.pool, ''), COALESCE(l.manager, ''),
		t.at, t.kind, t.who, t.channel, t.detail, t.actor, t.lead, t.changes, t.id
		FROM timeline t LEFT JOIN leads l ON l.id = t.lead`
	doingsQuery    = doingColumns + " WHERE t.author <> '' AND t.id < $1 ORDER BY t.id DESC LIMIT $2"
	doingsOfQuery  = doingColumns + " WHERE t.author = $3 AND t.author <> '' AND t.id < $1 ORDER BY t.id DESC LIMIT $2"
	doingsPageSize = 100
)

// Doings lists what somebody has done, whose login or leads.Program it is; empty:
// what all have. Who does not see everything sees of it what is about leads in
// their sight, or about no client. Whether they may look at this person is the
// caller's to say.
func (v *View) Doings(ctx context.Context, s leads.Sight, author, cursor string) (List[Doing], error) {
	from, err := readCursor("doings", cursor)
	if err != nil {
		return List[Doing]{}, err
	}
	query, args := doingsQuery, []any{from.id, doingsPageSize + 1}
	if author != "" {
		query, args = doingsOfQuery, append(args, author)
	}
	type row struct {
		Doing
		seen bool
	}
	rows, err := collect(ctx, v.db, func(r scanner) (one row, err error) {
		var contact, appointment sql.NullInt64
		var pool, manager string
		one.Entry, err = scanEntry(after{r, []any{&contact, &appointment, &one.Author, &pool, &manager}})
		one.Author, one.Contact = leads.Clip(one.Author), id(contact)
		switch {
		case s.All && s.Only == 0:
			one.seen = true
		case one.Lead != nil:
			one.seen = s.Sees(*one.Lead, pool, manager)
		default:
			one.seen = !contact.Valid && !appointment.Valid
		}
		return one, err
	}, query, args...)
	if err != nil {
		return List[Doing]{}, failed("doings", err)
	}
	page := cut(rows, doingsPageSize, "doings", func(r *row) place { return place{id: r.id} })
	list := List[Doing]{Items: []Doing{}, Next: page.Next}
	for _, one := range page.Items {
		if one.seen {
			list.Items = append(list.Items, one.Doing)
		}
	}
	return list, nil
}
