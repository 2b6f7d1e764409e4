package dials

import (
	"fmt"

	"ringback/leads/db"
)

// Left lists the calls out of a PBX whose end is not known and whose job will
// not look for it: the job has ended, or the call went on without it, as one
// that a key has connected does.
func Left(tx *db.Tx, pbx string) ([]Dial, error) {
	return list(tx, columns+` WHERE ended = 0 AND pbx = $1 AND (kind = 'connect'
		OR NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = dials.job AND jobs.state IN ('waiting', 'held'))) ORDER BY id`, pbx)
}

// PBXes names those with calls out whose end is not known.
func PBXes(tx *db.Tx) ([]string, error) {
	rows, err := tx.Query("SELECT DISTINCT pbx FROM dials WHERE ended = 0 ORDER BY pbx")
	if err != nil {
		return nil, fmt.Errorf("dials: %w", err)
	}
	var names []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("dials: %w", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("dials: %w", err)
	}
	return names, nil
}
