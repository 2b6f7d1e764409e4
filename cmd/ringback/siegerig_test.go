package main

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/pbx"
)

// siege is a company of 200 managers in four pools that is rung day and night:
// a real PBX with a line for each ending, SIPp on both sides of it, the daemon as
// a process that may be killed and started again, and everybody who is told. At
// the end audit holds what the daemon says against what the callers say.
//
//	s := newSiege(t, siegeOptions{})
//	s.start()
//	s.watches()
//	l := s.startLoad(15, time.Minute) // calls a second; it goes on beside
//	s.killDaemon()
//	s.start()
//	s.settle(l) // waits, and fails with all that is not as the callers say
type siege struct {
	*rig
	o          siegeOptions
	callerHost string // from which the callers ring
	rung       map[int]int
	loads      int
	ears       *ears
	began      time.Time
	away       []interval  // when no daemon ran
	clockSet   []time.Time // when the PBX's clock was
	closed     []interval  // when it was outside all working hours
	dead       []interval  // when no PBX ran, or one was ending or beginning
	found      string      // what the account had against it
}

// siegeOptions are what differs from one siege to the next.
type siegeOptions struct {
	// pbx changes the PBX before it starts.
	pbx func(o *pbx.Options)
	// ari is where the daemon finds the PBX's ARI, given where it really is.
	ari func(url string) string
	// database is the daemon's file; one in the folder of the rig if empty.
	database string
	// before stands before the daemon on the command line, at each start.
	before []string
	// hours are the pools', in YAML; always open if empty.
	hours string
}

// interval is a span of time; until is zero while it lasts.
type interval struct{ since, until time.Time }

// The pools, and how many managers each has. Where a manager is rung by a robot
// there are as many as there are callers in the short siege: nobody is owed two
// calls.
var siegePools = []struct {
	name     string
	managers int
	tell     string // the first rung
}{{"sales", 50, "manager"}, {"support", 40, "manager"}, {"service", 50, "manager"}, {"desk", 60, "call"}}

// siegeOverdue is when the supervisor is told, after the call was missed.
const siegeOverdue = 8 * time.Second

// newSiege starts PBX, phones and receivers; the daemon does not run yet.
func newSiege(t testing.TB, o siegeOptions) *siege {
	t.Helper()
	root, err := install()
	if err != nil {
		t.Fatal(err)
	}
	s := &siege{rig: &rig{TB: t, dir: t.TempDir()}, o: o, callerHost: "127.0.0.2", rung: map[int]int{}, began: time.Now()}
	s.o.database = cmp.Or(o.database, filepath.Join(s.dir, "ringback.db"))
	s.Cleanup(func() { // once more, behind all that daemon and PBX have said
		if s.found != "" {
			s.Logf("found:\n%s", s.found)
		}
	})
	s.ears = s.openEars()
	phones := map[string]string{"busy": s.startPhone("busy.xml", freeUDP(s, "127.0.0.3"))}
	ringing := s.startPhone("phone.xml", freeUDP(s, "127.0.0.3"))
	phones["silent"], phones["quiet"] = ringing, ringing
	agents := s.startPhone("picksup.xml", freeUDP(s, "127.0.0.3"), siegePatience[0], siegePatience[1], "-trace_logs", "-log_file", filepath.Join(s.dir, agentsLog))
	for n := range siegeAgents {
		phones[fmt.Sprintf("agent%d", n+1)] = agents
	}
	options := pbx.Options{Trunks: []pbx.Trunk{{Name: "trunk", Address: s.callerHost + ":5060"}}, Extensions: siegePlan(),
		Files: map[string]string{"+pjsip.conf": siegePhones(phones, s.ears.phone.Addr()), "queues.conf": siegeQueues()}}
	if o.pbx != nil {
		o.pbx(&options)
	}
	s.startPBX(root, options)
	s.configure()
	return s
}

const siegeAgents = 8

func siegePlan() string {
	var b strings.Builder
	b.WriteString("[from-trunk]\n")
	for n, e := range endings {
		fmt.Fprintf(&b, "exten => %s,1,%s\n same => n,Hangup()\n", endingLine(n), e.plan)
	}
	b.WriteString("[ring]\nexten => _[a-z].,1,Dial(PJSIP/${EXTEN},30)\n same => n,Hangup()\n[outside]\nexten => _X.,1,Hangup()\n")
	return b.String()
}

// siegePhones are phones that do not register: their addresses are known. The
// managers' are all at one.
func siegePhones(phones map[string]string, managers string) string {
	var b strings.Builder
	phone := func(name, at string) {
		fmt.Fprintf(&b, "[%[1]s](phone)\naors = %[1]s\n[%[1]s]\ntype = aor\ncontact = sip:%[1]s@%[2]s\n", name, at)
	}
	for name, at := range phones {
		phone(name, at)
	}
	for _, login := range siegePeople() {
		phone(login, managers)
	}
	return b.String()
}

