package dials

import (
	"time"

	"ringback/leads/db"
)

// History is what the database knows that decides about a call: of the number,
// the person and the trunk that it would go to.
type History struct {
	// Consent is what the number's owner said last.
	Consent Stand
	// ToNumber are when a robot called the number, ToPerson when it rang the
	// person: a time for each call, in no order. Calls for which a trunk had no
	// room are not among them.
	ToNumber, ToPerson []time.Time
	// NumberBusy says that a call with the number, ours or another's, is in
	// progress; PersonBusy that one of ours to the person is.
	NumberBusy, PersonBusy bool
	// Open counts the calls to clients that are in progress, OpenOnTrunk all
	// calls on the trunk.
	Open, OpenOnTrunk int
	// Begun are when the newest calls to clients were booked, BegunOnTrunk those
	// on the trunk.
	Begun, BegunOnTrunk []time.Time
}

// Of says whose history is wanted.
type Of struct {
	Number, Who, Trunk string
	// Call leaves out the legs of this call.
	Call string
}

// Look reads the history of what a call would go to.
func Look(tx *db.Tx, of Of) (History, error) {
	var h History
	word, err := Consent(tx, of.Number)
	if err != nil {
		return h, err
	}
	h.Consent = word.Kind
	return h, nil
}
