package ari

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// Trouble is the kind of a reason why a PBX is not being watched. Its value is
// the word for logs and pages; Hint says what a person can do.
type Trouble string

const (
	NoTrouble Trouble = ""
	// Refused: nothing listens at the address.
	Refused Trouble = "refused"
	// UnknownHost: the name in the URL leads nowhere.
	UnknownHost Trouble = "unknown_host"
	// NoAnswer: a request was not answered in time.
	NoAnswer Trouble = "no_answer"
	// Unauthorized: wrong username or password (401).
	Unauthorized Trouble = "unauthorized"
	// Forbidden: the account may not do this (403).
	Forbidden Trouble = "forbidden"
	// Disabled: Asterisk's HTTP server answers, ARI does not (404).
	Disabled Trouble = "ari_disabled"
	// Starting: Asterisk is not fully booted (503).
	Starting Trouble = "starting"
	// NotAsterisk: something else answers at the address.
	NotAsterisk Trouble = "not_asterisk"
	// Certificate: TLS does not trust the other side.
	Certificate Trouble = "certificate"
	// Silent: the connection stands and nothing comes, not even a pong.
	Silent Trouble = "silent"
	// Overflow: events came faster than they could be handled.
	Overflow Trouble = "overflow"
	// Replaced: another client took the name of our application.
	Replaced Trouble = "replaced"
	// Cut: the connection broke.
	Cut Trouble = "cut"
)

// Troubles lists every trouble; the page has words for each.
var Troubles = []Trouble{Refused, UnknownHost, NoAnswer, Unauthorized, Forbidden, Disabled, Starting, NotAsterisk, Certificate, Silent, Overflow, Replaced, Cut}

var (
	// ErrReplaced ends a session when another client takes the name of our
	// application.
	ErrReplaced = errors.New("another client has taken the name of our ARI application")
	// ErrSilent ends a session whose connection stands and says nothing, as
	// after a cable was pulled.
	ErrSilent = errors.New("no answer to a ping: the connection is dead or the PBX is stuck")
	// errNotARI says that an answer cannot be Asterisk's.
	errNotARI = errors.New("the answer is not ARI's")
)

var hints = map[Trouble]string{
	Refused:      "nothing listens there: is Asterisk running, and does http.conf have enabled=yes with this address and port?",
	UnknownHost:  "the host of the url is not known",
	NoAnswer:     "no answer in time: is the address right, does a firewall drop packets?",
	Unauthorized: "wrong username or password: compare with the user section in ari.conf (and module reload res_ari.so after a change)",
	Forbidden:    "the account may not do this: it needs read_only=no in ari.conf",
	Disabled:     "the HTTP server answers but ARI does not: set enabled=yes in ari.conf, load res_ari.so, compare the url with prefix in http.conf",
	Starting:     "Asterisk is still starting",
	NotAsterisk:  "this does not look like Asterisk's ARI: check host, port, http or https of the url",
	Certificate:  "the certificate is not trusted",
	Silent:       "the connection will be opened anew",
	Overflow:     "the machine is too slow for this PBX, or something blocks the handling of events, as a database that cannot be written does",
	Replaced:     "does a second Ringback, or another program, use this app name? Give each its own. Ringback comes back when nobody has it; restart it to take it back at once",
	Cut:          "the connection will be opened anew",
}

// Hint says what a person can do about it, or what happens by itself.
func (t Trouble) Hint() string { return hints[t] }

// patient says whether trying again soon is pointless, because a person has to
// change something first. Disabled is not among them: Asterisk's HTTP server
// answers 404 while it boots, until res_ari is there.
func (t Trouble) patient() bool {
	switch t {
	case Unauthorized, Forbidden, NotAsterisk, Certificate:
		return true
	}
	return false
}

// TroubleOf tells what kind of trouble an error of a Client or Stream is.
func TroubleOf(err error) Trouble {
	var re *RequestError
	var dns *net.DNSError
	var timeout net.Error
	switch {
	case err == nil:
		return NoTrouble
	case errors.Is(err, ErrReplaced):
		return Replaced
	case errors.Is(err, ErrOverflow):
		return Overflow
	case errors.Is(err, ErrSilent):
		return Silent
	case errors.As(err, &re):
		return troubleOfStatus(re)
	case errors.Is(err, syscall.ECONNREFUSED):
		return Refused
	case errors.As(err, &dns):
		return UnknownHost
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return NoAnswer
	case distrusted(err):
		return Certificate
	case foreign(err):
		return NotAsterisk
	}
	return Cut
}

func troubleOfStatus(e *RequestError) Trouble {
	switch {
	case e.Status == http.StatusUnauthorized:
		return Unauthorized
	case e.Status == http.StatusForbidden:
		return Forbidden
	case !strings.HasPrefix(e.Server, "Asterisk") && e.Server != "":
		return NotAsterisk
	case e.Status == http.StatusNotFound:
		return Disabled
	case e.Status == http.StatusServiceUnavailable:
		return Starting
	case e.Status >= 500:
		return Cut
	}
	return NotAsterisk
}

func distrusted(err error) bool {
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	return errors.As(err, &unknown) || errors.As(err, &name) || errors.As(err, &invalid)
}

// foreign tells answers that are no HTTP, or no ARI. net/http gives the first
// without a type, so its words are compared.
func foreign(err error) bool {
	var record tls.RecordHeaderError
	if errors.Is(err, errNotARI) || errors.As(err, &record) {
		return true
	}
	text := err.Error()
	return strings.Contains(text, "malformed HTTP") || strings.Contains(text, "HTTP response to HTTPS client")
}
