package leads

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/routing"
)

// Lead is the obligation to call a contact back.
type Lead struct {
	ID      int64
	Contact sql.NullInt64 // not valid: a withheld number that left a voicemail
	Pool    string
	Line    string
	Manager string // login; empty: it waits for the pool's opening
	Missed  int    // how many missed calls it stands for
	// FirstMissed and LastMissed are when the first and the newest of them began.
	FirstMissed, LastMissed time.Time
	Opened                  time.Time
	Closed                  time.Time // zero: open
	Outcome                 Outcome
	// Ladder numbers the ladder that is being climbed. A rung of an older one
	// is void.
	Ladder int

	toldAgain int64
}

// Outcome says how a lead was settled.
type Outcome string

const (
	CalledBack       Outcome = "called_back"        // somebody of the house rang the contact, and they talked
	ClientGotThrough Outcome = "client_got_through" // the contact rang again and was answered
)

// Outcomes lists every outcome, for metrics and pages.
var Outcomes = []Outcome{CalledBack, ClientGotThrough, Observed}

const leadColumns = "id, contact, pool, line, manager, missed, first_missed, last_missed, opened, closed, outcome, ladder, told_again"

func scanLead(row interface{ Scan(...any) error }) (Lead, error) {
	var l Lead
	var first, last, opened int64
	var closed sql.NullInt64
	err := row.Scan(&l.ID, &l.Contact, &l.Pool, &l.Line, &l.Manager, &l.Missed, &first, &last, &opened, &closed, &l.Outcome, &l.Ladder, &l.toldAgain)
	l.FirstMissed, l.LastMissed, l.Opened = db.Time(first), db.Time(last), db.Time(opened)
	if closed.Valid {
		l.Closed = db.Time(closed.Int64)
	}
	return l, err
}

func selectLeads(tx *db.Tx, query string, args ...any) ([]Lead, error) {
	rows, err := tx.Query(query, args...)
	if err != nil {
		return nil, fmt.Errorf("leads: %w", err)
	}
	var list []Lead
	for rows.Next() {
		l, err := scanLead(rows)
		if err != nil {
			return nil, fmt.Errorf("leads: %w", err)
		}
		list = append(list, l)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("leads: %w", err)
	}
	return list, nil
}

// Find reads a lead; nil when there is none with this id.
func Find(tx *db.Tx, id int64) (*Lead, error) {
	l, err := scanLead(tx.QueryRow("SELECT "+leadColumns+" FROM leads WHERE id = $1", id))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil, nil
	case err != nil:
		return nil, fmt.Errorf("leads: lead %d: %w", id, err)
	}
	return &l, nil
}

// OnThePhone says whether the contact is talking with somebody just now.
func OnThePhone(tx *db.Tx, contact sql.NullInt64) (bool, error) {
	if !contact.Valid {
		return false, nil
	}
	var n int
	err := tx.QueryRow("SELECT COUNT(*) FROM calls WHERE contact = $1 AND ended IS NULL AND answered_by <> ''", contact.Int64).Scan(&n)
	if err != nil {
		return false, fmt.Errorf("leads: calls of contact %d: %w", contact.Int64, err)
	}
	return n > 0, nil
}

// Jobs that the Book promises; package alert keeps those of the ladder.
const (
	KindOpening = "opening" // the pool opens: its waiting leads are handed out
	KindRung    = "rung"    // a rung of a lead's ladder is due
	KindAgain   = "again"   // the manager is to hear that the contact rang again
)

// RungDue is the payload of KindRung: which rung of which ladder of the lead.
type RungDue struct {
	Ladder int `json:"ladder"`
	Rung   int `json:"rung"`
	// Waited counts how often the rung was put off because the contact was on
	// the phone.
	Waited int `json:"waited,omitempty"`
}

// wait leaves a lead unassigned until its pool opens.
func (b *Book) wait(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	at := pool.Hours.NextOpening(tx.Now())
	if err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryWaits, Detail: at.UTC().Format(time.RFC3339)}); err != nil {
		return err
	}
	// The lead's own job, though one would do for all that wait: the key of one
	// for all could have been used up at this opening already, when the clock was
	// set back, and the lead would wait for ever.
	return jobs.Enqueue(tx, jobs.Job{Kind: KindOpening, Key: fmt.Sprintf("opening:%d:%d", l.ID, db.Millis(at)), Lead: l.ID,
		Due: at, Payload: payload(l.Pool)})
}

// reopen books the opening of every pool with leads that wait, by the hours of
// this start: those by which they were booked may have been changed.
func (b *Book) reopen(tx *db.Tx) error {
	rows, err := tx.Query("SELECT DISTINCT pool FROM leads WHERE closed IS NULL AND manager = ''")
	if err != nil {
		return fmt.Errorf("leads: leads that wait: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return fmt.Errorf("leads: leads that wait: %w", err)
		}
		pool := b.office.Directory.Pool(name)
		if pool == nil {
			return fmt.Errorf("leads: leads that wait: no pool %q", name)
		}
		at := pool.Hours.NextOpening(tx.Now())
		err := jobs.Enqueue(tx, jobs.Job{Kind: KindOpening, Key: fmt.Sprintf("opening:%s:%d:%d", name, db.Millis(at), db.Millis(tx.Now())),
			Due: at, Payload: payload(name)})
		if err != nil {
			return err
		}
	}
	return rows.Err()
}

