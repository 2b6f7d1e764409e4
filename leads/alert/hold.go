package alert

import (
	"encoding/json"
	"fmt"
	"time"

	"ringback/leads"
	"ringback/leads/db"
	"ringback/leads/jobs"
)

// KindHeld is the kind of the jobs that release what waits for somebody.
const KindHeld = "held"

// heldDue is the payload of KindHeld.
type heldDue struct {
	To string `json:"to"`
}

// End is a last rung that a list tells of: if the list reaches nobody, it is
// climbed again.
type End struct {
	Lead   int64 `json:"lead"`
	Ladder int   `json:"ladder"`
	Rung   int   `json:"rung"`
	Round  int   `json:"round"`
}

// hold keeps a message until the end of a quiet time, or until a list is due.
func (l *Ladder) hold(tx *db.Tx, m *Message, id string, until time.Time, list bool) error {
	text, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("alert: message %s: %w", id, err)
	}
	_, err = tx.Exec("INSERT INTO held (login, lead, ref, message, digest, until_at) VALUES ($1, $2, $3, $4, $5, $6)",
		m.To, m.Lead, id, string(text), list, db.Millis(until))
	if err != nil {
		return fmt.Errorf("alert: message %s: %w", id, err)
	}
	if err := note(tx, "", m, leads.EntryHeld, until.UTC().Format(time.RFC3339)); err != nil {
		return err
	}
	due, err := json.Marshal(heldDue{m.To})
	if err != nil {
		return fmt.Errorf("alert: message %s: %w", id, err)
	}
	// The lead is not the job's: a settled one would withdraw it, and the message
	// would wait for ever.
	return jobs.Enqueue(tx, jobs.Job{Kind: KindHeld, Due: until, Payload: due,
		Key: fmt.Sprintf("held:%s:%d:%d", id, db.Millis(until), db.Millis(tx.Now()))})
}

// held is a message that waits.
type held struct {
	id   int64
	ref  string
	list bool
	m    Message
}

// release tells somebody what has waited until now, as far as it still is to be
// told: of one lead once, and what they want in a list in one.
func (l *Ladder) release(tx *db.Tx, j jobs.Job) error {
	var due heldDue
	if err := json.Unmarshal(j.Payload, &due); err != nil {
		return fmt.Errorf("alert: held: %w", err)
	}
	waiting, err := takeHeld(tx, due.To)
	if err != nil {
		return err
	}
	kept, err := l.sift(tx, waiting)
	if err != nil {
		return err
	}
	var collected []held
	for _, h := range kept {
		h.m.Due = j.Due
		if !h.list || h.m.Lead == 0 {
			if err := l.tellReleased(tx, h.m, h.ref); err != nil {
				return err
			}
			continue
		}
		spared, err := l.spare(tx, &h.m, h.ref)
		if err != nil {
			return err
		}
		if !spared {
			collected = append(collected, h)
		}
	}
	if len(collected) == 0 {
		return nil
	}
	return l.collect(tx, j, due.To, collected)
}

// sift keeps what is still to be told, of one lead once: the first message of it
// stands for the later ones.
func (l *Ladder) sift(tx *db.Tx, waiting []held) (kept []held, err error) {
	first := map[int64]int{} // where the message of a lead stands among those that are kept
	for i := range waiting {
		h := waiting[i]
		var with *Message
		if n, ok := first[h.m.Lead]; ok {
			with = &kept[n].m
		}
		keep, err := l.stillToTell(tx, &h, with)
		if err != nil {
			return nil, err
		}
		if !keep {
			continue
		}
		if h.m.Lead != 0 {
			first[h.m.Lead] = len(kept)
		}
		kept = append(kept, h)
	}
	return kept, nil
}

// standFor has m told in place of a later message of its lead: where that one was
// of the last rung, m is from now on, and has it climbed again if it reaches nobody.
func (m *Message) standFor(later *Message) {
	m.Last = m.Last || later.Last
	if later.Rung > m.Rung || later.Rung == m.Rung && later.Round > m.Round {
		m.Rung, m.Round = later.Rung, later.Round
	}
}

