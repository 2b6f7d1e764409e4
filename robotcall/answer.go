package robotcall

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
)

// mostRounds bounds how often a client hears the same, by pressing the key that
// repeats or wrong ones.
const mostRounds = 6

// talk plays what is recorded until a key says what the client wants, and does
// that. Whoever presses none may be a machine: it counts as heard.
func (v *visit) talk(ctx context.Context, voice *Voice) jobs.Result {
	prompts, err := v.clientsPrompts(ctx)
	if err != nil {
		v.cfg.Log.Warn("what is said after keys is not known: nothing is", "pbx", v.exchange.Name, "err", err)
	}
	outcome, detail, connected, err := v.ask(ctx, voice, prompts)
	if err != nil && !errors.Is(err, ErrHungUp) {
		v.cfg.Log.Warn("a reminder was cut short", "reminder", v.id, "err", err)
		if outcome == appointments.Heard { // it was our side that did not go on
			outcome, detail = appointments.Unsure, "it was cut short"
		}
	}
	if !connected {
		if err := voice.Hangup(ctx, detail); err != nil {
			v.cfg.Log.Error("the end of a call could not be written down", "err", err)
		}
	}
	return v.ended(outcome, detail)
}

// ask plays until an answer.
func (v *visit) ask(ctx context.Context, voice *Voice, prompts Prompts) (o appointments.Outcome, detail string, connected bool, err error) {
	silences := 0
	for range mostRounds {
		pressed, err := voice.Ask(ctx, v.media...)
		switch {
		case errors.Is(err, ErrNotPlayed):
			for _, uri := range v.media { // whether it is there is asked again before the next call
				v.has.Delete(v.sound(uri))
			}
			return appointments.Unsure, string(appointments.MissingSound) + ": it could not be played", false, err
		case err != nil:
			return appointments.Heard, "hung up without a key", false, err
		}
		switch v.call.Keys.Means(pressed) {
		case "confirm":
			return v.done(ctx, voice, prompts, appointments.SaidYes, pressed)
		case "cancel":
			return v.done(ctx, voice, prompts, appointments.SaidNo, pressed)
		case "opt_out":
			return v.done(ctx, voice, prompts, appointments.OptedOut, pressed)
		case "person":
			return v.person(ctx, voice, prompts, pressed)
		case "repeat":
			continue
		}
		if pressed != "" {
			if err := voice.Say(ctx, prompts[PromptWrongKey]...); err != nil {
				return appointments.Heard, "hung up after a wrong key", false, err
			}
			continue
		}
		if silences++; silences == mostSilences {
			return appointments.Heard, "no key was pressed", false, voice.Tell(ctx, prompts[PromptGoodbye]...)
		}
	}
	return appointments.Heard, "no key that says anything was pressed", false, voice.Tell(ctx, prompts[PromptGoodbye]...)
}

// done writes down what the client has said before anything else can go wrong,
// and thanks them.
func (v *visit) done(ctx context.Context, voice *Voice, prompts Prompts, o appointments.Outcome, pressed string) (appointments.Outcome, string, bool, error) {
	detail := "key " + pressed
	if err := v.record(ctx, voice, o, detail, pressed); err != nil {
		return o, detail, false, err
	}
	err := voice.Tell(ctx, prompts[PromptDone]...)
	if err == nil {
		err = voice.Tell(ctx, prompts[PromptGoodbye]...)
	}
	return o, detail, false, err
}

func (v *visit) record(ctx context.Context, voice *Voice, o appointments.Outcome, detail, pressed string) error {
	return v.cfg.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) error {
		if err := dials.MarkKey(tx, voice.leg.id, pressed); err != nil {
			return err
		}
		return v.cfg.Desk.Made(tx, v.id, v.dialed(), o, detail)
	})
}

// person connects the client with the manager, where that is possible now. A
// lead is opened in any case: it is settled when the two have talked.
func (v *visit) person(ctx context.Context, voice *Voice, prompts Prompts, pressed string) (appointments.Outcome, string, bool, error) {
	extension, why, err := v.extension(ctx, voice)
	if err != nil || extension == "" {
		v.cfg.Log.Info("a client could not be connected at once", "reminder", v.id, "why", why, "err", err)
		return v.done(ctx, voice, prompts, appointments.WantsTalk, pressed)
	}
	detail := "connected with extension " + extension
	if err := v.record(ctx, voice, appointments.WantsTalk, detail, pressed); err != nil {
		return appointments.WantsTalk, detail, false, err
	}
	if err := voice.Tell(ctx, prompts[PromptConnecting]...); err != nil {
		return appointments.WantsTalk, detail, false, err
	}
	x := v.exchange
	passes, decision, err := v.cfg.Guard.Admit(ctx, Request{Kind: dials.Connect, PBX: x.Name, Trunk: x.Connect.Context,
		Device: extension + "@" + x.Connect.Context, Who: v.call.Manager, Job: v.job.ID, Reminder: v.id, Call: voice.Pass.dial.Call})
	if err == nil && !decision.Allowed {
		err = errors.New(Words[decision.Reason])
	}
	if err == nil {
		err = voice.Connect(ctx, passes[0], extension, onlyDigits(v.call.Number), nil)
	}
	return appointments.WantsTalk, detail, err == nil, err
}

// extension is how the dialplan reaches a phone of the manager; empty where none
// is there now, and why.
func (v *visit) extension(ctx context.Context, voice *Voice) (extension, why string, err error) {
	person := v.cfg.Office.Directory.Manager(v.call.Manager)
	if !v.onDuty(person, v.call.Line, v.cfg.DB.Now()) {
		return "", "not on duty", nil
	}
	why = "no phone on this PBX"
	for i := range person.Devices {
		device := &person.Devices[i]
		if v.cfg.Dialer.only(device.PBX) != v.exchange {
			continue
		}
		busy := false
		if why, busy, err = v.exchange.phone(ctx, device); busy {
			why = "phone " + device.ShownAs() + " is busy"
		}
		if err != nil || why != "" {
			continue
		}
		if known, err := voice.dials(ctx, device.ShownAs()); err != nil || known {
			return device.ShownAs(), "", err
		}
		why = "the dialplan does not dial " + device.ShownAs()
	}
	return "", why, err
}

// dials says whether the dialplan that calls go out by knows an extension.
func (v *Voice) dials(ctx context.Context, extension string) (bool, error) {
	x := v.leg.exchange
	known, err := x.PBX.Variable(ctx, v.leg.id, fmt.Sprintf("DIALPLAN_EXISTS(%s,%s,1)", x.Connect.Context, extension))
	if err != nil {
		return false, fmt.Errorf("robotcall: connect: %w", err)
	}
	n, err := strconv.Atoi(known)
	return err == nil && n > 0, nil
}

// clientsPrompts are the prompts in the client's language that the exchange has,
// asked once.
func (v *visit) clientsPrompts(ctx context.Context) (Prompts, error) {
	key := [2]string{v.exchange.Name, v.call.Language}
	if known, ok := v.prompts.Load(key); ok {
		return known.(Prompts), nil
	}
	prompts, missing, err := defaultPrompts.with(v.cfg.Prompts[v.call.Language]).present(ctx, v.exchange.PBX, v.call.Language)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		v.cfg.Log.Warn("the PBX lacks recordings that clients are to hear; they are left out", "pbx", v.exchange.Name,
			"language", v.call.Language, "missing", missing)
	}
	v.prompts.Store(key, prompts)
	return prompts, nil
}
