package main

import (
	"fmt"
	"io"

	"ringback/leads"
	"ringback/leads/alert"
	"ringback/routing"
)

// verdictColors are for terminals: a person is to find the missed calls at once.
var verdictColors = map[routing.Verdict]string{routing.Answered: "\x1b[32m", routing.Missed: "\x1b[31m", routing.Ignored: "\x1b[2m"}

// explained prints a line for people of each call.
func explained(out io.Writer, colors bool) func(leads.ListedCall) error {
	return func(c leads.ListedCall) error {
		called := alert.Clean(c.Line)
		if called == "" {
			called = alert.Clean(c.Dialed)
		}
		verdict := string(c.Verdict)
		if color := verdictColors[c.Verdict]; colors && color != "" {
			verdict = color + verdict + "\x1b[0m"
		}
		if verdict != "" {
			verdict += " "
		}
		_, err := fmt.Fprintf(out, "%s %s %s → %s %s%s: %s\n", c.Started.UTC().Format("2006-01-02T15:04:05.000Z"), c.Direction,
			known(c.Caller), known(called), verdict, c.Reason, c.Explanation)
		return err
	}
}

// known is a number as a line for people shows it: hostile, or withheld.
func known(number string) string {
	if shown := alert.Clean(number); shown != "" {
		return shown
	}
	return "unknown"
}
