package leads

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"ringback/leads/db"
	"ringback/leads/jobs"
	"ringback/leads/told"
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
	// Rung counts the rungs of it that have been climbed. RungDue is when the
	// next is due by itself, however long it is put off; zero: none comes.
	Rung    int
	RungDue time.Time
	// AckBy has taken the lead on last, and AckUntil is how long that holds.
	AckBy    string
	AckUntil time.Time
	// CallDue is since when the manager is to be rung about it; zero: they are
	// not.
	CallDue time.Time
	// Suspicious says that somebody who never rang before hung up at once:
	// nobody is told until they ring again.
	Suspicious bool
	// Late says that it was opened long after the call.
	Late Late

	toldAgain   int64
	calledAhead bool // the manager has heard of it before its own rung for that
}

// Acknowledged says that somebody has taken the lead on, and that it still
// holds.
func (l *Lead) Acknowledged(now time.Time) bool { return now.Before(l.AckUntil) }

// Outcome says how a lead was settled.
type Outcome string

const (
	CalledBack       Outcome = "called_back"        // somebody of the house rang the contact, and they talked
	ClientGotThrough Outcome = "client_got_through" // the contact rang again and was answered
	Settled          Outcome = "settled"            // somebody said so
	NotNeeded        Outcome = "not_needed"         // somebody said that nobody needs to call back
)

// Outcomes lists every outcome, for metrics and pages.
var Outcomes = []Outcome{CalledBack, ClientGotThrough, Settled, NotNeeded, Observed, Merged}

const leadColumns = `leads.id, leads.contact, leads.pool, leads.line, leads.manager, leads.missed, leads.first_missed, leads.last_missed,
	leads.opened, leads.closed, leads.outcome, leads.ladder, leads.rung, leads.rung_due, leads.ack_by, leads.ack_until, leads.call_due,
	leads.suspicious, leads.late, leads.told_again, leads.called_ahead`

