package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ringback/config"
	"ringback/leads"
	"ringback/leads/appointments"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/robotcall"
	"ringback/routing"
)

// promise is a call that the database promises.
type promise struct {
	robotcall.Ahead
	// Leads are what it is about; none: a reminder.
	Leads []int64
	// InHand says that it is being placed just now, or goes on.
	InHand bool
	// Not and Why are what else keeps it from being placed: a word for machines
	// and one for people; empty: only the rules decide.
	Not, Why string
	// Waits and For say in the same way why it is due no earlier.
	Waits, For string
}

// Words for machines, beside those of the rules.
const (
	inHand     = "in_hand"
	putOff     = "put_off"
	poolClosed = "pool_closed"
)

// promised is the call of a job.
func promised(j jobs.Waiter) *promise {
	p := &promise{InHand: j.Held}
	if j.Error != "" {
		p.Waits, p.For = putOff, j.Error
	}
	return p
}

// foresight reads what is promised.
type foresight struct {
	tx    *db.Tx
	cfg   *config.Config
	book  *leads.Book
	desk  *appointments.Desk
	rules *robotcall.Rules
	until time.Time
	list  []*promise
}

// foresee reads all calls that are promised until then.
func foresee(tx *db.Tx, cfg *config.Config, until time.Time) ([]*promise, error) {
	office := &leads.Office{Directory: cfg.Directory(), Plans: cfg.Plans()}
	f := &foresight{tx: tx, cfg: cfg, rules: cfg.Rules(), until: until, book: leads.NewBook(leads.BookConfig{Office: office}),
		desk: appointments.NewDesk(appointments.DeskConfig{Office: office, Plan: cfg.Plan(""), Reminders: cfg.Reminders})}
	for _, kind := range []struct {
		name string
		read func(jobs.Waiter) error
	}{{leads.KindCall, f.call}, {leads.KindRung, f.rung}, {leads.KindHanded, f.handed}, {appointments.KindReminder, f.reminder}} {
		waiting, err := jobs.Waiters(tx, kind.name, until)
		if err != nil {
			return nil, err
		}
		for _, j := range waiting {
			if err := kind.read(j); err != nil {
				return nil, err
			}
		}
	}
	return f.list, nil
}

// call is a manager who is to be rung about all that they owe.
func (f *foresight) call(j jobs.Waiter) error {
	var due leads.CallDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("plan: call: %w", err)
	}
	owed, err := f.book.Owed(f.tx, due.Manager)
	if err != nil {
		return err
	}
	p := promised(j)
	for _, o := range owed {
		p.Leads = append(p.Leads, o.ID)
	}
	if len(owed) == 0 {
		p.Not, p.Why = "nothing_owed", "nothing is owed any more, or the client is on the phone"
	}
	return f.person(p, due.Manager, j.Due, j.Expires)
}

// rung is what is left of a lead's ladder: those of its rungs that ring
// somebody, if nobody does anything until then.
func (f *foresight) rung(j jobs.Waiter) error {
	var due leads.RungDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("plan: rung: %w", err)
	}
	lead, pool, err := f.standing(j.Lead, due.Ladder)
	if err != nil || lead == nil || len(pool.Ladder.Rungs) == 0 {
		return err
	}
	first := pool.Ladder.At(due.Rung)
	for n, who := due.Rung, lead.Manager; n == due.Rung || n < len(pool.Ladder.Rungs); n++ {
		switch rung := pool.Ladder.At(n); rung.Tell {
		case routing.TellNextManager:
			who = ""
		case routing.TellCall:
			if err := f.owing(lead, pool, who, j.Due.Add(rung.After-first.After)); err != nil {
				return err
			}
		}
	}
	return nil
}

// handed is a lead of which its new manager is to hear, by a call at the end.
func (f *foresight) handed(j jobs.Waiter) error {
	var due leads.HandedDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("plan: handed on: %w", err)
	}
	lead, pool, err := f.standing(j.Lead, due.Ladder)
	if err != nil || lead == nil || lead.Manager != due.Manager {
		return err
	}
	n, after := pool.Ladder.Call()
	if n < 0 {
		return nil
	}
	if due.Call {
		after = 0
	}
	return f.owing(lead, pool, due.Manager, j.Due.Add(after))
}

