package api

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/number"
	"ringback/leads/search"
	"ringback/leads/view"
	"ringback/routing"
)

// badParameter is the error of a parameter whose value cannot be meant.
type badParameter struct{ name, why string }

func (b *badParameter) Error() string { return "The parameter " + b.name + " " + b.why + "." }

// idParameter reads an id; 0: it is not asked for.
func idParameter(q url.Values, name string) (int64, error) {
	if !q.Has(name) {
		return 0, nil
	}
	id, err := strconv.ParseInt(q.Get(name), 10, 64)
	if err != nil || id < 1 {
		return 0, &badParameter{name, "is not an id"}
	}
	return id, nil
}

// textParameter reads a text that must not be empty where it is asked for.
func textParameter(q url.Values, name string) (string, error) {
	if q.Has(name) && q.Get(name) == "" {
		return "", &badParameter{name, "is empty"}
	}
	return q.Get(name), nil
}

func timeParameter(q url.Values, name string) (time.Time, error) {
	if !q.Has(name) {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, q.Get(name))
	if err != nil || at.Year() < 1970 || at.Year() > 9999 {
		return time.Time{}, &badParameter{name, "is not a time such as 2026-11-22T14:30:00+03:00, its plus written as %2B"}
	}
	return at, nil
}

// oneCall answers GET /api/v1/calls/{id}: a call that an event or a timeline names.
func (s *API) oneCall(w http.ResponseWriter, r *http.Request) {
	if id, ok := apiID(w, r); ok {
		answerOne(s, w, r, http.StatusOK, id, s.view.Call)
	}
}

// calls answers GET /api/v1/calls.
func (s *API) calls(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, []string{"contact", "lead", "verdict", "since"}, func(ctx context.Context, q url.Values, p view.Page) (list view.List[view.Call], err error) {
		var by view.CallFilter
		if by.Contact, err = idParameter(q, "contact"); err != nil {
			return list, err
		}
		if by.From, err = timeParameter(q, "since"); err != nil {
			return list, err
		}
		lead, err := idParameter(q, "lead")
		if err != nil {
			return list, err
		}
		if by.Verdict = routing.Verdict(q.Get("verdict")); q.Has("verdict") && !slices.Contains(verdicts, by.Verdict) {
			return list, view.ErrVerdict
		}
		if lead == 0 {
			return s.view.Calls(ctx, leads.Everything, by, p)
		}
		if by != (view.CallFilter{}) {
			return list, &badParameter{"lead", "stands alone: the calls of a lead are few"}
		}
		return s.view.CallsOfLead(ctx, lead, p)
	})
}

var verdicts = []routing.Verdict{routing.Answered, routing.Missed, routing.Ignored}

// leads answers GET /api/v1/leads; ?state= is open, closed or all, which it is
// without one.
func (s *API) leads(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, []string{"state", "pool", "manager", "contact", "since"}, func(ctx context.Context, q url.Values, p view.Page) (list view.List[view.Lead], err error) {
		by := view.LeadFilter{State: view.State(q.Get("state"))}
		if q.Has("state") && by.State == "" {
			return list, view.ErrState
		}
		if by.Pool, err = textParameter(q, "pool"); err != nil {
			return list, err
		}
		if by.Manager, err = textParameter(q, "manager"); err != nil {
			return list, err
		}
		if by.Contact, err = idParameter(q, "contact"); err != nil {
			return list, err
		}
		if by.Since, err = timeParameter(q, "since"); err != nil {
			return list, err
		}
		return s.view.FilterLeads(ctx, by, p)
	})
}

// contacts answers GET /api/v1/contacts: all of them, those that are searched for,
// or the one that has a number or an external id.
func (s *API) contacts(w http.ResponseWriter, r *http.Request) {
	answerList(s, w, r, []string{"number", "external_id", "q"}, func(ctx context.Context, q url.Values, p view.Page) (list view.List[view.Contact], err error) {
		if q.Has("q") {
			if len(q) > 1 {
				return list, &badParameter{"q", "stands alone"}
			}
			return s.search(ctx, q.Get("q"))
		}
		if !q.Has("number") && !q.Has("external_id") {
			return s.view.Contacts(ctx, p)
		}
		external, err := textParameter(q, "external_id")
		if err != nil {
			return list, err
		}
		asked := ""
		if q.Has("number") {
			n := s.cfg.Plan.Read(q.Get("number"))
			if n.Kind != number.E164 {
				return list, &badParameter{"number", "is no valid telephone number; a plus is written as %2B"}
			}
			asked = n.Value
		}
		return s.view.Find(ctx, asked, external)
	})
}

func noSuchAPI(w http.ResponseWriter, _ *http.Request) {
	door.Problem(w, http.StatusNotFound, "There is nothing here: /api/v1/openapi.json tells what there is.")
}

// search finds contacts by any part of a number or a name.
func (s *API) search(ctx context.Context, text string) (list view.List[view.Contact], err error) {
	found, err := s.view.Search(ctx, leads.Everything, text)
	if errors.Is(err, search.ErrShort) {
		return list, &badParameter{"q", "is too short: three characters or more"}
	}
	list.Items = []view.Contact{}
	for _, one := range found.Contacts {
		list.Items = append(list.Items, one.Contact)
	}
	return list, err
}
