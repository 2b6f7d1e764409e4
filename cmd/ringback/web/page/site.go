package page

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"ringback/ari"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
	"ringback/leads/contacts"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/number"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/leads/told"
	"ringback/leads/view"
)

// Config is what is shown.
type Config struct {
	DB   *db.DB
	View *view.View
	// Office knows the names of people, Book does what they ask for.
	Office *leads.Office
	Book   *leads.Book
	Health *health.Check
	PBXes  func() []ari.Status
	// Mode is the daemon's; in mode observe the pages say that nobody is told.
	Mode string
	// Zone is the zone of times; nil: UTC.
	Zone    *time.Location
	Version string
	// Plan reads the numbers that people type.
	Plan *number.Plan
	// Caller connects people with clients; nil: their own devices do.
	Caller Caller
	// Hub knows the open pages; nil: one of its own.
	Hub *Hub
	// People are those who may log in.
	People *people.Register
	// Told knows how people want to be told (nil: one to whom nobody has said so),
	// and Reaching by which channels they can be (nil: by none). Try sends a test by one; nil: nobody can ask for one.
	Told     *told.Desk
	Reaching func(login string) []string
	Try      Try
	// Introduce makes people known to the bot; nil: there is none.
	Introduce Introduce
	// Blocked are those who let the bot write nothing, and since when; nil: there is
	// none.
	Blocked func() map[string]time.Time
	// Feed is what other programs are told; nil: none is.
	Feed *feed.Feed
	Door *door.Door
}

// Site is all pages.
type Site struct {
	cfg    Config
	view   *view.View
	clerk  *view.Clerk
	cards  *contacts.Cabinet
	hub    *Hub
	deaf   func() // ends that the Hub hears of the timeline
	routes []door.Route
	tries  tries
}

// New makes a Site.
func New(c Config) *Site {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Told == nil {
		c.Told = told.New(told.Config{Directory: c.Office.Directory, Zone: c.Zone})
	}
	if c.Reaching == nil {
		c.Reaching = func(string) []string { return nil }
	}
	if c.Hub == nil {
		c.Hub = NewHub()
	}
	s := &Site{cfg: c, view: c.View, clerk: view.NewClerk(c.View, c.DB, c.Zone), hub: c.Hub, cards: contacts.New(contacts.Config{Office: c.Office, Book: c.Book, Plan: c.Plan})}
	s.deaf = c.DB.Listen(leads.TopicTimeline, c.Hub.note)
	s.routes = s.list()
	c.Door.ShowRefusals(s.refused)
	return s
}

// Close ends that the pages hear of what happens.
func (s *Site) Close() { s.deaf() }

// Routes is the map of the site.
func (s *Site) Routes() []door.Route { return s.routes }

func (s *Site) list() []door.Route {
	get := func(path string, access door.Access, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodGet, Path: path, Access: access, Answer: answer}
	}
	return slices.Concat([]door.Route{
		get("/static/{file}", door.Anyone, static),
		get("/{$}", door.Person, s.callbacks),
		get("/everyone", door.Leader, s.everyone),
		get("/leads/{id}", door.Linked, s.lead),
		{Method: http.MethodGet, Path: "/live", Access: door.Linked, Stream: true, Answer: s.live},
		{Method: http.MethodPost, Path: "/live", Access: door.Person, Answer: s.shown},
		get("/", door.Person, s.nothingHere),
	}, s.deedRoutes(), s.contactRoutes(), s.listRoutes(), s.loginRoutes(), s.accountRoutes(), s.settingsRoutes())
}

// head is what every page has.
type head struct {
	Title   string
	Version string
	Now     moment
	// Name is who looks, empty where nobody is logged in; Nav is the main menu, Menu
	// what stands behind the name.
	Name      string
	Nav, Menu []place
	// Switch says whether they are away, and lets them change it; nil: they cannot.
	Switch *presence
	// Form is what every form carries: see door.Visitor.
	Form string
	// Path is the page itself, where what is done on it comes back to.
	Path string
	// Refresh is after how many seconds a browser without scripts asks again; 0:
	// never.
	Refresh int
	// Mark is the state of what is shown, for the stream; empty: it is not live.
	Mark string
}

