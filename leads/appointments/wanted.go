package appointments

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/leads/posted"
)

// Wanted is an appointment as it is posted.
type Wanted struct {
	// Ref is how the other program calls it: posting the same again changes
	// nothing.
	Ref string `json:"ref"`
	// Contact or Number says who the client is; both, which number to call.
	Contact int64  `json:"contact"`
	Number  string `json:"number"`
	// Name is the client's; it is taken where nobody has given a name yet.
	Name     string            `json:"name"`
	Manager  string            `json:"manager"`
	StartsAt string            `json:"starts_at"` // RFC 3339
	Place    string            `json:"place"`
	Category string            `json:"category"`
	Line     string            `json:"line"`
	Zone     string            `json:"zone"`
	Language string            `json:"language"`
	Fields   map[string]string `json:"fields"`
}

// Changes are what is to be different. What is nil stays; of Fields those that
// are named are set, and taken out when they are empty.
type Changes struct {
	// Version, where it is not 0, is the one that the changes are meant for.
	Version  int64             `json:"version"`
	Number   *string           `json:"number"`
	Manager  *string           `json:"manager"`
	StartsAt *string           `json:"starts_at"`
	Place    *string           `json:"place"`
	Category *string           `json:"category"`
	Line     *string           `json:"line"`
	Zone     *string           `json:"zone"`
	Language *string           `json:"language"`
	Fields   map[string]string `json:"fields"`
	// State is booked or confirmed: by somebody who knows.
	State *State `json:"state"`
}

// The bounds of what is posted.
const (
	maxText   = 256 // characters of a text
	maxRef    = 128
	maxFields = 32
	// farthest is how far ahead an appointment may lie: more is a slip of the pen.
	farthest = 2 * 365 * 24 * time.Hour
)

