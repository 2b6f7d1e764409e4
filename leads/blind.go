package leads

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
	"ringback/routing"
)

// Gap is an interval in which a PBX was not watched, by our clock.
type Gap struct {
	ID           int64
	PBX          string
	Since, Until time.Time
	// Ahead is what the PBX's clock was ahead of ours when it was watched again.
	Ahead time.Duration
	Cause Cause
	// Source names the call records that are read for it; "": there are none.
	Source string
	// Recovered counts the calls that got their verdict by the records, Missed
	// those of them that were missed, Unconfirmed the calls of which no record
	// tells.
	Recovered, Missed, Unconfirmed int
	// Error is why the records cannot be read; "": they can.
	Error string
	// Finished is when all of it had been read; zero: not yet.
	Finished time.Time
}

// GapState says how the reading of a Gap's call records stands.
type GapState string

const (
	GapReading GapState = "reading" // they are waited for, or being read
	GapDone    GapState = "done"    // all of them were read
	GapUnread  GapState = "unread"  // there are none to read
)

// State says how the reading of its call records stands.
func (g *Gap) State() GapState {
	switch {
	case g.Source == "":
		return GapUnread
	case g.Finished.IsZero():
		return GapReading
	}
	return GapDone
}

// Count counts a call that ended in the gap, when it is recorded.
func (g *Gap) Count(c *call.Call, verdict routing.Verdict) {
	switch {
	case c.How == call.Unconfirmed:
		g.Unconfirmed++
	case c.Source == call.Records:
		g.Recovered++
		if verdict == routing.Missed {
			g.Missed++
		}
	}
}

// Cause is why a PBX was not watched.
type Cause string

const (
	Stopped    Cause = "stopped"    // the daemon did not run
	Unwatched  Cause = "connection" // the PBX was away, or could not be reached
	Replaced   Cause = "replaced"   // another client had our ARI application
	Overflowed Cause = "overflow"   // the database was away for longer than memory lasts
)

// Causes lists every cause; the page has words for each.
var Causes = []Cause{Stopped, Unwatched, Replaced, Overflowed}

// Sighting is what is noted, at regular times, of the watching of a PBX.
type Sighting struct {
	PBX string
	// Until is until when everything that was seen is on the disk.
	Until time.Time
	// Ahead is what the PBX's clock is ahead of ours.
	Ahead time.Duration
}

// Watched notes until when a PBX was watched: what happened later was not seen.
func (b *Book) Watched(ctx context.Context, s Sighting) error {
	err := b.db.Do(ctx, func(tx *db.Tx) error {
		_, err := tx.Exec(`INSERT INTO watched (pbx, until, first, ahead) VALUES ($1, $2, $2, $3)
			ON CONFLICT (pbx) DO UPDATE SET until = excluded.until, ahead = excluded.ahead`, s.PBX, db.Millis(s.Until), s.Ahead.Milliseconds())
		return err
	})
	if err != nil {
		return fmt.Errorf("leads: watched %s: %w", s.PBX, err)
	}
	return nil
}

// LastWatched is what was noted last of the watching of a PBX, and when it was
// watched for the first time; both zero: never.
func (b *Book) LastWatched(ctx context.Context, pbx string) (last Sighting, first time.Time, err error) {
	last.PBX = pbx
	var until, began, ahead int64
	err = b.db.Reader().QueryRowContext(ctx, "SELECT until, first, ahead FROM watched WHERE pbx = $1", pbx).Scan(&until, &began, &ahead)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return last, first, fmt.Errorf("leads: watched %s: %w", pbx, err)
	}
	last.Until, last.Ahead = db.Time(until), time.Duration(ahead)*time.Millisecond
	return last, db.Time(began), nil
}

// WatchedUntil is when the PBX was last noted as watched; zero: never.
func (b *Book) WatchedUntil(ctx context.Context, pbx string) (time.Time, error) {
	last, _, err := b.LastWatched(ctx, pbx)
	return last.Until, err
}

// keptGaps is how many finished gaps are kept: of a PBX that is watched badly
// there would be thousands.
const keptGaps = 1000

// NoteGap writes a new gap down, and gives it its id; told again, it gives the
// same. It must be on the disk before the next Watched: that moves the end of what
// was seen past it.
func (b *Book) NoteGap(ctx context.Context, g *Gap) error {
	err := b.db.Do(ctx, func(tx *db.Tx) error {
		err := tx.QueryRow(`INSERT INTO blind (pbx, since, until, ahead, cause, source) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (pbx, since, until) DO UPDATE SET ahead = excluded.ahead, cause = excluded.cause, source = excluded.source, finished = 0
			RETURNING id`,
			g.PBX, db.Millis(g.Since), db.Millis(g.Until), g.Ahead.Milliseconds(), string(g.Cause), g.Source).Scan(&g.ID)
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM blind WHERE finished > 0 AND id <= $1", g.ID-keptGaps)
		return err
	})
	if err != nil {
		return fmt.Errorf("leads: blind of %s: %w", g.PBX, err)
	}
	return nil
}

