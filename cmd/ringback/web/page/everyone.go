package page

import (
	"cmp"
	"net/http"
	"slices"

	"ringback/leads"
	"ringback/leads/told"
	"ringback/leads/view"
)

// everyonePage shows a leader what is open.
type everyonePage struct {
	head
	troubles
	Pools              []poolRow
	People             []personRow
	Filters            filters
	Pool, Person, Only string // which they let through; empty: all
	Count, Overdue     int
	Free               int
	rest
}

// poolRow is a pool with what is open in it; Count counts also what is not shown.
type poolRow struct {
	Name      string
	Count     int
	Callbacks []leadRow
}

// personRow is how much somebody has to do.
type personRow struct {
	Login, Name   string
	Open, Overdue int
	Away          string // until when; empty: they are there
	Led           bool   // the reader may say where they are
}

// everyone shows what is open with all whom the reader leads.
func (s *Site) everyone(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	limit := shown(r)
	if limit == 0 {
		s.nothingHere(w, r)
		return
	}
	page := everyonePage{Filters: filters{t: t, asked: r.URL.Query()}}
	page.Pool, page.Person = page.Filters.choose("pool", t.led(), itself), page.Filters.choose("person", t.people(), t.person)
	page.Only = page.Filters.choose("only", []string{"overdue", "free"}, func(only string) string { return t.say("filter." + only) })
	if page.Filters.Wrong {
		page.head = s.head(t, t.say("nav.everyone"))
		s.show(w, r, http.StatusUnprocessableEntity, "everyone.html", page)
		return
	}
	list, more, err := s.openIn(t, &page, limit)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	tallies, err := s.view.TallyOpen(r.Context(), t.visitor.Sight, unclaimed)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	mine, err := s.progress(r, t)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.head, page.rest = s.head(t, t.say("nav.everyone")), restOf(r, len(list), more)
	if page.troubles, err = s.troubles(r.Context(), t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	away, err := told.AwayAll(r.Context(), s.cfg.DB.Reader(), t.now)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	for i := range list {
		page.add(s.callback(t, &list[i], mine))
	}
	for i := range page.Pools {
		if err := t.menus("ledmenu", page.Pools[i].Callbacks); err != nil {
			s.cfg.Door.Broken(w, r, err)
			return
		}
	}
	s.count(t, &page, tallies)
	t.away(page.People, away)
	s.show(w, r, http.StatusOK, "everyone.html", page)
}

// openIn lists what the page is to show. What is overdue only the configuration
// says, so it is looked for among all that may be shown.
func (s *Site) openIn(t *teller, page *everyonePage, limit int) (list []view.Callback, more bool, err error) {
	among := view.Among{Pool: page.Pool, Person: page.Person, Free: page.Only == "free"}
	if page.Only != "overdue" {
		return s.view.OpenIn(t.ctx, t.visitor.Sight, among, limit)
	}
	list, more, err = s.view.OpenIn(t.ctx, t.visitor.Sight, among, view.MaxCallbacks)
	list = slices.DeleteFunc(list, func(c view.Callback) bool { return t.overdue(&c) == "" })
	if len(list) > limit {
		return list[:limit], true, err
	}
	return list, more, err
}

func (page *everyonePage) add(row leadRow) {
	at := slices.IndexFunc(page.Pools, func(p poolRow) bool { return p.Name == row.Pool })
	if at < 0 {
		page.Pools, at = append(page.Pools, poolRow{Name: row.Pool}), len(page.Pools)
	}
	page.Pools[at].Callbacks = append(page.Pools[at].Callbacks, row)
}

// count says how much there is in all, of each person, and in each pool that is
// shown of what was asked for.
func (s *Site) count(t *teller, page *everyonePage, tallies []view.Tally) {
	people := t.staff(page)
	for i := range tallies {
		c := &tallies[i]
		overdue := t.overdueIn(c)
		page.Count, page.Overdue = page.Count+c.Open, page.Overdue+overdue
		if c.Manager == "" {
			page.Free += c.Open
		}
		if p := people[c.Manager]; p != nil {
			p.Open, p.Overdue = p.Open+c.Open, p.Overdue+overdue
		}
		if page.Person != "" && c.Manager != page.Person || page.Only == "free" && c.Manager != "" {
			continue
		}
		for j := range page.Pools {
			if n := &page.Pools[j]; n.Name == c.Pool && page.Only == "overdue" {
				n.Count += overdue
			} else if n.Name == c.Pool {
				n.Count += c.Open
			}
		}
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
		until, away := told.AwayUntil(list, people[i].Login, t.now)
		switch {
		case !away:
		case until.IsZero():
			people[i].Away = t.say("away")
		default:
			people[i].Away = t.say("away_until", "until", t.moment(until).Clock)
		}
	}
}

// led are the pools that the reader leads.
func (t *teller) led() (list []string) {
	for i := range t.directory.Pools {
		if name := t.directory.Pools[i].Name; t.visitor.All || slices.Contains(t.visitor.Supervises, name) {
			list = append(list, name)
		}
	}
	return list
}

// staff are the people of those pools.
func (t *teller) staff(page *everyonePage) map[string]*personRow {
	people := map[string]*personRow{}
	for _, name := range t.led() {
		p := t.directory.Pool(name)
		for _, login := range append(slices.Clone(p.Managers), p.Supervisor) {
			if people[login] == nil {
				row := personRow{Login: login, Name: t.person(login), Led: leads.AnswersFor(t.directory, t.visitor.Sight, login)}
				people[login] = &row
				page.People = append(page.People, row)
			}
		}
	}
	return people
}
