// Package config promises that a configuration which was loaded can be used as
// it stands: every key is known, every reference leads somewhere, every secret
// was read; and that whatever is wrong with one is said all at once, each
// problem with its path and what to do about it, and without a secret in it.
package config

import (
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // zones are known also where the host has no database of them

	"ringback/ari"
	"ringback/ari/cdr"
	"ringback/leads"
	"ringback/leads/alert"
	"ringback/leads/alert/email"
	"ringback/leads/appointments"
	"ringback/leads/number"
	"ringback/leads/text"
	"ringback/leads/told"
	"ringback/robotcall"
	"ringback/routing"
)

// Config is the configuration of one company, with its defaults filled in.
type Config struct {
	// Country is the ISO 3166 code of the home country: numbers without a
	// country code are read as its own.
	Country string `yaml:"country"`
	// Zone is the IANA time zone of working hours; empty: the host's.
	Zone string `yaml:"zone"`
	// Holidays close the pools and people whose hours name none of their own.
	Holidays routing.Holidays `yaml:"holidays"`
	// Language is that of alerts and pages for whoever has no other.
	Language text.Language `yaml:"language"`
	// Mode says whether anybody is alerted.
	Mode Mode `yaml:"mode"`
	// Asterisk are the PBXes that are watched.
	Asterisk []Asterisk `yaml:"asterisk"`
	// Missed are the company's thresholds and exceptions. It stands before
	// Pools because every pool begins with its thresholds.
	Missed   Missed            `yaml:"missed"`
	Lines    []routing.Line    `yaml:"lines"`
	Managers []routing.Manager `yaml:"managers"`
	Pools    []routing.Pool    `yaml:"pools"`
	Channels Channels          `yaml:"channels"`
	// Templates are own texts of alerts.
	Templates Templates `yaml:"templates"`
	// Hooks are programs that are told of what happens.
	Hooks []Hook `yaml:"hooks"`
	// Alerts is what people cannot choose otherwise, by kind of alert.
	Alerts told.Policy `yaml:"alerts"`
	// Robot says what robot calls may do, Reminders of what clients are reminded.
	Robot     Robot               `yaml:"robot"`
	Reminders appointments.Config `yaml:"reminders"`
	// Listen is the address of page, API and metrics: host:port.
	Listen string `yaml:"listen"`
	// PublicURL begins the links in alerts, without a slash at its end.
	PublicURL string `yaml:"public_url"`
	// Database is the path of the SQLite file.
	Database string `yaml:"database"`
	// KeepCalls is how long calls and closed leads are kept, KeepEvents how long
	// the entries of timelines and what was dialed are; 0: for ever.
	KeepCalls  time.Duration `yaml:"keep_calls"`
	KeepEvents time.Duration `yaml:"keep_events"`
	// BacklogMB bounds, in megabytes each, what waits in memory for a database that
	// cannot be written, and the events of a PBX that wait to be handled.
	BacklogMB int `yaml:"backlog_mb"`
	// TLS encrypts connections; nil: nothing does here.
	TLS *TLS `yaml:"tls"`
	// TrustedProxies are the addresses of those who stand before us, and are
	// believed whom they ask for: addresses and networks.
	TrustedProxies []string `yaml:"trusted_proxies"`
	Web            Web      `yaml:"web"`
	// TokenFile names a file of bearer tokens that may do everything, one a line.
	TokenFile string `yaml:"token_file"`

	// Proxies are TrustedProxies as networks.
	Proxies []netip.Prefix `yaml:"-"`
	// Tokens are the bearer tokens read from TokenFile.
	Tokens []Secret `yaml:"-"`
	// Warnings are what can be used but is probably not meant.
	Warnings []Problem `yaml:"-"`

	zone  *time.Location
	plans map[string]*number.Plan // by PBX
	home  *number.Plan            // of the company
}

// DefaultBacklogMB lasts for some ten minutes of 100 calls a second.
const DefaultBacklogMB = leads.DefaultBacklog >> 20

// Mode says what the daemon does about what it sees.
type Mode string

const (
	Observe Mode = "observe" // verdicts, leads and would-be alerts are shown; nobody is told or rung
	Act     Mode = "act"     // people are told
)

// Asterisk is one PBX.
type Asterisk struct {
	// Name stands in calls, metrics and the other parts of the configuration.
	Name string `yaml:"name"`
	// URL is the address of its REST interface, ending in "/ari".
	URL      string `yaml:"url"`
	Username string `yaml:"username"`
	// PasswordFile or PasswordEnv names where the ARI user's password is read from.
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// App is the name under which the daemon subscribes; two daemons on one PBX
	// need two names.
	App string `yaml:"app"`
	// EventFilter asks Asterisk to leave out the events that are never used.
	EventFilter bool    `yaml:"event_filter"`
	Inbound     Inbound `yaml:"inbound"`
	// Connect is the way out, by which clients are called.
	Connect robotcall.Connect `yaml:"connect"`
	// CDR is where its call records lie.
	CDR     cdr.Config `yaml:"cdr"`
	Numbers Numbers    `yaml:"numbers"`

	// Password is what PasswordFile or PasswordEnv led to.
	Password Secret `yaml:"-"`
}

