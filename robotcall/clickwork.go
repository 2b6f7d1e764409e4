package robotcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/routing"
)

// Clicks is the work of KindClick. A call whose process died is gone on with; it
// is never placed again.
func (m *Managers) Clicks() jobs.Work {
	end := func(why ClickEnd) func(tx *db.Tx, j jobs.Job) error {
		return func(tx *db.Tx, j jobs.Job) error {
			w, err := m.clicked(tx, j)
			if err != nil {
				return err
			}
			return w.end(tx, string(why))
		}
	}
	failed := end(ClickFailed)
	return jobs.Work{Kind: KindClick, Crash: jobs.Repeat, AtOnce: true, Timeout: m.cfg.Ring*time.Duration(mostPhones) + time.Minute,
		Do: m.doClick, Expired: failed, GaveUp: func(tx *db.Tx, j jobs.Job, _ error) error { return failed(tx, j) }}
}

// mostPhones bounds how many phones of one person ring one after the other for
// as long as they may.
const mostPhones = 5

// clickWork is one call that somebody has asked for.
type clickWork struct {
	*Managers
	job    jobs.Job
	click  dials.Clicked
	person *routing.Manager
	former []dials.Dial // what a former life has placed for it
}

// clicked reads what a job is about, and notes that it does that.
func (m *Managers) clicked(tx *db.Tx, j jobs.Job) (*clickWork, error) {
	var due clickDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return nil, fmt.Errorf("robotcall: click: %w", err)
	}
	c, err := dials.FindClick(tx, due.Click)
	if err == nil && c == nil {
		err = fmt.Errorf("robotcall: click %d is gone", due.Click)
	}
	if err != nil {
		return nil, err
	}
	w := &clickWork{Managers: m, job: j, click: *c, person: m.cfg.Office.Directory.Manager(c.Who)}
	if w.person == nil {
		w.person = &routing.Manager{Login: c.Who} // gone from the configuration: without a phone
	}
	if err := dials.BeginClick(tx, c.ID, j.ID); err != nil {
		return nil, err
	}
	w.former, err = dials.OfJob(tx, j.ID)
	return w, err
}

func (m *Managers) doClick(ctx context.Context, j jobs.Job) jobs.Result {
	var w *clickWork
	err := m.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		w, err = m.clicked(tx, j)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err, Again: time.Second}
	}
	why, again := w.connect(ctx)
	if again != nil {
		return jobs.Result{Err: again, Again: soon}
	}
	return jobs.Result{Note: func(tx *db.Tx) error { return w.end(tx, why) }}
}

// end notes what became of it. Who is connected has taken the lead on.
func (w *clickWork) end(tx *db.Tx, why string) error {
	if err := dials.EndClick(tx, w.click.ID, why); err != nil {
		return err
	}
	if why == dials.Connected && w.click.Lead != 0 {
		if err := w.taken(tx); err != nil {
			return err
		}
	}
	return leads.Note(tx, leads.Entry{Lead: leads.Ref(w.click.Lead), Contact: leads.Ref(w.click.Contact), Kind: leads.EntryClick,
		Who: w.person.Login, Channel: w.click.How, Detail: why})
}

// taken makes the lead theirs, unless it is settled or another's by now, or the
// connection has come to nothing already.
func (w *clickWork) taken(tx *db.Tx) error {
	c, err := dials.FindClick(tx, w.click.ID)
	if err != nil || c == nil || c.Talk != nil && inVain(c.Talk.Outcome) {
		return err
	}
	l, err := leads.Find(tx, w.click.Lead)
	if err != nil || l == nil || !l.Closed.IsZero() || l.Manager != "" && l.Manager != w.person.Login {
		return err
	}
	by, known := leads.SightOf(w.cfg.Office.Directory, w.person.Login)
	if !known {
		return nil // gone from the configuration
	}
	err = w.cfg.Book.Hand(by, leads.ByConnect).Take(tx, l.ID)
	if errors.Is(err, leads.ErrNotInSight) { // not of its pool any more
		return nil
	}
	return err
}

// connect rings the person and connects them: why is dials.Connected, or what was
// in the way; again that nobody knows what became of it just now.
func (w *clickWork) connect(ctx context.Context) (why string, again error) {
	if len(w.former) == 0 {
		return w.place(ctx)
	}
	open := stillOpen(w.former)
	if len(open) == 0 {
		return w.became(), nil
	}
	voice, reports := w.cfg.Dialer.Resume(ctx, open, w.order())
	return w.heard(ctx, voice, reports)
}

// became is how a call ended whose process died before it wrote that down.
func (w *clickWork) became() string {
	var reports []Report
	for _, d := range w.former {
		switch {
		case d.Kind != dials.Connect:
		case d.Outcome == dials.Stopped: // it was booked, and not dialed
			return string(ClickFailed)
		default:
			return dials.Connected
		}
		reports = append(reports, Report{Outcome: d.Outcome})
	}
	return string(unanswered(reports))
}

