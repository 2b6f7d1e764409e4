package page

import (
	"context"
	"testing"

	"ringback/leads/alert"
)

func TestAlertsOfOpenPages(t *testing.T) {
	var got Notice
	open := false
	c := New(func(_ context.Context, login string, n Notice) bool {
		got = n
		return open && login == "anna"
	})
	m := alert.Message{To: "anna", Lead: 7, Subject: "Missed call: +79161234567", Line: "sales", Text: "…", Link: "https://ring.example.com/l/secret"}
	if outcome, detail := c.Send(t.Context(), m); outcome != alert.Unreachable || detail == "" {
		t.Errorf("without a page: %s %s", outcome, detail)
	}
	open = true
	if outcome, detail := c.Send(t.Context(), m); outcome != alert.Sent || detail != "" {
		t.Errorf("with a page: %s %s", outcome, detail)
	}
	if want := (Notice{"Missed call: +79161234567", "sales", "/leads/7", "lead-7"}); got != want {
		t.Errorf("it says %+v", got)
	}
	c.Send(t.Context(), alert.Message{To: "anna", Why: alert.Digest, Subject: "2 leads"})
	if want := (Notice{"2 leads", "", "/", ""}); got != want {
		t.Errorf("it says %+v", got)
	}
}
