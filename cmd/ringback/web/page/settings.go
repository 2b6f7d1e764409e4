package page

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/leads/text"
	"ringback/leads/told"
)

// Try sends a person a test by one channel, and tells what became of it.
type Try func(ctx context.Context, channel, login string, language text.Language) (alert.Outcome, string, error)

// settingsRoutes are how and when a person wants to be told, and where they are.
func (s *Site) settingsRoutes() []door.Route {
	post := func(path string, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodPost, Path: path, Access: door.Person, Answer: answer}
	}
	return []door.Route{
		{Method: http.MethodGet, Path: "/settings", Access: door.Person, Answer: s.settings},
		post("/settings", s.saveSettings),
		post("/settings/test", s.tryChannel),
		post("/settings/telegram", s.introduce),
		post("/settings/away", s.goAway),
		post("/settings/back", s.comeBack),
		post("/settings/absences/{id}/end", s.withdrawAbsence),
	}
}

// settingsPage shows a person how they are told.
type settingsPage struct {
	head
	Zone                        string
	Weekdays, Weekend, DigestAt string
	Kinds                       []kindRow
	Channels                    []channelName
	Tests                       bool
	Bot                         bool          // there is one
	Introduction                *Introduction // to it; nil: nobody has asked for one
	Away                        []absenceRow
	People                      []choosablePerson // whose absence the reader may note; none but their own: empty
	From, Until                 string
	Done, Tested                string
	Fault                       string            // what a machine said of the test, in English
	Wrong                       map[string]string // by field
}

// kindRow is one kind of alert.
type kindRow struct {
	Kind         told.Kind
	Immediate    bool // the administrator lets nobody put it off
	CanBeOff     bool
	InTurn       bool
	ThroughQuiet bool
	List         bool
	Places       []channelRow // in order
	Wrong        string
}

// channelName is a way to tell people, and how it is called.
type channelName struct{ Name, Title string }

// channelRow is the channel in a place; Name "" is none.
type channelRow struct {
	Place int
	Name  string
}

// absenceRow is an absence that lasts or is to come.
type absenceRow struct {
	ID          int64
	Who, Login  string
	From, Until string
	Lasts, Mine bool
}

type choosablePerson struct {
	Login, Name string
	Chosen      bool
}

// settingsDone are what is said after a deed, by the name in ?done=.
var settingsDone = map[string]string{"saved": "settings.saved", "away": "settings.away.noted", "back": "settings.away.over", "stay": "settings.away.withdrawn"}

func (s *Site) settings(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" { // a program has none
		s.nothingHere(w, r)
		return
	}
	chosen, err := told.Read(r.Context(), s.cfg.DB.Reader(), v.Login)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.showSettings(w, r, http.StatusOK, chosen, settingsPage{})
}

// showSettings shows what is chosen, or was just typed.
func (s *Site) showSettings(w http.ResponseWriter, r *http.Request, code int, c told.Choices, p settingsPage) {
	v, t := door.VisitorOf(r), s.teller(r)
	p.head = s.head(t, t.words.Say("settings.title"))
	p.Zone = zoneName(s.cfg.Told.Zone(v.Login), t.now)
	p.Weekdays, p.Weekend, p.DigestAt = c.Weekdays, c.Weekend, c.DigestAt
	reaching := s.cfg.Reaching(v.Login)
	p.Tests, p.Bot = s.cfg.Try != nil, s.cfg.Introduce != nil
	for _, name := range reaching {
		p.Channels = append(p.Channels, channelName{name, t.channel(name)})
	}
	for field, id := range p.Wrong {
		p.Wrong[field] = t.words.Say(id)
	}
	for _, k := range told.Kinds {
		if told.SeesKind(s.cfg.Office.Directory, v.Login, k) {
			p.Kinds = append(p.Kinds, s.kindRow(k, c.Kinds[k], reaching, p.Wrong[string(k)]))
		}
	}
	away, err := told.AwayAll(r.Context(), s.cfg.DB.Reader(), time.Now())
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	s.fillAbsences(&p, t, away)
	if id := settingsDone[r.URL.Query().Get("done")]; id != "" && code == http.StatusOK {
		p.Done = t.words.Say(id)
	}
	s.show(w, r, code, "settings.html", p)
}

func (s *Site) kindRow(k told.Kind, c told.Choice, reaching []string, wrong string) kindRow {
	row := kindRow{Kind: k, Immediate: s.cfg.Told.Immediate(k), CanBeOff: s.cfg.Told.CanBeOff(k), InTurn: c.InTurn, ThroughQuiet: c.ThroughQuiet,
		List: c.Digest, Wrong: wrong, Places: make([]channelRow, len(reaching))}
	chosen := slices.DeleteFunc(slices.Clone(c.Channels), func(name string) bool { return !slices.Contains(reaching, name) })
	if len(chosen) == 0 && !c.Off {
		chosen = reaching
	}
	for i := range row.Places {
		row.Places[i].Place = i + 1
		if i < len(chosen) {
			row.Places[i].Name = chosen[i]
		}
	}
	return row
}

