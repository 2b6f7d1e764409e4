package jobs

import (
	"errors"
	"fmt"
	"strings"

	"ringback/leads/db"
)

// errStray is why a job that nobody does any more has ended.
var errStray = errors.New("nobody does jobs of this kind any more")

// strays gives what the kinds begin with whose jobs w ends (see Work.Kind); ""
// for an ordinary work.
func (w *Work) strays() string {
	if prefix, ok := strings.CutSuffix(w.Kind, "*"); ok {
		return prefix
	}
	return ""
}

// gather brings the jobs that nobody does any more to the work that ends them.
// What a dead process had in hand is in doubt: how its kind would have taken a
// crash is not known any more.
func (r *Runner) gather(tx *db.Tx, w *Work) error {
	prefix := w.strays()
	kinds, err := unfinished(tx, prefix)
	if err != nil {
		return err
	}
	for _, kind := range kinds {
		if r.lanes.works[kind] != nil {
			continue
		}
		for _, change := range []string{
			"UPDATE jobs SET kind = $1, due = $2 WHERE state = 'waiting' AND kind = $3",
			"UPDATE jobs SET kind = $1, due = $2, state = 'waiting', doubt = 1 WHERE state = 'held' AND kind = $3",
		} {
			if _, err := tx.Exec(change, w.Kind, db.Millis(tx.Now()), kind); err != nil {
				return fmt.Errorf("jobs: gather %s: %w", kind, err)
			}
		}
		r.log.Warn("what nobody does any more is ended", "kind", kind)
	}
	return nil
}

// unfinished lists the kinds that begin with prefix and have jobs that wait or
// are in hand.
func unfinished(tx *db.Tx, prefix string) ([]string, error) {
	rows, err := tx.Query(`SELECT kind FROM jobs WHERE state = 'waiting' AND kind >= $1 AND kind < $2
		UNION SELECT kind FROM jobs WHERE state = 'held' AND kind >= $1 AND kind < $2`, prefix, after(prefix))
	if err != nil {
		return nil, fmt.Errorf("jobs: kinds %s…: %w", prefix, err)
	}
	defer rows.Close()
	var kinds []string
	for rows.Next() {
		var kind string
		if err := rows.Scan(&kind); err != nil {
			return nil, fmt.Errorf("jobs: kinds %s…: %w", prefix, err)
		}
		kinds = append(kinds, kind)
	}
	return kinds, rows.Err()
}
