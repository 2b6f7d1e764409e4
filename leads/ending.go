package leads

import (
	"database/sql"
	"errors"
	"fmt"
	"time"

	"ringback/ari/call"
	"ringback/leads/db"
	"ringback/routing"
)

// ending is a call that has just ended, inside the transaction that records it.
type ending struct {
	b       *Book
	tx      *db.Tx
	j       *Judged
	call    int64
	contact sql.NullInt64
}

// missed opens a lead or joins the one that is open. A talk that was running
// when the miss began, or that began after, has settled it already: by the
// times of the calls, not by the order in which they are heard of.
func (e *ending) missed() error {
	if !e.contact.Valid && !e.j.Voicemail {
		return nil // a withheld number: nobody to call
	}
	if e.contact.Valid {
		settled, err := e.settledAlready()
		if err != nil {
			return err
		}
		if settled {
			return Note(e.tx, Entry{Contact: e.contact, Call: Ref(e.call), Kind: EntrySettledBefore, Detail: string(e.j.Reason)})
		}
		lead, err := openLead(e.tx, e.contact.Int64, e.j.Pool.Name)
		if err != nil {
			return err
		}
		if lead != nil {
			return e.join(lead)
		}
	}
	return e.open()
}

// settledAlready looks for a talk that settles the miss as if it were heard of
// only now: one of the contact's own calls that was answered, or a call out by
// somebody who may close the leads of the pool. A talk that still runs settles
// nothing yet: the lead is opened, its ladder waits, and the talk's end closes
// it if it was one.
func (e *ending) settledAlready() (bool, error) {
	talks, err := e.tx.Query(`SELECT direction, manager, long_ms FROM calls
		WHERE contact = $1 AND reached = 1 AND parted >= $2`, e.contact.Int64, db.Millis(e.j.Started))
	if err != nil {
		return false, fmt.Errorf("leads: talks of contact %d: %w", e.contact.Int64, err)
	}
	defer talks.Close()
	for talks.Next() {
		var direction, by string
		var long int64
		if err := talks.Scan(&direction, &by, &long); err != nil {
			return false, fmt.Errorf("leads: talks of contact %d: %w", e.contact.Int64, err)
		}
		if call.Direction(direction) == call.Inbound {
			return true, nil
		}
		if long >= e.j.Pool.Missed.ReachedAfter.Milliseconds() && answersFor(e.j.Pool, by) {
			return true, nil
		}
	}
	if err := talks.Err(); err != nil {
		return false, fmt.Errorf("leads: talks of contact %d: %w", e.contact.Int64, err)
	}
	return false, nil
}

// open opens a lead and gives it to somebody, or lets it wait for the opening.
func (e *ending) open() error {
	l := Lead{Contact: e.contact, Pool: e.j.Pool.Name, Line: e.j.Line, Missed: 1}
	var err error
	if l.Suspicious, err = e.suspicious(); err != nil {
		return err
	}
	l.Late = lateness(e.tx.Now().Sub(e.j.Ended))
	// Chosen first: its row is written once.
	pool, why := e.j.Pool, ""
	if pool.Hours.Open(e.tx.Now()) {
		if l.Manager, why, err = e.b.choose(e.tx, &l, pool); err != nil {
			return err
		}
	}
	straight := why != "" && !l.Suspicious && l.Late == InTime
	if straight {
		l.beginLadder(&pool.Ladder, e.tx.Now())
	}
	l.ID, err = e.tx.Insert(`INSERT INTO leads (contact, pool, line, missed, first_missed, last_missed, opened, suspicious, late, manager, ladder, rung_due)
		VALUES ($1, $2, $3, 1, $4, $4, $5, $6, $7, $8, $9, $10)`,
		l.Contact, l.Pool, l.Line, db.Millis(e.j.Started), db.Millis(e.tx.Now()), l.Suspicious, l.Late, l.Manager, l.Ladder, db.Millis(l.RungDue))
	if err != nil {
		return fmt.Errorf("leads: open a lead for call %s: %w", e.j.Call, err)
	}
	if err := e.noteMiss(&l); err != nil {
		return err
	}
	if l.Late != InTime {
		if err := Note(e.tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Call: Ref(e.call), Kind: EntryFoundLate, Detail: e.tx.Now().Sub(e.j.Ended).Round(time.Second).String()}); err != nil {
			return err
		}
	}
	if l.Suspicious {
		if err := Note(e.tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Call: Ref(e.call), Kind: EntrySuspicious}); err != nil {
			return err
		}
	}
	e.tx.AfterCommit(func() { e.b.m.opened.WithLabelValues(l.Pool).Inc() })
	if why == "" {
		return e.b.wait(e.tx, &l, pool)
	}
	if err := noteAssigned(e.tx, &l, why); err != nil {
		return err
	}
	if straight {
		return bookFirst(e.tx, &l, pool)
	}
	return e.b.setOut(e.tx, &l, pool)
}

