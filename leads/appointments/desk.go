package appointments

import (
	"errors"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// DeskConfig says what a Desk works with.
type DeskConfig struct {
	Office *leads.Office
	Book   *leads.Book
	// Plan reads the numbers that are posted.
	Plan *number.Plan
	// Reminders is the key `reminders` of the configuration.
	Reminders Config
	// Window is when a number may be called from at on, by the clock of whoever
	// has the number, or of zone where it is told: from opens, zero for never, to
	// closes, zero for no end. nil: at any time.
	Window func(number, zone string, at time.Time) (opens, closes time.Time)
	// Tell promises a notice to its person.
	Tell func(tx *db.Tx, n Notice) error
}

// Desk books appointments and the calls that remind of them.
type Desk struct {
	cfg DeskConfig
	by  leads.Author // of what is booked, changed and cancelled; its zero value: nobody who is known
}

// NewDesk makes a Desk.
func NewDesk(c DeskConfig) *Desk { return &Desk{cfg: c} }

// For is the Desk as somebody uses it: timelines tell that they did what it does.
func (d *Desk) For(by leads.Author) *Desk { return &Desk{d.cfg, by} }

// What is asked of an appointment that cannot be.
var (
	// ErrNotFound is in the error of an id that nothing has.
	ErrNotFound = errors.New("there is none with this id")
	// ErrVersion is in the error of changes that were meant for another version.
	ErrVersion = errors.New("it was changed meanwhile: read it again")
	// ErrCancelled is in the error of changes to what was cancelled.
	ErrCancelled = errors.New("it was cancelled: make a new one")
	// ErrRef is in the error of a ref that is taken by something else.
	ErrRef = errors.New("this ref was posted before with other values: change what it names, or use another ref")
)

// Create books an appointment. One whose ref is known is given as it stands;
// made is false then.
func (d *Desk) Create(tx *db.Tx, w Wanted) (a *Appointment, made bool, err error) {
	posted := digest(w)
	if known, err := findRef(tx, w.Ref); err != nil || known != nil {
		if known != nil && known.posted != posted {
			return nil, false, fmt.Errorf("appointments: appointment %d: %w", known.ID, ErrRef)
		}
		return known, false, err
	}
	in := draft{Appointment: &Appointment{State: Booked, Version: 1, posted: posted}, d: d, tx: tx}
	if err := in.fill(w); err != nil {
		return nil, false, err
	}
	if err := in.insert(tx); err != nil {
		return nil, false, err
	}
	if err := d.note(tx, in.Appointment, d.by, EntryBooked, in.clock()); err != nil {
		return nil, false, err
	}
	return in.Appointment, true, d.book(tx, in.Appointment, Created)
}

// fill takes over what is wanted. Its error is posted.Problems where that is wrong.
func (w *draft) fill(wanted Wanted) error {
	if why := unfit(wanted.Ref, maxRef); why != "" {
		w.add("ref", why)
	}
	w.Ref = wanted.Ref
	w.starts(wanted.StartsAt)
	w.manager(wanted.Manager)
	w.text("place", wanted.Place, &w.Place)
	w.text("category", wanted.Category, &w.Category)
	w.line(wanted.Line)
	w.zone(wanted.Zone)
	w.language(wanted.Language)
	w.fields(wanted.Fields)
	var name string
	w.text("name", wanted.Name, &name)
	if err := w.client(wanted.Contact, wanted.Number); err != nil {
		return err
	}
	w.zoned()
	if err := w.wrong.Err(); err != nil {
		return err
	}
	return leads.NameContact(w.tx, w.Contact, name)
}

// Change changes an appointment. What the client was or would be told brings it
// back to booked, and other calls.
func (d *Desk) Change(tx *db.Tx, id int64, c Changes) (*Appointment, error) {
	old, err := d.changeable(tx, id, c.Version)
	if err != nil {
		return nil, err
	}
	was := *old
	in := draft{Appointment: old, d: d, tx: tx}
	if err := in.change(c); err != nil {
		return nil, err
	}
	moved := !in.Starts.Equal(was.Starts) || in.clock() != was.clock()
	// In another zone the client is called at other hours, even where the clock
	// shows the same today.
	told := moved || in.Zone != was.Zone || in.Place != was.Place || in.Number != was.Number || asJSON(in.Fields) != asJSON(was.Fields)
	if told && c.State == nil {
		in.State = Booked
	}
	if !told && in.same(&was) {
		return old, nil
	}
	if err := in.save(tx); err != nil {
		return nil, err
	}
	kind, detail := EntryChanged, ""
	if moved {
		kind, detail = EntryMoved, in.clock()
	}
	if err := d.note(tx, in.Appointment, d.by, kind, detail); err != nil {
		return nil, err
	}
	switch {
	case told:
		return in.Appointment, d.book(tx, in.Appointment, Changed)
	case was.State == CancelBid && in.State != CancelBid: // its calls were withdrawn when the client asked
		return in.Appointment, d.book(tx, in.Appointment, Before)
	}
	return in.Appointment, nil
}

// same says that nothing differs of what the client is not told.
func (a *Appointment) same(b *Appointment) bool {
	return a.Manager == b.Manager && a.Category == b.Category && a.Line == b.Line && a.Shift == b.Shift && a.Language == b.Language && a.State == b.State
}

// change takes over what is to be different.
func (w *draft) change(c Changes) error {
	if c.StartsAt != nil {
		w.starts(*c.StartsAt)
	}
	if c.Number != nil {
		if err := w.client(0, *c.Number); err != nil {
			return err
		}
	}
	if c.Place != nil {
		w.text("place", *c.Place, &w.Place)
	}
	if c.Category != nil {
		w.text("category", *c.Category, &w.Category)
	}
	set(c.Manager, w.manager)
	set(c.Line, w.line)
	set(c.Zone, w.zone)
	if c.Zone != nil || c.Number != nil {
		w.zoned()
	}
	set(c.Language, w.language)
	w.fields(c.Fields)
	if c.State != nil {
		if w.State = *c.State; w.State != Booked && w.State != Confirmed {
			w.add("state", "is booked or confirmed; DELETE cancels")
		}
	}
	return w.wrong.Err()
}

func set(value *string, take func(string)) {
	if value != nil {
		take(*value)
	}
}

// Cancel cancels an appointment and withdraws its calls. To cancel what is
// cancelled changes nothing.
func (d *Desk) Cancel(tx *db.Tx, id int64) (*Appointment, error) {
	a, err := d.changeable(tx, id, 0)
	if errors.Is(err, ErrCancelled) {
		return Find(tx, id)
	}
	if err != nil {
		return nil, err
	}
	a.State = Cancelled
	if err := a.save(tx); err != nil {
		return nil, err
	}
	if err := d.note(tx, a, d.by, EntryCancelled, ""); err != nil {
		return nil, err
	}
	return a, d.withdraw(tx, a.ID)
}

// changeable reads what is to be changed.
func (d *Desk) changeable(tx *db.Tx, id, version int64) (*Appointment, error) {
	a, err := Find(tx, id)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		err = ErrNotFound
	case a.State == Cancelled:
		err = ErrCancelled
	case version != 0 && version != a.Version:
		err = ErrVersion
	default:
		return a, nil
	}
	return nil, fmt.Errorf("appointments: appointment %d: %w", id, err)
}

