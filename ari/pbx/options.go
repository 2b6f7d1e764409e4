package pbx

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"net"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Options say what an instance of Asterisk is to be.
type Options struct {
	// Dir is the instance's folder: configuration, logs, call records,
	// recordings and Asterisk's own database lie below it. It must not exist or
	// be empty, and stays when the instance has stopped.
	Dir string
	// Phones are endpoints that register with a password (digest) and dial into
	// their context: PCMU, keys as each phone sends them, media always
	// through Asterisk.
	Phones []Phone
	// Trunks are endpoints without registration, known by their address; what
	// they send enters their context, and the dialplan reaches a number N through
	// them as PJSIP/N@name, or SIP/N@name by the old driver.
	Trunks []Trunk
	// Extensions is the dialplan, the text of extensions.conf.
	Extensions string
	// Files are further configuration files by their name (queues.conf, say).
	// One that Start makes itself is replaced; a name that begins with "+"
	// ("+pjsip.conf") is appended to what Start makes.
	Files map[string]string
	// Sounds are recordings of the company's own, by their file's name with the
	// ending that says its format: "reminder.sln" is played as custom/reminder.
	Sounds map[string][]byte
	// SystemName, if set, becomes the prefix of all unique ids.
	SystemName string
	// LinkedID asks Asterisk to put CHANNEL(linkedid) into each event.
	LinkedID bool
	// OwnClock lets the instance go by a clock of its own, which SetClock moves.
	OwnClock bool
}

// Driver is what speaks SIP with a phone or a trunk.
type Driver string

const (
	// PJSIP is the driver of all releases; channels are named PJSIP/101-00000001.
	PJSIP Driver = ""
	// ChanSIP is the old driver, which only Asterisk16 has; channels are named
	// SIP/101-00000001. It listens at an address of its own.
	ChanSIP Driver = "SIP"
)

// Phone is a telephone's account.
type Phone struct {
	User     string // number and user name
	Password string
	Name     string // the name it shows; User if empty
	Mailbox  string // its mailbox (in voicemail's context default), if any
	Context  string // where the numbers that it dials are looked up; from-internal if empty
	Driver   Driver
}

// Trunk is a provider's side.
type Trunk struct {
	Name string
	// Address is host:port of the provider. Trunks are told apart by the host
	// alone, and a phone on the same host would be taken for the trunk: give
	// each trunk a loopback address of its own (127.0.0.2:5060, 127.0.0.3:…).
	Address string
	// Context is where the numbers that it sends are looked up; from-trunk if
	// empty.
	Context string
	Driver  Driver
}

// Host is the address's host.
func (t Trunk) Host() string {
	host, _, _ := net.SplitHostPort(t.Address)
	return host
}

// Port is the address's port.
func (t Trunk) Port() string {
	_, port, _ := net.SplitHostPort(t.Address)
	return port
}

var (
	plainName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)
	fileName  = regexp.MustCompile(`^\+?[A-Za-z0-9_.-]+\.conf$`)
	soundName = regexp.MustCompile(`^[A-Za-z0-9_-]+\.(sln|wav|ulaw|gsm)$`)
)

// filled returns the options with what was left empty, in slices and maps of
// their own.
func (o Options) filled() Options {
	o.Phones, o.Trunks, o.Files = slices.Clone(o.Phones), slices.Clone(o.Trunks), maps.Clone(o.Files)
	for i := range o.Phones {
		o.Phones[i].Name = cmp.Or(o.Phones[i].Name, o.Phones[i].User)
		o.Phones[i].Context = cmp.Or(o.Phones[i].Context, "from-internal")
	}
	for i := range o.Trunks {
		o.Trunks[i].Context = cmp.Or(o.Trunks[i].Context, "from-trunk")
	}
	if o.Files == nil {
		o.Files = map[string]string{}
	}
	return o
}

// old tells whether anybody needs the old driver.
func (o Options) old() bool {
	return slices.ContainsFunc(o.Phones, func(p Phone) bool { return p.Driver == ChanSIP }) ||
		slices.ContainsFunc(o.Trunks, func(t Trunk) bool { return t.Driver == ChanSIP })
}

// checkEntry is about the way into the dialplan; an empty context is the usual
// one.
func checkEntry(context string, driver Driver) error {
	if context != "" && !plainName.MatchString(context) {
		return fmt.Errorf("pbx: the context %q may hold letters, digits, - and _ only", context)
	}
	if driver != PJSIP && driver != ChanSIP {
		return fmt.Errorf("pbx: there is no driver %q", driver)
	}
	return nil
}

// check refuses what would come out as another configuration than was meant:
// in Asterisk's files a line end or a semicolon changes the meaning.
func (o Options) check() error {
	if o.Dir == "" || !filepath.IsAbs(o.Dir) || strings.ContainsAny(o.Dir, ";\n\r") {
		return fmt.Errorf("pbx: the folder %q must be an absolute path without semicolon", o.Dir)
	}
	names := map[string]bool{"global": true, "phone": true, "transport-udp": true}
	named := func(name string) error {
		if !plainName.MatchString(name) {
			return fmt.Errorf("pbx: the name %q may hold letters, digits, - and _ only", name)
		}
		if names[name] {
			return fmt.Errorf("pbx: the name %q is given twice", name)
		}
		names[name] = true
		return nil
	}
	for _, p := range o.Phones {
		if err := named(p.User); err != nil {
			return err
		}
		if err := checkEntry(p.Context, p.Driver); err != nil {
			return err
		}
		if p.Password == "" || strings.ContainsAny(p.Password+p.Name+p.Mailbox, ";\n\r[]<>\"") {
			return fmt.Errorf("pbx: phone %s needs a password, and neither it nor name and mailbox may hold any of ;[]<>\"", p.User)
		}
	}
	for _, t := range o.Trunks {
		if err := named(t.Name); err != nil {
			return err
		}
		if err := checkEntry(t.Context, t.Driver); err != nil {
			return err
		}
		if host, _, err := net.SplitHostPort(t.Address); err != nil || net.ParseIP(host) == nil {
			return fmt.Errorf("pbx: trunk %s: the address %q must be IP:port", t.Name, t.Address)
		}
	}
	if o.SystemName != "" && !plainName.MatchString(o.SystemName) {
		return errors.New("pbx: the system name may hold letters, digits, - and _ only")
	}
	for name := range o.Files {
		if !fileName.MatchString(name) {
			return fmt.Errorf("pbx: %q is no name of a configuration file", name)
		}
	}
	for name := range o.Sounds {
		if !soundName.MatchString(name) {
			return fmt.Errorf("pbx: %q is no name of a recording", name)
		}
	}
	return nil
}
