package softphone

import (
	"context"
	"time"
)

// Ringing is a reaction for Always: the phone rings and nobody is there.
func Ringing(_ context.Context, in *Incoming) {
	_ = in.Ring() // fails only when the caller has given up already
}

// AnswerAfter is a reaction for Always: the phone rings, is picked up after d,
// and stays up until the other side hangs up.
func AnswerAfter(d time.Duration) func(context.Context, *Incoming) {
	return func(ctx context.Context, in *Incoming) {
		if in.Ring() != nil {
			return
		}
		select {
		case <-time.After(d):
			_, _ = in.Answer(ctx) // the caller may give up at this instant
		case <-in.Cancelled():
		case <-ctx.Done():
		}
	}
}

// Decline is a reaction for Always: the call is refused with a SIP status.
func Decline(status int, reason string) func(context.Context, *Incoming) {
	return func(_ context.Context, in *Incoming) {
		_ = in.Reject(status, reason) // the caller may give up at this instant
	}
}
