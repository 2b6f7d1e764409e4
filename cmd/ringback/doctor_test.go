package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/call"
	"ringback/ari/pbx"
	"ringback/config"
	"ringback/leads"
	"ringback/leads/db"
)

// diagnosis is what doctor says to machines.
type diagnosis struct {
	t        *testing.T
	status   int
	File     string
	Good     bool
	Findings []findingLine
}

// examine has the PBXes of a configuration examined, and no secret said.
func (c *company) examine(t *testing.T, file string, more ...string) *diagnosis {
	t.Helper()
	status, out, errs := command(t, append([]string{"doctor", "--json", "--config", file}, more...)...)
	d := &diagnosis{t: t, status: status}
	if err := json.Unmarshal([]byte(out), d); err != nil || errs != "" || d.File != file || d.Good != (status == 0) {
		t.Fatalf("status %d, %v, printed %q, and on stderr %q", status, err, out, errs)
	}
	for _, secret := range append([]string{c.token}, c.secrets()...) {
		if strings.Contains(out, secret) {
			t.Errorf("a secret is said: %s", out)
		}
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the doctor said: %s", out)
		}
	})
	return d
}

func (c *company) secrets() (list []string) {
	for _, p := range c.pbxes {
		list = append(list, p.password)
	}
	return list
}

// says wants a finding of a check at a PBX.
func (d *diagnosis) says(at, check string, l level, text string) {
	d.t.Helper()
	for _, f := range d.Findings {
		if f.PBX == at && f.Check == check && f.Level == l && regexp.MustCompile(text).MatchString(f.Text+" DO "+f.Do) {
			return
		}
	}
	d.t.Errorf("at %q the check %s does not say %s %q", at, check, l, text)
}

// only wants no findings but good ones, apart from those of the named checks.
func (d *diagnosis) only(but ...string) {
	d.t.Helper()
	for _, f := range d.Findings {
		if f.Level != levelGood && !strings.Contains(" "+strings.Join(but, " ")+" ", " "+f.Check+" ") {
			d.t.Errorf("%s: %s %s: %s", f.PBX, f.Check, f.Level, f.Text)
		}
	}
}

// wellConfigured is a company of which everything is right, the daemon's call
// records too.
func wellConfigured(t *testing.T, b *branch) *company {
	c := newCompany(t, accountAt("main", b))
	c.more = "public_url: http://127.0.0.1:8730\nrobot: {language: ru}\n" +
		"reminders: {language: ru, media: {ru: [\"sound:vm-goodbye\", \"{date}\", \"{time}\", \"{number:room}\", \"{digits:code}\"], en: [\"sound:" + pbx.Recording + "\", \"{day}\", \"{date}\"]}}\n"
	c.ladder = "{settle: 0s, rungs: [{after: 0s, tell: manager}, {after: 1h, tell: call}, {after: 2h, tell: supervisor}]}"
	return c
}

// writeWell writes its configuration, with a way out that leaves no doubt.
func (c *company) writeWell(t *testing.T, b *branch) string {
	file := c.write(t)
	inFile("connect: {context: from-internal}", `connect: {context: from-internal, number: "{digits}", dial: "PJSIP/{number}@trunk"}, cdr: {csv: "`+b.pbx.CDRFile+`"}`)(t, c, file)
	return file
}

