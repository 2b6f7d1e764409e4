package config

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"ringback/leads/people"
)

// TLS is the certificate by which pages and API are reached.
type TLS struct {
	// CertFile holds the certificate and those between it and its root, KeyFile
	// its key, both as PEM. They are read anew when they change.
	CertFile string `yaml:"cert_file"`
	KeyFile  string `yaml:"key_file"`
}

// Web says how long people stay logged in.
type Web struct {
	// Idle is how long a session lasts that nobody uses, Session how long one that
	// is used, Link the link of an alert.
	Idle    time.Duration `yaml:"idle"`
	Session time.Duration `yaml:"session"`
	Link    time.Duration `yaml:"link"`
}

func defaultWeb() Web {
	return Web{Idle: people.DefaultIdle, Session: people.DefaultSession, Link: people.DefaultLink}
}

// The bounds of how long anybody is let in.
const (
	leastLetIn   = 5 * time.Minute
	mostSession  = 366 * day
	mostLinkOpen = 30 * day
)

// checkAccess checks who stands between us and people, and how long they are let
// in.
func (c *Config) checkAccess(f *findings) {
	if c.TLS != nil {
		if c.TLS.CertFile == "" {
			f.missing("tls.cert_file", "the file of the certificate, as PEM")
		}
		if c.TLS.KeyFile == "" {
			f.missing("tls.key_file", "the file of the certificate's key, as PEM")
		}
		if strings.HasPrefix(c.PublicURL, "http:") {
			f.add("public_url", "begins with http, and with a certificate (key tls) nothing answers there: write https")
		}
	}
	c.Proxies = nil
	for i, text := range c.TrustedProxies {
		at := fmt.Sprintf("trusted_proxies[%d]", i)
		network, err := netip.ParsePrefix(text)
		if address, notOne := netip.ParseAddr(text); notOne == nil {
			network, err = address.Prefix(address.BitLen())
		}
		switch {
		case err != nil:
			f.add(at, "%s is neither an address such as 127.0.0.1 nor a network such as 10.0.0.0/8", quoted(text))
		case network.Bits() == 0:
			f.add(at, "%s is everybody: name the proxy", quoted(text))
		default:
			c.Proxies = append(c.Proxies, network.Masked())
		}
	}
	for _, key := range []struct {
		name        string
		value, most time.Duration
	}{{"web.idle", c.Web.Idle, mostSession}, {"web.session", c.Web.Session, mostSession}, {"web.link", c.Web.Link, mostLinkOpen}} {
		if key.value < leastLetIn || key.value > key.most {
			f.add(key.name, "%s is not from %s to %s", durationText(key.value), durationText(leastLetIn), durationText(key.most))
		}
	}
	if _, given := f.lines["web.idle"]; given && c.Web.Idle > c.Web.Session && !f.doubtful["web.idle"] && !f.doubtful["web.session"] {
		f.warn("web.idle", "%s is more than web.session, %s: a session ends then, however much it is used", durationText(c.Web.Idle), durationText(c.Web.Session))
	}
}

// warnOfAccess warns of what lets passwords be read on their way, or leaves the
// daemon without knowing who asks.
func (c *Config) warnOfAccess(f *findings) {
	public, _ := url.Parse(c.PublicURL)
	switch behind := public != nil && !isLoopback(public.Hostname()); {
	case f.doubtful["listen"] || f.doubtful["public_url"] || c.TLS != nil:
	case !onLoopback(c.Listen) && len(c.Proxies) == 0:
		f.warn("listen", "%s can be reached from other machines without TLS, and passwords and tokens travel in the clear: name a certificate under tls, or put a proxy with TLS in front and name it under trusted_proxies", c.Listen)
	case onLoopback(c.Listen) && behind && len(c.Proxies) == 0:
		f.warn("trusted_proxies", "is missing: public_url is another machine's or a proxy's, and everybody seems to come from this machine, so who guesses passwords is slowed down by login only: name the proxy, 127.0.0.1 say")
	}
}

// checkCertificate reads the certificate as the daemon will.
func (c *Config) checkCertificate(f *findings) {
	if c.TLS == nil || c.TLS.CertFile == "" || c.TLS.KeyFile == "" {
		return
	}
	text, err := os.ReadFile(c.TLS.CertFile)
	if err != nil {
		f.add("tls.cert_file", "%s cannot be read: %v", quoted(c.TLS.CertFile), reasonOf(err))
	}
	if bytes.Contains(text, []byte("PRIVATE KEY-----")) && !bytes.Contains(text, []byte("BEGIN CERTIFICATE-----")) {
		f.add("tls.cert_file", "%s holds a key and no certificate: is it that of key_file?", quoted(c.TLS.CertFile))
		return // who may read the other file is as it should be of a certificate
	}
	key, keyErr := readSecretFile(c.TLS.KeyFile)
	if keyErr != nil {
		f.add("tls.key_file", "%v", keyErr)
	}
	if err != nil || keyErr != nil {
		return
	}
	pair, err := tls.X509KeyPair(text, []byte(key))
	if err != nil {
		f.add("tls.cert_file", "the certificate and its key cannot be used: %s", strings.TrimPrefix(err.Error(), "tls: "))
		return
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err == nil && time.Now().After(leaf.NotAfter) {
		f.warn("tls.cert_file", "the certificate is over since %s: browsers refuse it", leaf.NotAfter.Format(time.DateOnly))
	}
	if u, bad := url.Parse(c.PublicURL); err == nil && bad == nil && leaf.VerifyHostname(u.Hostname()) != nil {
		f.warn("tls.cert_file", "the certificate is not for %s, the host of public_url: browsers refuse it", quoted(u.Hostname()))
	}
}
