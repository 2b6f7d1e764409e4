package web

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/cmd/ringback/web/door"
	"ringback/leads/people"
	"ringback/routing"
)

// forAnyone are the routes that strangers have, and why nothing is there for
// them to take. A new one needs its reason here.
var forAnyone = map[string]string{
	"GET /healthz":             "that the process lives",
	"GET /readyz":              "whether it works, and no more",
	"GET /static/{file}":       "the program's own files",
	"GET /login":               "a form",
	"POST /login":              "a session, to whoever knows a password",
	"GET /invite/{secret}":     "a form, to whoever has the secret",
	"POST /invite/{secret}":    "a session, to whoever has the secret",
	"GET /api/v1/openapi.json": "what the program can be asked",
	"GET /api/v1/openapi.yaml": "the same",
	"GET /l/{link}":            "a lead, to whoever has the signature",
}

// street is a house with two pools: default with anna under boss, and service
// with olga under petr. Client 1 rang the first, and is anna's.
type street struct {
	*house
	before string
	asked  int
}

// The client of another pool than olga's: nothing of them is shown to her.
const (
	clientNumber = "9265550143"
	clientName   = "Svetlana Secret"
)

func newStreet(t *testing.T) *street {
	s := &street{house: newHouse(t, func(c *Config) {
		d := c.Office.Directory
		d.Managers = append(d.Managers, routing.Manager{Login: "olga"}, routing.Manager{Login: "petr"}, routing.Manager{Login: "root", Role: routing.Admin})
		d.Pools = append(d.Pools, routing.Pool{Name: "service", Managers: []string{"olga"}, Supervisor: "petr", Pick: routing.RoundRobin,
			Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()})
	})}
	s.tell("+7"+clientNumber, clientName, nil)
	s.tell("+79037654321", "Second Client", nil)
	s.exec("UPDATE contacts SET name = $1, named = 1 WHERE id = 1", clientName)
	s.exec("UPDATE leads SET manager = 'anna'")
	return s
}

// state is all that the database holds but when somebody was last seen.
func (s *street) state() string {
	s.t.Helper()
	s.people.Close()
	names, err := s.db.Reader().Query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%' ORDER BY name")
	if err != nil {
		s.t.Fatal(err)
	}
	var tables []string
	for names.Next() {
		var name string
		if err := names.Scan(&name); err != nil {
			s.t.Fatal(err)
		}
		tables = append(tables, name)
	}
	if err := names.Err(); err != nil {
		s.t.Fatal(err)
	}
	sum := sha256.New()
	for _, table := range tables {
		s.sum(sum, table)
	}
	return fmt.Sprintf("%x", sum.Sum(nil))
}

func (s *street) sum(into interface{ Write([]byte) (int, error) }, table string) {
	s.t.Helper()
	rows, err := s.db.Reader().Query("SELECT * FROM " + table)
	if err != nil {
		s.t.Fatal(err)
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		s.t.Fatal(err)
	}
	for rows.Next() {
		values, refs := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			refs[i] = &values[i]
		}
		if err := rows.Scan(refs...); err != nil {
			s.t.Fatal(err)
		}
		for i, v := range values {
			if columns[i] != "seen" && columns[i] != "used" {
				fmt.Fprintf(into, "%s.%s=%v\n", table, columns[i], v)
			}
		}
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
}

// address is a route's, about client 1.
func address(r *door.Route) string {
	if r.Path == "/" { // whatever is nothing else
		return "/nowhere"
	}
	path := strings.ReplaceAll(r.Path, "{$}", "")
	path = strings.ReplaceAll(path, "{id}", "1")
	return regexp.MustCompile(`\{[^}]*\}`).ReplaceAllString(path, "1")
}

// visit asks for a route; what is posted is what a form and a program would.
func (s *street) visit(r *door.Route, from string, headers ...map[string]string) reply {
	s.t.Helper()
	a := ask{method: r.Method, path: address(r), from: from, header: map[string]string{}, stream: r.Stream}
	for _, h := range headers {
		maps.Copy(a.header, h)
	}
	a.host = a.header["host"]
	delete(a.header, "host")
	if r.Method != http.MethodGet {
		a.body, a.header["Content-Type"] = "text=x&why=x&login=olga&to=olga&until=1h&number=%2B79990001122&pool=service", "application/x-www-form-urlencoded"
		if r.Access == door.Program {
			a.body, a.header["Content-Type"] = `{}`, "application/json"
		}
	}
	return s.ask(a)
}

// refuses wants a visit to be refused, to have changed nothing, and to tell nothing.
func (s *street) refuses(who string, r *door.Route, got reply, codes ...int) {
	s.t.Helper()
	if !slices.Contains(codes, got.code) {
		s.t.Errorf("%s %s as %s: %d, want one of %v: %.200s", r.Method, r.Path, who, got.code, codes, got.body)
	}
	s.tellsNothing(who, r, got)
}

