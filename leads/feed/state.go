package feed

import (
	"context"
	"database/sql"
	"time"

	"ringback/leads/db"
)

// State is how a hook does.
type State struct {
	Hook string `json:"hook"`
	// Address is as much of the receiver's as may be shown.
	Address string `json:"address"`
	// Waiting counts events that are still to be posted, no more than MostCounted
	// of those that have not been tried; Oldest is when the oldest of them
	// happened, or was asked for again; zero: none waits.
	Waiting int       `json:"waiting"`
	Oldest  time.Time `json:"oldest,omitzero"`
	// GivenUp counts events that were given up and not replayed.
	GivenUp int `json:"given_up"`
	// Delivered is when the receiver last took an event; zero: never.
	Delivered time.Time `json:"delivered,omitzero"`
	// Trouble is why it did not take what it last did not take, and Troubled when
	// that was; empty and zero: nothing of that waits any more.
	Trouble  string    `json:"trouble"`
	Troubled time.Time `json:"troubled,omitzero"`
}

// MostCounted bounds how far what waits is counted.
const MostCounted = 2000

// States tells how every hook does, in the order of the configuration.
func (f *Feed) States(ctx context.Context) ([]State, error) {
	list := make([]State, 0, len(f.couriers))
	for _, c := range f.couriers {
		s := State{Hook: c.hook.Name, Address: c.hook.Receiver.Shown()}
		if err := f.state(ctx, c, &s); err != nil {
			return nil, wrap(c.hook.Name, err)
		}
		list = append(list, s)
	}
	return list, nil
}

func (f *Feed) state(ctx context.Context, c *courier, s *State) error {
	var told, delivered, troubled int64
	var since sql.NullInt64
	err := f.source.db.QueryRowContext(ctx, "SELECT told, delivered, troubled, trouble FROM hooks WHERE name = $1", s.Hook).
		Scan(&told, &delivered, &troubled, &s.Trouble)
	if err != nil {
		return err
	}
	err = f.source.db.QueryRowContext(ctx, `SELECT (SELECT COUNT(*) FROM hook_waits WHERE hook = $1 AND given_up = 0),
		(SELECT MIN(since) FROM hook_waits WHERE hook = $1 AND given_up = 0), (SELECT COUNT(*) FROM hook_waits WHERE hook = $1 AND given_up > 0)`, s.Hook).
		Scan(&s.Waiting, &since, &s.GivenUp)
	if err != nil {
		return err
	}
	if since.Valid {
		s.Oldest = db.Time(since.Int64)
	}
	s.Delivered, s.Troubled = db.Time(delivered), db.Time(troubled)
	ahead, err := f.source.entries(ctx, entriesQuery, max(told, c.reached.Load()), int64(1<<62), MostCounted)
	for i := range ahead {
		e := &ahead[i]
		if name := typeOf(e); name == "" || !chosen(c.hook.Events, name) {
			continue
		}
		s.Waiting++
		if s.Oldest.IsZero() || e.at.Before(s.Oldest) {
			s.Oldest = e.at
		}
	}
	return err
}
