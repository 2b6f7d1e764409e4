package robotcall

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/routing"
)

// errand is one call to one manager.
type errand struct {
	*Managers
	job    jobs.Job
	person *routing.Manager
	began  time.Time
	owed   []leads.Owed // what there was to tell when it was placed
	heldUp []leads.Owed // what asks for the call too, unless a talk that goes on settles it
	former []dials.Dial // what a former life has placed for it, the oldest first
	told   []int64      // the leads that were announced
	away   string       // which of the person's phones were not rung, and why
}

// errand reads what a job is about. A call that had no room on a trunk was none.
func (m *Managers) errand(tx *db.Tx, j jobs.Job) (*errand, error) {
	var due leads.CallDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return nil, fmt.Errorf("robotcall: call: %w", err)
	}
	e := &errand{Managers: m, job: j, person: m.cfg.Office.Directory.Manager(due.Manager), began: tx.Now()}
	if e.person == nil {
		e.person = &routing.Manager{Login: due.Manager} // gone from the configuration: without a phone
	}
	var err error
	if e.owed, err = m.cfg.Book.Owed(tx, due.Manager); err != nil {
		return nil, err
	}
	if e.heldUp, err = m.cfg.Book.HeldUp(tx, due.Manager); err != nil {
		return nil, err
	}
	all, err := dials.OfJob(tx, j.ID)
	if err != nil {
		return nil, err
	}
	e.former = slices.DeleteFunc(all, func(d dials.Dial) bool { return d.Outcome == dials.Congestion })
	slices.Reverse(e.former)
	if len(e.former) > 0 {
		e.began = e.former[0].Booked
		e.told, err = leads.Announced(tx, due.Manager, e.began)
	}
	return e, err
}

func (m *Managers) do(ctx context.Context, j jobs.Job) jobs.Result {
	var e *errand
	var disturbed string
	err := m.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		if e, err = m.errand(tx, j); err != nil || m.cfg.Disturbs == nil {
			return err
		}
		disturbed, err = m.cfg.Disturbs(tx, e.person.Login)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err, Again: soon}
	}
	open := stillOpen(e.former)
	switch {
	case len(open) > 0:
		return e.heard(ctx, func() (*Voice, []Report) { return m.cfg.Dialer.Resume(ctx, open, e.order()) })
	case len(e.former) > 0:
		return jobs.Result{Note: func(tx *db.Tx) error { return e.end(tx, summary(e.former)) }}
	case len(e.owed) == 0 && len(e.heldUp) > 0:
		return jobs.Result{Again: soon, Err: errors.New("the client is on the phone")}
	case len(e.owed) == 0:
		return jobs.Result{Note: func(tx *db.Tx) error { return e.over(tx, false) }}
	case disturbed != "": // since the ladder has asked for the call
		return e.notRung(disturbed)
	}
	return e.place(ctx)
}

// soon is when a call is tried again that could not be tried now: our own side
// failed, or somebody is on the phone. It is tried as long as it is worth it.
const soon = 15 * time.Second

// stillOpen are the legs to a manager's phones whose end is not known.
func stillOpen(all []dials.Dial) []dials.Dial {
	var open []dials.Dial
	for _, d := range all {
		if d.Ended.IsZero() && d.Kind.ToHouse() {
			open = append(open, d)
		}
	}
	return open
}

// place rings the phones, if they are there and the Guard lets it pass.
func (e *errand) place(ctx context.Context) jobs.Result {
	devices, away, busy, err := e.reachable(ctx, e.person)
	switch {
	case busy:
		return jobs.Result{Again: soon, Err: errors.New("on the phone")}
	case len(devices) == 0 && err != nil: // nobody knows whether a phone is there
		return jobs.Result{Again: soon, Err: err}
	case len(devices) == 0:
		return e.notRung(away)
	}
	e.away = away
	var requests []Request
	for _, device := range devices {
		requests = append(requests, Request{Kind: dials.Manager, PBX: device.PBX, Device: device.Address(), Who: e.person.Login,
			Job: e.job.ID, Lead: e.owed[0].ID})
	}
	passes, decision, err := e.cfg.Guard.Admit(ctx, requests...)
	switch {
	case err != nil:
		return jobs.Result{Again: soon, Err: err}
	case !decision.Allowed && !decision.Until.IsZero():
		return jobs.Result{Again: max(decision.Until.Sub(e.cfg.DB.Now()), time.Second), Err: errors.New(Words[decision.Reason])}
	case !decision.Allowed:
		return e.notRung(Words[decision.Reason])
	}
	return e.heard(ctx, func() (*Voice, []Report) { return e.cfg.Dialer.Ring(ctx, passes, e.order()) })
}

