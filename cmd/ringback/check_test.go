package main

import (
	"bytes"
	"testing"
	"time"

	"ringback/config"
)

// Whoever wrote holidays sees what comes of them: a weekend is no news, and a
// pool that keeps none is not spoken of.
func TestCheckSaysTheNextClosings(t *testing.T) {
	t.Setenv("RINGBACK_TEST_PASSWORD", "hunter2")
	cfg, err := config.Read("../../testdata/config/good-holidays.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	sayClosings(&out, cfg, time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC))
	want := "pool default: 2026-11-04 closed; 2026-11-07 10:00-14:00; 2026-12-31 closed; 2027-01-01 closed; 2027-01-04 closed\n"
	if out.String() != want {
		t.Errorf("said %q, want %q", out.String(), want)
	}
}