// scanLead reads the columns of a lead, and into more those that follow them.
func scanLead(row interface{ Scan(...any) error }, more ...any) (Lead, error) {
	var l Lead
	var first, last, opened, rungDue, ackUntil, callDue int64
	var closed sql.NullInt64
	err := row.Scan(append([]any{&l.ID, &l.Contact, &l.Pool, &l.Line, &l.Manager, &l.Missed, &first, &last,
		&opened, &closed, &l.Outcome, &l.Ladder, &l.Rung, &rungDue, &l.AckBy, &ackUntil, &callDue,
		&l.Suspicious, &l.Late, &l.toldAgain, &l.calledAhead}, more...)...)
	l.FirstMissed, l.LastMissed, l.Opened = db.Time(first), db.Time(last), db.Time(opened)
	l.RungDue, l.AckUntil, l.CallDue = db.Time(rungDue), db.Time(ackUntil), db.Time(callDue)
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

// ErrNotOpen is in the error of what can only be done to an open lead.
var ErrNotOpen = errors.New("the lead is not open")

// open reads an open lead and its pool; ErrNotOpen is in the error when it is
// settled, or was never there.
func (b *Book) open(tx *db.Tx, id int64) (*Lead, *routing.Pool, error) {
	l, err := Find(tx, id)
	if err != nil {
		return nil, nil, err
	}
	if l == nil || !l.Closed.IsZero() {
		return nil, nil, fmt.Errorf("leads: lead %d: %w", id, ErrNotOpen)
	}
	pool := b.office.Directory.Pool(l.Pool)
	if pool == nil {
		return nil, nil, fmt.Errorf("leads: lead %d: no pool %q", id, l.Pool)
	}
	return l, pool, nil
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

// Who is whom a lead is about.
type Who struct {
	Name   string // the number until somebody fills in the card; may be hostile text
	Named  bool
	Number string // what the newest missed call came from: E.164, or as received
}

// WhoRang reads whom a lead is about: nobody, for a withheld number.
func WhoRang(tx *db.Tx, l *Lead) (Who, error) {
	var w Who
	if !l.Contact.Valid {
		return w, nil
	}
	err := tx.QueryRow("SELECT c.name, c.named, "+numberOfLead+` FROM leads JOIN contacts c ON c.id = leads.contact
		`+newestCall+" WHERE leads.id = $1", l.ID).Scan(&w.Name, &w.Named, &w.Number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return w, fmt.Errorf("leads: lead %d: contact %d: %w", l.ID, l.Contact.Int64, err)
	}
	return w, nil
}

// A lead's number is that of its newest missed call; a lead without one has that
// which somebody asked for, or else the contact's first.
const (
	numberOfLead = "COALESCE(k.caller, NULLIF(leads.number, ''), (SELECT MIN(n.number) FROM numbers n WHERE n.contact = leads.contact), '')"
	newestCall   = "LEFT JOIN calls k ON k.id = (SELECT MAX(m.id) FROM calls m WHERE m.lead = leads.id)"
)

// KindOpening is the kind of the jobs for the opening of a pool: its waiting
// leads are handed out.
const KindOpening = "opening"

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
// begins its ladder unless the call was suspicious, or is told in a digest.
func (b *Book) assign(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	login, why, err := b.choose(tx, l, pool)
	if err != nil {
		return err
	}
	l.Manager = login
	if err := holds(tx, l); err != nil {
		return err
	}
	if err := noteAssigned(tx, l, why); err != nil {
		return err
	}
	return b.setOut(tx, l, pool)
}

// holds writes down whose a lead is that waited for somebody.
func holds(tx *db.Tx, l *Lead) error {
	if _, err := tx.Exec("UPDATE leads SET manager = $1 WHERE id = $2", l.Manager, l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	return holdsCalls(tx, l)
}

// holdsCalls makes the calls of a lead its manager's: lists show them to whose
// they are.
func holdsCalls(tx *db.Tx, l *Lead) error {
	if _, err := tx.Exec("UPDATE calls SET manager = $1 WHERE lead = $2", l.Manager, l.ID); err != nil {
		return fmt.Errorf("leads: lead %d: calls: %w", l.ID, err)
	}
	return nil
}

// setOut begins what follows from a lead that has got its manager.
func (b *Book) setOut(tx *db.Tx, l *Lead, pool *routing.Pool) error {
	switch {
	case l.Suspicious:
		return nil
	case l.Late == Stale:
		return b.bookDigest(tx, l, pool)
	case l.Late == FoundLate:
		return b.climb(tx, l, pool, tx.Now().Add(-pool.Ladder.Settle)) // it has settled long ago
	}
	return b.climb(tx, l, pool, tx.Now())
}

// noteAssigned writes down who has got a lead, and makes it the contact's own.
func noteAssigned(tx *db.Tx, l *Lead, why string) error {
	if why != bySupervisor {
		if err := keepAssigned(tx, l, l.Manager); err != nil {
			return err
		}
	}
	return Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryAssigned, Who: l.Manager, Detail: why})
}

// Why a lead was given to somebody.
const (
	byResponsible = "responsible" // the contact's own manager
	byTurn        = "turn"        // the pool chose
	bySupervisor  = "supervisor"  // nobody else is on duty
	byHand        = "hand"        // a person gave or took it
)

func (b *Book) choose(tx *db.Tx, l *Lead, pool *routing.Pool) (login, why string, err error) {
	if l.Contact.Valid {
		login, err := responsible(tx, l.Contact.Int64)
		if err != nil {
			return "", "", err
		}
		if pool.Has(login) {
			if on, err := b.onDuty(tx, login); err != nil || on {
				return login, byResponsible, err
			}
		}
	}
	login, err = b.turn(tx, pool, nil)
	switch {
	case err != nil:
		return "", "", err
	case login == "":
		return pool.Supervisor, bySupervisor, nil
	}
	return login, byTurn, takeTurn(tx, pool.Name, login)
}

// onDuty says whether somebody can be given a lead: it is their time, and they
// are not away.
func (b *Book) onDuty(tx *db.Tx, login string) (bool, error) {
	m := b.office.Directory.Manager(login)
	if m == nil || !m.OnDuty(tx.Now()) {
		return false, nil
	}
	absent, err := told.Absent(tx, login)
	return !absent, err
}

// turn is whose turn it is among the managers of the pool who are on duty and
// have not had the lead; empty: nobody's.
func (b *Book) turn(tx *db.Tx, pool *routing.Pool, had map[string]bool) (string, error) {
	var last string
	err := tx.QueryRow("SELECT last FROM pool_turns WHERE pool = $1", pool.Name).Scan(&last)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return "", fmt.Errorf("leads: turn of pool %s: %w", pool.Name, err)
	}
	open, err := openByManager(tx, pool)
	if err != nil {
		return "", err
	}
	may := map[string]bool{}
	for _, login := range pool.Managers {
		if had[login] {
			continue
		}
		if may[login], err = b.onDuty(tx, login); err != nil {
			return "", err
		}
	}
	return pool.Next(last, func(login string) bool { return may[login] }, open, b.roll), nil
}

// takeTurn notes who had the pool's last turn.
func takeTurn(tx *db.Tx, pool, login string) error {
	_, err := tx.Exec("INSERT INTO pool_turns (pool, last) VALUES ($1, $2) ON CONFLICT (pool) DO UPDATE SET last = excluded.last", pool, login)
	if err != nil {
		return fmt.Errorf("leads: turn of pool %s: %w", pool, err)
	}
	return nil
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

// close settles a lead: its ladder's jobs are withdrawn. by says who did it, how
// and by which call.
func (b *Book) close(tx *db.Tx, l *Lead, how Outcome, by Entry) error {
	_, err := tx.Exec("UPDATE leads SET closed = $1, outcome = $2, closed_by = $3 WHERE id = $4", db.Millis(tx.Now()), string(how), by.Who, l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if _, err := jobs.CancelLead(tx, l.ID, ""); err != nil {
		return err
	}
	by.Lead, by.Contact, by.Kind, by.Detail = Ref(l.ID), l.Contact, EntryClosed, string(how)
	if err := Note(tx, by); err != nil {
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
