package leads_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
)

// TestCallsOfAPBXThatIsNotConfiguredAnyMore must not stay open for ever.
func TestCallsOfAPBXThatIsNotConfiguredAnyMore(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: blank(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
	now := time.Now()
	for id, pbx := range map[string]string{"1": "removed", "2": main} {
		f := call.Fact{Kind: call.Started, Call: call.Call{PBX: pbx, ID: id, Direction: call.Inbound, Caller: client, Dialed: sales, Started: now}}
		if errs := book.Record(t.Context(), []call.Fact{f}); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	recorded := make(chan struct{})
	d.Listen(leads.TopicCalls, func(any) { close(recorded) })
	go func() { ended <- book.Run(ctx) }()
	<-recorded
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	var verdicts string
	err = d.Reader().QueryRow("SELECT group_concat(pbx || ' ' || reason) FROM (SELECT pbx, reason FROM calls ORDER BY pbx)").Scan(&verdicts)
	if want := "main ,removed unconfirmed"; err != nil || verdicts != want {
		t.Errorf("the calls are %q (%v), want %q", verdicts, err, want)
	}
}

// TestAGapIsNotedOnce, also by one who could not know that it was written.
func TestAGapIsNotedOnce(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: blank(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
	over := time.Now().UTC().Truncate(time.Millisecond)
	var ids []int64
	for _, pbx := range []string{main, main, "branch", main} {
		g := &leads.Gap{PBX: pbx, Since: over.Add(-time.Hour), Until: over, Ahead: time.Second, Cause: leads.Unwatched, Source: "csv"}
		if err := book.NoteGap(t.Context(), g); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, g.ID)
	}
	if want := []int64{1, 1, 2, 1}; !slices.Equal(ids, want) {
		t.Errorf("the gaps are %v, want %v", ids, want)
	}
	if unread, err := book.UnreadGaps(t.Context(), main); err != nil || len(unread) != 1 {
		t.Errorf("%d gaps of %s, %v", len(unread), main, err)
	}
}

// TestOpenCallsAfterARestart reads back what the tracker resumes from: the open
// calls, also one whose state is broken, and until when the PBX was watched.
func TestOpenCallsAfterARestart(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: blank(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: newOffice()})
	if until, err := book.WatchedUntil(t.Context(), main); err != nil || !until.IsZero() {
		t.Fatalf("before anything was watched: %v, %v", until, err)
	}
	began := time.Now()
	if err := book.Watched(t.Context(), leads.Sighting{PBX: main, Until: began}); err != nil {
		t.Fatal(err)
	}
	started := time.Date(2026, 11, 20, 10, 0, 0, 0, time.UTC)
	for _, id := range []string{"whole", "broken"} {
		f := call.Fact{Kind: call.Started, Call: call.Call{PBX: main, ID: id, Direction: call.Inbound,
			From: call.Party{Endpoint: "PJSIP/trunk", Outside: true}, Caller: client, Dialed: sales, Started: started, Legs: []call.Leg{{Party: anna, Channel: "leg"}}}}
		if errs := book.Record(t.Context(), []call.Fact{f}); errs[0] != nil {
			t.Fatal(errs[0])
		}
	}
	err = d.Do(t.Context(), func(tx *db.Tx) error {
		_, err := tx.Exec("UPDATE calls SET resume = '{\"id\": ' WHERE call = 'broken'")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if trunks, err := book.Trunks(t.Context(), main); err != nil || len(trunks) != 1 || trunks[0] != "PJSIP/trunk" {
		t.Errorf("calls have come in by %v, %v", trunks, err)
	}
	until, err := book.WatchedUntil(t.Context(), main)
	if err != nil {
		t.Fatal(err)
	}
	calls, err := book.OpenCalls(t.Context(), main)
	if err != nil || len(calls) != 2 {
		t.Fatalf("%d open calls, %v", len(calls), err)
	}
	if until.Before(began.Add(-time.Second)) || until.After(time.Now()) {
		t.Errorf("watched until %v, not just now", until)
	}
	for _, c := range calls {
		if c.Direction != call.Inbound || c.Caller != client || c.Dialed != sales || !c.Started.Equal(started) {
			t.Errorf("call %s came back as %+v", c.ID, c)
		}
		if legs := map[string]int{"whole": 1, "broken": 0}[c.ID]; len(c.Legs) != legs {
			t.Errorf("call %s came back with %d legs", c.ID, len(c.Legs))
		}
	}
}
