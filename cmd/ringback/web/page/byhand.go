package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
	"ringback/leads/view"
)

// choices are what whoever opens a lead by hand chooses from.
type choices struct {
	Lines []option // and the pools that have none
	Whose []option
}

// anyPool marks a choice that is a pool, among lines; anyTurn is nobody's login.
const (
	anyPool = "pool:"
	anyTurn = "*"
)

// choices are the reader's: by default the lead is theirs, if they can have it.
func (t *teller) choices(typed map[string]string) (c choices) {
	for _, name := range t.lines() {
		c.Lines = append(c.Lines, option{name, name, name == typed["line"]})
	}
	mine := false
	for _, name := range t.pools() {
		pool := t.directory.Pool(name)
		mine = mine || ofPool(pool, t.login())
		if !slices.ContainsFunc(t.lines(), func(line string) bool { return t.directory.PoolOf(t.directory.LineNamed(line)) == pool }) {
			c.Lines = append(c.Lines, option{anyPool + name, name, anyPool+name == typed["line"]})
		}
	}
	if mine {
		c.Whose = append(c.Whose, option{"", t.say("new.mine"), false})
	}
	c.Whose = append(c.Whose, option{anyTurn, t.say("new.turn"), typed["manager"] == anyTurn})
	for _, login := range t.people() {
		if login != t.login() {
			c.Whose = append(c.Whose, option{login, t.person(login), typed["manager"] == login})
		}
	}
	return c
}

// newLeadPage asks whom to call back.
type newLeadPage struct {
	head
	asked
	choices
}

func (s *Site) newLead(w http.ResponseWriter, r *http.Request) {
	s.showNewLead(w, r, http.StatusOK, asked{Typed: map[string]string{"number": alert.Clean(r.URL.Query().Get("number"))}})
}

func (s *Site) showNewLead(w http.ResponseWriter, r *http.Request, code int, a asked) {
	t := s.teller(r)
	s.show(w, r, code, "new.html", newLeadPage{head: s.head(t, t.say("new.title")), asked: a, choices: t.choices(a.Typed)})
}

// openLead opens a lead that no missed call opens.
func (s *Site) openLead(w http.ResponseWriter, r *http.Request) {
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	f := r.PostForm
	n := s.cfg.Plan.Read(f.Get("number"))
	if n.Kind != number.E164 {
		s.showNewLead(w, r, http.StatusUnprocessableEntity, asked{Wrong: map[string]string{"number": "wrong.number"}, Typed: typed(f)})
		return
	}
	var opened opened
	err := s.within(r, func(tx *db.Tx, h *leads.Hand) error {
		contact, err := leads.ContactOf(tx, n)
		if err != nil {
			return err
		}
		opened, err = openFor(tx, h, leads.ByHand{Contact: contact, Number: n.Value}, r)
		return err
	})
	var wrong posted.Problems
	switch {
	case errors.As(err, &wrong):
		s.showNewLead(w, r, http.StatusUnprocessableEntity, asked{Wrong: wrongs(wrong), Typed: typed(f)})
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
	default:
		http.Redirect(w, r, opened.address(sees(r)), http.StatusSeeOther)
	}
}

// openForContact does the same on the card of a contact.
func (s *Site) openForContact(w http.ResponseWriter, r *http.Request) {
	card, ok := s.contactInSight(w, r)
	if !ok {
		return
	}
	var opened opened
	err := s.within(r, func(tx *db.Tx, h *leads.Hand) (err error) {
		opened, err = openFor(tx, h, leads.ByHand{Contact: card.ID}, r)
		return err
	})
	if err != nil {
		s.doneContact(w, r, card.ID, err)
		return
	}
	http.Redirect(w, r, opened.address(sees(r)), http.StatusSeeOther)
}

// openFor opens a lead as a form says.
func openFor(tx *db.Tx, h *leads.Hand, wanted leads.ByHand, r *http.Request) (opened, error) {
	f := r.PostForm
	to := f.Get("manager")
	wanted.Line, wanted.How = f.Get("line"), f.Get("why")
	if pool, is := strings.CutPrefix(wanted.Line, anyPool); is {
		wanted.Line, wanted.Pool = "", pool
	}
	switch to {
	case "":
		to = sees(r).Login
	case anyTurn:
		to = ""
	}
	l, joined, err := h.Open(tx, wanted, to)
	return opened{l, joined}, err
}

// opened is a lead that somebody has opened; joined says that it was open already.
type opened struct {
	lead   *leads.Lead
	joined bool
}

// address is where whoever opened it is led: to its card, or to where they hear
// whose it is.
func (o opened) address(by leads.Sight) string {
	q, path := url.Values{}, address(o.lead.ID)
	if o.joined {
		q.Set("joined", "1")
	}
	if !by.Sees(o.lead.ID, o.lead.Pool, o.lead.Manager) {
		path = "/"
		q.Set("with", o.lead.Manager)
	}
	if len(q) > 0 {
		path += "?" + q.Encode()
	}
	return path
}

// opened says to the reader what came of opening a lead that is with somebody: an
// address asks for it.
func (t *teller) opened(q url.Values, with string) string {
	known, joined := t.directory.Manager(with) != nil, q.Get("joined") == "1"
	switch {
	case joined && known && with != t.login():
		return t.say("new.joined_with", "who", t.person(with))
	case joined:
		return t.say("new.joined")
	case known:
		return t.say("new.with", "who", t.person(with))
	}
	return ""
}

// joined says so on the card of a lead.
func (t *teller) joined(r *http.Request, c *view.Callback) string {
	if q := r.URL.Query(); q.Get("joined") == "1" {
		return t.opened(q, c.Manager)
	}
	return ""
}
