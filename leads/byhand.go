package leads

import (
	"fmt"

	"ringback/leads/db"
	"ringback/leads/number"
	"ringback/routing"
)

// AskedByKey is the How of a client who asked for it by a key in a call of ours.
const AskedByKey = "by a key in a reminder call"

// ByHand is a lead that no missed call opens: somebody promised to call back,
// or the client asked for it.
type ByHand struct {
	Contact int64
	Number  string // of the contact, at which they are to be called; empty: the first
	Line    string // which says the pool
	Pool    string // where no line does
	// Manager is the login of who is to call back; empty, or not of the
	// configuration: as the pool chooses.
	Manager string
	How     string // what about, for people
	// Who asked for it, and By what (ByPage and the like); empty: the daemon.
	Who, By string
}

// OpenByHand opens a lead, or joins the one that is open, and tells its id. The
// contact waits from now on: a talk that begins later settles it.
func (b *Book) OpenByHand(tx *db.Tx, h ByHand) (int64, error) {
	pool := b.poolFor(h)
	if pool == nil {
		return 0, fmt.Errorf("leads: open by hand: no pool for line %q", h.Line)
	}
	l, joined, err := b.enter(tx, h, pool)
	if err != nil {
		return 0, err
	}
	if joined {
		return l.ID, nil
	}
	return l.ID, b.handOut(tx, l, pool, h.Manager)
}

// poolFor is the pool that a lead by hand is for; nil: none.
func (b *Book) poolFor(h ByHand) *routing.Pool {
	directory := b.office.Directory
	if h.Line == "" && h.Pool != "" {
		return directory.Pool(h.Pool)
	}
	return directory.PoolOf(directory.LineNamed(h.Line))
}

// enter writes down a lead that is nobody's yet, or that somebody asks for the
// one that is open.
func (b *Book) enter(tx *db.Tx, h ByHand, pool *routing.Pool) (l *Lead, joined bool, err error) {
	if l, err = openLead(tx, h.Contact, pool.Name); err != nil {
		return nil, false, err
	}
	if l != nil {
		return l, true, b.askedAgain(tx, h, l, pool)
	}
	l = &Lead{Contact: Ref(h.Contact), Pool: pool.Name, Line: h.Line}
	l.ID, err = tx.Insert(`INSERT INTO leads (contact, pool, line, missed, first_missed, last_missed, opened, asked, number)
		VALUES ($1, $2, $3, 0, $4, $4, $4, $5, $6)`, l.Contact, l.Pool, l.Line, db.Millis(tx.Now()), h.How, h.Number)
	if err != nil {
		return nil, false, fmt.Errorf("leads: open by hand for contact %d: %w", h.Contact, err)
	}
	tx.AfterCommit(func() { b.m.opened.WithLabelValues(pool.Name).Inc() })
	return l, false, noteAsked(tx, h, l)
}

// askedAgain notes on the lead that is open that somebody asks for it.
func (b *Book) askedAgain(tx *db.Tx, h ByHand, l *Lead, pool *routing.Pool) error {
	_, err := tx.Exec(`UPDATE leads SET last_missed = MAX(last_missed, $1), asked = CASE WHEN $2 = '' THEN asked ELSE $2 END,
		number = CASE WHEN $3 = '' THEN number ELSE $3 END WHERE id = $4`, db.Millis(tx.Now()), h.How, h.Number, l.ID)
	if err != nil {
		return fmt.Errorf("leads: lead %d: %w", l.ID, err)
	}
	if err := noteAsked(tx, h, l); err != nil || !l.Suspicious {
		return err
	}
	return b.trust(tx, l, pool)
}

func noteAsked(tx *db.Tx, h ByHand, l *Lead) error {
	return Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryAsked, Who: h.Who, Channel: h.By, Detail: h.How})
}

// handOut gives a new lead to somebody, or lets it wait for the opening. Who is
// named becomes the contact's own manager, and so gets it when on duty.
func (b *Book) handOut(tx *db.Tx, l *Lead, pool *routing.Pool, manager string) error {
	if b.office.Directory.Manager(manager) != nil {
		if err := keepResponsible(tx, l.Contact.Int64, manager); err != nil {
			return err
		}
	}
	if !pool.Hours.Open(tx.Now()) {
		return b.wait(tx, l, pool)
	}
	return b.assign(tx, l, pool)
}

// ContactOf finds who has the number, and makes a contact of one that nobody
// has.
func ContactOf(tx *db.Tx, n number.Number) (int64, error) {
	id, err := findOrMakeContact(tx, n)
	return id.Int64, err
}

// NameContact gives a contact its name, where nobody has given one yet.
func NameContact(tx *db.Tx, contact int64, name string) error {
	if name == "" {
		return nil
	}
	if _, err := tx.Exec("UPDATE contacts SET name = $1, named = 1 WHERE id = $2 AND named = 0", kept(name), contact); err != nil {
		return fmt.Errorf("leads: contact %d: %w", contact, err)
	}
	return nil
}
