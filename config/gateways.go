package config

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"ringback/leads/alert/gateway"
)

// HTTP tells people by a service that takes messages over HTTP: short messages,
// WhatsApp. URL, Headers and Body are templates, see gateway.Fields.
type HTTP struct {
	// Name is the channel's name.
	Name    string            `yaml:"name"`
	URL     string            `yaml:"url"`
	Method  string            `yaml:"method"`
	Headers map[string]string `yaml:"headers"`
	// Type is what the body is written in.
	Type gateway.Type `yaml:"type"`
	Body Lines        `yaml:"body"`
	// Needs is what must be known of a person.
	Needs gateway.Need  `yaml:"needs"`
	Match gateway.Match `yaml:"match"`
	Retry gateway.Match `yaml:"retry"`
	// Timeout bounds one request.
	Timeout time.Duration `yaml:"timeout"`
	// Secrets name the files of what {{secret "name"}} puts in.
	Secrets map[string]string `yaml:"secrets"`

	secrets map[string]Secret
}

// Lines is text that may hold line breaks.
type Lines string

// Gateway is the service as package gateway speaks to it.
func (h *HTTP) Gateway() gateway.Config {
	c := gateway.Config{Method: h.Method, URL: h.URL, Headers: h.Headers, Type: h.Type, Body: string(h.Body), Needs: h.Needs, Match: h.Match, Retry: h.Retry,
		Secrets: map[string]string{}}
	for name := range h.Secrets {
		c.Secrets[name] = h.secrets[name].Reveal()
	}
	return c
}

// check has the channel itself say what is wrong, after it has written samples.
func (h *HTTP) check(f *findings, at string) {
	if h.Needs == "" {
		h.Needs = gateway.Mobile
	}
	oneOf(f, at+".needs", h.Needs, gateway.Needs...)
	oneOf(f, at+".type", h.Type, gateway.Types...)
	if h.Timeout == 0 {
		f.add(at+".timeout", "must be longer than 0s")
	}
	if h.URL == "" {
		f.missing(at+".url", "the address of the service, such as https://sms.example.com/send?to={{.Mobile}}&text={{.Short}}")
		return
	}
	if h.Match.Empty() {
		f.warn(at+".match", "is missing: whatever the service answers with a status 2xx counts as sent, and many answer 200 to what they do not send: say by a field or words of its answer what a success is")
	}
	if f.doubtful[at+".type"] || f.doubtful[at+".secrets"] {
		return
	}
	channel, faults := gateway.New(h.Gateway())
	for _, fault := range faults {
		f.add(at+"."+fault.Key, "%s", fault.Text)
	}
	if channel != nil {
		channel.Close()
	}
}

// readSecrets reads the files.
func (h *HTTP) readSecrets(f *findings, at string) {
	h.secrets = map[string]Secret{}
	for _, name := range slices.Sorted(maps.Keys(h.Secrets)) {
		h.secrets[name] = oneSecret(f, below(at+".secrets", name), h.Secrets[name], "", "")
	}
}

// checkGateways checks the services of a kind.
func (c *Config) checkGateways(f *findings, names *names) {
	for i := range c.Channels.HTTP {
		at := fmt.Sprintf("channels.http[%d]", i)
		names.add(at+".name", c.Channels.HTTP[i].Name)
		c.Channels.HTTP[i].check(f, at)
	}
}
