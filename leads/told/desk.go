package told

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"time"

	"ringback/leads/db"
	"ringback/leads/text"
	"ringback/routing"
)

// Config is what the configuration says of people.
type Config struct {
	Directory *routing.Directory
	Policy    Policy
	// Zone is the company's; nil: UTC.
	Zone *time.Location
	// Chosen is the language that somebody has chosen for their pages, empty: none;
	// nil: nobody has.
	Chosen func(login string) text.Language
	// Language is the company's; empty: English.
	Language text.Language
}

// Desk knows how people are to be told.
type Desk struct{ cfg Config }

// New makes a Desk.
func New(c Config) *Desk {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	if c.Language == "" {
		c.Language = text.English
	}
	return &Desk{c}
}

// Zone is in which zone somebody's quiet times and lists are: that of their own
// hours, or the company's.
func (d *Desk) Zone(login string) *time.Location {
	if m := d.cfg.Directory.Manager(login); m != nil && m.Hours.Zone != "" {
		if zone, err := time.LoadLocation(m.Hours.Zone); err == nil { // the configuration was checked
			return zone
		}
	}
	return d.cfg.Zone
}

// Language is that of somebody with these choices: their own, that of their
// pages, that of the configuration's person, the company's.
func (d *Desk) Language(login string, c Choices) text.Language {
	if c.Language.Known() {
		return c.Language
	}
	if d.cfg.Chosen != nil {
		if chosen := d.cfg.Chosen(login); chosen.Known() {
			return chosen
		}
	}
	if m := d.cfg.Directory.Manager(login); m != nil && m.Language != "" {
		return text.Language(m.Language)
	}
	return d.cfg.Language
}

// Speaks is Language, for whoever reads outside of a transaction.
func (d *Desk) Speaks(ctx context.Context, reader *sql.DB, login string) (text.Language, error) {
	c, err := Read(ctx, reader, login)
	return d.Language(login, c), err
}

// Way is how somebody is told of something.
type Way struct {
	// Channels are by which, in order; with InTurn one only where those before
	// it have failed.
	Channels []string
	InTurn   bool
	// Off says that they are not told.
	Off bool
	// Quiet is until when they have quiet, if they have; zero: they have not.
	Quiet time.Time
	// List is when it comes in their list, which may be in a quiet time; zero: it
	// comes by itself.
	List     time.Time
	Language text.Language
}

// Until is until when a message waits; zero: it does not.
func (w *Way) Until() time.Time {
	if w.List.IsZero() {
		return w.Quiet
	}
	return w.List
}

// Way is how somebody is told of a kind of thing that happens now. reaching are
// the channels by which they can be told, in the order of the configuration:
// chosen channels that are not among them are passed over, and where none of the
// chosen is, all reaching ones count.
func (d *Desk) Way(tx *db.Tx, login string, k Kind, reaching []string) (Way, error) {
	c, err := Of(tx, login)
	if err != nil {
		return Way{}, err
	}
	choice := c.Kinds[k]
	w := Way{InTurn: choice.InTurn, Off: choice.Off && d.CanBeOff(k), Language: d.Language(login, c)}
	for _, name := range choice.Channels {
		if slices.Contains(reaching, name) && !slices.Contains(w.Channels, name) {
			w.Channels = append(w.Channels, name)
		}
	}
	if len(w.Channels) == 0 {
		w.Channels = reaching
	}
	if d.Immediate(k) {
		return w, nil
	}
	zone := d.Zone(login)
	if choice.Digest {
		w.List = c.nextList(tx.Now(), zone)
	}
	if !choice.ThroughQuiet {
		if until := c.quietUntil(tx.Now(), zone); until.After(tx.Now()) {
			w.Quiet = until
		}
		if !w.List.IsZero() {
			w.List = c.quietUntil(w.List, zone)
		}
	}
	return w, nil
}

// longestQuiet is how long quiet times may last without a break: a long weekend.
const longestQuiet = 84 * time.Hour

// quietUntil is the end of the quiet time that lasts at t; t itself where none
// does.
func (c *Choices) quietUntil(t time.Time, zone *time.Location) time.Time {
	parts := c.quiet(zone)
	end := t
	for again := true; again && end.Sub(t) <= longestQuiet; {
		again = false
		for _, h := range parts {
			if !h.Open(end) {
				continue
			}
			closing := h.NextClosing(end)
			if closing.IsZero() {
				return end.Add(2 * longestQuiet)
			}
			end, again = closing, true
		}
	}
	return end
}

// quietTooLong says that a quiet time lasts for longer than it may, whichever of
// those that begin within a week.
func (c *Choices) quietTooLong(now time.Time, zone *time.Location) bool {
	parts := c.quiet(zone)
	for t := now; len(parts) > 0 && t.Before(now.AddDate(0, 0, 8)); {
		end := c.quietUntil(t, zone)
		if end.Sub(t) > longestQuiet {
			return true
		}
		t = parts[0].NextOpening(end)
		for _, h := range parts[1:] {
			if opening := h.NextOpening(end); opening.Before(t) {
				t = opening
			}
		}
	}
	return false
}

// quiet are the quiet times of a week, as hours.
func (c *Choices) quiet(zone *time.Location) (parts []*routing.Hours) {
	for days, written := range map[string]string{"mon-fri": c.Weekdays, "sat,sun": c.Weekend} {
		if h, err := hoursOf(days, written, zone); err == nil && h != nil { // it was checked when it was chosen
			parts = append(parts, h)
		}
	}
	return parts
}

// hoursOf reads the windows of some days; nil: there are none.
func hoursOf(days, windows string, zone *time.Location) (*routing.Hours, error) {
	if windows == "" {
		return nil, nil
	}
	h := &routing.Hours{Week: map[string]string{days: windows}}
	return h, h.Compile(zone)
}

// nextList is the next time after t of somebody's list; zero: they have none.
func (c *Choices) nextList(t time.Time, zone *time.Location) time.Time {
	times, err := readTimes(c.DigestAt)
	if err != nil {
		return time.Time{} // it was checked when it was chosen
	}
	local := t.In(zone)
	var next time.Time
	for ahead := range 2 {
		for _, clock := range times {
			at := time.Date(local.Year(), local.Month(), local.Day()+ahead, clock.Hour(), clock.Minute(), 0, 0, zone)
			if at.After(t) && (next.IsZero() || at.Before(next)) {
				next = at
			}
		}
	}
	return next.UTC()
}

var errTimes = errors.New("told: these are no times of a day")

// readTimes reads "09:00, 14:00".
func readTimes(written string) ([]time.Time, error) {
	var times []time.Time
	for part := range strings.SplitSeq(written, ",") {
		part = strings.TrimSpace(part)
		if part == "" {
			continue
		}
		clock, err := time.Parse("15:04", part)
		if err != nil || len(times) == mostTimes {
			return nil, errTimes
		}
		times = append(times, clock)
	}
	return times, nil
}
