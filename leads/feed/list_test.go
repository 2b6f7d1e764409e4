package feed

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/view"
)

func (o *office) list(q Query) (types []string, next string) {
	o.Helper()
	list, err := o.feed.List(context.Background(), q)
	if err != nil {
		o.Fatal(err)
	}
	for _, e := range list.Items {
		types = append(types, e.Type)
	}
	return types, list.Next
}

func TestListLeadsThroughEverything(t *testing.T) {
	o := newOffice(t, 2)
	o.happens(1, leads.EntryMissed, leads.EntryCallDue, leads.EntryAssigned, leads.EntryAlertSent)
	o.happens(2, leads.EntryMissed)
	o.happens(1, leads.EntryMissed, leads.EntryClosed)
	want := []string{"lead.opened", "lead.assigned", "alert.sent", "lead.opened", "lead.rang_again", "lead.closed"}
	for _, limit := range []int{0, 1, 2, 5} {
		var got []string
		cursor := ""
		for range 10 {
			page, next := o.list(Query{Cursor: cursor, Limit: limit})
			if len(page) > max(limit, 1) && limit > 0 {
				t.Errorf("a page of %d has %d", limit, len(page))
			}
			if got = append(got, page...); next == "" {
				t.Fatal("there is no way on")
			}
			cursor = next
		}
		if !slices.Equal(got, want) {
			t.Errorf("pages of %d list %q, want %q", limit, got, want)
		}
		o.happens(2, leads.EntryNoted)
		if got, _ := o.list(Query{Cursor: cursor}); !slices.Equal(got, []string{"lead.noted"}) {
			t.Errorf("after the end there is %q", got)
		}
		want = append(want, "lead.noted")
	}
	if got, _ := o.list(Query{Since: time.Now().Add(time.Hour)}); len(got) > 0 {
		t.Errorf("of the next hour there are %q", got)
	}
	if got, _ := o.list(Query{Since: time.Now().Add(-time.Hour)}); !slices.Equal(got, want) {
		t.Errorf("since an hour ago there are %q", got)
	}
	if got, _ := o.list(Query{Lead: 1, Types: []Pattern{"lead.*"}}); !slices.Equal(got, []string{"lead.opened", "lead.assigned", "lead.rang_again", "lead.closed"}) {
		t.Errorf("of lead 1 there are %q", got)
	}
	if got, _ := o.list(Query{Types: []Pattern{"alert.sent", "lead.closed"}}); !slices.Equal(got, []string{"alert.sent", "lead.closed"}) {
		t.Errorf("of two types there are %q", got)
	}
}

// Few of many are wanted: pages are empty, and lead on all the same.
func TestListOfFewAmongMany(t *testing.T) {
	o := newOffice(t, 1)
	o.do(func(tx *db.Tx) error {
		for range mostSteps*step + 10 {
			if err := leads.Note(tx, leads.Entry{Lead: leads.Ref(1), Kind: leads.EntryNoted}); err != nil {
				return err
			}
		}
		return nil
	})
	o.happens(1, leads.EntryClosed)
	first, next := o.list(Query{Types: []Pattern{"lead.closed"}})
	then, _ := o.list(Query{Types: []Pattern{"lead.closed"}, Cursor: next})
	if len(first) != 0 || !slices.Equal(then, []string{"lead.closed"}) {
		t.Errorf("the pages are %q and %q", first, then)
	}
}

func TestListWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := newOffice(t, 1)
		o.start()
		begun := time.Now()
		time.AfterFunc(7*time.Second, func() { o.happens(1, leads.EntryCallDue) }) // which is no event
		time.AfterFunc(9*time.Second, func() { o.happens(1, leads.EntryMissed) })
		got, next := o.list(Query{Wait: MaxWait})
		if !slices.Equal(got, []string{"lead.opened"}) || time.Since(begun) != 9*time.Second {
			t.Errorf("%q came after %s", got, time.Since(begun))
		}
		begun = time.Now()
		if got, _ := o.list(Query{Wait: MaxWait, Cursor: next}); len(got) > 0 || time.Since(begun) != MaxWait {
			t.Errorf("%q came after %s", got, time.Since(begun))
		}
		begun = time.Now()
		time.AfterFunc(3*time.Second, o.stop) // the daemon ends
		if got, _ := o.list(Query{Wait: MaxWait, Cursor: next}); len(got) > 0 || time.Since(begun) != 3*time.Second {
			t.Errorf("%q came after %s", got, time.Since(begun))
		}
		o.stop = nil
	})
}

func TestListRefusesWhatCannotBeMeant(t *testing.T) {
	o := newOffice(t, 1)
	o.happens(1, leads.EntryMissed)
	_, next := o.list(Query{})
	for _, c := range []struct {
		q    Query
		want error
	}{
		{Query{Cursor: "x"}, view.ErrCursor}, {Query{Cursor: next + "="}, view.ErrCursor}, {Query{Cursor: strings.Repeat("A", 10<<20)}, view.ErrCursor},
		{Query{Limit: -1}, view.ErrLimit}, {Query{Limit: 501}, view.ErrLimit}, {Query{Wait: -1}, ErrWait}, {Query{Wait: time.Minute}, ErrWait},
		{Query{Types: []Pattern{"lead*"}}, ErrType}, {Query{Types: []Pattern{""}}, ErrType}, {Query{Types: []Pattern{"Lead.x"}}, ErrType},
	} {
		if _, err := o.feed.List(t.Context(), c.q); !errors.Is(err, c.want) {
			t.Errorf("%.80v: %v, want %v", c.q, err, c.want)
		}
	}
}

// Every reading of the feed goes by an index: none looks through a table.
func TestReadingsGoByIndexes(t *testing.T) {
	o := newOffice(t, 1)
	for query, args := range map[string][]any{
		entryQuery: {1}, entriesQuery: {1, 2, 3}, leadEntriesQuery: {1, 2, 3, 4},
		"SELECT COUNT(*), MIN(since) FROM hook_waits WHERE hook = $1 AND given_up = 0": {"crm"},
		"DELETE FROM hook_waits WHERE hook = $1 AND given_up > 0 AND given_up < $2":    {"crm", 1},
	} {
		rows, err := o.db.Reader().Query("EXPLAIN QUERY PLAN "+query, args...)
		if err != nil {
			t.Fatal(err)
		}
		for rows.Next() {
			var id, parent, unused int
			var detail string
			if err := rows.Scan(&id, &parent, &unused, &detail); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(detail, "SCAN") || strings.Contains(detail, "TEMP B-TREE") {
				t.Errorf("%s\n%s", query, detail)
			}
		}
		rows.Close()
	}
}
