package robotcall

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/number"
)

// The keys of a call to a manager.
const (
	keyConnect = "1"
	keyLater   = "2"
	keyHandOn  = "3"
	keySettled = "4"
	keyAway    = "6"
	keyRepeat  = "*"
)

// How many times in a row the script bears with nobody pressing a key, and with
// keys that mean nothing.
const (
	mostSilences = 2
	mostWrong    = 5
)

// script is what is said to a manager, and what their keys do. Leads are read
// again before each is announced and whenever a key was pressed.
type script struct {
	*errand
	voice     *Voice
	prompts   Prompts
	connected bool
}

// errEnough ends the call without its being anybody's fault.
var errEnough = errors.New("enough")

// run tells all that is owed, oldest first, and says how the call ended. It is
// without error where the manager has heard of all, or is connected.
func (s *script) run(ctx context.Context) (detail string, err error) {
	speech, err := s.spoken(ctx, s.voice.leg.exchange)
	if err != nil {
		return "no prompts", err
	}
	s.prompts, s.voice.language = speech.prompts, speech.language
	for first := true; ; first = false {
		owed, next, err := s.next(ctx)
		switch {
		case err != nil:
			return "cut short", err
		case next == nil && first:
			s.part(ctx, PromptSettled, PromptGoodbye)
			return settledMeanwhile, nil
		case next == nil:
			s.part(ctx, PromptGoodbye)
			return "all was told", nil
		}
		if first {
			err = s.voice.Say(ctx, s.prompts.greeting(owed)...)
		}
		said := ""
		if err == nil {
			said, err = s.tell(ctx, next)
		}
		switch {
		case s.connected:
			return said, nil
		case errors.Is(err, errEnough):
			s.part(ctx, PromptGoodbye)
			return said, err
		case errors.Is(err, ErrHungUp):
			return "hung up", err
		case errors.Is(err, ErrNotPlayed):
			return "the PBX could not play it", err
		case err != nil:
			return "cut short", err
		}
	}
}

// part says what needs no answer at the end of a call: whoever hangs up meanwhile
// misses nothing.
func (s *script) part(ctx context.Context, words ...Prompt) {
	var media []string
	for _, word := range words {
		media = append(media, s.prompts[word]...)
	}
	if err := s.voice.Tell(ctx, media...); err != nil && !errors.Is(err, ErrHungUp) {
		s.cfg.Log.Warn("a manager was not told goodbye", "to", s.person.Login, "err", err)
	}
}

// tell announces a lead and leaves the one entry of this call in its timeline. A
// lead of which there is nothing to say was not told: the call was cut short.
func (s *script) tell(ctx context.Context, o *leads.Owed) (said string, err error) {
	said, err = s.announce(ctx, o)
	if said == "" || s.connected {
		return said, err
	}
	noted := s.cfg.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error { return s.note(tx, &o.Lead, "answered: "+said) })
	if noted != nil {
		return said, noted
	}
	s.told = append(s.told, o.ID)
	return said, err
}

// next reads what is owed now, and the oldest that was not announced yet.
func (s *script) next(ctx context.Context) (n int, next *leads.Owed, err error) {
	err = s.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		owed, err := s.cfg.Book.AllOwed(tx, s.person.Login)
		n, next = len(owed), nil
		for i := range owed {
			if !slices.Contains(s.told, owed[i].ID) {
				next = &owed[i]
				break
			}
		}
		return err
	})
	return n, next, err
}

// announce tells of one lead until a key has settled what becomes of it. What it
// returns is said in the timeline.
func (s *script) announce(ctx context.Context, o *leads.Owed) (string, error) {
	media := s.prompts.lead(o, s.cfg.Office.Directory.LineNamed(o.Line), time.Now())
	if s.cfg.Leave != nil {
		media = slices.Concat(media, s.prompts[PromptMenuAway])
	}
	for silences, wrong := 0, 0; ; {
		pressed, err := s.voice.Ask(ctx, media...)
		if err != nil && (!errors.Is(err, ErrNotPlayed) || silences+1 == mostSilences) { // it may be played the next time
			return byManager("hung up without a key", err)
		}
		switch pressed {
		case "":
			if silences++; silences == mostSilences {
				return "no key was pressed", errEnough
			}
			continue
		case keyRepeat:
			continue
		case keyConnect, keyLater, keyHandOn, keySettled:
			return s.act(ctx, o, pressed)
		case keyAway:
			if s.cfg.Leave != nil {
				return s.leave(ctx, o)
			}
		}
		if wrong++; wrong == mostWrong {
			return "only wrong keys were pressed", errEnough
		}
		if err := s.voice.Say(ctx, s.prompts[PromptWrongKey]...); err != nil {
			return byManager("hung up after a wrong key", err)
		}
	}
}

// byManager says how a manager has ended a call; nothing, where it was not them
// who did: they are to hear of the lead still.
func byManager(said string, err error) (string, error) {
	if !errors.Is(err, ErrHungUp) {
		said = ""
	}
	return said, err
}