func siegeQueues() string {
	var b strings.Builder
	b.WriteString("[general]\nautofill = yes\n[slow]\nstrategy = rrmemory\ntimeout = 10\njoinempty = yes\nleavewhenempty = no\nmember => PJSIP/silent\nmember => PJSIP/quiet\n" +
		"[quick]\nstrategy = rrmemory\ntimeout = 10\nretry = 1\njoinempty = yes\nleavewhenempty = no\n")
	for n := range siegeAgents {
		fmt.Fprintf(&b, "member => PJSIP/agent%d\n", n+1)
	}
	return b.String()
}

// siegePeople are the logins of all, which name their phones too.
func siegePeople() (logins []string) {
	for _, p := range siegePools {
		logins = append(append(logins, siegeManagers(p.name, p.managers)...), siegeSupervisor(p.name))
	}
	return logins
}

func siegeManagers(pool string, n int) (logins []string) {
	for i := range n {
		logins = append(logins, fmt.Sprintf("%s%d", pool, i+1))
	}
	return logins
}

func siegeSupervisor(pool string) string { return "chief-" + pool }

// configure writes the daemon's configuration.
func (s *siege) configure() {
	s.Helper()
	url := s.pbx.ARIURL
	if s.o.ari != nil {
		url = s.o.ari(url)
	}
	var b strings.Builder
	fmt.Fprintf(&b, `country: RU
mode: act
missed: {suspicious: 0s}
listen: 127.0.0.1:0
database: %s
token_file: tokens
asterisk: [{name: main, url: %q, username: %s, password_file: ari.password, inbound: {contexts: [from-trunk]}, connect: {context: outside}, cdr: {csv: %q, queue_log: %q, wait: 2s}}]
channels: {sip: {from: ringback}, email: {host: 127.0.0.1, port: %s, tls: none, from: ringback@example.com}, webhooks: [{name: crm, url: %q, secret_file: hook.secret}]}
robot: {ring: 5s}
`, s.o.database, url, s.pbx.ARIUser, s.pbx.CDRFile, filepath.Join(s.pbx.Dir, "log/queue_log"), s.ears.mailPort(), s.ears.crm.URL)
	b.WriteString("lines:\n")
	for n, e := range endings {
		fmt.Fprintf(&b, "  - {name: line%d, pbx: main, numbers: [%q], pool: %s}\n", n, endingLine(n), e.pool)
	}
	b.WriteString("managers:\n")
	for _, login := range siegePeople() {
		fmt.Fprintf(&b, "  - {login: %s, name: %[1]s, email: %[1]s@example.com, devices: [{pbx: main, endpoint: PJSIP/%[1]s}]}\n", login)
	}
	b.WriteString("pools:\n")
	for _, p := range siegePools {
		fmt.Fprintf(&b, "  - {name: %s, managers: [%s], supervisor: %s, hours: {%s}, ladder: {settle: 0s, rungs: [{after: 0s, tell: %s}, {after: %v, tell: supervisor}]}}\n",
			p.name, strings.Join(siegeManagers(p.name, p.managers), ", "), siegeSupervisor(p.name), s.o.hours, p.tell, siegeOverdue)
	}
	fmt.Fprintf(&b, "  - {name: default, managers: [sales1], supervisor: chief-sales, ladder: {settle: 0s}}\n")
	s.write(map[string]string{"ari.password": s.pbx.ARIPassword, "hook.secret": "a secret of the siege's own 0123456789", "ringback.yaml": b.String()})
}

// start starts the daemon; see rig.launch.
func (s *siege) start(before ...string) {
	s.Helper()
	s.launch(append(slices.Clone(s.o.before), before...)...)
	if n := len(s.away); n > 0 && s.away[n-1].until.IsZero() {
		s.away[n-1].until = time.Now()
	}
}

// killDaemon kills it, and notes since when none runs.
func (s *siege) killDaemon() {
	s.Helper()
	s.kill()
	s.away = append(s.away, interval{since: time.Now()})
}

// awayFor says for how long the daemon was killed in all.
func (s *siege) awayFor() (sum time.Duration) {
	for _, i := range s.away {
		sum += i.until.Sub(i.since)
	}
	return sum
}

// pause lets the siege go on for a random time of at most so long.
func (s *siege) pause(most time.Duration) {
	select {
	case <-time.After(rand.N(most)):
	case <-s.Context().Done():
	}
}

// channels lists what is alive on the PBX, one channel a line.
func (s *siege) channels() string {
	s.Helper()
	live, err := s.pbx.CLI(s.Context(), "core show channels concise")
	if err != nil {
		s.Fatal(err)
	}
	return live
}
