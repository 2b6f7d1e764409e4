package config_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/config"
	"ringback/leads/alert/email"
	"ringback/leads/appointments"
	"ringback/leads/number"
	"ringback/robotcall"
	"ringback/routing"
)

// written puts a configuration into a folder of its own, beside the files that
// are named in it.
func written(t *testing.T, text string, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o640); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "ringback.yaml")
	if err := os.WriteFile(file, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	return file
}

func loaded(t *testing.T, file string) *config.Config {
	t.Helper()
	c, err := config.Load(file)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const minimal = `
country: ru
zone: Europe/Moscow
asterisk:
  - {name: main, url: http://127.0.0.1:8088/, username: ringback, password_file: ari.password, inbound: {contexts: [from-trunk]}}
managers:
  - {login: anna, devices: ["101", {endpoint: SIP/anna, extension: "901"}]}
  - {login: boss, devices: [PJSIP/109]}
pools:
  - {name: default, managers: [anna], supervisor: boss}
database: ringback.db
`

var password = map[string]string{"ari.password": "pass word\r\n"}

func TestDefaults(t *testing.T) {
	file := written(t, minimal, password)
	c := loaded(t, file)
	if c.Mode != config.Observe || c.Listen != "127.0.0.1:8730" || c.PublicURL != "http://127.0.0.1:8730" || c.Country != "RU" || len(c.Tokens) != 0 {
		t.Errorf("mode %q, listen %q, public_url %q, country %q, %d tokens", c.Mode, c.Listen, c.PublicURL, c.Country, len(c.Tokens))
	}
	if want := filepath.Join(filepath.Dir(file), "ringback.db"); c.Database != want {
		t.Errorf("database %q, want it beside the configuration: %q", c.Database, want)
	}
	if c.Missed.Thresholds != routing.DefaultThresholds() {
		t.Errorf("thresholds %+v", c.Missed.Thresholds)
	}
	a := c.PBX("main")
	if a == nil || a.URL != "http://127.0.0.1:8088/ari" || a.App != "ringback" || !a.EventFilter || a.Password.Reveal() != "pass word" {
		t.Fatalf("PBX %+v", a)
	}
	if ari := a.ARI(); ari.Check() != nil || ari.Name != "main" || ari.Password.Reveal() != "pass word" || ari.URL != a.URL || ari.App != a.App || ari.Username != "ringback" {
		t.Errorf("as package ari sees it: %+v", ari)
	}
	if c.PBX("north") != nil {
		t.Error("a PBX that is not configured is found")
	}
	p := c.Directory().Pool("default")
	if p.Pick != routing.RoundRobin || !reflect.DeepEqual(p.Ladder, routing.DefaultLadder()) || p.Missed != routing.DefaultThresholds() || !p.Hours.Always() {
		t.Errorf("pool %+v", p)
	}
	if !slices.Equal(c.Channels.Names(), []string{"sip"}) || c.Channels.SIP.From != "ringback" {
		t.Errorf("channels %+v", c.Channels)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("warnings %v", c.Warnings)
	}
	if m, d := c.Directory().Holder("main", "PJSIP/101"); m == nil || m.Login != "anna" || m.Name != "anna" || d.PBX != "main" {
		t.Errorf("101 on the only PBX is %v's: %+v", m, d)
	}
	if c.Location().String() != "Europe/Moscow" {
		t.Errorf("zone %v", c.Location())
	}
}

// What a pool says replaces the company's value key by key, and the company's
// values reach pools that stand above them in the file.
func TestPoolsInheritKeyByKey(t *testing.T) {
	text := strings.Replace(minimal, "  - {name: default, managers: [anna], supervisor: boss}\n", `  - name: default
    managers: [anna]
    supervisor: boss
    missed: {min_talk: 7s}
    ladder: {settle: 0s}
    hours: {week: {mon: "09:00-18:00"}}
  - {name: quiet, managers: [anna], supervisor: boss, ladder: {rungs: []}, pick: least_open, leads: {busy: false}}
`, 1) + `
missed:
  min_talk: 5s
  short_abandon: 2s
  handled: {contexts: [ivr]}
  block: ["8 916 123-45-67", anonymous, sipvicious]
`
	c := loaded(t, written(t, text, password))
	p := c.Directory().Pool("default")
	want := routing.Thresholds{MinTalk: 7 * time.Second, ExternalAfter: 20 * time.Second, ReachedAfter: 20 * time.Second, ShortAbandon: 2 * time.Second,
		Suspicious: 3 * time.Second}
	if p.Missed != want {
		t.Errorf("thresholds %+v, want %+v", p.Missed, want)
	}
	if p.Ladder.Settle != 0 || len(p.Ladder.Rungs) != len(routing.DefaultLadder().Rungs) {
		t.Errorf("ladder %+v, want the default rungs without settling", p.Ladder)
	}
	if !p.Hours.Open(time.Date(2026, 6, 1, 6, 0, 0, 0, time.UTC)) || p.Hours.Open(time.Date(2026, 6, 1, 15, 0, 0, 0, time.UTC)) {
		t.Error("the pool's hours do not go by the company's zone")
	}
	if !slices.Equal(p.Handled.Contexts, []string{"ivr"}) || !slices.Equal(p.Block, []string{"+79161234567", "", "sipvicious"}) {
		t.Errorf("handled %v, block %q", p.Handled, p.Block)
	}
	quiet := c.Directory().Pool("quiet")
	if quiet.Missed.MinTalk != 5*time.Second || len(quiet.Ladder.Rungs) != 0 || quiet.Ladder.Settle != 20*time.Second ||
		quiet.Pick != routing.LeastOpen || quiet.OpensLead(routing.Busy) || !quiet.OpensLead(routing.NoAnswer) {
		t.Errorf("pool %+v", quiet)
	}
}

func TestNumbersByPBX(t *testing.T) {
	text := strings.Replace(minimal, "managers:", `  - {name: berlin, url: https://pbx.example.de/asterisk/ari, username: r, password_file: ari.password, inbound: {contexts: [x]}, numbers: {country: DE, strip: ["9"]}, event_filter: false}
lines:
  - {name: sales, pbx: main, numbers: [84951000001]}
  - {name: verkauf, pbx: berlin, numbers: ["030 901820"], pool: default}
managers:`, 1)
	text = strings.NewReplacer(`"101", {`, `{pbx: main, endpoint: "101"}, {pbx: berlin, `, `[PJSIP/109]`, `[{pbx: main, endpoint: PJSIP/109}]`).Replace(text)
	c := loaded(t, written(t, text, password))
	d := c.Directory()
	for _, spelling := range []string{"84951000001", "+74951000001"} {
		if l := d.Line("main", spelling); l == nil || l.Name != "sales" {
			t.Errorf("%s leads to %v", spelling, l)
		}
	}
	if l := d.Line("berlin", "+4930901820"); l == nil || l.Name != "verkauf" {
		t.Errorf("the line in Berlin is %v", l)
	}
	for _, n := range []struct {
		pbx, raw string
		want     number.Number
	}{
		{"main", "89161234567", number.Number{Kind: number.E164, Value: "+79161234567"}},
		{"berlin", "9030901820", number.Number{Kind: number.E164, Value: "+4930901820"}},
		{"main", "101", number.Number{Kind: number.Extension, Value: "101"}},
		{"berlin", "101", number.Number{Kind: number.Raw, Value: "101"}},
		{"berlin", "901", number.Number{Kind: number.Extension, Value: "901"}},
		{"elsewhere", "89161234567", number.Number{Kind: number.E164, Value: "+79161234567"}},
		{"elsewhere", "901", number.Number{Kind: number.Extension, Value: "901"}},
	} {
		if got := c.Plan(n.pbx).Read(n.raw); got != n.want {
			t.Errorf("%s on %s is %v, want %v", n.raw, n.pbx, got, n.want)
		}
	}
	if plans := c.Plans(); len(plans) != 2 || plans["berlin"] != c.Plan("berlin") {
		t.Errorf("plans %v", plans)
	}
	if b := c.PBX("berlin"); b.URL != "https://pbx.example.de/asterisk/ari" || b.EventFilter {
		t.Errorf("berlin %+v", b)
	}
}

func TestChannelsTokensAndAddresses(t *testing.T) {
	t.Setenv("RINGBACK_TEST_HOOK", "from the environment")
	c := loaded(t, written(t, strings.Replace(minimal, "inbound:", "connect: {context: from-internal}, inbound:", 1)+`
channels:
  webhooks:
    - {name: crm, url: "https://crm.example.com/x", secret_file: hook.secret}
    - {name: slow, url: "http://127.0.0.1:1", secret_env: RINGBACK_TEST_HOOK, timeout: 1m30s}
token_file: tokens
trusted_proxies: [127.0.0.1]
listen: "[::1]:0"
public_url: https://ringback.example.com//
mode: act
`, map[string]string{"ari.password": "x", "hook.secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n",
		"tokens": "# page\n0123456789abcdef0123456789abcdef\n\n  fedcba9876543210==  \r\n"}))
	if c.Channels.SIP != nil || !slices.Equal(c.Channels.Names(), []string{"crm", "slow"}) {
		t.Errorf("channels %v, want those that are named and no other", c.Channels.Names())
	}
	crm, slow := c.Channels.Webhooks[0], c.Channels.Webhooks[1]
	if crm.Timeout != config.DefaultTimeout || crm.Secret.Reveal() != "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" {
		t.Errorf("crm: %v, %q", crm.Timeout, crm.Secret.Reveal())
	}
	if slow.Timeout != 90*time.Second || slow.Secret.Reveal() != "from the environment" {
		t.Errorf("slow: %v, %q", slow.Timeout, slow.Secret.Reveal())
	}
	if len(c.Tokens) != 2 || c.Tokens[0].Reveal() != "0123456789abcdef0123456789abcdef" || c.Tokens[1].Reveal() != "fedcba9876543210==" {
		t.Errorf("%d tokens", len(c.Tokens))
	}
	if c.Mode != config.Act || c.PublicURL != "https://ringback.example.com" || len(c.Warnings) != 0 {
		t.Errorf("mode %q, public_url %q, warnings %v", c.Mode, c.PublicURL, c.Warnings)
	}
}

func TestEmail(t *testing.T) {
	c := loaded(t, written(t, minimal+`
channels:
  sip: {}
  email: {host: "::1", tls: none, username: ringback, password_file: smtp.password, from: "Ringback <ringback@example.com>"}
`, map[string]string{"ari.password": "x", "smtp.password": "pass word\n"}))
	if !slices.Equal(c.Channels.Names(), []string{"sip", "email"}) {
		t.Errorf("channels %v", c.Channels.Names())
	}
	want := email.Config{Host: "::1", Port: 25, TLS: email.NoTLS, Username: "ringback", Password: "pass word", From: "Ringback <ringback@example.com>"}
	if got := c.Channels.Email.SMTP(); got != want {
		t.Errorf("as package email sees it: %+v", got)
	}
	if text := fmt.Sprintf("%+v", c.Channels.Email); strings.Contains(text, "pass word") {
		t.Errorf("the password is shown: %s", text)
	}
	for tls, port := range map[string]int{"": 587, "tls: implicit,": 465, "tls: starttls, port: 2525,": 2525} {
		c := loaded(t, written(t, minimal+"channels: {email: {"+tls+" host: smtp.example.com, from: a@example.com}}\n", password))
		if e := c.Channels.Email; e.Port != port || e.Password.Set() {
			t.Errorf("%s: %+v", tls, e)
		}
	}
}

// A configuration that says nothing of robots has the rules of its country, and
// calls no client.
func TestRobotByDefault(t *testing.T) {
	c := loaded(t, written(t, minimal, password))
	rules := c.Rules()
	want := robotcall.DefaultRules("RU")
	if !slices.Equal(rules.Countries, want.Countries) || !slices.Equal(rules.Types, want.Types) || rules.Concurrent != want.Concurrent ||
		rules.PerNumberDay != want.PerNumberDay || rules.Consent != robotcall.UnlessRefused || !rules.Observe {
		t.Errorf("rules %+v", rules)
	}
	if !reflect.DeepEqual(c.Reminders, appointments.DefaultConfig()) || len(c.Reminders.Media) != 0 {
		t.Errorf("reminders %+v", c.Reminders)
	}
	if c.Robot.Ring != config.DefaultRing || c.Robot.Language != "en" || len(c.Prompts()) != 0 || c.Asterisk[0].Connect != (robotcall.Connect{}) {
		t.Errorf("robot %+v, connect %+v", c.Robot, c.Asterisk[0].Connect)
	}
	if m := c.Directory().Manager("anna"); m.Ring != routing.RingTogether {
		t.Errorf("anna's phones ring %q", m.Ring)
	}
}

func TestRobotAsConfigured(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "x")
	c := loaded(t, folder+"/good-robot.yaml")
	rules := c.Rules()
	if !slices.Equal(rules.Countries, []string{"RU", "KZ"}) || !slices.Equal(rules.Types, []number.Type{number.Mobile, number.PremiumRate}) ||
		rules.Concurrent != 10 || rules.PerSecond != 5 || rules.PerNumberDay != 1 || rules.PerNumber30Days != 4 || rules.Consent != robotcall.Required {
		t.Errorf("rules %+v", rules)
	}
	if rules.Observe || rules.Trunks[robotcall.Trunk{PBX: "main", Name: "from-internal"}] != (robotcall.Bounds{Concurrent: 3, PerSecond: 1}) {
		t.Errorf("trunks %v, observe %v", rules.Trunks, rules.Observe)
	}
	window, err := rules.Window("+79161234567", "", time.Date(2026, 6, 7, 0, 0, 0, 0, time.UTC))
	sunday, monday := time.Date(2026, 6, 7, 9, 0, 0, 0, time.UTC), time.Date(2026, 6, 8, 9, 0, 0, 0, time.UTC)
	open := func(t time.Time) bool { at, ok := window.NextOpening(t); return ok && at.Equal(t) }
	if err != nil || open(sunday) || !open(monday) {
		t.Errorf("on a Sunday in Moscow somebody may be called, or on a Monday nobody: %v", err)
	}
	if c.Robot.Ring != 40*time.Second || !reflect.DeepEqual(c.Prompts(), robotcall.Prompts{robotcall.PromptYouHave: {"sound:custom/you-have"}, robotcall.PromptMenu: {}}) {
		t.Errorf("ring %v, prompts %v", c.Robot.Ring, c.Prompts())
	}
	way := robotcall.Connect{Context: "from-internal", Dial: "Local/{number}@from-internal/n", Number: "9{digits}", Concurrent: 3, PerSecond: 1}
	if c.Asterisk[0].Connect != way || c.Lines[0].Sound != "recording:line-sales" || c.Pools[0].CallerID != "+74951000001" || c.Managers[0].Ring != routing.RingInTurn {
		t.Errorf("connect %+v, lines %+v, pools %+v", c.Asterisk[0].Connect, c.Lines, c.Pools)
	}
	keys := appointments.DefaultKeys()
	keys.Confirm, keys.OptOut = "5", appointments.NoKey
	reminders := appointments.Config{Before: []time.Duration{24 * time.Hour, 2 * time.Hour}, OnChange: true, Grace: 10 * time.Minute, Categories: []string{"visit"},
		Required: []string{"place", "master"}, Line: "sales", Language: "en", Media: map[string][]string{"ru": {"sound:custom/reminder", "{day}", "{time}", "{digits:ticket}"}}, Keys: keys}
	if !reflect.DeepEqual(c.Reminders, reminders) {
		t.Errorf("reminders %+v", c.Reminders)
	}
}

