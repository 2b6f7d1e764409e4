package robotcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/routing"
)

// RemindersConfig says how clients are called.
type RemindersConfig struct {
	DB     *db.DB
	Dialer *Dialer
	Guard  *Guard
	Rules  *Rules
	Desk   *appointments.Desk
	Office *leads.Office
	// Prompts are the company's own, by language, over those made of Asterisk's
	// sounds: what is said after a key.
	Prompts map[string]Prompts
	// Ring is how long a phone rings.
	Ring time.Duration
	Log  *slog.Logger
}

// Reminders calls clients, plays what is recorded for them, and does what they
// say by a key.
type Reminders struct {
	cfg RemindersConfig
	// What was found out of the exchanges: media and prompts that they have.
	has     sync.Map // [3]string{exchange, URI, language}: true
	prompts sync.Map // [2]string{exchange, language}: Prompts
}

// NewReminders makes them. Their Work does nothing until a jobs.Runner has it.
func NewReminders(c RemindersConfig) *Reminders {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Reminders{cfg: c}
}

// Work is the work of appointments.KindReminder. A call whose process died is
// gone on with, or counts as made: it is never placed again.
func (r *Reminders) Work() jobs.Work {
	return jobs.Work{Kind: appointments.KindReminder, Crash: jobs.Repeat, Workers: r.cfg.Rules.Concurrent, ByExpiry: true, Dated: true,
		Timeout: longestScript + time.Minute,
		Do:      r.do, Expired: r.expired,
		GaveUp: func(tx *db.Tx, j jobs.Job, err error) error {
			return r.notMade(tx, j, appointments.BrokenReminder, err.Error())
		}}
}

func reminderOf(j jobs.Job) (int64, error) {
	var due appointments.Due
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return 0, fmt.Errorf("robotcall: reminder: %w", err)
	}
	return due.Reminder, nil
}

func (r *Reminders) notMade(tx *db.Tx, j jobs.Job, why appointments.Reason, detail string) error {
	id, err := reminderOf(j)
	if err != nil {
		return err
	}
	return r.cfg.Desk.NotMade(tx, id, why, detail)
}

// expired follows a reminder whose time ran out, after attempts or before the
// first.
func (r *Reminders) expired(tx *db.Tx, j jobs.Job) error {
	former, err := reminded(tx, j)
	if err != nil {
		return err
	}
	if dials.Consumed(former) == 0 {
		return r.notMade(tx, j, appointments.TooLate, "")
	}
	id, err := reminderOf(j)
	if err != nil {
		return err
	}
	o, detail := became(former[0])
	return r.cfg.Desk.Made(tx, id, former[0].Number, o, detail)
}

// became is what the last call of a reminder makes of it.
func became(last dials.Dial) (o appointments.Outcome, detail string) {
	switch {
	case last.Ended.IsZero():
		return appointments.Unsure, "its time ran out while the call went on"
	case last.Outcome == dials.Answered:
		return appointments.Heard, last.Detail
	case last.Outcome == dials.Unknown:
		return appointments.Unsure, last.Detail
	}
	return appointments.NotReached, string(last.Outcome)
}

// reminded lists the calls that were placed for a reminder, the newest first; a
// connection to the manager is none of them.
func reminded(tx *db.Tx, j jobs.Job) ([]dials.Dial, error) {
	all, err := dials.OfJob(tx, j.ID)
	return slices.DeleteFunc(all, func(d dials.Dial) bool { return d.Kind != dials.Reminder }), err
}

// visit is one call to one client.
type visit struct {
	*Reminders
	job      jobs.Job
	id       int64
	call     *appointments.Call // nil: there is nothing to be made any more
	exchange *Exchange
	media    []string
	former   []dials.Dial // the newest first
}

// do makes one attempt.
func (r *Reminders) do(ctx context.Context, j jobs.Job) jobs.Result {
	id, err := reminderOf(j)
	if err != nil {
		return jobs.Result{Err: err}
	}
	v := &visit{Reminders: r, job: j, id: id}
	var why appointments.Reason
	var detail string
	err = r.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		if v.call, why, detail, err = r.cfg.Desk.Ready(tx, id); err != nil {
			return err
		}
		v.former, err = reminded(tx, j)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err, Again: soon}
	}
	if len(v.former) > 0 {
		if res, over := v.follow(ctx, why); over {
			return res
		}
	}
	switch {
	case why != "":
		return v.unmade(why, detail)
	case v.call == nil:
		return jobs.Result{}
	}
	return v.make(ctx)
}

