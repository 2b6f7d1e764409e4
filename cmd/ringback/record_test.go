package main

import (
	"context"
	"io"
	"strings"
	"testing"

	"ringback/ari/pbx"
)

// TestRecordLeavesNothingBehind records, and the PBX has forgotten it then.
func TestRecordLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	on := bareRelease(t, pbx.Asterisk16, nil)
	file := newCompany(t, account{"main", on.ARIURL, on.ARIUser, on.ARIPassword}).write(t)
	ctx, stop := context.WithCancel(patient(t))
	defer stop()
	var errs logbook
	ended := make(chan int, 1)
	go func() {
		ended <- run(&world{ctx: ctx, stdin: strings.NewReader(""), stdout: io.Discard, stderr: &errs}, []string{"record", "--config", file, "-"})
	}()
	waitFor(t, "the recording has begun", func() bool { return errs.count(`msg="watching PBX"`) == 1 })
	if out, err := on.CLI(patient(t), "ari show apps"); err != nil || !strings.Contains(out, recordApp) {
		t.Fatalf("%v: no recording: %s", err, out)
	}
	stop()
	if status := <-ended; status != 0 {
		t.Errorf("record ends with status %d", status)
	}
	waitFor(t, "the PBX has forgotten the recording", func() bool {
		out, err := on.CLI(patient(t), "ari show apps")
		return err == nil && !strings.Contains(out, recordApp)
	})
}
