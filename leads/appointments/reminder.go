package appointments

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// KindReminder is the kind of a job that calls a client. Package robotcall does
// it; its payload is a Due.
const KindReminder = "reminder"

// Due is the payload of KindReminder: which reminder is to be made.
type Due struct {
	Reminder int64 `json:"reminder"`
}

// Occasion says why a client is called.
type Occasion string

const (
	Created Occasion = "created" // an appointment was made
	Changed Occasion = "changed" // an appointment was moved, or what the client was told is different
	Before  Occasion = "before"  // an appointment is near
	Single  Occasion = "single"  // a call that was asked for by itself
)

// Outcome says what became of a reminder.
type Outcome string

const (
	Waiting    Outcome = ""             // it is still to be made, or being made
	SaidYes    Outcome = "confirmed"    // the client pressed the key that confirms
	SaidNo     Outcome = "cancel_asked" // the client pressed the key that cancels
	WantsTalk  Outcome = "person_asked" // the client wants to talk with somebody
	OptedOut   Outcome = "opted_out"    // the client never wants such a call again
	Heard      Outcome = "heard"        // somebody or something listened, and no key was pressed
	NotReached Outcome = "not_reached"  // nobody answered
	NotMade    Outcome = "not_made"     // no call was made
	Unsure     Outcome = "unsure"       // the client may have been called: nobody can know
	Withdrawn  Outcome = "withdrawn"    // the appointment was changed or cancelled before
)

// Outcomes lists every outcome of what is not waiting.
var Outcomes = []Outcome{SaidYes, SaidNo, WantsTalk, OptedOut, Heard, NotReached, NotMade, Unsure, Withdrawn}

// reminder is a row: one call that was promised.
type reminder struct {
	id          int64
	appointment int64 // 0: a single call, of which the rest tells
	occasion    Occasion
	outcome     Outcome
	due         time.Time
	expires     time.Time

	ref, posted           string
	contact               int64
	number, manager, line string
	zone, language        string
	media                 []string
	keys                  Keys
}

const reminderColumns = `id, COALESCE(appointment, 0), occasion, outcome, due, expires, COALESCE(ref, ''), posted, COALESCE(contact, 0), number,
	manager, line, zone, language, media, keys FROM reminders`

func scanReminder(row interface{ Scan(...any) error }) (*reminder, error) {
	var r reminder
	var due, expires int64
	var media, keys string
	err := row.Scan(&r.id, &r.appointment, &r.occasion, &r.outcome, &due, &expires, &r.ref, &r.posted, &r.contact, &r.number,
		&r.manager, &r.line, &r.zone, &r.language, &media, &keys)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	r.due, r.expires = db.Time(due), db.Time(expires)
	return &r, errors.Join(json.Unmarshal([]byte(media), &r.media), json.Unmarshal([]byte(keys), &r.keys))
}

func findReminder(tx *db.Tx, id int64) (*reminder, error) {
	r, err := scanReminder(tx.QueryRow("SELECT "+reminderColumns+" WHERE id = $1", id))
	if err != nil {
		return nil, fmt.Errorf("appointments: reminder %d: %w", id, err)
	}
	return r, nil
}

// insert writes the reminder and promises its call.
func (r *reminder) insert(tx *db.Tx) error {
	err := tx.QueryRow(`INSERT INTO reminders (appointment, occasion, outcome, due, expires, ref, posted, contact, number, manager, line, zone,
		language, media, keys, made) VALUES ($1, $2, '', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) RETURNING id`,
		link(r.appointment), string(r.occasion), db.Millis(r.due), db.Millis(r.expires), ref(r.ref), r.posted, link(r.contact), r.number,
		r.manager, r.line, r.zone, r.language, asJSON(r.media), asJSON(r.keys), db.Millis(tx.Now())).Scan(&r.id)
	if err != nil {
		return fmt.Errorf("appointments: new reminder: %w", err)
	}
	return jobs.Enqueue(tx, jobs.Job{Kind: KindReminder, Key: fmt.Sprintf("%s%d", keys(r.appointment), r.id), Due: r.due, Expires: r.expires,
		Payload: []byte(asJSON(Due{Reminder: r.id}))})
}

