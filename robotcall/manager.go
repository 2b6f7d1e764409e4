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

	"ringback/ari"
	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/routing"
)

// ManagersConfig says how managers are rung about what they owe.
type ManagersConfig struct {
	DB     *db.DB
	Dialer *Dialer
	Guard  *Guard
	Book   *leads.Book
	Office *leads.Office
	// Language of what Asterisk says, "en" or "ru"; Prompts are the company's own
	// in that language, over those made of Asterisk's sounds.
	Language string
	Prompts  Prompts
	// Ring is how long a phone rings.
	Ring time.Duration
	Log  *slog.Logger
}

// Managers rings managers, tells them what they owe, and does what they say by
// a key.
type Managers struct {
	cfg     ManagersConfig
	prompts sync.Map // name of the exchange: Prompts that it has
}

// NewManagers makes them. Their Work does nothing until a jobs.Runner has it.
func NewManagers(c ManagersConfig) *Managers {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	for i := range c.Office.Directory.Managers {
		for _, device := range c.Office.Directory.Managers[i].Devices {
			c.Dialer.presence.watch(phone{device.PBX, device.Address()})
		}
	}
	return &Managers{cfg: c}
}

// Busy says whether a phone of this person has a channel just now.
func (m *Managers) Busy(login string) bool {
	person := m.cfg.Office.Directory.Manager(login)
	if person == nil {
		return false
	}
	for _, device := range person.Devices {
		if m.cfg.Dialer.presence.busy(phone{device.PBX, device.Address()}) {
			return true
		}
	}
	return false
}

// Work is the work of leads.KindCall. A call whose process died is gone on with,
// or counts as made: it is never placed again.
func (m *Managers) Work() jobs.Work {
	return jobs.Work{Kind: leads.KindCall, Crash: jobs.Repeat, Timeout: longestScript + time.Minute, Do: m.do,
		Expired: func(tx *db.Tx, j jobs.Job) error { return m.notRung(tx, j, "its time ran out") },
		GaveUp:  func(tx *db.Tx, j jobs.Job, err error) error { return m.notRung(tx, j, err.Error()) }}
}

// errand is one call to one manager.
type errand struct {
	*Managers
	job    jobs.Job
	person *routing.Manager
	began  time.Time
	owed   []leads.Owed // what there was to tell when it was placed
	told   []int64      // the leads that were announced
}

func (m *Managers) do(ctx context.Context, j jobs.Job) jobs.Result {
	var e *errand
	var former []dials.Dial
	err := m.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		if e, err = m.errand(tx, j); err != nil {
			return err
		}
		former, err = dials.OfJob(tx, j.ID)
		return err
	})
	if err != nil {
		return jobs.Result{Err: err, Again: soon}
	}
	if open := stillOpen(former); len(open) > 0 {
		e.began = open[len(open)-1].Booked
		return e.heard(ctx, func() (*Voice, []Report) { return m.cfg.Dialer.Resume(ctx, open, e.order()) })
	}
	if len(former) > 0 || len(e.owed) == 0 {
		return jobs.Result{Note: e.nothingMore} // it was made in a former life, or all is settled
	}
	return e.place(ctx)
}

// soon is when a call is tried again that our own side could not try.
const soon = 15 * time.Second

// stillOpen are the legs to a manager's phones whose end is not known.
func stillOpen(all []dials.Dial) []dials.Dial {
	var open []dials.Dial
	for _, d := range all {
		if d.Ended.IsZero() && d.Kind == dials.Manager {
			open = append(open, d)
		}
	}
	return open
}

// place rings the phones, if they are there and the Guard lets it pass.
func (e *errand) place(ctx context.Context) jobs.Result {
	devices, away, busy := e.reachable(ctx)
	switch {
	case busy && e.job.Attempt < mostWaits:
		return jobs.Result{Again: soon, Err: errors.New("on the phone")}
	case busy:
		return e.fruitless("on the phone")
	case len(devices) == 0:
		return e.fruitless(away)
	}
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
		return jobs.Result{Again: max(time.Until(decision.Until), time.Second), Err: errors.New(Words[decision.Reason])}
	case !decision.Allowed:
		return e.fruitless(Words[decision.Reason])
	}
	return e.heard(ctx, func() (*Voice, []Report) { return e.cfg.Dialer.Ring(ctx, passes, e.order()) })
}

// mostWaits bounds how often in a row a person on the phone is waited for: 20
// minutes in all.
const mostWaits = 80

func (e *errand) order() Order {
	return Order{Ring: e.cfg.Ring, CallerID: e.callerID(), Language: e.cfg.Language, InTurn: e.person.Ring == routing.RingInTurn}
}

// callerID is what the manager's phone shows: how many calls are owed, under the
// number of the line.
func (e *errand) callerID() string {
	if len(e.owed) == 0 {
		return `"Missed calls"`
	}
	return fmt.Sprintf(`"Missed calls: %d" <%s>`, len(e.owed), onlyDigits(e.cfg.shown(&e.owed[0].Lead)))
}

