package web

import (
	"net/http"
	"strings"
	"testing"
)

// A program lets somebody's phone ring about a lead; while that goes on nobody is
// rung again, and it can be asked how far it has come.
func TestProgramsCallForPeople(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "", nil)
	first := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", `{"login":"anna"}`)
	if first.code != http.StatusAccepted || first.header.Get("Location") != "/api/v1/clicks/1" || !strings.Contains(first.body, `"state":"ringing_you"`) {
		t.Fatalf("%d %s %s", first.code, first.header.Get("Location"), first.body)
	}
	again := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", `{"login":"anna"}`)
	if again.code != http.StatusAccepted || again.body != first.body {
		t.Errorf("again: %d %s", again.code, again.body)
	}
	if got := h.send(http.MethodGet, "/api/v1/clicks/1", "", ""); got.code != http.StatusOK || got.body != first.body {
		t.Errorf("how far: %d %s", got.code, got.body)
	}
	h.tell("", "", nil)
	for path, want := range map[string]int{"/api/v1/leads/99/call": http.StatusNotFound, "/api/v1/leads/x/call": http.StatusNotFound} {
		if got := h.send(http.MethodPost, path, "application/json", `{"login":"anna"}`); got.code != want {
			t.Errorf("%s: %d %s", path, got.code, got.body)
		}
	}
	for _, body := range []string{`{"login":"nobody"}`, `{}`} {
		if got := h.send(http.MethodPost, "/api/v1/leads/1/call", "application/json", body); got.code != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if got := h.send(http.MethodGet, "/api/v1/clicks/2", "", ""); got.code != http.StatusNotFound {
		t.Errorf("one that was never asked for: %d", got.code)
	}
}
