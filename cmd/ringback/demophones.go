package main

import (
	"context"
	"time"

	"ringback/ari/softphone"
)

// The people at the phones of the demo's end pick up so soon after it rings; a
// client stays for longer than settles a callback.
const (
	pickUpAfter = 2 * time.Second
	talkBeyond  = 2 * time.Second
)

// stayIn has every phone picked up from now on, so that whoever looks at the
// pages can press Call, and says what happens at the phones. A robot that would
// speak of leads is declined: it would keep the phone busy, and wait for a key.
func (s *scene) stayIn() {
	for extension, desk := range s.desks {
		desk.Always(func(ctx context.Context, in *softphone.Incoming) {
			if isRobot(in) {
				_ = in.Reject(486, "Busy Here") // the caller may give up at this instant
				s.now("phone %s declines the robot: %s %s", extension, in.Name, in.From)
				return
			}
			s.pickUp(ctx, in, "phone "+extension)
		})
	}
	s.outside.Always(func(ctx context.Context, in *softphone.Incoming) {
		call := s.pickUp(ctx, in, "the phone of +"+in.To)
		if call == nil {
			return
		}
		select {
		case <-time.After(s.pace.reached() + talkBeyond):
			_ = call.Hangup(ctx) // the other side may hang up at this instant
			s.now("the phone of +%s hangs up", in.To)
		case <-call.Done():
		case <-ctx.Done():
		}
	})
}

// pickUp is a call that a phone takes, nil when the caller gives up before.
func (s *scene) pickUp(ctx context.Context, in *softphone.Incoming, whose string) *softphone.Call {
	if in.Ring() != nil {
		return nil
	}
	s.now("%s rings and shows: %s %s", whose, in.Name, in.From)
	select {
	case <-time.After(pickUpAfter):
	case <-in.Cancelled():
		s.now("%s rings no more", whose)
		return nil
	case <-ctx.Done():
		return nil
	}
	call, err := in.Answer(ctx)
	if err != nil { // the caller may give up at this instant
		return nil
	}
	s.now("%s is picked up", whose)
	return call
}

// now tells something that happens after the story.
func (s *scene) now(format string, args ...any) {
	s.say("  "+time.Now().Format(time.TimeOnly)+"  "+format, args...)
}
