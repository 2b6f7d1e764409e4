package main

import (
	"context"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"ringback/ari"
	"ringback/ari/aritest"
	"ringback/ari/call"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/robotcall"
	"ringback/routing"

	"github.com/prometheus/client_golang/prometheus"
)

// TestWatchedUntilTheStop wants what was heard last before a graceful stop to be
// the end of what was watched, and not the last time that it was written down.
func TestWatchedUntilTheStop(t *testing.T) {
	d, err := db.Open(t.Context(), db.Config{Path: filepath.Join(t.TempDir(), "ringback.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	book := leads.NewBook(leads.BookConfig{DB: d, Office: &leads.Office{Directory: &routing.Directory{}}})
	pbx := aritest.New()
	defer pbx.Close()
	client, err := ari.NewClient(pbx.Config())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	silent := slog.New(slog.DiscardHandler)
	w := watched{opts: call.Options{PBX: "main"}, client: client, pulse: new(pulse),
		stream: ari.NewStream(client, ari.StreamOptions{Log: silent})}
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	var spine parts
	f := &follower{watched: w, book: book, dialer: robotcall.New(robotcall.Config{DB: d}), log: silent,
		recovery: newRecovery(&w, time.Second, book, newRecoveryMetrics(prometheus.NewRegistry()), silent, nil)}
	spine.run(stop, func() error { return f.run(ctx) })
	for w.stream.Status().State != ari.Watching {
		if ctx.Err() != nil {
			t.Fatal(spine.wait())
		}
		time.Sleep(time.Millisecond)
	}
	spine.run(stop, func() error { return f.keepWatched(ctx) })
	var first time.Time
	for first.IsZero() {
		if ctx.Err() != nil {
			t.Fatal("it was not written down that the PBX is watched")
		}
		if first, err = book.WatchedUntil(t.Context(), "main"); err != nil {
			t.Fatal(err)
		}
	}
	session, err := pbx.Session(ctx)
	if err != nil {
		t.Fatal(err)
	}
	said := time.Now()
	if err := session.Send(`{"type":"BridgeCreated","bridge":{"id":"b"}}`); err != nil {
		t.Fatal(err)
	}
	for f.stream.Status().Events == 0 {
		if ctx.Err() != nil {
			t.Fatal("what the PBX said was not heard")
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	if err := spine.wait(); err != nil {
		t.Fatal(err)
	}
	until, err := book.WatchedUntil(t.Context(), "main")
	if err != nil || until.Before(said.Truncate(time.Millisecond)) {
		t.Errorf("watched until %v, %v; it was heard after %v", until, err, said)
	}
}
