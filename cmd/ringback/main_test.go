package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ringback/ari/pbx"
	"ringback/config"
)

// patience bounds every wait for something that should happen. It is longer than
// the longest pause between two tries to reach a PBX.
const patience = 45 * time.Second

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.Cleanup(func(status int) {
		if built.dir != "" {
			os.RemoveAll(built.dir)
		}
		os.Exit(status)
	}))
}

// patient ends with the test, or when patience does.
func patient(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	return ctx
}

// asterisk makes Asterisk 22 ready once.
func asterisk(t *testing.T) pbx.Root {
	t.Helper()
	root, err := install()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

var install = sync.OnceValues(func() (pbx.Root, error) {
	return pbx.Install(context.Background(), pbx.Asterisk22, os.Stderr)
})

// openTestBranch is a branch for the length of the test.
func openTestBranch(t *testing.T, ring time.Duration) *branch {
	t.Helper()
	b, err := openBranch(patient(t), asterisk(t), t.TempDir(), ring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.close(); err != nil {
			t.Errorf("the branch did not close well: %v", err)
		}
	})
	return b
}

// built is the program, built once when a test first needs it.
var built struct {
	once sync.Once
	dir  string
	err  error
}

func program(t testing.TB) string {
	t.Helper()
	built.once.Do(func() {
		if built.dir, built.err = os.MkdirTemp("", "ringback-test-"); built.err != nil {
			return
		}
		out, err := exec.Command("go", "build", "-buildvcs=false", "-o", built.dir, ".").CombinedOutput()
		if err != nil {
			built.err = fmt.Errorf("%w: %s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, "ringback")
}

// waitFor waits until something holds.
func waitFor(t *testing.T, what string, holds func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	late := time.NewTimer(patience)
	defer late.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// logbook is what a program writes, read while it does.
type logbook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logbook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logbook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count counts the lines that hold all the words.
func (l *logbook) count(words ...string) int {
	n := 0
lines:
	for line := range strings.Lines(l.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue lines
			}
		}
		n++
	}
	return n
}

// showIfFailed puts the log into the report of a test that failed.
func (l *logbook) showIfFailed(t *testing.T, whose string) {
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("%s wrote:\n%s", whose, l)
		}
	})
}

// company is a configuration, and the folder where it and the database lie.
type company struct {
	dir    string
	pbxes  []account
	missed string // of YAML: what a miss is
	lines  string // a list
	ladder string
	more   string // further keys
	token  string
}

// account is a PBX as the configuration names it.
type account struct{ name, url, user, password string }

func accountAt(name string, b *branch) account {
	return account{name, b.pbx.ARIURL, b.pbx.ARIUser, b.pbx.ARIPassword}
}

// newCompany has Anna at phone 101, Boris at 102 and Vera, their supervisor, at
// 100 of its first PBX, all in one pool, and two lines into it. To it everybody
// who gives up is a client, however soon.
func newCompany(t *testing.T, pbxes ...account) *company {
	return &company{dir: t.TempDir(), pbxes: pbxes, token: "token-of-the-test-0123456789", missed: "{suspicious: 0s}", ladder: "{settle: 0s}",
		lines: fmt.Sprintf(`
  - {name: sales, pbx: %[1]s, numbers: ["%[2]s"]}
  - {name: support, pbx: %[1]s, numbers: ["%[3]s"]}`, pbxes[0].name, pbx.LineDirect, pbx.LineGroup)}
}

// write writes the configuration and returns its file.
func (c *company) write(t *testing.T) string {
	t.Helper()
	var text strings.Builder
	text.WriteString("country: RU\nmode: act\nmissed: " + c.missed + "\nlisten: 127.0.0.1:0\ndatabase: ringback.db\ntoken_file: tokens\nasterisk:\n")
	files := map[string]string{"tokens": c.token}
	for _, p := range c.pbxes {
		fmt.Fprintf(&text, "  - {name: %s, url: %q, username: %s, password_file: %[1]s.password, inbound: {contexts: [from-trunk]}, connect: {context: from-internal}}\n", p.name, p.url, p.user)
		files[p.name+".password"] = p.password
	}
	fmt.Fprintf(&text, "lines:%s\nmanagers:\n", c.lines)
	for login, phone := range map[string]string{"anna": pbx.Manager1, "boris": pbx.Manager2, "vera": pbx.Supervisor} {
		fmt.Fprintf(&text, "  - {login: %s, name: %[1]s, devices: [{pbx: %s, endpoint: PJSIP/%s}]}\n", login, c.pbxes[0].name, phone)
	}
	text.WriteString("pools:\n  - {name: default, managers: [anna, boris], supervisor: vera, ladder: " + c.ladder + "}\n" + c.more)
	files["ringback.yaml"] = text.String()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(c.dir, "ringback.yaml")
}

