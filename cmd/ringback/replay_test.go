package main

import (
	"bytes"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/routing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// TestReplayOfRecordings holds the verdicts of all recordings against their
// golden files. The recordings are of a real Asterisk: go test ./ari/call -record
func TestReplayOfRecordings(t *testing.T) {
	files, err := filepath.Glob("../../testdata/calls/*.jsonl")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recordings: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".jsonl"), func(t *testing.T) {
			got := replayed(t, file)
			golden := strings.TrimSuffix(file, ".jsonl") + ".want"
			if *update {
				if err := os.WriteFile(golden, got, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("verdicts differ:\n got %s\nwant %s", got, want)
			}
		})
	}
}

func replayed(t *testing.T, file string) []byte {
	t.Helper()
	in, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	office, _, err := (&replayCommand{}).office(&world{})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	skipped, open, err := replay(in, file, office, call.Options{PBX: "main", Inbound: []string{"from-trunk"}}, jsonLines(&out), io.Discard)
	if err != nil || skipped > 0 || open > 0 {
		t.Fatalf("skipped %d lines, %d calls did not end, %v", skipped, open, err)
	}
	return out.Bytes()
}

// TestReplayExplains prints for people what the lines of JSON say, and colours
// nothing that is not a terminal.
func TestReplayExplains(t *testing.T) {
	const file = "../../testdata/calls/group-unanswered.jsonl"
	const said = "rang 101 and 103 for 2 s; 102 was busy; 103 declined; nobody answered; the PBX ended the call"
	status, out, errs := command(t, "replay", "--explain", "--inbound-context=from-trunk", file)
	want := "2026-11-22T09:18:32.230Z inbound 79161000009 → 74951000002 missed no_answer: " + said + "\n"
	if status != 0 || errs != "" || out != want {
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
