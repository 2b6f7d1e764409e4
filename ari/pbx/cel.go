package pbx

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
)

// CallEvent is one row of Asterisk's call events (CEL): what a channel did, in
// Asterisk's own words.
type CallEvent struct {
	Event    string // CHAN_START, ANSWER, BRIDGE_ENTER, …
	At       time.Time
	Channel  string // its name at that moment: a masquerade changes it, and leaves the ID
	ID       string
	LinkedID string
	Exten    string
	Context  string
	App      string
	Data     string // of the application
	Peer     string // in bridges: the names of the others, with commas between
	Extra    string // JSON: bridge_id, bridge_technology, hangupcause, hangupsource, dialstatus, …
}

// celColumns are the columns of cel_custom.conf.
const celColumns = 20

// celTimeout bounds the wait for the last events: Asterisk writes them a moment
// after ARI and the phones were told.
const celTimeout = 10 * time.Second

// CEL returns the call events, in the order in which Asterisk wrote them, once
// the channels with these unique ids have ended; without ids, once all have
// that ever began.
func (i *Instance) CEL(ids ...string) ([]CallEvent, error) {
	for began := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		events, err := i.readCEL()
		if err != nil {
			return nil, err
		}
		open := unended(events, ids)
		if len(open) == 0 {
			return events, nil
		}
		if time.Since(began) > celTimeout {
			return nil, fmt.Errorf("pbx: call events: no end of the channels %s", strings.Join(open, ", "))
		}
	}
}

// unended are those of the ids (or of all channels that began) of which no
// CHAN_END is told.
func unended(events []CallEvent, ids []string) (open []string) {
	ended := map[string]bool{}
	for _, e := range events {
		ended[e.ID] = ended[e.ID] || e.Event == "CHAN_END"
	}
	if len(ids) == 0 {
		for _, e := range events {
			if e.Event == "CHAN_START" {
				ids = append(ids, e.ID)
			}
		}
	}
	for _, id := range ids {
		if !ended[id] {
			open = append(open, id)
		}
	}
	return open
}

// readCEL reads what is in the file now: it grows meanwhile.
func (i *Instance) readCEL() ([]CallEvent, error) {
	text, err := os.ReadFile(i.CELFile)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil // no call yet
	}
	if err != nil {
		return nil, fmt.Errorf("pbx: call events: %w", err)
	}
	return ReadCEL(bytes.NewReader(text))
}

// ReadCEL reads call events as an Instance writes them (CELFile). A last row
// that is still being written is left out.
func ReadCEL(r io.Reader) ([]CallEvent, error) {
	rows := csv.NewReader(r)
	rows.FieldsPerRecord = celColumns
	var events []CallEvent
	for {
		row, err := rows.Read()
		if err != nil {
			if _, more := rows.Read(); more == io.EOF { // of the rows, or in the last of them
				return events, nil
			}
			return nil, fmt.Errorf("pbx: call events: %w", err)
		}
		at, err := celTime(row[1])
		if err != nil {
			return nil, err
		}
		events = append(events, CallEvent{
			Event: row[0], At: at, Exten: row[7], Context: row[8], Channel: row[9], App: row[10], Data: row[11],
			ID: row[14], LinkedID: row[15], Peer: row[16], Extra: row[19],
		})
	}
}

// celTime reads the seconds of the epoch with their fraction.
func celTime(text string) (time.Time, error) {
	seconds, micros, _ := strings.Cut(text, ".")
	s, err := strconv.ParseInt(seconds, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("pbx: call events: the time %q: %w", text, err)
	}
	us, err := strconv.ParseInt(micros, 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("pbx: call events: the time %q: %w", text, err)
	}
	return time.Unix(s, us*1000), nil
}
