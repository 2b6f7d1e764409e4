package config

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/nyaruka/phonenumbers/v2"

	"ringback/leads/dials"
	"ringback/leads/text"
)

// check finds what is wrong with the document itself, and completes it: what
// may be left out is filled in, what is written in several ways is put in one.
func (c *Config) check(f *findings) {
	c.checkPlace(f)
	checkHolidays(f, "holidays", &c.Holidays)
	c.checkWeb(f)
	c.checkAccess(f)
	c.checkKeep(f)
	c.checkAsterisk(f)
	c.checkChannels(f)
	c.checkHooks(f)
	c.checkManagers(f)
	c.checkAlerts(f)
	c.makePlans()
	c.checkLines(f)
	c.checkMissed(f)
	c.checkPools(f)
	c.checkRobot(f)
	c.checkReminders(f)
	if c.Mode == Act {
		c.warnOfRobot(f)
	}
}

// checkStart finds what a daemon cannot do without, but work on recordings can.
func (c *Config) checkStart(f *findings) {
	if c.Country == "" {
		f.missing("country", "the home country as in DE or RU, so that numbers without a country code can be read")
	}
	if len(c.Asterisk) == 0 {
		f.missing("asterisk", "there is no PBX to watch")
	}
	for i := range c.Asterisk {
		a, at := &c.Asterisk[i], fmt.Sprintf("asterisk[%d]", i)
		if a.URL == "" {
			f.missing(at+".url", "the address of Asterisk's HTTP server, such as http://127.0.0.1:8088")
		}
		if a.Username == "" {
			f.missing(at+".username", "the name of a user in Asterisk's ari.conf")
		}
		if len(a.Inbound.Contexts) == 0 {
			f.missing(at+".inbound.contexts", "the dialplan contexts in which calls from outside begin, such as from-trunk")
		}
	}
	c.warnOfAccess(f)
}

func (c *Config) checkPlace(f *findings) {
	c.Country = checkCountry(f, "country", c.Country)
	c.zone = time.Local
	if c.Zone != "" {
		zone, err := time.LoadLocation(c.Zone)
		if err != nil {
			f.add("zone", "%s is not an IANA time zone such as Europe/Moscow", quoted(c.Zone))
			return
		}
		c.zone = zone
	}
}

// leastKept is what robot calls look back, so that nobody is called too often.
const leastKept = dials.NumberSpan + day

// What waits is some kilobytes a call: less than this is gone in a second, and
// more is no machine's.
const leastBacklogMB, mostBacklogMB = 1, 1 << 20

// checkKeep finds that would be removed what is still needed.
func (c *Config) checkKeep(f *findings) {
	for _, key := range []struct {
		name string
		keep time.Duration
	}{{"keep_calls", c.KeepCalls}, {"keep_events", c.KeepEvents}} {
		if key.keep != 0 && key.keep < leastKept {
			f.add(key.name, "%s is too short: it is %s or more, because how often somebody was called is looked up so far back; or 0s, for ever",
				durationText(key.keep), durationText(leastKept))
		}
	}
}

// checkCountry yields the code in capitals.
func checkCountry(f *findings, at, code string) string {
	capitals := strings.ToUpper(code)
	if code != "" && !phonenumbers.GetSupportedRegions()[capitals] {
		f.add(at, "%s is not a country: write its two letters, as in DE, RU or US", quoted(code))
	}
	return capitals
}

func (c *Config) checkWeb(f *findings) {
	oneOf(f, "mode", c.Mode, Observe, Act)
	oneOf(f, "language", c.Language, text.Languages...)
	if c.Language == "" {
		c.Language = text.English
	}
	if c.BacklogMB < leastBacklogMB || c.BacklogMB > mostBacklogMB {
		f.add("backlog_mb", "%d is not from %d to %d (megabytes)", c.BacklogMB, leastBacklogMB, mostBacklogMB)
	}
	host, port, err := net.SplitHostPort(c.Listen)
	if n, notNumber := strconv.Atoi(port); err != nil || notNumber != nil || n < 0 || n > 65535 {
		f.add("listen", "%s is not an address such as %s", quoted(c.Listen), DefaultListen)
		return
	}
	if c.PublicURL == "" {
		if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
			host = thisHost()
			f.warn("public_url", "is missing: links in alerts lead to this machine by its own name, %s", quoted(host))
		} else if c.Mode == Act && isLoopback(host) {
			f.warn("public_url", "is missing: links in alerts lead to %s, which is another machine for everybody who is not at this one", quoted(host))
		}
		scheme := "http"
		if c.TLS != nil {
			scheme = "https"
		}
		c.PublicURL = scheme + "://" + net.JoinHostPort(host, port)
	}
	c.PublicURL = strings.TrimRight(c.PublicURL, "/")
	switch u, ok := isWeb(c.PublicURL); {
	case !ok || strings.ContainsAny(c.PublicURL, "?#"):
		f.add("public_url", "is not an address such as https://ringback.example.com: write scheme and host, and nothing else")
	case u.Path != "":
		f.add("public_url", "has a path, and the pages know of none: give them a host of their own, as in https://ringback.example.com")
	}
}

