package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"ringback/cmd/ringback/web/page"
	"ringback/leads/told"
)

// TestPeopleAreMadeKnownToTheBot from their settings, each for themselves, and
// not without end.
func TestPeopleAreMadeKnownToTheBot(t *testing.T) {
	var asked []string
	named := true
	h := newHouse(t, func(c *Config) {
		c.Told = told.New(told.Config{Directory: c.Office.Directory})
		c.Introduce = func(_ context.Context, login string) (page.Introduction, error) {
			asked = append(asked, login)
			if !named {
				return page.Introduction{Code: "C0DE"}, nil
			}
			return page.Introduction{Link: "https://t.me/ringback_bot?start=C0DE", Code: "C0DE"}, nil
		}
	})
	anna := h.as("anna")
	if got := h.ask(ask{path: "/settings", header: anna}); !strings.Contains(got.body, "Connect Telegram") || strings.Contains(got.body, "C0DE") {
		t.Errorf("the settings are %s", got.body)
	}
	if got := h.post(anna, "/settings/telegram", url.Values{"login": {"boris"}}); got.code != http.StatusOK || !strings.Contains(got.body, `href="https://t.me/ringback_bot?start=C0DE"`) {
		t.Errorf("%d %s", got.code, got.body)
	}
	named = false
	if got := h.post(h.as("boss"), "/settings/telegram", url.Values{}); !strings.Contains(got.body, "<code>/start C0DE</code>") {
		t.Errorf("%d %s", got.code, got.body)
	}
	for range 50 {
		h.post(anna, "/settings/telegram", url.Values{})
	}
	if len(asked) > 20 || asked[0] != "anna" || asked[1] != "boss" {
		t.Errorf("asked for %q", asked)
	}
	none := newHouse(t, func(c *Config) { c.Told = told.New(told.Config{Directory: c.Office.Directory}) })
	anna = none.as("anna")
	if got := none.post(anna, "/settings/telegram", url.Values{}); got.code != http.StatusNotFound {
		t.Errorf("without a bot: %d", got.code)
	}
	if got := none.ask(ask{path: "/settings", header: anna}); strings.Contains(got.body, "Telegram") {
		t.Error("without a bot the settings speak of one")
	}
}
