package page

import (
	"net/http"
	"time"

	"ringback/ari"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
	"ringback/leads/db"
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
	Door    *door.Door
}

// Site is all pages.
type Site struct {
	cfg  Config
	view *view.View
}

// New makes a Site.
func New(c Config) *Site {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	return &Site{c, c.View}
}

// Routes is the map of the site.
func (s *Site) Routes() []door.Route {
	get := func(path string, access door.Access, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodGet, Path: path, Access: access, Answer: answer}
	}
	return []door.Route{
		get("/style.css", door.Anyone, style),
		get("/{$}", door.Person, s.front),
		get("/leads/{id}", door.Linked, s.lead),
		get("/contacts/{id}", door.Person, s.contact),
		get("/", door.Person, s.nothingHere),
	}
}
