package appointments

import (
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/number"
)

// Call is a reminder that is to be made now: what is dialed, played and asked.
type Call struct {
	Reminder    int64
	Appointment int64 // 0: a single call
	Contact     int64
	Number      string // E.164
	Manager     string // login
	// Line names the line by which the client is called, PBX where it is; empty:
	// the only one.
	Line, PBX string
	Zone      string // of the client, where it is told
	Language  string
	Media     []string
	Keys      Keys
	// Starts is when the appointment begins, by the client's clock; zero of a
	// single call.
	Starts  time.Time
	Fields  map[string]string
	Expires time.Time
}

// Reason says why a reminder is not made. Package robotcall adds the Guard's.
type Reason string

const (
	MissingField   Reason = "missing_field" // something that is required is not filled in
	Past           Reason = "in_the_past"   // the appointment has begun
	NoManager      Reason = "no_manager"    // nobody is responsible, or nobody the configuration knows
	SharedNumber   Reason = "shared_number" // the number is a company's, not the client's own
	OtherCategory  Reason = "category"      // of this category clients are not reminded
	BadNumber      Reason = "bad_number"    // the number cannot be called
	NoMedia        Reason = "no_media"      // nothing is recorded in the client's language
	NoLine         Reason = "no_line"       // there is no line to call by
	OutsideHours   Reason = "outside_hours" // between now and then the client may not be called
	TooLate        Reason = "too_late"      // its time ran out before it could be made
	MissingSound   Reason = "missing_sound" // the PBX does not have the recording
	Forbidden      Reason = "forbidden"     // the rules of what may be dialed do not allow it; detail: which
	BrokenReminder Reason = "broken"        // our own side failed
)

// Reasons lists every reason, for pages and notices.
var Reasons = []Reason{MissingField, Past, NoManager, SharedNumber, OtherCategory, BadNumber, NoMedia, NoLine, OutsideHours, TooLate,
	MissingSound, Forbidden, BrokenReminder}

// Ready reads a reminder again, and says what to do now: the call; or why it is
// not to be made. Both are empty for one that was made or withdrawn: there is
// nothing to do or to say.
func (d *Desk) Ready(tx *db.Tx, id int64) (call *Call, why Reason, detail string, err error) {
	r, err := findReminder(tx, id)
	if err != nil || r == nil || r.outcome != Waiting {
		return nil, "", "", err
	}
	c := Call{Reminder: r.id, Contact: r.contact, Number: r.number, Manager: r.manager, Line: r.line, Zone: r.zone, Language: r.language,
		Media: r.media, Keys: r.keys, Expires: r.expires}
	if r.appointment != 0 {
		a, err := Find(tx, r.appointment)
		if err != nil || a == nil || a.State == Cancelled {
			return nil, "", "", err
		}
		if why, detail = d.unfit(a, tx.Now()); why != "" {
			return nil, why, detail, nil
		}
		c.from(a, &d.cfg.Reminders)
	}
	why, err = d.complete(tx, &c)
	return &c, why, "", err
}

// unfit checks what only appointments have.
func (d *Desk) unfit(a *Appointment, now time.Time) (why Reason, detail string) {
	rules := &d.cfg.Reminders
	if !a.Starts.After(now) {
		return Past, ""
	}
	if !rules.allows(a.Category) {
		return OtherCategory, a.Category
	}
	for _, name := range rules.Required {
		value := a.Fields[name]
		switch name {
		case "place":
			value = a.Place
		case "category":
			value = a.Category
		}
		if value == "" {
			return MissingField, name
		}
	}
	return "", ""
}

// from takes over what the appointment says.
func (c *Call) from(a *Appointment, rules *Config) {
	c.Appointment, c.Contact, c.Number, c.Manager = a.ID, a.Contact, a.Number, a.Manager
	c.Line, c.Zone, c.Language, c.Starts, c.Fields = a.Line, a.Zone, a.Language, a.Local(), a.Fields
	if c.Language == "" {
		c.Language = rules.Language
	}
	c.Media, c.Keys = rules.Media[c.Language], rules.Keys
}

// complete finds what a call needs beside what it says itself.
func (d *Desk) complete(tx *db.Tx, c *Call) (Reason, error) {
	line := d.line(c.Line)
	if line == nil {
		return NoLine, nil
	}
	c.Line, c.PBX = line.Name, line.PBX
	switch {
	case d.cfg.Office.Directory.Manager(c.Manager) == nil:
		return NoManager, nil
	case len(c.Media) == 0:
		return NoMedia, nil
	case d.cfg.Plan.Read(c.Number).Kind != number.E164:
		return BadNumber, nil
	}
	var shared bool
	err := tx.QueryRow("SELECT COALESCE(MAX(c.shared), 0) FROM numbers n JOIN contacts c ON c.id = n.contact WHERE n.number = $1 OR c.id = $2",
		c.Number, c.Contact).Scan(&shared)
	if err != nil {
		return "", fmt.Errorf("appointments: contact %d: %w", c.Contact, err)
	}
	if shared {
		return SharedNumber, nil
	}
	return "", nil
}