var fieldName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,31}$`)

// digest tells whether the same was posted under a ref.
func digest(v any) string {
	sum := sha256.Sum256([]byte(asJSON(v)))
	return hex.EncodeToString(sum[:])
}

// draft is an appointment in the making: every value that is set is checked,
// and all that is wrong is kept.
type draft struct {
	*Appointment
	d     *Desk
	tx    *db.Tx
	wrong posted.Problems
}

func (w *draft) add(field, text string) { w.wrong.Add(field, text) }

func (w *draft) text(field, value string, into *string) {
	if why := Unfit(value); why != "" {
		w.add(field, why)
		return
	}
	*into = value
}

// Unfit says why a text from outside is not taken; empty: it is.
func Unfit(s string) string { return unfit(s, maxText) }

func unfit(s string, most int) string {
	switch {
	case !utf8.ValidString(s):
		return "is not UTF-8"
	case utf8.RuneCountInString(s) > most:
		return fmt.Sprintf("is longer than %d characters", most)
	case strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsGraphic(r) }):
		return "holds control characters: write it on one line"
	}
	return ""
}

func (w *draft) starts(value string) {
	at, err := time.Parse(time.RFC3339, value)
	switch now := w.tx.Now(); {
	case value == "":
		w.add("starts_at", "is missing: when it begins, as in 2026-11-23T14:30:00+03:00")
	case err != nil:
		w.add("starts_at", "is not a time with its distance from UTC, as in 2026-11-23T14:30:00+03:00")
	case !at.After(now):
		w.add("starts_at", "lies in the past")
	case at.Sub(now) > farthest:
		w.add("starts_at", "lies more than two years ahead")
	default:
		_, w.Shift = at.Zone()
		w.Starts = at.UTC().Truncate(time.Millisecond)
	}
}

func (w *draft) manager(login string) {
	if login != "" && w.d.cfg.Office.Directory.Manager(login) == nil {
		w.add("manager", "is not the login of a manager of the configuration")
		return
	}
	w.Manager = login
}

func (w *draft) line(name string) {
	if name != "" && w.d.line(name) == nil {
		w.add("line", "is not a line of the configuration")
		return
	}
	w.Line = name
}

func (w *draft) zone(name string) {
	if why := badZone(name); why != "" {
		w.add("zone", why)
		return
	}
	w.Zone = name
}

// zoned checks the client's zone against the number: it says when the client is
// rung, and a wrong one would be in the middle of the night.
func (w *draft) zoned() {
	if w.Zone != "" && w.Number != "" && !number.MayBeIn(w.Number, w.Zone, w.tx.Now()) {
		w.add("zone", "is none in which a client with this number may be: leave it out, or write the number's own")
	}
}

func badZone(name string) string {
	if _, err := time.LoadLocation(name); err != nil || name == "Local" {
		return "is not an IANA time zone such as Europe/Moscow"
	}
	return ""
}

func (w *draft) language(name string) {
	if name != "" {
		language(&w.wrong, "language", name)
	}
	w.Language = name
}

func (w *draft) fields(values map[string]string) {
	fields := maps.Clone(w.Fields)
	if fields == nil {
		fields = map[string]string{}
	}
	for _, name := range slices.Sorted(maps.Keys(values)) {
		value := values[name]
		switch why := Unfit(value); {
		case !fieldName.MatchString(name):
			w.add("fields", "a name of a field is a letter and up to 31 lower-case letters, digits and _")
		case why != "":
			w.add("fields."+name, why)
		case value == "":
			delete(fields, name)
		default:
			fields[name] = value
		}
	}
	if len(fields) > maxFields {
		w.add("fields", fmt.Sprintf("are more than %d", maxFields))
	}
	w.Fields = fields
}

// client finds who is meant, and makes a contact of a number that nobody has.
func (w *draft) client(contact int64, text string) error {
	id, e164, wrong, err := w.d.client(w.tx, contact, text)
	w.wrong = append(w.wrong, wrong...)
	w.Contact, w.Number = id, e164
	return err
}

// client finds the contact and the number that are meant. A contact is made
// only of a number that can be called.
func (d *Desk) client(tx *db.Tx, contact int64, text string) (id int64, e164 string, wrong posted.Problems, err error) {
	if contact, err = leads.Follow(tx, contact); err != nil {
		return 0, "", nil, err
	}
	switch {
	case contact < 0:
		wrong.Add("contact", "is not the id of a contact")
		return 0, "", wrong, nil
	case text == "":
		return d.onlyNumber(tx, contact)
	}
	n := d.cfg.Plan.Read(text)
	if n.Kind != number.E164 {
		wrong.Add("number", "is no valid telephone number: write it with its country code, as in +74951234567")
		return 0, "", wrong, nil
	}
	owner, err := leads.ContactOf(tx, n)
	if err == nil && contact != 0 && owner != contact {
		wrong.Add("number", "is not one of this contact")
	}
	return owner, n.Value, wrong, err
}

// onlyNumber is the number of a contact that has one.
func (d *Desk) onlyNumber(tx *db.Tx, contact int64) (id int64, e164 string, wrong posted.Problems, err error) {
	if contact == 0 {
		wrong.Add("number", "is missing: say by number or contact who is meant")
		return 0, "", wrong, nil
	}
	rows, err := tx.Query("SELECT number FROM numbers WHERE contact = $1 ORDER BY number", contact)
	if err != nil {
		return 0, "", nil, fmt.Errorf("appointments: contact %d: %w", contact, err)
	}
	defer rows.Close()
	var valid []string
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return 0, "", nil, fmt.Errorf("appointments: contact %d: %w", contact, err)
		}
		if d.cfg.Plan.Read(value).Kind == number.E164 {
			valid = append(valid, value)
		}
	}
	if err := rows.Err(); err != nil {
		return 0, "", nil, fmt.Errorf("appointments: contact %d: %w", contact, err)
	}
	switch len(valid) {
	case 0:
		wrong.Add("contact", "there is none with this id and a number that can be called")
		return 0, "", wrong, nil
	case 1:
		return contact, valid[0], nil, nil
	}
	wrong.Add("number", "is missing: this contact has several")
	return 0, "", wrong, nil
}