// place rings the person's phones, if the client may be dialed at all.
func (w *clickWork) place(ctx context.Context) (why string, again error) {
	devices, _, busy, err := w.reachable(ctx, w.person)
	switch {
	case busy:
		return string(YouAreBusy), nil
	case len(devices) == 0 && err != nil:
		return w.failed(err)
	case len(devices) == 0:
		return string(YouHaveNoPhone), nil
	}
	decision, err := w.cfg.Guard.Ask(ctx, Request{Kind: dials.Connect, PBX: devices[0].PBX, Number: w.click.Number, Job: w.job.ID})
	switch {
	case err != nil:
		return w.failed(err)
	case !decision.Allowed:
		return string(refusedClick(decision.Reason)), nil
	}
	var legs []Request
	for _, device := range devices {
		legs = append(legs, Request{Kind: dials.Click, PBX: device.PBX, Device: device.Address(), Who: w.person.Login, Job: w.job.ID, Lead: w.click.Lead})
	}
	passes, decision, err := w.cfg.Guard.Admit(ctx, legs...)
	switch {
	case err != nil:
		return w.failed(err)
	case !decision.Allowed:
		return string(refusedClick(decision.Reason)), nil
	}
	voice, reports := w.cfg.Dialer.Ring(ctx, passes, w.order())
	return w.heard(ctx, voice, reports)
}

func (w *clickWork) failed(err error) (string, error) {
	w.cfg.Log.Warn("somebody could not be connected with a client", "who", w.person.Login, "err", err)
	return string(ClickFailed), nil
}

// order shows on the person's phone whom they are about to talk with, under the
// number that the client will see: never under the client's own.
func (w *clickWork) order() Order {
	id := fmt.Sprintf("%q", "Call "+w.click.Number)
	if shown := onlyDigits(w.click.Shown); shown != "" {
		id += " <" + shown + ">"
	}
	return Order{Ring: w.cfg.Ring, CallerID: id, Language: w.cfg.Language, InTurn: w.person.Ring == routing.RingInTurn}
}

// heard follows the ringing of the person's phones.
func (w *clickWork) heard(ctx context.Context, voice *Voice, reports []Report) (why string, again error) {
	if voice != nil {
		if refused := w.handOver(ctx, voice); refused != "" {
			w.sorry(ctx, voice, refused)
			return string(refused), nil
		}
		return dials.Connected, nil
	}
	for _, r := range reports {
		switch {
		case r.Connected:
			return dials.Connected, nil
		case r.Open:
			return "", errors.New(r.Detail)
		}
	}
	return string(unanswered(reports)), nil
}

// unanswered says why none of somebody's phones was picked up: what rang tells
// more than what could not.
func unanswered(legs []Report) ClickEnd {
	said := map[dials.Outcome]bool{}
	for _, leg := range legs {
		said[leg.Outcome] = true
	}
	switch {
	case said[dials.NoAnswer], said[dials.Rejected]:
		return YouDidNot
	case said[dials.Busy]:
		return YouAreBusy
	case said[dials.Unreachable]:
		return YouHaveNoPhone
	}
	return ClickFailed
}

// handOver lets the phone that was picked up go on to the client; why it did not
// is empty where it did.
func (w *clickWork) handOver(ctx context.Context, voice *Voice) ClickEnd {
	x, number := voice.leg.exchange, w.click.Number
	extension, err := voice.spelled(ctx, number)
	switch {
	case err != nil:
		return w.notHanded(err)
	case extension == "":
		return NoWayOut
	}
	passes, decision, err := w.cfg.Guard.Admit(ctx, Request{Kind: dials.Connect, PBX: x.Name, Trunk: x.Connect.Context, Number: number,
		Device: extension + "@" + x.Connect.Context, Who: w.person.Login, Job: w.job.ID, Lead: w.click.Lead, Call: voice.Pass.dial.Call})
	switch {
	case err != nil:
		return w.notHanded(err)
	case !decision.Allowed:
		return refusedClick(decision.Reason)
	}
	fell := func(tx *db.Tx) error {
		tx.AfterCommit(func() { x.unlearn(number, extension) })
		if w.click.Lead == 0 {
			return nil
		}
		return w.cfg.Book.GiveBack(tx, w.click.Lead, w.person.Login)
	}
	err = voice.Connect(ctx, passes[0], extension, w.click.Shown, fell)
	switch {
	case errors.Is(err, ErrHungUp):
		return YouDidNot
	case err != nil:
		return w.notHanded(err)
	}
	return ""
}

func (w *clickWork) notHanded(err error) ClickEnd {
	if errors.Is(err, ErrHungUp) {
		return YouDidNot
	}
	_, _ = w.failed(err)
	return ClickFailed
}

// refusedClick is a refusal of the rules in the words of a Click.
func refusedClick(why Reason) ClickEnd {
	switch why {
	case PersonBusy:
		return YouAreBusy
	case NumberBusy:
		return ClientBusy
	case Observing, BadNumber, BadCountry, BadType:
		return Forbidden
	}
	return ClickFailed
}

// sorry says that there is no connection, to who has picked up for one.
func (w *clickWork) sorry(ctx context.Context, voice *Voice, why ClickEnd) {
	if said, err := w.spoken(ctx, voice.leg.exchange); err == nil {
		voice.language = said.language
		if err := voice.Tell(ctx, said.prompts[PromptCannotConnect]...); err != nil && !errors.Is(err, ErrHungUp) {
			w.cfg.Log.Warn("somebody was not told that they are not connected", "who", w.person.Login, "err", err)
		}
	}
	if err := voice.Hangup(ctx, string(why)); err != nil {
		w.cfg.Log.Error("the end of a call could not be written down", "err", err)
	}
}
