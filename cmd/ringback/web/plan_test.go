package web

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ringback/ari"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/feed"
	"ringback/leads/history"
	"ringback/leads/number"
	"ringback/leads/people"
	"ringback/leads/view"
	"ringback/routing"
)

// question is a statement that a page asked, with its values.
type question struct {
	query string
	args  []driver.NamedValue
}

// listener hears what is asked of a database: it stands between database/sql and
// the driver.
type listener struct {
	driver driver.Driver
	dsn    string
	mu     sync.Mutex
	heard  []question
}

func (l *listener) Driver() driver.Driver { return l.driver }

func (l *listener) Connect(context.Context) (driver.Conn, error) {
	conn, err := l.driver.Open(l.dsn)
	if err != nil {
		return nil, err
	}
	return &heardConn{conn, l}, nil
}

// take gives what was heard since it was asked last.
func (l *listener) take() []question {
	l.mu.Lock()
	defer l.mu.Unlock()
	heard := l.heard
	l.heard = nil
	return heard
}

type heardConn struct {
	driver.Conn
	l *listener
}

func (c *heardConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.l.mu.Lock()
	c.l.heard = append(c.l.heard, question{query, slices.Clone(args)})
	c.l.mu.Unlock()
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, query, args)
}

// library is a server over three years of calls whose questions are heard.
type library struct {
	*Server
	t        testing.TB
	db       *db.DB
	listener *listener
	shown    *view.View
	book     *leads.Book
	register *people.Register
}

