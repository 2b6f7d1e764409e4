package ari

import (
	"context"
	"errors"
	"net"
	"net/url"
	"strings"
	"time"
)

// DefaultApp is the name under which Ringback hears events, unless configured
// otherwise. ARI gives a name to one client only.
const DefaultApp = "ringback"

// Config is the address of one PBX and the account that ari.conf has for us
// there. Client and Stream share it.
type Config struct {
	// Name is the PBX's name in calls, logs and metrics.
	Name string
	// URL is where Asterisk's HTTP server answers, "http://127.0.0.1:8088", with
	// the prefix of http.conf if it has one. "/ari" may be left out.
	URL string
	// Username and Password are those of a user section in ari.conf. They
	// travel in the Authorization header only: addresses land in logs.
	Username string
	Password Secret
	// App is the name of our ARI application. Empty: DefaultApp.
	App string
	// Timeout bounds one request. Zero: 5 s.
	Timeout time.Duration
	// Dial opens connections. Nil: TCP. Tests give one that needs no network.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// Check says what is wrong with the configuration, all of it at once. No secret
// is in the text.
func (c Config) Check() error {
	_, err := c.base()
	errs := []error{err}
	if c.Name == "" {
		errs = append(errs, errors.New("name: missing"))
	}
	if c.Username == "" {
		errs = append(errs, errors.New("username: missing: the name of a user section in ari.conf"))
	}
	if strings.Contains(c.Username, ":") {
		errs = append(errs, errors.New("username: must not contain a colon (RFC 7617)"))
	}
	if strings.ContainsAny(c.app(), ",&?/# ") {
		errs = append(errs, errors.New("app: must be one plain word"))
	}
	return errors.Join(errs...)
}

func (c Config) app() string {
	if c.App == "" {
		return DefaultApp
	}
	return c.App
}

func (c Config) timeout() time.Duration {
	if c.Timeout <= 0 {
		return 5 * time.Second
	}
	return c.Timeout
}

// base is the address under which ARI's resources lie, without a slash at its
// end. Its errors do not repeat the URL, which may hold a password by mistake.
func (c Config) base() (string, error) {
	u, err := url.Parse(strings.TrimSpace(c.URL))
	switch {
	case c.URL == "":
		return "", errors.New("url: missing: where Asterisk's HTTP server answers, http://127.0.0.1:8088 for instance")
	case err != nil:
		return "", errors.New("url: cannot be read: write it like http://127.0.0.1:8088")
	case u.User != nil || u.RawQuery != "":
		return "", errors.New("url: must hold no credentials: they belong in username and password")
	case u.Scheme != "http" && u.Scheme != "https":
		return "", errors.New("url: must begin with http:// or https://")
	case u.Host == "" || u.Fragment != "":
		return "", errors.New("url: must name a host: write it like http://127.0.0.1:8088")
	}
	path := strings.TrimSuffix(strings.TrimRight(u.Path, "/"), "/ari")
	return u.Scheme + "://" + u.Host + path + "/ari", nil
}