// standing reads a lead and its pool; nil where it is settled, or climbs another
// ladder.
func (f *foresight) standing(id int64, ladder int) (*leads.Lead, *routing.Pool, error) {
	lead, err := leads.Find(f.tx, id)
	if err != nil || lead == nil || !lead.Closed.IsZero() || lead.Ladder != ladder {
		return nil, nil, err
	}
	pool := f.cfg.Directory().Pool(lead.Pool)
	if pool == nil {
		return nil, nil, nil
	}
	return lead, pool, nil
}

// owing promises a call about one lead.
func (f *foresight) owing(lead *leads.Lead, pool *routing.Pool, who string, due time.Time) error {
	if lead.Acknowledged(due) {
		due = lead.AckUntil
	}
	p := &promise{Leads: []int64{lead.ID}}
	if now := f.tx.Now(); !pool.Hours.Open(now) && !due.Before(pool.Hours.NextOpening(now)) {
		p.Waits, p.For = poolClosed, "its pool is closed until then"
	}
	switch {
	case !due.Before(f.until):
		return nil
	case !lead.Contact.Valid:
		p.Not, p.Why = "withheld", "the number is withheld: there is nobody to connect with"
	case who == "":
		p.Not, p.Why = "next_manager", "it will be handed on first: whose turn it is then is not known yet"
	}
	return f.person(p, who, due, time.Time{})
}

// person fills in a call to somebody of the house.
func (f *foresight) person(p *promise, login string, due, expires time.Time) error {
	p.Request = robotcall.Request{Kind: dials.Manager, Who: login, Expires: expires}
	p.Due = due
	switch person := f.cfg.Directory().Manager(login); {
	case p.Not != "":
	case person == nil:
		p.Not, p.Why = "nobody", "they are not in the configuration any more"
	case len(person.Devices) == 0:
		p.Not, p.Why = "no_phone", "they have no devices"
	default:
		p.PBX, p.Device = person.Devices[0].PBX, person.Devices[0].Address()
	}
	return f.add(p)
}

// reminder is a client who is to be called.
func (f *foresight) reminder(j jobs.Waiter) error {
	var due appointments.Due
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("plan: reminder: %w", err)
	}
	p := promised(j)
	p.Due = j.Due
	p.Request = robotcall.Request{Kind: dials.Reminder, Job: j.ID, Reminder: due.Reminder, Expires: j.Expires}
	var err error
	if p.Number, p.Who, err = appointments.Whom(f.tx, due.Reminder); err != nil {
		return err
	}
	if p.InHand {
		return f.add(p)
	}
	call, why, detail, err := f.desk.Ready(f.tx, due.Reminder)
	switch {
	case err != nil:
		return err
	case why != "":
		p.Not, p.Why = string(why), strings.TrimSpace(strings.ReplaceAll(string(why), "_", " ")+" "+detail)
		return f.add(p)
	case call == nil:
		return nil // made, or withdrawn
	}
	p.Zone, p.PBX = call.Zone, call.PBX
	if p.PBX == "" && len(f.cfg.Asterisk) == 1 {
		p.PBX = f.cfg.Asterisk[0].Name
	}
	if pbx := f.cfg.PBX(p.PBX); pbx != nil {
		p.Trunk = pbx.Connect.Context
	}
	if p.Waits == "" && f.rules.Decide(p.Request, dials.History{}, p.Due.Add(-time.Millisecond)).Reason == robotcall.OutOfHours {
		p.Waits, p.For = string(robotcall.OutOfHours), robotcall.Words[robotcall.OutOfHours]
	}
	if p.Trunk == "" {
		p.Not, p.Why = string(appointments.NoLine), "its PBX has no connect.context"
	}
	return f.add(p)
}

func (f *foresight) add(p *promise) (err error) {
	p.History, err = dials.Look(f.tx, dials.Of{Number: p.Number, Who: p.Who, PBX: p.PBX, Trunk: p.Trunk, Job: p.Job})
	f.list = append(f.list, p)
	return err
}