// ARI is the PBX as package ari addresses it.
func (a *Asterisk) ARI() ari.Config {
	return ari.Config{Name: a.Name, URL: a.URL, Username: a.Username, Password: a.Password, App: a.App}
}

// Records opens the PBX's call records; nil: there are none.
func (a *Asterisk) Records() (cdr.Source, error) {
	if !a.CDR.Kept() {
		return nil, nil
	}
	return cdr.Open(a.CDR)
}

// Inbound says which calls come from outside.
type Inbound struct {
	// Contexts are the dialplan contexts in which a call from a trunk begins.
	Contexts []string `yaml:"contexts"`
}

// Numbers says how numbers are written on one PBX.
type Numbers struct {
	// Country overrides the company's.
	Country string `yaml:"country"`
	// Strip are prefixes that lead to an outside line, such as "9".
	Strip []string `yaml:"strip"`
}

// Missed is what the company counts as a missed call.
type Missed struct {
	routing.Thresholds `yaml:",inline"`
	// Handled names where a call may end without anybody owing a call back.
	Handled routing.HandledBy `yaml:"handled"`
	// Block lists callers that are ignored, once loaded in the form in which
	// number.Plan reads them: E.164 where that is possible, and "" for those who
	// withhold their number ("anonymous").
	Block []string `yaml:"block"`
}

// Channels are the ways in which people are told. Without the key `channels`
// there is SIP alone; with it, exactly what is named there.
type Channels struct {
	// SIP shows a text on the manager's phone; nil: not used. Its channel name
	// is "sip".
	SIP *SIP `yaml:"sip"`
	// Email sends a mail; nil: not used. Its channel name is "email".
	Email *Email `yaml:"email"`
	// Telegram tells by a bot; nil: not used. Its channel name is "telegram".
	Telegram *Telegram `yaml:"telegram"`
	// Page tells by the pages that a person has open; nil: not used. Its channel
	// name is "page".
	Page     *Page     `yaml:"page"`
	HTTP     []HTTP    `yaml:"http"`
	Webhooks []Webhook `yaml:"webhooks"`
}

// Templates names where own texts of alerts lie: see alert.Templates.
type Templates struct {
	Dir string `yaml:"dir"`

	// Texts are those that can be used, Faults what is wrong with others: they do
	// not keep the daemon from working.
	Texts  *alert.Templates      `yaml:"-"`
	Faults []alert.TemplateFault `yaml:"-"`
}

// The names of the channels of which there is one.
const (
	SIPChannel      = "sip"
	EmailChannel    = "email"
	TelegramChannel = "telegram"
	PageChannel     = "page"
)

// Page tells by the pages that a person has open.
type Page struct {
	// Timeout bounds the handing over to them.
	Timeout time.Duration `yaml:"timeout"`
}

// SIP sends a SIP MESSAGE to every device of the person told.
type SIP struct {
	// From is whom the phone shows as the sender.
	From string `yaml:"from"`
}

// Email sends mail by a server that takes it (SMTP).
type Email struct {
	Host string `yaml:"host"`
	// Port is where it listens; left out: where servers do for TLS.
	Port int `yaml:"port"`
	// TLS says how the way there is encrypted.
	TLS email.TLS `yaml:"tls"`
	// Username logs in; without it nobody does.
	Username string `yaml:"username"`
	// PasswordFile or PasswordEnv names where the password is read from.
	PasswordFile string `yaml:"password_file"`
	PasswordEnv  string `yaml:"password_env"`
	// From is the sender.
	From string `yaml:"from"`

	// Password is what PasswordFile or PasswordEnv led to.
	Password Secret `yaml:"-"`
}

// SMTP is the server as package email addresses it.
func (e *Email) SMTP() email.Config {
	return email.Config{Host: e.Host, Port: e.Port, TLS: e.TLS, Username: e.Username, Password: e.Password.Reveal(), From: e.From}
}

// Webhook posts alerts to a URL, signed as Standard Webhooks describe.
type Webhook struct {
	// Name is the channel's name.
	Name string `yaml:"name"`
	// URL may carry a token: it does not belong in a log.
	URL string `yaml:"url"`
	// SecretFile or SecretEnv names where the signing secret is read from.
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
	// Timeout bounds one request.
	Timeout time.Duration `yaml:"timeout"`

	// Secret is what SecretFile or SecretEnv led to.
	Secret Secret `yaml:"-"`
}

// Names are the names of all channels, in the order of the configuration.
func (c *Channels) Names() []string {
	var names []string
	if c.SIP != nil {
		names = append(names, SIPChannel)
	}
	if c.Email != nil {
		names = append(names, EmailChannel)
	}
	if c.Telegram != nil {
		names = append(names, TelegramChannel)
	}
	if c.Page != nil {
		names = append(names, PageChannel)
	}
	for i := range c.HTTP {
		names = append(names, c.HTTP[i].Name)
	}
	for i := range c.Webhooks {
		names = append(names, c.Webhooks[i].Name)
	}
	return names
}

