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

// run tells all that is owed, oldest first, and says how the call ended.
func (s *script) run(ctx context.Context) (detail string, err error) {
	if s.prompts, err = s.managersPrompts(ctx, s.voice.leg.exchange); err != nil {
		return "no prompts", err
	}
	for first := true; ; first = false {
		owed, next, err := s.next(ctx)
		switch {
		case err != nil:
			return "failed", err
		case next == nil && first:
			return "settled meanwhile", s.voice.Tell(ctx, slices.Concat(s.prompts[PromptSettled], s.prompts[PromptGoodbye])...)
		case next == nil:
			return "all was told", s.voice.Tell(ctx, s.prompts[PromptGoodbye]...)
		}
		if first {
			if err := s.voice.Say(ctx, s.prompts.greeting(owed)...); err != nil {
				return "hung up", err
			}
		}
		said, err := s.announce(ctx, next)
		s.told = append(s.told, next.ID)
		if noted := s.record(ctx, next, said); noted != nil {
			return said, noted
		}
		switch {
		case s.connected:
			return said, nil
		case errors.Is(err, errEnough):
			return said, s.voice.Tell(ctx, s.prompts[PromptGoodbye]...)
		case err != nil:
			return said, err
		}
	}
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

// record leaves the one entry of this call in the lead's timeline.
func (s *script) record(ctx context.Context, o *leads.Owed, said string) error {
	return s.cfg.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error { return s.note(tx, &o.Lead, "answered: "+said) })
}

// announce tells of one lead until a key has settled what becomes of it. What it
// returns is said in the timeline.
func (s *script) announce(ctx context.Context, o *leads.Owed) (string, error) {
	media := s.prompts.lead(o, s.cfg.Office.Directory.LineNamed(o.Line), time.Now())
	for silences, wrong := 0, 0; ; {
		pressed, err := s.voice.Ask(ctx, media...)
		if err != nil && !errors.Is(err, ErrNotPlayed) {
			return "hung up without a key", err
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
		}
		if wrong++; wrong == mostWrong {
			return "only wrong keys were pressed", errEnough
		}
		if err := s.voice.Say(ctx, s.prompts[PromptWrongKey]...); err != nil {
			return "hung up after a wrong key", err
		}
	}
}

// act does what a key asks for, if the lead is still this manager's to settle.
func (s *script) act(ctx context.Context, o *leads.Owed, pressed string) (string, error) {
	if pressed == keyConnect {
		return s.connect(ctx, o)
	}
	said, prompt := "", PromptDone
	err := s.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		still, err := s.cfg.Book.StillOwed(tx, o.ID, s.person.Login)
		switch {
		case err != nil:
			return err
		case still == nil:
			said, prompt = settledMeanwhile, PromptSettled
			return nil
		}
		if err := dials.MarkKey(tx, s.voice.leg.id, pressed); err != nil {
			return err
		}
		switch pressed {
		case keyLater:
			said = "later"
			return s.cfg.Book.Acknowledge(tx, o.ID, s.person.Login, "call")
		case keySettled:
			said = "settled"
			return s.cfg.Book.Settle(tx, o.ID, s.person.Login, "call")
		}
		to, err := s.cfg.Book.HandOn(tx, o.ID, s.person.Login, "call")
		if said = "handed on to " + to; to == "" {
			said, prompt = "nobody to hand it on to", PromptNobodyElse
		}
		return err
	})
	if err != nil {
		return "the key " + pressed + " could not be carried out", err
	}
	return said, s.voice.Tell(ctx, s.prompts[prompt]...)
}

const settledMeanwhile = "settled meanwhile"

// connect lets the PBX's own dialplan dial the client on the manager's channel.
// From then on the call is the PBX's: it outlives the daemon.
func (s *script) connect(ctx context.Context, o *leads.Owed) (string, error) {
	x := s.voice.leg.exchange
	extension, err := s.extension(ctx, x, o.Number)
	if err != nil {
		return "connect failed", err
	}
	if extension == "" {
		return fmt.Sprintf("not connected: context %q does not dial %s", x.Connect.Context, number.Mask(o.Number)), s.voice.Tell(ctx, s.prompts[PromptCannotConnect]...)
	}
	if err := s.voice.Tell(ctx, s.prompts[PromptConnecting]...); err != nil {
		return "hung up before the connection", err
	}
	own := s.voice.Pass.dial
	passes, decision, err := s.cfg.Guard.Admit(ctx, Request{Kind: dials.Connect, PBX: x.Name, Trunk: x.Connect.Context, Number: o.Number,
		Device: extension + "@" + x.Connect.Context, Who: s.person.Login, Job: s.job.ID, Lead: o.ID, Call: own.Call})
	switch {
	case err != nil:
		return "connect failed", err
	case !decision.Allowed:
		return "not connected: " + Words[decision.Reason], s.voice.Tell(ctx, s.prompts[PromptCannotConnect]...)
	}
	owed, err := s.acknowledge(ctx, o)
	if err != nil || !owed {
		s.cfg.Dialer.endRows(ctx, []string{passes[0].dial.Channel}, dials.Stopped, settledMeanwhile)
	}
	switch {
	case err != nil:
		return "connect failed", err
	case !owed:
		return settledMeanwhile, s.voice.Tell(ctx, s.prompts[PromptSettled]...)
	}
	if err := s.voice.Connect(ctx, passes[0], extension, onlyDigits(s.cfg.shown(&o.Lead))); err != nil {
		return "connect failed", err
	}
	s.connected = true
	return "connect", nil
}

// acknowledge reads the lead again, and notes who is about to talk.
func (s *script) acknowledge(ctx context.Context, o *leads.Owed) (owed bool, err error) {
	err = s.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		still, err := s.cfg.Book.StillOwed(tx, o.ID, s.person.Login)
		if owed = still != nil; err != nil || !owed {
			return err
		}
		if err := dials.MarkKey(tx, s.voice.leg.id, keyConnect); err != nil {
			return err
		}
		return s.cfg.Book.Acknowledge(tx, o.ID, s.person.Login, "connect")
	})
	return owed, err
}

// extension is how the dialplan of an exchange dials a number; empty when it
// does not.
func (s *script) extension(ctx context.Context, x *Exchange, e164 string) (string, error) {
	if x.Connect.Context == "" || e164 != "+"+onlyDigits(e164) { // what was received as something else is not for the dialplan
		return "", nil
	}
	for _, spelling := range x.spellings(e164) {
		if known, err := s.voice.dials(ctx, spelling); err != nil || known {
			return spelling, err
		}
	}
	return "", nil
}

// managersPrompts are the prompts that an exchange has, asked once.
func (m *Managers) managersPrompts(ctx context.Context, x *Exchange) (Prompts, error) {
	if known, ok := m.prompts.Load(x.Name); ok {
		return known.(Prompts), nil
	}
	prompts, missing, err := defaultPrompts.with(m.cfg.Prompts).present(ctx, x.PBX)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		m.cfg.Log.Warn("the PBX lacks recordings that managers are to hear; they are left out", "pbx", x.Name, "missing", missing)
	}
	m.prompts.Store(x.Name, prompts)
	return prompts, nil
}
