package appointments

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// Appointment is what is booked with a contact at a time and place.
type Appointment struct {
	ID       int64
	Ref      string // how the program that posted it calls it; empty: it did not say
	Contact  int64
	Number   string // E.164: what is called
	Manager  string // login; empty: nobody yet
	Starts   time.Time
	Shift    int    // seconds east of UTC, as the start was written
	Zone     string // IANA zone of the client; empty: not told
	Place    string
	Category string
	Line     string // empty: that of the configuration
	Language string // empty: that of the configuration
	Fields   map[string]string
	State    State
	Version  int64

	posted string
}

// State is how an appointment stands. Values are what the database holds.
//
//	booked → confirmed | cancel_asked        by the client's key
//	booked, confirmed, cancel_asked → booked by a change of what the client was told
//	cancel_asked → booked | confirmed        by somebody of the house: the client is reminded again
//	any → cancelled                          which is the end
type State string

const (
	Booked    State = "booked"
	Confirmed State = "confirmed"    // the client said so, or somebody of the house did
	CancelBid State = "cancel_asked" // the client wants to cancel: somebody of the house decides
	Cancelled State = "cancelled"
)

// States lists every state, for lists and pages.
var States = []State{Booked, Confirmed, CancelBid, Cancelled}

const columns = "id, COALESCE(ref, ''), posted, contact, number, manager, starts, shift, zone, place, category, line, language, fields, state, version"

func scan(row interface{ Scan(...any) error }) (*Appointment, error) {
	var a Appointment
	var starts int64
	var fields string
	err := row.Scan(&a.ID, &a.Ref, &a.posted, &a.Contact, &a.Number, &a.Manager, &starts, &a.Shift, &a.Zone, &a.Place, &a.Category, &a.Line,
		&a.Language, &fields, &a.State, &a.Version)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, err
	}
	a.Starts = db.Time(starts)
	return &a, json.Unmarshal([]byte(fields), &a.Fields)
}

// Find reads an appointment; nil when there is none with this id.
func Find(tx *db.Tx, id int64) (*Appointment, error) {
	a, err := scan(tx.QueryRow("SELECT "+columns+" FROM appointments WHERE id = $1", id))
	if err != nil {
		return nil, fmt.Errorf("appointments: appointment %d: %w", id, err)
	}
	return a, nil
}

func findRef(tx *db.Tx, ref string) (*Appointment, error) {
	if ref == "" {
		return nil, nil
	}
	a, err := scan(tx.QueryRow("SELECT "+columns+" FROM appointments WHERE ref = $1", ref))
	if err != nil {
		return nil, fmt.Errorf("appointments: ref %q: %w", ref, err)
	}
	return a, nil
}

// insert writes a new appointment and gives it its id.
func (a *Appointment) insert(tx *db.Tx) error {
	err := tx.QueryRow(`INSERT INTO appointments (ref, posted, contact, number, manager, starts, shift, zone, place, category, line, language,
		fields, state, version, created, changed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $16) RETURNING id`,
		ref(a.Ref), a.posted, a.Contact, a.Number, a.Manager, db.Millis(a.Starts), a.Shift, a.Zone, a.Place, a.Category, a.Line, a.Language,
		asJSON(a.Fields), string(a.State), a.Version, db.Millis(tx.Now())).Scan(&a.ID)
	if err != nil {
		return fmt.Errorf("appointments: new appointment: %w", err)
	}
	return nil
}

// save writes what has changed, as the next version.
func (a *Appointment) save(tx *db.Tx) error {
	a.Version++
	_, err := tx.Exec(`UPDATE appointments SET contact = $1, number = $2, manager = $3, starts = $4, shift = $5, zone = $6, place = $7,
		category = $8, line = $9, language = $10, fields = $11, state = $12, version = $13, changed = $14 WHERE id = $15`,
		a.Contact, a.Number, a.Manager, db.Millis(a.Starts), a.Shift, a.Zone, a.Place, a.Category, a.Line, a.Language,
		asJSON(a.Fields), string(a.State), a.Version, db.Millis(tx.Now()), a.ID)
	if err != nil {
		return fmt.Errorf("appointments: appointment %d: %w", a.ID, err)
	}
	return nil
}

// Local is the start as the client reads it on the clock: in the client's zone,
// or as it was written.
func (a *Appointment) Local() time.Time { return a.Starts.In(location(a.Zone, a.Shift)) }

// clock is the start as the client is told it.
func (a *Appointment) clock() string { return a.Local().Format(time.RFC3339) }

// location is a zone by its name, and by its distance from UTC where it has
// none.
func location(zone string, shift int) *time.Location {
	if zone != "" {
		if l, err := time.LoadLocation(zone); err == nil {
			return l
		}
	}
	return time.FixedZone("", shift)
}

// ref is a name that must be unique, where there is one.
func ref(s string) sql.NullString { return sql.NullString{String: s, Valid: s != ""} }

func asJSON(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // maps and structs of strings always marshal
	}
	return string(text)
}