func link(id int64) sql.NullInt64 { return sql.NullInt64{Int64: id, Valid: id != 0} }

// keys is how the keys of an appointment's jobs begin.
func keys(appointment int64) string { return fmt.Sprintf("reminder:%d:", appointment) }

// nearest is how far apart two calls to a client are at least: of two that would
// be nearer the first is made.
const nearest = time.Hour

// planned is a call that is to be promised.
type planned struct {
	occasion      Occasion
	opens, closes time.Time
}

// plan lists the calls of an appointment that was made or changed just now.
// Those whose time is past are left out, and so is what falls outside the hours
// of the client until the appointment begins: outside says that it did.
func (d *Desk) plan(a *Appointment, occasion Occasion, now time.Time) (calls []planned, outside bool) {
	rules := &d.cfg.Reminders
	var wanted []planned
	if occasion == Created && rules.OnCreate || occasion == Changed && rules.OnChange {
		wanted = append(wanted, planned{occasion: occasion, opens: now.Add(rules.Grace)})
	}
	for _, before := range rules.Before {
		// Within the grace it waits for its end: mistakes are to be corrected first.
		if at := a.Starts.Add(-before); at.After(now) {
			wanted = append(wanted, planned{occasion: Before, opens: later(at, now.Add(rules.Grace))})
		}
	}
	if d.cfg.Window != nil {
		for i := range wanted {
			p := &wanted[i]
			p.opens, p.closes = d.cfg.Window(a.Number, a.Zone, p.opens)
		}
	}
	slices.SortStableFunc(wanted, func(a, b planned) int { return a.opens.Compare(b.opens) })
	for _, p := range wanted {
		switch {
		case p.opens.IsZero() || !p.opens.Before(a.Starts):
			outside = true
		case len(calls) == 0 || p.opens.Sub(calls[len(calls)-1].opens) >= nearest:
			calls = append(calls, p)
		}
	}
	return calls, outside && len(calls) == 0
}

// book promises the calls of an appointment, in the place of those that stand.
// What is changed before the client was told that it is booked is told as
// booked.
func (d *Desk) book(tx *db.Tx, a *Appointment, occasion Occasion) error {
	var untold int
	err := tx.QueryRow("SELECT COUNT(*) FROM reminders WHERE appointment = $1 AND occasion = $2 AND outcome = '' AND due > $3",
		a.ID, string(Created), db.Millis(tx.Now())).Scan(&untold)
	if err != nil {
		return fmt.Errorf("appointments: reminders of appointment %d: %w", a.ID, err)
	}
	if untold > 0 {
		occasion = Created
	}
	if err := d.withdraw(tx, a.ID); err != nil {
		return err
	}
	calls, outside := d.plan(a, occasion, tx.Now())
	for _, p := range calls {
		r := reminder{appointment: a.ID, contact: a.Contact, occasion: p.occasion, due: p.opens, expires: earlier(a.Starts, p.closes)}
		if err := r.insert(tx); err != nil {
			return err
		}
		if err := d.note(tx, a, leads.Author{}, EntryReminder, p.opens.In(a.Local().Location()).Format(time.RFC3339)); err != nil {
			return err
		}
	}
	if outside {
		return d.unmade(tx, a, fmt.Sprintf("notice:appointment:%d:%d", a.ID, a.Version), OutsideHours, "")
	}
	return nil
}

// withdraw takes back the calls of an appointment that have not been made. One
// that is being made goes on.
func (d *Desk) withdraw(tx *db.Tx, appointment int64) error {
	_, err := tx.Exec("UPDATE reminders SET outcome = $1, ended = $2 WHERE appointment = $3 AND outcome = ''",
		string(Withdrawn), db.Millis(tx.Now()), appointment)
	if err != nil {
		return fmt.Errorf("appointments: reminders of appointment %d: %w", appointment, err)
	}
	_, err = jobs.CancelKeys(tx, keys(appointment))
	return err
}

// earlier is the first of two ends; zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