// TestDoctorFindsAllWell examines a PBX beside a daemon that watches it, which
// must not notice.
func TestDoctorFindsAllWell(t *testing.T) {
	t.Parallel()
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			b := openReleaseBranch(t, release)
			c := wellConfigured(t, b)
			door, log := c.hold(t)
			door.isReady(t, true)
			missedAt(t, b, firstClient)
			door.verdictOf(t, firstClient)
			waitFor(t, "the call record is written", func() bool { _, err := os.Stat(b.pbx.CDRFile); return err == nil })

			file := c.writeWell(t, b)
			etc := filepath.Join(b.pbx.Dir, "etc")
			d := c.examine(t, file, "--asterisk", etc)
			d.only()
			d.says("", "database", levelGood, "holds 1 call of")
			d.says("main", "version", levelGood, "Asterisk "+string(release)+" is supported")
			d.says("main", "application", levelGood, map[pbx.Release]string{pbx.Asterisk22: `a client listens as "ringback"`, pbx.Asterisk16: "does not tell whether"}[release])
			d.says("main", "varset", levelGood, "arrives")
			d.says("main", "contexts", levelGood, "calls of PJSIP/trunk begin in from-trunk")
			d.says("main", "lines", levelGood, "line sales: 1 call in the last 30 days")
			d.says("main", "lines", levelGood, "line support: from-trunk knows 74951000002")
			d.says("main", "phones", levelGood, "3 phones are there: PJSIP/100, PJSIP/101, PJSIP/102")
			d.says("main", "trunks", levelGood, "PJSIP/trunk of connect.dial is there")
			d.says("main", "connect", levelGood, `written like 79\d+`)
			d.says("main", "sounds", levelGood, `all that managers hear is there in "ru"`)
			d.says("main", "sounds", levelGood, `all that clients hear is there in "en"`)
			d.says("main", "records", levelGood, "the newest call in them ended")

			status, out, errs := command(t, "doctor", "--config", file, "--asterisk", etc)
			if status != 0 || errs != "" || !strings.HasPrefix(out, "this machine\n  ok    ") || !strings.Contains(out, "\nPBX main\n  ok    Asterisk "+string(release)) ||
				!strings.HasSuffix(out, "\n0 problems, 0 warnings\n") || strings.ContainsAny(out, "\x1b") {
				t.Errorf("to people: status %d, on stderr %q, printed\n%s", status, errs, out)
			}
			unnoticed(t, b, door, log)
		})
	}
}

// unnoticed sees that the daemon has heard everything all the time, and that
// nothing of the examination is left on the PBX.
func unnoticed(t *testing.T, b *branch, door site, log *logbook) {
	t.Helper()
	missedAt(t, b, secondClient)
	if v := door.verdictOf(t, secondClient); v != "missed abandoned_ringing" {
		t.Errorf("a call after the examination is %s", v)
	}
	if n := len(list[apiCall](t, door, "calls")); n != 2 {
		t.Errorf("the daemon has seen %d calls, and there were 2", n)
	}
	if log.count("msg=\"watching PBX\"") != 1 || door.metric(t, `ringback_ari_application_replaced_total{pbx="main"}`) != 0 {
		t.Error("the daemon was disturbed")
	}
	for command, left := range map[string]string{"ari show apps": doctorApp, "dialplan show globals": doctorVariable, "bridge show all": doctorApp} {
		waitFor(t, command+" shows nothing more of it", func() bool {
			out, err := b.pbx.CLI(patient(t), command)
			return err == nil && !strings.Contains(out, left)
		})
	}
}

