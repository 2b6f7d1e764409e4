package dials

import (
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
)

// History is what the database knows that decides about a call: of the number,
// the person and the trunk that it would go to.
type History struct {
	// Consent is what the number's owner said last.
	Consent Stand
	// ToNumber are when a robot called the number within NumberSpan, ToPerson when
	// it rang the person within PersonSpan: a time for each call, in no order.
	// Calls for which a trunk had no room are not among them.
	ToNumber, ToPerson []time.Time
	// Former are the reminders that were placed for the same job, the newest
	// first.
	Former []Dial
	// NumberBusy says that a call with the number, ours or another's, is in
	// progress; PersonBusy that one of ours to the person is.
	NumberBusy, PersonBusy bool
	// Open counts the reminders that are in progress, OpenOnTrunk all calls on
	// the trunk.
	Open, OpenOnTrunk int
	// Begun are when calls to numbers were booked within BegunSpan, BegunOnTrunk
	// those by the trunk.
	Begun, BegunOnTrunk []time.Time
}

// How far back the times of a History go.
const (
	NumberSpan = 30 * 24 * time.Hour
	PersonSpan = 3 * time.Hour
	BegunSpan  = time.Second
)

// Of says whose history is wanted.
type Of struct {
	Number, Who string
	PBX, Trunk  string
	// Job is the one for which the call would be; 0: none.
	Job int64
	// Call leaves out the legs of this call.
	Call string
}

// Look reads the history of what a call would go to.
func Look(tx *db.Tx, of Of) (History, error) {
	h, err := look(tx, of)
	if err != nil {
		return h, fmt.Errorf("dials: history: %w", err)
	}
	return h, nil
}

// A call is counted once, however many phones it rings.
const (
	toNumberQuery = `SELECT MIN(booked) FROM dials WHERE number = $1 AND number <> '' AND kind = 'reminder'
		AND outcome <> 'congestion' AND booked > $2 AND call <> $3 GROUP BY call`
	toPersonQuery = `SELECT MIN(booked) FROM dials WHERE who = $1 AND who <> '' AND kind = 'manager'
		AND outcome <> 'congestion' AND booked > $2 AND call <> $3 GROUP BY call`
	// A number that nobody has as a contact yet is found by the call itself.
	numberBusyQuery = `SELECT (SELECT COUNT(*) FROM dials WHERE ended = 0 AND number = $1 AND call <> $2)
		+ (SELECT COUNT(*) FROM calls WHERE ended IS NULL AND (caller = $1 OR dialed = $1
			OR contact = (SELECT contact FROM numbers WHERE number = $1)))`
	personBusyQuery  = `SELECT COUNT(*) FROM dials WHERE ended = 0 AND who = $1 AND who <> '' AND kind <> 'reminder' AND call <> $2`
	openQuery        = `SELECT COUNT(*) FROM dials WHERE ended = 0 AND kind = 'reminder'`
	openOnTrunkQuery = `SELECT COUNT(*) FROM dials WHERE ended = 0 AND pbx = $1 AND trunk = $2 AND trunk <> ''`
	formerQuery      = columns + ` WHERE job = $1 AND kind = 'reminder' AND call <> $2 ORDER BY id DESC`
	begunQuery       = `SELECT booked, pbx = $1 AND trunk = $2 FROM dials WHERE number <> '' AND booked > $3`
)

// Vain are when a person was rung since then because they, or a program for them,
// had asked for a call, and did not pick up: a time for each call, in no order.
func Vain(tx *db.Tx, who string, since time.Time) ([]time.Time, error) {
	at, err := times(tx, `SELECT MIN(booked) FROM dials WHERE who = $1 AND kind = 'click' AND outcome <> 'congestion' AND booked > $2
		GROUP BY call HAVING MAX(answered) = 0`, who, db.Millis(since))
	if err != nil {
		return nil, fmt.Errorf("dials: rung in vain: %w", err)
	}
	return at, nil
}

// look asks one thing after the other and stops at the first error.
func look(tx *db.Tx, of Of) (h History, err error) {
	word, err := newest(tx, of.Number)
	if err != nil {
		return h, err
	}
	h.Consent = word.Kind
	if h.ToNumber, err = times(tx, toNumberQuery, of.Number, db.Millis(tx.Now().Add(-NumberSpan)), of.Call); err != nil {
		return h, err
	}
	if h.ToPerson, err = times(tx, toPersonQuery, of.Who, db.Millis(tx.Now().Add(-PersonSpan)), of.Call); err != nil {
		return h, err
	}
	if of.Job != 0 {
		if h.Former, err = list(tx, formerQuery, of.Job, of.Call); err != nil {
			return h, err
		}
	}
	var number, person int
	err = errors.Join(
		tx.QueryRow(numberBusyQuery, of.Number, of.Call).Scan(&number),
		tx.QueryRow(personBusyQuery, of.Who, of.Call).Scan(&person),
		tx.QueryRow(openQuery).Scan(&h.Open),
		tx.QueryRow(openOnTrunkQuery, of.PBX, of.Trunk).Scan(&h.OpenOnTrunk),
		begun(tx, &h, of))
	h.NumberBusy, h.PersonBusy = number > 0 && of.Number != "", person > 0
	return h, err
}

// begun reads what has just been begun.
func begun(tx *db.Tx, h *History, of Of) error {
	rows, err := tx.Query(begunQuery, of.PBX, of.Trunk, db.Millis(tx.Now().Add(-BegunSpan)))
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var ms int64
		var here bool
		if err := rows.Scan(&ms, &here); err != nil {
			return err
		}
		h.Begun = append(h.Begun, db.Time(ms))
		if here {
			h.BegunOnTrunk = append(h.BegunOnTrunk, db.Time(ms))
		}
	}
	return rows.Err()
}

func times(tx *db.Tx, query string, args ...any) ([]time.Time, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []time.Time
	for rows.Next() {
		var ms int64
		if err := rows.Scan(&ms); err != nil {
			return nil, err
		}
		list = append(list, db.Time(ms))
	}
	return list, rows.Err()
}
