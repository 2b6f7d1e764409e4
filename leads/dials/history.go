package dials

import (
	"context"
	"database/sql"
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
	// Call leaves out the legs of this call.
	Call string
}

// Look reads the history of what a call would go to.
func Look(tx *db.Tx, of Of) (History, error) {
	h, err := look(tx.Now(), of, func(query string, args ...any) (rows, error) { return tx.Query(query, args...) })
	if err != nil {
		return h, fmt.Errorf("dials: history: %w", err)
	}
	return h, nil
}

// LookAt is Look for who only reads, as of now.
func LookAt(ctx context.Context, reader *sql.DB, now time.Time, of Of) (History, error) {
	h, err := look(now, of, func(query string, args ...any) (rows, error) { return reader.QueryContext(ctx, query, args...) })
	if err != nil {
		return h, fmt.Errorf("dials: history: %w", err)
	}
	return h, nil
}

// rows are what a query gives, inside a transaction and outside.
type rows interface {
	Next() bool
	Scan(dest ...any) error
	Err() error
	Close() error
}

type ask func(query string, args ...any) (rows, error)

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
	begunQuery       = `SELECT booked, pbx = $1 AND trunk = $2 FROM dials WHERE number <> '' AND booked > $3`
)

// look asks one thing after the other and stops at the first error.
func look(now time.Time, of Of, ask ask) (h History, err error) {
	word, err := newest(of.Number, ask)
	if err != nil {
		return h, err
	}
	h.Consent = word.Kind
	if h.ToNumber, err = times(ask, toNumberQuery, of.Number, db.Millis(now.Add(-NumberSpan)), of.Call); err != nil {
		return h, err
	}
	if h.ToPerson, err = times(ask, toPersonQuery, of.Who, db.Millis(now.Add(-PersonSpan)), of.Call); err != nil {
		return h, err
	}
	if of.Number != "" {
		n, err := count(ask, numberBusyQuery, of.Number, of.Call)
		if err != nil {
			return h, err
		}
		h.NumberBusy = n > 0
	}
	n, err := count(ask, personBusyQuery, of.Who, of.Call)
	if err != nil {
		return h, err
	}
	h.PersonBusy = n > 0
	if h.Open, err = count(ask, openQuery); err != nil {
		return h, err
	}
	if h.OpenOnTrunk, err = count(ask, openOnTrunkQuery, of.PBX, of.Trunk); err != nil {
		return h, err
	}
	return h, begun(&h, of, now, ask)
}

// begun reads what has just been begun.
func begun(h *History, of Of, now time.Time, ask ask) error {
	rows, err := ask(begunQuery, of.PBX, of.Trunk, db.Millis(now.Add(-BegunSpan)))
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

func times(ask ask, query string, args ...any) ([]time.Time, error) {
	rows, err := ask(query, args...)
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

func count(ask ask, query string, args ...any) (n int, err error) {
	rows, err := ask(query, args...)
	if err != nil {
		return 0, err
	}
	defer rows.Close()
	for rows.Next() {
		if err := rows.Scan(&n); err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
}
