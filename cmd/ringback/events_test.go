package main

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"ringback/leads/feed"
)

// listener is a program that is posted events; while it is gone, it says so and
// takes nothing.
func listener(t *testing.T, gone *atomic.Bool) (url string, told <-chan feed.Event) {
	t.Helper()
	events := make(chan feed.Event, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if gone.Load() {
			w.WriteHeader(http.StatusGone)
			return
		}
		var e feed.Event
		if err := json.NewDecoder(r.Body).Decode(&e); err != nil {
			t.Error(err)
		}
		events <- e
	}))
	t.Cleanup(srv.Close)
	return srv.URL, events
}

// TestEventsAreToldListedAndReplayed has a lead opened by hand, and asks for its
// events in every way.
func TestEventsAreToldListedAndReplayed(t *testing.T) {
	t.Parallel()
	url, told := listener(t, new(atomic.Bool))
	c := newCompany(t, account{"main", "http://127.0.0.1:9/ari", "ringback", "secret-of-ari"})
	var dead atomic.Bool
	dead.Store(true)
	late, lately := listener(t, &dead)
	c.more = "hooks: [{name: late, url: \"" + late + "\", secret_file: hook.secret}, {name: crm, url: \"" + url + "/events?key=t0p\", secret_file: hook.secret, events: [lead.*]}, {name: gone, url: \"http://127.0.0.1:9/\", secret_file: hook.secret}]\n"
	if err := os.WriteFile(filepath.Join(c.dir, "hook.secret"), []byte("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), 0o600); err != nil {
		t.Fatal(err)
	}
	file := c.write(t)
	says := func(status int, want string, args ...string) string {
		t.Helper()
		got, out, errs := command(t, append([]string{"events", "--config", file}, args...)...)
		if got != status || !strings.Contains(out+errs, want) || strings.Contains(out+errs, "t0p") {
			t.Errorf("events %v: status %d, want %d and %q, printed %q, and on stderr %q", args, got, status, want, out, errs)
		}
		return out
	}
	says(0, url+" took the ping: it answered 200", "test", "--hook", "crm")
	if e := <-told; e.Type != feed.Ping {
		t.Errorf("the ping came as %+v", e)
	}
	says(1, "connection refused", "test", "--hook", "gone")
	says(1, `no hook "erp"`, "test", "--hook", "erp")
	says(1, "no database", "list")

	t.Run("daemon", func(t *testing.T) {
		s, _ := c.hold(t)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.address+"/api/v1/leads", strings.NewReader(`{"number":"+79161234567","line":"sales","why":"asked at the desk"}`))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+s.token)
		req.Close = true
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != http.StatusCreated {
			t.Fatalf("%s: %s", res.Status, body)
		}
		says(0, "lead.opened lead 1 +79161234567", "list")
		says(0, `"type":"lead.assigned"`, "list", "--json", "--lead=1", "--type=lead.assigned")
		waitFor(t, "the trouble of a hook", func() bool {
			_, out, _ := command(t, "events", "--config", file, "hooks")
			return strings.Contains(out, "connection refused") && strings.Contains(out, "410")
		})
		dead.Store(false)
		says(0, "took the ping", "test", "--hook", "late") // which had to be left alone for an hour
		for e := range lately {
			if e.Type == "lead.opened" {
				break
			}
		}
		says(0, "events are posted to crm once more", "replay", "--hook=crm", "--lead=1")
		says(0, "once more", "replay", "--hook=crm", "--since=2026-01-01T00:00:00Z")
		says(1, "no such hook", "replay", "--hook=erp", "--failed")
		says(1, "one of", "replay", "--hook=crm")
		says(2, "--lead", "replay", "--hook=crm", "--failed", "--lead=1")
		for e := range told {
			if e.Type == "lead.opened" && e.Replayed {
				break
			}
		}
	})
	says(0, "lead.opened lead 1", "list") // no daemon runs: the file is read
	says(0, "once more", "replay", "--hook=crm", "--lead=1")
}