func newLibrary(t testing.TB, size history.Size) *library {
	t.Helper()
	path := filepath.Join(t.TempDir(), "book.db")
	if err := history.Copy(t.Context(), size, path); err != nil {
		t.Fatal(err)
	}
	d, err := db.Open(t.Context(), db.Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	office := &leads.Office{Directory: staff(), Plans: map[string]*number.Plan{history.PBX: {Country: "DE"}}}
	book := leads.NewBook(leads.BookConfig{DB: d, Office: office})
	register, err := people.Open(t.Context(), people.Config{DB: d, Directory: office.Directory})
	if err != nil {
		t.Fatal(err)
	}
	hooked, err := feed.New(t.Context(), feed.Config{DB: d, Hooks: []feed.Hook{{Name: "crm", Receiver: deafProgram{}}}})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Config{DB: d, Office: office, Book: book, Caller: callerOf(d, book, office), Plan: &number.Plan{}, Tokens: []string{rightToken},
		Feed: hooked, People: register, PBXes: func() []ari.Status { return nil }, Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	l := &listener{driver: d.Reader().Driver(), dsn: "file:" + path + "?mode=ro&_time_integer_format=unix_milli&_pragma=busy_timeout(5000)"}
	reader := sql.OpenDB(l)
	t.Cleanup(func() {
		if err := reader.Close(); err != nil {
			t.Error(err)
		}
		register.Close()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	shown := view.New(reader)
	s.open(shown)
	return &library{s, t, d, l, shown, book, register}
}

// deafProgram is a hook to which nothing is posted: nobody runs the Feed.
type deafProgram struct{ feed.Receiver }

func (deafProgram) Shown() string { return "https://crm.example.com" }

// staff are the people, pools and lines of which the history tells.
func staff() *routing.Directory {
	dir := &routing.Directory{}
	var logins []string
	for i := range 20 {
		logins = append(logins, fmt.Sprintf("m%02d", i+1))
		dir.Managers = append(dir.Managers, routing.Manager{Login: logins[i], Name: "Manager " + logins[i], Devices: []routing.Device{{Endpoint: fmt.Sprint(101 + i)}}})
	}
	dir.Managers = append(dir.Managers, routing.Manager{Login: "chief"}, routing.Manager{Login: "admin", Role: routing.Admin})
	for i, name := range history.Pools {
		dir.Lines = append(dir.Lines, routing.Line{Name: name, Numbers: []string{"+4930555" + fmt.Sprint(len(name))}, Pool: name})
		dir.Pools = append(dir.Pools, routing.Pool{Name: name, Managers: logins[6*i : 6*i+8], Supervisor: "chief", Pick: routing.RoundRobin,
			Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()})
	}
	return dir
}

// patterns are the paths that answer GET.
func (l *library) patterns() (list []string) {
	for _, r := range l.routes {
		if r.Method == http.MethodGet {
			list = append(list, r.Path)
		}
	}
	return list
}

func (l *library) get(path string) (code int, body []byte) {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+rightToken)
	w := httptest.NewRecorder()
	l.ServeHTTP(w, r)
	return w.Code, w.Body.Bytes()
}

// silent are the routes that answer without the database, or only to whom a
// secret names: packages people and dials look at their own questions.
var silent = []string{"/api/v1/clicks/{id}", "/api/v1/events", "/api/v1/hooks", "/api/v1/openapi.json", "/api/v1/openapi.yaml",
	"/healthz", "/readyz", "/static/{file}", "/live", "/metrics", "/", "/api/", "/login", "/account", "/settings", "/invite/{secret}", "/l/{link}"}

// filters are the parameters of lists beside limit and cursor, and all values
// that they may have.
var filters = map[string][]string{"state": {"open", "closed", "all"}, "pool": {"sales"}, "manager": {"m07"}, "contact": {"17"}, "lead": {"17"},
	"verdict": {"answered", "missed", "ignored"}, "since": {"2024-01-01T00:00:00Z"}, "number": {"+49301000017"}, "external_id": {"crm-17"}, "q": {"301000017"}}

// asked are the questions that pages answer: each filter alone, and some together.
var asked = map[string][]string{
	"/calls": {"verdict=missed", "reason=failed", "direction=outbound", "pool=sales", "pool=sales&verdict=missed&from=2025-06-01&to=2025-06-30", "line=service", "person=m01",
		"person=m01&pool=sales&reason=busy", "number=301+000+12", "number=493", "number=12345678", "from=2025-06-01", "to=2024-06-01"},
	"/calls.csv": {"verdict=missed&from=2025-12-01"},
	"/report":    {"days=7", "days=30"},
	"/search":    {"q=301+00", "q=anna+12", "q=nobody"},
	"/everyone":  {"show=100", "pool=sales", "person=m07&only=overdue", "only=free&show=200"},
}

var (
	offered = regexp.MustCompile(`it has limit, cursor([a-z_, ]*)\.|parameters limit and cursor`)
	allSame = regexp.MustCompile(`\{[^}]*\}`)
)

// addresses are those under which a route shows all that it can: the filters of
// a list are read from its own refusal of a parameter that it does not have.
func (l *library) addresses(pattern string) []string {
	l.t.Helper()
	if strings.Contains(pattern, "{id}") {
		return []string{strings.Replace(pattern, "{id}", "1", 1), strings.Replace(pattern, "{id}", "37", 1)}
	}
	path := allSame.ReplaceAllString(pattern, "")
	if !strings.HasPrefix(path, "/api/") {
		var list []string
		if path != "/search" { // which asks nothing where nothing is looked for
			list = append(list, path)
		}
		for _, query := range asked[path] {
			list = append(list, path+"?"+query)
		}
		return list
	}
	code, body := l.get(path + "?no_such_parameter=1")
	has := offered.FindSubmatch(body)
	if code == http.StatusOK && !bytes.Contains(body, []byte(`"items"`)) {
		return []string{path} // it is no list
	}
	if code != http.StatusBadRequest || has == nil {
		l.t.Fatalf("%s does not say which parameters it has, so its filters are not known: %d %s", path, code, body)
	}
	list := []string{path, path + "?limit=500"}
	for _, name := range strings.FieldsFunc(string(has[1]), func(c rune) bool { return c == ',' || c == ' ' }) {
		if filters[name] == nil {
			l.t.Fatalf("%s has a filter %s: say in filters which values it may have", path, name)
		}
		for _, value := range filters[name] {
			list = append(list, path+"?"+url.Values{name: {value}}.Encode())
		}
	}
	return list
}

// plan is how SQLite answers a question.
func (l *library) plan(q question) (steps []string) {
	l.t.Helper()
	args := make([]any, len(q.args))
	for i, a := range q.args {
		args[i] = a.Value
	}
	rows, err := l.db.Reader().Query("EXPLAIN QUERY PLAN "+q.query, args...)
	if err != nil {
		l.t.Fatalf("%v: %s", err, q.query)
	}
	defer rows.Close()
	for rows.Next() {
		var id, parent, unused int
		var step string
		if err := rows.Scan(&id, &parent, &unused, &step); err != nil {
			l.t.Fatal(err)
		}
		steps = append(steps, step)
	}
	if err := rows.Err(); err != nil {
		l.t.Fatal(err)
	}
	return steps
}

// mayWalk are the walks that read no more than is shown: by the index of the leads
// that are open, which are what people work on, by those of the jobs that wait or
// are in hand, and through what the index of trigrams has found.
var mayWalk = regexp.MustCompile(`^SCAN (.* INDEX leads_open|jobs USING COVERING INDEX jobs_|search VIRTUAL TABLE INDEX .*:M|CONSTANT ROW)`)

// wasteful says that a step of a plan reads or sorts more than a page shows. A
// search without an index is one for the greatest id, which walks until the rest
// of the condition holds.
func wasteful(step string) bool {
	whole := strings.HasPrefix(step, "SCAN") && !mayWalk.MatchString(step)
	walks := strings.HasPrefix(step, "SEARCH") && !strings.Contains(step, " USING ")
	return whole || walks || strings.Contains(step, "TEMP B-TREE") || strings.Contains(step, "AUTOMATIC")
}

// TestEveryPageAndListIsReadByAnIndex asks every route that there is, with every
// filter, at the top and further on, and has SQLite say how it finds what is
// shown: before and after it has counted what is there.
func TestEveryPageAndListIsReadByAnIndex(t *testing.T) {
	l := newLibrary(t, history.Small)
	for _, analyzed := range []bool{false, true} {
		if analyzed {
			if err := l.db.Do(t.Context(), func(tx *db.Tx) error { _, err := tx.Exec("ANALYZE"); return err }); err != nil {
				t.Fatal(err)
			}
		}
		asked := 0
		for _, pattern := range l.patterns() {
			if slices.Contains(silent, pattern) {
				continue
			}
			l.listener.take()
			for _, address := range l.addresses(pattern) {
				for page := 0; address != "" && page < 3; page++ {
					code, body := l.get(address)
					questions := l.listener.take()
					if code != http.StatusOK || len(questions) == 0 && !strings.HasPrefix(pattern, "/report") { // which keeps what it has counted
						t.Fatalf("%s (%s): status %d after %d questions: %.200s", pattern, address, code, len(questions), body)
					}
					for _, q := range questions {
						asked++
						if steps := l.plan(q); slices.ContainsFunc(steps, wasteful) {
							t.Errorf("%s (analyzed: %v) reads or sorts more than it shows: %s\n%s", address, analyzed, strings.Join(steps, " / "), q.query)
						}
					}
					address = next(t, address, body)
				}
			}
		}
		for _, s := range []leads.Sight{{Login: "m01", Pools: []string{"sales", "service"}}, {Login: "chief", Supervises: []string{"sales", "default"}, Pools: []string{"service"}}} {
			l.ask(s)
			for _, q := range l.listener.take() {
				asked++
				if steps := l.plan(q); slices.ContainsFunc(steps, wasteful) {
					t.Errorf("with the sight of %s (analyzed: %v) more is read or sorted than is shown: %s\n%s", s.Login, analyzed, strings.Join(steps, " / "), q.query)
				}
			}
		}
		if asked < 40 {
			t.Errorf("only %d questions were heard", asked)
		}
	}
}

// ask asks what people of less sight see on the same pages.
func (l *library) ask(s leads.Sight) {
	l.t.Helper()
	ctx := l.t.Context()
	for _, f := range []view.CallFilter{{}, {Verdict: routing.Missed}, {Pool: "sales"}, {Person: "m02"}, {Number: "301"}, {Contact: 7}} {
		page, err := l.shown.PageOfCalls(ctx, s, f, view.Page{}, false)
		if err == nil {
			_, err = l.shown.PageOfCalls(ctx, s, f, view.Page{Cursor: page.Next}, page.Next != "")
		}
		if err != nil {
			l.t.Fatal(err)
		}
	}
	if _, err := l.shown.ContactInSight(ctx, s, 7, ""); err != nil && !errors.Is(err, view.ErrNotFound) {
		l.t.Fatal(err)
	}
	if _, err := l.shown.Search(ctx, s, "301 00"); err != nil {
		l.t.Fatal(err)
	}
	if _, _, err := l.shown.Callbacks(ctx, s, view.MaxCallbacks); err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.shown.TallyCallbacks(ctx, s, time.Minute); err != nil {
		l.t.Fatal(err)
	}
	if _, _, err := l.shown.OpenIn(ctx, s, view.Among{Person: "m02"}, view.MaxCallbacks); err != nil {
		l.t.Fatal(err)
	}
	if _, err := l.shown.TallyOpen(ctx, s, time.Minute); err != nil {
		l.t.Fatal(err)
	}
}

// next is the address of the page after this one; "": there is none.
func next(t testing.TB, address string, body []byte) string {
	t.Helper()
	var list struct{ Next string }
	if !strings.HasPrefix(address, "/api/") || json.Unmarshal(body, &list) != nil || list.Next == "" {
		return ""
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	q.Set("cursor", list.Next)
	return fmt.Sprintf("%s?%s", u.Path, q.Encode())
}