// thisHost is how this machine calls itself.
func thisHost() string {
	if name, err := os.Hostname(); err == nil {
		return name
	}
	return "localhost"
}

func (c *Config) checkAsterisk(f *findings) {
	names := newNames(f, "PBX")
	for i := range c.Asterisk {
		a, at := &c.Asterisk[i], fmt.Sprintf("asterisk[%d]", i)
		names.add(at+".name", a.Name)
		checkConnect(f, at+".connect", &a.Connect)
		a.URL = checkARI(f, at+".url", a.URL)
		checkRecords(f, at+".cdr", &a.CDR)
		a.Numbers.Country = checkCountry(f, at+".numbers.country", a.Numbers.Country)
		if strings.Contains(a.Username, ":") {
			f.add(at+".username", "must not hold a colon: HTTP's basic authentication ends the name there (RFC 7617)")
		}
		if !appName.MatchString(a.App) {
			f.add(at+".app", "%s is no name of an ARI application: use letters, digits, - and _", quoted(a.App))
		}
		for j, prefix := range a.Numbers.Strip {
			if !dialable.MatchString(prefix) {
				f.add(fmt.Sprintf("%s.numbers.strip[%d]", at, j), "%s is not a prefix of digits", quoted(prefix))
			}
		}
		for j := range i {
			if o := &c.Asterisk[j]; a.URL != "" && o.URL == a.URL && o.App == a.App {
				f.add(at+".url", "is the address of PBX %q too, with the same app: each would end the other's session", o.Name)
			}
		}
	}
}

var (
	appName  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,80}$`)
	dialable = regexp.MustCompile(`^[0-9]{1,10}$`)
	login    = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$`)
	endpoint = regexp.MustCompile(`^([A-Za-z0-9]+/)?[A-Za-z0-9_.@+-]{1,80}$`)
)

// checkARI yields an address in its one form: it ends in /ari.
func checkARI(f *findings, at, address string) string {
	if address == "" {
		return ""
	}
	u, ok := isWeb(address)
	switch {
	case u != nil && u.User != nil:
		f.add(at, "must hold no user or password: use username and password_file")
	case u != nil && (u.Scheme == "ws" || u.Scheme == "wss"):
		f.add(at, "begins with %s: write http (or https), the websocket's address follows from it", u.Scheme)
	case !ok || u.RawQuery != "" || u.Fragment != "":
		f.add(at, "is not the address of Asterisk's HTTP server, such as http://127.0.0.1:8088")
	default:
		address = strings.TrimRight(address, "/")
		return strings.TrimSuffix(address, "/ari") + "/ari"
	}
	return ""
}

func (c *Config) checkChannels(f *findings) {
	names := newNames(f, "channel")
	if c.Channels.SIP != nil {
		names.taken[SIPChannel] = "channels.sip"
	}
	if e := c.Channels.Email; e != nil {
		names.taken[EmailChannel] = "channels.email"
		e.check(f, "channels.email")
	}
	if t := c.Channels.Telegram; t != nil {
		names.taken[TelegramChannel] = "channels.telegram"
		t.check(f, "channels.telegram")
	}
	if c.Channels.Page != nil {
		names.taken[PageChannel] = "channels.page"
	}
	c.checkGateways(f, names)
	for i := range c.Channels.Webhooks {
		w, at := &c.Channels.Webhooks[i], fmt.Sprintf("channels.webhooks[%d]", i)
		names.add(at+".name", w.Name)
		switch u, ok := isWeb(w.URL); {
		case w.URL == "":
			f.missing(at+".url", "where alerts are posted to")
		case u != nil && u.User != nil:
			f.add(at+".url", "must hold no user or password: alerts are signed with the secret")
		case !ok:
			f.add(at+".url", "is not an address such as https://crm.example.com/ringback")
		default:
			warnOfClear(f, at+".url", u)
		}
		if w.Timeout == 0 {
			f.add(at+".timeout", "must be longer than 0s")
		}
	}
	unread := func(key string) bool { return f.doubtful["channels."+key] }
	if len(c.Channels.Names()) == 0 && !slices.ContainsFunc(keysOf(typeOf[Channels]()), unread) {
		f.add("channels", "names no channel, so nobody could be told: name one, such as sip: {from: %s}, or take the key out", DefaultFrom)
	}
}

