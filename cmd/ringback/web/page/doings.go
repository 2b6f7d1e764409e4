package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ringback/leads"
	"ringback/leads/view"
)

// doingsPage shows a leader who has done what.
type doingsPage struct {
	head
	Filters filters
	List    []doingRow
	Stale   bool // the address is of another list
	pager
}

// doingRow is what somebody has done, and where that stands.
type doingRow struct {
	entryRow
	Author        string // empty: it is said above whose doings these are
	All           string // address of all that they have done
	Lead, Contact string // addresses; empty: it is about none
}

// doings lists what the reader's people have done, the newest first; of programs
// too, to who sees everything.
func (s *Site) doings(w http.ResponseWriter, r *http.Request) {
	t, asked := s.teller(r), r.URL.Query()
	who := t.people()
	if program := asked.Get("who"); t.visitor.All && strings.HasPrefix(program, leads.Program("")) {
		who = append(who, program)
	}
	page := doingsPage{head: s.head(t, t.say("doings.title")), Filters: filters{t: t, asked: asked}}
	author := page.Filters.choose("who", who, t.person)
	if page.Filters.Wrong {
		s.show(w, r, http.StatusUnprocessableEntity, "doings.html", page)
		return
	}
	list, err := s.view.Doings(r.Context(), t.visitor.Sight, author, asked.Get("older"))
	switch {
	case errors.Is(err, view.ErrCursor):
		page.Stale = true
		s.show(w, r, http.StatusUnprocessableEntity, "doings.html", page)
		return
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	for i := range list.Items {
		if one := &list.Items[i]; t.visitor.All || slices.Contains(who, one.Author) {
			page.List = append(page.List, t.doing(one, author == ""))
		}
	}
	if list.Next != "" {
		page.Older = with("/doings", asked, "older", list.Next)
	}
	if asked.Has("older") {
		page.Newer = with("/doings", asked, "", "")
	}
	s.show(w, r, http.StatusOK, "doings.html", page)
}

func (t *teller) doing(d *view.Doing, named bool) doingRow {
	row := doingRow{entryRow: t.entry(&d.Entry)}
	if named {
		row.Author, row.All = t.doer(d.Author), "/doings?who="+url.QueryEscape(d.Author)
	}
	switch {
	case d.Lead != nil:
		row.Lead = address(*d.Lead)
	case d.Contact != nil:
		row.Contact = contactAddress(*d.Contact)
	}
	return row
}
