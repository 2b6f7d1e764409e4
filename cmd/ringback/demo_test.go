package main

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestDemo runs the demo as people do, to its end and not: it leaves nothing
// behind.
func TestDemo(t *testing.T) {
	t.Parallel()
	asterisk(t) // its making is not the demo's time
	program(t)
	t.Run("to_the_end", func(t *testing.T) {
		temporary := t.TempDir()
		began := time.Now()
		p := start(t, []string{"TMPDIR=" + temporary}, "demo", "--fast")
		waitFor(t, "the first line", func() bool { return p.out.count("Ringback demo") == 1 })
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it says nothing for %v", took)
		}
		for i := range story {
			waitFor(t, "the story goes on", func() bool { return p.out.count(fmt.Sprintf("%d. ", i+1)) > 0 })
		}
		waitFor(t, "the story's end", func() bool { return p.out.count("Ctrl-C ends the demo.") == 1 })
		if p.out.count("ok     ") != len(story) || p.out.count("MISSING") != 0 {
			t.Errorf("it printed:\n%s", &p.out)
		}
		address := regexp.MustCompile(`Metrics +http://(\S+)/metrics\n`).FindStringSubmatch(p.out.String())
		token := regexp.MustCompile(`Bearer (\w+)'`).FindStringSubmatch(p.out.String())
		if address == nil || token == nil {
			t.Fatalf("it printed:\n%s", &p.out)
		}
		door := site{address[1], token[1]}
		storyAtDoors(t, door)
		letIn(t, door, p.out.String())
		callFromThePage(t, door, p)
		if status, _ := p.stop(t, os.Interrupt); status != 0 {
			t.Errorf("status %d, and on stderr:\n%s", status, &p.errs)
		}
		leavesNothing(t, temporary)
	})
	for _, at := range []string{"Starting Asterisk", "\n1. ", "phone 101 shows"} {
		t.Run("interrupted_at_"+strings.TrimSpace(at), func(t *testing.T) {
			temporary := t.TempDir()
			p := start(t, []string{"TMPDIR=" + temporary}, "demo", "--fast", "--once")
			waitFor(t, at, func() bool { return strings.Contains(p.out.String(), at) })
			if status, took := p.stop(t, os.Interrupt); status != 1 || took > stopWithin {
				t.Errorf("status %d after %v, and on stderr:\n%s", status, took, &p.errs)
			}
			leavesNothing(t, temporary)
		})
	}
}

// letIn comes in by the links that the demo prints, as each of its people.
func letIn(t *testing.T, door site, printed string) {
	for login, name := range map[string]string{"anna": "Anna", "boris": "Boris", "vera": "Vera (supervisor)", "gleb": "Gleb (administrator)"} {
		link := regexp.MustCompile(`\n  ` + login + ` +` + regexp.QuoteMeta(name) + ` +http://` + regexp.QuoteMeta(door.address) + `(/invite/\S+)\n`).FindStringSubmatch(printed)
		if link == nil {
			t.Errorf("no link of %s in:\n%s", login, printed)
			continue
		}
		if status, page := door.get(t, link[1]); status != http.StatusOK || !strings.Contains(page, name) {
			t.Errorf("the link of %s answers %d: %s", login, status, page)
		}
	}
}

// callFromThePage asks for a call as the page's button does: the manager's phone
// and the client's are picked up, and their talk closes the lead.
func callFromThePage(t *testing.T, door site, p *process) {
	open := slices.DeleteFunc(list[apiLead](t, door, "leads"), func(l apiLead) bool { return l.State != "open" })
	if len(open) != 1 {
		t.Fatalf("open leads are %+v", open)
	}
	press := func() {
		door.post(t, fmt.Sprintf("/api/v1/leads/%d/call", open[0].ID), `{"login":"anna"}`, http.StatusAccepted)
	}
	press()
	pressed := 1
	waitFor(t, "the lead closes", func() bool {
		if _, click := door.get(t, fmt.Sprintf("/api/v1/clicks/%d", pressed)); strings.Contains(click, "you_are_busy") { // with the robot, at this instant
			press()
			pressed++
		}
		return slices.ContainsFunc(list[apiLead](t, door, "leads"), func(l apiLead) bool { return l.ID == open[0].ID && l.Outcome == "called_back" })
	})
	for _, line := range []string{"phone 101 is picked up", "the phone of " + secondClient + " is picked up", "the phone of " + secondClient + " hangs up"} {
		if p.out.count(line) != 1 {
			t.Errorf("it does not say %q once:\n%s", line, &p.out)
		}
	}
}

// leavesNothing wants a folder to be empty, and no process to know it.
func leavesNothing(t *testing.T, dir string) {
	t.Helper()
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind in the temporary folder: %v (%v)", left, err)
	}
	processes, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range processes {
		line, err := os.ReadFile(file)
		if err == nil && bytes.Contains(line, []byte(dir)) {
			t.Errorf("%s still runs: %q", filepath.Dir(file), line)
		}
	}
}
