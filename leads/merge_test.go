package leads_test

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// crm is who merges.
var crm = leads.Entry{Who: "crm", Channel: leads.ByAPI}

func TestTwoContactsBecomeOne(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales) // anna's
		d.at(time.Minute)
		d.missed(second, sales) // boris's
		d.at(2 * time.Minute)
		d.missed(second, support) // clara's
		d.do(func(tx *db.Tx) error {
			_, err := tx.Exec("UPDATE contacts SET name = 'Ivan', named = 1, email = 'ivan@example.com', external_id = 'crm-2' WHERE id = 2")
			return err
		})
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		d.wantLeads("default anna 2 open", "default boris 1 merged crm", "support clara 1 open")
		d.want("whose leads", d.rows("SELECT DISTINCT contact FROM leads"), "1")
		d.want("whose calls", d.rows("SELECT DISTINCT contact FROM calls"), "1")
		d.want("the calls of leads", d.rows("SELECT lead FROM calls ORDER BY id"), "1", "1", "3")
		d.want("the numbers", d.rows("SELECT number FROM numbers WHERE contact = 1 ORDER BY number"), client, second)
		d.want("the card", d.rows("SELECT name, named, email, external_id FROM contacts WHERE id = 1"), "Ivan 1 ivan@example.com crm-2")
		d.want("the sign", d.rows("SELECT name = '', merged_into FROM contacts WHERE id = 2"), "1 1")
		d.want("what is told", d.rows("SELECT kind, who, detail FROM timeline WHERE kind IN ('merged', 'joined') ORDER BY id"), "joined crm 2", "merged crm 2 Ivan")
		d.want("promises about the lead that is gone", d.rows("SELECT kind FROM jobs WHERE lead = 2 AND ended = 0"))

		d.at(3 * time.Minute)
		d.ended(d.outbound(anna, second, time.Minute)) // the number is the first's now
		d.wantLeads("default anna 2 called_back anna", "default boris 1 merged crm", "support clara 1 open")
		d.at(4 * time.Minute)
		d.missed(third, sales)
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 1, 3, crm) })
		d.want("the older sign leads to the end", d.rows("SELECT id, merged_into FROM contacts ORDER BY id"), "1 3", "2 3", "3 <nil>")
		d.do(func(tx *db.Tx) error {
			if id, err := leads.Follow(tx, 2); id != 3 || err != nil {
				t.Errorf("2 leads to %d, %v", id, err)
			}
			return nil
		})
	})
}

func TestWhatCannotBeMerged(t *testing.T) {
	story(t, nil, func(d *desk) {
		for _, who := range []string{client, second, third} {
			d.missed(who, sales)
		}
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		before := d.rows("SELECT id, contact, closed FROM leads")
		merge := func(from, into int64) func(tx *db.Tx) error {
			return func(tx *db.Tx) error { return d.book.Merge(tx, from, into, crm) }
		}
		d.refuses(leads.ErrSelf, merge(3, 3))
		d.refuses(leads.ErrNoContact, merge(3, 99))
		d.refuses(leads.ErrNoContact, merge(99, 3))
		for _, again := range []func(tx *db.Tx) error{merge(2, 3), merge(3, 2)} {
			moved := new(leads.MovedError)
			if err := d.db.Do(d.Context(), again); !errors.As(err, &moved) || moved.Into != 1 {
				t.Errorf("a contact that is not there any more: %v", err)
			}
		}
		d.do(func(tx *db.Tx) error {
			for range 5001 {
				if err := leads.Note(tx, leads.Entry{Contact: leads.Ref(3), Kind: leads.EntryNoted}); err != nil {
					return err
				}
			}
			return nil
		})
		d.refuses(leads.ErrTooMuch, merge(3, 1))
		d.want("the leads", d.rows("SELECT id, contact, closed FROM leads"), before...)
	})
}