// fillAbsences shows where people are of whom the reader may say so.
func (s *Site) fillAbsences(p *settingsPage, t *teller, away []told.Absence) {
	v := t.visitor
	there := *t
	there.zone = s.cfg.Told.Zone(v.Login)
	for i := range s.cfg.Office.Directory.Managers {
		m := &s.cfg.Office.Directory.Managers[i]
		if leads.AnswersFor(s.cfg.Office.Directory, v.Sight, m.Login) && v.Leads() {
			p.People = append(p.People, choosablePerson{m.Login, t.person(m.Login), m.Login == v.Login})
		}
	}
	for i := range away {
		a := &away[i]
		if !leads.AnswersFor(s.cfg.Office.Directory, v.Sight, a.Login) {
			continue
		}
		p.Away = append(p.Away, absenceRow{ID: a.ID, Who: t.person(a.Login), Login: a.Login, From: there.moment(a.From).Clock, Until: there.moment(a.Until).Clock,
			Lasts: a.Lasts(t.now), Mine: a.Login == v.Login})
	}
}

func (s *Site) saveSettings(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" {
		s.nothingHere(w, r)
		return
	}
	if !s.cfg.Door.Posted(w, r) {
		return
	}
	reaching := s.cfg.Reaching(v.Login)
	chosen := readChoices(r, reaching)
	for k := range chosen.Kinds {
		if !told.SeesKind(s.cfg.Office.Directory, v.Login, k) { // it was not on the page
			delete(chosen.Kinds, k)
		}
	}
	err := s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		before, err := told.Of(tx, v.Login)
		if err == nil {
			err = s.cfg.Told.Save(tx, v.Login, chosen, reaching)
		}
		if err != nil {
			return err
		}
		after, err := told.Of(tx, v.Login)
		if err != nil {
			return err
		}
		return leads.Note(tx, leads.Entry{Kind: leads.EntryChose, Who: v.Login, Channel: leads.ByPage, Changes: chosenAnew(before, after)})
	})
	if wrong := fieldsOf(err); wrong != nil {
		s.showSettings(w, r, http.StatusUnprocessableEntity, chosen, settingsPage{Wrong: wrong})
		return
	}
	s.settingsDone(w, r, "saved", err)
}

// chosenAnew is what somebody has chosen otherwise than before.
func chosenAnew(before, after told.Choices) (list []leads.Change) {
	add := func(field, from, to string) {
		if from != to {
			list = append(list, leads.Change{Field: field, From: from, To: to})
		}
	}
	add("weekdays", before.Weekdays, after.Weekdays)
	add("weekend", before.Weekend, after.Weekend)
	add("digest_at", before.DigestAt, after.DigestAt)
	for _, k := range told.Kinds {
		add(string(k), inWords(before.Kinds[k]), inWords(after.Kinds[k]))
	}
	return list
}

// inWords is a choice as a timeline keeps it: ways, and what holds beside them.
func inWords(c told.Choice) string {
	list := slices.Clone(c.Channels)
	switch {
	case c.Off:
		return "off"
	case len(list) == 0:
		list = []string{"all"}
	}
	for _, also := range []struct {
		word string
		on   bool
	}{{"in_turn", c.InTurn}, {"through_quiet", c.ThroughQuiet}, {"in_list", c.Digest}} {
		if also.on {
			list = append(list, also.word)
		}
	}
	return strings.Join(list, ", ")
}

// readChoices reads the form.
func readChoices(r *http.Request, reaching []string) told.Choices {
	c := told.Choices{Weekdays: r.PostForm.Get("weekdays"), Weekend: r.PostForm.Get("weekend"), DigestAt: r.PostForm.Get("digest_at"), Kinds: map[told.Kind]told.Choice{}}
	for _, k := range told.Kinds {
		field := string(k)
		choice := told.Choice{InTurn: r.PostForm.Get(field+".order") == "in_turn", ThroughQuiet: r.PostForm.Get(field+".through") != "",
			Digest: r.PostForm.Get(field+".when") == "list"}
		for _, name := range r.PostForm[field+".channel"] {
			if name != "" && !slices.Contains(choice.Channels, name) && len(choice.Channels) <= len(reaching) {
				choice.Channels = append(choice.Channels, name)
			}
		}
		choice.Off = len(choice.Channels) == 0 && len(reaching) > 0
		if slices.Equal(choice.Channels, reaching) { // all, and those that will come
			choice.Channels = nil
		}
		c.Kinds[k] = choice
	}
	return c
}

// fieldsOf is what is wrong, by field; nil: something else is, or nothing.
func fieldsOf(err error) map[string]string {
	var problems posted.Problems
	if !errors.As(err, &problems) {
		return nil
	}
	wrong := map[string]string{}
	for _, p := range problems {
		wrong[p.Field] = p.Text
	}
	return wrong
}

// tryChannel sends the person a test.
func (s *Site) tryChannel(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	name := r.PostForm.Get("channel")
	if s.cfg.Try == nil || !slices.Contains(s.cfg.Reaching(v.Login), name) {
		s.nothingHere(w, r)
		return
	}
	chosen, err := told.Read(r.Context(), s.cfg.DB.Reader(), v.Login)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	words := text.In(v.Language)
	if !s.tries.may(v.Login, time.Now()) {
		s.showSettings(w, r, http.StatusTooManyRequests, chosen, settingsPage{Tested: words.Say("settings.test.soon")})
		return
	}
	outcome, detail, err := s.cfg.Try(r.Context(), name, v.Login, v.Language)
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	t := s.teller(r)
	p := settingsPage{Tested: words.Say("settings.test."+string(outcome), "channel", t.channel(name))}
	if why, known := t.fault(detail); known {
		p.Tested += " " + why
	} else {
		p.Fault = why
	}
	s.showSettings(w, r, http.StatusOK, chosen, p)
}

// settingsDone goes back to the settings, and says there what was done.
func (s *Site) settingsDone(w http.ResponseWriter, r *http.Request, what string, err error) {
	if err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	http.Redirect(w, r, "/settings?done="+what, http.StatusSeeOther)
}
