package leads

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ringback/leads/db"
	"ringback/leads/posted"
	"ringback/routing"
)

// Hand is somebody who does something about leads: what they do not see, they
// cannot change. Each deed leaves an entry in the timeline with their login.
//
// The errors of deeds have in them ErrNotInSight, ErrNotOpen, ErrNobodyElse,
// ErrNoTalk or a *TakenError, or are posted.Problems of what was said.
type Hand struct {
	book *Book
	by   Sight
	how  string
}

// Hand is the hand of somebody; how is ByPage and the like.
func (b *Book) Hand(by Sight, how string) *Hand { return &Hand{b, by, how} }

var (
	// ErrNotInSight is in the error of a lead that is none of theirs; it is told
	// like one that does not exist.
	ErrNotInSight = errors.New("there is no such lead")
	// ErrNobodyElse is in the error of handing on what nobody else could take.
	ErrNobodyElse = errors.New("nobody else of its pool is on duty")
	// ErrNoTalk is in the error of calling a talk enough where there was none.
	ErrNoTalk = errors.New("nobody has talked with the contact since")
)

// TakenError is the error of a lead that has come to somebody else meanwhile.
type TakenError struct{ By string }

func (e *TakenError) Error() string { return "the lead is with " + e.By + " by now" }

// Furthest is for how long a lead can be put off.
const Furthest = 31 * 24 * time.Hour

// The bounds of what people write, in characters.
const (
	MaxRemark = 2000
	MaxWhy    = 200
)

// May says by its error why the hand may do nothing about a lead, open or closed;
// nil: it may.
func (h *Hand) May(tx *db.Tx, id int64) error {
	_, err := h.reach(tx, id)
	return err
}

// reach reads a lead, open or closed, that the hand may touch. Of one that has
// come to another those hear with whom it is who could have had it, or have a
// link to it.
func (h *Hand) reach(tx *db.Tx, id int64) (*Lead, error) {
	l, err := Find(tx, id)
	switch {
	case err != nil:
		return nil, err
	case l == nil:
		err = ErrNotInSight
	case h.by.Sees(l.ID, l.Pool, l.Manager):
		return l, nil
	case h.by.Only != id && (h.by.Only != 0 || !slices.Contains(h.by.Pools, l.Pool) || !l.Closed.IsZero()):
		err = ErrNotInSight
	case !l.Closed.IsZero():
		err = ErrNotOpen
	case l.Manager == "":
		err = ErrNotInSight // who had the link is not of its pool any more
	default:
		err = &TakenError{l.Manager}
	}
	return nil, fmt.Errorf("leads: lead %d: %w", id, err)
}

// find reads an open lead that the hand may touch.
func (h *Hand) find(tx *db.Tx, id int64) (*Lead, *routing.Pool, error) {
	if _, err := h.reach(tx, id); err != nil {
		return nil, nil, err
	}
	return h.book.open(tx, id)
}

// Take makes a lead theirs, and acknowledges it. Of several who take a lead that
// is nobody's the first has it, and the others get a *TakenError.
func (h *Hand) Take(tx *db.Tx, id int64) error {
	l, pool, err := h.hold(tx, id)
	if err != nil {
		return err
	}
	return acknowledge(tx, l, h.by.Login, h.how, EntryAcknowledged, tx.Now().Add(pool.Ladder.AcknowledgedFor))
}

// hold makes a lead theirs.
func (h *Hand) hold(tx *db.Tx, id int64) (*Lead, *routing.Pool, error) {
	l, pool, err := h.find(tx, id)
	if err == nil && l.Manager != h.by.Login {
		err = h.give(tx, l, pool, h.by.Login)
	}
	return l, pool, err
}

// leads says whether they may take what is another's in the pool.
func (h *Hand) leads(pool *routing.Pool) bool {
	return h.by.All || pool.Supervisor == h.by.Login
}

