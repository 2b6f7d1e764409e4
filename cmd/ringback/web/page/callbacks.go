package page

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/view"
	"ringback/robotcall"
	"ringback/routing"
)

// shortTalk is what a talk must have lasted to ask whether it was enough.
const shortTalk = 5 * time.Second

// callback says a callback to the reader.
func (s *Site) callback(t *teller, c *view.Callback, mine *progress) leadRow {
	row := t.lead(&c.Lead)
	row.ID, row.Form, row.Back, row.Often = c.ID, t.form(), t.path, c.Missed > 1
	row.Mine, row.Done = c.Manager != "" && c.Manager == t.login(), c.State == view.Closed
	if c.Line == "" {
		row.Dialed = newPhone(c.Dialed)
	}
	if row.About = alert.Line(c.Asked, leads.MaxWhy); c.Asked == leads.AskedByKey {
		row.About = t.say("entry.asked_by_key")
	}
	if c.Missed == 1 {
		row.Reason = t.why(string(c.Reason))
	}
	if !row.Mine {
		row.Owner = row.Manager
	}
	row.InHand = c.AcknowledgedBy != "" && c.AcknowledgedBy == t.login()
	if row.InHand {
		row.Rests = t.say("rests.mine", "until", t.moment(c.AcknowledgedUntil.Time).Clock)
	}
	if row.Done {
		return row
	}
	row.Overdue = t.overdue(c)
	if c.Tries > 0 {
		row.Tries = t.say("tries", "n", c.Tries, "who", t.person(c.Trier), "when", t.moment(c.Tried).Clock)
	}
	if c.Talked >= shortTalk && !c.Tried.Before(c.LastMissed.Time) {
		row.Asks = t.say("asks", "who", t.person(c.Trier), "d", t.length(c.Talked.Round(time.Second)))
	}
	if row.Who.Phone.Dial != "" {
		can, not := s.callable(t, c.Contact.Number)
		row.Callable, row.Hindered, row.Barred = can, t.hindered(not), not == robotcall.BadClient
	}
	row.Asleep = row.Callable && s.cfg.Caller.Asleep(c.Contact.Number)
	if pool := t.directory.Pool(c.Pool); pool != nil {
		row.Tomorrow = t.moment(tomorrow(&pool.Hours, t.now.In(t.zone))).Clock
	}
	if mine != nil && mine.lead == c.ID {
		row.Progress = mine
	}
	if t.mayLead(c.Pool) {
		row.To = t.assignable(c.Pool, c.Manager)
	}
	return row
}

// tomorrow is when the hours open next day; where they are always open, nine in
// the morning.
func tomorrow(h *routing.Hours, here time.Time) time.Time {
	midnight := time.Date(here.Year(), here.Month(), here.Day()+1, 0, 0, 0, 0, here.Location())
	if h.Always() {
		return midnight.Add(9 * time.Hour)
	}
	return h.NextOpening(midnight)
}

type callbacksPage struct {
	head
	troubles
	rest
	Callbacks []leadRow
	// Count is how many they owe, also beyond those that are shown; so is Overdue.
	Count, Overdue int
	Settled        []leadRow
	Said           string // what came of what was just asked for
}

// settledFor is how long what was settled is still shown.
const (
	settledFor   = 30 * time.Minute
	shownSettled = 5
)

// callbacks shows what the reader owes.
func (s *Site) callbacks(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	limit := shown(r)
	if limit == 0 {
		s.nothingHere(w, r)
		return
	}
	list, more, err := s.view.Callbacks(r.Context(), t.visitor.Sight, limit)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	tallies, err := s.view.TallyCallbacks(r.Context(), t.visitor.Sight, unclaimed)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	settled, err := s.settled(r.Context(), t)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	mine, err := s.progress(r, t)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page := callbacksPage{head: s.head(t, t.say("nav.callbacks")), rest: restOf(r, len(list), more), Settled: settled}
	if page.troubles, err = s.troubles(r.Context(), t); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	for i := range list {
		page.Callbacks = append(page.Callbacks, s.callback(t, &list[i], mine))
	}
	if err := t.menus("ownmenu", page.Callbacks); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	for i := range tallies {
		page.Count, page.Overdue = page.Count+tallies[i].Open, page.Overdue+t.overdueIn(&tallies[i])
	}
	if _, not := s.callable(t, ""); len(list) > 0 {
		page.Calls = t.hindered(not)
	}
	if q := r.URL.Query(); q.Has("with") {
		page.Said = t.opened(q, q.Get("with"))
	}
	page.Refresh = 60
	if mine != nil && mine.Live {
		page.Refresh = 2
	}
	s.show(w, r, http.StatusOK, "callbacks.html", page)
}

func (s *Site) settled(ctx context.Context, t *teller) ([]leadRow, error) {
	if t.login() == "" {
		return nil, nil
	}
	list, err := s.view.SettledOf(ctx, t.login(), t.now.Add(-settledFor), shownSettled)
	return t.leads(list), err
}

// troubles are what people should know of that keeps calls from being seen.
type troubles struct {
	Observe bool
	Blind   []pbxRow // PBXes that are not watched; why is said to who can do something
	Stuck   bool     // the database is not written
	Fault   string   // why, as Blind
	// Gaps are told to who sees everything; others hear of the newest in a word.
	Gaps  []gapRow
	Quiet string
	Calls string // why no Call rings the reader's phone
}

func (s *Site) troubles(ctx context.Context, t *teller) (found troubles, err error) {
	found.Observe = s.cfg.Mode == string(alert.Observe)
	for _, p := range t.pbxes(s.cfg.PBXes()) {
		if !t.visitor.All {
			p.State, p.Hint = "", ""
		}
		if !p.Watching {
			found.Blind = append(found.Blind, p)
		}
	}
	for _, p := range s.cfg.Health.Problems(ctx) {
		if p.What != "database" {
			continue
		}
		if found.Stuck = true; t.visitor.All {
			found.Fault = t.problem(p).Hint
		}
	}
	gaps, err := s.view.Gaps(ctx, askedGaps)
	if rows := t.gaps(gaps); t.visitor.All {
		found.Gaps = rows
	} else if len(rows) > 0 {
		found.Quiet = t.say("gap.quiet", "from", rows[0].Since.Clock, "to", rows[0].Until.Clock)
	}
	return found, err
}

// login is who reads; empty: a program.
func (t *teller) login() string {
	if t.visitor == nil {
		return ""
	}
	return t.visitor.Login
}

// form is what the reader's forms carry.
func (t *teller) form() string {
	if t.visitor == nil {
		return ""
	}
	return t.visitor.Form
}

// mayLead says whether the reader hands out the leads of a pool.
func (t *teller) mayLead(pool string) bool {
	return t.visitor.All || slices.Contains(t.visitor.Supervises, pool)
}

// contactAddress is that of a contact's card.
func contactAddress(contact int64) string { return fmt.Sprintf("/contacts/%d", contact) }

// address is that of a lead's card.
func address(lead int64) string { return fmt.Sprintf("/leads/%d", lead) }