func TestReadWantsLessThanLoad(t *testing.T) {
	file := written(t, `
managers: [{login: anna}]
pools: [{name: default, managers: [anna], supervisor: anna}]
lines: [{name: sales, pbx: main, numbers: ["+74951000001"]}]
token_file: nowhere
database: /nowhere/at/all.db
`, nil)
	c, err := config.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	if l := c.Directory().Line("main", "+74951000001"); l == nil {
		t.Error("the line is not found")
	}
	if n := c.Plan("main").Read("89161234567"); n.Kind != number.Raw {
		t.Errorf("%v is read without a home country", n)
	}
	_, err = config.Load(file)
	var problems *config.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("%T: %v", err, err)
	}
	for _, want := range []string{"country", "asterisk", "token_file", "database"} {
		if !slices.ContainsFunc(problems.List, func(p config.Problem) bool { return p.Path == want }) {
			t.Errorf("no problem at %s: %v", want, err)
		}
	}
}

func TestProblemsAsJSON(t *testing.T) {
	file := written(t, "country: RU\nmode: act\ncolour: \"<blue>\"\n", nil)
	_, err := config.Read(file)
	text, jsonErr := json.Marshal(err)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	var got struct {
		File     string
		Problems []struct {
			Path, Text string
			Line       int
		}
	}
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	last := got.Problems[len(got.Problems)-1]
	if got.File != file || len(got.Problems) != 3 || last.Path != "colour" || last.Line != 3 || !strings.HasPrefix(last.Text, "unknown key") {
		t.Errorf("%s", text)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	dir := t.TempDir()
	for _, c := range []struct{ name, content, want string }{
		{"binary", "\x7fELF\x02\x01\x01\x00", "is not UTF-8 text"},
		{"latin1", "country: \xe9\n", "is not UTF-8 text"},
		{"large", strings.Repeat("# nothing\n", 1_000_000), "is larger than 1024 kB"},
		{"deep", strings.Repeat("[", 100_000), "exceeded max depth"},
		{"self", "country: &c [*c]\nlines: &l [*l, *l]\nmanagers: &m\n  - *m\n", "should hold keys"},
		{"bomb", bomb(), ": 1 problem\n  lines[99].numbers[697]: from here on it is too long once its aliases are followed"},
		{"flood", flood(), "\n  … and "},
	} {
		file := filepath.Join(dir, c.name)
		if err := os.WriteFile(file, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		_, err := config.Load(file)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", c.name, err, c.want)
			continue
		}
		if took := time.Since(begin); took > 5*time.Second || strings.Count(err.Error(), "\n") > 101 {
			t.Errorf("%s: %d lines of error after %v", c.name, strings.Count(err.Error(), "\n"), took)
		}
	}
	for name, want := range map[string]string{
		dir:                             "is a folder",
		filepath.Join(dir, "none.yaml"): "there is no such file",
		filepath.Join(dir, "binary/x"):  "cannot be opened: not a directory",
		"/dev/zero":                     "is larger than",
	} {
		if _, err := config.Load(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}

// flood has more problems than anybody reads.
func flood() string {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, "key%d: 1\n", i)
	}
	return b.String()
}

// bomb is 12 kB of aliases that stand for a million values.
func bomb() string {
	text := "country: RU\nlines:\n  - {name: a, numbers: &n [" + strings.Repeat("x,", 1000) + "]}\n"
	return text + strings.Repeat("  - {name: a, numbers: *n}\n", 1000)
}
