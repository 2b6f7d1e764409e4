package alert

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// again ends the id and the key of a message that is repeated because it was in
// doubt.
const again = ":again"

// keys is how the keys of a message's jobs begin, one for each channel. Later
// rounds have keys of their own, and the same ids: a receiver that removes
// doubles is not told again what it has taken without answering.
func keys(id string, round int) string {
	if round == 0 {
		return id + ":"
	}
	return fmt.Sprintf("%s.%d:", id, round)
}

// without is the message's id without its channel.
func (m *Message) without(channel string) string {
	return strings.TrimSuffix(strings.TrimSuffix(m.ID, again), ":"+channel)
}

// roundPause is how long the last rung rests after it has reached nobody, for
// the nth time: 5 minutes, doubled each time, up to an hour.
func roundPause(n int) time.Duration {
	return min(5*time.Minute<<min(n-1, 4), time.Hour)
}

// lose follows a message that its channel could not deliver.
func (l *Ladder) lose(tx *db.Tx, j jobs.Job, m *Message, kind, why string) error {
	if err := note(tx, j.Lane, m, kind, why); err != nil {
		return err
	}
	if done, err := l.nextInTurn(tx, j, m); err != nil || done {
		return err
	}
	if m.Booked != nil {
		return l.passOn(tx, j, m)
	}
	return l.climbAgain(tx, j, m)
}

// nextInTurn promises the message by the next of the channels that its person
// wants to be tried one after the other; done: that, or the lead is settled.
func (l *Ladder) nextInTurn(tx *db.Tx, j jobs.Job, m *Message) (done bool, err error) {
	if m.Lead != 0 {
		lead, _, err := l.standing(tx, m.Lead, m.Ladder)
		if err != nil || lead == nil {
			return true, err
		}
	}
	next := *m
	for len(next.Turn) > 0 {
		name := next.Turn[0]
		next.Turn = next.Turn[1:]
		i := slices.IndexFunc(l.cfg.Channels, func(ch Named) bool { return ch.Name == name })
		if i < 0 {
			continue // it is not configured any more
		}
		id := m.without(j.Lane)
		next.ID = id + ":" + name
		return true, l.promise(tx, l.cfg.Channels[i], next, keys(id, m.Round)+name)
	}
	return false, nil
}

// passOn tells the supervisor of the line what a notice of a reminder has to
// tell, if its person was told by no channel and will not be: it has no rung
// that would come again.
func (l *Ladder) passOn(tx *db.Tx, j jobs.Job, m *Message) error {
	if m.Booked == nil || l.cfg.Mode != Act {
		return nil
	}
	id := m.without(j.Lane)
	tried, lost, err := l.told(tx, j, m)
	if err != nil || !lost {
		return err
	}
	l.count(tx, tried)
	pool := l.cfg.Office.Directory.Pool(m.Pool)
	if pool == nil || pool.Supervisor == "" || pool.Supervisor == m.To {
		return nil // the timeline says so, and there is nobody else
	}
	next := *m
	l.address(&next, pool.Supervisor)
	next.Double = false
	return l.tell(tx, next, id+".supervisor")
}

// told looks at all channels of the message that j could not deliver: lost says
// that no other has delivered it or still may, and that it does not wait for the
// end of a quiet time.
func (l *Ladder) told(tx *db.Tx, j jobs.Job, m *Message) (tried []jobs.Standing, lost bool, err error) {
	id := m.without(j.Lane)
	var waits bool
	if err := tx.QueryRow("SELECT EXISTS (SELECT 1 FROM held WHERE login = $1 AND ref = $2)", m.To, id).Scan(&waits); err != nil {
		return nil, false, fmt.Errorf("alert: message %s: %w", id, err)
	}
	tried, err = jobs.Look(tx, keys(id, m.Round))
	lost = !waits && !slices.ContainsFunc(tried, func(s jobs.Standing) bool { return s.ID != j.ID && hopeful(s, tried) })
	return tried, lost, err
}

// climbAgain books the last rung again if the message that j could not deliver
// is of it, and no other channel has delivered it or still may: a ladder never
// ends in silence. In mode observe there is nothing to deliver.
func (l *Ladder) climbAgain(tx *db.Tx, j jobs.Job, m *Message) error {
	if l.cfg.Mode != Act {
		return nil
	}
	if m.Why.lists() {
		return l.listAgain(tx, j, m)
	}
	if !m.Last {
		return nil
	}
	lead, _, err := l.standing(tx, m.Lead, m.Ladder)
	if err != nil || lead == nil {
		return err
	}
	tried, lost, err := l.told(tx, j, m)
	if err != nil || !lost {
		return err
	}
	l.count(tx, tried)
	next := leads.RungDue{Ladder: m.Ladder, Rung: m.Rung, Round: m.Round + 1}
	return leads.BookRung(tx, lead, next, tx.Now().Add(roundPause(next.Round)), leads.After(j))
}

// hopeful says that the person was told by this job, or may have been, or still
// may be. Of a message in doubt its repetition decides.
func hopeful(s jobs.Standing, all []jobs.Standing) bool {
	switch s.State {
	case jobs.Waiting, jobs.Held, jobs.Done:
		return true
	case jobs.Doubtful:
		return !slices.ContainsFunc(all, func(o jobs.Standing) bool { return o.Key == s.Key+again })
	}
	return false
}

// count counts the channels that could not tell.
func (l *Ladder) count(tx *db.Tx, tried []jobs.Standing) {
	for _, ch := range l.cfg.Channels {
		if slices.ContainsFunc(tried, func(s jobs.Standing) bool { return s.Lane == ch.Name }) {
			tx.AfterCommit(func() { l.lost.WithLabelValues(ch.Name).Inc() })
		}
	}
}

// strays is the work of what was promised by channels that are not configured
// any more.
func (l *Ladder) strays() jobs.Work {
	return jobs.Work{
		Kind: kindOf("*"), InTx: l.stray,
		InDoubt: func(tx *db.Tx, j jobs.Job) error { return l.inDoubt(tx, j, cutOff) },
		Expired: func(tx *db.Tx, j jobs.Job) error { return l.givenUp(tx, j, timeRanOut) },
		GaveUp:  func(tx *db.Tx, j jobs.Job, err error) error { return l.givenUp(tx, j, err.Error()) },
	}
}

// stray promises a message by the channels that its person has now.
func (l *Ladder) stray(tx *db.Tx, j jobs.Job) error {
	var m Message
	if err := json.Unmarshal(j.Payload, &m); err != nil {
		return fmt.Errorf("alert: message: %w", err)
	}
	if err := note(tx, j.Lane, &m, leads.EntryAlertFailed, noChannel); err != nil {
		return err
	}
	if m.Lead != 0 {
		lead, _, err := l.standing(tx, m.Lead, m.Ladder)
		if err != nil || lead == nil {
			return err
		}
	}
	if left, err := l.upToDate(tx, &m); err != nil || !left {
		return err
	}
	if err := l.tell(tx, m, m.without(j.Lane)); err != nil {
		return err
	}
	if m.Booked != nil {
		return l.passOn(tx, j, &m)
	}
	return l.climbAgain(tx, j, &m)
}