// SaveGaps writes down how far the reading for these gaps has come.
func (b *Book) SaveGaps(ctx context.Context, gaps []*Gap) error {
	err := b.db.Do(ctx, func(tx *db.Tx) error {
		for _, g := range gaps {
			_, err := tx.Exec("UPDATE blind SET source = $1, recovered = $2, missed = $3, unconfirmed = $4, error = $5, finished = $6 WHERE id = $7",
				g.Source, g.Recovered, g.Missed, g.Unconfirmed, Clip(g.Error), db.Millis(g.Finished), g.ID)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("leads: blind: %w", err)
	}
	return nil
}

// Aheads are what the clock of a PBX was ahead of ours at the end of each of its
// gaps since then.
func (b *Book) Aheads(ctx context.Context, pbx string, since time.Time) ([]time.Duration, error) {
	rows, err := b.db.Reader().QueryContext(ctx, "SELECT DISTINCT ahead FROM blind WHERE until >= $1 AND pbx = $2", db.Millis(since), pbx)
	if err != nil {
		return nil, fmt.Errorf("leads: clock of %s: %w", pbx, err)
	}
	defer rows.Close()
	var list []time.Duration
	for rows.Next() {
		var ahead int64
		if err := rows.Scan(&ahead); err != nil {
			return nil, fmt.Errorf("leads: clock of %s: %w", pbx, err)
		}
		list = append(list, time.Duration(ahead)*time.Millisecond)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: clock of %s: %w", pbx, err)
	}
	return list, nil
}

// UnreadGaps are the gaps of a PBX whose records were not read to their end when
// a process ended.
func (b *Book) UnreadGaps(ctx context.Context, pbx string) ([]*Gap, error) {
	return gaps(ctx, b.db.Reader(), "WHERE pbx = $1 AND finished = 0 ORDER BY id", pbx)
}

// GapsReadSince are the gaps of a PBX whose records were read to their end since
// then, in that order.
func (b *Book) GapsReadSince(ctx context.Context, pbx string, since time.Time) ([]*Gap, error) {
	return gaps(ctx, b.db.Reader(), "WHERE pbx = $1 AND finished >= $2 AND finished > 0 ORDER BY finished, id", pbx, db.Millis(since))
}

// Gaps are the newest gaps of all PBXes, the newest first.
func Gaps(ctx context.Context, reader *sql.DB, limit int) ([]*Gap, error) {
	return gaps(ctx, reader, "WHERE until > 0 ORDER BY until DESC, id DESC LIMIT $1", limit)
}

func gaps(ctx context.Context, reader *sql.DB, which string, args ...any) ([]*Gap, error) {
	rows, err := reader.QueryContext(ctx,
		"SELECT id, pbx, since, until, ahead, cause, source, recovered, missed, unconfirmed, error, finished FROM blind "+which, args...)
	if err != nil {
		return nil, fmt.Errorf("leads: blind: %w", err)
	}
	defer rows.Close()
	var list []*Gap
	for rows.Next() {
		g := new(Gap)
		var since, until, ahead, finished int64
		if err := rows.Scan(&g.ID, &g.PBX, &since, &until, &ahead, &g.Cause, &g.Source, &g.Recovered, &g.Missed, &g.Unconfirmed, &g.Error, &finished); err != nil {
			return nil, fmt.Errorf("leads: blind: %w", err)
		}
		g.Since, g.Until, g.Ahead, g.Finished = db.Time(since), db.Time(until), time.Duration(ahead)*time.Millisecond, db.Time(finished)
		list = append(list, g)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: blind: %w", err)
	}
	return list, nil
}

// Known are the ids of the calls of a PBX that began from since to until and
// have ended.
func (b *Book) Known(ctx context.Context, pbx string, since, until time.Time) (map[string]bool, error) {
	rows, err := b.db.Reader().QueryContext(ctx, "SELECT call FROM calls WHERE started >= $1 AND started <= $2 AND pbx = $3 AND ended IS NOT NULL", db.Millis(since), db.Millis(until), pbx)
	if err != nil {
		return nil, fmt.Errorf("leads: calls of %s: %w", pbx, err)
	}
	defer rows.Close()
	known := map[string]bool{}
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("leads: calls of %s: %w", pbx, err)
		}
		known[id] = true
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: calls of %s: %w", pbx, err)
	}
	return known, nil
}

// Recover records the ends of calls that nobody has seen, and returns when they
// are on the disk: it tries for as long as the database cannot be written, and
// until ctx ends.
func (b *Book) Recover(ctx context.Context, facts []call.Fact) error {
	for len(facts) > 0 {
		n := min(len(facts), maxBatch)
		if err := b.persist(ctx, facts[:n]); err != nil {
			return err
		}
		facts = facts[n:]
	}
	return nil
}

// Verdict is the verdict that a call will get, when it is recorded.
func (b *Book) Verdict(c call.Call) routing.Verdict { return b.office.Judge(c, c.Ended).Verdict }
