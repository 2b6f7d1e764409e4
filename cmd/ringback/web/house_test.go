package web

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/cmd/ringback/web/door"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/people"
	"ringback/leads/text"
	"ringback/robotcall"
	"ringback/routing"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const rightToken = "c0ffee-c0ffee-c0ffee-c0ffee"

// house is a Server on a real socket, with a real database behind it.
type house struct {
	t      *testing.T
	db     *db.DB
	book   *leads.Book
	people *people.Register
	server *Server
	url    string
	reg    *prometheus.Registry
	log    *journal

	mu   sync.Mutex
	pbxs []ari.Status

	asked func() // is called when somebody asks for the PBXes; nil: nothing

	from  string // the address that requests seem to come from; empty: as it is
	calls int
}

// journal is what was logged.
type journal struct {
	mu   sync.Mutex
	text strings.Builder
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

func newHouse(t *testing.T, change ...func(*Config)) *house {
	t.Helper()
	h := &house{t: t, reg: prometheus.NewRegistry(), log: &journal{}, pbxs: []ari.Status{{PBX: "main", State: ari.Watching, Since: time.Now()}}}
	log := slog.New(slog.NewTextHandler(h.log, nil))
	var err error
	if h.db, err = db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "book.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { h.db.Close() })
	office := &leads.Office{
		Directory: &routing.Directory{
			Lines: []routing.Line{{Name: "sales", Numbers: []string{"+74951000001"}}},
			Managers: []routing.Manager{
				{Login: "anna", Name: "Anna Petrova", Devices: []routing.Device{{Endpoint: "101"}}},
				{Login: "boss"},
			},
			Pools: []routing.Pool{{Name: routing.DefaultPool, Managers: []string{"anna"}, Supervisor: "boss",
				Pick: routing.RoundRobin, Ladder: routing.DefaultLadder(), Missed: routing.DefaultThresholds()}},
		},
		Plans: map[string]*number.Plan{"main": {Country: "RU"}},
	}
	h.book = leads.NewBook(leads.BookConfig{DB: h.db, Office: office, Log: log})
	if h.people, err = people.Open(t.Context(), people.Config{DB: h.db, Directory: office.Directory, Log: log}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(h.people.Close)
	plan := office.Plans["main"]
	reminders := appointments.DefaultConfig()
	reminders.Media = map[string][]string{"en": {"sound:custom/reminder"}}
	desk := appointments.NewDesk(appointments.DeskConfig{Office: office, Book: h.book, Plan: plan, Reminders: reminders,
		Tell: func(*db.Tx, appointments.Notice) error { return nil }})
	c := Config{DB: h.db, Office: office, Book: h.book, Desk: desk, Plan: plan, PBXes: h.statuses, Mode: "act", PublicURL: "http://127.0.0.1:8730",
		Tokens: []string{"another-token-of-the-file", rightToken}, Version: "test", People: h.people, Language: text.English, Registry: h.reg, Log: log}
	c.Caller = callerOf(h.db, h.book, office)
	for _, f := range change {
		f(&c)
	}
	if h.server, err = New(c); err != nil {
		t.Fatal(err)
	}
	h.listen()
	return h
}

// callerOf takes wishes for calls, and rings nobody: nobody runs its jobs.
func callerOf(d *db.DB, book *leads.Book, office *leads.Office) *robotcall.Managers {
	rules := robotcall.DefaultRules("RU")
	return robotcall.NewManagers(robotcall.ManagersConfig{DB: d, Dialer: robotcall.New(robotcall.Config{DB: d, Pace: robotcall.NewPacer(&rules)}),
		Guard: robotcall.NewGuard(&rules, d, nil), Book: book, Office: office})
}

func (h *house) statuses() []ari.Status {
	if h.asked != nil {
		h.asked()
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]ari.Status(nil), h.pbxs...)
}

func (h *house) listen() {
	h.t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		h.t.Fatal(err)
	}
	h.url = "http://" + ln.Addr().String()
	served := make(chan error, 1)
	go func() { served <- h.server.Serve(&elsewhere{ln, h}) }()
	h.t.Cleanup(func() {
		if err := h.server.Shutdown(context.WithoutCancel(h.t.Context())); err != nil {
			h.t.Error(err)
		}
		if err := <-served; err != nil {
			h.t.Error(err)
		}
	})
}

// elsewhere is a listener whose connections can seem to come from another
// machine.
type elsewhere struct {
	net.Listener
	h *house
}

func (l *elsewhere) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	l.h.mu.Lock()
	defer l.h.mu.Unlock()
	if err != nil || l.h.from == "" {
		return c, err
	}
	return distant{c, net.TCPAddrFromAddrPort(addrPort(l.h.from))}, nil
}