// Later takes a lead, and lets its ladder rest until then, no longer than
// Furthest from now.
func (h *Hand) Later(tx *db.Tx, id int64, until time.Time) error {
	if !until.After(tx.Now()) || until.Sub(tx.Now()) > Furthest {
		return posted.Problems{{Field: "until", Text: fmt.Sprintf("is not a time within the next %d days", int(Furthest.Hours()/24))}}
	}
	l, _, err := h.hold(tx, id)
	if err != nil {
		return err
	}
	return acknowledge(tx, l, h.by.Login, h.how, EntryLater, until)
}

// HandOn gives a lead to the next of its pool who is on duty and has not had it,
// and tells who that is.
func (h *Hand) HandOn(tx *db.Tx, id int64) (to string, err error) {
	l, _, err := h.find(tx, id)
	if err != nil {
		return "", err
	}
	if to, err = h.book.Heir(tx, l); err != nil {
		return "", err
	}
	if to == "" {
		return "", fmt.Errorf("leads: lead %d: %w", id, ErrNobodyElse)
	}
	return to, h.book.bequeath(tx, l, to, h.how, h.by.Login)
}

// Assign gives a lead to a manager of its pool, or to its supervisor, who hears
// of it. Only those who lead the pool do that.
func (h *Hand) Assign(tx *db.Tx, id int64, to string) error {
	l, pool, err := h.find(tx, id)
	if err != nil {
		return err
	}
	if !h.leads(pool) {
		return fmt.Errorf("leads: lead %d: %w", id, ErrNotInSight)
	}
	if !answersFor(pool, to) || h.book.office.Directory.Manager(to) == nil {
		return posted.Problems{{Field: "to", Text: "is nobody of pool " + pool.Name}}
	}
	if l.Manager == to {
		return nil
	}
	return h.give(tx, l, pool, to)
}

// give makes the lead somebody's. One that was nobody's begins its ladder.
func (h *Hand) give(tx *db.Tx, l *Lead, pool *routing.Pool, to string) error {
	if h.book.office.Directory.Manager(to) == nil {
		return posted.Problems{{Field: "login", Text: "is not the login of a manager of the configuration"}}
	}
	if l.Manager != "" {
		return h.book.bequeath(tx, l, to, h.how, h.by.Login)
	}
	l.Manager = to
	if err := holds(tx, l); err != nil {
		return err
	}
	if err := keepAssigned(tx, l, to); err != nil {
		return err
	}
	err := Note(tx, Entry{Lead: Ref(l.ID), Contact: l.Contact, Kind: EntryAssigned, Who: to, Channel: h.how, Detail: byHand, Actor: h.by.Login})
	if err != nil {
		return err
	}
	return h.book.trust(tx, l, pool)
}

// Settle closes a lead as Settled or as NotNeeded, which needs a reason.
func (h *Hand) Settle(tx *db.Tx, id int64, as Outcome, why string) error {
	why, wrong := written("why", why, MaxWhy)
	switch {
	case as != Settled && as != NotNeeded:
		wrong = append(wrong, posted.Problem{Field: "outcome", Text: fmt.Sprintf("is %s or %s", Settled, NotNeeded)})
	case as == NotNeeded && why == "":
		wrong = append(wrong, posted.Problem{Field: "why", Text: "is empty: say why nobody needs to call back"})
	}
	if len(wrong) > 0 {
		return wrong
	}
	l, _, err := h.find(tx, id)
	if err != nil {
		return err
	}
	if why != "" {
		if err := h.note(tx, id, EntryNoted, why); err != nil {
			return err
		}
	}
	return h.book.close(tx, l, as, Entry{Who: h.by.Login, Channel: h.how})
}

// EnoughTalk closes a lead because somebody has talked with the contact, though
// not for long, or not of its pool: as called back by whoever did so last.
func (h *Hand) EnoughTalk(tx *db.Tx, id int64) error {
	l, _, err := h.find(tx, id)
	if err != nil {
		return err
	}
	var who string
	err = tx.QueryRow("SELECT who FROM attempts WHERE lead = $1 AND talk_ms > 0 ORDER BY id DESC LIMIT 1", id).Scan(&who)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return fmt.Errorf("leads: lead %d: %w", id, ErrNoTalk)
	case err != nil:
		return fmt.Errorf("leads: lead %d: talks: %w", id, err)
	}
	return h.book.close(tx, l, CalledBack, Entry{Who: who, Channel: h.how, Actor: h.by.Login})
}

