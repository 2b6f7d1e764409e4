package web

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"

	"ringback/ari"
	"ringback/leads/db"
	"ringback/leads/text"
	"ringback/routing"
)

func TestReadyOnlyWhileEveryPBXIsWatched(t *testing.T) {
	h := newHouse(t, func(c *Config) {
		c.Office.Directory.Managers = append(c.Office.Directory.Managers, routing.Manager{Login: "root", Role: routing.Admin})
	})
	watching := h.pbxs
	if got := h.ask(ask{path: "/readyz"}); got.code != http.StatusOK || got.body != "{\"ready\":true}\n" {
		t.Errorf("all is well: %d %s", got.code, got.body)
	}
	h.mu.Lock()
	h.pbxs = append(watching, ari.Status{PBX: "branch", State: ari.Waiting, Trouble: ari.Unauthorized, Err: errors.New("GET http://10.0.0.5: 401")},
		ari.Status{PBX: "new", State: ari.Waiting}, ari.Status{PBX: "taken", State: ari.Stolen, Trouble: ari.Replaced})
	h.mu.Unlock()
	got := h.ask(ask{path: "/readyz"})
	if got.code != http.StatusServiceUnavailable || strings.Contains(got.body, "10.0.0.5") {
		t.Errorf("a PBX is not watched: %d %s", got.code, got.body)
	}
	for _, want := range []string{`"ready":false`, `{"what":"pbx branch","why":"unauthorized","hint":"wrong username`, `{"what":"pbx new","why":"waiting"}`, `{"what":"pbx taken","why":"replaced"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%s is not in %s", want, got.body)
		}
	}
	if strings.Contains(got.body, "pbx main") {
		t.Errorf("a PBX that is watched is named: %s", got.body)
	}
	page := h.page("/")
	if !strings.Contains(page, "<b>branch</b> is not being watched: calls are not seen<br>wrong username or password: Compare with ") || strings.Contains(page, "10.0.0.5") {
		t.Errorf("the page does not say what is wrong with the PBX: %s", page)
	}
	root := h.as("root")
	if err := h.people.SetLanguage(t.Context(), "root", text.Russian); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/everyone", "/status"} {
		got := h.ask(ask{path: path, header: root})
		if !strings.Contains(got.body, "неверное имя или пароль") || !strings.Contains(got.body, "Сравните с разделом") || strings.Contains(got.body, "wrong username") || strings.Contains(got.body, "unauthorized") {
			t.Errorf("%s in Russian: %s", path, got.body)
		}
	}
	if got := h.ask(ask{path: "/readyz", from: distantIP}); got.code != http.StatusServiceUnavailable || got.body != "{\"ready\":false}\n" {
		t.Errorf("a stranger is told: %d %s", got.code, got.body)
	}
	if got := h.ask(ask{path: "/healthz"}); got.code != http.StatusOK || got.body != "ok\n" {
		t.Errorf("the process lives all the same: %d %s", got.code, got.body)
	}
}

func TestReadyOnlyWhileTheDatabaseWrites(t *testing.T) {
	broken := false
	h := newHouse(t, func(c *Config) {
		d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "other.db"), Hook: func(db.Boundary) error {
			if broken {
				return errors.New("the disk is gone")
			}
			return nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { d.Close() })
		c.DB = d
	})
	if got := h.ask(ask{path: "/readyz"}); got.code != http.StatusOK {
		t.Errorf("before: %d %s", got.code, got.body)
	}
	broken = true
	// The database died at a commit, as its hook wants it.
	if err := h.server.cfg.DB.Do(t.Context(), func(*db.Tx) error { return nil }); err == nil {
		t.Fatal("the database did not break")
	}
	got := h.ask(ask{path: "/readyz"})
	for deadline := time.Now().Add(10 * time.Second); got.code == http.StatusOK && time.Now().Before(deadline); {
		got = h.ask(ask{path: "/readyz"}) // what was found before is believed for a while
	}
	if got.code != http.StatusServiceUnavailable || !strings.Contains(got.body, `"what":"database"`) || strings.Contains(got.body, "disk is gone") {
		t.Errorf("after: %d %s", got.code, got.body)
	}
	if page := h.page("/"); !strings.Contains(page, "The database cannot be written. An administrator must look at it.<br>The log says why.") {
		t.Errorf("the page does not say it: %s", page)
	}
}

func TestMetricsAreThereAndLint(t *testing.T) {
	h := newHouse(t)
	h.api("/api/v1/calls")
	h.ask(ask{path: "/no/such/page", header: bearerHeader(rightToken)})
	h.ask(ask{path: "/leads/17", header: bearerHeader(rightToken)})
	body := h.page("/metrics")
	for _, want := range []string{
		`ringback_http_requests_total{code="200",route="/api/v1/calls"} 1`,
		`ringback_http_requests_total{code="401",route="/api/v1/leads"} 0`,
		`ringback_http_requests_total{code="404",route="/"} 1`,
		`ringback_http_requests_total{code="404",route="/leads/{id}"} 1`,
		`ringback_http_requests_total{code="500",route="/contacts/{id}"} 0`,
		`ringback_http_request_seconds_count{route="/api/v1/calls"} 1`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if problems, err := promlint.New(strings.NewReader(body)).Lint(); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
	if _, err := New(Config{DB: h.db, Office: h.server.cfg.Office, Registry: h.reg}); err == nil {
		t.Error("a second server for the same registry was made")
	}
	if _, err := New(Config{DB: h.db, Office: h.server.cfg.Office, Registry: prometheus.NewRegistry(), PublicURL: "http://[oops"}); err == nil {
		t.Error("a public URL that is none was taken")
	}
}

// TestShutdownFinishesWhatIsInHand stops the server while it answers.
func TestShutdownFinishesWhatIsInHand(t *testing.T) {
	h := newHouse(t)
	inHand, goOn := make(chan struct{}), make(chan struct{})
	h.asked = func() { close(inHand); <-goOn }
	answered := make(chan reply)
	go func() { answered <- h.ask(ask{path: "/readyz"}) }()
	<-inHand
	stopped := make(chan error)
	go func() { stopped <- h.server.Shutdown(t.Context()) }()
	select {
	case err := <-stopped:
		t.Errorf("the server stopped (%v) with a request in hand", err)
	case <-time.After(50 * time.Millisecond): // that nothing happens can only be waited for
	}
	close(goOn)
	if got := <-answered; got.code != http.StatusOK {
		t.Errorf("the request in hand: %d %s", got.code, got.body)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}