// takeHeld takes what has waited for somebody until now, the oldest first.
func takeHeld(tx *db.Tx, login string) ([]held, error) {
	rows, err := tx.Query("SELECT id, ref, message, digest FROM held WHERE login = $1 AND until_at <= $2 ORDER BY until_at, id", login, db.Millis(tx.Now()))
	if err != nil {
		return nil, fmt.Errorf("alert: held for %s: %w", login, err)
	}
	defer rows.Close()
	var list []held
	for rows.Next() {
		var h held
		var text string
		if err := rows.Scan(&h.id, &h.ref, &text, &h.list); err != nil {
			return nil, fmt.Errorf("alert: held for %s: %w", login, err)
		}
		if err := json.Unmarshal([]byte(text), &h.m); err != nil {
			return nil, fmt.Errorf("alert: message %s: %w", h.ref, err)
		}
		list = append(list, h)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("alert: held for %s: %w", login, err)
	}
	for i := range list {
		if _, err := tx.Exec("DELETE FROM held WHERE id = $1", list[i].id); err != nil {
			return nil, fmt.Errorf("alert: message %s: %w", list[i].ref, err)
		}
	}
	return list, nil
}

// stillToTell brings a message that has waited up to date; false: it is of no use
// any more, which it notes, or waits on. with is the message by which its person
// hears of the lead just now; nil: there is none.
func (l *Ladder) stillToTell(tx *db.Tx, h *held, with *Message) (bool, error) {
	m := &h.m
	if m.Lead == 0 {
		return l.upToDate(tx, m)
	}
	drop := func(why string) (bool, error) { return false, note(tx, "", m, leads.EntryDropped, why) }
	lead, pool, err := l.standing(tx, m.Lead, m.Ladder)
	switch {
	case err != nil:
		return false, err
	case lead == nil:
		return drop(settled)
	case m.Why != Overdue && lead.Manager != m.To && pool.Supervisor != m.To:
		return drop(notTheirs)
	case with != nil:
		with.standFor(m)
		return drop(toldWith)
	case lead.Acknowledged(tx.Now()) && lead.AckBy == m.To:
		return drop(takenOn)
	case lead.Acknowledged(tx.Now()):
		return false, l.hold(tx, m, h.ref, lead.AckUntil, h.list)
	}
	now, err := l.message(tx, lead, m.To, m.Why, leads.RungDue{Ladder: m.Ladder, Rung: m.Rung})
	now.Last, now.Round, now.Double = m.Last, m.Round, m.Double
	*m = now
	return true, err
}

// tellReleased tells what has waited, unless its person is away or has quiet by
// now.
func (l *Ladder) tellReleased(tx *db.Tx, m Message, id string) error {
	spared, err := l.spare(tx, &m, id)
	if err != nil || spared {
		return err
	}
	way, err := l.way(tx, &m)
	if err != nil {
		return err
	}
	if !way.Quiet.IsZero() {
		return l.hold(tx, &m, id, way.Quiet, false)
	}
	return l.handOver(tx, m, id, way)
}

// collect tells of several leads in one message.
func (l *Ladder) collect(tx *db.Tx, j jobs.Job, to string, all []held) error {
	list := Message{Why: Collected, At: tx.Now(), Due: j.Due, Opened: all[0].m.Opened, Missed: len(all), Last: true}
	l.address(&list, to)
	for i := range all {
		m := &all[i].m
		if len(list.Leads) < maxListed {
			list.Leads = append(list.Leads, Listed{Lead: m.Lead, Contact: m.Contact, Number: m.Number, Name: m.Name, Line: m.Line, Pool: m.Pool,
				Manager: m.Manager, Missed: m.Missed, LastMissed: m.LastMissed})
		}
		if m.Last {
			list.Ends = append(list.Ends, End{m.Lead, m.Ladder, m.Rung, m.Round})
		}
		list.LastMissed = m.LastMissed
		if err := leads.Note(tx, m.entry(leads.EntryDigest, "", string(m.Why))); err != nil {
			return err
		}
	}
	return l.tellReleased(tx, list, fmt.Sprintf("notify:list:%d", j.ID))
}
