package leads

import (
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/routing"
)

// Seen is a call that was watched to its end.
type Seen struct {
	Call           string // id of its first channel
	Started, Ended time.Time
	Reason         routing.Reason
}

// SeenOn tells of the newest calls of a PBX that were watched to their end and
// began since then, the newest first, and at most so many.
func SeenOn(tx *db.Tx, pbx string, since time.Time, most int) ([]Seen, error) {
	rows, err := tx.Query(`SELECT call, started, ended, reason FROM calls WHERE started >= $1 AND pbx = $2 AND source = 'ari'
		AND ended IS NOT NULL AND reason <> $3 ORDER BY started DESC LIMIT $4`, db.Millis(since), pbx, string(routing.Unconfirmed), most)
	if err != nil {
		return nil, fmt.Errorf("leads: calls of %s: %w", pbx, err)
	}
	defer rows.Close()
	var list []Seen
	for rows.Next() {
		var s Seen
		var started, ended int64
		if err := rows.Scan(&s.Call, &started, &ended, &s.Reason); err != nil {
			return nil, fmt.Errorf("leads: calls of %s: %w", pbx, err)
		}
		s.Started, s.Ended = db.Time(started), db.Time(ended)
		list = append(list, s)
	}
	return list, rows.Err()
}
