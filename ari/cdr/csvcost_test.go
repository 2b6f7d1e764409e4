package cdr

import (
	"strings"
	"testing"
	"time"
)

// TestCostOfQuotes reads user fields that are full of quotes, each of which might
// begin another row: as long as a row may be, and longer, which no row is.
func TestCostOfQuotes(t *testing.T) {
	for quotes, is := range map[int]int{6 << 10: 1, 60 << 10: 0} {
		r := callAt(dayEnd, 7)
		r.UserField = strings.Repeat(`"`, quotes/2)
		row := pen{zone: time.UTC, unique: true, userfield: true}.row(r)
		began := time.Now()
		rows := backwardRows([]byte(row+plainRow), 1<<20)
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%d quotes: %v", quotes, took)
		}
		if len(rows) != 1+is || occurrences(rows) != 1 {
			t.Errorf("%d quotes: %d rows, %d of them plain", quotes, len(rows), occurrences(rows))
		}
	}
}