func (s *street) tellsNothing(who string, r *door.Route, got reply) {
	s.t.Helper()
	if strings.Contains(got.body, clientNumber) || strings.Contains(got.body, clientName) {
		s.t.Errorf("%s %s as %s (%d) tells of the client", r.Method, r.Path, who, got.code)
	}
	if now := s.state(); now != s.before {
		s.t.Errorf("%s %s as %s (%d) has changed something", r.Method, r.Path, who, got.code)
		s.before = now
	}
}

// forPeople says whether a route is for people with a session.
func forPeople(r *door.Route) bool { return r.Access >= door.Person }

// TestNoRouteForgetsItsAccess walks the router's own table: whoever adds a route
// says who may have it, or nobody may.
func TestNoRouteForgetsItsAccess(t *testing.T) {
	s := newStreet(t)
	if len(s.server.routes) < 30 {
		t.Fatalf("there are only %d routes", len(s.server.routes))
	}
	for i := range s.server.routes {
		r := &s.server.routes[i]
		name := r.Method + " " + r.Path
		switch {
		case r.Access == door.Forgotten:
			t.Errorf("%s: nobody may have it: say who", name)
		case r.Access == door.Anyone && forAnyone[name] == "":
			t.Errorf("%s: everybody may have it: say in forAnyone why", name)
		case r.Access == door.Anyone:
		case strings.HasPrefix(r.Path, "/api/") != (r.Access == door.Program):
			t.Errorf("%s: what is below /api/ is for programs, and nothing else is", name)
		case r.Access == door.Program && r.Path != "/api/" && !slices.Contains(people.Scopes, r.Scope):
			t.Errorf("%s: its scope %q is none that a token can have", name, r.Scope)
		case r.Access == door.Program && r.Path != "/api/" && strings.HasSuffix(r.Scope, ":read") != (r.Method == http.MethodGet):
			t.Errorf("%s: its scope is %s", name, r.Scope)
		}
	}
}

// TestNobodyIsLetIn asks every route as those whom nobody knows.
func TestNobodyIsLetIn(t *testing.T) {
	s := newStreet(t)
	over := strings.TrimPrefix(s.people.Link("anna", 1, time.Now().Add(-people.DefaultLink)), people.LinkPath)
	link := strings.TrimPrefix(s.people.Link("anna", 1, time.Now()), people.LinkPath)
	gone := strings.TrimPrefix(s.people.Link("mallory", 1, time.Now()), people.LinkPath)
	strangers := map[string]map[string]string{
		"nobody":                     nil,
		"a wrong token":              bearerHeader("rb_" + strings.Repeat("A", 43)),
		"a wrong password of Basic":  basic("wrong"),
		"a forged session":           {"Cookie": "ringback=" + strings.Repeat("A", 43)},
		"a forged link":              {"Cookie": "ringback-lead=" + link[:len(link)-1] + "A"},
		"a link whose time is over":  {"Cookie": "ringback-lead=" + over},
		"the link of somebody gone":  {"Cookie": "ringback-lead=" + gone},
		"a session of another place": {"Cookie": "__Host-ringback=" + strings.Repeat("A", 43)},
	}
	s.before = s.state()
	for i := range s.server.routes {
		r := &s.server.routes[i]
		for who, header := range strangers {
			got := s.visit(r, distantIP, header)
			if r.Access == door.Anyone {
				s.tellsNothing(who, r, got)
				continue
			}
			s.refuses(who, r, got, 303, 401, 403)
			if to := got.header.Get("Location"); got.code == 303 && !strings.HasPrefix(to, "/login?next=") {
				t.Errorf("%s %s as %s leads to %s", r.Method, r.Path, who, to)
			}
		}
		if r.Access != door.Anyone && r.Access != door.Machine && r.Access != door.Program {
			// Who sits at this machine is nobody either: a proxy does, for everybody.
			s.refuses("nobody here", r, s.visit(r, ""), 303, 401, 403)
		}
	}
}

// TestALinkOpensItsLeadAlone asks every route by the link to the second client's
// lead: the first one's stays shut, and so does everything else.
func TestALinkOpensItsLeadAlone(t *testing.T) {
	s := newStreet(t)
	link := s.people.Link("anna", 2, time.Now())
	entered := s.ask(ask{path: link, from: distantIP})
	if entered.code != http.StatusSeeOther || entered.header.Get("Location") != "/leads/2" {
		t.Fatalf("the link: %d %v", entered.code, entered.header)
	}
	cookie, _, _ := strings.Cut(entered.header.Get("Set-Cookie"), ";")
	opened, err := s.people.Open(t.Context(), strings.TrimPrefix(cookie, "ringback-lead="))
	if err != nil {
		t.Fatalf("the cookie %q: %v", cookie, err)
	}
	header := map[string]string{"Cookie": cookie, door.FormHeader: opened.Form}
	if got := s.ask(ask{path: "/leads/2", from: distantIP, header: header}); got.code != http.StatusOK || !strings.Contains(got.body, "Second") && !strings.Contains(got.body, "7654321") {
		t.Errorf("its own lead: %d %.300s", got.code, got.body)
	}
	s.before = s.state()
	for i := range s.server.routes {
		r := &s.server.routes[i]
		if !forPeople(r) || r.Path == "/logout" || r.Stream { // which tells ids alone, of what is in sight
			continue
		}
		s.refuses("the link to another lead", r, s.visit(r, distantIP, header), 303, 401, 403, 404)
	}
}

