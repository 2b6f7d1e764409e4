package page

import (
	"cmp"
	"net/http"
	"slices"

	"ringback/leads/told"
	"ringback/leads/view"
)

// everyonePage shows a leader what is open.
type everyonePage struct {
	head
	troubles
	Pools  []poolRow
	People []personRow
	// The filters, and what they can be.
	Pool, Person, Only string
	AllPools           []string
	AllPeople          []option
	Count, Overdue     int
	Free               int
	More               bool
}

// poolRow is a pool with what is open in it.
type poolRow struct {
	Name      string
	Callbacks []callbackRow
}

// personRow is how much somebody has to do.
type personRow struct {
	Login, Name   string
	Open, Overdue int
	Away          string // until when; empty: they are there
}

// everyone shows what is open with all whom the reader leads.
func (s *Site) everyone(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	list, more, err := s.view.OpenIn(r.Context(), t.visitor.Sight)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	mine, err := s.progress(r, t)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	q := r.URL.Query()
	page := everyonePage{head: s.head(t, t.say("nav.everyone")), More: more, Pool: q.Get("pool"), Person: q.Get("person"), Only: q.Get("only")}
	if page.troubles, err = s.troubles(r.Context(), t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	away, err := told.AwayAll(r.Context(), s.cfg.DB.Reader(), t.now)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.fillEveryone(t, &page, list, mine)
	t.away(page.People, away)
	s.show(w, r, http.StatusOK, "everyone.html", page)
}

func (s *Site) fillEveryone(t *teller, page *everyonePage, list []view.Callback, mine *progress) {
	people := s.led(t, page)
	for i := range list {
		c := &list[i]
		row := s.callback(t, c, mine)
		p := people[c.Manager]
		if p != nil {
			p.Open++
		}
		if row.Overdue != "" {
			page.Overdue++
			if p != nil {
				p.Overdue++
			}
		}
		if c.Manager == "" {
			page.Free++
		}
		page.Count++
		if page.Pool != "" && c.Pool != page.Pool || page.Person != "" && c.Manager != page.Person || page.Only == "overdue" && row.Overdue == "" || page.Only == "free" && c.Manager != "" {
			continue
		}
		at := slices.IndexFunc(page.Pools, func(p poolRow) bool { return p.Name == c.Pool })
		if at < 0 {
			page.Pools, at = append(page.Pools, poolRow{Name: c.Pool}), len(page.Pools)
		}
		page.Pools[at].Callbacks = append(page.Pools[at].Callbacks, row)
	}
	for i := range page.People {
		page.People[i] = *people[page.People[i].Login]
	}
	slices.SortStableFunc(page.People, func(a, b personRow) int {
		return cmp.Or(cmp.Compare(b.Overdue, a.Overdue), cmp.Compare(b.Open, a.Open))
	})
}

// away says of people that they are away, and until when.
func (t *teller) away(people []personRow, list []told.Absence) {
	for i := range people {
		at := slices.IndexFunc(list, func(a told.Absence) bool { return a.Login == people[i].Login && a.Lasts(t.now) })
		switch {
		case at < 0:
		case list[at].Until.IsZero():
			people[i].Away = t.say("away")
		default:
			people[i].Away = t.say("away_until", "until", t.moment(list[at].Until).Clock)
		}
	}
}

// led are the pools and people whom the reader leads.
func (s *Site) led(t *teller, page *everyonePage) map[string]*personRow {
	people := map[string]*personRow{}
	for i := range t.directory.Pools {
		p := &t.directory.Pools[i]
		if !t.visitor.All && !slices.Contains(t.visitor.Supervises, p.Name) {
			continue
		}
		page.AllPools = append(page.AllPools, p.Name)
		for _, login := range append(slices.Clone(p.Managers), p.Supervisor) {
			if people[login] == nil {
				row := personRow{Login: login, Name: t.person(login)}
				people[login] = &row
				page.People = append(page.People, row)
				page.AllPeople = append(page.AllPeople, option{login, row.Name, login == page.Person})
			}
		}
	}
	return people
}

// assignable are those to whom a lead of the pool can be given.
func (t *teller) assignable(pool, now string) (list []option) {
	p := t.directory.Pool(pool)
	if p == nil {
		return nil
	}
	for _, login := range append(slices.Clone(p.Managers), p.Supervisor) {
		if login != now && !slices.ContainsFunc(list, func(o option) bool { return o.Value == login }) {
			list = append(list, option{Value: login, Text: t.person(login)})
		}
	}
	return list
}
