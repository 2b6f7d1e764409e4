package web

import (
	"context"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/leads/feed"
	"ringback/leads/hook"
)

// types lists the types of a page of events.
func typesOf(page map[string]any) (list []string) {
	for _, item := range page["items"].([]any) {
		list = append(list, item.(map[string]any)["type"].(string))
	}
	return list
}

func TestEventsOverTheAPI(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", nil)
	page := h.wants(200, "GET", "/api/v1/events", "")
	if got := typesOf(page); !slices.Equal(got, []string{"lead.opened", "lead.found_late", "lead.assigned"}) {
		t.Errorf("listed are %q", got)
	}
	lead := page["items"].([]any)[0].(map[string]any)["data"].(map[string]any)["lead"].(map[string]any)
	if lead["manager"] != "anna" || lead["state"] != "open" {
		t.Errorf("the lead is told as %v", lead)
	}
	next := page["next"].(string)
	answered := make(chan map[string]any)
	go func() { answered <- h.wants(200, "GET", "/api/v1/events?wait=15s&type=lead.closed&cursor="+next, "") }()
	h.tell("+79161234567", "Ivan", nil)
	h.wants(200, "POST", "/api/v1/leads/1/settle", `{"login":"anna"}`)
	if got := typesOf(<-answered); !slices.Equal(got, []string{"lead.closed"}) {
		t.Errorf("waited for were %q", got)
	}
	if got := typesOf(h.wants(200, "GET", "/api/v1/events?lead=1&type=lead.rang_again", "")); len(got) != 1 {
		t.Errorf("of the lead are listed %q", got)
	}
	for query, want := range map[string]string{"wait=1h": "from 0s to 20s", "wait=soon": "20s", "type=Lead": "such as lead.closed", "lead=x": "not an id",
		"cursor=x": "cursor", "limit=0": "limit", "kind=x": "limit, cursor, type, lead, since, wait", "wait=-1s": "from 0s"} {
		got := h.send("GET", "/api/v1/events?"+query, "", "")
		if got.code != http.StatusBadRequest || !strings.Contains(got.body, want) {
			t.Errorf("%s: %d %s", query, got.code, got.body)
		}
	}
}

func TestReplayOverTheAPI(t *testing.T) {
	posted := make(chan string, 100)
	crm := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { posted <- r.Header.Get("webhook-id") }))
	defer crm.Close()
	receiver, err := hook.New(crm.URL, "s")
	if err != nil {
		t.Fatal(err)
	}
	defer receiver.Close()
	var told *feed.Feed
	h := newHouse(t, func(c *Config) {
		var err error
		if told, err = feed.New(t.Context(), feed.Config{DB: c.DB, Hooks: []feed.Hook{{Name: "crm", Receiver: receiver, Timeout: 5 * time.Second}}}); err != nil {
			t.Fatal(err)
		}
		c.Feed = told
	})
	ctx, end := context.WithCancel(t.Context())
	over := make(chan error)
	go func() { over <- told.Run(ctx) }()
	defer func() {
		end()
		if err := <-over; err != nil {
			t.Error(err)
		}
	}()
	h.tell("+79161234567", "Ivan", nil) // before the hook was there, or after
	h.wants(202, "POST", "/api/v1/hooks/crm/replay", `{"since":"2026-01-01T00:00:00Z"}`)
	h.tell("+79161234568", "Olga", nil)
	seen := map[string]bool{}
	for len(seen) < 2 {
		seen[<-posted] = true
	}
	hooks := h.wants(200, "GET", "/api/v1/hooks", "")["items"].([]any)
	if one := hooks[0].(map[string]any); len(hooks) != 1 || one["hook"] != "crm" || one["trouble"] != "" {
		t.Errorf("the hooks are %v", hooks)
	}
	for body, want := range map[string]int{`{}`: 422, `{"lead":1,"failed":true}`: 422, `{"lead":0}`: 422, `{"since":"yesterday"}`: 400, `{"all":true}`: 400, `[]`: 400,
		`{"failed":true}`: 202, `{"lead":1}`: 202, `{"lead":77}`: 202} {
		if got := h.send("POST", "/api/v1/hooks/crm/replay", "application/json", body); got.code != want {
			t.Errorf("%s: %d %s", body, got.code, got.body)
		}
	}
	if got := h.send("POST", "/api/v1/hooks/erp/replay", "application/json", `{"failed":true}`); got.code != http.StatusNotFound || !strings.Contains(got.body, "/api/v1/hooks") {
		t.Errorf("a hook that is not there: %d %s", got.code, got.body)
	}
}

func TestConsentsAreEvents(t *testing.T) {
	h := newHouse(t)
	h.tell("+79161234567", "Ivan", nil)
	for _, kind := range []string{"refused", "agreed"} {
		h.wants(200, "POST", "/api/v1/consents", `{"number":"+79161234567","kind":"`+kind+`","who":"anna"}`)
		h.wants(200, "POST", "/api/v1/consents", `{"number":"+79990000000","kind":"`+kind+`","who":"anna"}`) // nobody's
	}
	if got := typesOf(h.wants(200, "GET", "/api/v1/events?type=contact.*", "")); !slices.Equal(got, []string{"contact.refused", "contact.agreed"}) {
		t.Errorf("listed are %q", got)
	}
}