// place is a page in a menu.
type place struct {
	Path  string
	Icon  string
	Label string // an id of the catalog
	Here  bool   // it is the page that is shown
	Count int    // 0: none is shown
}

// nav and menu are the menus: of pages that the site has, for whoever may see
// them.
var (
	nav = []place{{Path: "/{$}", Icon: "callbacks", Label: "page.nav.callbacks"}, {Path: "/everyone", Icon: "everyone", Label: "page.nav.everyone"},
		{Path: "/calls", Icon: "calls", Label: "page.nav.calls"}, {Path: "/search", Icon: "search", Label: "page.nav.search"},
		{Path: "/report", Icon: "report", Label: "page.nav.report"}, {Path: "/status", Icon: "status", Label: "page.nav.status"}}
	menu = []place{{Path: "/settings", Icon: "person", Label: "page.nav.settings"}, {Path: "/account", Icon: "keys", Label: "page.nav.account"}}
)

// teller speaks to whoever asks.
func (s *Site) teller(r *http.Request) *teller {
	t := &teller{now: time.Now(), zone: s.cfg.Zone, directory: s.cfg.Office.Directory, visitor: door.VisitorOf(r), path: r.URL.RequestURI(), ctx: r.Context(),
		giving: map[string][]choice{}, written: map[menuKind]string{}}
	language := s.cfg.Door.Language(r)
	if t.visitor != nil {
		language = t.visitor.Language
	}
	t.words, t.mark = text.In(language), s.hub.mark()
	return t
}

func (s *Site) head(t *teller, title string) head {
	h := head{Title: title, Version: s.cfg.Version, Now: t.moment(t.now), Path: t.path}
	if t.visitor != nil {
		h.Form, h.Mark = t.visitor.Form, t.mark
	}
	if t.visitor != nil && t.visitor.Only == 0 {
		h.Name, h.Nav, h.Menu = t.visitor.Name, s.places(t, nav), s.places(t, menu)
		h.Switch = s.presence(t)
	}
	return h
}

// places are the pages of a menu that the reader may see.
func (s *Site) places(t *teller, of []place) (list []place) {
	here, _, _ := strings.Cut(t.path, "?")
	for _, p := range of {
		if !s.has(p.Path, t.visitor) {
			continue
		}
		if p.Path == "/{$}" {
			p.Path, p.Count = "/", s.owed(t)
		}
		p.Here = here == p.Path
		list = append(list, p)
	}
	return list
}

// has says whether the site has the page, and the reader may see it.
func (s *Site) has(path string, v *door.Visitor) bool {
	return slices.ContainsFunc(s.routes, func(r door.Route) bool {
		return r.Path == path && r.Method == http.MethodGet && v.May(r.Access)
	})
}

// owed counts the reader's callbacks. A menu does without the number when it
// cannot be read: what the page itself cannot read it says.
func (s *Site) owed(t *teller) int {
	n, err := s.view.CountCallbacks(t.ctx, t.visitor.Sight)
	if err != nil {
		return 0
	}
	return n
}

// papers are what pages are written on, used again: one that grows to the size
// of a page costs three times as much.
var papers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// show renders a page whole before a byte of it is sent: a page that fails in
// its middle is an error, not half a page.
func (s *Site) show(w http.ResponseWriter, r *http.Request, code int, name string, data any) {
	page := papers.Get().(*bytes.Buffer)
	defer papers.Put(page)
	page.Reset()
	if err := pages[s.teller(r).words.Language].ExecuteTemplate(page, name, data); err != nil {
		s.cfg.Door.Broken(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_, _ = w.Write(page.Bytes())
}
