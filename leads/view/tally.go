package view

import (
	"context"
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
)

// Tally counts open leads of one person in one pool whose ladders have been
// climbed as far.
type Tally struct {
	Manager string // empty: they are nobody's
	Pool    string
	Rungs   int
	Open    int
	// Awake counts those of which somebody is told, because nobody has them in hand
	// and they are not suspicious. Of these, Lapsed had been in somebody's hand, and
	// Waiting never were, though they are open for longer than was asked.
	Awake, Lapsed, Waiting int
}

const (
	awake        = "suspicious = 0 AND (ack_by = '' OR ack_until < $1)"
	tallyColumns = "SELECT manager, pool, rung, COUNT(*), COUNT(CASE WHEN " + awake + " THEN 1 END), COUNT(CASE WHEN " + awake +
		" AND ack_by <> '' THEN 1 END), COUNT(CASE WHEN " + awake + " AND ack_by = '' AND opened < $2 THEN 1 END) FROM leads WHERE closed IS NULL"
	tallyGroups    = " GROUP BY manager, pool, rung"
	tallyAllQuery  = tallyColumns + tallyGroups
	tallyOfQuery   = tallyColumns + " AND manager = $3" + tallyGroups
	tallyFreeQuery = tallyColumns + " AND manager = '' AND pool = $3" + tallyGroups
)

// TallyCallbacks counts all that Callbacks lists, however many they are.
func (v *View) TallyCallbacks(ctx context.Context, s leads.Sight, patience time.Duration) ([]Tally, error) {
	if s.Login == "" {
		return v.TallyOpen(ctx, s, patience)
	}
	all, err := v.tally(ctx, patience, tallyOfQuery, s.Login)
	for _, pool := range s.Pools {
		if err != nil {
			return nil, err
		}
		var some []Tally
		some, err = v.tally(ctx, patience, tallyFreeQuery, pool)
		all = append(all, some...)
	}
	return all, err
}

// TallyOpen counts all that OpenIn lists, however many they are.
func (v *View) TallyOpen(ctx context.Context, s leads.Sight, patience time.Duration) ([]Tally, error) {
	all, err := v.tally(ctx, patience, tallyAllQuery)
	if s.All || err != nil {
		return all, err
	}
	return slices.DeleteFunc(all, func(t Tally) bool { return !slices.Contains(s.Supervises, t.Pool) }), nil
}

func (v *View) tally(ctx context.Context, patience time.Duration, query string, of ...any) ([]Tally, error) {
	now := time.Now()
	list, err := collect(ctx, v.db, scanTally, query, append([]any{db.Millis(now), db.Millis(now.Add(-patience))}, of...)...)
	if err != nil {
		return nil, failed("tally", err)
	}
	return list, nil
}

func scanTally(row scanner) (t Tally, err error) {
	err = row.Scan(&t.Manager, &t.Pool, &t.Rungs, &t.Open, &t.Awake, &t.Lapsed, &t.Waiting)
	return t, err
}
