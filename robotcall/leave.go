package robotcall

import (
	"context"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// leave does what the key says by which a manager is away from now on: the lead
// that was just announced goes to somebody else, and the manager hears for how
// long they are away. Of what else they owe nothing is told.
func (s *script) leave(ctx context.Context, o *leads.Owed) (string, error) {
	said, answer := settledMeanwhile, []string(nil)
	var now, until time.Time
	err := s.owing(ctx, o, keyAway, func(tx *db.Tx) (err error) {
		if until, err = s.cfg.Leave(tx, s.person.Login); err != nil {
			return err
		}
		now = tx.Now()
		said, answer = "away until "+until.UTC().Format(time.RFC3339), s.prompts.away(until.Sub(now))
		to, err := s.cfg.Book.HandOn(tx, o.ID, s.person.Login, leads.ByCall)
		if to != "" {
			said += ", handed on to " + to
			return err
		}
		said += ", nobody to hand it on to"
		answer = append(answer, s.prompts[PromptNobodyElse]...)
		return err
	})
	switch {
	case err != nil:
		return "", fmt.Errorf("robotcall: key %s: %w", keyAway, err)
	case until.IsZero(): // the lead is none of theirs any more
		return said, s.voice.Tell(ctx, s.prompts[PromptSettled]...)
	}
	if err := s.voice.Tell(ctx, answer...); err != nil {
		return said, err
	}
	return said, errEnough
}