func openReleaseBranch(t *testing.T, release pbx.Release) *branch {
	t.Helper()
	root, err := pbx.Install(t.Context(), release, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	b, err := openBranch(patient(t), root, t.TempDir(), lineRings)
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

// TestDoctorFindsWhatIsWrong spoils one thing at a time.
func TestDoctorFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	for _, release := range []pbx.Release{pbx.Asterisk22, pbx.Asterisk16} {
		t.Run(string(release), func(t *testing.T) {
			t.Parallel()
			b := openReleaseBranch(t, release)
			addReader(t, b)
			if err := b.desks[pbx.Manager2].Unregister(patient(t)); err != nil {
				t.Fatal(err)
			}
			for _, c := range spoiled {
				t.Run(c.name, func(t *testing.T) {
					company := wellConfigured(t, b)
					file := company.writeWell(t, b)
					if c.in != "" {
						inFile(c.in, c.out)(t, company, file)
					}
					if c.password != "" {
						if err := os.WriteFile(filepath.Join(company.dir, "main.password"), []byte(c.password), 0o600); err != nil {
							t.Fatal(err)
						}
					}
					d := company.examine(t, file)
					// No call was placed: there are no records yet. The second manager's
					// phone is away in all of them.
					d.only("records", "phones", c.check, c.also)
					d.says("main", c.check, c.level, c.says)
				})
			}
		})
	}
}

var spoiled = []struct {
	name, in, out, password string
	check                   string
	level                   level
	says                    string
	also                    string // another check that notices it
}{
	{name: "no_records", check: "records", level: levelWarn, says: `there is no call record yet DO place a call`},
	{name: "phone_away", check: "phones", level: levelWarn, says: `PJSIP/102 of boris is not registered`},
	{name: "password", password: "wrong-password", check: "credentials", level: levelFail, says: `401 .* DO .*main\.password, with the section \[ringback\] of /etc/asterisk/ari\.conf`},
	{name: "user", in: "username: ringback", out: "username: nobody", check: "credentials", level: levelFail, says: `refuses user "nobody"`},
	{name: "phone_unknown", in: "PJSIP/101", out: "PJSIP/999", check: "phones", level: levelFail, says: `PJSIP/999 of anna: the PBX has no such endpoint`, also: "connect"},
	{name: "phone_of_another_driver", in: "PJSIP/101", out: "SIP/101", check: "phones", level: levelFail, says: `SIP/101 of anna: .* DO write PJSIP/101`},
	{name: "context_unknown", in: "contexts: [from-trunk]", out: "contexts: [from-pstn]", check: "contexts", level: levelFail, says: `begin in from-pstn.* none be missed DO .*from-trunk \(PJSIP/trunk\)`, also: "lines"},
	{name: "context_of_a_trunk_left_out", in: "contexts: [from-trunk]", out: "contexts: [menu]", check: "contexts", level: levelWarn, says: `calls of PJSIP/trunk begin in from-trunk, .* DO .*add from-trunk`, also: "lines"},
	{name: "context_of_the_house", in: "contexts: [from-trunk]", out: "contexts: [from-trunk, from-internal]", check: "contexts", level: levelFail, says: `calls of PJSIP/100, PJSIP/101, PJSIP/102 begin in from-internal too`},
	{name: "line_unknown", in: `numbers: ["74951000001"]`, out: `numbers: ["74951009999"]`, check: "lines", level: levelWarn, says: `line sales: none of its numbers`},
	{name: "connect_unknown", in: "context: from-internal,", out: "context: from-inside,", check: "connect", level: levelFail, says: `no context from-inside.* DO .*from-internal`},
	{name: "connect_to_phones_alone", in: "context: from-internal,", out: "context: ring,", check: "connect", level: levelFail, says: `ring dials the phones of the house, and no outside number`},
	{name: "connect_takes_everything", in: `number: "{digits}", `, out: "", check: "connect", level: levelWarn, says: `any spelling .*\+79.* DO set connect\.number`},
	{name: "trunk_unknown", in: "{number}@trunk", out: "{number}@provider", check: "trunks", level: levelFail, says: `PJSIP/provider, and the PBX has no such endpoint`},
	{name: "sound_of_clients", in: "sound:vm-goodbye", out: "sound:custom/nothing", check: "sounds", level: levelFail, says: `of what clients hear 1 sound is missing in "ru": sound:custom/nothing`},
	{name: "sound_of_managers", in: "robot: {language: ru}", out: "robot: {language: ru, prompts: {ru: {menu: [\"sound:custom/menu\"]}}}", check: "sounds", level: levelWarn, says: `of what managers hear 1 sound is missing in "ru".*custom/menu`},
	{name: "sound_of_a_line", in: "name: sales,", out: "name: sales, sound: \"sound:custom/sales\",", check: "sounds", level: levelWarn, says: `line sales: the PBX does not have sound:custom/sales`},
	{name: "records_of_others", in: "Master.csv", out: "../full", check: "records", level: levelFail, says: `no call record among \d+ lines`},
	{name: "records_elsewhere", in: "cdr-csv/Master.csv", out: "csv/Master.csv", check: "records", level: levelFail, says: `the folder .*log/csv is not there: .* DO .*core show settings`},
}

// readerPassword is of a user who may only read.
const readerPassword = "password-of-the-reader"

// addReader gives the PBX a user who may only read.
func addReader(t *testing.T, b *branch) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(b.pbx.Dir, "etc/ari.conf"))
	if err != nil {
		t.Fatal(err)
	}
	if err := b.pbx.Configure("ari.conf", string(text)+"\n[reader]\ntype = user\nread_only = yes\npassword = "+readerPassword+"\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pbx.CLI(patient(t), "module reload res_ari.so"); err != nil {
		t.Fatal(err)
	}
}

