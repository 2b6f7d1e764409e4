package alert

import (
	"slices"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/told"
	"ringback/routing"
)

// Why a message was not sent, or somebody not rung, on purpose: details in the
// timeline, for which pages have words.
const (
	isAway    = "away"
	isQuiet   = "quiet"      // they have a quiet time
	inList    = "in_list"    // they want it in their list
	choseNot  = "chose_not"  // they have chosen not to be told
	takenOn   = "taken_on"   // they have acknowledged the lead
	notTheirs = "not_theirs" // it is another's by now
	settled   = "settled"    // the lead is closed, or climbs a new ladder
	toldWith  = "told_with"  // another message told of it
)

// kind is the kind of alert that people have chosen for.
func (m *Message) kind() told.Kind {
	switch {
	case m.Booked != nil:
		return told.Reminder
	case m.Why == RangAgain:
		return told.RangAgain
	case m.Why == Overdue:
		return told.Overdue
	case m.Why == Left:
		return told.Left
	case m.Why == Digest:
		return told.Digest
	}
	return told.NewLead
}

// tell promises the message, as its person wants to be told: by channels that it
// was not promised by before, now, or at the end of their quiet time, or in
// their list. A message that waits counts as promised, and the ladder goes on:
// it comes if its lead is open then, and one of the last rung that reaches nobody
// then has the rung climbed again. id is the message's, without the channel.
func (l *Ladder) tell(tx *db.Tx, m Message, id string) error {
	spared, err := l.spare(tx, &m, id)
	if err != nil || spared {
		return err
	}
	way, err := l.way(tx, &m)
	if err != nil {
		return err
	}
	if until := way.Until(); !until.IsZero() && l.cfg.Mode == Act && !way.Off && len(way.Channels) > 0 {
		return l.hold(tx, &m, id, until, !way.List.IsZero())
	}
	return l.handOver(tx, m, id, way)
}

// way is how the message's person is told of it.
func (l *Ladder) way(tx *db.Tx, m *Message) (told.Way, error) {
	return l.cfg.Told.Way(tx, m.To, m.kind(), l.Reaching(m.To))
}

// Reaching names the channels by which a person can be told.
func (l *Ladder) Reaching(login string) []string {
	var names []string
	for _, ch := range l.channelsOf(login) {
		names = append(names, ch.Name)
	}
	return names
}

// handOver promises the message by the channels of its way; in mode observe it
// only notes who would have been told.
func (l *Ladder) handOver(tx *db.Tx, m Message, id string, way told.Way) error {
	entry := m.entry("", "", string(m.Why))
	switch {
	case len(way.Channels) == 0:
		entry.Kind = leads.EntryNobodyToTell
		return leads.Note(tx, entry)
	case way.Off:
		entry.Kind, entry.Detail = leads.EntrySkipped, choseNot
		return leads.Note(tx, entry)
	}
	m.Language = way.Language
	channels := way.Channels
	if way.InTurn {
		channels, m.Turn = channels[:1], channels[1:]
	}
	for _, name := range channels {
		if l.cfg.Mode != Act {
			entry.Kind, entry.Channel = leads.EntryAlertWould, name
			if err := leads.Note(tx, entry); err != nil {
				return err
			}
			continue
		}
		i := slices.IndexFunc(l.cfg.Channels, func(ch Named) bool { return ch.Name == name })
		m.ID = id + ":" + name
		if err := l.promise(tx, l.cfg.Channels[i], m, keys(id, m.Round)+name); err != nil {
			return err
		}
	}
	return nil
}

// spare leaves in peace whose lead or appointment it is, but who is away. Where no
// later rung tells the supervisor, the supervisor hears of it now. A supervisor is
// told always: after them there is nobody.
func (l *Ladder) spare(tx *db.Tx, m *Message, id string) (spared bool, err error) {
	if m.Booked == nil && (m.Lead == 0 || m.kind() != told.NewLead && m.kind() != told.RangAgain) {
		return false, nil
	}
	pool := l.cfg.Office.Directory.Pool(m.Pool)
	if pool == nil || pool.Supervisor == m.To {
		return false, nil
	}
	away, err := told.Absent(tx, m.To)
	if err != nil || !away {
		return false, err
	}
	if err := note(tx, "", m, leads.EntrySkipped, isAway); err != nil {
		return false, err
	}
	next := *m
	if m.Booked == nil {
		later := pool.Ladder.Rungs[min(m.Rung+1, len(pool.Ladder.Rungs)):]
		if slices.ContainsFunc(later, func(r routing.Rung) bool { return r.Tell == routing.TellSupervisor }) {
			return true, nil
		}
		next.Why, next.Last = Overdue, pool.Ladder.Ends(m.Rung)
	}
	l.address(&next, pool.Supervisor)
	return true, l.tell(tx, next, id+".supervisor")
}

// Disturbs says why somebody is not to be rung now, for whoever did not ask for it
// themselves: they are away, or have quiet; empty: they can be.
func (l *Ladder) Disturbs(tx *db.Tx, login string) (string, error) {
	away, err := told.Absent(tx, login)
	switch {
	case err != nil:
		return "", err
	case away:
		return isAway, nil
	}
	way, err := l.cfg.Told.Way(tx, login, told.NewLead, nil)
	switch {
	case err != nil:
		return "", err
	case !way.List.IsZero():
		return inList, nil
	case !way.Quiet.IsZero():
		return isQuiet, nil
	}
	return "", nil
}