// follow goes on from the last call that was placed for this reminder; over says
// that no other is to be placed now. The process may have died before what
// became of it was noted: the call's own end goes before why it is not to be
// made any more.
func (v *visit) follow(ctx context.Context, why appointments.Reason) (res jobs.Result, over bool) {
	last := v.former[0]
	if last.Ended.IsZero() {
		return v.resume(ctx), true
	}
	o, detail := became(last)
	pause, again := v.cfg.Rules.Retry(last.Outcome, dials.Consumed(v.former))
	due := last.Ended.Add(pause)
	switch {
	case o != appointments.NotReached:
		return v.ended(o, detail), true
	case why == "" && v.call == nil:
		return jobs.Result{}, true // noted, or withdrawn
	case why != "" && dials.Consumed(v.former) == 0:
		return jobs.Result{}, false // no call was made, for this reason
	case why != "" || !again:
		return v.ended(o, detail), true
	case v.cfg.DB.Now().Before(due):
		return jobs.Result{Again: due.Sub(v.cfg.DB.Now()), Err: errors.New(detail)}, true
	}
	return jobs.Result{}, false
}

func (v *visit) unmade(why appointments.Reason, detail string) jobs.Result {
	return jobs.Result{Note: func(tx *db.Tx) error { return v.cfg.Desk.NotMade(tx, v.id, why, detail) }}
}

func (v *visit) ended(o appointments.Outcome, detail string) jobs.Result {
	return jobs.Result{Note: func(tx *db.Tx) error { return v.cfg.Desk.Made(tx, v.id, v.dialed(), o, detail) }}
}

// dialed is the number that is called, or was.
func (v *visit) dialed() string {
	if v.call == nil { // there was a call, or nothing would have ended
		return v.former[0].Number
	}
	return v.call.Number
}

// resume goes on with a call that a former life has placed.
func (v *visit) resume(ctx context.Context) jobs.Result {
	voice, reports := v.cfg.Dialer.Resume(ctx, v.former[:1], v.order())
	switch {
	case voice == nil && reports[0].Connected:
		return v.ended(appointments.WantsTalk, reports[0].Detail)
	case voice == nil:
		return v.after(ctx, reports[0])
	}
	v.exchange = voice.leg.exchange
	if v.call == nil || !v.prepare(ctx) {
		// Changed or answered meanwhile: nothing that is true could be said.
		if err := voice.Hangup(ctx, errAway.Error()); err != nil {
			return jobs.Result{Err: err, Again: soon}
		}
		return v.ended(appointments.Unsure, errAway.Error())
	}
	return v.talk(ctx, voice)
}

// prepare composes what is played again; false when that cannot be.
func (v *visit) prepare(ctx context.Context) bool {
	why, _, err := v.compose(ctx)
	return why == "" && err == nil
}

// make rings the client, if what they are to hear is there and the Guard lets it
// pass.
func (v *visit) make(ctx context.Context) jobs.Result {
	if v.exchange = v.cfg.Dialer.only(v.call.PBX); v.exchange == nil || v.exchange.Connect.Context == "" {
		return v.unmade(appointments.NoLine, "its PBX has no connect.context")
	}
	why, detail, err := v.compose(ctx)
	switch {
	case err != nil:
		return jobs.Result{Err: err, Again: soon}
	case why != "":
		return v.unmade(why, detail)
	}
	return v.ring(ctx)
}

// only finds an exchange by its name; the only one has none.
func (d *Dialer) only(name string) *Exchange {
	if x := d.exchanges[name]; x != nil || name != "" || len(d.exchanges) != 1 {
		return x
	}
	for _, x := range d.exchanges {
		return x
	}
	return nil
}

// compose makes the media, and asks the PBX whether it has them all.
func (v *visit) compose(ctx context.Context) (why appointments.Reason, detail string, err error) {
	c := v.call
	if v.media, err = Compose(c.Language, c.Media, Booked{Starts: c.Starts, Fields: c.Fields}, v.cfg.DB.Now()); err != nil {
		return appointments.MissingField, err.Error(), nil
	}
	for _, uri := range v.media {
		if _, known := v.has.Load(v.sound(uri)); known {
			continue
		}
		switch has, err := v.exchange.PBX.HasMedia(ctx, uri, c.Language); {
		case err != nil:
			return "", "", fmt.Errorf("robotcall: reminder: %w", err)
		case !has:
			return appointments.MissingSound, lacking(uri, c.Language), nil
		}
		v.has.Store(v.sound(uri), true)
	}
	return "", "", nil
}

// sound is what is to be played, where and in which language.
func (v *visit) sound(uri string) [3]string { return [3]string{v.exchange.Name, uri, v.call.Language} }