// site is a daemon's web server.
type site struct{ address, token string }

func (c *company) site(address string) site { return site{address, c.token} }

// hold runs a daemon in this process for the length of the test.
func (c *company) hold(t *testing.T) (site, *logbook) {
	t.Helper()
	cfg, err := config.Load(c.write(t))
	if err != nil {
		t.Fatal(err)
	}
	log := new(logbook)
	log.showIfFailed(t, "the daemon")
	d, err := newDaemon(t.Context(), cfg, slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the daemon ended with: %v", err)
		}
	})
	return c.site(d.Address()), log
}

// get asks for a page; the token goes with it.
func (s site) get(t *testing.T, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.address+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if s.token != "" {
		req.Header.Set("Authorization", "Bearer "+s.token)
	}
	req.Close = true // no idle connection stays behind
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// call, lead and contact are what the API tells of each.
type (
	apiCall struct {
		Call, PBX, Direction, Caller, Dialed, Line, Verdict, Reason, Source string
		Started                                                             time.Time
		Ended                                                               *time.Time
		WaitS                                                               float64 `json:"wait_s"`
		TalkS                                                               float64 `json:"talk_s"`
		Rang                                                                []string
		AnsweredBy                                                          string `json:"answered_by"`
		CallerName                                                          string `json:"caller_name"`
		Contact, Lead                                                       *int64
	}
	apiLead struct {
		ID      int64
		Contact *struct {
			ID           int64
			Name, Number string
		}
		Pool, Line, Manager, Outcome, State string
		ClosedBy                            string `json:"closed_by"`
		Missed                              int
	}
	apiContact struct {
		ID           int64
		Name         string
		NeedsDetails bool `json:"needs_details"`
		Numbers      []string
		Manager      string
		OpenLeads    int `json:"open_leads"`
	}
)

// list reads a list of the API.
func list[T any](t *testing.T, s site, what string) []T {
	t.Helper()
	status, body := s.get(t, "/api/v1/"+what+"?limit=500")
	var answer struct {
		Items []T
		Next  string
	}
	if err := json.Unmarshal([]byte(body), &answer); status != http.StatusOK || err != nil || answer.Next != "" {
		t.Fatalf("%s: %d %v: %s", what, status, err, body)
	}
	return answer.Items
}

// callOf waits for the one call of a caller to be as wanted.
func (s site) callOf(t *testing.T, caller, what string, wanted func(apiCall) bool) apiCall {
	t.Helper()
	var found apiCall
	waitFor(t, "the call of "+caller+" "+what, func() bool {
		n := 0
		for _, c := range list[apiCall](t, s, "calls") {
			if c.Caller == caller {
				found = c
				n++
			}
		}
		if n > 1 {
			t.Fatalf("%d calls of %s", n, caller)
		}
		return n == 1 && wanted(found)
	})
	return found
}

// verdictOf waits for the verdict of the one call of a caller.
func (s site) verdictOf(t *testing.T, caller string) string {
	t.Helper()
	c := s.callOf(t, caller, "has a verdict", func(c apiCall) bool { return c.Verdict != "" })
	return c.Verdict + " " + c.Reason
}

// leadsOf gives all leads of a number.
func (s site) leadsOf(t *testing.T, number string) []apiLead {
	t.Helper()
	var of []apiLead
	for _, l := range list[apiLead](t, s, "leads") {
		if l.Contact != nil && l.Contact.Number == number {
			of = append(of, l)
		}
	}
	return of
}

// metric reads one series; its labels stand in the order of their names.
func (s site) metric(t *testing.T, series string) float64 {
	t.Helper()
	_, body := s.get(t, "/metrics")
	for line := range strings.Lines(body) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), series+" "); ok {
			number, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return number
		}
	}
	t.Fatalf("there is no metric %s", series)
	return 0
}

// isReady waits until the daemon says that it is ready, or that it is not, and
// returns what it says.
func (s site) isReady(t *testing.T, wanted bool) string {
	t.Helper()
	var said string
	waitFor(t, fmt.Sprintf("ready: %v", wanted), func() bool {
		var status int
		status, said = s.get(t, "/readyz")
		return (status == http.StatusOK) == wanted
	})
	return said
}
