package page

import (
	"errors"
	"net/http"
	"net/url"
	"slices"

	"ringback/ari/call"
	"ringback/cmd/ringback/web/door"
	"ringback/leads/search"
	"ringback/leads/view"
	"ringback/routing"
)

// listRoutes are the pages that list, search and count.
func (s *Site) listRoutes() []door.Route {
	get := func(path string, access door.Access, answer http.HandlerFunc) door.Route {
		return door.Route{Method: http.MethodGet, Path: path, Access: access, Answer: answer}
	}
	return []door.Route{
		get("/calls", door.Person, s.calls),
		get("/calls.csv", door.Person, s.callsCSV),
		get("/search", door.Person, s.search),
		get("/report", door.Person, s.report),
		get("/report.csv", door.Person, s.reportCSV),
		get("/doings", door.Leader, s.doings),
		get("/status", door.Admin, s.status),
	}
}

type callsPage struct {
	head
	Filters filters
	Calls   []callRow
	// Newer and Older lead to other pages, Table to all of it as a file; empty:
	// there is none.
	Newer, Older, Table string
	// Back is until when it was looked for these; empty: to the end.
	Back string
	// Stale says that the address is of another list.
	Stale bool
}

// calls lists the calls in sight, by filters.
func (s *Site) calls(w http.ResponseWriter, r *http.Request) {
	t := s.teller(r)
	asked := r.URL.Query()
	f, by := t.callFilters(asked)
	page := callsPage{head: s.head(t, t.say("nav.calls")), Filters: f, Table: with("/calls.csv", asked, "", "")}
	if f.Wrong {
		page.Table = ""
		s.show(w, r, http.StatusUnprocessableEntity, "calls.html", page)
		return
	}
	newer := asked.Has("newer")
	cursor := asked.Get("older")
	if newer {
		cursor = asked.Get("newer")
	}
	found, err := s.view.PageOfCalls(r.Context(), t.visitor.Sight, by, view.Page{Cursor: cursor}, newer)
	switch {
	case errors.Is(err, view.ErrCursor):
		page.Stale = true
		s.show(w, r, http.StatusUnprocessableEntity, "calls.html", page)
		return
	case err != nil:
		s.cfg.Door.Broken(w, r, err)
		return
	}
	page.Calls = t.callsByDay(found.Items)
	if found.Next != "" {
		page.Older = with("/calls", asked, "older", found.Next)
	}
	if found.Newer != "" {
		page.Newer = with("/calls", asked, "newer", found.Newer)
	}
	if !found.Back.IsZero() {
		page.Back = t.moment(found.Back).Clock
	}
	s.show(w, r, http.StatusOK, "calls.html", page)
}

// with is an address of a list with the same filters, at another place.
func with(path string, asked url.Values, place, cursor string) string {
	q := url.Values{}
	for name, values := range asked {
		if name != "older" && name != "newer" && len(values) == 1 && values[0] != "" && len(values[0]) <= maxTyped {
			q.Set(name, values[0])
		}
	}
	if place != "" {
		q.Set(place, cursor)
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// verdicts are those that a call can have, in the order in which they matter.
var verdicts = []string{string(routing.Missed), string(routing.Answered), string(routing.Ignored)}

func reasonsOf(verdict string) (list []string) {
	for _, v := range verdicts {
		if verdict == "" || verdict == v {
			for _, reason := range routing.Reasons[routing.Verdict(v)] {
				list = append(list, string(reason))
			}
		}
	}
	return list
}

// callFilters reads which calls are wanted.
func (t *teller) callFilters(asked url.Values) (filters, view.CallFilter) {
	f := filters{t: t, asked: asked}
	var by view.CallFilter
	by.Verdict = routing.Verdict(f.choose("verdict", verdicts, func(v string) string { return t.say("verdict." + v) }))
	by.Reason = routing.Reason(f.choose("reason", reasonsOf(""), t.why))
	by.Direction = call.Direction(f.choose("direction", []string{string(call.Inbound), string(call.Outbound), string(call.Internal)},
		func(d string) string { return t.say("verdict." + d) }))
	by.Pool, by.Line, by.Person = f.choose("pool", t.pools(), itself), f.choose("line", t.lines(), itself), f.choose("person", t.people(), t.person)
	by.Number = f.typed("number", "search", func(typed string) string {
		if search.Spellings(typed) == nil {
			return t.words.Say("lists.wrong.number")
		}
		return ""
	})
	from, until := false, false
	by.From, from = f.day("from")
	by.Until, until = f.day("to")
	if until {
		by.Until = by.Until.AddDate(0, 0, 1) // that day included
	}
	if from && until && !by.From.Before(by.Until) {
		i := slices.IndexFunc(f.Fields, func(one field) bool { return one.Name == "to" })
		f.Fields[i].Problem, f.Wrong = t.words.Say("lists.wrong.order"), true
	}
	return f, by
}
