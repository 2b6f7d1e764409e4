package api

import (
	"net/http"
	"sync"

	"ringback/ari"
	"ringback/cmd/ringback/web/door"
	"ringback/cmd/ringback/web/health"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/contacts"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/number"
	"ringback/leads/view"
)

// Config is what the API asks and tells.
type Config struct {
	DB   *db.DB
	View *view.View
	// Office knows the names of people; Book and Desk do what is asked for; Plan
	// reads the numbers that are named.
	Office *leads.Office
	Book   *leads.Book
	Desk   *appointments.Desk
	Plan   *number.Plan
	// Caller connects people with clients.
	Caller Caller
	Feed   *feed.Feed
	Health *health.Check
	PBXes  func() []ari.Status
	Mode   string
	// Version is the daemon's.
	Version string
	Door    *door.Door
}

// API answers programs.
type API struct {
	cfg   Config
	view  *view.View
	cards *contacts.Cabinet
	busy  busy
	pace  pace
	file  sync.Mutex // is held while a file is taken
}

// New makes an API.
func New(c Config) *API {
	return &API{cfg: c, view: c.View, cards: contacts.New(contacts.Config{Office: c.Office, Book: c.Book, Plan: c.Plan})}
}

// Routes is the map of the API.
func (s *API) Routes() []door.Route {
	route := func(method, path, scope string, answer http.HandlerFunc) door.Route {
		switch method {
		case http.MethodPost, http.MethodPut, http.MethodPatch:
			answer = s.oneFile(s.once(answer))
		}
		answer = s.paced(method != http.MethodGet, answer)
		return door.Route{Method: method, Path: path, Access: door.Program, Scope: scope, Answer: answer}
	}
	const get, post, put, patch, del = http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete
	asJSON, asYAML := openAPI(s.Routes)
	return []door.Route{
		{Method: get, Path: "/api/v1/openapi.json", Access: door.Anyone, Answer: asJSON},
		{Method: get, Path: "/api/v1/openapi.yaml", Access: door.Anyone, Answer: asYAML},
		route(get, "/api/v1/calls", "calls:read", s.calls),
		route(get, "/api/v1/calls/{id}", "calls:read", s.oneCall),
		route(get, "/api/v1/contacts", "contacts:read", s.contacts),
		route(put, "/api/v1/contacts", "contacts:write", s.putContact),
		route(get, "/api/v1/contacts/{id}", "contacts:read", s.oneContact),
		route(patch, "/api/v1/contacts/{id}", "contacts:write", s.changeContact),
		route(post, "/api/v1/contacts/{id}/merge", "contacts:write", s.mergeContact),
		route(post, "/api/v1/contacts/{id}/notes", "contacts:write", s.remarkOnContact),
		route(get, "/api/v1/status", "status:read", s.status),
		route(get, "/api/v1/leads", "leads:read", s.leads),
		route(get, "/api/v1/leads/{id}", "leads:read", s.oneLead),
		route(post, "/api/v1/leads", "leads:write", s.openLead),
		route(post, "/api/v1/leads/{id}/acknowledge", "leads:write", s.acknowledge),
		route(post, "/api/v1/leads/{id}/assign", "leads:write", s.assign),
		route(post, "/api/v1/leads/{id}/call", "leads:write", s.call),
		route(get, "/api/v1/clicks/{id}", "leads:read", s.click),
		route(post, "/api/v1/leads/{id}/enough", "leads:write", s.enoughTalk),
		route(post, "/api/v1/leads/{id}/hand-on", "leads:write", s.handOn),
		route(post, "/api/v1/leads/{id}/later", "leads:write", s.later),
		route(post, "/api/v1/leads/{id}/notes", "leads:write", s.remarkOn),
		route(post, "/api/v1/leads/{id}/settle", "leads:write", s.settle),
		route(post, "/api/v1/leads/{id}/take", "leads:write", s.take),
		route(get, "/api/v1/appointments", "appointments:read", s.appointments),
		route(post, "/api/v1/appointments", "appointments:write", s.book),
		route(get, "/api/v1/appointments/{id}", "appointments:read", s.appointment),
		route(patch, "/api/v1/appointments/{id}", "appointments:write", s.change),
		route(del, "/api/v1/appointments/{id}", "appointments:write", s.cancel),
		route(get, "/api/v1/reminders", "appointments:read", s.reminders),
		route(post, "/api/v1/reminders", "appointments:write", s.remind),
		route(get, "/api/v1/reminders/{id}", "appointments:read", s.reminder),
		route(get, "/api/v1/consents", "consents:read", s.consents),
		route(post, "/api/v1/consents", "consents:write", s.consent),
		route(get, "/api/v1/events", "events:read", s.events),
		route(get, "/api/v1/hooks", "events:read", s.hooks),
		route(post, "/api/v1/hooks/{name}/replay", "events:replay", s.replay),
		route(get, "/api/", "", noSuchAPI),
	}
}
