package page

import (
	"bytes"
	"fmt"
	"html/template"
	"slices"
	"strings"
)

// choice is somebody to whom a lead can be given, and their option in a form.
type choice struct{ login, option string }

// assignable are the options of those to whom a lead of the pool can be given.
// Each is written once a page: all rows of a pool have nearly the same.
func (t *teller) assignable(pool, now string) template.HTML {
	list, written := t.giving[pool]
	if p := t.directory.Pool(pool); p != nil && !written {
		for _, login := range append(slices.Clone(p.Managers), p.Supervisor) {
			if !slices.ContainsFunc(list, func(c choice) bool { return c.login == login }) {
				list = append(list, choice{login, `<option value="` + template.HTMLEscapeString(login) + `">` + template.HTMLEscapeString(t.person(login)) + `</option>`})
			}
		}
		t.giving[pool] = list
	}
	var options strings.Builder
	for _, c := range list {
		if c.login != now {
			options.WriteString(c.option)
		}
	}
	return template.HTML(options.String())
}

// menuKind is all that the menu of a row depends on. Its fields have the names that
// those of a row have, whose templates it is for.
type menuKind struct {
	Card, Form, Back, Tomorrow string
	InHand, Manager, Callable  bool
}

// anyCard stands in a menu for the address of the lead. It is made of what no
// context escapes, as is what takes its place.
const anyCard = "/leads/any-lead"

// menus writes the menus of rows by a template, each kind once: what differs in
// all others of the kind is the address of the lead.
func (t *teller) menus(name string, rows []leadRow) error {
	for i := range rows {
		row := &rows[i]
		kind := menuKind{anyCard, row.Form, row.Back, row.Tomorrow, row.InHand, row.Manager != "", row.Callable}
		written, ok := t.written[kind]
		if !ok {
			var b bytes.Buffer
			if err := pages[t.words.Language].ExecuteTemplate(&b, name, kind); err != nil {
				return fmt.Errorf("page: menu of a lead: %w", err)
			}
			written = b.String()
			t.written[kind] = written
		}
		row.Menu = template.HTML(strings.ReplaceAll(written, anyCard, address(row.ID)))
	}
	return nil
}