// Which of two leads goes on: the one that has come further. Two suspicious calls
// are one caller who rang twice.
func TestWhichOfTwoLeadsGoesOn(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.missed(second, sales)
		d.do(func(tx *db.Tx) error { return d.hand("boris").Take(tx, 2) })
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		d.wantLeads("default anna 1 merged crm", "default boris 2 open")
		d.want("whose it is", d.rows("SELECT contact FROM leads WHERE id = 2"), "1")
	})
	story(t, nil, func(d *desk) {
		for _, who := range []string{client, second} {
			c := d.inbound(who, sales)
			c.Started = c.Ended.Add(-time.Second)
			d.ended(c)
		}
		d.want("suspicious", d.rows("SELECT suspicious FROM leads"), "1", "1")
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		d.want("suspicious", d.rows("SELECT suspicious FROM leads WHERE closed IS NULL"), "0")
		d.wantJobs(leads.KindRung, 20*time.Second)
	})
}

// TestNothingStaysWithAMergedContact reads the schema: whatever table refers to a
// contact is moved.
func TestNothingStaysWithAMergedContact(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.missed(client, sales)
		d.missed(second, sales)
		tables := d.rows("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
		refers := regexp.MustCompile(`(?m)^\W*(contact)\b|(\w+)\s+INTEGER[^,]*REFERENCES contacts`)
		var found []string
		for _, table := range tables {
			for _, m := range refers.FindAllStringSubmatch(strings.Join(d.rows("SELECT sql FROM sqlite_master WHERE name = $1", table), ""), -1) {
				found = append(found, table+"."+m[1]+m[2])
			}
		}
		slices.Sort(found)
		found = slices.Compact(found)
		if len(found) < 6 {
			t.Fatalf("only %v refer to contacts", found)
		}
		for _, column := range found {
			table, name, _ := strings.Cut(column, ".")
			moved := slices.ContainsFunc(leads.Moves, func(move string) bool {
				return strings.HasPrefix(move, fmt.Sprintf("UPDATE %s SET %s = $1", table, name))
			})
			if !moved {
				t.Errorf("the rows of %s stay with a contact that is merged", column)
			}
		}
	})
}

// tooOld opens a lead of a call that was missed more than a day ago.
func (d *desk) tooOld() {
	d.Helper()
	old := d.inbound(client, sales)
	old.Started, old.Ended = old.Started.Add(-26*time.Hour), old.Ended.Add(-26*time.Hour)
	old.Source = call.Records
	d.ended(old)
	d.want("late", d.rows("SELECT late FROM leads"), fmt.Sprint(int(leads.Stale)))
}

// An acknowledgement that is over holds nothing: the lead whose ladder runs goes
// on, and not the one of which nobody will be told.
func TestAnAcknowledgementThatIsOverDoesNotRank(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.tooOld()
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "anna", leads.ByPage) })
		d.at(48 * time.Hour)
		d.missed(second, sales)
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		d.want("open is", d.rows("SELECT id, late, ladder FROM leads WHERE closed IS NULL"), "2 0 1")
	})
}

// Whoever is merged with somebody who has just rung has rung again: nobody is
// owed a call of which no ladder tells.
func TestALeadThatIsTooOldGetsTheLadderOfAFreshOne(t *testing.T) {
	story(t, nil, func(d *desk) {
		d.tooOld()
		d.do(func(tx *db.Tx) error { return d.book.Acknowledge(tx, 1, "anna", leads.ByPage) })
		d.missed(second, sales)
		d.do(func(tx *db.Tx) error { return d.book.Merge(tx, 2, 1, crm) })
		d.want("open is", d.rows("SELECT id, late, ladder FROM leads WHERE closed IS NULL"), fmt.Sprint(1, int(leads.FoundLate), 1))
		d.wantJobs(leads.KindRung, 20*time.Second)
	})
}

// A merging keeps all others waiting: it finds the rows that it moves by indexes.
func TestMergingGoesByIndexes(t *testing.T) {
	story(t, nil, func(d *desk) {
		for _, move := range leads.Moves {
			for _, step := range d.rows("EXPLAIN QUERY PLAN "+move, 1, 2) {
				if strings.Contains(step, "SCAN") {
					t.Errorf("%s: %s", move, step)
				}
			}
		}
	})
}