// TestTheWrongManagerIsRefused asks every route as a manager, and as a
// supervisor, of another pool.
func TestTheWrongManagerIsRefused(t *testing.T) {
	s := newStreet(t)
	for _, login := range []string{"olga", "petr"} {
		header := s.as(login)
		s.before = s.state()
		for i := range s.server.routes {
			r := &s.server.routes[i]
			if !forPeople(r) || ownAffair[r.Method+" "+r.Path] {
				continue
			}
			got := s.visit(r, distantIP, header)
			switch {
			case r.Stream:
			case strings.Contains(r.Path, "{id}"):
				s.refuses(login, r, got, 303, 403, 404)
			case r.Access == door.Admin, r.Access == door.Leader && login == "olga":
				s.refuses(login, r, got, 403)
			case r.Method == http.MethodGet:
				s.tellsNothing(login, r, got)
			}
			s.before = s.state()
		}
	}
}

// ownAffair are the routes by which everybody changes what is their own.
var ownAffair = map[string]bool{"POST /logout": true, "POST /account/sessions/{id}/end": true, "POST /account/sessions/end": true}

// TestAnotherSiteChangesNothing asks every route that changes something in the
// name of somebody who may, from another site's page.
func TestAnotherSiteChangesNothing(t *testing.T) {
	s := newStreet(t)
	for _, login := range []string{"anna", "root"} {
		own := s.as(login)
		cookie := map[string]string{"Cookie": own["Cookie"]}
		foreign := map[string]map[string]string{
			"without the form's secret":          cookie,
			"with another's secret":              {"Cookie": own["Cookie"], door.FormHeader: s.as("olga")[door.FormHeader]},
			"from another site":                  {"Sec-Fetch-Site": "cross-site"},
			"from a neighbour":                   {"Sec-Fetch-Site": "same-site"},
			"from another origin":                {"Origin": "https://evil.example"},
			"from no origin":                     {"Origin": "null"},
			"from our host by another scheme":    {"Origin": "https://127.0.0.1:1"},
			"by a name of its own (DNS rebound)": {"host": "evil.example"},
		}
		s.before = s.state()
		for i := range s.server.routes {
			r := &s.server.routes[i]
			if r.Method == http.MethodGet || r.Access == door.Program {
				continue
			}
			for how, header := range foreign {
				if r.Access == door.Anyone && header["Cookie"] != "" {
					continue // there is no session to have a secret
				}
				all := []map[string]string{own, header}
				if header["Cookie"] != "" {
					all = all[1:]
				}
				s.refuses(login+" "+how, r, s.visit(r, distantIP, all...), 403, 421)
			}
		}
	}
}

// TestATokenDoesNoMoreThanItsScopes asks every route of programs by a token that
// may do everything else.
func TestATokenDoesNoMoreThanItsScopes(t *testing.T) {
	s := newStreet(t)
	without := map[string]map[string]string{}
	for _, scope := range people.Scopes {
		others := slices.DeleteFunc(slices.Clone(people.Scopes), func(o string) bool { return o == scope })
		text, _, err := s.people.MakeToken(t.Context(), strings.ReplaceAll(scope, ":", "-"), others, 0)
		if err != nil {
			t.Fatal(err)
		}
		without[scope] = bearerHeader(text)
	}
	s.before = s.state()
	for i := range s.server.routes {
		r := &s.server.routes[i]
		switch {
		case r.Access == door.Program && r.Scope != "", r.Access == door.Machine:
			got := s.visit(r, distantIP, without[r.Scope])
			s.refuses("a token without "+r.Scope, r, got, 403)
			if !strings.Contains(got.header.Get("WWW-Authenticate"), "insufficient_scope") {
				t.Errorf("%s %s: %v", r.Method, r.Path, got.header)
			}
		case forPeople(r):
			s.refuses("a token of the API", r, s.visit(r, distantIP, without["status:read"]), 401, 403)
			if r.Method != http.MethodGet {
				s.refuses("a token of token_file", r, s.visit(r, distantIP, bearerHeader(rightToken)), 403)
				s.refuses("a browser's password", r, s.visit(r, distantIP, basic(rightToken)), 403)
			}
		}
	}
}