func (c *Config) checkMissed(f *findings) {
	known := make([]string, 0, len(c.Lines))
	for _, l := range c.Lines {
		known = append(known, l.Name)
	}
	for i, name := range c.Missed.Handled.Lines {
		refer(f, fmt.Sprintf("missed.handled.lines[%d]", i), "line", name, "lines", known)
	}
	for i, caller := range c.Missed.Block {
		c.Missed.Block[i] = c.home.Read(caller).Value
	}
}

// resolvePaths makes paths absolute: a relative one begins at the folder of the
// configuration.
func (c *Config) resolvePaths(file string) {
	folder := filepath.Dir(file)
	if absolute, err := filepath.Abs(folder); err == nil {
		folder = absolute
	}
	resolve := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
	resolve(&c.Database)
	resolve(&c.TokenFile)
	if c.TLS != nil {
		resolve(&c.TLS.CertFile)
		resolve(&c.TLS.KeyFile)
	}
	for i := range c.Asterisk {
		resolve(&c.Asterisk[i].PasswordFile)
		resolveRecords(&c.Asterisk[i].CDR, resolve)
	}
	resolve(&c.Templates.Dir)
	if e := c.Channels.Email; e != nil {
		resolve(&e.PasswordFile)
	}
	if t := c.Channels.Telegram; t != nil {
		resolve(&t.TokenFile)
	}
	for i := range c.Channels.HTTP {
		for name, file := range c.Channels.HTTP[i].Secrets {
			resolve(&file)
			c.Channels.HTTP[i].Secrets[name] = file
		}
	}
	for i := range c.Channels.Webhooks {
		resolve(&c.Channels.Webhooks[i].SecretFile)
	}
	for i := range c.Hooks {
		resolve(&c.Hooks[i].SecretFile)
	}
}

// checkDatabase finds a folder in which the database cannot be kept.
func (c *Config) checkDatabase(f *findings) {
	folder := filepath.Dir(c.Database)
	switch info, err := os.Stat(folder); {
	case os.IsNotExist(err):
		f.add("database", "there is no folder %s: make it, and give it to the user who runs ringback", quoted(folder))
		return
	case err != nil:
		f.add("database", "the folder %s cannot be seen: %v", quoted(folder), reasonOf(err))
		return
	case !info.IsDir():
		f.add("database", "%s is not a folder", quoted(folder))
		return
	}
	if !may(folder, writable|searchable) {
		f.add("database", "the folder %s is not writable for the user who runs this: SQLite keeps files beside the database", quoted(folder))
		return
	}
	switch info, err := os.Stat(c.Database); {
	case err != nil: // it will be made
	case info.IsDir():
		f.add("database", "%s is a folder: name a file in it", quoted(c.Database))
	case !may(c.Database, readable|writable):
		f.add("database", "%s is not readable and writable for the user who runs this", quoted(c.Database))
	}
}

// names sees that no name is missing, odd, or given twice.
type names struct {
	*findings
	what  string
	taken map[string]string // where each name stands
}

func newNames(f *findings, what string) *names {
	return &names{findings: f, what: what, taken: map[string]string{}}
}

func (n *names) add(at, name string) {
	owner, twice := n.taken[name]
	switch {
	case name == "":
		n.missing(at, "every "+n.what+" has one")
	case len(name) > 64:
		n.findings.add(at, "%s is longer than 64 bytes: it labels metrics and lists", quoted(name))
	case twice:
		n.findings.add(at, "%s is the name of %s too", quoted(name), strings.TrimSuffix(owner, ".name"))
	default:
		n.taken[name] = at
	}
}

// refer sees that a name leads to something that is listed under section.
func refer(f *findings, at, what, name, section string, known []string) {
	if name == "" || slices.Contains(known, name) || f.doubtful[section] || f.unnamed[section] {
		return
	}
	hint := ""
	if len(f.problems) < mostShown {
		hint, _ = didYouMean(name, known)
	}
	f.add(at, "%s %s is not listed under %s%s", what, quoted(name), section, hint)
}

// oneOf sees that a word is one of those that are known.
func oneOf[T ~string](f *findings, at string, word T, known ...T) {
	if word == "" || slices.Contains(known, word) {
		return
	}
	words := make([]string, len(known))
	for i, k := range known {
		words[i] = string(k)
	}
	hint, _ := didYouMean(string(word), words)
	if hint == "" {
		hint = ": use " + strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	}
	f.add(at, "%s is not known here%s", quoted(string(word)), hint)
}