// shown is the number that is shown for calls about a lead: the pool's own, or
// the line's.
func (c *ManagersConfig) shown(l *leads.Lead) string {
	if pool := c.Office.Directory.Pool(l.Pool); pool != nil && pool.CallerID != "" {
		return pool.CallerID
	}
	if line := c.Office.Directory.LineNamed(l.Line); line != nil {
		return shownNumber(line)
	}
	return ""
}

// reachable asks the PBX which of the person's phones are there, and whether the
// person is on one of them. away says why none is there.
func (e *errand) reachable(ctx context.Context) (devices []routing.Device, away string, busy bool) {
	var why []string
	for _, device := range e.person.Devices {
		x := e.cfg.Dialer.exchanges[device.PBX]
		if x == nil {
			why = append(why, fmt.Sprintf("PBX %s of phone %s is not configured", device.PBX, device.ShownAs()))
			continue
		}
		tech, name, _ := strings.Cut(device.Address(), "/")
		endpoint, err := x.PBX.Endpoint(ctx, tech, name)
		switch {
		case err != nil && tech != "Local" && ari.HTTPStatus(err) != 0:
			why = append(why, fmt.Sprintf("PBX %s has no phone %s", device.PBX, device.Address()))
			continue
		case err != nil && tech != "Local":
			why = append(why, fmt.Sprintf("PBX %s: %s", device.PBX, ari.TroubleOf(err)))
			continue
		case endpoint.State == "offline":
			why = append(why, fmt.Sprintf("phone %s is not registered", device.ShownAs()))
			continue
		}
		busy = busy || len(endpoint.ChannelIDs) > 0
		devices = append(devices, device)
	}
	if len(e.person.Devices) == 0 {
		why = append(why, "they have no phone")
	}
	return devices, strings.Join(why, "; "), busy
}

// notRung follows a job that will not be done any more.
func (m *Managers) notRung(tx *db.Tx, j jobs.Job, why string) error {
	e, err := m.errand(tx, j)
	if err != nil {
		return err
	}
	return e.end(tx, "not rung: "+why)
}

// errand reads what a job is about.
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
	e.owed, err = m.cfg.Book.Owed(tx, due.Manager)
	return e, err
}

// fruitless ends an errand for which no phone was rung.
func (e *errand) fruitless(why string) jobs.Result {
	return jobs.Result{Note: func(tx *db.Tx) error { return e.end(tx, "not rung: "+why) }}
}

// nothingMore ends an errand of which all is noted.
func (e *errand) nothingMore(tx *db.Tx) error {
	return e.cfg.Book.CallEnded(tx, e.job, e.began, e.told, nil)
}

// end writes what became of the call into the timeline of every lead that it was
// about. Nothing follows from it: the ladder goes on by itself.
func (e *errand) end(tx *db.Tx, detail string) error {
	for _, o := range e.owed {
		if err := e.note(tx, &o.Lead, detail); err != nil {
			return err
		}
	}
	return e.nothingMore(tx)
}

func (e *errand) note(tx *db.Tx, l *leads.Lead, detail string) error {
	return leads.Note(tx, leads.Entry{Lead: leads.Ref(l.ID), Contact: l.Contact, Kind: leads.EntryRobotCall, Who: e.person.Login, Detail: detail})
}

// heard goes on with a call that rings, or rang in a former life.
func (e *errand) heard(ctx context.Context, ring func() (*Voice, []Report)) jobs.Result {
	voice, reports := ring()
	if voice == nil && slices.ContainsFunc(reports, func(r Report) bool { return r.Open }) {
		return jobs.Result{Again: soon, Err: errors.New(summary(reports))}
	}
	if voice == nil {
		detail := summary(reports)
		return jobs.Result{Note: func(tx *db.Tx) error { return e.end(tx, detail) }}
	}
	s := script{errand: e, voice: voice}
	detail, err := s.run(ctx)
	if err != nil && !errors.Is(err, ErrHungUp) {
		e.cfg.Log.Warn("a call to a manager was cut short", "to", e.person.Login, "err", err)
	}
	if !s.connected {
		if err := voice.Hangup(ctx, detail); err != nil {
			e.cfg.Log.Error("the end of a call could not be written down", "err", err)
		}
	}
	return jobs.Result{Note: func(tx *db.Tx) error {
		if len(e.told) == 0 {
			return e.end(tx, "answered: "+detail)
		}
		return e.nothingMore(tx)
	}}
}

// summary says why nobody answered.
func summary(reports []Report) string {
	var parts []string
	for _, r := range reports {
		text := fmt.Sprintf("%s: %s", r.Pass.dial.Device, r.Outcome)
		if r.Detail != "" {
			text += " (" + r.Detail + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}
