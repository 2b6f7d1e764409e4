package alert

import (
	"fmt"
	"time"

	"ringback/leads/db"
)

// Who rings by a program rings hundreds of times an hour, each time from another
// number. Nobody reads a message every thirty seconds, and each may cost money: after
// as many as a bad quarter of an hour of real clients brings, the rest come in a list.
const (
	mostAlone = 20
	crowdSpan = 10 * time.Minute
)

// crowd counts a message among those that its person has one by one, and says until
// when it waits, for a list, where they have had too many lately; zero: it does not.
func (l *Ladder) crowd(tx *db.Tx, m *Message) (until time.Time, err error) {
	if m.Lead == 0 || l.cfg.Told.Immediate(m.kind()) {
		return time.Time{}, nil
	}
	now := db.Millis(tx.Now())
	var since, told int64
	// Of a clock that was set back nothing is known.
	err = tx.QueryRow(`INSERT INTO crowds (login, since, told) VALUES ($1, $2, 1) ON CONFLICT (login) DO UPDATE SET
		since = CASE WHEN crowds.since BETWEEN $3 AND $2 THEN crowds.since ELSE $2 END,
		told = CASE WHEN crowds.since BETWEEN $3 AND $2 THEN crowds.told + 1 ELSE 1 END RETURNING since, told`,
		m.To, now, now-crowdSpan.Milliseconds()+1).Scan(&since, &told)
	if err != nil {
		return time.Time{}, fmt.Errorf("alert: crowd of %s: %w", m.To, err)
	}
	if told <= mostAlone {
		return time.Time{}, nil
	}
	return db.Time(since).Add(crowdSpan), nil
}