// TestDoctorOfAReader examines with an account that may only read: all that can
// be read is told all the same.
func TestDoctorOfAReader(t *testing.T) {
	t.Parallel()
	b := openTestBranch(t, lineRings)
	addReader(t, b)
	c := wellConfigured(t, b)
	c.pbxes[0].user, c.pbxes[0].password = "reader", readerPassword
	d := c.examine(t, c.writeWell(t, b))
	d.only("rights", "events", "records")
	d.says("main", "rights", levelFail, `user "reader" may only read.* DO write read_only = no in the section \[reader\]`)
	d.says("main", "websocket", levelGood, "opens")
	d.says("main", "events", levelWarn, "was not tried")
	d.says("main", "contexts", levelGood, "from-trunk")
}

// TestDoctorOfWhatTheDaemonHears examines a PBX that keeps events to itself, and
// one where another program filters the daemon's.
func TestDoctorOfWhatTheDaemonHears(t *testing.T) {
	t.Parallel()
	on := bareAsterisk(t, map[string]string{"stasis.conf": "[declined_message_types]\ndecline = ast_channel_varset_type\n"})
	c := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword})
	file := c.write(t)
	d := c.examine(t, file)
	d.says("main", "events", levelGood, "arrive")
	d.says("main", "varset", levelWarn, `does not arrive: .*become queue_key.* DO .*stasis\.conf`)

	client, err := ari.NewClient(ari.Config{Name: "main", URL: on.ARIURL, Username: on.ARIUser, Password: ari.NewSecret(on.ARIPassword)})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	l := listen(t.Context(), client)
	defer func() { l.stop(); <-l.ended }()
	if !came(patient(t), l.connected) {
		t.Fatal(l.stream.Status().Err)
	}
	if err := client.SetEventFilter(patient(t), []string{"ChannelVarset", "Dial", "DeviceStateChanged"}); err != nil {
		t.Fatal(err)
	}
	d = c.examine(t, file)
	d.says("main", "filter", levelWarn, `"ringback" holds ChannelVarset back: `)
	d.says("main", "filter", levelFail, `holds back what verdicts are made of: Dial$|: Dial DO`)
}

