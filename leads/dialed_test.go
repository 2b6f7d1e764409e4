package leads_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// TestDialedSince counts what was dialed, by PBX and direction, and no more than
// was asked for.
func TestDialedSince(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: blank(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
	now := time.Now().Truncate(time.Second)
	for i, c := range []struct {
		pbx, dialed string
		direction   call.Direction
		ago         time.Duration
	}{
		{main, sales, call.Inbound, 3 * time.Hour}, {main, sales, call.Inbound, time.Hour}, {main, sales, call.Internal, time.Hour},
		{"other", sales, call.Inbound, time.Hour}, {main, sales, call.Inbound, 100 * time.Hour},
		{main, strings.Repeat("\x1b", 1000), call.Inbound, time.Hour},
	} {
		f := call.Fact{Kind: call.Started, Call: call.Call{PBX: c.pbx, ID: fmt.Sprint(i), Direction: c.direction, Caller: client, Dialed: c.dialed, Started: now.Add(-c.ago)}}
		if errs := book.Record(t.Context(), []call.Fact{f}); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	var list []leads.Dialed
	if err := d.Do(t.Context(), func(tx *db.Tx) (err error) {
		list, err = leads.DialedSince(tx, now.Add(-24*time.Hour))
		return err
	}); err != nil {
		t.Fatal(err)
	}
	if len(list) != 4 || list[0].Calls != 2 || list[0].PBX != main || list[0].Direction != call.Inbound || !list[0].Last.Equal(now.Add(-time.Hour)) {
		t.Errorf("dialed: %+v", list)
	}
	for _, one := range list {
		if len(one.Number) > leads.MaxListed {
			t.Errorf("a number of %d bytes", len(one.Number))
		}
	}
}
