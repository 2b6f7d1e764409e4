package web

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"ringback/ari"
	"ringback/cmd/ringback/web/api"
	"ringback/leads"
)

// gap notes a blind interval that ended so long ago, and what was learned of it.
func (h *house) gap(ago, took time.Duration, g leads.Gap) leads.Gap {
	h.t.Helper()
	g.PBX, g.Until = "main", time.Now().UTC().Add(-ago).Truncate(time.Millisecond)
	g.Since = g.Until.Add(-took)
	if err := h.book.NoteGap(h.t.Context(), &g); err != nil {
		h.t.Fatal(err)
	}
	if err := h.book.SaveGaps(h.t.Context(), []*leads.Gap{&g}); err != nil {
		h.t.Fatal(err)
	}
	return g
}

// TestStatusTellsWhatWasBlind asks what was not seen, and what was learned of it.
func TestStatusTellsWhatWasBlind(t *testing.T) {
	h := newHouse(t)
	over := time.Now().UTC().Truncate(time.Millisecond)
	done := h.gap(time.Hour, 90*time.Second, leads.Gap{Cause: leads.Stopped, Source: "csv /x/Master.csv", Recovered: 5, Missed: 2, Unconfirmed: 1, Finished: over})
	h.gap(time.Minute, time.Second, leads.Gap{Cause: leads.Unwatched, Source: "mysql", Error: "dial tcp 10.0.0.5:3306: refused"})
	h.gap(time.Second, time.Second, leads.Gap{Cause: leads.Replaced, Finished: over})
	h.mu.Lock()
	h.pbxs = append(h.pbxs, ari.Status{PBX: "branch", State: ari.Waiting, Trouble: ari.Unauthorized, Since: over, Version: "16.28.0"})
	h.mu.Unlock()

	if got := h.ask(ask{path: "/api/v1/status"}); got.code != http.StatusUnauthorized {
		t.Errorf("a stranger: %d %s", got.code, got.body)
	}
	got := h.ask(ask{path: "/api/v1/status", header: bearerHeader(rightToken)})
	var told api.Status
	if err := json.Unmarshal([]byte(got.body), &told); err != nil || got.code != http.StatusOK {
		t.Fatalf("%d %s: %v", got.code, got.body, err)
	}
	if told.Ready || told.Mode != "act" || len(told.Problems) != 1 || told.Problems[0].What != "pbx branch" || len(told.PBXes) != 2 || len(told.Blind) != 3 {
		t.Fatalf("%+v", told)
	}
	if p := told.PBXes[1]; p.Name != "branch" || p.Watching || p.Trouble != "unauthorized" || !p.Since.Equal(over) || p.Hint == "" || p.Version != "16.28.0" {
		t.Errorf("the PBX that is not watched: %+v", p)
	}
	var states []string
	for _, b := range told.Blind {
		states = append(states, string(b.State))
	}
	if list := strings.Join(states, " "); list != "unread reading done" {
		t.Errorf("the newest first: %s", list)
	}
	b := told.Blind[2]
	if b.Finished == nil || !b.Finished.Equal(over) || !b.Since.Equal(done.Since) || !b.Until.Equal(done.Until) {
		t.Errorf("its times: %+v, want %+v", b, done)
	}
	b.Since, b.Until, b.Finished = time.Time{}, time.Time{}, nil
	if want := (api.Blind{ID: done.ID, PBX: "main", Seconds: 90, Cause: leads.Stopped, State: leads.GapDone, Source: "csv /x/Master.csv", Recovered: 5, Missed: 2, Unconfirmed: 1}); b != want {
		t.Errorf("%+v, want %+v", b, want)
	}
	if !strings.Contains(told.Blind[1].Error, "refused") || told.Blind[1].Finished != nil {
		t.Errorf("%+v", told.Blind[1])
	}
}

// TestStatusOfAHouseThatSawAll is empty where there is nothing to tell, and not
// null.
func TestStatusOfAHouseThatSawAll(t *testing.T) {
	h := newHouse(t)
	got := h.ask(ask{path: "/api/v1/status", header: bearerHeader(rightToken)})
	for _, want := range []string{`"ready":true`, `"problems":[]`, `"blind":[]`, `"name":"main","watching":true,"state":"watching"`} {
		if !strings.Contains(got.body, want) {
			t.Errorf("%s is not in %s", want, got.body)
		}
	}
}

// TestThePageTellsWhatWasBlind shows what somebody should know of, and no
// addresses.
func TestThePageTellsWhatWasBlind(t *testing.T) {
	h := newHouse(t)
	over := time.Now()
	h.gap(30*time.Hour, time.Hour, leads.Gap{Cause: leads.Stopped, Source: "csv", Recovered: 11, Finished: over})
	h.gap(time.Hour, time.Second, leads.Gap{Cause: leads.Unwatched, Source: "csv", Finished: over})
	if page := h.page("/"); strings.Contains(page, "not watched") {
		t.Errorf("nothing to tell: %s", page)
	}
	h.gap(4*time.Minute, time.Second, leads.Gap{Cause: leads.Unwatched, Source: "csv", Recovered: 7, Missed: 3, Finished: over})
	h.gap(3*time.Minute, time.Minute, leads.Gap{Cause: leads.Stopped, Source: "mysql", Error: "dial tcp 10.0.0.5:3306: refused"})
	h.gap(2*time.Minute, time.Minute, leads.Gap{Cause: leads.Overflowed, Source: "mysql"})
	h.gap(time.Minute, time.Minute, leads.Gap{Cause: leads.Replaced, Unconfirmed: 4, Finished: over})
	page := h.page("/")
	for _, want := range []string{
		`<li class="note"><b>main</b> was not watched from `, "the PBX could not be reached; found in the call records: 7, missed: 3<",
		"Ringback did not run; its call records cannot be read: ringback doctor and the log say why<",
		"the database could not be written for too long; its call records are being read<",
		"are not known: no call records are configured; seen before, and not known how they ended: 4<",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("%q is not on the page: %s", want, page)
		}
	}
	if strings.Contains(page, "10.0.0.5") || strings.Contains(page, ": 11,") {
		t.Errorf("what nobody should see: %s", page)
	}
}
