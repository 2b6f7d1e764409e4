package main

import (
	"context"
	"testing"
	"time"

	"ringback/cmd/ringback/web/browser"
	"ringback/cmd/ringback/web/page"
)

// TestAlertsOnATelephone has a browser that knows notifications and throws, as those
// of telephones do: the alert stands on the page, and counts as sent only where
// somebody can have noticed it.
func TestAlertsOnATelephone(t *testing.T) {
	s := openShowroom(t)
	tab, err := s.tab("m01", browser.Phone)
	s.do(err)
	defer tab.Close()
	s.do(tab.Go(s.site))
	s.do(tab.Eval(`localStorage.setItem("alerts", "on"); 0`, nil))
	s.do(tab.Go(s.site))
	s.do(tab.Eval(`
		window.shaken = 0; navigator.vibrate = () => window.shaken++;
		window.AudioContext = class { constructor() { throw new TypeError("no sound"); } };
		window.Notification = class { static permission = "granted"; constructor() { throw new TypeError("Illegal constructor"); } }; 0`, nil))
	tell := func(title string, patience time.Duration) bool {
		ctx, cancel := context.WithTimeout(s.ctx, patience)
		defer cancel()
		return s.daemon.pages.Tell(ctx, "m01", page.Alert{Title: title, Body: "line sales", Path: "/leads/1", Tag: "lead-1"})
	}
	waitFor(t, "the page shows an alert", func() bool { return tell("Missed call: <b>Ivan</b>", time.Minute) })
	s.do(tab.Sees(s.ctx, ".aloud a", "Missed call: <b>Ivan</b> line sales"))
	var shaken int
	if s.do(tab.Eval("window.shaken", &shaken)); shaken == 0 {
		t.Error("the telephone does not shake")
	}
	if !tell("Rang again", time.Minute) {
		t.Error("a second alert is not shown")
	}
	var lines []string
	if s.do(tab.Eval(`[...document.querySelectorAll(".aloud a")].map(a => a.textContent + a.getAttribute("href"))`, &lines)); len(lines) != 1 || lines[0] != "Rang again line sales/leads/1" {
		t.Errorf("two alerts of one lead stand as %q", lines)
	}
	s.fits(tab, sight{name: "an alert", path: "/"}, browser.Phone)

	s.do(tab.Eval(`Object.defineProperty(document, "hidden", {get: () => true}); 0`, nil))
	if tell("Out of sight", time.Second) {
		t.Error("an alert that nobody can have noticed counts as sent")
	}
	s.do(tab.Eval(`window.Notification = class { static permission = "granted"; addEventListener() {} }; 0`, nil))
	if !tell("By the system", time.Minute) {
		t.Error("a notification of the system does not count as sent")
	}
	for _, wrong := range tab.Wrongs() {
		t.Errorf("the browser says: %s", wrong)
	}
}