// TestDoctorOfAForeignLanguage examines a PBX without Russian.
func TestDoctorOfAForeignLanguage(t *testing.T) {
	t.Parallel()
	b := openTestBranch(t, lineRings)
	if err := os.Remove(filepath.Join(b.pbx.Dir, "data/sounds/ru")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.pbx.CLI(patient(t), "core reload"); err != nil {
		t.Fatal(err)
	}
	c := wellConfigured(t, b)
	file := c.writeWell(t, b)
	var d *diagnosis
	waitFor(t, "Asterisk has looked for its sounds again", func() bool {
		d = c.examine(t, file)
		return d.status == 1
	})
	d.only("sounds", "records")
	d.says("main", "sounds", levelWarn, `missing in "ru", so that they hear English.* DO .*asterisk-core-sounds-ru`)
	d.says("main", "sounds", levelFail, `of what clients hear \d+ sounds are missing in "ru"`)
	d.says("main", "sounds", levelGood, `all that clients hear is there in "en"`)
}

// fakePBX is a PBX that does what a real one cannot be made to do.
func fakePBX(t *testing.T, version string) (*aritest.PBX, account) {
	t.Helper()
	fake := aritest.New()
	server := httptest.NewServer(fake)
	t.Cleanup(func() { fake.Close(); server.Close() })
	fake.Answer("GET /asterisk/info", aritest.Answer{Status: 200, Body: `{"system":{"version":"` + version + `"}}`})
	fake.Answer("GET /endpoints", aritest.Answer{Status: 200, Body: "[]"})
	fake.Answer("POST /bridges", aritest.Answer{Status: 500, Body: "{}"})
	fake.Answer("POST /asterisk/variable", aritest.Answer{Status: 500, Body: "{}"})
	return fake, account{"main", server.URL, aritest.Username, aritest.Password}
}

func TestDoctorOfAFake(t *testing.T) {
	t.Parallel()
	for version, says := range map[string]struct {
		level level
		text  string
	}{
		"11.25.3":            {levelFail, "Asterisk 11 is too old"},
		"certified/18.9-rc1": {levelGood, "Asterisk 18"},
		"23.1.0":             {levelWarn, "Asterisk 23 is newer"},
		"GIT-master-1a2b3c4": {levelWarn, "is not understood"},
	} {
		t.Run(strings.ReplaceAll(version, "/", "-"), func(t *testing.T) {
			t.Parallel()
			fake, at := fakePBX(t, version)
			fake.SetClock(-3 * time.Hour)
			c := newCompany(t, at)
			d := c.examine(t, c.write(t))
			d.says("main", "version", says.level, says.text)
			d.says("main", "clock", levelWarn, `the PBX's clock is 3 hours behind`)
		})
	}
}

// TestDoctorOfWhatWasDialed examines what the daemon's database tells.
func TestDoctorOfWhatWasDialed(t *testing.T) {
	t.Parallel()
	_, at := fakePBX(t, "22.1.0")
	c := newCompany(t, at)
	file := c.write(t)
	recordCalls(t, c, []call.Call{
		{Direction: call.Inbound, Dialed: pbx.LineDirect}, {Direction: call.Inbound, Dialed: "8" + pbx.LineDirect[1:]},
		{Direction: call.Internal, Dialed: pbx.LineGroup}, {Direction: call.Internal, Dialed: "101"},
		{Direction: call.Inbound, Dialed: "74951000077"}, {Direction: call.Inbound, Dialed: "x\x1b[2J"},
		{PBX: "other", Direction: call.Inbound, Dialed: "74951000088"},
	})
	d := c.examine(t, file)
	d.says("", "database", levelGood, "holds 7 calls")
	d.says("main", "lines", levelGood, "line sales: 2 calls in the last 30 days, the last 1 hour ago")
	d.says("main", "contexts", levelWarn, "1 call to line support began outside inbound.contexts")
	d.says("main", "lines", levelWarn, "of no line: .*\\+74951000077 \\(1 call\\)")
	for _, f := range d.Findings {
		if strings.Contains(f.Text, "74951000088") {
			t.Errorf("another PBX's: %s", f.Text)
		}
	}
	if _, out, _ := command(t, "doctor", "--config", file); strings.Contains(out, "\x1b") || !strings.Contains(out, "[2J") {
		t.Errorf("what a stranger has dialed stands as it was: %q", out)
	}
}

// recordCalls writes calls of an hour ago, as the daemon does.
func recordCalls(t *testing.T, c *company, calls []call.Call) {
	t.Helper()
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(c.dir, "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	cfg, err := config.Read(filepath.Join(c.dir, "ringback.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	book := leads.NewBook(leads.BookConfig{DB: d, Office: &leads.Office{Directory: cfg.Directory(), Plans: cfg.Plans()}})
	for i := range calls {
		calls[i].ID, calls[i].Started = fmt.Sprint(i), time.Now().Add(-61*time.Minute)
		if calls[i].PBX == "" {
			calls[i].PBX = "main"
		}
		if errs := book.Record(t.Context(), []call.Fact{{Kind: call.Started, Call: calls[i]}}); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
}

// TestDoctorWaitsForNobody examines PBXes that do not answer, or stop to, beside
// one that does.
func TestDoctorWaitsForNobody(t *testing.T) {
	t.Parallel()
	never := make(chan struct{})
	silent, first := fakePBX(t, "22.1.0")
	silent.Answer("GET /asterisk/info", aritest.Answer{Wait: never})
	stopping, second := fakePBX(t, "22.1.0")
	stopping.Answer("GET /endpoints", aritest.Answer{Wait: never})
	_, third := fakePBX(t, "22.1.0")
	first.name, second.name, third.name = "silent", "stopping", "alive"
	c := newCompany(t, first, second, third, account{"refused", "http://" + freeAddress(t), "ringback", "password-of-none"})
	d := c.examine(t, c.write(t))
	var order []string
	for _, f := range d.Findings {
		if len(order) == 0 || order[len(order)-1] != f.PBX {
			order = append(order, f.PBX)
		}
	}
	if got := fmt.Sprint(order); got != "[ silent stopping alive refused]" {
		t.Errorf("the order is %s", got)
	}
	d.says("silent", "address", levelFail, "no ARI at ")
	d.says("stopping", "address", levelFail, "answers no more")
	d.says("alive", "records", levelWarn, "no call records are configured")
	d.says("refused", "address", levelFail, `connection refused DO see that Asterisk runs, and that /etc/asterisk/http\.conf`)
}

// TestDoctorIsInterrupted ends an examination while a PBX lets it wait.
func TestDoctorIsInterrupted(t *testing.T) {
	t.Parallel()
	fake, at := fakePBX(t, "22.1.0")
	fake.Answer("GET /endpoints", aritest.Answer{Wait: make(chan struct{})})
	file := newCompany(t, at).write(t)
	ctx, stop := context.WithCancel(patient(t))
	var out, errs logbook
	status := make(chan int, 1)
	go func() {
		status <- run(&world{ctx: ctx, stdin: strings.NewReader(""), stdout: &out, stderr: &errs}, []string{"doctor", "--config", file})
	}()
	waitFor(t, "it is asked for the endpoints", func() bool { return len(fake.Requests("GET /endpoints")) > 0 })
	stop()
	if s := <-status; s != 1 || !strings.Contains(errs.String(), "interrupted") || strings.Contains(out.String(), "GET /endpoints") {
		t.Errorf("status %d, printed %q, and on stderr %q", s, &out, &errs)
	}
}

// TestDoctorOfTheOldDriver examines a PBX whose phones and trunk are chan_sip's,
// which does not tell where their calls begin.
func TestDoctorOfTheOldDriver(t *testing.T) {
	t.Parallel()
	root, err := pbx.Install(t.Context(), pbx.Asterisk16, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	o := pbx.Office("127.0.0.2:5060", lineRings)
	o.Dir = t.TempDir()
	for i := range o.Phones {
		o.Phones[i].Driver = pbx.ChanSIP
	}
	o.Trunks[0].Driver = pbx.ChanSIP
	on, err := pbx.Start(t.Context(), root, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := on.Stop(); err != nil {
			t.Error(err)
		}
	})
	c := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword})
	file := c.write(t)
	inFile("PJSIP/101", "SIP/101")(t, c, file)
	inFile("connect: {context: from-internal}", `connect: {context: from-internal, dial: "SIP/trunk/{number}"}`)(t, c, file)
	d := c.examine(t, file)
	d.says("main", "contexts", levelGood, "from-trunk is in the dialplan and takes calls to 74951000001")
	d.says("main", "phones", levelWarn, `SIP/101 of anna is not registered.* DO .*sip show peer 101`)
	d.says("main", "phones", levelFail, `PJSIP/102 of boris.* DO write SIP/102`)
	d.says("main", "trunks", levelGood, "SIP/trunk of connect.dial is there")
}

// TestDoctorOfABrokenConfiguration says what check says.
func TestDoctorOfABrokenConfiguration(t *testing.T) {
	t.Parallel()
	c := lonely(t)
	c.more = "dance: true\n"
	file := c.write(t)
	_, _, wanted := command(t, "check", "--config", file)
	if status, out, errs := command(t, "doctor", "--config", file); status != 1 || out != "" || errs != wanted || !strings.Contains(errs, "dance") {
		t.Errorf("status %d, printed %q, and on stderr %q, wanted %q", status, out, errs, wanted)
	}
	d := c.examine(t, file)
	if d.status != 1 {
		t.Errorf("as JSON: status %d", d.status)
	}
	d.says("", "configuration", levelFail, "dance")
}

func TestDoctorIsCalledWrongly(t *testing.T) {
	if status, out, errs := command(t, "doctor", "--fix"); status != 2 || out != "" || !strings.Contains(errs, "--fix") {
		t.Errorf("status %d, printed %q, and on stderr %q", status, out, errs)
	}
}

// TestFindingsAreHarmless writes what a stranger has dialed to a terminal.
func TestFindingsAreHarmless(t *testing.T) {
	var out strings.Builder
	f := newFindings(&out, "ringback.yaml", false)
	f.heading("PBX \x1b]0;x\a")
	f.add("main", warn("lines", "say\r\n", "dialed: \x1b[2J\u202e\xff"))
	if strings.ContainsAny(out.String(), "\x1b\a\r\u202e") || strings.Count(out.String(), "\n") != 3 || !strings.Contains(out.String(), "dialed: ") {
		t.Errorf("written: %q", out.String())
	}
	if err := f.end(); err != nil {
		t.Errorf("a warning ends with %v", err)
	}
	out.Reset()
	f = newFindings(&out, "ringback.yaml", true)
	f.add("main", warn("lines", "say\u009b2J", "dialed: \u009b2J\u202e"))
	if err := f.end(); err != nil || strings.ContainsAny(out.String(), "\u009b\u202e") || !strings.Contains(out.String(), "dialed: ") {
		t.Errorf("written as JSON: %q, %v", out.String(), err)
	}
}

// TestDoctorTakesAwayWhatItMade examines a PBX that does not say whether it has
// made a bridge and set a variable: both are taken away.
func TestDoctorTakesAwayWhatItMade(t *testing.T) {
	t.Parallel()
	fake, at := fakePBX(t, "22.1.0")
	c := newCompany(t, at)
	c.examine(t, c.write(t)).says("main", "events", levelFail, "POST /bridges: 500")
	if n := len(fake.Requests("DELETE /bridges/" + doctorApp)); n != 1 {
		t.Errorf("the bridge was taken away %d times", n)
	}
	set := fake.Requests("POST /asterisk/variable")
	if len(set) != 2 || !strings.Contains(set[0].Body, doctorApp) || strings.Contains(set[1].Body, doctorApp) {
		t.Errorf("the variable was set so: %+v", set)
	}
}

func TestDialedBy(t *testing.T) {
	for template, want := range map[string]string{
		"": "", "PJSIP/{number}@trunk": "PJSIP/trunk", "PJSIP/trunk/sip:{number}@example.com": "PJSIP/trunk", "SIP/trunk/{number}": "SIP/trunk",
		"DAHDI/g1/{number}": "", "Local/{number}@out": "", "PJSIP/{number}": "",
	} {
		if got := dialedBy(template); got != want {
			t.Errorf("%q is dialed by %q, want %q", template, got, want)
		}
	}
}

// TestMayHear wants every word that a date, a time or a number can hold.
func TestMayHear(t *testing.T) {
	all := strings.Join(mayHear("ru", []string{"sound:x", "{day}", "{date}", "{time}", "{digits:code}"}), " ")
	for _, word := range []string{"sound:x", "digits/today", "digits/tomorrow", "digits/day-0", "digits/day-6", "digits/mon-0", "digits/mon-11", "digits/h-1", "digits/h-30",
		"digits/at", "digits/50", "digits/19", "digits/0", "digits/9"} {
		if !strings.Contains(all+" ", word+" ") {
			t.Errorf("%s is not among what may be heard: %s", word, all)
		}
	}
}
