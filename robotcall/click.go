package robotcall

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/dials"
	"ringback/leads/jobs"
	"ringback/routing"
)

// KindClick is the kind of the jobs that connect somebody with a client because
// they asked for it. Each person has a lane of their own.
const KindClick = "click"

// clickWorth is how long what somebody asked for is worth beginning: nobody is
// rung minutes later, when they have turned to something else.
const clickWorth = time.Minute

// ClickState is how far a call that was asked for has come.
type ClickState string

const (
	RingingYou ClickState = "ringing_you" // the phones of who asked for it ring, or are about to
	Calling    ClickState = "calling"     // they picked up, and the client's phone rings
	Talking    ClickState = "talking"     // the client picked up
	Over       ClickState = "ended"       // Why says how
)

// ClickEnd is how a call that was asked for has ended.
type ClickEnd string

const (
	Talked         ClickEnd = "talked" // the client picked up
	YouDidNot      ClickEnd = "you_did_not_answer"
	YouAreBusy     ClickEnd = "you_are_busy"     // on the phone, or being rung, already
	YouHaveNoPhone ClickEnd = "no_phone"         // none is registered, or configured
	ClientBusy     ClickEnd = "client_busy"      // also where somebody else has them on the phone
	ClientDidNot   ClickEnd = "client_no_answer" // nor rejected: nobody picked up
	Forbidden      ClickEnd = "forbidden"        // the rules do not let the number be dialed, or nobody is to be rung
	NoWayOut       ClickEnd = "no_way_out"       // the PBX does not dial the number, or its trunk carries nothing
	ClickFailed    ClickEnd = "failed"           // our own side, or the PBX, failed or was stopped
)

// ClickEnds are all of them.
var ClickEnds = []ClickEnd{Talked, YouDidNot, YouAreBusy, YouHaveNoPhone, ClientBusy, ClientDidNot, Forbidden, NoWayOut, ClickFailed}

// Click is a call that somebody has asked for: their phones ring in the order
// that is theirs, and the one that is picked up is connected with the client.
type Click struct {
	ID      int64      `json:"id"`
	Login   string     `json:"login"` // whose phone rings
	Lead    int64      `json:"lead,omitempty"`
	Contact int64      `json:"contact,omitempty"`
	Number  string     `json:"number"`
	State   ClickState `json:"state"`
	Why     ClickEnd   `json:"why,omitempty"`
	Clicked time.Time  `json:"clicked"`
}

// ErrNoNumber is in the error of a click on what cannot be dialed: a withheld
// number, or one that the contact does not have.
var ErrNoNumber = errors.New("there is no number to dial")

// OftenError says that a person is rung no more for a program, who did not pick up
// when it asked before.
type OftenError struct{ Until time.Time } // when it may be tried again

func (e *OftenError) Error() string {
	return fmt.Sprintf("the person did not pick up %d times in %.0f minutes", mostVain, vainSpan.Minutes())
}

// Whoever presses Call picks up. That a program lets somebody's phone ring day and
// night is no call that they have asked for.
const (
	mostVain = 3
	vainSpan = 15 * time.Minute
)

// clickDue is the payload of KindClick.
type clickDue struct {
	Click int64 `json:"click"`
}

// Click rings the phones of by.Login, and connects them with the contact of a
// lead. While one of theirs goes on, it tells that one's id and does nothing
// else. The error is as of leads.Hand where the lead is none of theirs, or not
// any more; ErrNoNumber is in it where there is nothing to dial, and an OftenError
// where a program asks once more for somebody who does not pick up.
func (m *Managers) Click(ctx context.Context, by leads.Sight, how string, lead int64) (id int64, err error) {
	err = m.cfg.DB.Do(ctx, func(tx *db.Tx) (err error) {
		id, err = m.ClickIn(tx, by, how, lead)
		return err
	})
	return id, err
}

// ClickIn is Click, as a part of a transaction.
func (m *Managers) ClickIn(tx *db.Tx, by leads.Sight, how string, lead int64) (id int64, err error) {
	if err := m.cfg.Book.Hand(by, how).May(tx, lead); err != nil {
		return 0, fmt.Errorf("robotcall: click of %s: %w", by.Login, err)
	}
	o, err := leads.Callee(tx, lead)
	if err != nil {
		return 0, fmt.Errorf("robotcall: click of %s: %w", by.Login, err)
	}
	return m.click(tx, by, how, o)
}

// ClickContact does the same with a number of a contact; who may see the contact
// is for the caller to know.
func (m *Managers) ClickContact(ctx context.Context, by leads.Sight, how string, contact int64, number string) (id int64, err error) {
	err = m.cfg.DB.Do(ctx, func(tx *db.Tx) error {
		o, err := leads.CalleeOf(tx, contact, number)
		if err == nil && o == nil {
			err = ErrNoNumber
		}
		if err != nil {
			return fmt.Errorf("robotcall: click of %s: %w", by.Login, err)
		}
		id, err = m.click(tx, by, how, o)
		return err
	})
	return id, err
}

