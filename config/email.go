package config

import (
	"net"
	"regexp"
	"strings"

	"ringback/leads/alert/email"
)

// hostName is the name of a machine.
var hostName = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$`)

// check checks how mail is sent. The password is read later.
func (e *Email) check(f *findings, at string) {
	switch {
	case e.Host == "":
		f.missing(at+".host", "the mail server that takes mail from this machine, such as smtp.example.com")
	case !hostName.MatchString(e.Host) && net.ParseIP(e.Host) == nil:
		f.add(at+".host", "%s is no name of a machine, such as smtp.example.com; the port has a key of its own", quoted(e.Host))
	}
	if e.TLS == "" {
		e.TLS = email.StartTLS
	}
	oneOf(f, at+".tls", e.TLS, email.StartTLS, email.Implicit, email.NoTLS)
	if e.Port == 0 {
		e.Port = e.TLS.Port()
	}
	if e.Port > 65535 {
		f.add(at+".port", "%d is no port", e.Port)
	}
	if e.Username == "" && (e.PasswordFile != "" || e.PasswordEnv != "") {
		f.missing(at+".username", "a password is named, and nobody whose it is")
	}
	if e.From == "" {
		f.missing(at+".from", `the sender, such as "Ringback <ringback@example.com>"`)
	} else if _, err := email.Address(e.From); err != nil {
		f.add(at+".from", "%v", err)
	}
	if e.From == "" || f.doubtful[at+".from"] || f.doubtful[at+".host"] || f.doubtful[at+".tls"] {
		return
	}
	// The channel itself says whether it can work so: only the encryption is left
	// to blame.
	if _, err := email.New(e.SMTP()); err != nil {
		f.add(at+".tls", "%s", strings.TrimPrefix(err.Error(), "email: "))
	}
}