// Load reads the configuration in file and everything that it names: secrets,
// tokens, the folder of the database. It is what the daemon starts from. The
// error of a configuration that cannot be used is a *Problems.
func Load(file string) (*Config, error) {
	c, found := read(file)
	if c != nil {
		c.checkStart(found)
		c.readSecrets(found)
		c.readTemplates(found)
		c.checkDatabase(found)
	}
	return finish(c, file, found)
}

// Read reads the configuration in file alone: neither secrets nor the database
// are touched, and what only a daemon needs may be missing. It serves work on
// recordings, on another machine say. Its error is a *Problems too.
func Read(file string) (*Config, error) {
	c, found := read(file)
	return finish(c, file, found)
}

func finish(c *Config, file string, found *findings) (*Config, error) {
	if err := found.err(file); err != nil {
		return nil, err
	}
	c.Warnings = found.warnings
	return c, nil
}

// read yields nil where the file could not even be taken apart.
func read(file string) (*Config, *findings) {
	found := newFindings()
	root := openDocument(file, found)
	if root == nil {
		return nil, found
	}
	c := &Config{
		Mode:      Observe,
		Missed:    Missed{Thresholds: routing.DefaultThresholds()},
		Channels:  Channels{SIP: &SIP{From: DefaultFrom}},
		Robot:     defaultRobot(""),
		Reminders: appointments.DefaultConfig(),
		Listen:    DefaultListen,
		Web:       defaultWeb(),
		Database:  DefaultDatabase,
		KeepCalls: DefaultKeep, KeepEvents: DefaultKeep, BacklogMB: DefaultBacklogMB,
	}
	r := reader{findings: found, budget: mostNodes, starts: c.starts()}
	if !r.document(root, c) {
		return nil, found
	}
	c.resolvePaths(file)
	c.check(found)
	return c, found
}

// What a configuration that is silent about it gets.
const (
	DefaultListen   = "127.0.0.1:8730"
	DefaultDatabase = "/var/lib/ringback/ringback.db"
	DefaultApp      = "ringback"
	DefaultFrom     = "ringback"
	DefaultTimeout  = 10 * time.Second
	DefaultKeep     = 3 * 365 * day
)

// starts are the values that parts of a list begin with, before their keys are
// read over them.
func (c *Config) starts() starts {
	return starts{
		typeOf[Asterisk](): func() any {
			return Asterisk{App: DefaultApp, EventFilter: true, CDR: cdr.Config{Wait: cdr.DefaultWait}}
		},
		typeOf[cdr.SQL]():         func() any { return cdr.SQL{Records: "cdr"} },
		typeOf[Webhook]():         func() any { return Webhook{Timeout: DefaultTimeout} },
		typeOf[Hook]():            func() any { return Hook{Timeout: DefaultTimeout} },
		typeOf[SIP]():             func() any { return SIP{From: DefaultFrom} },
		typeOf[HTTP]():            func() any { return HTTP{Timeout: DefaultTimeout} },
		typeOf[Page]():            func() any { return Page{Timeout: 3 * time.Second} },
		typeOf[Channels]():        func() any { return Channels{} },
		typeOf[routing.Manager](): func() any { return routing.Manager{Ring: routing.RingTogether} },
		typeOf[routing.Pool](): func() any {
			return routing.Pool{Pick: routing.RoundRobin, Ladder: routing.DefaultLadder(), Missed: c.Missed.Thresholds}
		},
	}
}

// Location is the company's time zone.
func (c *Config) Location() *time.Location { return c.zone }

// PBX finds a PBX by its name; nil when there is none.
func (c *Config) PBX(name string) *Asterisk {
	i := slices.IndexFunc(c.Asterisk, func(a Asterisk) bool { return a.Name == name })
	if i < 0 {
		return nil
	}
	return &c.Asterisk[i]
}

// Directory is the configuration as routing asks it. It shares memory with c.
func (c *Config) Directory() *routing.Directory {
	return &routing.Directory{Lines: c.Lines, Managers: c.Managers, Pools: c.Pools}
}

// Speaks is in which language a person is spoken to.
func (c *Config) Speaks(login string) text.Language {
	if m := c.Directory().Manager(login); m != nil && m.Language != "" {
		return text.Language(m.Language)
	}
	return c.Language
}

// Office is what the Book and every verdict ask of the configuration.
func (c *Config) Office() *leads.Office {
	return &leads.Office{Directory: c.Directory(), Plans: c.Plans()}
}

// onLoopback says whether only this machine can reach an address to listen on.
func onLoopback(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && isLoopback(host)
}

// isLoopback says whether a host is this machine for whoever is at it.
func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// isWeb says whether text is an http or https address with a host and without
// a user in it; the parsed address is for those who need its parts.
func isWeb(text string) (*url.URL, bool) {
	u, err := url.Parse(text)
	ok := err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
	return u, ok
}
