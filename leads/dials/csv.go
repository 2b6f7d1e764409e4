package dials

import (
	"context"
	"database/sql"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
)

// Columns are those of a ledger in CSV, in the order of an export. An import
// needs the first two; they may come in any order.
var Columns = []string{"number", "kind", "at", "who", "how", "note"}

// table is what a file of words holds: as many as are written in the time of a
// few other transactions.
var table = posted.Table{Names: strings.Join(Columns, ", "), Needed: Columns[:2], Most: 10000,
	Known: func(column string) bool { return slices.Contains(Columns, column) }}

// ReadConsents reads words from CSV, for Record. Numbers are read as the plan
// reads them; without a time a word is of now. Its error is posted.Problems, all
// of the file.
func ReadConsents(text []byte, plan *number.Plan, now time.Time) (words []Word, err error) {
	err = table.Read(text, func(_ int, row map[string]string, say func(field, text string)) {
		w := Word{Number: row["number"], Kind: Stand(strings.ToLower(row["kind"])), At: now, Who: row["who"], How: row["how"], Note: row["note"]}
		if n := plan.Read(w.Number); n.Kind == number.E164 {
			w.Number = n.Value
		}
		var bad error
		field := "at"
		if at := row["at"]; at != "" {
			w.At, bad = readTime(at, w.Kind, now)
		}
		if bad == nil {
			field, bad = "", w.check(now)
		}
		if bad != nil {
			say(field, bad.Error())
			return
		}
		words = append(words, w)
	})
	if err != nil {
		return nil, err
	}
	return words, nil
}

// readTime reads an instant, or a day in UTC. Who agreed on a day did so when it
// began, who refused when it ended, or now: of two words of one day it is the
// refusal that counts.
func readTime(s string, kind Stand, now time.Time) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, nil
	}
	day, err := time.Parse(time.DateOnly, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("%q is not a time such as 2026-03-01T10:00:00+01:00, nor a day such as 2026-03-01", clip(s))
	}
	if end := day.AddDate(0, 0, 1).Add(-time.Millisecond); kind == Refused && !day.After(now) {
		if end.After(now) {
			return now, nil
		}
		return end, nil
	}
	return day, nil
}

const ledgerQuery = "SELECT id, number, kind, at, who, how, note FROM consents WHERE id > $1 ORDER BY id LIMIT $2"

// Consents lists the ledger in the order in which words were entered: at most
// limit words after a place, and the place after them; 0 is the beginning, and
// the end.
func Consents(ctx context.Context, reader *sql.DB, place int64, limit int) (words []Word, next int64, err error) {
	rows, err := reader.QueryContext(ctx, ledgerQuery, place, limit+1)
	if err != nil {
		return nil, 0, fmt.Errorf("dials: ledger: %w", err)
	}
	defer rows.Close()
	words = []Word{}
	for rows.Next() {
		if len(words) == limit {
			return words, place, nil
		}
		var w Word
		var at int64
		if err := rows.Scan(&place, &w.Number, &w.Kind, &at, &w.Who, &w.How, &w.Note); err != nil {
			return nil, 0, fmt.Errorf("dials: ledger: %w", err)
		}
		w.At = db.Time(at)
		words = append(words, w)
	}
	if err := rows.Err(); err != nil {
		return nil, 0, fmt.Errorf("dials: ledger: %w", err)
	}
	return words, 0, nil
}

// exportStep is how many words are read at a time: a client that reads slowly
// must not keep a reader of the database.
const exportStep = 500

// ExportConsents writes the whole ledger as CSV, as ReadConsents reads it.
func ExportConsents(ctx context.Context, reader *sql.DB, w io.Writer) error {
	table := csv.NewWriter(w)
	if err := table.Write(Columns); err != nil {
		return fmt.Errorf("dials: export consents: %w", err)
	}
	for place, more := int64(0), true; more; {
		words, next, err := Consents(ctx, reader, place, exportStep)
		if err != nil {
			return err
		}
		for _, w := range words {
			if err := table.Write([]string{w.Number, string(w.Kind), w.At.Format(time.RFC3339Nano), w.Who, w.How, w.Note}); err != nil {
				return fmt.Errorf("dials: export consents: %w", err)
			}
		}
		place, more = next, next != 0
	}
	table.Flush()
	if err := table.Error(); err != nil {
		return fmt.Errorf("dials: export consents: %w", err)
	}
	return nil
}
