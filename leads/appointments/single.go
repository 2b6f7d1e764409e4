package appointments

import (
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// Asked is a single call as it is posted: one number, one recording.
type Asked struct {
	Ref      string   `json:"ref"`
	Contact  int64    `json:"contact"`
	Number   string   `json:"number"`
	Name     string   `json:"name"`
	Manager  string   `json:"manager"`
	Line     string   `json:"line"`
	Zone     string   `json:"zone"`
	Language string   `json:"language"`
	Media    []string `json:"media"`
	// Keys are those that the client may press; without any, those of the
	// configuration.
	Keys *Keys `json:"keys"`
	// Expires is when the call is of no use any more, RFC 3339; empty: when the
	// client's hours end.
	Expires string `json:"expires"`
}

// Ask promises a single call, as soon as the client may be called. One whose ref
// is known is not promised again; made is false then.
func (d *Desk) Ask(tx *db.Tx, asked Asked) (id int64, made bool, err error) {
	posted := digest(asked)
	if id, known, err := knownRef(tx, asked.Ref); err != nil || id != 0 {
		if err == nil && known != posted {
			err = fmt.Errorf("appointments: reminder %d: %w", id, ErrRef)
		}
		return id, false, err
	}
	r, err := d.single(tx, asked)
	if err != nil {
		return 0, false, err
	}
	r.posted = posted
	if err := r.insert(tx); err != nil {
		return 0, false, err
	}
	if err := leads.NameContact(tx, r.contact, asked.Name); err != nil {
		return 0, false, err
	}
	return r.id, true, leads.Note(tx, leads.Entry{Contact: leads.Ref(r.contact), Kind: EntryReminder, Detail: r.due.Format(time.RFC3339)})
}

// single makes a reminder of what is asked for. Its error is posted.Problems where that
// is wrong.
func (d *Desk) single(tx *db.Tx, asked Asked) (*reminder, error) {
	// What an appointment has too is checked in the same way.
	in := draft{Appointment: &Appointment{}, d: d, tx: tx}
	if why := unfit(asked.Ref, maxRef); why != "" {
		in.add("ref", why)
	}
	if asked.Manager == "" {
		in.add("manager", "is missing: who hears what the client answered")
	}
	in.manager(asked.Manager)
	in.line(asked.Line)
	in.zone(asked.Zone)
	in.language(asked.Language)
	var name string
	in.text("name", asked.Name, &name)
	if len(asked.Media) == 0 {
		in.add("media", "is missing: what the client hears, as in [\"sound:custom/reminder\"]")
	}
	keys := d.cfg.Reminders.Keys
	if asked.Keys != nil {
		keys = *asked.Keys
		in.wrong = append(in.wrong, keys.Check("keys")...)
	}
	if err := in.client(asked.Contact, asked.Number); err != nil {
		return nil, err
	}
	in.zoned()
	opens, closes := in.window(asked.Expires)
	if in.Language == "" {
		in.Language = d.cfg.Reminders.Language
	}
	return &reminder{occasion: Single, due: opens, expires: closes, ref: asked.Ref, contact: in.Contact, number: in.Number, manager: in.Manager,
		line: in.Line, zone: in.Zone, language: in.Language, media: asked.Media, keys: keys}, in.wrong.Err()
}

// window says from when to when a single call may be made.
func (w *draft) window(expires string) (opens, closes time.Time) {
	opens = w.tx.Now()
	if w.d.cfg.Window != nil && w.Number != "" {
		if opens, closes = w.d.cfg.Window(w.Number, w.Zone, opens); opens.IsZero() {
			w.add("number", "there is no hour at which this client may be called")
			return opens, closes
		}
	}
	if closes.IsZero() {
		closes = opens.Add(24 * time.Hour)
	}
	if expires == "" {
		return opens, closes
	}
	at, err := time.Parse(time.RFC3339, expires)
	switch {
	case err != nil:
		w.add("expires", "is not a time with its distance from UTC, as in 2026-11-23T14:30:00+03:00")
	case !at.After(w.tx.Now()):
		w.add("expires", "lies in the past")
	case !at.After(opens):
		w.add("expires", "lies before the client may be called: "+opens.UTC().Format(time.RFC3339))
	}
	return opens, earlier(closes, at)
}

// knownRef finds the single call of a ref, and what was posted; 0: none.
func knownRef(tx *db.Tx, ref string) (id int64, posted string, err error) {
	if ref == "" {
		return 0, "", nil
	}
	r, err := scanReminder(tx.QueryRow("SELECT "+reminderColumns+" WHERE ref = $1", ref))
	if err != nil {
		return 0, "", fmt.Errorf("appointments: ref %q: %w", ref, err)
	}
	if r == nil {
		return 0, "", nil
	}
	return r.id, r.posted, nil
}
