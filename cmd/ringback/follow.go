package main

import (
	"context"
	"fmt"
	"log/slog"

	"ringback/ari"
	"ringback/ari/call"
	"ringback/leads"
)

// ownPrefix begins the ids of the channels that the daemon places.
const ownPrefix = "ringback-"

// follow is the spine: what one PBX says becomes facts, in order, and the Book
// is told. It resumes the calls that were open when the daemon last stopped,
// returns when ctx ends, and never waits for the database.
func follow(ctx context.Context, stream *ari.Stream, book *leads.Book, opts call.Options, log *slog.Logger) error {
	open, err := book.OpenCalls(ctx, opts.PBX)
	if err != nil {
		return fmt.Errorf("follow %s: %w", opts.PBX, err)
	}
	tracker := call.New(opts)
	tracker.Resume(open)
	if len(open) > 0 {
		log.Info("calls were open when the daemon last stopped", "pbx", opts.PBX, "calls", len(open))
	}
	full := false
	err = stream.Run(ctx, func(ev *ari.Event) {
		taken := book.Tell(tracker.Step(ev))
		if !taken && !full {
			log.Error("facts wait for the database beyond the bound: calls are being lost", "pbx", opts.PBX)
		}
		full = !taken
	})
	if ctx.Err() != nil {
		return nil // it was told to stop
	}
	return fmt.Errorf("follow %s: %w", opts.PBX, err)
}
