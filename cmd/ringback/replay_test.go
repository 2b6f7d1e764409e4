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