// click writes down what was asked for, with the promise to do it.
func (m *Managers) click(tx *db.Tx, by leads.Sight, how string, o *leads.Owed) (int64, error) {
	wrong := func(err error) (int64, error) { return 0, fmt.Errorf("robotcall: click of %s: %w", by.Login, err) }
	if m.cfg.Office.Directory.Manager(by.Login) == nil {
		return wrong(leads.ErrNotInSight)
	}
	before, err := dials.NewestClick(tx, by.Login)
	switch {
	case err != nil:
		return wrong(err)
	case before != nil && before.GoesOn():
		return before.ID, nil
	case o.Number == "" || o.Number != "+"+onlyDigits(o.Number):
		return wrong(ErrNoNumber)
	}
	if how != leads.ByPage && how != leads.ByLink { // it is not they themselves who ask
		if err := picksUp(tx, by.Login); err != nil {
			return wrong(err)
		}
	}
	c := dials.Clicked{Who: by.Login, How: how, Lead: o.ID, Contact: o.Contact.Int64, Number: o.Number, Shown: m.cfg.shown(o)}
	if err := dials.InsertClick(tx, &c); err != nil {
		return 0, err
	}
	payload, err := json.Marshal(clickDue{c.ID})
	if err != nil {
		return wrong(err)
	}
	return c.ID, jobs.Enqueue(tx, jobs.Job{Kind: KindClick, Lane: by.Login, Key: fmt.Sprintf("click:%d", c.ID), Payload: payload,
		Expires: tx.Now().Add(clickWorth)})
}

// picksUp is an OftenError where somebody was rung in vain too often.
func picksUp(tx *db.Tx, login string) error {
	now := tx.Now()
	vain, err := dials.Vain(tx, login, now.Add(-vainSpan))
	if err != nil {
		return err
	}
	if until, _ := spaced(vain, mostVain, vainSpan, now); until.After(now) {
		return &OftenError{until}
	}
	return nil
}

// Progress tells how far a call has come that login has asked for.
// leads.ErrNotInSight is in the error where there is no such call of theirs.
func (m *Managers) Progress(ctx context.Context, login string, id int64) (Click, error) {
	c, err := m.Find(ctx, id)
	if err == nil && c.Login != login {
		return Click{}, fmt.Errorf("robotcall: click %d: %w", id, leads.ErrNotInSight)
	}
	return c, err
}

// Find is Progress for programs, which see what everybody has asked for.
func (m *Managers) Find(ctx context.Context, id int64) (Click, error) {
	c, err := dials.LookClick(ctx, m.cfg.DB.Reader(), id)
	if err == nil && c == nil {
		err = leads.ErrNotInSight
	}
	if err != nil {
		return Click{}, fmt.Errorf("robotcall: click %d: %w", id, err)
	}
	return shownClick(c), nil
}

// Current is the call of somebody that goes on; its ID is 0 where there is none.
func (m *Managers) Current(ctx context.Context, login string) (Click, error) {
	c, err := dials.LookNewestClick(ctx, m.cfg.DB.Reader(), login)
	if err != nil {
		return Click{}, fmt.Errorf("robotcall: click of %s: %w", login, err)
	}
	if c == nil || !c.GoesOn() {
		return Click{}, nil
	}
	return shownClick(c), nil
}

// Hindrance is what a call that somebody would ask for is known to fail by.
type Hindrance string

const (
	NoPhone   Hindrance = "no_phone" // they have none on a PBX
	PBXDown   Hindrance = "pbx_down" // none of the PBXes of their phones is watched
	Watching  Hindrance = "observe"  // nobody is to be rung
	BadClient Hindrance = "number"   // the rules let no number of its country, or kind, be dialed
)

// Hindrances are all of them.
var Hindrances = []Hindrance{NoPhone, PBXDown, Watching, BadClient}

// Hindrance tells without asking anybody why a call of somebody's would fail, to
// the number or, where that is empty, to any; empty: nothing is known to be in its
// way.
func (m *Managers) Hindrance(login, number string) Hindrance {
	person, dialer := m.cfg.Office.Directory.Manager(login), m.cfg.Dialer
	known := func(d routing.Device) bool { return dialer.exchanges[d.PBX] != nil }
	switch {
	case person == nil || !slices.ContainsFunc(person.Devices, known):
		return NoPhone
	case m.cfg.Guard.rules.Observe:
		return Watching
	case !slices.ContainsFunc(person.Devices, func(d routing.Device) bool { return known(d) && dialer.watching(d.PBX) }):
		return PBXDown
	case number != "" && m.cfg.Guard.rules.never(Request{Kind: dials.Connect, Number: number}, dials.History{}) != "":
		return BadClient
	}
	return ""
}

// Asleep says that it is outside the hours in which robots may call, where the
// number is: people are warned, and decide.
func (m *Managers) Asleep(number string) bool {
	now := m.cfg.DB.Now()
	opens, _ := m.cfg.Guard.rules.CallHours(number, "", now)
	return opens.After(now)
}

// shownClick reads from the rows how far a call has come.
func shownClick(c *dials.Clicked) Click {
	shown := Click{ID: c.ID, Login: c.Who, Lead: c.Lead, Contact: c.Contact, Number: c.Number, Clicked: c.At, State: RingingYou}
	switch {
	case !c.Ended.IsZero() && c.Why != dials.Connected:
		shown.State, shown.Why = Over, ClickEnd(c.Why)
	case c.Talk != nil && !c.Talk.Ended.IsZero():
		shown.State, shown.Why = Over, talkEnded(c.Talk.Outcome)
	case c.Talk != nil && !c.Talk.Answered.IsZero():
		shown.State = Talking
	case c.PickedUp || c.Talk != nil:
		shown.State = Calling
	}
	return shown
}

// talkEnded is how a connection that was dialed has ended.
func talkEnded(o dials.Outcome) ClickEnd {
	switch o {
	case dials.Answered:
		return Talked
	case dials.Busy:
		return ClientBusy
	case dials.NoAnswer, dials.Rejected, dials.Unreachable:
		return ClientDidNot
	case dials.Failed, dials.Congestion, dials.Invalid:
		return NoWayOut
	}
	return ClickFailed
}
