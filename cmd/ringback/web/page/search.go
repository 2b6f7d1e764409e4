package page

import (
	"errors"
	"net/http"
	"strings"

	"ringback/leads/alert"
	"ringback/leads/search"
	"ringback/leads/view"
)

type searchPage struct {
	head
	Question string
	Short    bool // the question is too short to look for
	Found    []foundRow
	More     bool
}

// foundRow is a contact that was looked for.
type foundRow struct {
	Key     int64
	Who     who
	Numbers []phone // those beside the one that is shown with the name
	Manager string
	Leads   []leadRow
}

// search finds contacts by a part of a number or a name.
func (s *Site) search(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	question := strings.TrimSpace(r.URL.Query().Get("q"))
	page := searchPage{head: s.head(t, t.say("nav.search")), Question: alert.Clean(question)}
	if question == "" {
		s.show(w, r, http.StatusOK, "search.html", page)
		return
	}
	found, err := s.view.Search(r.Context(), t.visitor.Sight, question)
	switch {
	case errors.Is(err, search.ErrShort):
		page.Short = true
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.Found, page.More = t.found(found.Contacts), found.More
	s.show(w, r, http.StatusOK, "search.html", page)
}

func (t *teller) found(list []view.Found) []foundRow {
	rows := make([]foundRow, len(list))
	for i := range list {
		c := &list[i]
		row := foundRow{Key: c.ID, Manager: t.person(c.Manager), Leads: t.leads(c.Open)}
		number := ""
		if len(c.Numbers) > 0 {
			number = c.Numbers[0]
			for _, n := range c.Numbers[1:] {
				row.Numbers = append(row.Numbers, newPhone(n))
			}
		}
		row.Who = newWho(c.Name, "", number, &c.ID)
		rows[i] = row
	}
	return rows
}