// act does what a key asks for, if the lead is still this manager's to settle.
func (s *script) act(ctx context.Context, o *leads.Owed, pressed string) (string, error) {
	if pressed == keyConnect {
		return s.connect(ctx, o)
	}
	said, prompt := settledMeanwhile, PromptSettled
	err := s.owing(ctx, o, pressed, func(tx *db.Tx) (err error) {
		prompt = PromptDone
		switch pressed {
		case keyLater:
			said = "later"
			return s.cfg.Book.Acknowledge(tx, o.ID, s.person.Login, leads.ByCall)
		case keySettled:
			said = "settled"
			return s.cfg.Book.Settle(tx, o.ID, s.person.Login, leads.ByCall)
		}
		to, err := s.cfg.Book.HandOn(tx, o.ID, s.person.Login, leads.ByCall)
		if said = "handed on to " + to; to == "" {
			said, prompt = "nobody to hand it on to", PromptNobodyElse
		}
		return err
	})
	if err != nil {
		return "", fmt.Errorf("robotcall: key %s: %w", pressed, err)
	}
	return said, s.voice.Tell(ctx, s.prompts[prompt]...)
}

// owing notes a key that was pressed and does what it asks for, in one
// transaction, if the lead is still owed.
func (s *script) owing(ctx context.Context, o *leads.Owed, pressed string, do func(tx *db.Tx) error) error {
	return s.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		still, err := s.cfg.Book.StillOwed(tx, o.ID, s.person.Login)
		if err != nil || still == nil {
			return err
		}
		if err := dials.MarkKey(tx, s.voice.leg.id, pressed); err != nil {
			return err
		}
		return do(tx)
	})
}

const settledMeanwhile = "settled meanwhile"

// connect lets the PBX's own dialplan dial the client on the manager's channel.
// From then on the call is the PBX's: it outlives the daemon. Only then is the
// lead taken on: while nobody talks, its ladder goes on.
func (s *script) connect(ctx context.Context, o *leads.Owed) (string, error) {
	x := s.voice.leg.exchange
	extension, err := s.voice.spelled(ctx, o.Number)
	switch {
	case err != nil:
		return s.notConnected(ctx, "", err)
	case extension == "":
		s.cfg.Log.Warn("the dialplan does not dial a client's number", "pbx", x.Name, "context", x.Connect.Context, "number", number.Mask(o.Number),
			"do", "check asterisk[].connect: context, and number if the dialplan wants numbers written in a way of its own")
		return s.notConnected(ctx, fmt.Sprintf("context %q does not dial %s", x.Connect.Context, number.Mask(o.Number)), nil)
	}
	if err := s.voice.Tell(ctx, s.prompts[PromptConnecting]...); err != nil {
		return byManager("hung up before the connection", err)
	}
	passes, decision, err := s.cfg.Guard.Admit(ctx, Request{Kind: dials.Connect, PBX: x.Name, Trunk: x.Connect.Context, Number: o.Number,
		Device: extension + "@" + x.Connect.Context, Who: s.person.Login, Job: s.job.ID, Lead: o.ID, Call: s.voice.Pass.dial.Call})
	switch {
	case err != nil:
		return s.notConnected(ctx, "", err)
	case !decision.Allowed:
		return s.notConnected(ctx, Words[decision.Reason], nil)
	}
	owed := false
	err = s.owing(ctx, o, keyConnect, func(*db.Tx) error { owed = true; return nil })
	if err != nil || !owed {
		s.cfg.Dialer.endRow(ctx, passes[0].dial.Channel, dials.Stopped, "not dialed")
	}
	switch {
	case err != nil:
		return s.notConnected(ctx, "", err)
	case !owed:
		return settledMeanwhile, s.voice.Tell(ctx, s.prompts[PromptSettled]...)
	}
	return s.handOver(ctx, o, passes[0], extension)
}

// handOver lets the manager's channel go to the dialplan. Where that reaches
// nobody, the lead's ladder goes on, and the next connection writes numbers in
// another way if there is one.
func (s *script) handOver(ctx context.Context, o *leads.Owed, pass Pass, extension string) (string, error) {
	x, inVain := s.voice.leg.exchange, false // which transactions set and read, one after the other
	fell := func(tx *db.Tx) error {
		inVain = true
		tx.AfterCommit(func() { x.unlearn(o.Number, extension) })
		return s.cfg.Book.GiveBack(tx, o.ID, s.person.Login)
	}
	switch err := s.voice.Connect(ctx, pass, extension, s.cfg.shown(o), fell); {
	case errors.Is(err, ErrHungUp):
		return "hung up before the connection", err
	case err != nil:
		return s.notConnected(ctx, "", err)
	}
	s.connected, s.told = true, append(s.told, o.ID)
	err := s.cfg.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		if inVain {
			return s.note(tx, &o.Lead, "answered: connect")
		}
		return s.noteConnected(tx, o.ID)
	})
	if err != nil {
		s.cfg.Log.Error("that a manager was connected could not be written down", "to", s.person.Login, "lead", o.ID, "err", err)
	}
	return "connect", nil
}

// notConnected says that the client was not dialed: why is for the timeline, err
// that our own side, or the PBX, has failed.
func (s *script) notConnected(ctx context.Context, why string, err error) (string, error) {
	if err != nil {
		if ctx.Err() != nil {
			return "", err
		}
		s.cfg.Log.Warn("a manager could not be connected", "to", s.person.Login, "err", err)
		why = "it failed"
	}
	return "not connected: " + why, s.voice.Tell(ctx, s.prompts[PromptCannotConnect]...)
}
