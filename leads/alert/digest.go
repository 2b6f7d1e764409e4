package alert

import (
	"encoding/json"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/told"
)

// Why several leads are told of in one message.
const (
	Digest    Why = "digest"    // they were found too late for a ladder
	Left      Why = "absent"    // they are somebody's who is away
	Collected Why = "collected" // whoever is told wants them in a list, at certain times
)

// lists says that a message is about several leads.
func (w Why) lists() bool { return w == Digest || w == Left || w == Collected }

// Listed is one lead in a digest. Its texts come from outside and are Clean.
type Listed struct {
	Lead       int64     `json:"lead"`
	Contact    int64     `json:"contact,omitempty"`
	Number     string    `json:"number"`
	Name       string    `json:"name,omitempty"`
	Line       string    `json:"line"`
	Pool       string    `json:"pool"`
	Manager    string    `json:"manager"`
	Missed     int       `json:"missed"`
	LastMissed time.Time `json:"last_missed"`
	// Link is the reader's own way to the lead, as Message.Link; empty in what
	// programs are told.
	Link string `json:"link,omitempty"`
}

// maxListed bounds the leads that a digest names: the rest is counted, and stands
// on the page.
const maxListed = 50

// maxListRounds bounds how often a digest that reaches nobody comes again, with
// the pauses of a last rung: for a day.
const maxListRounds = 24

// digest tells a person of all stale leads that no digest has named to them.
func (l *Ladder) digest(tx *db.Tx, j jobs.Job) error {
	var due leads.DigestDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: digest: %w", err)
	}
	if away, err := l.away(tx, due.To); err != nil || away {
		return err // who leads them has a digest of the same
	}
	owed, err := l.cfg.Book.Digest(tx, due.To)
	if err != nil || len(owed) == 0 {
		return err
	}
	m := list(Digest, owed, tx.Now())
	m.Due = j.Due
	l.address(&m, due.To)
	return l.tell(tx, m, fmt.Sprintf("notify:digest:%d", j.ID))
}

// away says that somebody is away, and has no list: those who lead others are told
// always.
func (l *Ladder) away(tx *db.Tx, login string) (bool, error) {
	if told.SeesKind(l.cfg.Office.Directory, login, told.Left) {
		return false, nil
	}
	return told.Absent(tx, login)
}

// absent tells a supervisor what somebody owes who is away.
func (l *Ladder) absent(tx *db.Tx, j jobs.Job) error {
	var due leads.AbsentDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: absent: %w", err)
	}
	owed, err := l.cfg.Book.LeftBy(tx, due.Login, due.To)
	if err != nil || len(owed) == 0 {
		return err
	}
	m := list(Left, owed, tx.Now())
	m.Due, m.Manager = j.Due, due.Login
	l.address(&m, due.To)
	return l.tell(tx, m, fmt.Sprintf("notify:absent:%d", j.ID))
}

// list is a message about several leads, to nobody as yet.
func list(why Why, owed []leads.Owed, now time.Time) Message {
	m := Message{Why: why, At: now, Opened: owed[0].Opened, Missed: len(owed), LastMissed: owed[len(owed)-1].LastMissed, Last: true}
	for i := range owed[:min(len(owed), maxListed)] {
		o := &owed[i]
		m.Leads = append(m.Leads, Listed{Lead: o.ID, Contact: o.Contact.Int64, Number: Clean(o.Number), Name: Clean(o.Name), Line: o.Line,
			Pool: o.Pool, Manager: o.Manager, Missed: o.Missed, LastMissed: o.LastMissed})
	}
	return m
}

// upToDate takes out of a list that has waited what is settled by now, or of no
// concern to its person any more; false: nothing is left of it. Of what is about one
// lead, or a reminder, nothing is taken.
func (l *Ladder) upToDate(tx *db.Tx, m *Message) (left bool, err error) {
	if !m.Why.lists() {
		return true, nil
	}
	away, err := l.away(tx, m.To)
	if err != nil || away {
		return false, err
	}
	var still []Listed
	for _, named := range m.Leads {
		lead, err := leads.Find(tx, named.Lead)
		if err != nil {
			return false, err
		}
		if lead == nil || !lead.Closed.IsZero() || !l.concerns(lead, m) {
			m.Missed--
			continue
		}
		named.Manager, named.Missed, named.LastMissed = lead.Manager, lead.Missed, lead.LastMissed
		still = append(still, named)
	}
	m.Leads = still
	return m.Missed > 0, nil
}

// concerns says whether a lead belongs into a list.
func (l *Ladder) concerns(lead *leads.Lead, m *Message) bool {
	pool := l.cfg.Office.Directory.Pool(lead.Pool)
	supervised := pool != nil && pool.Supervisor == m.To
	if m.Why == Left {
		return supervised && lead.Manager == m.Manager
	}
	return supervised || lead.Manager == m.To
}

// listAgain has what a list tells told again if no other channel has delivered
// the list or still may: by the last rungs in it, or, where no ladder tells of
// its leads, by the list itself. That one ends: its leads stand on the page.
func (l *Ladder) listAgain(tx *db.Tx, j jobs.Job, m *Message) error {
	tried, lost, err := l.told(tx, j, m)
	if err != nil || !lost {
		return err
	}
	l.count(tx, tried)
	if m.Why == Collected {
		return l.climbAll(tx, j, m)
	}
	if m.Round >= maxListRounds {
		tx.AfterCommit(func() {
			l.cfg.Log.Error("a list of leads was given up: it has reached nobody", "to", m.To, "why", m.Why, "leads", m.Missed)
		})
		return nil
	}
	next := *m
	next.Round, next.Double, next.Turn = m.Round+1, false, nil
	return l.hold(tx, &next, m.without(j.Lane), tx.Now().Add(roundPause(next.Round)), false)
}

// climbAll books the last rungs of a list again.
func (l *Ladder) climbAll(tx *db.Tx, j jobs.Job, m *Message) error {
	for _, end := range m.Ends {
		lead, _, err := l.standing(tx, end.Lead, end.Ladder)
		if err != nil {
			return err
		}
		if lead == nil {
			continue
		}
		next := leads.RungDue{Ladder: end.Ladder, Rung: end.Rung, Round: end.Round + 1}
		if err := leads.BookRung(tx, lead, next, tx.Now().Add(roundPause(next.Round)), leads.After(j)); err != nil {
			return err
		}
	}
	return nil
}
