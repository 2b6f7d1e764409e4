package alert

import (
	"slices"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

const (
	// busyPause is how long a rung waits for somebody who is on the phone,
	// before it looks again.
	busyPause = 15 * time.Second
	// maxWaits bounds how often in a row it does: 20 minutes in all. A number
	// that many people share may be on the phone all day, and the end of a call
	// may stay unseen while a PBX is away; a miss must not go unnoticed for
	// that.
	maxWaits = 80
)

// putOff says until when a rung must wait; zero: it need not.
func (l *Ladder) putOff(tx *db.Tx, j jobs.Job, lead *leads.Lead, pool *routing.Pool, due *leads.RungDue, heir string) (time.Time, error) {
	if until := rests(tx, lead, pool, overslept(tx, j) || supervised(pool, due)); !until.IsZero() {
		due.Waited = 0
		return until, nil
	}
	to := lead.Manager
	switch pool.Ladder.At(due.Rung).Tell {
	case routing.TellNextManager:
		to = heir
	case routing.TellSupervisor:
		to = "" // who is told of what others leave undone need not be free for it
	}
	busy, err := l.onThePhone(tx, lead, to, &due.Waited)
	if err != nil || !busy {
		return time.Time{}, err
	}
	return tx.Now().Add(busyPause), nil
}

// rests says until when nothing is done about a lead: while somebody has taken
// it on, and, with home, outside the pool's hours. Zero: it does not rest.
func rests(tx *db.Tx, lead *leads.Lead, pool *routing.Pool, home bool) time.Time {
	switch now := tx.Now(); {
	case lead.Acknowledged(now):
		return pool.Hours.NextOpening(lead.AckUntil)
	case home && !pool.Hours.Open(now):
		return pool.Hours.NextOpening(now)
	}
	return time.Time{}
}

// supervised says that the supervisor has been told, or the ladder's end was reached:
// what is still to come can wait for the opening. A ladder that began in the
// hours runs as far as that.
func supervised(pool *routing.Pool, due *leads.RungDue) bool {
	climbed := pool.Ladder.Rungs[:min(due.Rung, len(pool.Ladder.Rungs))]
	return due.Round > 0 || slices.ContainsFunc(climbed, func(r routing.Rung) bool { return r.Tell == routing.TellSupervisor })
}

// overslept says that a job comes long after its time, because the daemon was
// away: nobody is to be told or rung in the night for what was due in the
// evening.
func overslept(tx *db.Tx, j jobs.Job) bool { return tx.Now().Sub(j.Due) > giveUpAfter }

// onThePhone says that nothing is done just now, because the contact is on the
// phone, which may settle the lead, or the manager who would be told, who may be
// talking of it. It counts how often in a row it has said so.
func (l *Ladder) onThePhone(tx *db.Tx, lead *leads.Lead, login string, waited *int) (bool, error) {
	if *waited >= maxWaits {
		return false, nil
	}
	busy := login != "" && l.cfg.Busy(login)
	if !busy {
		var err error
		if busy, err = leads.OnThePhone(tx, lead.Contact); err != nil || !busy {
			return false, err
		}
	}
	*waited++
	return true, nil
}
