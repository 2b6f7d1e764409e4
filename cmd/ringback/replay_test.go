package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/routing"
)

// TestReplayOfRecordings prints of every recording what its golden file says: the
// command says what the suite of scenarios has held against the phones. Where a
// scenario has a configuration of its own, the suite judges by it.
func TestReplayOfRecordings(t *testing.T) {
	files, err := filepath.Glob("../../testdata/calls/*/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	c := &replayCommand{}
	office, opts, err := c.office(&world{config: "../../testdata/scenarios/ringback.yaml", configNamed: true})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(file, ".jsonl")
		script, err := os.ReadFile("../../testdata/scenarios/calls/" + filepath.Base(name) + ".txtar")
		if err == nil && strings.Contains(string(script), "\n-- config --\n") {
			continue
		}
		want, err := os.ReadFile(name + ".want")
		if err != nil {
			t.Fatal(err)
		}
		if got := replayed(t, file, office, opts); !bytes.Equal(got, want) {
			t.Errorf("%s: verdicts differ:\n got %s\nwant %s", file, got, want)
		}
	}
}

func replayed(t *testing.T, file string, office *leads.Office, opts call.Options) []byte {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	var out bytes.Buffer
	skipped, open, err := replay(in, file, office, opts, jsonLines(&out), io.Discard)
	if err != nil || skipped > 0 || open > 0 {
		t.Fatalf("%s: skipped %d lines, %d calls did not end, %v", file, skipped, open, err)
	}
	return out.Bytes()
}

// TestReplayExplains prints for people what the lines of JSON say, and colours
// nothing that is not a terminal.
func TestReplayExplains(t *testing.T) {
	const file = "../../testdata/calls/22/group-mixed.jsonl"
	const said = "rang 101 and 103 for 1 s; 102 was busy; 103 declined; nobody answered; the PBX ended the call"
	status, out, errs := command(t, "replay", "--explain", "--inbound-context=from-trunk", file)
	want := " inbound 79160000005 → 8002 missed no_answer: " + said + "\n"
	if status != 0 || errs != "" || !strings.HasSuffix(out, want) || strings.Count(out, "\n") != 1 {
		t.Errorf("status %d, %s\n got %s\nwant %s", status, errs, out, want)
	}
	_, lines, _ := command(t, "replay", "--inbound-context=from-trunk", file)
	status, out, errs = command(t, "replay", "--explain", "--json", "--inbound-context=from-trunk", file)
	if status != 0 || errs != "" || out != lines || !strings.Contains(out, `"explanation":"`+said+`"}`) {
		t.Errorf("as JSON: status %d, %s\n%s", status, errs, out)
	}
}

// TestExplainedLinesStayLines keeps what callers send from the terminal.
func TestExplainedLinesStayLines(t *testing.T) {
	var out bytes.Buffer
	err := explained(&out, true)(leads.ListedCall{Caller: "7\x1b[2J\r\n", Line: "\n", Dialed: "\u202e8", Direction: call.Inbound,
		Verdict: routing.Missed, Reason: routing.NoAnswer, Explanation: "rang 101"})
	want := "0001-01-01T00:00:00.000Z inbound 7 [2J → 8 \x1b[31mmissed\x1b[0m no_answer: rang 101\n"
	if err != nil || out.String() != want {
		t.Errorf("%q, %v, want %q", out.String(), err, want)
	}
}