type distant struct {
	net.Conn
	from net.Addr
}

func (d distant) RemoteAddr() net.Addr { return d.from }

// ask is a request that a test makes.
type ask struct {
	method string // empty: GET
	path   string
	host   string // empty: as in the address
	from   string // empty: loopback
	header map[string]string
	body   string
	stream bool // of an answer that goes on only the beginning is read
}

// reply is what came back.
type reply struct {
	code   int
	header http.Header
	body   string
}

func (h *house) ask(a ask) reply {
	h.t.Helper()
	h.mu.Lock()
	h.from = a.from
	h.mu.Unlock()
	r, err := http.NewRequestWithContext(h.t.Context(), a.method, h.url+a.path, strings.NewReader(a.body))
	if err != nil {
		h.t.Fatal(err)
	}
	if a.host != "" {
		r.Host = a.host
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	// One connection a request: it is the connection that comes from somewhere.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		h.t.Fatal(err)
	}
	defer resp.Body.Close()
	if a.stream && resp.StatusCode == http.StatusOK {
		return reply{code: resp.StatusCode, header: resp.Header}
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		h.t.Fatal(err)
	}
	got := reply{resp.StatusCode, resp.Header, string(body)}
	if strings.HasPrefix(a.path, "/api/v1/") {
		c, err := theContract()
		if err != nil {
			h.t.Fatal(err)
		}
		c.hold(h.t, &a, &got)
	}
	return got
}

// page asks for a page as a program that looks at everything, and wants it.
func (h *house) page(path string) string {
	h.t.Helper()
	got := h.ask(ask{path: path, header: bearerHeader(rightToken)})
	if got.code != http.StatusOK {
		h.t.Fatalf("GET %s: %d %s", path, got.code, got.body)
	}
	return got.body
}

// api asks for JSON as a program with the right token does, and wants it.
func (h *house) api(path string) string {
	h.t.Helper()
	got := h.ask(ask{path: path, header: bearerHeader(rightToken)})
	if got.code != http.StatusOK {
		h.t.Fatalf("GET %s: %d %s", path, got.code, got.body)
	}
	return got.body
}

// as logs a person in, and gives the headers with which they ask and change.
func (h *house) as(login string) map[string]string {
	h.t.Helper()
	secret := comesIn(h.t, h.people, login)
	session, err := h.people.Session(h.t.Context(), secret)
	if err != nil {
		h.t.Fatal(err)
	}
	return map[string]string{"Cookie": "ringback=" + secret, door.FormHeader: session.Form}
}

// comesIn begins a session of a person, and gives its secret.
func comesIn(t testing.TB, register *people.Register, login string) (secret string) {
	t.Helper()
	invite, _, err := register.Invite(t.Context(), login, people.ToComeIn)
	if err != nil {
		t.Fatal(err)
	}
	if secret, err = register.Accept(t.Context(), invite, "", people.From{}); err != nil {
		t.Fatal(err)
	}
	return secret
}

func bearerHeader(token string) map[string]string {
	return map[string]string{"Authorization": "Bearer " + token}
}

// tell records a fact of a call: from caller, who calls itself name.
func (h *house) tell(caller, name string, change func(*call.Call)) {
	h.t.Helper()
	h.calls++
	start := time.Date(2026, 11, 22, 8, 0, h.calls, 123e6, time.UTC)
	c := call.Call{PBX: "main", ID: fmt.Sprintf("%d.0", 1795328300+h.calls), Direction: call.Inbound, Caller: caller, CallerName: name,
		Dialed: "+74951000001", Started: start, Ended: start.Add(5 * time.Second), How: call.NoAnswer,
		Legs: []call.Leg{{Party: call.Party{Endpoint: "PJSIP/101"}, Rang: true}}}
	if change != nil {
		change(&c)
	}
	kind := call.Ended
	if c.Ended.IsZero() {
		kind = call.Started
	}
	for _, err := range h.book.Record(h.t.Context(), []call.Fact{{Kind: kind, At: start, Call: c}}) {
		if err != nil {
			h.t.Fatal(err)
		}
	}
}

// answered makes a call one that Anna answered.
func answered(c *call.Call) {
	c.How = call.Person
	c.Talks = []call.Talk{{Channel: "x", Who: call.Party{Endpoint: "PJSIP/101"}, Start: c.Started.Add(time.Second), End: c.Ended}}
}

func running(c *call.Call) { c.Ended, c.How = time.Time{}, "" }

// exec changes the database behind everybody's back.
func (h *house) exec(query string, args ...any) {
	h.t.Helper()
	err := h.db.Do(h.t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	})
	if err != nil {
		h.t.Fatal(err)
	}
}
