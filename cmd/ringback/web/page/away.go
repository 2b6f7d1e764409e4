package page

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/told"
)

// localLayout is a time as a browser's field gives it.
const localLayout = "2006-01-02T15:04"

// presence is whether somebody is away just now.
type presence struct{ Away bool }

// presence is the reader's; nil where they are none of the house. A menu does
// without it when it cannot be read: what the page itself cannot read it says.
func (s *Site) presence(t *teller) *presence {
	if s.cfg.Office.Directory.Manager(t.visitor.Login) == nil {
		return nil
	}
	away, err := told.AwayAt(t.ctx, s.cfg.DB.Reader(), t.visitor.Login, t.now)
	if err != nil {
		return nil
	}
	return &presence{away}
}

// goAway notes that somebody is away: the reader, or one of their people.
func (s *Site) goAway(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	login := r.PostForm.Get("login")
	if login == "" {
		login = v.Login
	}
	zone, wrong := s.cfg.Told.Zone(v.Login), map[string]string{}
	read := func(field string) time.Time {
		written := r.PostForm.Get(field)
		if written == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation(localLayout, written, zone)
		if err != nil {
			wrong[field] = "settings.wrong.time"
		}
		return t
	}
	from, until := read("from"), read("until")
	if r.PostForm.Get("quick") != "" {
		until = s.cfg.Told.Returns(login, time.Now())
	}
	var err error
	if len(wrong) == 0 {
		err = s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
			return s.cfg.Book.Hand(v.Sight, leads.ByPage).Away(tx, login, from, until)
		})
		for field := range fieldsOf(err) {
			wrong[field] = "settings.wrong.span"
		}
	}
	if len(wrong) > 0 {
		chosen, err := told.Read(r.Context(), s.cfg.DB.Reader(), v.Login)
		if err != nil {
			s.cfg.Door.Broken(w, r, err)
			return
		}
		s.showSettings(w, r, http.StatusUnprocessableEntity, chosen,
			settingsPage{Wrong: wrong, From: r.PostForm.Get("from"), Until: r.PostForm.Get("until")})
		return
	}
	s.absenceDone(w, r, "away", err)
}

func (s *Site) comeBack(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	login := r.PostForm.Get("login")
	if login == "" {
		login = v.Login
	}
	s.absenceDone(w, r, "back", s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		return s.cfg.Book.Hand(v.Sight, leads.ByPage).Back(tx, login)
	}))
}

// withdrawAbsence takes back an absence to come.
func (s *Site) withdrawAbsence(w http.ResponseWriter, r *http.Request) {
	v := door.VisitorOf(r)
	id, ok := door.IDOf(r)
	if !ok {
		s.nothingHere(w, r)
		return
	}
	if v.Login == "" || !s.cfg.Door.Posted(w, r) {
		return
	}
	s.absenceDone(w, r, "stay", s.cfg.DB.Do(r.Context(), func(tx *db.Tx) error {
		return s.cfg.Book.Hand(v.Sight, leads.ByPage).Stay(tx, r.PostForm.Get("login"), id)
	}))
}

// absenceDone is settingsDone, unless it was asked for elsewhere; of whom the reader
// does not answer for, nothing is told.
func (s *Site) absenceDone(w http.ResponseWriter, r *http.Request, what string, err error) {
	if errors.Is(err, leads.ErrNotInSight) {
		s.nothingHere(w, r)
		return
	}
	if back := r.PostForm.Get("back"); err == nil && back != "" {
		http.Redirect(w, r, local(back), http.StatusSeeOther)
		return
	}
	s.settingsDone(w, r, what, err)
}

// tries bounds how often somebody sends themselves a test: messages cost money.
type tries struct {
	mu   sync.Mutex
	last map[string]time.Time // by login
}

const tryPause = 10 * time.Second

func (t *tries) may(login string, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now.Sub(t.last[login]) < tryPause {
		return false
	}
	if t.last == nil {
		t.last = map[string]time.Time{}
	}
	t.last[login] = now
	return true
}