// Remark adds what somebody wrote to a lead, which may be closed.
func (h *Hand) Remark(tx *db.Tx, id int64, text string) error {
	text, wrong := written("text", text, MaxRemark)
	if text == "" && len(wrong) == 0 {
		wrong = posted.Problems{{Field: "text", Text: "is empty"}}
	}
	if len(wrong) > 0 {
		return wrong
	}
	if err := h.May(tx, id); err != nil {
		return err
	}
	return h.note(tx, id, EntryNoted, text)
}

// RemarkOn adds what somebody wrote to a contact, whom the caller has found them
// to see.
func (h *Hand) RemarkOn(tx *db.Tx, contact int64, text string) error {
	text, wrong := written("text", text, MaxRemark)
	if text == "" && len(wrong) == 0 {
		wrong = posted.Problems{{Field: "text", Text: "is empty"}}
	}
	if len(wrong) > 0 {
		return wrong
	}
	return Note(tx, Entry{Contact: Ref(contact), Kind: EntryNoted, Who: h.by.Login, Channel: h.how, Detail: text})
}

// Open opens a lead that no missed call opens, or joins the one that is open, for
// somebody: who opens it for themselves has taken it on, and another of its pool,
// for whom only those open it who lead that, hears of it. For nobody, an empty
// login, it goes where asked says. One that is joined stays whose it is. A manager
// opens leads of their pools.
func (h *Hand) Open(tx *db.Tx, asked ByHand, to string) (l *Lead, joined bool, err error) {
	why, wrong := written("why", asked.How, MaxWhy)
	pool := h.book.poolFor(asked)
	switch {
	case pool == nil || asked.Line != "" && h.book.office.Directory.LineNamed(asked.Line) == nil,
		!h.leads(pool) && !slices.Contains(h.by.Pools, pool.Name):
		wrong = append(wrong, posted.Problem{Field: "line", Text: "is no line of theirs"})
	case asked.Manager != "" && !answersFor(pool, asked.Manager), to != "" && !answersFor(pool, to), to != "" && to != h.by.Login && !h.leads(pool):
		wrong = append(wrong, posted.Problem{Field: "manager", Text: "is nobody of pool " + pool.Name})
	}
	if len(wrong) > 0 {
		return nil, false, wrong
	}
	if to == "" && asked.Manager == h.by.Login { // for themselves, who are not asked
		to = asked.Manager
	}
	asked.How, asked.Who, asked.By = why, h.by.Login, h.how
	if l, joined, err = h.book.enter(tx, asked, pool); err != nil {
		return nil, false, err
	}
	switch {
	case joined && (l.Manager != "" || to == ""):
	case to == "":
		err = h.book.handOut(tx, l, pool, asked.Manager)
	case to == h.by.Login:
		err = h.Take(tx, l.ID)
	default:
		err = h.give(tx, l, pool, to)
	}
	if err != nil {
		return nil, false, err
	}
	l, err = Find(tx, l.ID)
	return l, joined, err
}

func (h *Hand) note(tx *db.Tx, id int64, kind, detail string) error {
	l, err := Find(tx, id)
	if err != nil {
		return err
	}
	return Note(tx, Entry{Lead: Ref(id), Contact: l.Contact, Kind: kind, Who: h.by.Login, Channel: h.how, Detail: detail})
}

// written checks what a person wrote: plain text on lines, no longer than most
// characters.
func written(field, s string, most int) (string, posted.Problems) {
	s = strings.TrimSpace(strings.ReplaceAll(s, "\r\n", "\n"))
	switch {
	case len(s) > most*utf8.UTFMax || utf8.RuneCountInString(s) > most:
		return "", posted.Problems{{Field: field, Text: fmt.Sprintf("is longer than %d characters", most)}}
	case !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }):
		return "", posted.Problems{{Field: field, Text: "holds characters that cannot be shown"}}
	}
	return s, nil
}
