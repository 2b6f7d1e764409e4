package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"ringback/leads/feed"
	"ringback/leads/hook"
)

// Hook is a program that is told of what happens to leads and contacts, as
// against a Webhook, by which a person is told what to do.
type Hook struct {
	// Name is by which it is known how far it was told.
	Name string `yaml:"name"`
	// URL may carry a token: it does not belong in a log.
	URL string `yaml:"url"`
	// SecretFile or SecretEnv names where the signing secret is read from.
	SecretFile string `yaml:"secret_file"`
	SecretEnv  string `yaml:"secret_env"`
	// Events are the types that it wants; none: all.
	Events []feed.Pattern `yaml:"events"`
	// Timeout bounds one request.
	Timeout time.Duration `yaml:"timeout"`

	// Secret is what SecretFile or SecretEnv led to.
	Secret Secret `yaml:"-"`
}

// Receiver is the program as package hook addresses it.
func (h *Hook) Receiver() (*hook.Receiver, error) { return hook.New(h.URL, h.Secret.Reveal()) }

func (c *Config) checkHooks(f *findings) {
	names := newNames(f, "hook")
	for i := range c.Hooks {
		h, at := &c.Hooks[i], fmt.Sprintf("hooks[%d]", i)
		names.add(at+".name", h.Name)
		switch u, ok := isWeb(h.URL); {
		case h.URL == "":
			f.missing(at+".url", "where events are posted to")
		case u != nil && u.User != nil:
			f.add(at+".url", "must hold no user or password: events are signed with the secret")
		case !ok:
			f.add(at+".url", "is not an address such as https://crm.example.com/ringback")
		default:
			warnOfClear(f, at+".url", u)
		}
		if h.Timeout == 0 {
			f.add(at+".timeout", "must be longer than 0s")
		}
		for j, p := range h.Events {
			checkEvents(f, fmt.Sprintf("%s.events[%d]", at, j), p)
		}
	}
}

// warnOfClear warns of an address to which clients' numbers travel in the clear.
func warnOfClear(f *findings, at string, u *url.URL) {
	if u.Scheme == "http" && !isLoopback(u.Hostname()) {
		f.warn(at, "is plain http to another machine: names and numbers of clients travel in the clear, use https")
	}
}

// warnOfTokens warns of a signing secret that is a token of the API: whoever is
// posted to with it could do everything.
func (c *Config) warnOfTokens(f *findings, at string, secret Secret) {
	if secret.Set() && slices.ContainsFunc(c.Tokens, func(t Secret) bool { return t.Reveal() == secret.Reveal() }) {
		f.warn(at, "holds a token of token_file: whoever checks signatures with it may do everything here, give it a secret of its own")
	}
}

// checkEvents sees that a pattern can choose something.
func checkEvents(f *findings, at string, p feed.Pattern) {
	known := feed.Types()
	if !p.Valid() {
		f.add(at, "%s is no type of events such as lead.closed, and no group such as lead.*", quoted(string(p)))
		return
	}
	if !slices.ContainsFunc(known, p.Chooses) {
		hint, _ := didYouMean(string(p), known)
		f.add(at, "there are no events of the type %s%s", quoted(string(p)), hint)
	}
}

// readHooks reads the secrets of hooks, and asks the hook itself whether it can
// sign with them.
func (c *Config) readHooks(f *findings) {
	for i := range c.Hooks {
		h, at := &c.Hooks[i], fmt.Sprintf("hooks[%d].", i)
		h.Secret = oneSecret(f, at+"secret_file", h.SecretFile, at+"secret_env", h.SecretEnv)
		c.warnOfTokens(f, at+"secret_file", h.Secret)
		if h.URL == "" || f.doubtful[at+"url"] || !h.Secret.Set() {
			continue
		}
		if _, err := h.Receiver(); err != nil {
			key := at + "secret_file"
			if h.SecretFile == "" {
				key = at + "secret_env"
			}
			f.add(key, "%s", strings.TrimPrefix(err.Error(), "hook: "))
		}
	}
}