// Opening is the work of KindOpening: the leads that waited take their turns,
// oldest first.
func (b *Book) Opening(tx *db.Tx, j jobs.Job) error {
	var name string
	if err := json.Unmarshal(j.Payload, &name); err != nil {
		return fmt.Errorf("leads: opening: %w", err)
	}
	pool := b.office.Directory.Pool(name)
	if pool == nil {
		return fmt.Errorf("leads: opening: no pool %q", name)
	}
	waiting, err := selectLeads(tx, "SELECT "+leadColumns+" FROM leads WHERE pool = $1 AND manager = '' AND closed IS NULL ORDER BY first_missed, id", name)
	if err != nil {
		return err
	}
	for i := range waiting {
		l := &waiting[i]
		give := b.assign
		if !pool.Hours.Open(tx.Now()) { // the hours were changed meanwhile
			give = b.wait
		}
		if err := give(tx, l, pool); err != nil {
			return err
		}
	}
	return nil
}

// assign gives a lead to the contact's own manager if they are of the pool and
// on duty, otherwise to whose turn it is, otherwise to the supervisor, and
// begins its ladder.
func (b *Book) assign(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	login, why, err := b.choose(tx, l, pool)
	if err != nil {
		return err
	}
	l.Manager, l.Ladder = login, l.Ladder+1
	if _, err := tx.Exec("UPDATE leads SET manager = $1, ladder = $2 WHERE id = $3", l.Manager, l.Ladder, l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if l.Contact.Valid && why != bySupervisor {
		if err := keepResponsible(tx, l.Contact.Int64, login); err != nil {
			return err
		}
	}
	if err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryAssigned, Who: login, Detail: why}); err != nil {
		return err
	}
	return b.climb(tx, l, pool)
}

// Why a lead was given to somebody.
const (
	byResponsible = "responsible" // the contact's own manager
	byTurn        = "turn"        // the pool chose
	bySupervisor  = "supervisor"  // nobody else is on duty
)

func (b *Book) choose(tx *db.Tx, l *Lead, pool *routing.Pool) (login, why string, err error) {
	onDuty := func(login string) bool {
		m := b.office.Directory.Manager(login)
		return m != nil && m.OnDuty(tx.Now())
	}
	if l.Contact.Valid {
		login, err := responsible(tx, l.Contact.Int64)
		if err != nil {
			return "", "", err
		}
		if pool.Has(login) && onDuty(login) {
			return login, byResponsible, nil
		}
	}
	var last string
	err = tx.QueryRow("SELECT last FROM pool_turns WHERE pool = $1", pool.Name).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", "", fmt.Errorf("leads: turn of pool %s: %w", pool.Name, err)
	}
	open, err := openByManager(tx, pool)
	if err != nil {
		return "", "", err
	}
	login = pool.Next(last, onDuty, open, b.roll)
	if login == "" {
		return pool.Supervisor, bySupervisor, nil
	}
	_, err = tx.Exec("INSERT INTO pool_turns (pool, last) VALUES ($1, $2) ON CONFLICT (pool) DO UPDATE SET last = excluded.last", pool.Name, login)
	if err != nil {
		return "", "", fmt.Errorf("leads: turn of pool %s: %w", pool.Name, err)
	}
	return login, byTurn, nil
}

// openByManager counts open leads, where the pool chooses by them.
func openByManager(tx *db.Tx, pool *routing.Pool) (map[string]int, error) {
	if pool.Pick != routing.LeastOpen {
		return nil, nil
	}
	open := map[string]int{}
	for _, login := range pool.Managers {
		var n int
		if err := tx.QueryRow("SELECT COUNT(*) FROM leads WHERE manager = $1 AND closed IS NULL", login).Scan(&n); err != nil {
			return nil, fmt.Errorf("leads: open leads of %s: %w", login, err)
		}
		open[login] = n
	}
	return open, nil
}

// climb books the first rung of the lead's ladder. Every rung books the next.
func (b *Book) climb(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	if len(pool.Ladder.Rungs) == 0 {
		return nil
	}
	return BookRung(tx, l, RungDue{Ladder: l.Ladder}, tx.Now().Add(pool.Ladder.Settle+pool.Ladder.Rungs[0].After))
}

// BookRung promises a rung of a lead's ladder.
func BookRung(tx *db.Tx, l *Lead, r RungDue, due time.Time) error {
	return jobs.Enqueue(tx, jobs.Job{Kind: KindRung, Lead: l.ID, Due: due, Payload: payload(r),
		Key: fmt.Sprintf("rung:%d:%d:%d:%d", l.ID, r.Ladder, r.Rung, r.Waited)})
}

// rangAgain promises that the manager hears of it, once the call has settled.
func rangAgain(tx *db.Tx, l *Lead, due time.Time, call int64) error {
	return jobs.Enqueue(tx, jobs.Job{Kind: KindAgain, Lead: l.ID, Due: due,
		Payload: payload(RungDue{Ladder: l.Ladder}), Key: fmt.Sprintf("again:%d:%d", l.ID, call)})
}

// close settles a lead: its ladder's jobs are withdrawn.
func (b *Book) close(tx *db.Tx, l *Lead, how Outcome, who string, call int64) error {
	_, err := tx.Exec("UPDATE leads SET closed = $1, outcome = $2, closed_by = $3 WHERE id = $4", db.Millis(tx.Now()), string(how), who, l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if _, err := jobs.CancelLead(tx, l.ID, ""); err != nil {
		return err
	}
	if err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Call: Ref(call), Kind: EntryClosed, Who: who, Detail: string(how)}); err != nil {
		return err
	}
	pool := l.Pool
	tx.AfterCommit(func() { b.m.closed.WithLabelValues(pool, string(how)).Inc() })
	return nil
}

func payload(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain structs of numbers and strings always marshal
	}
	return text
}