// line is the line of a name, the configured one where it is empty; nil: there
// is none.
func (d *Desk) line(name string) *routing.Line {
	if name == "" {
		name = d.cfg.Reminders.Line
	}
	directory := d.cfg.Office.Directory
	if name == "" && len(directory.Lines) > 0 {
		return &directory.Lines[0]
	}
	return directory.LineNamed(name)
}

// pool is who answers for a line.
func (d *Desk) pool(line string) *routing.Pool {
	return d.cfg.Office.Directory.PoolOf(d.line(line))
}

// What the timeline tells of an appointment.
const (
	EntryBooked    = "appointment_booked"    // detail: when it begins
	EntryMoved     = "appointment_moved"     // detail: when it begins now
	EntryChanged   = "appointment_changed"   // something else than its time
	EntryCancelled = "appointment_cancelled" // by somebody of the house
	EntryReminder  = "reminder_booked"       // a call was promised; detail: when
	EntryTried     = "reminder_tried"        // nobody was reached, and it is tried again; detail: what happened
	EntryAnswered  = "reminder_answered"     // the client was called; detail: what came of it
	EntryNotMade   = "not_reminded"          // no call was made; detail: why
)

func (d *Desk) note(tx *db.Tx, a *Appointment, by leads.Author, kind, detail string) error {
	return leads.Note(tx, leads.Entry{Appointment: leads.Ref(a.ID), Contact: leads.Ref(a.Contact), Kind: kind, Channel: by.How, Detail: detail, Actor: by.Who})
}