// knownAfter is by how much a contact may be older than the call that has made
// it: between the two the daemon is told of the call.
const knownAfter = 10 * time.Second

// suspicious says that somebody who never rang before, and was not known before,
// hung up at once. Robots do that whose numbers are dear to call back.
func (e *ending) suspicious() (bool, error) {
	if !e.contact.Valid || !e.j.GaveUp || e.j.Wait >= e.j.Pool.Missed.Suspicious {
		return false, nil
	}
	var created int64
	var calls int
	err := e.tx.QueryRow("SELECT created, (SELECT COUNT(*) FROM calls k WHERE k.contact = c.id) FROM contacts c WHERE c.id = $1", e.contact.Int64).
		Scan(&created, &calls)
	if err != nil {
		return false, fmt.Errorf("leads: contact %d: %w", e.contact.Int64, err)
	}
	// By how long ago, and not by the PBX's clock.
	made := e.tx.Now().Sub(db.Time(created))
	return calls == 1 && made <= e.j.Wait+knownAfter, nil
}

// join counts the miss in the lead that is open. Whoever was suspicious is not
// any more, and what was too old for a ladder gets one. "Rang again" is told at most once in ten minutes, and outside the
// pool's hours once, at the opening.
func (e *ending) join(l *Lead) error {
	at := e.j.Pool.Hours.NextOpening(e.tx.Now())
	news := e.j.Started.After(l.LastMissed) // not one before it that is found late
	tell := news && l.Manager != "" && !e.beforeLadder(l) && l.mayHear(at)
	toldAgain := l.toldAgain
	if tell {
		toldAgain = db.Millis(at)
	}
	_, err := e.tx.Exec(`UPDATE leads SET missed = missed + 1, line = $1, told_again = $2,
		first_missed = MIN(first_missed, $3), last_missed = MAX(last_missed, $3) WHERE id = $4`,
		e.j.Line, toldAgain, db.Millis(e.j.Started), l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if err := e.noteMiss(l); err != nil {
		return err
	}
	settled := at.Add(e.j.Pool.Ladder.Settle)
	rested := false
	if news {
		if rested, err = e.b.unacknowledge(e.tx, l, settled, e.call); err != nil {
			return err
		}
	}
	switch {
	case l.Suspicious || l.Late == Stale:
		return e.b.trust(e.tx, l, e.j.Pool)
	case tell && rested:
		// After the rung that has rested: it may give the lead to somebody else.
		return rangAgain(e.tx, l, settled.Add(time.Millisecond), e.call)
	case tell:
		return rangAgain(e.tx, l, settled, e.call)
	}
	return nil
}

// beforeLadder says that the lead's first message is still to come: it will
// count this miss too, and a second message would tell the same.
func (e *ending) beforeLadder(l *Lead) bool { return len(e.j.Pool.Ladder.Rungs) > 0 && l.Rung == 0 }

// mayHear says that "rang again" may be told at that instant. What was told
// later than that is told at the same opening, or was told before the clock was
// set back.
func (l *Lead) mayHear(at time.Time) bool {
	return db.Millis(at)-l.toldAgain >= ringAgainPause.Milliseconds() || l.toldAgain > db.Millis(at)
}

// ringAgainPause is how long nobody is told again that a contact rang again.
const ringAgainPause = 10 * time.Minute

// noteMiss writes the miss into the lead's timeline and ties the call to the lead
// and its manager.
func (e *ending) noteMiss(l *Lead) error {
	if _, err := e.tx.Exec("UPDATE calls SET lead = $1, manager = $2 WHERE id = $3", l.ID, l.Manager, e.call); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return Note(e.tx, Entry{Lead: Ref(l.ID), Contact: e.contact, Call: Ref(e.call), Kind: EntryMissed, Detail: string(e.j.Reason)})
}

// gotThrough closes what the contact was owed: a person has answered them.
func (e *ending) gotThrough() error {
	who := e.b.office.person(e.j.PBX, e.j.Spoke)
	if err := keepResponsible(e.tx, e.contact.Int64, who); err != nil {
		return err
	}
	if who == "" {
		who = e.j.AnsweredBy
	}
	if err := Note(e.tx, Entry{Contact: e.contact, Call: Ref(e.call), Kind: EntryAnswered, Who: who}); err != nil {
		return err
	}
	open, err := openLeads(e.tx, e.contact.Int64)
	if err != nil {
		return err
	}
	for i := range open {
		if open[i].LastMissed.After(e.j.Parted) {
			continue // missed again after this talk
		}
		if err := e.b.close(e.tx, &open[i], ClientGotThrough, Entry{Who: who, Call: Ref(e.call)}); err != nil {
			return err
		}
	}
	return nil
}

// triedToReach notes on every open lead of the contact that somebody rang them,
// and closes those that this person may close when they talked long enough.
func (e *ending) triedToReach() error {
	phone := e.j.Spoke
	if e.j.Long == 0 {
		phone = e.j.From
	}
	login := e.b.office.person(e.j.PBX, phone)
	who := login
	if who == "" {
		who = e.b.office.Name(e.j.PBX, e.b.office.plan(e.j.PBX), phone)
	}
	open, err := openLeads(e.tx, e.contact.Int64)
	if err != nil {
		return err
	}
	if e.longEnough(routing.DefaultPool) {
		if err := keepResponsible(e.tx, e.contact.Int64, login); err != nil {
			return err
		}
	}
	until := e.j.Parted
	if until.IsZero() {
		until = e.j.Ended
	}
	for i := range open {
		if open[i].LastMissed.After(until) {
			continue // tried before this miss, and told after it
		}
		if err := e.attempt(&open[i], login, who); err != nil {
			return err
		}
	}
	return nil
}

// longEnough says that they talked for as long as the pool asks for a call back.
func (e *ending) longEnough(pool string) bool {
	p := e.b.office.Directory.Pool(pool)
	return e.j.Long > 0 && p != nil && e.j.Long >= p.Missed.ReachedAfter
}

func (e *ending) attempt(l *Lead, login, who string) error {
	talked := e.longEnough(l.Pool)
	_, err := e.tx.Exec(`INSERT INTO attempts (lead, call, who, started, talk_ms, reached) VALUES ($1, $2, $3, $4, $5, $6)`,
		l.ID, e.call, who, db.Millis(e.j.Started), e.j.Long.Milliseconds(), talked)
	if err != nil {
		return fmt.Errorf("leads: lead %d: attempt: %w", l.ID, err)
	}
	switch {
	case talked && e.mayClose(l, login):
		return e.b.close(e.tx, l, CalledBack, Entry{Who: who, Call: Ref(e.call)})
	case talked:
		return Note(e.tx, Entry{Lead: Ref(l.ID), Contact: e.contact, Call: Ref(e.call), Kind: EntryTalkedElse, Who: who})
	}
	return Note(e.tx, Entry{Lead: Ref(l.ID), Contact: e.contact, Call: Ref(e.call), Kind: EntryTried, Who: who,
		Detail: e.j.Long.Round(time.Second).String()})
}

// mayClose says whether a talk with this person settles the lead by itself: it
// is theirs, or of a pool of theirs.
func (e *ending) mayClose(l *Lead, login string) bool {
	return login != "" && l.Manager == login || answersFor(e.b.office.Directory.Pool(l.Pool), login)
}

// answersFor says that the person is of the pool: one of its managers, or its
// supervisor, who is told when they do not act.
func answersFor(pool *routing.Pool, login string) bool {
	return pool != nil && login != "" && (pool.Has(login) || pool.Supervisor == login)
}

// openLead finds the one open lead of a contact in a pool; nil when there is none.
func openLead(tx *db.Tx, contact int64, pool string) (*Lead, error) {
	l, err := scanLead(tx.QueryRow("SELECT "+leadColumns+" FROM leads WHERE contact = $1 AND pool = $2 AND closed IS NULL", contact, pool))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("leads: lead of contact %d in %s: %w", contact, pool, err)
	}
	return &l, nil
}

// openLeads finds the open leads of a contact in all pools.
func openLeads(tx *db.Tx, contact int64) ([]Lead, error) {
	return selectLeads(tx, "SELECT "+leadColumns+" FROM leads WHERE contact = $1 AND closed IS NULL ORDER BY id", contact)
}