func (e *errand) order() Order {
	return Order{Ring: e.cfg.Ring, CallerID: e.callerID(), Language: e.cfg.Language, InTurn: e.person.Ring == routing.RingInTurn}
}

// callerID is what the manager's phone shows: how many calls are owed, under the
// number of the line. It has no empty number: Asterisk would send its own name.
func (e *errand) callerID() string {
	if len(e.owed) == 0 {
		return `"Missed calls"`
	}
	name := fmt.Sprintf(`"Missed calls: %d"`, len(e.owed))
	if number := e.cfg.shown(&e.owed[0]); number != "" {
		return name + " <" + number + ">"
	}
	return name
}

// shown is the number that is shown for calls about a lead: the pool's own as it
// is written, or the line's, or what the client had dialed where that is no line.
func (c *ManagersConfig) shown(o *leads.Owed) string {
	if pool := c.Office.Directory.Pool(o.Pool); pool != nil && pool.CallerID != "" {
		return pool.CallerID
	}
	if line := c.Office.Directory.LineNamed(o.Line); line != nil {
		return onlyDigits(shownNumber(line))
	}
	if strings.HasPrefix(o.Dialed, "+") { // not what only the dialplan knows: s, or 100
		return onlyDigits(o.Dialed)
	}
	return ""
}

// reachable asks which of a person's phones are there, and whether the person is
// on one of them. away says why the others are not, err that a PBX has not told.
func (m *Managers) reachable(ctx context.Context, person *routing.Manager) (devices []routing.Device, away string, busy bool, err error) {
	var why []string
	if len(person.Devices) == 0 {
		why = append(why, "they have no phone")
	}
	for _, device := range person.Devices {
		x := m.cfg.Dialer.exchanges[device.PBX]
		if x == nil {
			why = append(why, fmt.Sprintf("PBX %s of phone %s is not configured", device.PBX, device.ShownAs()))
			continue
		}
		gone, inCall, asked := x.phone(ctx, &device)
		switch {
		case asked != nil:
			err = asked
			why = append(why, fmt.Sprintf("PBX %s does not tell of phone %s", device.PBX, device.ShownAs()))
		case gone != "":
			why = append(why, gone)
		default:
			devices, busy = append(devices, device), busy || inCall
		}
	}
	return devices, strings.Join(why, "; "), busy, err
}

// expired ends a call whose time ran out. What has asked for one later than that
// gets another.
func (m *Managers) expired(tx *db.Tx, j jobs.Job) error {
	e, err := m.errand(tx, j)
	if err != nil {
		return err
	}
	if len(e.former) > 0 {
		return e.end(tx, summary(e.former))
	}
	e.began = tx.Now().Add(-leads.CallWorth)
	asked := slices.Concat(e.owed, e.heldUp)
	e.heldUp = nil
	e.owed = slices.DeleteFunc(asked, func(o leads.Owed) bool { return o.CallDue.IsZero() || o.CallDue.After(e.began) })
	return e.fruitless(tx, "its time ran out")
}

// notRung ends an errand for which no phone was rung.
func (e *errand) notRung(why string) jobs.Result {
	return jobs.Result{Note: func(tx *db.Tx) error { return e.fruitless(tx, why) }}
}

func (e *errand) fruitless(tx *db.Tx, why string) error { return e.end(tx, "not rung: "+why) }

// end is the end of a call for all that it was about, told or not: who did not
// answer, or hung up when they had heard how many calls they owe, is not rung
// again for them. The ladder goes on by itself.
func (e *errand) end(tx *db.Tx, detail string) error {
	if err := e.noteUntold(tx, detail); err != nil {
		return err
	}
	return e.over(tx, false)
}

