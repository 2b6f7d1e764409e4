package main

import (
	"fmt"
	"time"
)

// instant is a time that a person writes on the command line: with its zone, or
// by the clock of this machine, or a day from its beginning.
type instant struct{ time.Time }

// UnmarshalText reads 2026-11-22T09:00:00+03:00, "2026-11-22 09:00" and 2026-11-22.
func (i *instant) UnmarshalText(text []byte) (err error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", time.DateTime, "2006-01-02 15:04", time.DateOnly} {
		if i.Time, err = time.ParseInLocation(layout, string(text), time.Local); err == nil {
			return nil
		}
	}
	return fmt.Errorf("%.40q is no time such as 2026-11-22T09:00:00+03:00, \"2026-11-22 09:00\" or 2026-11-22", text)
}
