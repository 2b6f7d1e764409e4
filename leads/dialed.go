package leads

import (
	"fmt"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
)

// Dialed is a number that was dialed on a PBX.
type Dialed struct {
	PBX       string
	Direction call.Direction
	Number    string // E.164, or hostile text as received
	Calls     int
	Last      time.Time // when the newest of them began
}

// mostDialed bounds how many numbers are told: a stranger may dial any.
const mostDialed = 1000

// DialedSince tells which numbers were dialed by calls that began since then,
// the most dialed first.
func DialedSince(tx *db.Tx, since time.Time) ([]Dialed, error) {
	rows, err := tx.Query(`SELECT pbx, direction, dialed, COUNT(*), MAX(started) FROM calls WHERE started >= $1
		GROUP BY pbx, direction, dialed ORDER BY COUNT(*) DESC, dialed LIMIT $2`, db.Millis(since), mostDialed)
	if err != nil {
		return nil, fmt.Errorf("leads: numbers dialed: %w", err)
	}
	defer rows.Close()
	var list []Dialed
	for rows.Next() {
		var d Dialed
		var last int64
		if err := rows.Scan(&d.PBX, &d.Direction, &d.Number, &d.Calls, &last); err != nil {
			return nil, fmt.Errorf("leads: numbers dialed: %w", err)
		}
		d.Number, d.Last = Clip(d.Number), db.Time(last)
		list = append(list, d)
	}
	return list, rows.Err()
}