// noteUntold writes what became of the call into the timeline of every lead that
// it was about and that the manager has not heard of. The others have their
// entry.
func (e *errand) noteUntold(tx *db.Tx, detail string) error {
	for i := range e.owed {
		if o := &e.owed[i]; !slices.Contains(e.told, o.ID) {
			if err := e.note(tx, &o.Lead, detail); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *errand) note(tx *db.Tx, l *leads.Lead, detail string) error {
	if e.away != "" {
		detail += "; not rung: " + e.away
	}
	return leads.Note(tx, leads.Entry{Lead: leads.Ref(l.ID), Contact: l.Contact, Kind: leads.EntryRobotCall, Who: e.person.Login, Detail: detail})
}

// over ends the errand; again says that what was not told is for a next call, as
// is what was held up.
func (e *errand) over(tx *db.Tx, again bool) error {
	asking := e.heldUp
	if again {
		asking = slices.Concat(asking, e.owed)
	}
	var left []int64
	for _, o := range asking {
		if !slices.Contains(e.told, o.ID) {
			left = append(left, o.ID)
		}
	}
	return e.cfg.Book.CallEnded(tx, e.job, e.began, e.told, left)
}

// heard goes on with a call that rings, or rang in a former life.
func (e *errand) heard(ctx context.Context, ring func() (*Voice, []Report)) jobs.Result {
	voice, reports := ring()
	if voice == nil {
		return e.unheard(ctx, reports)
	}
	s := script{errand: e, voice: voice}
	detail, err := s.run(ctx)
	if err != nil && !errors.Is(err, ErrHungUp) && !errors.Is(err, errEnough) {
		e.cfg.Log.Warn("a call to a manager was cut short", "to", e.person.Login, "err", err)
	}
	if !s.connected {
		if err := voice.Hangup(ctx, detail); err != nil {
			e.cfg.Log.Error("the end of a call could not be written down", "err", err)
		}
	}
	switch {
	case err == nil:
		return jobs.Result{Note: func(tx *db.Tx) error { return e.over(tx, true) }}
	case stopped(ctx):
		return e.putOff("answered: cut short, as the daemon was stopped")
	}
	return jobs.Result{Note: func(tx *db.Tx) error { return e.end(tx, "answered: "+detail+", before this was told") }}
}

// unheard follows a call that nobody answered, or that needs no script any more.
func (e *errand) unheard(ctx context.Context, reports []Report) jobs.Result {
	legs := slices.DeleteFunc(slices.Clone(e.former), func(d dials.Dial) bool { return d.Ended.IsZero() })
	open, connected, nowhere := false, false, true
	for _, r := range reports {
		leg := r.Pass.dial
		leg.Outcome, leg.Detail = r.Outcome, r.Detail
		legs = append(legs, leg)
		open, connected, nowhere = open || r.Open, connected || r.Connected, nowhere && r.Outcome == dials.Congestion
	}
	detail := summary(legs)
	switch {
	case open:
		return jobs.Result{Again: soon, Err: errors.New(detail)}
	case connected:
		return e.wasConnected()
	case nowhere:
		return jobs.Result{Again: retries[dials.Congestion].after, Err: errors.New(detail)}
	case stopped(ctx):
		return e.putOff("not answered before the daemon was stopped")
	}
	return jobs.Result{Note: func(tx *db.Tx) error { return e.end(tx, detail) }}
}

// stopped says that the daemon stops: what it did not get done is for its next
// life.
func stopped(ctx context.Context) bool { return errors.Is(ctx.Err(), context.Canceled) }

// putOff leaves what was not told to a next call.
func (e *errand) putOff(detail string) jobs.Result {
	return jobs.Result{Note: func(tx *db.Tx) error {
		if err := e.noteUntold(tx, detail); err != nil {
			return err
		}
		return e.over(tx, true)
	}}
}

// wasConnected follows a call in which a life of the daemon has connected the
// manager, and died: perhaps before it had noted with whom.
func (e *errand) wasConnected() jobs.Result {
	var with int64
	for _, d := range e.former {
		if d.Kind == dials.Connect && d.Ended.IsZero() && !slices.Contains(e.told, d.Lead) {
			with = d.Lead
			e.told = append(e.told, with)
		}
	}
	return jobs.Result{Note: func(tx *db.Tx) error {
		if err := e.noteConnected(tx, with); err != nil {
			return err
		}
		return e.over(tx, true)
	}}
}

// noteConnected notes that the manager talks with the contact of a lead: they have
// taken it on, if it is not settled by now.
func (e *errand) noteConnected(tx *db.Tx, lead int64) error {
	l, err := leads.Find(tx, lead)
	if err != nil || l == nil {
		return err
	}
	err = e.cfg.Book.Acknowledge(tx, lead, e.person.Login, leads.ByConnect)
	if err != nil && !errors.Is(err, leads.ErrNotOpen) {
		return err
	}
	return e.note(tx, l, "answered: connect")
}

// summary says what became of the legs to a manager's phones.
func summary(legs []dials.Dial) string {
	var parts []string
	for _, leg := range legs {
		if leg.Kind != dials.Manager {
			continue
		}
		text := fmt.Sprintf("%s: %s", leg.Device, cmp.Or(leg.Outcome, dials.Unknown))
		if leg.Detail != "" {
			text += " (" + leg.Detail + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
