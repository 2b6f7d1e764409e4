package dials

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/number"
)

// Kind says for whom a call out is. Values are what the database holds.
type Kind string

const (
	Manager  Kind = "manager"  // a phone of the house: somebody is told what they owe
	Reminder Kind = "reminder" // a client hears a recording
	Connect  Kind = "connect"  // two people are to talk: a key was pressed, or it was asked for
	Click    Kind = "click"    // a phone of the house: somebody asked to be called and connected
)

// Kinds are all of them.
var Kinds = []Kind{Manager, Reminder, Connect, Click}

// ToHouse says that a call of this kind rings a phone of the house.
func (k Kind) ToHouse() bool { return k == Manager || k == Click }

// Outcome is what became of a call out.
type Outcome string

const (
	Answered    Outcome = "answered"    // somebody or something picked up
	Busy        Outcome = "busy"        // the number is busy
	NoAnswer    Outcome = "no_answer"   // it rang, and nobody picked up
	Rejected    Outcome = "rejected"    // declined at the phone
	Invalid     Outcome = "invalid"     // the network says that there is no such number
	Congestion  Outcome = "congestion"  // the trunk had no room: nothing rang
	Unreachable Outcome = "unreachable" // switched off, not registered, out of order
	Failed      Outcome = "failed"      // the PBX could not place it
	Stopped     Outcome = "stopped"     // our own stop ended it before it was answered
	Unknown     Outcome = "unknown"     // nobody knows; it counts as dialed
)

// Outcomes are all of them.
var Outcomes = []Outcome{Answered, Busy, NoAnswer, Rejected, Invalid, Congestion, Unreachable, Failed, Stopped, Unknown}

// Dial is one call out, of one channel. It is booked before it is placed.
type Dial struct {
	ID int64
	// Channel is our id of the channel on the PBX.
	Channel string
	// Call is shared by the legs of one call: the phones of one person.
	Call       string
	PBX, Trunk string
	Kind       Kind
	Number     string // E.164; empty: a phone of the house
	Device     string // what the PBX dials for it
	Who        string // login
	// Job, Lead and Reminder are what it is about; 0: none.
	Job, Lead, Reminder int64
	Booked              time.Time
	// Answered and Ended are zero until then.
	Answered, Ended time.Time
	Outcome         Outcome // empty until it has ended
	Detail          string  // of the outcome, for people
	Key             string  // the last key that was pressed and meant something
}

// Insert books a call out, at the time of the transaction, and gives it its ID.
// Only robotcall's Guard calls it: what it has not let pass is not dialed.
func Insert(tx *db.Tx, d *Dial) error {
	d.Booked = tx.Now()
	err := tx.QueryRow(`INSERT INTO dials (channel, call, pbx, trunk, kind, number, device, who, job, lead, reminder, booked)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) RETURNING id`,
		d.Channel, d.Call, d.PBX, d.Trunk, string(d.Kind), d.Number, d.Device, d.Who, d.Job, d.Lead, d.Reminder,
		db.Millis(d.Booked)).Scan(&d.ID)
	if err != nil {
		return fmt.Errorf("dials: book %s: %w", d.Channel, err)
	}
	return nil
}

// MarkAnswered notes that somebody picked up; the first time counts.
func MarkAnswered(tx *db.Tx, channel string) error {
	_, err := tx.Exec("UPDATE dials SET answered = $1 WHERE channel = $2 AND answered = 0 AND ended = 0", db.Millis(tx.Now()), channel)
	if err != nil {
		return fmt.Errorf("dials: answered %s: %w", channel, err)
	}
	return nil
}

// MarkKey notes the key that was pressed; the last counts.
func MarkKey(tx *db.Tx, channel, key string) error {
	if _, err := tx.Exec("UPDATE dials SET key = $1 WHERE channel = $2", key, channel); err != nil {
		return fmt.Errorf("dials: key of %s: %w", channel, err)
	}
	return nil
}

// TopicEnded is told a Dial, with kind and outcome, of every call out that ended.
const TopicEnded = "dials"

// End notes what became of a call out. The first end counts: who learns of it
// twice, by an event and by looking after a crash, does no harm.
func End(tx *db.Tx, channel string, o Outcome, detail string) error {
	var kind Kind
	err := tx.QueryRow("UPDATE dials SET ended = $1, outcome = $2, detail = $3 WHERE channel = $4 AND ended = 0 RETURNING kind",
		db.Millis(tx.Now()), string(o), clip(detail), channel).Scan(&kind)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return fmt.Errorf("dials: end %s: %w", channel, err)
	}
	tx.Notify(TopicEnded, Dial{Channel: channel, Kind: kind, Outcome: o})
	return nil
}

const columns = `SELECT id, channel, call, pbx, trunk, kind, number, device, who, job, lead, reminder,
	booked, answered, ended, outcome, detail, key FROM dials`

// OfJob lists the calls out of a job, the newest first. Open ones have no Ended.
func OfJob(tx *db.Tx, job int64) ([]Dial, error) {
	return list(tx, columns+" WHERE job = $1 ORDER BY id DESC", job)
}

// Open lists the calls out of a PBX whose end is not known, the oldest first.
func Open(tx *db.Tx, pbx string) ([]Dial, error) {
	return list(tx, columns+" WHERE ended = 0 AND pbx = $1 ORDER BY id", pbx)
}

// Consumed counts the attempts among the calls of a job, the legs of one call
// as one. A trunk that had no room consumes none.
func Consumed(dials []Dial) int {
	calls := make(map[string]bool)
	for _, d := range dials {
		if d.Outcome != Congestion {
			calls[d.Call] = true
		}
	}
	return len(calls)
}

func list(tx *db.Tx, query string, args ...any) ([]Dial, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("dials: %w", err)
	}
	defer rows.Close()
	var dials []Dial
	for rows.Next() {
		var d Dial
		var booked, answered, ended int64
		err := rows.Scan(&d.ID, &d.Channel, &d.Call, &d.PBX, &d.Trunk, &d.Kind, &d.Number, &d.Device, &d.Who, &d.Job, &d.Lead, &d.Reminder,
			&booked, &answered, &ended, &d.Outcome, &d.Detail, &d.Key)
		if err != nil {
			return nil, fmt.Errorf("dials: %w", err)
		}
		d.Booked, d.Answered, d.Ended = db.Time(booked), db.Time(answered), db.Time(ended)
		dials = append(dials, d)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("dials: %w", err)
	}
	return dials, nil
}

// maxText bounds what is kept of a text that others wrote.
const maxText = 300

// clip is what is kept of it.
func clip(s string) string {
	text, _ := number.OneLine(s, maxText)
	return text
}

// CountOpen tells how many calls out have not ended.
func CountOpen(ctx context.Context, reader *sql.DB) (n int, err error) {
	if err := reader.QueryRowContext(ctx, "SELECT COUNT(*) FROM dials WHERE ended = 0").Scan(&n); err != nil {
		return 0, fmt.Errorf("dials: open: %w", err)
	}
	return n, nil
}
