package dials

import "ringback/leads/db"

// Left lists the calls out of a PBX whose end is not known and whose job will
// not look for it: the job has ended, or the call went on without it, as one
// that a key has connected does.
func Left(tx *db.Tx, pbx string) ([]Dial, error) {
	return list(tx, columns+` WHERE ended = 0 AND pbx = $1 AND (kind = 'connect'
		OR NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.id = dials.job AND jobs.state IN ('waiting', 'held'))) ORDER BY id`, pbx)
}