// lacking names a recording that is not there; stored ones are in no language.
func lacking(uri, language string) string {
	if strings.HasPrefix(uri, "recording:") {
		return uri
	}
	return uri + " in " + language
}

func (v *visit) order() Order {
	o := Order{Ring: v.cfg.Ring}
	if v.call == nil {
		return o
	}
	o.Language = v.call.Language
	if shown := v.shown(); shown != "" {
		o.CallerID = "<" + shown + ">"
	}
	return o
}

// shown is the number that the client sees: the pool's own, as the trunk wants
// it, or the line's.
func (v *visit) shown() string {
	line := v.cfg.Office.Directory.LineNamed(v.call.Line)
	if pool := v.cfg.Office.Directory.PoolOf(line); pool != nil && pool.CallerID != "" {
		return pool.CallerID
	}
	if line == nil {
		return ""
	}
	return onlyDigits(shownNumber(line))
}

// ring asks the Guard and rings. Where nobody has said how the dialplan wants
// numbers, it is tried in one way after the other, until the dialplan dials: all
// that is one call.
func (v *visit) ring(ctx context.Context) jobs.Result {
	c, x := v.call, v.exchange
	ways := x.ways(c.Number)
	q := Request{Kind: dials.Reminder, PBX: x.Name, Trunk: x.Connect.Context, Number: c.Number, Who: c.Manager, Zone: c.Zone,
		Job: v.job.ID, Reminder: v.id, Expires: c.Expires}
	for n, way := range ways {
		q.Device = x.way(way)
		passes, decision, err := v.cfg.Guard.Admit(ctx, q)
		switch {
		case err != nil:
			return jobs.Result{Err: err, Again: soon}
		case !decision.Allowed && !decision.Until.IsZero():
			return jobs.Result{Again: max(decision.Until.Sub(v.cfg.DB.Now()), time.Second), Err: errors.New(Words[decision.Reason])}
		case !decision.Allowed:
			return v.refused(decision)
		}
		q.Call = passes[0].dial.Call
		voice, reports := v.cfg.Dialer.Ring(ctx, passes, v.order())
		if voice == nil && reports[0].Outcome == dials.Failed && n+1 < len(ways) {
			continue
		}
		if voice == nil {
			return v.after(ctx, reports[0])
		}
		x.learn(c.Number, way)
		return v.talk(ctx, voice)
	}
	return jobs.Result{Err: errors.New("robotcall: no way to write a number")} // there is always one
}

// refused ends a reminder that the Guard never lets pass. What was tried before
// was tried.
func (v *visit) refused(d Decision) jobs.Result {
	switch {
	case dials.Consumed(v.former) > 0:
		return v.ended(appointments.NotReached, Words[d.Reason])
	case d.Reason == TooLate:
		return v.unmade(appointments.TooLate, "")
	}
	return v.unmade(appointments.Forbidden, Words[d.Reason])
}

// after follows an attempt that nobody answered.
func (v *visit) after(ctx context.Context, r Report) jobs.Result {
	detail := string(r.Outcome)
	if r.Detail != "" {
		detail += " (" + r.Detail + ")"
	}
	switch {
	case r.Open:
		return jobs.Result{Again: soon, Err: errors.New(r.Detail)}
	case r.Outcome == dials.Unknown:
		return v.ended(appointments.Unsure, detail)
	case v.call == nil:
		return v.ended(appointments.NotReached, detail)
	}
	var all []dials.Dial
	err := v.cfg.DB.Do(context.WithoutCancel(ctx), func(tx *db.Tx) (err error) {
		all, err = reminded(tx, v.job)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err, Again: soon}
	}
	pause, again := v.cfg.Rules.Retry(r.Outcome, dials.Consumed(all))
	switch late := !v.cfg.DB.Now().Add(pause).Before(v.call.Expires); {
	case late && dials.Consumed(all) == 0:
		return v.unmade(appointments.TooLate, detail)
	case late || !again:
		return v.ended(appointments.NotReached, detail)
	}
	return jobs.Result{Again: pause, Err: errors.New(detail), Note: func(tx *db.Tx) error { return v.cfg.Desk.Tried(tx, v.id, detail) }}
}

// onDuty says whether a person can be connected with clients now.
func (r *Reminders) onDuty(person *routing.Manager, line string, now time.Time) bool {
	directory := r.cfg.Office.Directory
	pool := directory.PoolOf(directory.LineNamed(line))
	return person != nil && person.OnDuty(now) && pool != nil && pool.Hours.Open(now)
}
